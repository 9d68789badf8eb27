"""Meetings on days on which nobody works."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity


class RestDays(Limits):
    """Holidays (放假) and the weekend days worked instead (调休上班), of the years that the State Council has told."""

    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


CHECK = Check("X25", "会议在周末或节假日召开", Severity.WARNING, Theme.DAYS, "国务院办公厅节假日安排的通知", limits=RestDays)
_SATURDAY = 6


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding with all such meetings, at the first of them."""
    ledger, limits = context.ledgers.get("meetings"), context.limits_of(RestDays)
    if ledger is None:
        return
    day = pl.col("held_on")
    is_rest = ((day.dt.weekday() >= _SATURDAY) & ~day.is_in(limits.workdays)) | day.is_in(limits.holidays)
    rows = ledger.rows.filter(is_rest).select("row", "held_on").collect().to_dicts()
    if rows:
        message = f"有{len(rows)}次会议在周末或节假日召开，见{listed([row['row'] for row in rows])}。请核对会议日期。"
        yield CHECK.at(ledger, rows[0], "held_on", message, len(rows))
