"""Where a ledger's columns stand on its sheet (版面)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas import Column

Heads = Sequence[Mapping[str, str]]
"""The first rows of a sheet: per row its filled cells by column letter."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a ledger's columns stand on its sheet."""

    header_row: int
    letters: Mapping[str, str]
    units: Mapping[str, str]
    columns: tuple[Column, ...]
    """The ledger's columns that the sheet has."""
    last_letter: str
    head: Heads
    """The rows from the first to the header."""

    def header(self, column: Column) -> str:
        """A column's header as it stands on the sheet."""
        return self.head[-1][self.letters[column.name]]
