"""One thing registered twice, under two numbers or none."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, listed
from perfeval.model import Finding, Severity
from schemas import Column, Kind
from schemas.columns import Refers, Unique

CHECK = Check("X22", "两行除编号外完全相同，疑似重复登记", Severity.WARNING, Theme.REGISTER, "一件事登记一次")
_OWN = ("expenditure",)
"""Payments are looked at by payee, day and amount."""


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding for each ledger whose rows have words, at the first row that repeats another in all but its number, if it has one."""
    for ledger in context.ledgers.values():
        columns = ledger.shape.columns()
        numbers = (item.name for item in columns if _is_number(item) and any(isinstance(held, Unique) for held in item.constraints))
        number, texts = next(numbers, ""), [item.name for item in columns if item.kind is Kind.TEXT and item.required]
        if not texts or ledger.name in _OWN:
            continue
        names = [item.name for item in columns if not (number and _is_number(item))]
        place = number or texts[0]
        rows = ledger.rows.drop_nulls(texts)
        alike = rows.group_by(names, maintain_order=True).agg("row", pl.col(place).last().alias("at="))
        found = alike.filter(pl.col("row").list.len() > 1).collect()
        if not found.is_empty():
            repeated = listed(sorted(row for group in found["row"] for row in group))
            message = f"{repeated}{'除编号外' if number else ''}与别的行完全相同。请核对是否一件事登记了两次。"
            yield CHECK.at(
                ledger, {"row": found["row"][0][-1], place: found["at="][0]}, place, message, sum(len(group) - 1 for group in found["row"])
            )


def _is_number(column: Column) -> bool:
    """Whether it numbers the row, rather than referring to another ledger."""
    refers = any(isinstance(item, Refers) for item in column.constraints)
    return column.kind is Kind.CODE and not refers
