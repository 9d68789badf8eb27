"""One thing registered twice, under two numbers."""

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
    """One finding for each ledger whose rows have numbers and words, at the first row that repeats another."""
    for ledger in context.ledgers.values():
        columns = ledger.shape.columns()
        numbers = (item.name for item in columns if _is_number(item) and any(isinstance(held, Unique) for held in item.constraints))
        number, texts = next(numbers, ""), [item.name for item in columns if item.kind is Kind.TEXT and item.required]
        if not number or not texts or ledger.name in _OWN:
            continue
        names = [item.name for item in columns if not _is_number(item)]
        rows = ledger.rows.drop_nulls(texts)
        alike = rows.group_by(names, maintain_order=True).agg("row", pl.col(number).last()).filter(pl.col("row").list.len() > 1).collect()
        if not alike.is_empty():
            places = sorted(row for group in alike["row"] for row in group)
            message = f"{listed(places)}除编号外与别的行完全相同。请核对是否一件事登记了两次。"
            yield CHECK.at(ledger, {"row": alike["row"][0][-1], number: alike[number][0]}, number, message)


def _is_number(column: Column) -> bool:
    """Whether it numbers the row, rather than referring to another ledger."""
    refers = any(isinstance(item, Refers) for item in column.constraints)
    return column.kind is Kind.CODE and not refers
