"""Progress that is everywhere as it was planned."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity


class ProgressLimits(Limits):
    """From how many rows on some should differ."""

    least: int


CHECK = Check(
    "X45", "实际进度都与计划进度一样", Severity.WARNING, Theme.PROJECTS, "实际进度照实填报，少有处处与计划相同的", limits=ProgressLimits
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on the ledger of progress."""
    ledger, limits = context.ledgers.get("progress"), context.limits_of(ProgressLimits)
    if ledger is None:
        return
    rows = ledger.rows.drop_nulls(("planned_pct", "actual_pct")).select(pl.col("planned_pct") == pl.col("actual_pct")).collect().to_series()
    if len(rows) >= limits.least and rows.all():
        yield CHECK.on(ledger, f"{len(rows)}行的实际进度与计划进度都一样。请核对实际进度是否照实填报。")
