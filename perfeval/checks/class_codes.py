"""Payments booked under a class of the economic classification only."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity

CHECK = Check("X34", "经济分类只写到类，没有写到款", Severity.WARNING, Theme.MONEY, "部门预算支出经济分类核算到款级")
_DIGITS_OF_A_CLASS = 3


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding with all such payments, at the first of them."""
    ledger = context.ledgers.get("expenditure")
    if ledger is None:
        return
    broad = ledger.rows.filter(pl.col("economic_code").str.len_chars() == _DIGITS_OF_A_CLASS).select("row", "economic_code").collect()
    if rows := broad.to_dicts():
        message = f"有{len(rows)}笔支出的经济分类只写到类，见{listed([row['row'] for row in rows])}。请写到款，如 30215 会议费。"
        yield CHECK.at(ledger, rows[0], "economic_code", message, len(rows))
