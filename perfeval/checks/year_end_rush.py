"""Much of the money in the last days of the year (突击花钱)."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity
from perfeval.model.numbers import percentage


class RushLimits(Limits):
    """How many last days of the year, and what part of the spending (percent) in them is too much."""

    days: int
    pct: Decimal


CHECK = Check("X36", "年底集中支付", Severity.WARNING, Theme.MONEY, "预算执行应均衡，防止年底突击花钱", limits=RushLimits)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on the ledger of spending."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(RushLimits)
    if ledger is None:
        return
    since = date(context.year, 12, 31) - timedelta(days=limits.days - 1)
    paid = pl.col("amount_yuan")
    late, total = ledger.rows.select(late=paid.filter(pl.col("paid_on") >= since).sum(), total=paid.sum()).collect().row(0)
    if total and total > 0 and late * 100 >= total * limits.pct:
        yield CHECK.on(ledger, f"{since} 起的{limits.days}日支付 {late:,} 元，占全年的 {percentage(late * 100 / total)}。请说明原因。")
