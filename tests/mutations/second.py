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
from openpyxl.utils import get_column_letter

from perfeval.ledgers import Reading
from perfeval.model import Ledger
from schemas import Column, Kind

_PLAIN_WORDS = re.compile(r"[一-龥A-Za-z0-9（）〔〕、。]+(?:-[0-9]+)*")
_PLAIN_FORMATS, _DAYS = {"General", "0", "0.00", "#,##0.00", "@"}, {"yyyy-mm-dd", "yyyy\\-mm\\-dd", "mm-dd-yy"}
_NOTHING = {"无", "没有", "暂无", "不适用", "NULL", "null", "None", "NaN", "nan"}
_MOST_ROWS, _MOST_COLUMNS, _MOST_DIGITS = 200, 50, 15


def differences(content: bytes, suffix: str, reading: Reading) -> Iterator[str]:
    """Cells that are read as another value than a second reader finds, without a finding on them."""
    for ledger in reading.ledgers.values():
        told = {(finding.row, finding.column) for finding in reading.findings}
        rows = {row["row"]: row for row in ledger.frame.iter_rows(named=True)}
        columns = {letter: ledger.shape.column(name) for name, letter in ledger.letters.items()}
        for number, letter, value, look in _csv_cells(content) if suffix == ".csv" else _cells(content, ledger):
            if number in rows and (column := columns.get(letter)) and (number, column.header) not in told:
                expected, found = _expected(column, value, look), rows[number][column.name]
                if expected not in (None, found):
                    yield f"{letter}{number} {column.header}: {value!r} ({look}) is read {found!r}"


def _cells(content: bytes, ledger: Ledger) -> Iterator[tuple[int, str, Any, str]]:
    """Row, column letter, value and number format of each filled cell."""
    try:
        with warnings.catch_warnings(action="ignore"):
            sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)[ledger.sheet]
            rows = sheet.iter_rows(max_row=_MOST_ROWS, max_col=_MOST_COLUMNS)
            cells = [
                (cell.row, cell.column_letter, cell.value, cell.number_format) for row in rows for cell in row if cell.value is not None
            ]
    except Exception:  # noqa: BLE001  # whatever a second reader stumbles over, it has no opinion then
        return
    yield from cells


def _csv_cells(content: bytes) -> Iterator[tuple[int, str, Any, str]]:
    try:
        text = content.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return
    # With line ends in cells the two readers would have to agree on more than values.
    if len(lines) == len(text.splitlines()):
        for number, line in enumerate(lines, 1):
            yield from ((number, get_column_letter(place), value, "@") for place, value in enumerate(line[:_MOST_COLUMNS], 1))


def _expected(column: Column, value: Any, look: str) -> Any:  # noqa: PLR0911  # a kind each
    """What a cell must be read as; nothing where a reader may be in doubt."""
    if isinstance(value, datetime):
        return value.date() if column.kind is Kind.DAY and look in _DAYS and value.time() == datetime.min.time() else None
    if look not in _PLAIN_FORMATS or isinstance(value, bool):
        return None
    number = _number(value)
    match column.kind:
        case Kind.MONEY if column.header.endswith("（元）"):
            return number if number is not None and number == round(number, 2) else None
        case Kind.COUNT:
            return int(number) if number is not None and number == int(number) and number >= 0 else None
        case Kind.DAY if isinstance(value, str) and re.fullmatch("20[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
            return _day(value)
        case Kind.TEXT | Kind.CODE | Kind.CHOICE if isinstance(value, str):
            return value if _PLAIN_WORDS.fullmatch(value) and len(value) < _MOST_DIGITS and value not in _NOTHING else None
    return None


def _number(value: Any) -> Decimal | None:
    text = value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, int | float) else ""
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]+)?", text) else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
