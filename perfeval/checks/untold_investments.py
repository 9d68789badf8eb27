"""A project without its investments of the year, which sums then leave out; one in preparation often has none."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("X12", "项目没有填写本年投资", Severity.WARNING, Theme.PROJECTS, "投资完成率以各项目本年投资合计")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each empty cell."""
    ledger = context.ledgers.get("projects")
    if ledger is None:
        return
    for column in ("annual_planned_yuan", "annual_completed_yuan"):
        header = ledger.shape.column(column).header.removesuffix("（万元）")
        message = f"{header}没有填写，合计时不计入。请补填；确实没有的填0。"
        for row in faulty_rows(ledger, pl.col("stage").ne_missing("前期") & pl.col(column).is_null()):
            yield CHECK.at(ledger, row, column, message)
