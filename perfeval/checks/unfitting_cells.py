"""What is told as done without the day or paper that proves it, or as not done with the day on which it was."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity
from schemas.columns import EmptyWhen, RequiredWhen
from schemas.conditions import row_condition

CHECK = Check(
    "X11",
    "应填的没有填、应空的填了或者日期不在评价年度",
    Severity.WARNING,
    Theme.REGISTER,
    "栏目说明里写的何时必填、何时留空",
    is_of_any_column=True,
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such cell."""
    for ledger, column, required in context.constrained(RequiredWhen):
        message = f"{column.header}没有填写，按这一行的情况应当填写。请补填，或改正有关的栏目。"
        for row in faulty_rows(ledger, row_condition(required.condition, ledger.shape) & pl.col(column.name).is_null()):
            yield CHECK.at(ledger, row, column.name, message)
    for ledger, column, empty in context.constrained(EmptyWhen):
        message = f"{column.header}按这一行的情况应当空着，却填写了。请核对，改正这一格或有关的栏目。"
        for row in faulty_rows(ledger, row_condition(empty.condition, ledger.shape) & pl.col(column.name).is_not_null()):
            yield CHECK.at(ledger, row, column.name, message)
