"""More invested in a year than the whole project is to cost."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity
from perfeval.model.numbers import in_wan

CHECK = Check("X31", "年度投资大于总投资", Severity.WARNING, Theme.PROJECTS, "年度投资是总投资的一部分")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such amount, planned or completed."""
    if ledger := context.ledgers.get("projects"):
        for column in ("annual_planned_yuan", "annual_completed_yuan"):
            for row in faulty_rows(ledger, pl.col(column) > pl.col("total_investment_yuan")):
                header, whole = ledger.shape.column(column).header, in_wan(row["total_investment_yuan"])
                yield CHECK.at(ledger, row, column, f"{header} {in_wan(row[column])} 大于总投资 {whole}。请核对。")
