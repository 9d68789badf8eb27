"""An activity plan that the finance bureau has not reviewed."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("X08", "活动方案未经财政审核", Severity.WARNING, Theme.PAPERS, "资金拨付程序：方案经财政审核后拨付")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such plan."""
    if ledger := context.ledgers.get("plans"):
        for row in faulty_rows(ledger, pl.col("reviewed_on").is_null() | pl.col("reviewed_by").is_null()):
            message = f"方案 {row['plan_no']} 没有财政审核日期或审核人。请补登；尚未审核的，向审批人说明。"
            yield CHECK.at(ledger, row, "reviewed_on", message)
