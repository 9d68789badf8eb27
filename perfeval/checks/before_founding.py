"""What is told of a unit before there was one."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity
from perfeval.model.numbers import written_day
from schemas import Kind
from schemas.columns import Within

CHECK = Check("X44", "日期早于单位成立", Severity.WARNING, Theme.DAYS, "单位成立以前的事不是本单位的成绩")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding for each column of days that all count for the year, at the first day before the unit was founded."""
    if context.founded_on is None:
        return
    for ledger, column, within in context.constrained(Within):
        if within.when or column.kind is not Kind.DAY:
            continue
        early = ledger.rows.filter(pl.col(column.name) < context.founded_on).select("row", column.name).collect()
        if not early.is_empty():
            founded = f"单位{written_day(context.founded_on)}成立，{column.header}有{early.height}个在此以前"
            message = f"{founded}，见{listed(early['row'].to_list())}。请核对是不是本单位的事。"
            yield CHECK.at(ledger, early.row(0, named=True), column.name, message, early.height)
