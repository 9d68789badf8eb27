"""Reading a year's ledgers (台账): find their sheets, then each one through header, cells and checks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import polars as pl

from perfeval.codes import Code
from perfeval.ledgers.cells import BAD
from perfeval.ledgers.headers import find_layout
from perfeval.ledgers.layout import Layout
from perfeval.ledgers.marked import marked_findings
from perfeval.ledgers.rows import MOST_FINDINGS, clean_rows
from perfeval.ledgers.sources import find_sources
from perfeval.ledgers.validation import Failure, failures
from perfeval.ledgers.writings import with_registered_writings
from perfeval.model import Finding, Ledger, Ledgers, ReceivedFile, Severity
from perfeval.spreadsheets import Cell, RefusedFileError, Sheet, index_of
from perfeval.texts import told_signs
from schemas import Catalogue, Kind, LedgerModel


@dataclass(frozen=True)
class Reading:
    """What came of reading: the ledgers whose columns are complete, and all findings. An error among them stops the run."""

    ledgers: Ledgers
    findings: tuple[Finding, ...]


def read_ledgers(files: Sequence[ReceivedFile], catalogue: Catalogue) -> Reading:
    """Read, clean and validate the ledgers an office keeps; every fault is a finding, nothing is raised for bad input.

    A ledger with faulty cells is among the ledgers all the same, with nothing in those cells, so that rules over several
    ledgers can add their findings.
    """
    sheets, findings = find_sources(files, catalogue)
    ledgers: dict[str, Ledger] = {}
    for name, sheet in sheets.items():
        ledger, found = _read(catalogue[name], sheet, catalogue)
        findings.extend(sorted(found, key=_position))
        if ledger:
            ledgers[name] = ledger
    for name, ledger in ledgers.items():
        ledgers[name], found = with_registered_writings(ledger, ledgers)
        findings.extend(found)
    return Reading(ledgers, tuple(findings))


def _position(finding: Finding) -> tuple[int, int]:
    return finding.row or 0, index_of((finding.cell or "").rstrip("0123456789"))


def _read(model: type[LedgerModel], sheet: Sheet, catalogue: Catalogue) -> tuple[Ledger | None, list[Finding]]:
    try:
        layout, findings = find_layout(model, sheet, catalogue)
        if layout is None:
            return None, findings
        sheet.show_words(layout.letters[column.name] for column in layout.columns if column.kind not in BAD)
        cleaned = clean_rows(model, sheet, layout)
    except RefusedFileError as refusal:
        return None, [sheet.finding(refusal.code, refusal.message, ledger=model.ledger_title())]
    marked, spoken = marked_findings(model, sheet, layout, cleaned)
    fractions = _fractions(model, sheet, layout, cleaned.rows)
    failed = _failed_checks(model, sheet, layout, cleaned.rows, cleaned.spoken | spoken)
    found = list(islice(chain(cleaned.findings, marked, fractions, failed), MOST_FINDINGS))
    if len(found) == MOST_FINDINGS:
        message = f"问题太多，只列出前{MOST_FINDINGS}处，后面的没有检查。请先改正这些，多半是整栏的同一个问题。"
        return None, [*findings, *found, sheet.finding(Code.TOO_MANY, message, ledger=model.ledger_title())]
    findings += found
    if not cleaned.last_row:
        message = f"表头（第{layout.header_row}行）下面没有数据。请确认本年确实没有发生。"
        findings.append(sheet.finding(Code.EMPTY, message, severity=Severity.WARNING, ledger=model.ledger_title(), row=layout.header_row))
    source = (sheet.file.name, sheet.name, sheet.file.digest)
    return Ledger(model, *source, cleaned.rows, layout.letters, cleaned.parts), findings


def _fractions(model: type[LedgerModel], sheet: Sheet, layout: Layout, rows: pl.LazyFrame) -> Iterator[Finding]:
    """A warning on each column of percentages that are fractions of one, as it seems: 0.95 where 95 is meant."""
    for column in layout.columns:
        if column.kind is Kind.PERCENT:
            percent = pl.col(column.name)
            is_part = (percent > 0) & (percent < 1)
            asked = (percent.max().alias("most"), is_part.sum().alias("parts"), pl.col("row").filter(is_part).first())
            most, parts, row = rows.select(asked).collect().row(0)
            if parts > 1 and most <= 1:
                message = f"“{column.header}”各行都不大于1，像是把95%写成了0.95；现按0.95%计入。确是百分之几的，请写成 95 或 95%。"
                letter, header, title = layout.letters[column.name], column.header, model.ledger_title()
                severity = Severity.WARNING
                yield sheet.finding(Code.FRACTIONS, message, severity=severity, ledger=title, row=row, letter=letter, column=header)


def _failed_checks(
    model: type[LedgerModel], sheet: Sheet, layout: Layout, rows: pl.LazyFrame, spoken: frozenset[Cell]
) -> Iterator[Finding]:
    """A finding for every cell that fails a check of the schema, with its text as found."""
    failed = list(failures(model, rows))
    texts = _texts(sheet, layout, failed)
    for failure in failed:
        letter = layout.letters[failure.column.name]
        for row in failure.rows:
            if (row, letter) not in spoken:
                value = texts.get(letter, {}).get(row)
                signs = told_signs(value or "") if failure.code is Code.NOT_A_CHOICE else ""
                yield sheet.finding(
                    failure.code,
                    f"{failure.message}其中{signs}，请重新键入。" if signs else failure.message,
                    severity=failure.severity,
                    ledger=model.ledger_title(),
                    row=row,
                    letter=letter,
                    column=failure.column.header,
                    value=value,
                )


def _texts(sheet: Sheet, layout: Layout, failed: Sequence[Failure]) -> dict[str, dict[int, str]]:
    """The cells that failed, as they are written in the sheet: by letter and row."""
    failed = [failure for failure in failed if failure.code is not Code.EMPTY_CELL]
    if not failed:
        return {}
    letters = {layout.letters[failure.column.name] for failure in failed}
    rows = pl.concat([failure.rows.head(MOST_FINDINGS) for failure in failed]).unique()
    wanted = pl.col("row").is_in(rows.implode())
    cells = pl.concat(lines.filter(wanted).select("row", *letters) for lines in sheet.rows(layout.header_row))
    return {letter: dict(zip(cells["row"], cells[letter], strict=True)) for letter in letters}
