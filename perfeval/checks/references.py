"""References by number (引用): those to what is not there, each told once at all its cells. For the checks of them."""

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
        """Its address, or where its column has no letter, its row."""
        letter = self.ledger.letters.get(self.column.name)
        return f"{letter}{self.row}" if letter else f"第{self.row}行"


def find_unknown(known: pl.Series, referring: Sequence[tuple[Ledger, Column, Refers]]) -> dict[str, list[Reference]]:
    """What is referred to and not known, by the code as compared: told once, be it referred to a thousand times."""
    keys = set(comparable(known))
    unknown: dict[str, list[Reference]] = defaultdict(list)
    for ledger, column, refers in referring:
        # Nearly every code is written as it is known, which is found faster.
        unlike = ledger.rows.filter(~pl.col(column.name).is_in(known.implode())).select("row", column.name).collect()
        for key, row, value in zip(comparable(unlike[column.name]), *unlike, strict=True):
            if key not in keys:
                unknown[key].append(Reference(ledger, column, refers.code, row, value))
    return unknown


def finding_at_first(first: Reference, message: str) -> Finding:
    """A finding at the first cell that refers to it."""
    row = {"row": first.row, first.column.name: first.value}
    return first.ledger.finding(first.code, Severity.ERROR, message, row, first.column.name)


def told_others(places: Sequence[Reference]) -> str:
    """That others refer to it too."""
    return f"，{told_cells(places)}都是" if len(places) > 1 else ""


def told_cells(places: Sequence[Reference]) -> str:
    """The first cells, by ledger."""
    shown = [
        f"{title} {'、'.join(place.cell for place in cells)}"
        for title, cells in groupby(places[:_MOST_PLACES], lambda place: place.ledger.title)
    ]
    return "，".join(shown) + (f"等{len(places)}处" if len(places) > _MOST_PLACES else "")


def by_looks(known: pl.Series) -> dict[str, str]:
    """Known codes by what they look like."""
    return dict(zip(looks(known), known, strict=True))


def told_likeness(code: str, known: Mapping[str, str]) -> str:
    """In what a code differs from a known one that looks the same."""
    same = known.get(looks(pl.Series([code])).item())
    difference = told_difference(code, same) if same else told_signs(code)
    return f"{difference}。" if difference else ""
