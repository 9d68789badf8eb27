"""What the narrative may see: text, figures as FigureValue, lists and mappings of these. No object that can do anything."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from perfeval.explanations import key_of
from perfeval.model import Ledger, Ledgers, Scorecard, Severity
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
        "findings": _findings(report_input),
        "reasons": _Told({key: item.text for key, item in (report_input.reasons or {}).items()}),
        "recorded": _Told(report_input.recorded),
    }


def _unit(unit: Unit, year: int) -> dict[str, Any]:
    founded_on = FigureValue("unit_founded_on", unit.founded_on, reason="perfeval.yml 的 unit 没有写 founded_on")
    is_new = unit.founded_on is not None and unit.founded_on.year == year
    return {**unit.model_dump(), "founded_on": founded_on, "founded_this_year": is_new}


class _Told(dict[str, str]):
    """Recorded texts by key; where nothing is recorded, there is nothing to print."""

    def __missing__(self, name: str) -> str:
        return ""


class _Found(dict[str, Any]):
    """Findings by code; of a code that nobody gave there are none."""

    def __missing__(self, name: str) -> list[Any]:
        return []


def _findings(report_input: ReportInput) -> _Found:
    """What the checks found, by code and, under `theme`, by theme: where, what the code means, and the reason recorded for it.

    Their messages are not here: they tell the clerk what to do. `told` holds the codes that checks found, each with its number;
    how a file was read is nothing to report, and what has no theme is told elsewhere.
    """
    by_code, by_theme, reasons = _Found(), _Found(), report_input.reasons or {}
    for finding in report_input.findings:
        if finding.severity is Severity.NOTE:
            continue
        meaning, theme, _ = report_input.codes.get(finding.code, _UNKNOWN)
        reason = reasons.get(key_of(finding))
        item = {
            "code": finding.code,
            "column": finding.column or "",
            "ledger": finding.ledger or "",
            "meaning": meaning,
            "reason": reason.text if reason else "",
            "count": finding.count,
        }
        by_code.setdefault(finding.code, []).append(item)
        by_theme.setdefault(theme, []).append(item)
    told = [
        {
            **items[0],
            "ledger": _joined(items, "ledger"),
            "meaning": _meaning(items, is_of_any_column=report_input.codes[code][2]),
            "count": FigureValue(f"findings_{code}", Decimal(sum(item["count"] for item in items)), "处"),
            "reasons": list(dict.fromkeys(item["reason"] for item in items if item["reason"])),
        }
        for code, items in sorted(by_code.items())
        if report_input.codes.get(code, _UNKNOWN)[1]
    ]
    return _Found(by_code, theme=by_theme, told=told)


_UNKNOWN = ("", "", False)


def _meaning(items: Sequence[Mapping[str, Any]], *, is_of_any_column: bool) -> str:
    """What a code means, with the columns where it says nothing without them."""
    columns = _joined(items, "column") if is_of_any_column else ""
    return f"{items[0]['meaning']}（{columns}）" if columns else str(items[0]["meaning"])


def _joined(items: Sequence[Mapping[str, Any]], name: str) -> str:
    return "、".join(dict.fromkeys(item[name] for item in items if item[name]))


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
        "adjustments": [
            {"rule": item.rule, "points": FigureValue(f"adjustment_{place}", item.points, "分"), "explanation": item.explanation}
            for place, item in enumerate(card.adjustments, start=1)
        ],
        "missed": [row for row in rows if row["missed"]],
        "missed_count": FigureValue("scores_missed", Decimal(sum(bool(row["missed"]) for row in rows)), "个"),
        "left_out": [row for row in rows if not row["applicable"]],
        "levels": list(_levels(card)),
        "execution": {
            "weight": FigureValue("weight_execution", execution.weight, "分"),
            "score": FigureValue("score_execution", execution.score, "分"),
            "explanation": execution.explanation,
            "left": FigureValue("budget_left", execution.annual - execution.executed, "元"),
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
