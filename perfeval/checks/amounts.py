"""Sums of budget and spending by programme, for the checks of money."""

from decimal import Decimal

import polars as pl

from perfeval.checks.context import CheckContext
from perfeval.model import Ledger
from perfeval.model.identifiers import comparable, compared


def is_told(context: CheckContext, budget: Ledger) -> bool:
    """Whether every amount of the budget could be read and is the programme's; otherwise what was granted is not known."""
    codes = comparable(pl.Series(context.known_codes, dtype=pl.String))
    known = pl.col("amount_yuan").is_not_null() & compared(pl.col("programme_code")).is_in(codes.implode())
    return bool(budget.rows.select(known.fill_null(value=False).all()).collect().item())


def sums(rows: pl.LazyFrame) -> dict[str, Decimal]:
    """Amounts by programme code, as compared; cells that could not be read are not counted, they have a finding of their own."""
    sums = rows.drop_nulls("programme_code").group_by("programme_code").agg(pl.col("amount_yuan").sum()).collect()
    return dict(sums.group_by(compared(pl.col("programme_code"))).agg(pl.col("amount_yuan").sum()).rows())
