"""The same amount paid to the same payee twice on a day."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared

CHECK = Check("X19", "同一日向同一收款人支付同样金额", Severity.WARNING, Theme.PAPERS, "疑似重复报销；发票不同的也应核对")
_SAME = ("paid_on", "amount_yuan")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding for each group of such payments, at the last of them."""
    ledger = context.ledgers.get("expenditure")
    if ledger is None:
        return
    paid = ledger.rows.drop_nulls(("payee", *_SAME))
    # Few are of one amount on one day: to group all of a long ledger by payee takes much time and memory.
    alike = pl.struct(_SAME).hash().is_duplicated()
    groups = paid.filter(alike).with_columns(compared(pl.col("payee")).alias("to")).group_by("to", *_SAME, maintain_order=True)
    repeated = groups.agg("row", pl.col("payee").last()).filter(pl.col("row").list.len() > 1)
    for found in repeated.collect().iter_rows(named=True):
        row = {**found, "row": found["row"][-1]}
        told = f"{found['paid_on']} 向“{found['payee']}”支付 {found['amount_yuan']:,} 元{len(found['row'])}次"
        message = f"{told}，见{listed(found['row'])}。请核对是否重复。"
        yield CHECK.at(ledger, row, "amount_yuan", message)
