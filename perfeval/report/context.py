"""What the narrative may see: text, figures as FigureValue, lists and mappings of these. No object that can do anything."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from perfeval.model import Ledger, Ledgers, Scorecard
from perfeval.report.figures import FigureValue, Named
from perfeval.report.input import ReportInput
from perfeval.report.progress import Colour, Standing
from perfeval.settings import Unit


def build_context(report_input: ReportInput, standings: Sequence[Standing]) -> dict[str, Any]:
    """The names a narrative can use."""
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
        "progress": {name: _count(name, colour, standings) for name, colour in _COLOURS.items()},
        "rows": _Rows(report_input.ledgers),
    }


def _unit(unit: Unit, year: int) -> dict[str, Any]:
    founded_on = FigureValue("unit_founded_on", unit.founded_on, reason="perfeval.yml 的 unit 没有写 founded_on")
    is_new = unit.founded_on is not None and unit.founded_on.year == year
    return {**unit.model_dump(), "founded_on": founded_on, "founded_this_year": is_new}


_COLOURS = {"green": Colour.GREEN, "yellow": Colour.YELLOW, "red": Colour.RED, "none": None}


def _count(name: str, colour: Colour | None, standings: Sequence[Standing]) -> FigureValue:
    return FigureValue(f"progress_{name}", Decimal(sum(standing.colour is colour for standing in standings)), "个")


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
    """Ledger rows by English name, made only when a narrative asks for them."""

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers

    def __getitem__(self, name: str) -> list[dict[str, Any]]:
        ledger = self._ledgers[name]
        return [{column: _view(ledger, row["row"], column, value) for column, value in row.items()} for row in ledger.frame.to_dicts()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ledgers)

    def __len__(self) -> int:
        return len(self._ledgers)


def _view(ledger: Ledger, row: int, column: str, value: object) -> FigureValue | str | None:
    if value is None or isinstance(value, str):
        return value
    number = value if isinstance(value, date | Decimal) else Decimal(str(value))
    return FigureValue(f"{ledger.name}_r{row}_{column}", number)
