"""A reception without letter, list and receipt."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

RECEPTION = "30217"


class ReceptionLimits(Limits):
    """How many papers a reception rests on (公函、清单、票据)."""

    attachments: int


CHECK = Check(
    "C38",
    "公务接待的附件不足",
    Severity.WARNING,
    Theme.PAPERS,
    "《党政机关国内公务接待管理规定》（2013年）：报销凭证包括财务票据、派出单位公函和接待清单",
    limits=ReceptionLimits,
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each reception, with what an approver should ask for."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(ReceptionLimits)
    if ledger is None:
        return
    too_few = pl.col("attachments").fill_null(0) < limits.attachments
    for row in faulty_rows(ledger, (pl.col("economic_code") == RECEPTION) & too_few):
        told = f"公务接待只有{row['attachments'] or 0}张附件，公函、清单、票据至少{limits.attachments}张"
        message = f"{told}。请补齐，核对陪餐人数。"
        yield CHECK.at(ledger, row, "attachments", message)
