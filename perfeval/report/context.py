"""What the narrative may see: text, figures as FigureValue, lists and mappings of these. No object that can do anything."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from perfeval.model import Ledger, Ledgers, Scorecard
from perfeval.report.figures import MARKS, FigureValue, Named
from perfeval.report.input import ReportInput
from perfeval.report.listing import Listing
from perfeval.settings import Unit


def build_context(report_input: ReportInput, listings: Mapping[str, Listing], printed: set[str]) -> dict[str, Any]:
    """The names a narrative can use; the ledgers whose rows it asks for are added to `printed`."""
    return {
        "year": str(report_input.year),
        "next_year": str(report_input.year + 1),
        "unit": _unit(report_input.unit, report_input.year),
        "bureau": report_input.bureau,
        "programme": report_input.programme.model_dump(),
        "basis": [document.model_dump() for document in report_input.basis],
        "duties": report_input.duties.model_dump(),
        "facts": Named({fact.id: FigureValue(fact.id, fact.value, fact.unit, fact.reason) for fact in report_input.facts.values()}),
        "card": _card(report_input.card),
        "annexes": {name: listing.counts for name, listing in listings.items()},
        "rows": _Rows(report_input.ledgers, printed),
    }


def _unit(unit: Unit, year: int) -> dict[str, Any]:
    founded_on = FigureValue("unit_founded_on", unit.founded_on, reason="perfeval.yml 的 unit 没有写 founded_on")
    is_new = unit.founded_on is not None and unit.founded_on.year == year
    return {**unit.model_dump(), "founded_on": founded_on, "founded_this_year": is_new}


def _card(card: Scorecard) -> dict[str, Any]:
    rows = [
        {
            **{name: getattr(score, name) for name in ("id", "level1", "level2", "name", "target", "actual", "explanation")},
            "weight": FigureValue(f"weight_{score.id}", score.weight, "分"),
            "score": FigureValue(f"score_{score.id}", score.score, "分"),
            "missed": score.is_missed,
            "applicable": score.is_applicable,
        }
        for score in card.scores
    ]
    execution = card.execution
    return {
        "total": FigureValue("score_total", card.total, "分"),
        "full": FigureValue("weight_total", execution.weight + sum(score.weight for score in card.scores), "分"),
        "grade": card.grade,
        "rows": rows,
        "missed": [row for row in rows if row["missed"]],
        "missed_count": FigureValue("scores_missed", Decimal(sum(bool(row["missed"]) for row in rows)), "个"),
        "left_out": [row for row in rows if not row["applicable"]],
        "levels": list(_levels(card)),
        "execution": {
            "weight": FigureValue("weight_execution", execution.weight, "分"),
            "score": FigureValue("score_execution", execution.score, "分"),
            "explanation": execution.explanation,
            "missed": execution.executed < execution.annual,
        },
    }


def _levels(card: Scorecard) -> Iterator[dict[str, Any]]:
    """Points by level 1 (一级指标), in the order of the table."""
    for number, (name, grouped) in enumerate(groupby(card.scores, key=lambda score: score.level1), start=1):
        scores = list(grouped)
        yield {
            "name": name,
            "weight": FigureValue(f"weight_level_{number}", sum((score.weight for score in scores), Decimal(0)), "分"),
            "score": FigureValue(f"score_level_{number}", sum((score.score for score in scores), Decimal(0)), "分"),
        }


class _Rows(Mapping[str, list[dict[str, Any]]]):
    """Ledger rows by English name, made only when a narrative asks for them, and then noted in `printed`."""

    def __init__(self, ledgers: Ledgers, printed: set[str]) -> None:
        self._ledgers, self._printed = ledgers, printed

    def __getitem__(self, name: str) -> list[dict[str, Any]]:
        ledger = self._ledgers[name]
        self._printed.add(name)
        return [{column: _view(ledger, row["row"], column, value) for column, value in row.items()} for row in ledger.frame.to_dicts()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ledgers)

    def __len__(self) -> int:
        return len(self._ledgers)


def _view(ledger: Ledger, row: int, column: str, value: object) -> FigureValue | str | None:
    if isinstance(value, str):
        return MARKS.sub("", value)  # the cell is told as a fault; it must not pass for a figure before
    if value is None:
        return None
    number = value if isinstance(value, date | Decimal) else Decimal(str(value))
    return FigureValue(f"{ledger.name}_r{row}_{column}", number)
