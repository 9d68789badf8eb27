"""Csv files as programs and clerks write them."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfeval.ledgers import Reading

Read = Callable[[], Reading]
Write = Callable[..., None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_in_usual_encodings_is_read(write_csv: Write, read: Read, encoding: str, end: str) -> None:
    write_csv("WJ-1,2022/3/5 0:00,企业,满意", "WJ-2,2022-03-06,群众,非常满意", encoding=encoding, end=end)
    reading = read()
    assert reading.findings == ()
    assert reading.ledgers["surveys"].sheet is None
    assert reading.ledgers["surveys"].frame.rows() == [
        (2, "WJ-1", date(2022, 3, 5), "企业", "满意"),
        (3, "WJ-2", date(2022, 3, 6), "群众", "非常满意"),
    ]


def test_csv_with_title_rows_is_read(folder: Path, read: Read) -> None:
    text = "2022年满意度调查,,,\n\n问卷编号,调查日期,对象类别,评价\nWJ-1,2022-03-05,企业,满意\n合计,,,\n"
    (folder / "满意度调查台账.csv").write_text(text, encoding="utf-8")
    assert read().ledgers["surveys"].frame["row"].to_list() == [4]


def test_csv_row_with_more_cells_than_the_header_is_found(write_csv: Write, read: Read) -> None:
    write_csv("WJ-1,2022-03-05,企业,满意,,", "WJ-2,2022-03-05,企业,满意,500", ",,,,6")
    assert [(finding.code, finding.row, finding.value) for finding in read().findings] == [("V17", 3, "500"), ("V17", 4, "6")]


def test_csv_without_its_header_is_refused_with_what_was_expected(folder: Path, read: Read) -> None:
    (folder / "满意度调查台账.csv").write_bytes("问卷编号\t调查日期\t对象类别\t评价\n".encode())
    reading = read()
    message = "前20行里没有找到《满意度调查台账》的表头。表头应包括：问卷编号、调查日期、对象类别、评价。CSV 各栏之间要用英文逗号分隔。"
    assert dict(reading.ledgers) == {}
    assert [(finding.code, finding.file, finding.message) for finding in reading.findings] == [("L12", "满意度调查台账.csv", message)]


def test_csv_that_breaks_off_further_down_is_an_error_on_its_ledger(folder: Path, read: Read) -> None:
    head = "问卷编号,调查日期,对象类别,评价\n" + "WJ-1,2022-03-05,企业,满意\n" * 40_000
    (folder / "满意度调查台账.csv").write_bytes(head.encode() + "WJ-2,2022-03-05,群众,满意\n".encode("gb18030"))
    reading = read()
    assert dict(reading.ledgers) == {}
    assert [(finding.code, finding.ledger) for finding in reading.findings] == [("L06", "满意度调查台账")]


@pytest.mark.parametrize("line", ["WJ-1 ,2022-03-05,　企业,满意", "ＷＪ－１,2022-03-05,企业,满意", "WJ-1,2022-03-05,企业\u200b,\u00a0满意"])
def test_csv_with_one_stray_sign_is_cleaned(write_csv: Write, read: Read, line: str) -> None:
    write_csv(line)
    reading = read()
    assert reading.findings == ()
    assert reading.ledgers["surveys"].frame.rows() == [(2, "WJ-1", date(2022, 3, 5), "企业", "满意")]


def test_long_csv_with_quoted_line_breaks_keeps_its_row_numbers(write_csv: Write, read: Read) -> None:
    good = ["WJ-1,2022-03-05,企业,满意", '"WJ\n-2",2022/3/6,"群众",非常满意', ""]
    write_csv(*good * 130_000, "WJ-3,2022-03-05,企业,差")
    reading = read()
    assert reading.ledgers["surveys"].frame.height == 260_001
    assert reading.ledgers["surveys"].frame["row"][-3:].to_list() == [389_999, 390_000, 390_002]
    assert [(finding.code, finding.cell) for finding in reading.findings] == [("V07", "D390002")]


@pytest.mark.parametrize("amount", ["179,900", "-1,234.50", "1,234,567.00"])
def test_csv_amount_split_at_its_separators_is_found_even_before_empty_cells(folder: Path, read: Read, amount: str) -> None:
    head = "指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注\n"
    (folder / "预算指标台账.csv").write_text(f"{head}桃财预〔2022〕15号,2022-07-05,P1,追加,{amount},\n", encoding="utf-8")
    assert [(finding.code, finding.cell) for finding in read().findings] == [("V02", "E2")]


@pytest.mark.parametrize(("number", "found"), [("1,234.50", ("V02", "A2")), ("1234.50,多余", ("V17", None))])
def test_csv_row_whose_cells_are_shifted_is_told_once(folder: Path, read: Read, number: str, found: tuple[str, str | None]) -> None:
    head = "金额（元）,指标文号,下达日期,预算项目编码,资金来源,备注\n"
    (folder / "预算指标台账.csv").write_text(f"{head}{number},桃财预〔2022〕15号,2022-07-05,P1,追加,备注\n", encoding="utf-8")
    assert [(finding.code, finding.cell) for finding in read().findings] == [found]


def test_csv_amount_in_quotes_before_trailing_commas_is_read(folder: Path, read: Read) -> None:
    head = "指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注\n"
    rows = '桃财预〔2022〕15号,2022-07-05,P1,追加,"1,234.50","含""1,000""的,\n备注",,\n'
    (folder / "预算指标台账.csv").write_text(head + rows, encoding="utf-8")
    reading = read()
    assert reading.findings == ()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("1234.50")]


BUDGET = "指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注\n桃财预〔2022〕15号,2022-07-05,P1,追加"


@pytest.mark.parametrize(
    ("amount", "note"), [("1", "234"), ("-1", "234.50"), ("￥12", "345.00"), ("999", "001"), ("１", "２３４"), ("1", "234元")]
)
def test_csv_amount_split_into_an_empty_cell_behind_is_found_and_not_read(folder: Path, read: Read, amount: str, note: str) -> None:
    (folder / "预算指标台账.csv").write_text(f"{BUDGET},{amount},{note}\n", encoding="utf-8")
    reading = read()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [None]
    assert [(finding.code, finding.cell, finding.value) for finding in reading.findings] == [("V02", "E2", amount)]
    assert reading.findings[0].message == (
        f"这一格是 {amount}，后一格是 {note}，可能本是一个数 {amount},{note}，被千位分隔符拆成了两格。"
        f"是一个数的请用英文双引号括起来；确是两格的请把这个数写成 {amount}.0。"
    )


def test_csv_row_with_a_decimal_comma_has_more_cells_than_the_others(folder: Path, read: Read) -> None:
    rows = [
        BUDGET,
        "12,50,\n桃财预〔2022〕16号",
        "2022-07-06",
        "P1",
        "追加",
        "12",
        "50\n桃财预〔2022〕17号",
        "2022-07-06",
        "P1",
        "追加",
        "12",
        "",
    ]
    (folder / "预算指标台账.csv").write_text(",".join(rows), encoding="utf-8")
    assert [(finding.code, finding.row) for finding in read().findings] == [("V17", 2)]


def test_csv_rows_that_all_end_in_a_comma_have_no_more_cells(folder: Path, read: Read) -> None:
    (folder / "预算指标台账.csv").write_text(f"{BUDGET},12,50,\n桃财预〔2022〕16号,2022-07-05,P1,追加,7,80,\n", encoding="utf-8")
    assert read().findings == ()


@pytest.mark.parametrize("cells", ["1.0,234", "1000,234", "1,2345", "1,样例234", "1,"])
def test_csv_amount_that_cannot_be_half_a_number_is_read(folder: Path, read: Read, cells: str) -> None:
    (folder / "预算指标台账.csv").write_text(f"{BUDGET},{cells}\n", encoding="utf-8")
    assert read().findings == ()


@pytest.mark.parametrize("code", ["2.4432E+19", "1.23457e+17", "1.5e17", "3月5日", "Mar-22", "5-Mar", "5-3月"])
def test_csv_code_changed_by_excel_is_found(write_csv: Write, read: Read, code: str) -> None:
    write_csv(f"{code},2022-03-05,企业,满意")
    assert [(finding.code, finding.cell, finding.value) for finding in read().findings] == [("V15", "A2", code)]


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#DIV/0!", "#NAME?", "########", "=A1", "=SUM(A1:A2)"])
def test_csv_text_that_a_program_wrote_for_a_fault_is_told(folder: Path, read: Read, text: str) -> None:
    header = "指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注"
    (folder / "预算指标台账.csv").write_text(f"{header}\n桃财预〔2022〕15号,2022-03-05,{text},追加,1000,{text}\n", encoding="utf-8")
    assert [(finding.code, finding.cell) for finding in read().findings] == [("V10", "C2"), ("V10", "F2")]


def test_csv_note_that_a_database_left_empty_is_none(folder: Path, read: Read) -> None:
    header = "指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注"
    (folder / "预算指标台账.csv").write_text(f"{header}\n桃财预〔2022〕15号,2022-03-05,P1,追加,1000,NULL\n", encoding="utf-8")
    reading = read()
    assert (reading.findings, reading.ledgers["budget"].frame["note"].to_list()) == ((), [None])


# Each example writes the file anew.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.one_of(st.binary(max_size=80), st.text(alphabet='",\n\r\t 一2-/.;\u3000', max_size=80).map(str.encode)))
def test_csv_of_any_content_ends_in_findings(folder: Path, read: Read, content: bytes) -> None:
    header = "问卷编号,调查日期,对象类别,评价\n".encode()
    (folder / "满意度调查台账.csv").write_bytes(header + content)
    reading = read()
    assert reading.findings
    assert all(finding.message for finding in reading.findings)
