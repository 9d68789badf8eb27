"""A project whose progress was not told for a month."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X21", "项目进度缺月份", Severity.WARNING, Theme.PROJECTS, "项目进度按月登记")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on each project's last row, with the months between its first and the ledger's last that it lacks."""
    ledger = context.ledgers.get("progress")
    if ledger is None:
        return
    rows = ledger.rows.drop_nulls(("project_no", "month")).sort("row").group_by("project_no", maintain_order=True)
    told = rows.agg(pl.col("month"), pl.col("row").last()).collect()
    last = max((month for months in told["month"] for month in months), default="")
    for row in told.iter_rows(named=True):
        months = [f"{context.year}-{month:02d}" for month in range(1, 13)]
        if missing := [month for month in months if min(row["month"]) < month <= last and month not in row["month"]]:
            place = {"row": row["row"], "month": max(row["month"])}
            yield CHECK.at(ledger, place, "month", f"项目 {row['project_no']} 没有 {'、'.join(missing)} 的进度。请补登。")
