"""Facts (事实): the figures that an indicator system computes from ledgers, each with the rows it came from.

One pass per ledger: every condition and every aggregate of it in one Polars query. Amounts are added as exact decimals;
means and ratios are divided in Python, because Polars would round a Decimal quotient to two places or go through float.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import reduce
from operator import and_, or_
from typing import Any

import polars as pl

from perfeval.indicators.formula import formula, place
from perfeval.indicators.measure import LoadingContext, Measure
from perfeval.indicators.system import IndicatorSystem
from perfeval.model import Fact, Facts, Ledgers, Source
from schemas import DEFAULT, Kind

# 28 digits whatever the caller's decimal context; scores are rounded once, where the profile says so.
EXACT = Context(prec=28)


def _built_in(**written: Any) -> Measure:  # noqa: ANN401  # as it would stand in YAML
    return Measure.model_validate(written, context=LoadingContext({}, DEFAULT, year=2000))  # none of them names a year


_BUDGET = {"ledger": "budget", "aggregate": "sum", "column": "amount_yuan"}
_EXECUTED = {"ledger": "expenditure", "aggregate": "sum", "column": "amount_yuan"}
# 全年预算数 is the sum of all rows, because the ledger writes 调减 as a negative amount (财预〔2020〕10号).
BUILT_IN = {
    "budget_initial": _built_in(**_BUDGET, where="source = '年初预算'"),
    "budget_carried_over": _built_in(**_BUDGET, where="source = '上年结转'"),
    "budget_other": _built_in(**_BUDGET, where="source = '其他资金'"),
    "budget_annual": _built_in(**_BUDGET),
    "budget_executed": _built_in(**_EXECUTED),
    "execution_rate": _built_in(numerator=_EXECUTED, denominator=_BUDGET),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """What a query found for one aggregate: the result, and how many cells it rests on."""

    value: Decimal | date | None
    cells: int


# Aggregates of one ledger and column whose rows are told together: one, or numerator and denominator.
Rows = tuple[Measure, ...]


def derive_facts(system: IndicatorSystem, ledgers: Ledgers) -> Facts:
    """Derive every fact of an indicator system (事实), and those about the budget, from validated ledgers.

    A count or sum over no rows is 0; a mean, least, greatest or ratio without a base is missing, with the reason.
    """
    measures = BUILT_IN | dict(system.facts) | {row.id: row.measure for row in system.scored if row.measure}
    units = {row.id: row.aim.unit for row in system.scored}
    wanted: dict[str, dict[Rows, None]] = defaultdict(dict)
    for measure in measures.values():
        for rows in _together(measure):
            wanted[rows[0].shape.ledger_name()][rows] = None
    counted: dict[Measure, _Counted] = {}
    lineage: dict[Rows, pl.Series] = {}
    for name in wanted.keys() & ledgers.keys():
        _query(ledgers[name].rows, list(wanted[name]), counted, lineage)
    return {
        name: Fact(
            name,
            value,
            measure.unit or measure.natural_unit or units.get(name, ""),
            formula(measure),
            tuple(source for rows in _together(measure) if rows in lineage for source in _sources(ledgers, rows, lineage[rows])),
            reason,
        )
        for name, measure in measures.items()
        for value, reason in (_value(measure, counted),)
    }


def _together(measure: Measure) -> list[Rows]:
    groups: dict[tuple[object, ...], Rows] = {}
    for part in measure.parts:
        key = (part.ledger, *part.columns)
        groups[key] = (*groups.get(key, ()), part)
    return list(groups.values())


def _query(frame: pl.LazyFrame, wanted: list[Rows], counted: dict[Measure, _Counted], lineage: dict[Rows, pl.Series]) -> None:
    """Run everything that is wanted of one ledger at once."""
    parts = list(dict.fromkeys(part for rows in wanted for part in rows))
    masks = {part: pl.col(f"{number}?") for number, part in enumerate(parts)}
    found = (
        frame.with_columns(_mask(part).alias(f"{number}?") for number, part in enumerate(parts))
        .select(
            *(_aggregate(part, masks[part]).alias(f"{number}=") for number, part in enumerate(parts)),
            *(masks[part].sum().alias(f"{number}#") for number, part in enumerate(parts)),
            *(
                pl.col("row").filter(reduce(or_, (masks[part] for part in rows))).implode().alias(f"{number}rows")
                for number, rows in enumerate(wanted)
            ),
        )
        .collect()
    )
    for number, part in enumerate(parts):
        value = found[f"{number}="][0]
        counted[part] = _Counted(Decimal(value) if isinstance(value, int) else value, found[f"{number}#"][0])
    lineage |= {rows: found[f"{number}rows"][0] for number, rows in enumerate(wanted)}


def _mask(part: Measure) -> pl.Expr:
    """The rows that count: the condition holds, and there is a value where one is needed."""
    condition = part.where.expression if part.where else pl.lit(value=True)
    return reduce(and_, (pl.col(column.name).is_not_null() for column in part.columns if not column.required), condition)


def _aggregate(part: Measure, mask: pl.Expr) -> pl.Expr:
    if not part.columns:
        return mask.sum()
    first, last = (pl.col(column.name) for column in (part.columns[0], part.columns[-1]))
    values = ((last - first).dt.total_days() if part.days else first).filter(mask)
    if part.aggregate in ("sum", "mean"):
        # Int64 sums wrap without a word; Decimal sums have 38 digits.
        return (values.cast(pl.Int128) if part.days or part.columns[0].kind is Kind.COUNT else values).sum()
    return {"min": values.min(), "max": values.max(), "n_unique": values.n_unique()}[part.aggregate or ""]


def _value(measure: Measure, counted: dict[Measure, _Counted]) -> tuple[Decimal | date | None, str | None]:
    """The value; or None and why there is none."""
    missing = [part.shape.ledger_title() for part in measure.parts if part not in counted]
    if missing:
        return None, f"没有收到{'、'.join(dict.fromkeys(missing))}"
    values = [_single(part, counted[part]) for part in measure.parts]
    for part, value in zip(measure.parts, values, strict=True):
        if value is None:
            return None, f"{place(part)}没有可统计的行"
    if not measure.is_ratio:
        return values[0], None
    above, below = values
    if not isinstance(above, Decimal) or not isinstance(below, Decimal):
        raise TypeError(f"{measure} is no ratio of numbers")  # loading has excluded days
    if below == 0:
        return None, f"分母为0：{formula(measure.parts[1])}，得0"
    return EXACT.divide(EXACT.multiply(above, measure.factor), below), None


def _single(part: Measure, counted: _Counted) -> Decimal | date | None:
    if part.aggregate in ("mean", "min", "max") and not counted.cells:
        return None
    if part.aggregate == "mean" and isinstance(counted.value, Decimal):
        return EXACT.divide(counted.value, counted.cells)
    return counted.value


def _sources(ledgers: Ledgers, rows: Rows, numbers: pl.Series) -> list[Source]:
    ledger = ledgers[rows[0].shape.ledger_name()]
    names = tuple(column.name for column in rows[0].columns) or (None,)
    return [Source(ledger.name, ledger.file, ledger.sheet, ledger.digest, name, numbers) for name in names]
