"""A row of another programme than those of the unit."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.checks.references import by_looks, find_unknown, finding_at_first, told_likeness, told_others
from perfeval.model import Finding, Severity
from schemas.columns import PROGRAMME, Refers

CHECK = Check("X04", "预算项目编码不是本次评价的项目", Severity.ERROR, Theme.MONEY, "财预〔2020〕10号：自评以预算项目为对象")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each code that is none of the unit's."""
    expected = "、".join(context.known_codes)
    referring = [held for held in context.constrained(Refers) if held[2].to == PROGRAMME]
    known = pl.Series(context.known_codes, dtype=pl.String)
    looks = by_looks(known)
    for places in find_unknown(known, referring).values():
        first = places[0]
        message = f"{first.column.header}“{first.value}”不是本次评价的项目（{expected}）{told_others(places)}。"
        message += told_likeness(first.value, looks)
        yield finding_at_first(first, f"{message}请核对编码；其他项目的收支请移出。")
