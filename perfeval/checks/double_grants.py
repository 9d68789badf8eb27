"""A budget document registered twice: the annual budget is the sum of all rows."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared

CHECK = Check(
    "X42",
    "同一份预算文件登记了两次",
    Severity.WARNING,
    Theme.MONEY,
    "财预〔2020〕10号：全年预算数是执行率的分母，重复登记的会掩盖超支、压低执行率",
)
_SAME = ("source", "programme_code", "amount_yuan")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding for each such document, source and amount, at the last of the rows."""
    ledger = context.ledgers.get("budget")
    if ledger is None:
        return
    rows = ledger.rows.drop_nulls(("document_no", *_SAME)).with_columns(compared(pl.col("document_no")).alias("document"))
    groups = rows.group_by("document", *_SAME, maintain_order=True).agg("row", pl.col("document_no").last())
    for found in groups.filter(pl.col("row").list.len() > 1).collect().iter_rows(named=True):
        granted = f"文号 {found['document_no']} 的{found['source']} {found['amount_yuan']:,} 元登记了{len(found['row'])}次"
        message = f"{granted}，见{listed(found['row'])}。请核对，重复的删去；确是两笔的在备注里写明。"
        yield CHECK.at(ledger, {**found, "row": found["row"][-1]}, "document_no", message)
