"""Meetings that decided something, without minutes."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity

CHECK = Check("X32", "专题调度、现场办公会没有纪要", Severity.WARNING, Theme.REGISTER, "议定事项以纪要为据")
_DECIDING = ("专题调度会", "现场办公会")


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding with all such meetings, at the first of them."""
    ledger = context.ledgers.get("meetings")
    if ledger is None:
        return
    lacking = ledger.rows.filter(pl.col("kind").is_in(_DECIDING) & pl.col("minutes_no").is_null()).select("row", "minutes_no").collect()
    if rows := lacking.to_dicts():
        message = f"有{len(rows)}次专题调度、现场办公会没有纪要文号，见{listed([row['row'] for row in rows])}。请补登。"
        yield CHECK.at(ledger, rows[0], "minutes_no", message, len(rows))
