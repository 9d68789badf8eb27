"""One purchase paid in parts (拆分), each of them below the limit."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared


class SplitLimits(Limits):
    """Below which amount a payment needs no further procedure, and within how many days parts belong together."""

    yuan: Decimal
    days: int


CHECK = Check(
    "C42",
    "短时间内向同一收款人几次支付，疑似拆分",
    Severity.WARNING,
    Theme.PAPERS,
    "《政府采购法》第二十八条：不得化整为零",
    limits=SplitLimits,
)
_OF_ONE = ("to", "category")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding for each payee and purpose paid twice on a day, or in a few days by parts below the limit up to the limit."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(SplitLimits)
    if ledger is None:
        return
    paid = ledger.rows.filter(pl.col("amount_yuan") > 0).drop_nulls(("payee", "category", "paid_on", "amount_yuan"))
    paid = paid.with_columns(compared(pl.col("payee")).alias("to"))
    same_day = (pl.col("paid_on") == pl.col("paid_on").last()).sum()
    parts = paid.sort(*_OF_ONE, "paid_on", "row").rolling("paid_on", period=f"{limits.days}d", group_by=_OF_ONE)
    sums = parts.agg("row", pl.col("payee").last(), total=pl.col("amount_yuan").sum(), most=pl.col("amount_yuan").max(), same_day=same_day)
    reaches = (pl.col("total") >= limits.yuan) & (pl.col("most") < limits.yuan)
    split = sums.filter(pl.col("row").list.len() > 1, (pl.col("same_day") > 1) | reaches)
    # Of windows that overlap, the longest.
    longest = split.sort(pl.col("row").list.len(), descending=True, maintain_order=True)
    window = longest.unique(_OF_ONE, keep="first", maintain_order=True).collect()
    for found in sorted(window.iter_rows(named=True), key=lambda found: found["row"]):
        row = {"row": found["row"][-1], "payee": found["payee"]}
        told = f"{limits.days}日内向“{found['payee']}”支付{found['category']}{len(found['row'])}次，共 {found['total']:,} 元"
        message = f"{told}，见{listed(found['row'])}。请核对是否拆分。"
        yield CHECK.at(ledger, row, "payee", message)
