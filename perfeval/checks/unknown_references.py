"""A number that the ledger referred to does not have. Without a number a row refers to nothing."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity
from schemas.columns import Refers

CHECK = Check(
    "X02",
    "引用的编号在另一本台账里没有",
    Severity.ERROR,
    Theme.REGISTER,
    "台账之间以编号相联，编号对不上的行不能归到项目、方案",
    others={"X03": "活动方案编号不在活动方案台账里"},
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such number, with the code that the column's constraint gives."""
    for ledger, column, refers in context.constrained(Refers):
        name, _, key = refers.to.partition(".")
        register = context.ledgers.get(name)
        if register is None:
            continue
        known = register.rows.select(pl.col(key).implode()).collect().to_series()
        for row in faulty_rows(ledger, ~pl.col(column.name).is_in(known)):
            message = f"{column.header}“{row[column.name]}”不在{register.title}中。请核对编号，或在{register.title}补登。"
            yield ledger.finding(refers.code, CHECK.level, message, row, column.name)
