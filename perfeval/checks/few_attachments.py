"""Payments that rest on fewer papers than the procedure asks for."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity


class AttachmentLimits(Limits):
    """The fewest papers of a payment."""

    least: int


CHECK = Check("X37", "凭证的附件太少", Severity.WARNING, Theme.PAPERS, "资金拨付程序：申请报告和票据附在凭证后", limits=AttachmentLimits)


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding with all such payments, at the first of them; one without any paper has a finding of its own."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(AttachmentLimits)
    if ledger is None:
        return
    few = ledger.rows.filter(pl.col("attachments").is_between(1, limits.least - 1)).select("row", "attachments").collect()
    if rows := few.to_dicts():
        message = f"有{len(rows)}笔支出的附件不足{limits.least}张，见{listed([row['row'] for row in rows])}。请核对申请报告和票据是否齐全。"
        yield CHECK.at(ledger, rows[0], "attachments", message, len(rows))
