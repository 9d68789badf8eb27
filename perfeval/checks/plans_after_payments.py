"""A plan that was drafted or reviewed after money was spent on it, or drafted after the payment was approved."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X17", "活动方案在审批、支付之后才制定或审核", Severity.WARNING, Theme.PAPERS, "资金拨付程序：先有方案、经财政审核，再支付")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the first payment of each such plan."""
    plans, expenditure = context.rows("plans"), context.ledgers.get("expenditure")
    if plans is None or expenditure is None:
        return
    ready = pl.max_horizontal("drafted_on", "reviewed_on")
    approved_early, paid_early = pl.col("approved_on") < pl.col("drafted_on"), pl.col("paid_on") < pl.col("ready")
    joined = expenditure.rows.join(plans.select("plan_no", "drafted_on", ready=ready), on="plan_no")
    early = joined.filter(approved_early | paid_early).with_columns(is_paid_early=paid_early)
    for row in early.sort("paid_on", "row").unique("plan_no", keep="first", maintain_order=True).collect().iter_rows(named=True):
        by_then = f"方案 {row['plan_no']} 的"
        paid = f"支付日期 {row['paid_on']} 早于{by_then}制定或审核日期 {row['ready']}"
        approved = f"审批日期 {row['approved_on']} 早于{by_then}制定日期 {row['drafted_on']}"
        yield CHECK.at(expenditure, row, "plan_no", f"{paid if row['is_paid_early'] else approved}。请核对日期，或说明原因。")
