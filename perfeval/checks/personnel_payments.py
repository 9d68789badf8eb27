"""Salaries paid of a programme's money: they belong to the unit's basic spending (基本支出)."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity


class PersonnelLimits(Limits):
    """Whose economic classification is personnel, by the first digits of its codes."""

    classes: tuple[str, ...]


CHECK = Check(
    "X43",
    "项目支出列支人员经费",
    Severity.WARNING,
    Theme.MONEY,
    "部门预算分为基本支出和项目支出，人员经费列基本支出",
    limits=PersonnelLimits,
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such payment."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(PersonnelLimits)
    if ledger is None:
        return
    for row in faulty_rows(ledger, pl.col("economic_code").str.contains(f"^(?:{'|'.join(limits.classes)})")):
        paid = f"{row['economic_code']} {row['economic_name']} {row['amount_yuan']:,} 元"
        message = f"{paid}属人员经费，在基本支出里安排，不在项目支出里列。请核对，或说明原因。"
        yield CHECK.at(ledger, row, "economic_code", message)
