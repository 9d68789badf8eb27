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
Found = Callable[[], list[tuple[str, str | None, str | None]]]
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


def test_csv_row_numbers_count_blank_lines_and_quoted_line_breaks_as_a_spreadsheet_does(write_csv: Write, read: Read) -> None:
    write_csv("", '"WJ\n-1",2022-03-05,企业,满意', ",,,", "WJ-2,2022-03-06,群众,差")
    reading = read()
    assert reading.ledgers["surveys"].frame.select("row", "survey_no").rows() == [(3, "WJ\n-1"), (5, "WJ-2")]
    assert [(finding.row, finding.cell, finding.value) for finding in reading.findings] == [(5, "D5", "差")]


def test_csv_with_title_rows_is_read(folder: Path, read: Read) -> None:
    text = "2022年满意度调查,,,\n\n问卷编号,调查日期,对象类别,评价\nWJ-1,2022-03-05,企业,满意\n合计,,,\n"
    (folder / "满意度调查台账.csv").write_text(text, encoding="utf-8")
    assert read().ledgers["surveys"].frame["row"].to_list() == [4]


def test_csv_with_quoted_separators_is_read(folder: Path, read: Read) -> None:
    text = '指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注\n桃财预〔2022〕1号,2022-03-05,P1,追加,"1,234.50","含""调减"""\n'
    (folder / "预算指标台账.csv").write_text(text, encoding="utf-8")
    assert read().ledgers["budget"].frame.select("amount_yuan", "note").rows() == [(Decimal("1234.50"), '含"调减"')]


def test_csv_row_with_more_cells_than_the_header_is_found(write_csv: Write, read: Read) -> None:
    write_csv("WJ-1,2022-03-05,企业,满意,,", "WJ-2,2022-03-05,企业,满意,500", ",,,,6")
    assert [(finding.code, finding.row, finding.value) for finding in read().findings] == [("V17", 3, "500"), ("V17", 4, "6")]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("问卷编号,调查日期\n".encode("utf-16"), "L06", "文件是 UTF-16 编码（“Unicode 文本”）。请用 Excel 另存为“CSV UTF-8（逗号分隔）”。"),
        (b"\x81\xff\xff\n", "L06", "文件的文字编码既不是 UTF-8 也不是 GB18030。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。"),
        (b"a\x00b\n", "L01", "文件内容不是文本，不能当作 CSV 读取。请用 Excel 另存为 CSV 或 .xlsx。"),
        (b"\x1f\x8b\x08\x00", "L01", "文件内容不是文本，不能当作 CSV 读取。请用 Excel 另存为 CSV 或 .xlsx。"),
        (b"PK\x03\x04", "L01", "文件内容是 Excel 工作簿，扩展名却是 .csv。请把扩展名改回 .xlsx 后重新提交。"),
        (
            '问卷编号,调查日期,对象类别,评价\nWJ-1,2022-03-05,"企业,满意\n'.encode(),
            "L06",
            "第2行附近的英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。",
        ),
        (b"", "L07", "文件是空的，没有《满意度调查台账》的表头和数据。请重新导出或从备份恢复后提交。"),
        (
            "问卷编号\t调查日期\t对象类别\t评价\n".encode(),
            "L12",
            "前20行里没有找到《满意度调查台账》的表头。表头应包括：问卷编号、调查日期、对象类别、评价。CSV 各栏之间要用英文逗号分隔。",
        ),
    ],
)
def test_csv_that_cannot_be_read_is_refused(folder: Path, read: Read, content: bytes, code: str, message: str) -> None:
    (folder / "满意度调查台账.csv").write_bytes(content)
    reading = read()
    assert dict(reading.ledgers) == {}
    assert [(finding.code, finding.file, finding.message) for finding in reading.findings] == [(code, "满意度调查台账.csv", message)]


def test_csv_that_changes_its_encoding_further_down_is_refused(folder: Path, read: Read) -> None:
    head = "问卷编号,调查日期,对象类别,评价\n" + "WJ-1,2022-03-05,企业,满意\n" * 40_000
    (folder / "满意度调查台账.csv").write_bytes(head.encode() + "WJ-2,2022-03-05,群众,满意\n".encode("gb18030"))
    reading = read()
    assert [(finding.code, finding.message) for finding in reading.findings] == [
        ("L06", "文件后部有不是 UTF-8 的字符。请用 Excel 打开，另存为“CSV UTF-8”后重新提交。")
    ]
    assert dict(reading.ledgers) == {}


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
    assert ("V17", 2) in [(finding.code, finding.row) for finding in read().findings]


def test_csv_amount_in_quotes_before_trailing_commas_is_read(folder: Path, read: Read) -> None:
    head = "指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注\n"
    rows = '桃财预〔2022〕15号,2022-07-05,P1,追加,"1,234.50","含""1,000""的,\n备注",,\n'
    (folder / "预算指标台账.csv").write_text(head + rows, encoding="utf-8")
    reading = read()
    assert reading.findings == ()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("1234.50")]


@pytest.mark.parametrize("size", range(60, 140, 7))
def test_csv_cell_with_quotes_and_line_breaks_may_stand_at_the_end_of_a_block(
    write_csv: Write, read: Read, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("perfeval.spreadsheets.delimited._BLOCK", size)
    write_csv(*['"第一行\n他说""好""\n第三行",2022-03-05,企业,满意'] * 9)
    reading = read()
    assert reading.findings == ()
    assert reading.ledgers["surveys"].frame["survey_no"].to_list() == ['第一行\n他说"好"\n第三行'] * 9


def test_csv_of_old_line_ends_is_refused_by_name(folder: Path, read: Read) -> None:
    (folder / "满意度调查台账.csv").write_bytes("问卷编号,调查日期,对象类别,评价,备注\rWJ-1,2022-03-05,企业,满意,\r".encode())
    (finding,) = read().findings
    assert "换行是旧式的" in finding.message


def test_long_csv_cut_inside_a_character_is_refused(folder: Path, read: Read) -> None:
    text = "问卷编号,调查日期,对象类别,评价\n" + "WJ-1,2022-03-05,企业,满意\n" * 60_000 + "WJ-2,2022-03-05,企业,满意"
    (folder / "满意度调查台账.csv").write_bytes(text.encode("gb18030")[:-1])
    assert [finding.code for finding in read().findings] == ["L06"]


@pytest.mark.parametrize("code", ["2.4432E+19", "3月5日"])
def test_csv_code_changed_by_excel_is_found(write_csv: Write, read: Read, code: str) -> None:
    write_csv(f"{code},2022-03-05,企业,满意")
    assert [(finding.code, finding.cell, finding.value) for finding in read().findings] == [("V15", "A2", code)]


# Each example writes the file anew.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.one_of(st.binary(max_size=80), st.text(alphabet='",\n\r\t 一2-/.;\u3000', max_size=80).map(str.encode)))
def test_csv_of_any_content_ends_in_findings(folder: Path, read: Read, content: bytes) -> None:
    header = "问卷编号,调查日期,对象类别,评价\n".encode()
    (folder / "满意度调查台账.csv").write_bytes(header + content)
    reading = read()
    assert reading.findings
    assert all(finding.message for finding in reading.findings)


def test_one_long_line_is_no_ledger(folder: Path, found: Found) -> None:
    (folder / "满意度调查台账.csv").write_bytes(b"," * 5_000_000)
    assert [code for code, _, _ in found()] == ["L06"]


def test_quote_that_never_ends_is_refused_before_all_is_read(write_csv: Write, found: Found) -> None:
    write_csv('"1,2022-03-05,企业,满意', *["2,2022-03-05,企业,满意"] * 700_000)
    assert [code for code, _, _ in found()] == ["L06"]
