"""The evaluated year (评价年度): what must lie in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from perfeval.checks.context import CheckContext, faulty_rows, finding_at, level
from perfeval.model import Finding, Ledger
from schemas import Column, Kind
from schemas.columns import Within
from schemas.conditions import row_condition


@dataclass(frozen=True, slots=True)
class _Days:
    """A column of days or months of the year, and how many lie in which; those that may lie where they do are counted as the year's."""

    ledger: Ledger
    column: Column
    within: Within
    years: Counter[int]


def find_other_years(context: CheckContext) -> Iterator[Finding]:
    """C37, X10, X11: a day or month of another year than the evaluated one."""
    for ledger, column, within in context.constrained(Within):
        yield from _outside(context, _Days(ledger, column, within, _count(context, ledger, column, within)))


def _count(context: CheckContext, ledger: Ledger, column: Column, within: Within) -> Counter[int]:
    counts = ledger.rows.filter(_counts(ledger, within)).group_by(_year(column)).len().drop_nulls().collect().rows()
    years: Counter[int] = Counter()
    for year, count in counts:
        years[context.year if year in _allowed(context, within) else year] += count
    return years


def _outside(context: CheckContext, days: _Days) -> Iterator[Finding]:
    """A finding at every cell outside the year."""
    if days.years.keys() <= {context.year}:
        return
    ledger, column, within = days.ledger, days.column, days.within
    year = f"{context.year} 年或次年" if within.years == "year_or_next" else f"{context.year} 年"
    what = "却按本年的成绩统计。请核对日期和有关的栏目。" if within.when else f"请核对{column.kind}；不属于本年的请移出台账。"
    link = "，" if within.when else "。"
    outside = ~_year(column).is_in(_allowed(context, within))
    for row in faulty_rows(ledger, _counts(ledger, within) & outside):
        message = f"{column.header} {row[column.name]} 不在评价年度 {year}内{link}{what}"
        yield finding_at(ledger, row, column.name, within.code, message, level(is_warning=within.is_warning))


def _allowed(context: CheckContext, within: Within) -> list[int]:
    return [context.year, context.year + 1] if within.years == "year_or_next" else [context.year]


def _counts(ledger: Ledger, within: Within) -> pl.Expr:
    """The rows that count for the year."""
    return row_condition(within.when, ledger.shape) if within.when else pl.lit(value=True)


def _year(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    return value.str.head(4).cast(pl.Int32) if column.kind is Kind.MONTH else value.dt.year()
