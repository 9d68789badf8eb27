"""What somebody typed never becomes a formula, or a link out, in a workbook that the program writes."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest

from perfeval.ledgers import annotate, read_ledgers, receive
from perfeval.ledgers.blanks import blank, workbook
from schemas import DEFAULT
from schemas.columns import choice, code
from schemas.declared import declare

LINK = 'HYPERLINK("http://192.0.2.1/","x")'
TEXTS = [f"{sign}{LINK}" for sign in ("=", "+", "-", "@", "\t=", "\r=", "\n=", "＝", " =")] + ["=cmd|' /C calc'!A1", "_x003D_1+1", "=1"]
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def formulas(content: bytes) -> Iterator[str]:
    """Every formula of a cell in a workbook, every number that a text became, and every link out of it."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        for name in package.namelist():
            if name.endswith(".xml"):
                root = ElementTree.fromstring(package.read(name))  # noqa: S314  # our own file
                yield from (found.text or "" for cell in root.iter(f"{MAIN}c") for found in cell.iter(f"{MAIN}f"))
            if name.endswith(".rels"):
                yield from (name for text in package.read(name).decode().split('"') if text == "External")


@pytest.mark.parametrize("text", TEXTS)
def test_words_of_a_declared_ledger_are_no_formulas_in_its_blank_and_in_one_with_rows(text: str) -> None:
    model = declare("roads", "村道台账", {"route": code(text, text), "kind": choice("类别", text, text, "桥涵")})
    assert list(formulas(blank(model, 2023))) == []
    filled = workbook(model, model.columns(), 2023, text, [(text, text)], (text, None))
    assert list(formulas(filled)) == []
    sheet = openpyxl.load_workbook(io.BytesIO(filled)).active
    assert sheet
    assert {sheet[place].data_type for place in ("A1", "A2", "A3", "B3", "A4")} == {"s"}


@pytest.mark.parametrize("text", TEXTS)
def test_what_a_clerk_typed_is_no_formula_in_the_marked_copy(text: str, write_ledger: Callable[[str, str], Path], tmp_path: Path) -> None:
    files = receive(write_ledger("预算指标台账", text).parent)
    copies = annotate(files, read_ledgers(files, DEFAULT).findings, tmp_path / "marked")
    assert len(copies) == 1
    assert list(formulas(copies[0].read_bytes())) == []


@pytest.mark.parametrize("name", ["=1+1 预算指标台账", "@SUM(A1) 预算指标台账", "-1 预算指标台账"])
def test_name_of_a_file_is_no_formula_in_its_marked_copy(name: str, write_ledger: Callable[[str, str], Path], tmp_path: Path) -> None:
    files = receive(write_ledger(name, "=1").parent)
    (copy,) = annotate(files, read_ledgers(files, DEFAULT).findings, tmp_path / "marked")
    assert list(formulas(copy.read_bytes())) == []


@pytest.fixture
def write_ledger(tmp_path: Path) -> Callable[[str, str], Path]:
    """A csv of a ledger's name with a text in every cell, and beside the known columns in another one's header."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "ledgers" / f"{name}.csv"
        path.parent.mkdir()
        headers = [column.header for column in DEFAULT["budget"].columns()]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([[*headers, text], [text] * (len(headers) + 1)])
        return path

    return write
