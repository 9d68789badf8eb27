"""What columns of one row say of each other (行内相符): days in the order in which things happen, cells filled when they must be."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.context import CheckContext, faulty_rows, finding_at, level
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared
from schemas import Kind
from schemas.columns import After, EmptyWhen, NotFallingPer, RequiredWhen
from schemas.conditions import row_condition


def find_days_out_of_order(context: CheckContext) -> Iterator[Finding]:
    """C37, X09: a day before another that it has to follow."""
    for ledger, column, after in context.constrained(After):
        first = ledger.shape.column(after.column)
        for row in faulty_rows(ledger, pl.col(column.name) < pl.col(first.name)):
            message = f"{column.header} {row[column.name]} 早于{first.header} {row[first.name]}。请核对这两个日期。"
            yield finding_at(ledger, row, column.name, after.code, message, level(is_warning=after.is_warning))


def find_empty_cells(context: CheckContext) -> Iterator[Finding]:
    """X11: what is told as done, without the day or paper that proves it."""
    for ledger, column, required in context.constrained(RequiredWhen):
        message = f"{column.header}没有填写，按这一行的情况应当填写。请补填，或改正有关的栏目。"
        for row in faulty_rows(ledger, row_condition(required.condition, ledger.shape) & pl.col(column.name).is_null()):
            yield finding_at(ledger, row, column.name, "X11", message, Severity.WARNING)


def find_filled_cells(context: CheckContext) -> Iterator[Finding]:
    """X11: what is told as not done, with the day on which it was."""
    for ledger, column, empty in context.constrained(EmptyWhen):
        message = f"{column.header}按这一行的情况应当空着，却填写了。请核对，改正这一格或有关的栏目。"
        for row in faulty_rows(ledger, row_condition(empty.condition, ledger.shape) & pl.col(column.name).is_not_null()):
            yield finding_at(ledger, row, column.name, "X11", message, Severity.WARNING)


def find_falling_figures(context: CheckContext) -> Iterator[Finding]:
    """X15: a cumulative figure that is less than it was before."""
    for ledger, column, falling in context.constrained(NotFallingPer):
        time = ledger.shape.time_column()
        if time is None:
            continue
        per, names = ledger.shape.column(falling.column), (column.name, falling.column, time.name)
        key = compared(pl.col(per.name)) if per.kind in (Kind.CODE, Kind.TEXT) else pl.col(per.name)
        value, is_same = pl.col(column.name), pl.col("key") == pl.col("key").shift()
        rows = ledger.rows.drop_nulls(names).with_columns(key=key).sort("key", time.name, "row")
        fallen = rows.with_columns(before=value.shift()).filter(is_same & (value < pl.col("before")))
        for row in fallen.select("row", *names, "before").sort("row").collect().iter_rows(named=True):
            subject = f"{per.header}“{row[per.name]}”的{column.header}"
            message = f"{subject}为 {row[column.name]}，低于前一次的 {row['before']}。累计数不应下降，请核对。"
            yield finding_at(ledger, row, column.name, "X15", message, Severity.WARNING)
