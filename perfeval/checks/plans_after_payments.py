"""A plan that was drafted or reviewed after money was spent on it."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X17", "活动方案在支付之后才制定或审核", Severity.WARNING, Theme.PAPERS, "资金拨付程序：先有方案、经财政审核，再支付")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the first payment of each such plan."""
    plans, expenditure = context.rows("plans"), context.ledgers.get("expenditure")
    if plans is None or expenditure is None:
        return
    ready = pl.max_horizontal("drafted_on", "reviewed_on")
    early = expenditure.rows.join(plans.select("plan_no", ready=ready), on="plan_no").filter(pl.col("paid_on") < pl.col("ready"))
    for row in early.sort("paid_on", "row").unique("plan_no", keep="first", maintain_order=True).collect().iter_rows(named=True):
        message = f"支付日期 {row['paid_on']} 早于方案 {row['plan_no']} 的制定或审核日期 {row['ready']}。请核对日期，或说明原因。"
        yield CHECK.at(expenditure, row, "plan_no", message)
