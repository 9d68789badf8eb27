"""A payment without plan, application, attachment or approval (手续不全)."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X05", "支出手续不全", Severity.WARNING, Theme.PAPERS, "资金拨付程序：方案、申请报告、票据，经审批后支付")
_PAPERS = ("plan_no", "application_no", "attachments", "approved_by", "approved_on")


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding for each such payment; no plan is expected where no plans are kept."""
    ledger = context.ledgers.get("expenditure")
    if ledger is None:
        return
    papers = [column for column in _PAPERS if column != "plan_no" or context.is_expected("plans")]
    lacking = ledger.rows.with_columns(pl.col("attachments").replace(0, None)).filter(pl.any_horizontal(pl.col(*papers).is_null()))
    headers = {column: ledger.shape.column(column).header for column in papers}
    for row in lacking.select("row", *papers).collect().iter_rows(named=True):
        missing = [column for column in papers if row[column] is None]
        message = f"手续不全：缺少 {'、'.join(headers[column] for column in missing)}。请补登；确实没有的，向审批人说明。"
        yield CHECK.at(ledger, row, missing[0], message)
