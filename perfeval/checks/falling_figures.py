"""A cumulative figure that is less than it was before."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared
from perfeval.model.numbers import plain
from schemas import Kind
from schemas.columns import NotFallingPer

CHECK = Check("X15", "累计数下降", Severity.WARNING, Theme.PROJECTS, "到月末的累计数只增不减")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each figure that fell, in the order of the ledger's rows."""
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
            now, before = (plain(Decimal(row[name])) for name in (column.name, "before"))
            message = f"{subject}为 {now}，低于前一次的 {before}。累计数不应下降，请核对。"
            yield CHECK.at(ledger, row, column.name, message)
