"""Days (日期): in the order in which things happen, and inside the evaluated year where the ledger is of that year."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.case import Case
from perfeval.model import Finding, Severity
from schemas import LEDGERS

# Ledger, earlier day, later day, code, severity. What may happen out of order in fact is a warning, what cannot is an error.
_ORDERS = (
    ("expenditure", "approved_on", "paid_on", "C37", Severity.ERROR),
    ("plans", "drafted_on", "reviewed_on", "X09", Severity.ERROR),
    ("projects", "started_on", "completed_on", "X09", Severity.ERROR),
    ("issues", "assigned_on", "due_on", "X09", Severity.ERROR),
    ("issues", "assigned_on", "inspected_on", "X09", Severity.ERROR),
    ("issues", "assigned_on", "closed_on", "X09", Severity.ERROR),
    ("issues", "inspected_on", "closed_on", "X09", Severity.WARNING),
    ("services", "accepted_on", "promised_on", "X09", Severity.ERROR),
    ("services", "accepted_on", "finished_on", "X09", Severity.ERROR),
)
# Ledger, day, code, severity. Issues and services may have begun in the year before and be worked on in this one.
_OF_THE_YEAR = (
    ("expenditure", "paid_on", "C37", Severity.ERROR),
    ("meetings", "held_on", "X10", Severity.ERROR),
    ("publications", "published_on", "X10", Severity.ERROR),
    ("inspections", "inspected_on", "X10", Severity.ERROR),
    ("budget", "issued_on", "X10", Severity.WARNING),
    ("issues", "assigned_on", "X10", Severity.WARNING),
    ("services", "accepted_on", "X10", Severity.WARNING),
)


def find_days_out_of_order(case: Case) -> Iterator[Finding]:
    """C37, X09: a day before another that it has to follow."""
    for name, earlier, later, code, severity in _ORDERS:
        first, second = (LEDGERS[name].column(column).header for column in (earlier, later))
        message = f"{second} {{{later}}} 早于{first} {{{earlier}}}。请核对这两个日期。"
        yield from case.find(name, later, pl.col(later) < pl.col(earlier), code, message, severity=severity)


def find_days_outside_year(case: Case) -> Iterator[Finding]:
    """C37, X10: a day of another year than the evaluated one."""
    for name, column, code, severity in _OF_THE_YEAR:
        header = LEDGERS[name].column(column).header
        message = f"{header} {{{column}}} 不在评价年度 {case.year} 年内。请核对日期；不属于本年的请移出台账。"
        yield from case.find(name, column, pl.col(column).dt.year() != case.year, code, message, severity=severity)


def find_months_outside_year(case: Case) -> Iterator[Finding]:
    """X10: a month of another year than the evaluated one."""
    outside = ~pl.col("month").str.starts_with(f"{case.year}-")
    message = f"月份 {{month}} 不在评价年度 {case.year} 年内。请核对月份；不属于本年的请移出台账。"
    return case.find("progress", "month", outside, "X10", message)
