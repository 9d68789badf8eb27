"""A document number of another year than the document's day."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity
from schemas.columns import NumberedIn

CHECK = Check(
    "X40", "文号的年份与日期不符", Severity.WARNING, Theme.DAYS, "GB/T 9704-2012 7.2.5：年份、发文顺序号按发文年度编", is_of_any_column=True
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding for each such number and day, at the first of its rows; a number without a year in brackets is told for its form."""
    for ledger, column, numbered in context.constrained(NumberedIn):
        day = ledger.shape.column(numbered.column)
        year = pl.col(column.name).str.extract("〔([0-9]{4})〕").cast(pl.Int32)
        wrong = ledger.rows.filter(year != pl.col(day.name).dt.year())
        for found in wrong.group_by(column.name, day.name, maintain_order=True).agg("row").collect().iter_rows(named=True):
            row, rows = {**found, "row": found["row"][0]}, found["row"]
            told = f"{column.header}“{row[column.name]}”的年份不是{day.header} {row[day.name]} 的年份"
            message = f"{told}{f'，见{listed(rows)}' if len(rows) > 1 else ''}。请按原件核对。"
            yield CHECK.at(ledger, row, column.name, message, len(rows))
