"""A refund or reversal, which lowers the year's spending."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("X06", "支出金额为负数", Severity.WARNING, Theme.MONEY, "退款、冲销冲减全年执行数，须看得见")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such amount."""
    if ledger := context.ledgers.get("expenditure"):
        for row in faulty_rows(ledger, pl.col("amount_yuan") < 0):
            message = f"金额 {row['amount_yuan']} 元是负数，将冲减全年支出。请确认是退款或冲销。"
            yield CHECK.at(ledger, row, "amount_yuan", message)
