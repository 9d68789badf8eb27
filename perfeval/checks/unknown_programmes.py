"""A row of another programme than those of the unit."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity
from schemas.columns import PROGRAMME, Refers

CHECK = Check("X04", "预算项目编码不是本次评价的项目", Severity.ERROR, Theme.MONEY, "财预〔2020〕10号：自评以预算项目为对象")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each code that is none of the unit's."""
    expected = "、".join(context.known_codes)
    for ledger, column, refers in context.constrained(Refers):
        if refers.to == PROGRAMME:
            for row in faulty_rows(ledger, ~pl.col(column.name).is_in(context.known_codes)):
                message = f"{column.header}“{row[column.name]}”不是本次评价的项目（{expected}）。请核对编码；其他项目的收支请移出。"
                yield ledger.finding(refers.code, CHECK.level, message, row, column.name)
