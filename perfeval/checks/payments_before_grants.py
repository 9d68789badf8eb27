"""Money spent before it was granted."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from perfeval.checks.amounts import is_told
from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check(
    "X16",
    "支付在预算下达之前",
    Severity.WARNING,
    Theme.MONEY,
    "《预算法》第十三条、第五十四条：年初预算和上年结转年初可用，追加的下达后可用",
)
_FROM_THE_START = ("年初预算", "上年结转")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the first payment of each programme that is above what had been granted by its day."""
    budget, expenditure = context.ledgers.get("budget"), context.ledgers.get("expenditure")
    if budget is None or expenditure is None or not is_told(context, budget):
        return
    start = date(context.year, 1, 1)
    day = pl.when(pl.col("source").is_in(_FROM_THE_START)).then(pl.lit(start)).otherwise(pl.col("issued_on"))
    granted = budget.rows.select("programme_code", on=day, yuan="amount_yuan", row=pl.lit(0, pl.UInt32))
    spent = expenditure.rows.select("programme_code", on="paid_on", yuan=-pl.col("amount_yuan"), row="row")
    for code in sorted(context.programme_codes):
        # To sort by the code too would take longer than all the rest.
        moves = pl.concat(item.filter(programme_code=code).select("on", "yuan", "row").drop_nulls() for item in (granted, spent))
        left = moves.sort("on", "row").with_columns(left=pl.col("yuan").cum_sum())
        early = left.filter((pl.col("row") > 0) & (pl.col("left") < 0))
        for found in early.select(pl.all().first(), count=pl.len()).drop_nulls().collect().iter_rows(named=True):
            row = {"row": found["row"], "paid_on": found["on"]}
            message = f"到 {found['on']} 为止的支出比已下达的预算多 {-found['left']:,} 元。请核对支付日期和指标下达日期。"
            yield CHECK.at(expenditure, row, "paid_on", message, found["count"])
