"""A day before another of its row that it has to follow."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows, level
from perfeval.model import Finding, Severity
from schemas.columns import After

CHECK = Check(
    "X09",
    "两个日期的先后不对",
    Severity.ERROR,
    Theme.DAYS,
    "先受理后办结、先交办后销号、先审批后支付",
    others={"C37": "支付日期不在评价年度，或早于审批"},
    is_of_any_column=True,
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the later day, with the code and level that the column's constraint gives."""
    for ledger, column, after in context.constrained(After):
        first = ledger.shape.column(after.column)
        for row in faulty_rows(ledger, pl.col(column.name) < pl.col(first.name)):
            message = f"{column.header} {row[column.name]} 早于{first.header} {row[first.name]}。请核对这两个日期。"
            yield ledger.finding(after.code, level(is_warning=after.is_warning), message, row, column.name)
