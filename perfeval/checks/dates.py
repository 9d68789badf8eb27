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
# Ledger, stage or status of this year, the day that proves it.
_STATES = (
    ("projects", pl.col("stage") == "竣工", "completed_on"),
    ("projects", pl.col("stage") == "新开工", "started_on"),
    ("goals", pl.col("status") == "完成", "completed_on"),
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


def find_states_without_their_day(case: Case) -> Iterator[Finding]:
    """X11: what is told as done this year, with no day or another year's; and a goal not done that has one."""
    for name, state, column in _STATES:
        header = LEDGERS[name].column(column).header
        message = f"{header}没有填写，不能证明。请补填，或改正前面的状态。"
        yield from case.find(name, column, state & pl.col(column).is_null(), "X11", message, severity=Severity.WARNING)
        message = f"{header} {{{column}}} 不在评价年度 {case.year} 年内，却按本年的成绩统计。请核对日期和前面的状态。"
        other_year = state & (pl.col(column).dt.year() != case.year)
        yield from case.find(name, column, other_year, "X11", message, severity=Severity.WARNING)
    undone = (pl.col("status") == "未完成") & pl.col("completed_on").is_not_null()
    yield from case.find("goals", "completed_on", undone, "X11", "未完成的目标任务填了完成日期。请核对。", severity=Severity.WARNING)


def find_surveys_outside_time(case: Case) -> Iterator[Finding]:
    """X10: a survey held neither in the evaluated year nor while it was evaluated."""
    outside = ~pl.col("surveyed_on").dt.year().is_in([case.year, case.year + 1])
    message = f"调查日期 {{surveyed_on}} 不在评价年度 {case.year} 年或次年内。请核对日期；不是本次调查的请移出台账。"
    return case.find("surveys", "surveyed_on", outside, "X10", message, severity=Severity.WARNING)
