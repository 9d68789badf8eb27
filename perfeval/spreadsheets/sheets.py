"""What is handed in, seen alike whether it is a worksheet or a csv (工作表): text cells by column letter and row number."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from perfeval.codes import Code
from perfeval.model import Finding, ReceivedFile, Severity

HEAD = 20
"""How many rows the head of a sheet has."""


class RefusedFileError(Exception):
    """A file or sheet that cannot be read at all; becomes a finding of whoever opened it."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


Cell = tuple[int, str]
"""A cell's row and column letter."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a worksheet says beside its values.

    `shown` has what a cell says where that is not what is stored in it, `worded` the words that stand around it by its format,
    which belong to a text and say nothing in a number. `unseen` are the cells whose content is not displayed, `mixed` those
    partly struck through, raised or lowered, `months` those that show no day. `beside` is what is
    written beside the cells, each with the cell it belongs to, if any. In the areas of `struck_if` and `shown_if` a condition, which
    nobody evaluates here, strikes cells through or shows another number.
    """

    empty: bool = False
    hidden: bool = False
    epoch_1904: bool = False
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    errors: dict[Cell, str] = field(default_factory=dict)
    uncomputed: set[Cell] = field(default_factory=set)
    shown: dict[Cell, str | None] = field(default_factory=dict)
    worded: dict[Cell, str] = field(default_factory=dict)
    long_numbers: set[Cell] = field(default_factory=set)
    unseen: set[Cell] = field(default_factory=set)
    struck: set[Cell] = field(default_factory=set)
    mixed: set[Cell] = field(default_factory=set)
    months: set[Cell] = field(default_factory=set)
    pictures: set[Cell] = field(default_factory=set)
    beside: list[tuple[str, str]] = field(default_factory=list)
    struck_if: list[str] = field(default_factory=list)
    shown_if: list[str] = field(default_factory=list)


class Sheet(ABC):
    """A worksheet or a csv, before anything in it is believed."""

    binary = False
    """Whether numbers come from binary doubles."""

    def __init__(self, file: ReceivedFile, name: str | None, traits: Traits) -> None:
        self.file = file
        self.name = name
        self.traits = traits

    @abstractmethod
    def head(self) -> list[dict[str, str]]:
        """The first rows: per row its filled cells by column letter.

        Raises: RefusedFileError: when the sheet cannot be read.
        """

    @property
    @abstractmethod
    def letters(self) -> Sequence[str]:
        """The letters of the columns in which there may be something."""

    @abstractmethod
    def rows(self, below: int) -> Iterator[pl.DataFrame]:
        """The rows below a row, of a csv block by block: `row` (UInt32, the sheet's number) and a String column per letter.

        Raises: RefusedFileError: when the sheet cannot be read to its end.
        """

    def show_words(self, letters: Iterable[str]) -> None:  # noqa: B027  # only a workbook has formats
        """From now on give the cells of these columns with the words that their formats put around them."""

    @property
    def place(self) -> str:
        """File and sheet as a clerk calls them."""
        return f"{self.file.name} 的工作表“{self.name}”" if self.name else self.file.name

    def finding(
        self,
        code: str,
        message: str,
        *,
        severity: Severity = Severity.ERROR,
        ledger: str | None = None,
        row: int | None = None,
        letter: str | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> Finding:
        """A finding at a place of this sheet."""
        cell = f"{letter}{row}" if row and letter else None
        return Finding(code, severity, message, ledger, self.file.name, self.name, row, column, cell, value)


def letters(count: int) -> list[str]:
    """The letters of the first columns: A, B, to Z, AA."""
    return [letter_of(index) for index in range(count)]


def letter_of(index: int) -> str:
    """The letters of a column counted from 0."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(65 + rest) + text
    return text


def index_of(letter: str) -> int:
    """The position of a column from 0; -1 for no letters."""
    index = 0
    for character in letter:
        index = index * 26 + ord(character) - 64
    return index - 1
