"""Fixtures of the tests that go through several rooms."""

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest


def _shift(source: Path, target: Path) -> None:
    book = openpyxl.load_workbook(source)
    for row in book.worksheets[0].iter_rows(min_row=3):
        for cell in row:
            if isinstance(cell.value, datetime | date):
                cell.value = cell.value.replace(year=cell.value.year + 1)
            elif isinstance(cell.value, str) and re.fullmatch(r"2022-\d\d", cell.value):
                cell.value = cell.value.replace("2022", "2023")
    book.save(target)


@pytest.fixture(scope="session")
def shift() -> Callable[[Path, Path], None]:
    """Copies a ledger with every day and month of its data a year later."""
    return _shift
