"""Sums of budget and spending by programme, for the checks of money."""

from decimal import Decimal

import polars as pl

from perfeval.checks.context import CheckContext
from perfeval.model import Ledger


def is_told(context: CheckContext, budget: Ledger) -> bool:
    """Whether every amount of the budget could be read and is the programme's; otherwise what was granted is not known."""
    known = pl.col("amount_yuan").is_not_null() & pl.col("programme_code").is_in(context.known_codes)
    return bool(budget.rows.select(known.fill_null(value=False).all()).collect().item())


def sums(rows: pl.LazyFrame) -> dict[str, Decimal]:
    """Amounts by programme code; cells that could not be read are not counted, they have a finding of their own."""
    return dict(rows.drop_nulls("programme_code").group_by("programme_code").agg(pl.col("amount_yuan").sum()).collect().rows())
