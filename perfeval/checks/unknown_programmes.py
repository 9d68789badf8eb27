"""A row of another programme than those of the unit."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.checks.references import by_looks, find_unknown, several, told_alike
from perfeval.model import Finding, Severity
from schemas.columns import PROGRAMME, Refers

CHECK = Check("X04", "预算项目编码不是本次评价的项目", Severity.ERROR, Theme.MONEY, "财预〔2020〕10号：自评以预算项目为对象")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the first cell with each code that is none of the unit's."""
    expected = "、".join(context.known_codes)
    known = pl.Series(context.known_codes, dtype=pl.String)
    referring = [held for held in context.constrained(Refers) if held[2].to == PROGRAMME]
    looking = by_looks(known)
    for places in find_unknown(known, referring).values():
        first = places[0]
        message = (
            f"{first.column.header}“{first.value}”不是本次评价的项目（{expected}）{several(places)}。{told_alike(first.value, looking)}"
        )
        yield first.finding(f"{message}请核对编码；其他项目的收支请移出。")
