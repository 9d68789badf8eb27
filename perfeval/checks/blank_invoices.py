"""Payments without the number of an invoice."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.configuration import Text
from perfeval.model import Finding, Severity


class InvoiceLimits(Limits):
    """From how many yuan on a payment should have an invoice, but for classes and items that are paid without (工资、劳务、补助)."""

    yuan: Decimal
    without: tuple[Text, ...]


CHECK = Check("X33", "支出没有发票号码", Severity.WARNING, Theme.PAPERS, "《会计法》第十四条：原始凭证", limits=InvoiceLimits)


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding with all such payments, at the first of them."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(InvoiceLimits)
    if ledger is None:
        return
    is_without = pl.any_horizontal(pl.col("economic_code").str.starts_with(code) for code in limits.without).fill_null(value=False)
    lacking = ledger.rows.filter((pl.col("amount_yuan") >= limits.yuan) & pl.col("invoice_no").is_null() & ~is_without)
    rows = lacking.select("row", "invoice_no", "amount_yuan").collect().to_dicts()
    if rows:
        total = sum(row["amount_yuan"] for row in rows)
        message = f"有{len(rows)}笔支出共 {total:,} 元没有发票号码，见{listed([row['row'] for row in rows])}。请补登；没有发票的说明凭据。"
        yield CHECK.at(ledger, rows[0], "invoice_no", message, len(rows))
