"""One purchase paid in parts (拆分), each of them below the limit."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

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
    """A finding for each time a payee is paid for a purpose twice on a day, or in a few days by parts below the limit up to the limit."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(SplitLimits)
    if ledger is None:
        return
    paid = ledger.rows.filter(pl.col("amount_yuan") > 0).drop_nulls(("payee", "category", "paid_on", "amount_yuan"))
    paid = paid.with_columns(compared(pl.col("payee")).alias("to"))
    # By day first: of a payee who is paid thousands of times, each payment's window would hold thousands.
    part = pl.col("amount_yuan").filter(pl.col("amount_yuan") < limits.yuan)
    amounts = {"times": pl.len(), "total": pl.col("amount_yuan").sum(), "parts": part.len(), "in_parts": part.sum()}
    by_day = paid.group_by(*_OF_ONE, "paid_on", maintain_order=True).agg("row", pl.col("payee").last(), **amounts)
    days = by_day.sort(*_OF_ONE, "paid_on").with_row_index("day").collect()
    windows = days.lazy().rolling("paid_on", period=f"{limits.days}d", group_by=_OF_ONE)
    whole = pl.col(*amounts).sum(), pl.col("payee").last()
    sums = windows.agg(*whole, first=pl.col("day").first(), last=pl.col("day").last(), same_day=pl.col("times").last())
    reaches = (pl.col("in_parts") >= limits.yuan) & (pl.col("parts") > 1)
    split = sums.filter((pl.col("same_day") > 1) | reaches).sort("last").collect()
    chosen = [
        (days["row"][found["first"] : found["last"] + 1].explode().to_list(), found) for found in _fewest(split.iter_rows(named=True))
    ]
    for places, found in sorted(chosen, key=lambda item: item[0]):
        told = f"{limits.days}日内向“{found['payee']}”支付{found['category']}{len(places)}次，共 {found['total']:,} 元"
        message = f"{told}，见{listed(places)}。请核对是否拆分。"
        yield CHECK.at(ledger, {"row": places[-1], "payee": found["payee"]}, "payee", message)


def _fewest(windows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Of windows in order, as few as hold every day that any of them holds: each next one is the last that holds the first day left."""
    latest, day = None, -1
    for window in windows:
        if window["first"] > day:
            if latest:
                yield latest
            day = max(window["first"], latest["last"] + 1 if latest else 0)
        latest = window
    if latest:
        yield latest
