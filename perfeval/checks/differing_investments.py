"""A project's investment of the year that its months do not add up to."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity
from perfeval.model.numbers import in_wan


class InvestmentLimits(Limits):
    """By how much (percent) the year may differ from its months."""

    pct: Decimal


CHECK = Check("X30", "年度完成投资与各月合计不符", Severity.WARNING, Theme.PROJECTS, "两本台账的同一数相符", limits=InvestmentLimits)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such project; one without months, or with a month that was not told, is left alone."""
    projects, progress, limits = context.ledgers.get("projects"), context.rows("progress"), context.limits_of(InvestmentLimits)
    if projects is None or progress is None:
        return
    months = progress.group_by("project_no").agg(built=pl.col("completed_yuan").sum(), blanks=pl.col("completed_yuan").null_count())
    told = projects.rows.join(months.filter(pl.col("blanks") == 0), on="project_no").drop_nulls("annual_completed_yuan").sort("row")
    for row in told.collect().iter_rows(named=True):
        if abs(row["built"] - row["annual_completed_yuan"]) * 100 > max(row["built"], row["annual_completed_yuan"]) * limits.pct:
            year, built = (in_wan(row[name]) for name in ("annual_completed_yuan", "built"))
            message = f"项目 {row['project_no']} 年度完成投资 {year} 万元，各月合计 {built} 万元。请核对。"
            yield CHECK.at(projects, row, "annual_completed_yuan", message)
