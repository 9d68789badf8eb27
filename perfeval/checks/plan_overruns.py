"""More spent on an activity than its plan allows."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X07", "支出超过活动方案预算", Severity.WARNING, Theme.MONEY, "活动方案和资金拨付程序：支出以审核过的方案预算为限")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such plan's budget."""
    plans, expenditure = context.ledgers.get("plans"), context.rows("expenditure")
    if plans is None or expenditure is None:
        return
    spent = expenditure.group_by("plan_no").agg(spent=pl.col("amount_yuan").sum())
    over = plans.rows.join(spent, on="plan_no").filter(pl.col("spent") > pl.col("budget_yuan")).sort("row")
    for row in over.collect().iter_rows(named=True):
        message = f"方案 {row['plan_no']} 已支出 {row['spent']:,} 元，超过方案预算 {row['budget_yuan']:,} 元。请核对，或说明原因。"
        yield CHECK.at(plans, row, "budget_yuan", message)
