"""What refers to nothing: cells whose code is not known, told once for each code, be it referred to a thousand times.

Codes are compared as `perfeval.model.identifiers` says, here and in every other check.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from perfeval.model import Finding, Ledger, Severity
from perfeval.model.identifiers import comparable, looks, told_difference
from perfeval.texts import told_signs
from schemas import Column
from schemas.columns import Refers

_MOST_PLACES = 5

Referring = tuple[Ledger, Column, Refers]


@dataclass(frozen=True, slots=True)
class Reference:
    """A cell that refers to what is not there."""

    ledger: Ledger
    column: Column
    code: str
    row: int
    value: str

    @property
    def cell(self) -> str:
        """Where it is, as a clerk says it."""
        letter = self.ledger.letters.get(self.column.name)
        return f"{letter}{self.row}" if letter else f"第{self.row}行"

    def finding(self, message: str) -> Finding:
        """A finding at the cell."""
        return self.ledger.finding(self.code, Severity.ERROR, message, {"row": self.row, self.column.name: self.value}, self.column.name)


def find_unknown(known: pl.Series, referring: Sequence[Referring]) -> dict[str, list[Reference]]:
    """What is referred to and not known, by the code as compared."""
    keys = set(comparable(known))
    unknown: dict[str, list[Reference]] = defaultdict(list)
    for ledger, column, refers in referring:
        # Nearly every code is written as it is known, which is found faster.
        unlike = ledger.rows.filter(~pl.col(column.name).is_in(known.implode())).select("row", column.name).collect()
        for key, row, value in zip(comparable(unlike[column.name]), *unlike, strict=True):
            if key not in keys:
                unknown[key].append(Reference(ledger, column, refers.code, row, value))
    return unknown


def several(places: Sequence[Reference]) -> str:
    """Says that several cells refer to one code."""
    return f"，{told_places(places)}都是" if len(places) > 1 else ""


def told_places(places: Sequence[Reference]) -> str:
    """The first cells, by ledger."""
    shown = [
        f"{title} {'、'.join(place.cell for place in cells)}"
        for title, cells in groupby(places[:_MOST_PLACES], lambda place: place.ledger.title)
    ]
    return "，".join(shown) + (f"等{len(places)}处" if len(places) > _MOST_PLACES else "")


def by_looks(known: pl.Series) -> dict[str, str]:
    """Known codes by what they look like."""
    return dict(zip(looks(known), known, strict=True))


def told_alike(code: str, known: Mapping[str, str]) -> str:
    """In what a code differs from a known one that looks the same."""
    same = known.get(looks(pl.Series([code])).item())
    difference = told_difference(code, same) if same else told_signs(code)
    return f"{difference}。" if difference else ""
