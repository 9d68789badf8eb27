"""Workbooks as Excel, WPS and exports really write them, each with the right answer; all data is invented."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from perfeval.ledgers import Reading, read_ledgers, receive
from schemas import BUILT_IN, Catalogue

CASES = Path(__file__).parent / "cases"
GOOD_ROW = (2, "桃财预〔2022〕15号", date(2022, 3, 5), "ZDXM-2022-001", "年初预算", Decimal("1000.00"), "样例")


def read(case: str, ledger: str = "budget") -> Reading:
    title = BUILT_IN[ledger].ledger_title()
    files = [replace(file, name=f"{title}{file.path.suffix}") for file in receive(CASES / case)]
    return read_ledgers(files, Catalogue({ledger: BUILT_IN[ledger]}))


def told(reading: Reading) -> list[tuple[str, str, str | None, str | None]]:
    return [(finding.code, finding.severity, finding.cell, finding.value) for finding in reading.findings]


def test_format_of_conditional_formatting_is_no_format_of_cells() -> None:
    reading = read("k01")
    assert (reading.ledgers["budget"].frame.rows(), told(reading)) == ([GOOD_ROW], [])


def test_day_counted_from_1904_in_a_workbook_of_excel_2013_is_that_day() -> None:
    reading = read("k02")
    assert (reading.ledgers["budget"].frame.rows(), told(reading)) == ([GOOD_ROW], [])


def test_amount_shown_in_ten_thousands_under_a_header_of_yuan_is_told() -> None:
    reading = read("k03")
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [None]
    assert told(reading) == [("V02", "error", "E2", "12.5万元")]


def test_part_that_is_not_the_readers_business_may_be_utf_16() -> None:
    reading = read("k07")
    assert (reading.ledgers["budget"].frame.rows(), told(reading)) == ([GOOD_ROW], [])


def test_formula_that_was_never_computed_is_told_though_a_zero_is_kept_for_it() -> None:
    assert told(read("k09")) == [("V11", "error", "E2", None)]


def test_voucher_number_with_words_in_its_format_is_read_as_shown() -> None:
    reading = read("k13", "expenditure")
    assert (reading.ledgers["expenditure"].frame["voucher_no"].to_list(), told(reading)) == (["记-012"], [])


def test_picture_in_a_cell_is_read_as_nothing_and_told() -> None:
    reading = read("k15")
    assert reading.ledgers["budget"].frame["note"].to_list() == [None]
    assert [(finding.code, finding.severity, finding.cell, finding.message) for finding in reading.findings] == [
        ("V24", "note", "F2", "“备注”第2行是图片，读作空白。需要文字的请填写文字；图片请另存为佐证材料。")
    ]
