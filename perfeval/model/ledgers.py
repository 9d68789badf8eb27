"""Ledgers (台账) as received and as validated, and what is wrong with them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # whoever has rows in hand has loaded Polars; most commands have none
    import polars as pl

    from schemas import LedgerModel


class Severity(StrEnum):
    """How much a finding matters: an error stops the run, a warning travels to the approvers, a note is only told. Worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def word(self) -> str:
        """In Chinese."""
        return {"error": "错误", "warning": "提醒", "note": "说明"}[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a ledger (疑点), addressed to its cell as far as there is one.

    `ledger` is the Chinese title, `row` the sheet's row number from 1, `column` the Chinese header, `cell` like C17.
    `message` says in Chinese what was expected and what to do; `value` is the cell's text as found.
    `count` is how many rows it tells of: of many alike, one finding.
    """

    code: str
    severity: Severity
    message: str
    ledger: str | None = None
    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    cell: str | None = None
    value: str | None = None
    count: int = 1

    @property
    def place(self) -> str:
        """Where it is, as `file!sheet!cell`, as far as known."""
        return "!".join(part for part in (self.file, self.sheet, self.cell or (self.row and f"第{self.row}行")) if part)


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A ledger file as the clerk handed it in: its own name, where its bytes are, their SHA-256."""

    name: str
    path: Path
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """One validated ledger: `rows` are the columns of its schema plus column `row` (UInt32, the sheet's row number).

    Amounts are yuan, Decimal(18, 2); dates pl.Date; percentages Decimal, 0-100; quantities Decimal(18, 6) in their header's unit.
    `letters` gives the sheet's column letter for each schema column that the sheet has, so that a value can be followed to its cell.
    `parts` are the same rows as Parquet files in order, several of a long csv, whose `rows` are then read from them when asked for.
    """

    shape: type[LedgerModel]
    file: str
    sheet: str | None
    digest: str
    rows: pl.LazyFrame
    letters: Mapping[str, str]
    parts: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        """The English name, `budget`."""
        return self.shape.ledger_name()

    @property
    def title(self) -> str:
        """The Chinese title, 预算指标台账."""
        return self.shape.ledger_title()

    def count_rows(self) -> int:
        """How many rows there are."""
        import polars as pl

        return int(self.rows.select(pl.len()).collect().item())

    def finding(
        self, code: str, severity: Severity, message: str, row: Mapping[str, Any] | None = None, column: str | None = None, count: int = 1
    ) -> Finding:
        """A finding on the ledger as a whole, or at a column's cell of a row; a column that the sheet does not have has no cell."""
        if row is None or column is None:
            return Finding(code, severity, message, self.title, self.file, self.sheet, count=count)
        header, letter, value = self.shape.column(column).header, self.letters.get(column), row.get(column)
        cell = f"{letter}{row['row']}" if letter else None
        text = None if value is None else str(value)
        return Finding(code, severity, message, self.title, self.file, self.sheet, row["row"], header, cell, text, count)

    @property
    def frame(self) -> pl.DataFrame:
        """All rows in memory; of a ledger that may be long, better ask `rows` for what is needed."""
        return self.rows.collect()


def parquet(frame: pl.DataFrame) -> bytes:
    """A frame as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
    return buffer.getvalue()


Ledgers = Mapping[str, Ledger]
