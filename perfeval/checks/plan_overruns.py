"""More spent on an activity than its plan allows."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared

CHECK = Check("X07", "支出超过活动方案预算", Severity.WARNING, Theme.MONEY, "活动方案和资金拨付程序：支出以审核过的方案预算为限")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such plan's budget."""
    plans, expenditure = context.ledgers.get("plans"), context.rows("expenditure")
    if plans is None or expenditure is None:
        return
    # Few plans stand in many rows: their numbers are compared once they are grouped.
    spent = expenditure.group_by("plan_no").agg(spent=pl.col("amount_yuan").sum())
    key = compared(pl.col("plan_no")).alias("key")
    spent = spent.group_by(key).agg(pl.col("spent").sum())
    over = plans.rows.with_columns(key).join(spent, on="key").filter(pl.col("spent") > pl.col("budget_yuan")).sort("row")
    for row in over.collect().iter_rows(named=True):
        message = f"方案 {row['plan_no']} 已支出 {row['spent']:,} 元，超过方案预算 {row['budget_yuan']:,} 元。请核对，或说明原因。"
        yield CHECK.at(plans, row, "budget_yuan", message)
