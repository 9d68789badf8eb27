"""What a rule is given (核对对象), and how it reports: the year's ledgers, the settings rules hang on, findings at cells."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl

from perfeval.model import Finding, Ledger, Ledgers, Severity
from perfeval.model.identifiers import comparable
from schemas import Catalogue, Column
from schemas.columns import Constraint

C = TypeVar("C", bound=Constraint)


@dataclass(frozen=True)
class CheckContext:
    """One year's ledgers to be held against each other. A ledger that could not be read is absent: rules on it do not apply."""

    ledgers: Ledgers
    catalogue: Catalogue
    year: int
    programme_codes: Collection[str]
    classification: Mapping[str, str]
    other_codes: Collection[str] = ()

    @property
    def known_codes(self) -> list[str]:
        """The codes of all programmes of the unit: its ledgers hold the rows of all of them."""
        return [*self.programme_codes, *self.other_codes]

    @property
    def programme_keys(self) -> dict[str, str]:
        """The codes of the evaluated programme by what they are compared as."""
        return dict(zip(comparable(pl.Series(self.programme_codes, dtype=pl.String)), self.programme_codes, strict=True))

    def rows(self, name: str) -> pl.LazyFrame | None:
        """A ledger's rows, if it could be read."""
        ledger = self.ledgers.get(name)
        return ledger.rows if ledger else None

    def is_expected(self, name: str) -> bool:
        """Whether the office keeps a ledger for the year: it has one, or must."""
        return name in self.ledgers or (name in self.catalogue and name not in self.catalogue.optional)

    def constrained(self, kind: type[C]) -> Iterator[tuple[Ledger, Column, C]]:
        """Every column that is held to a kind of constraint, with the constraint."""
        for ledger in self.ledgers.values():
            for column in ledger.shape.columns():
                yield from ((ledger, column, constraint) for constraint in column.constraints if isinstance(constraint, kind))


def faulty_rows(ledger: Ledger, faulty: pl.Expr) -> Iterator[dict[str, Any]]:
    """The rows of a ledger that are faulty."""
    return ledger.rows.filter(faulty).collect().iter_rows(named=True)


def finding_at(ledger: Ledger, row: Mapping[str, Any], column: str, code: str, message: str, severity: Severity) -> Finding:
    """A finding at one cell of a row; a column that the sheet does not have has no cell."""
    header, letter, value = ledger.shape.column(column).header, ledger.letters.get(column), row.get(column)
    cell = f"{letter}{row['row']}" if letter else None
    text = None if value is None else str(value)
    return Finding(code, severity, message, ledger.title, ledger.file, ledger.sheet, row["row"], header, cell, text)


def finding_on(ledger: Ledger, code: str, message: str, severity: Severity = Severity.ERROR) -> Finding:
    """A finding on a ledger as a whole."""
    return Finding(code, severity, message, ledger.title, ledger.file, ledger.sheet)


def level(*, is_warning: bool) -> Severity:
    """The severity of a finding on a constraint."""
    return Severity.WARNING if is_warning else Severity.ERROR
