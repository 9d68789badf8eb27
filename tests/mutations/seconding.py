"""A second reader: what openpyxl and the csv module find in cells that leave no doubt, held against the rows of a reading."""

import csv
import io
import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl

from perfeval.ledgers import Reading
from perfeval.model import Ledger
from schemas import Column, Kind

_PLAIN_WORDS = re.compile(r"[一-龥A-Za-z0-9（）〔〕、。]+(?:-[0-9]+)*")
_PLAIN_FORMATS = {"General", "0", "0.00", "#,##0.00", "@"}
_DAYS = {"yyyy-mm-dd", "yyyy\\-mm\\-dd", "mm-dd-yy"}
_NOTHING = {"无", "没有", "暂无", "不适用"}
_MOST = Decimal(10) ** 12


def differences(content: bytes, suffix: str, reading: Reading) -> Iterator[str]:
    """Cells of the ledger read that say another value than a second reader finds, without a finding on them."""
    for ledger in reading.ledgers.values():
        spoken = {(finding.row, finding.column) for finding in reading.findings if finding.row}
        rows = {row["row"]: row for row in ledger.frame.iter_rows(named=True)}
        for number, letter, value, look in _cells(content, suffix, ledger):
            for name, at in ledger.letters.items():
                column = ledger.shape.column(name)
                expected = _expected(column, value, look)
                if at == letter and expected is not None and number in rows and (number, column.header) not in spoken:
                    found = rows[number][name]
                    if found != expected:
                        yield f"{letter}{number} {column.header}: {value!r} ({look}) is read {found!r}"


def _cells(content: bytes, suffix: str, ledger: Ledger) -> Iterator[tuple[int, str, Any, str]]:
    """Row, column letter, value and number format of each filled cell."""
    if suffix == ".csv":
        yield from _csv_cells(content)
        return
    try:
        with warnings.catch_warnings(action="ignore"):
            workbook = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        sheet = workbook[ledger.sheet]
    except Exception:  # noqa: BLE001  # whatever a second reader stumbles over, it has no opinion then
        return
    covered = {(row, column) for area in sheet.merged_cells.ranges for row, column in list(area.cells)[:1000]}
    for row in sheet.iter_rows(max_row=min(sheet.max_row, 1000), max_col=min(sheet.max_column, 50)):
        for cell in row:
            if cell.value is not None and (cell.row, cell.column) not in covered:
                yield cell.row, cell.column_letter, cell.value, cell.number_format


def _csv_cells(content: bytes) -> Iterator[tuple[int, str, Any, str]]:
    try:
        text = content.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return
    # A row is a line here; with line ends in cells the two readers would have to agree on more than values.
    if len(lines) == len(text.splitlines()):
        for number, line in enumerate(lines, 1):
            for position, value in enumerate(line[:50]):
                yield number, openpyxl.utils.get_column_letter(position + 1), value, "@"


def _expected(column: Column, value: Any, look: str) -> Any:  # noqa: ANN401, PLR0911  # any value; a kind each
    """What a cell must be read as; nothing where a reader may be in doubt."""
    if isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        is_plain = column.kind is Kind.DAY and look in _DAYS and value.time() == datetime.min.time()
        return value.date() if is_plain else None
    if look not in _PLAIN_FORMATS:
        return None
    match column.kind:
        case Kind.MONEY if column.header.endswith("（元）"):
            number = _number(value)
            return number if number is not None and number == round(number, 2) else None
        case Kind.COUNT:
            number = _number(value)
            return int(number) if number is not None and number == int(number) and number >= 0 else None
        case Kind.DAY if isinstance(value, str) and re.fullmatch("20[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
            return _day(value)
        case Kind.TEXT | Kind.CODE | Kind.CHOICE if isinstance(value, str):
            return value if _PLAIN_WORDS.fullmatch(value) and len(value) < 15 and value not in _NOTHING else None  # noqa: PLR2004  # digits of a double
    return None


def _number(value: Any) -> Decimal | None:  # noqa: ANN401  # any value
    text = value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, int | float) else ""
    number = Decimal(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None
    return number if number is None or abs(number) < _MOST else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
