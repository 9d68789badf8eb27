"""Facts (事实): the figures that an indicator system computes from ledgers, each with the rows it came from.

One pass per ledger: every condition and every aggregate of it in one Polars query. Amounts are added as exact decimals;
means and ratios are divided in Python, because Polars would round a Decimal quotient to two places or go through float.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import reduce
from operator import and_, or_
from types import MappingProxyType
from typing import Any

import polars as pl

from perfeval.indicators.formula import formula, place
from perfeval.indicators.measure import LoadingContext, Measure, Related
from perfeval.indicators.system import IndicatorSystem
from perfeval.model import Fact, Facts, Judgement, Ledgers, Source
from perfeval.model.identifiers import compared
from perfeval.model.numbers import plain, rounded
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
BUILT_IN_TITLES = {
    "budget_initial": "年初预算数",
    "budget_carried_over": "上年结转资金",
    "budget_other": "其他资金",
    "budget_annual": "全年预算数",
    "budget_executed": "全年执行数",
    "execution_rate": "预算执行率",
}
# What was spent of each source of funds: computed where the expenditure ledger names sources.
EXECUTED_OF = {
    "当年财政拨款": "budget_executed_fiscal",
    "上年结转资金": "budget_executed_carried_over",
    "其他资金": "budget_executed_other",
}
_SOURCED = {
    "budget_executed_fiscal": _built_in(**_EXECUTED, where="source IN ('年初预算','追加')"),
    "budget_executed_carried_over": _built_in(**_EXECUTED, where="source = '上年结转'"),
    "budget_executed_other": _built_in(**_EXECUTED, where="source = '其他资金'"),
}
# Computed where the profile caps the total by it.
_GOALS = {
    "goals_done_rate": _built_in(
        numerator={"ledger": "goals", "aggregate": "count", "where": "status = '完成'"},
        denominator={"ledger": "goals", "aggregate": "count"},
    )
}
RESERVED = (*BUILT_IN, *_SOURCED, *_GOALS)
NO_JUDGEMENTS: Mapping[str, Judgement] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """What a query found for one aggregate: the result, and how many cells it rests on."""

    value: Decimal | date | None
    cells: int


# The codes that a related ledger has, and the rows they stand in.
Codes = Mapping[Related, pl.DataFrame]
# Aggregates of one ledger and column whose rows are told together: one, or numerator and denominator.
Rows = tuple[Measure, ...]


def derive_facts(
    system: IndicatorSystem, ledgers: Ledgers, last_year: Facts | None = None, judgements: Mapping[str, Judgement] = NO_JUDGEMENTS
) -> Facts:
    """Derive every fact of an indicator system (事实), and those about the budget, from validated ledgers.

    Growth is held against the facts of last year's archive; judged rows are what a person gave them, by the indicator's id.
    A count or sum over no rows is 0; a mean, least, greatest or ratio without a base is missing, with the reason.
    """
    measures = BUILT_IN | _SOURCED | _asked_for(system) | dict(system.facts) | {row.id: row.measure for row in system.scored if row.measure}
    facts = _counted_facts(measures, {row.id: row.aim.unit for row in system.scored}, ledgers)
    if not any(len(source.rows) for name in _SOURCED for source in facts[name].sources):
        facts = {name: fact for name, fact in facts.items() if name not in _SOURCED}
    growths = {name: _growth(name, facts[measure.growth], last_year) for name, measure in measures.items() if measure.growth}
    judged = {row.id: _judged(row.id, judgements.get(row.id)) for row in system.scored if row.judged}
    return facts | growths | judged


def derive_parts(system: IndicatorSystem, ledgers: Ledgers, name: str) -> tuple[Fact, ...]:
    """The aggregates that a fact is made of, each with its own formula and rows: one, or numerator and denominator.

    Of growth those of this year's figure; none of what a person has judged.
    """
    measures = BUILT_IN | _SOURCED | _GOALS | dict(system.facts) | {row.id: row.measure for row in system.scored if row.measure}
    measure = measures.get(name)
    measure = measures[measure.growth] if measure and measure.growth else measure
    if measure is None:
        return ()
    return tuple(_counted_facts({f"part_{number}": part for number, part in enumerate(measure.parts)}, {}, ledgers).values())


def _asked_for(system: IndicatorSystem) -> dict[str, Measure]:
    return {name: measure for name, measure in _GOALS.items() if any(cap.by == name for cap in system.profile.caps)}


def _growth(name: str, now: Fact, last_year: Facts | None) -> Fact:
    """By how much percent a figure is above last year's."""
    before = (last_year or {}).get(now.id)
    told = f"（{now.formula}）比上一年度归档的同一数"
    if last_year is None:
        reason = "没有上一年度的归档"
    elif before is None or before.unit != now.unit:
        reason = "上一年度的归档没有这一数" if before is None else f"上一年度的单位是“{before.unit}”，本年是“{now.unit}”"
    elif not isinstance(now.value, Decimal) or not isinstance(before.value, Decimal):
        reason = f"本年{now.reason or '不是数'}" if not isinstance(now.value, Decimal) else f"上一年度{before.reason or '不是数'}"
    elif before.value <= 0:
        reason = f"上一年度是{plain(before.value)}{before.unit}，增长率无从计算"
    else:
        growth = EXACT.divide(EXACT.multiply(EXACT.subtract(now.value, before.value), Decimal(100)), before.value)
        return Fact(name, growth, "%", f"{told}（{rounded(before.value, 6)}{before.unit}）增长的百分比", now.sources)
    return Fact(name, None, "%", f"{told}增长的百分比", now.sources, reason, now.is_unknown)


def _judged(name: str, judgement: Judgement | None) -> Fact:
    """What a person gave a row. None given is no 0: it is unknown."""
    if judgement is None:
        return Fact(name, None, "%", "由人评定", (), "还没有评定意见", is_unknown=True)
    grounds = f"依据：{judgement.grounds.rstrip('。')}；佐证材料：{'、'.join(judgement.evidence)}"
    return Fact(name, judgement.value, "%", f"由人评定，{grounds if judgement.grounds else '还没有评定意见'}")


def _counted_facts(measures: Mapping[str, Measure], units: Mapping[str, str], ledgers: Ledgers) -> dict[str, Fact]:
    wanted: dict[str, dict[Rows, None]] = defaultdict(dict)
    for measure in measures.values():
        for rows in () if _unread(measure, ledgers) else _together(measure):
            wanted[rows[0].shape.ledger_name()][rows] = None
    codes = _codes(wanted, ledgers)
    counted: dict[Measure, _Counted] = {}
    lineage: dict[Rows, pl.Series] = {}
    for name, groups in wanted.items():
        _query(ledgers[name].rows, list(groups), codes, counted, lineage)
    return {
        name: Fact(
            name,
            value,
            measure.unit or measure.natural_unit or units.get(name, ""),
            formula(measure),
            tuple(source for rows in _together(measure) if rows in lineage for source in _sources(ledgers, rows, lineage[rows], codes)),
            reason,
            is_unknown=bool(_unread(measure, ledgers)),
            is_out_of_nothing=value is None and not _unread(measure, ledgers) and _is_out_of_nothing(measure, counted),
        )
        for name, measure in measures.items()
        if not measure.growth
        for value, reason in (_value(measure, counted, ledgers),)
    }


def _together(measure: Measure) -> list[Rows]:
    groups: dict[tuple[object, ...], Rows] = {}
    for part in measure.parts:
        key = (part.ledger, *part.columns)
        groups[key] = (*groups.get(key, ()), part)
    return list(groups.values())


def _codes(wanted: Mapping[str, Iterable[Rows]], ledgers: Ledgers) -> Codes:
    related = {item for groups in wanted.values() for rows in groups for part in rows for item in part.found_in}
    return {
        item: ledgers[item.ledger.ledger_name()]
        .rows.filter(item.where.expression if item.where else pl.lit(value=True))
        .select("row", compared(pl.col(item.by.name)).alias("code"))
        .drop_nulls()
        .collect()
        for item in related
    }


def _query(frame: pl.LazyFrame, wanted: list[Rows], codes: Codes, counted: dict[Measure, _Counted], lineage: dict[Rows, pl.Series]) -> None:
    """Run everything that is wanted of one ledger at once."""
    parts = list(dict.fromkeys(part for rows in wanted for part in rows))
    masks = {part: pl.col(f"{number}?") for number, part in enumerate(parts)}
    found = (
        frame.with_columns(_mask(part, codes).alias(f"{number}?") for number, part in enumerate(parts))
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


def _mask(part: Measure, codes: Codes) -> pl.Expr:
    """The rows that count: the condition holds, there is a value where one is needed, and their codes stand where they should."""
    condition = part.where.expression if part.where else pl.lit(value=True)
    found = (compared(pl.col(item.by.name)).is_in(codes[item]["code"].unique().implode()).fill_null(value=False) for item in part.found_in)
    filled = (pl.col(column.name).is_not_null() for column in part.columns if not column.required)
    return reduce(and_, (*filled, *found), condition)


def _aggregate(part: Measure, mask: pl.Expr) -> pl.Expr:
    if not part.columns:
        return mask.sum()
    first, last = (pl.col(column.name) for column in (part.columns[0], part.columns[-1]))
    values = ((last - first).dt.total_days() if part.days else first).filter(mask)
    if part.aggregate in ("sum", "mean"):
        # Int64 sums wrap without a word; Decimal sums have 38 digits.
        return (values.cast(pl.Int128) if part.days or part.columns[0].kind is Kind.COUNT else values).sum()
    return {"min": values.min(), "max": values.max(), "n_unique": values.n_unique()}[part.aggregate or ""]


def _value(measure: Measure, counted: dict[Measure, _Counted], ledgers: Ledgers) -> tuple[Decimal | date | None, str | None]:
    """The value; or None and why there is none."""
    if missing := _unread(measure, ledgers):
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
        base = measure.parts[1]
        nothing = f"没有{place(base)}的记录" if base.aggregate in ("count", "n_unique") else f"{formula(base)}为0"
        return None, f"{f'{formula(measure.parts[0])}不是0，却' if above else ''}{nothing}，无从计算"
    return EXACT.divide(EXACT.multiply(above, measure.factor), below), None


def _is_out_of_nothing(measure: Measure, counted: dict[Measure, _Counted]) -> bool:
    """Whether a ratio has something above and nothing below."""
    return measure.is_ratio and bool(counted[measure.parts[0]].value) and counted[measure.parts[1]].value == 0


def _unread(measure: Measure, ledgers: Ledgers) -> list[str]:
    """The ledgers it needs and that were not received."""
    return [shape.ledger_title() for part in measure.parts for shape in part.shapes if shape.ledger_name() not in ledgers]


def _single(part: Measure, counted: _Counted) -> Decimal | date | None:
    if part.aggregate in ("mean", "min", "max") and not counted.cells:
        return None
    if part.aggregate == "mean" and isinstance(counted.value, Decimal):
        return EXACT.divide(counted.value, counted.cells)
    return counted.value


def _sources(ledgers: Ledgers, rows: Rows, numbers: pl.Series, codes: Codes) -> Iterator[Source]:
    ledger = ledgers[rows[0].shape.ledger_name()]
    for name in tuple(column.name for column in rows[0].columns) or (None,):
        yield Source(ledger.name, ledger.file, ledger.sheet, ledger.digest, name, numbers)
    for item in dict.fromkeys(item for part in rows for item in part.found_in):
        other = ledgers[item.ledger.ledger_name()]
        yield Source(other.name, other.file, other.sheet, other.digest, item.by.name, codes[item]["row"])
