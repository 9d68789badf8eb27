"""Progress of key projects in colour (进度分色): where each project stands at its last reported month of the year."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import polars as pl

from perfeval.model import Ledgers
from perfeval.report.narrative import Bands


class Colour(Enum):
    """How a project stands: the word and the colour behind it."""

    GREEN = ("正常", "92D050")
    YELLOW = ("滞后", "FFFF00")
    RED = ("严重滞后", "C00000")

    @property
    def word(self) -> str:
        """The word in the table."""
        return self.value[0]

    @property
    def fill(self) -> str:
        """The colour of the cell, as RGB."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Standing:
    """A project's ledger row, the row of its last reported month of the year, and its colour; both None where nothing was reported."""

    project: dict[str, Any]
    last: dict[str, Any] | None
    colour: Colour | None


def stand(ledgers: Ledgers, year: int, bands: Bands) -> list[Standing]:
    """Every project of the ledger, in its order, with its last month."""
    progress = ledgers["progress"].frame.filter(pl.col("month").str.starts_with(f"{year}-")).sort("month", "row")
    lasts = {row["project_no"]: row for row in progress.to_dicts()}
    projects = [(project, lasts.get(project["project_no"])) for project in ledgers["projects"].frame.to_dicts()]
    return [Standing(project, last, _colour(last, bands)) for project, last in projects]


def _colour(last: dict[str, Any] | None, bands: Bands) -> Colour | None:
    if last is None:
        return None
    planned, actual = last["planned_pct"], last["actual_pct"]
    if actual >= planned:
        return Colour.GREEN
    return Colour.YELLOW if planned - actual < bands.slow_pct else Colour.RED
