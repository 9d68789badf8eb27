"""The evaluated year (评价年度): what must lie in it, and ledgers that are another year's altogether."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows, level
from perfeval.model import Finding, Ledger, Severity
from schemas import Column, Kind
from schemas.columns import Within
from schemas.conditions import row_condition

CHECK = Check(
    "X10",
    "日期不在评价年度内",
    Severity.ERROR,
    Theme.DAYS,
    "自评只算评价年度内的事",
    others={"X14": "台账是另一年度的"},
    is_of_any_column=True,
)
_NEARLY_ALL = 0.9
_FEWEST = 2
"""A single day in another year is better told at its cell."""


@dataclass(frozen=True, slots=True)
class _Days:
    """A column of days or months of the year, and how many lie in which; those that may lie where they do are counted as the year's."""

    ledger: Ledger
    column: Column
    within: Within
    years: Counter[int]


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each day or month of another year, with the constraint's code and level; X14 where nearly all of them are."""
    constrained = list(context.constrained(Within))
    # Days are counted where one of them is outside only: that there is none is found faster.
    outside = [ledger.rows.select(_outside(context, ledger, column, within).any()) for ledger, column, within in constrained]
    if not any(found.item() for found in pl.collect_all(outside)):
        return
    by_ledger: dict[str, list[_Days]] = {}
    for ledger, column, within in constrained:
        by_ledger.setdefault(ledger.name, []).append(_Days(ledger, column, within, _count(context, ledger, column, within)))
    if year := _common_year(context, by_ledger.values()):
        message = f"台账是{year}年度的，本次评价的是{context.year}年度。请核对评价年度；年度没有错的，请换上{context.year}年度的台账。"
        yield Finding("X14", Severity.ERROR, message)
        return
    for columns in by_ledger.values():
        if year := _other_year(context, _total(columns)):
            headers = "、".join(days.column.header for days in columns)
            message = f"{headers}几乎都在{year}年，本次评价的是{context.year}年度。请核对是否放错了年度的台账，或改正日期。"
            is_warning = all(days.within.is_warning for days in columns)
            yield columns[0].ledger.finding("X14", level(is_warning=is_warning), message)
        else:
            for days in columns:
                yield from _findings(context, days)


def _count(context: CheckContext, ledger: Ledger, column: Column, within: Within) -> Counter[int]:
    counts = ledger.rows.filter(_counts(ledger, within)).group_by(_year(column)).len().drop_nulls().collect().rows()
    years: Counter[int] = Counter()
    for year, count in counts:
        years[context.year if year in _allowed(context, within) else year] += count
    return years


def _common_year(context: CheckContext, ledgers: Iterable[list[_Days]]) -> int | None:
    """The other year that several ledgers agree on; those that may lie in the next year, such as surveys, have no say."""
    totals = [_total(days for days in columns if days.within.years == "year") for columns in ledgers]
    strict = [years for years in totals if years]
    if len(strict) == 1 or any(years[context.year] > years.total() * (1 - _NEARLY_ALL) for years in strict):
        return None
    return _other_year(context, sum(strict, Counter()))


def _other_year(context: CheckContext, years: Counter[int]) -> int | None:
    """The year in which nearly all of some days lie, where it is not the evaluated one."""
    year, count = max(years.items(), key=lambda item: item[1], default=(context.year, 0))
    return year if year != context.year and count >= max(years.total() * _NEARLY_ALL, _FEWEST) else None


def _total(columns: Iterable[_Days]) -> Counter[int]:
    return sum((days.years for days in columns), Counter())


def _findings(context: CheckContext, days: _Days) -> Iterator[Finding]:
    """A finding at every cell outside the year."""
    ledger, column, within = days.ledger, days.column, days.within
    year = f"{context.year} 年或次年" if within.years == "year_or_next" else f"{context.year} 年"
    what = "，却按本年的成绩统计。请核对日期和有关的栏目。" if within.when else f"。请核对{column.kind}；不属于本年的请移出台账。"
    for row in faulty_rows(ledger, _outside(context, ledger, column, within)):
        message = f"{column.header} {row[column.name]} 不在评价年度 {year}内{what}"
        yield ledger.finding(within.code, level(is_warning=within.is_warning), message, row, column.name)


def _outside(context: CheckContext, ledger: Ledger, column: Column, within: Within) -> pl.Expr:
    return _counts(ledger, within) & ~_year(column).is_in(_allowed(context, within))


def _allowed(context: CheckContext, within: Within) -> list[int]:
    return [context.year, context.year + 1] if within.years == "year_or_next" else [context.year]


def _counts(ledger: Ledger, within: Within) -> pl.Expr:
    """The rows that count for the year."""
    return row_condition(within.when, ledger.shape) if within.when else pl.lit(value=True)


def _year(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    return value.str.head(4).cast(pl.Int32) if column.kind is Kind.MONTH else value.dt.year()
