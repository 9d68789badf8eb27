"""The nouns as JSON: what the command line prints and the store keeps. Decimals stay exact.

Kept documents hold Decimals as text; printed ones as numbers, because that is what a reader of JSON computes with.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from perfeval.errors import StoreError
from perfeval.model.scores import Fact, FactRecord, Facts, Scorecard, SourceRecord

T = TypeVar("T")
_PRINTED = ("id", "level1", "level2", "name", "weight", "target", "actual", "score", "explanation")


def dump(kind: type[T], value: T) -> Any:  # noqa: ANN401  # plain JSON data of any shape
    """A noun (or a list of them) as plain data for the store."""
    return _adapter(kind).dump_python(value, mode="json")


def document_digest(document: object) -> str:
    """The SHA-256 of plain data, however the store has spelled it."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def load(kind: type[T], document: object) -> T:
    """A noun (or a list of them) from the store.

    Raises: StoreError: it is not what was dumped.
    """
    try:
        return cast("T", _adapter(kind).validate_python(document))
    except ValidationError as error:
        raise _damaged(kind) from error


def dump_json(kind: type[T], value: T) -> bytes:
    """A noun (or a list of them) as a JSON file."""
    return _adapter(kind).dump_json(value, indent=1) + b"\n"


def load_json(kind: type[T], content: bytes) -> T:
    """A noun (or a list of them) from its JSON file, as `load`."""
    try:
        return cast("T", _adapter(kind).validate_json(content))
    except ValidationError as error:
        raise _damaged(kind) from error


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # a list of a noun is no class
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def _damaged(kind: type[T]) -> StoreError:
    name = getattr(kind, "__name__", str(kind))
    return StoreError("S08", f"数据库里的记录已损坏（{name}）", "从备份恢复工作区的状态文件夹。")


def record_facts(facts: Facts) -> tuple[FactRecord, ...]:
    """Facts for the store; their rows are kept beside, as a table."""
    return tuple(
        FactRecord(
            fact.id,
            None if fact.value is None else str(fact.value),
            type(fact.value).__name__,
            fact.unit,
            fact.formula,
            fact.reason,
            tuple(SourceRecord(s.ledger, s.file, s.sheet, s.digest, s.column, len(s.rows)) for s in fact.sources),
        )
        for fact in facts.values()
    )


def recorded_facts(records: Iterable[FactRecord]) -> dict[str, Fact]:
    """Facts from the store, without their rows."""
    return {item.id: Fact(item.id, _value(item.value, item.kind), item.unit, item.formula, (), item.reason) for item in records}


def _value(text: str | None, kind: str) -> Decimal | date | None:
    if text is None:
        return None
    return date.fromisoformat(text) if kind == "date" else Decimal(text)


def print_scores(facts: Facts, card: Scorecard) -> dict[str, Any]:
    """Facts and scores as `score --json` prints them; rows are `file!sheet!row`, one for each ledger row counted."""
    execution = card.execution
    return {
        "facts": {fact.id: _print_fact(fact) for fact in facts.values()},
        "scores": [{name: number(getattr(score, name)) for name in _PRINTED} for score in card.scores],
        "execution": {name: number(getattr(execution, name)) for name in ("initial", "annual", "executed", "rate", "score")},
        "adjustments": [{"rule": item.rule, "points": number(item.points), "explanation": item.explanation} for item in card.adjustments],
        "total": number(card.total),
        "grade": card.grade,
    }


def _print_fact(fact: Fact) -> dict[str, Any]:
    rows = [f"{'!'.join(filter(None, (s.file, s.sheet)))}!{row}" for s in fact.sources for row in s.rows.to_list()]
    printed = {"value": number(fact.value), "unit": fact.unit, "formula": fact.formula, "rows": rows}
    return printed if fact.reason is None else {**printed, "reason": fact.reason}


def number(value: Decimal | date | str | None) -> int | float | str | None:
    """A value as JSON has it: whole numbers without a point, dates as ISO text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date) else value
