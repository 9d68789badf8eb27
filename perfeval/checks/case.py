"""What a rule is given (核对对象), and how it reports: the year's ledgers, the settings rules hang on, findings at cells."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from perfeval.model import Finding, Ledger, Ledgers, Severity
from schemas import LEDGERS


@dataclass(frozen=True)
class Case:
    """One year's ledgers to be held against each other. A ledger that could not be read is absent: rules on it do not apply."""

    ledgers: Ledgers
    year: int
    programme_codes: Collection[str]
    classification: Mapping[str, str]

    def rows(self, name: str) -> pl.LazyFrame | None:
        """A ledger's rows, if it could be read."""
        ledger = self.ledgers.get(name)
        return ledger.rows if ledger else None

    def find(
        self, name: str, column: str, faulty: pl.Expr, code: str, message: str, *, severity: Severity = Severity.ERROR
    ) -> Iterator[Finding]:
        """A finding at `column` of every row that is faulty. The message may quote the row's cells, as {column}."""
        ledger = self.ledgers.get(name)
        if ledger is None:
            return
        for row in ledger.rows.filter(faulty).collect().iter_rows(named=True):
            yield finding_at(ledger, row["row"], column, code, message.format_map(row), row[column], severity)


def finding_at(ledger: Ledger, row: int, column: str, code: str, message: str, value: object, severity: Severity) -> Finding:
    """A finding at one cell of a ledger."""
    header = LEDGERS[ledger.name].column(column).header
    text = None if value is None else str(value)
    cell = f"{ledger.letters[column]}{row}"
    return Finding(code, severity, message, ledger.title, ledger.file, ledger.sheet, row, header, cell, text)


def finding_on(ledger: Ledger, code: str, message: str, severity: Severity = Severity.ERROR) -> Finding:
    """A finding on a ledger as a whole."""
    return Finding(code, severity, message, ledger.title, ledger.file, ledger.sheet)
