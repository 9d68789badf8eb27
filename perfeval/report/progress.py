"""Progress of key projects in colour (进度分色): where each project stands at its last reported month of the year."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import polars as pl

from perfeval.model import Ledgers
from perfeval.report.narrative import Bands


class Colour(Enum):
    """The word, its fill, and whether the word is white on it."""

    GREEN = ("正常", "92D050", False)
    YELLOW = ("滞后", "FFFF00", False)
    RED = ("严重滞后", "C00000", True)


@dataclass(frozen=True, slots=True)
class Standing:
    """One project and its last month of the year; `colour` is None, and so is `month`, where no progress was reported."""

    project: dict[str, Any]
    month: str | None
    planned_pct: Decimal | None
    actual_pct: Decimal | None
    problem: str | None
    colour: Colour | None


def stand(ledgers: Ledgers, year: int, bands: Bands) -> list[Standing]:
    """Every project of the ledger, in its order, with its last month."""
    progress = ledgers["progress"].frame.filter(pl.col("month").str.starts_with(f"{year}-")).sort("month", "row")
    last = {row["project_no"]: row for row in progress.to_dicts()}
    return [_standing(project, last.get(project["project_no"]), bands) for project in ledgers["projects"].frame.to_dicts()]


def _standing(project: dict[str, Any], last: dict[str, Any] | None, bands: Bands) -> Standing:
    if last is None:
        return Standing(project, None, None, None, None, None)
    planned, actual = last["planned_pct"], last["actual_pct"]
    return Standing(project, last["month"], planned, actual, last["problem"], _colour(planned, actual, bands))


def _colour(planned: Decimal, actual: Decimal, bands: Bands) -> Colour:
    if actual >= planned:
        return Colour.GREEN
    return Colour.YELLOW if planned - actual < bands.slow_pct else Colour.RED
