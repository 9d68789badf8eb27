"""Csv files as programs and clerks write them."""

from collections.abc import Callable
from pathlib import Path

import pytest

Rows = Callable[[Path], list[tuple[object, ...]]]
Refusal = Callable[[Path], tuple[str, str]]
Write = Callable[[bytes], Path]

HEADER = "问卷编号,调查日期\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a csv."""

    def written(content: bytes) -> Path:
        path = tmp_path / "满意度调查台账.csv"
        path.write_bytes(content)
        return path

    return written


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_in_usual_encodings_is_read(write: Write, read_rows: Rows, encoding: str, end: str) -> None:
    path = write(end.join(["问卷编号,调查日期", "WJ-1,2022/3/5 0:00", ""]).encode(encoding))
    assert read_rows(path) == [(1, "问卷编号", "调查日期", None), (2, "WJ-1", "2022/3/5 0:00", None)]


def test_row_numbers_count_blank_lines_and_quoted_line_breaks_as_a_spreadsheet_does(write: Write, read_rows: Rows) -> None:
    path = write(f'{HEADER}\n"WJ\n-1",2022-03-05\n,\nWJ-2,2022-03-06\n'.encode())
    assert read_rows(path)[1:] == [(3, "WJ\n-1", "2022-03-05", None), (5, "WJ-2", "2022-03-06", None)]


def test_quoted_separators_and_quotes_are_part_of_their_cell(write: Write, read_rows: Rows) -> None:
    path = write(f'{HEADER}"1,234.50","含""调减"""\n'.encode())
    assert read_rows(path)[1:] == [(2, "1,234.50", '含"调减"', None)]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (HEADER.encode("utf-16"), "L06", "文件是 UTF-16 编码（“Unicode 文本”）。请用 Excel 另存为“CSV UTF-8（逗号分隔）”。"),
        (HEADER.encode("utf-16-le"), "L06", "文件是 UTF-16 编码（“Unicode 文本”）。请用 Excel 另存为“CSV UTF-8（逗号分隔）”。"),
        (HEADER.encode("utf-16-be"), "L06", "文件是 UTF-16 编码（“Unicode 文本”）。请用 Excel 另存为“CSV UTF-8（逗号分隔）”。"),
        (
            (HEADER + "WJ-1,2022-03-05\n" * 70_000 + "WJ\0,2022-03-05\n").encode(),
            "L06",
            "文件后部有不是文字的字节，可能已损坏。请从原处重新导出，或用 Excel 打开检查后另存为 CSV。",
        ),
        (
            f"{HEADER}WJ-1,2022-03-05\rWJ-2,2022-03-06\n".encode(),
            "L06",
            "第2行里有旧式的换行（CR），这一行与下一行分不开。请用 Excel 打开核对后，另存为“CSV UTF-8（逗号分隔）”。",
        ),
        (
            f"{HEADER}WJ-1,2022-03-05\r,2022-03-06\n".encode(),
            "L06",
            "第2行里有旧式的换行（CR），这一行与下一行分不开。请用 Excel 打开核对后，另存为“CSV UTF-8（逗号分隔）”。",
        ),
        (b"\x81\xff\xff\n", "L06", "文件的文字编码既不是 UTF-8 也不是 GB18030。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。"),
        (b"a\x00b\n", "L01", "文件内容不是文本，不能当作 CSV 读取。请用 Excel 另存为 CSV 或 .xlsx。"),
        (b"\x1f\x8b\x08\x00", "L01", "文件内容不是文本，不能当作 CSV 读取。请用 Excel 另存为 CSV 或 .xlsx。"),
        (b"PK\x03\x04", "L01", "文件内容是 Excel 工作簿，扩展名却是 .csv。请把扩展名改回 .xlsx 后重新提交。"),
        (
            f'{HEADER}WJ-1,"企业,满意\n'.encode(),
            "L06",
            "第2行附近的英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。",
        ),
        (
            f'{HEADER}WJ-1,"甲\\"乙"\n'.encode(),
            "L06",
            '第2行用反斜杠表示单元格内的引号（\\"），照常读取会丢字。请在导出时改为用两个引号（""），或在 Excel 中核对后另存。',
        ),
        (
            f'{HEADER}WJ-1,"甲\\"乙\\"丙"\n'.encode(),
            "L06",
            '第2行用反斜杠表示单元格内的引号（\\"），照常读取会丢字。请在导出时改为用两个引号（""），或在 Excel 中核对后另存。',
        ),
        (
            f'{HEADER}\n"5\\"",x\n"6\\"",y\n'.encode(),
            "L06",
            '第3行用反斜杠表示单元格内的引号（\\"），照常读取会丢字。请在导出时改为用两个引号（""），或在 Excel 中核对后另存。',
        ),
        (f'{HEADER}"甲\n乙","a"b"c"\n'.encode(), "L06", "第2行附近的英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。"),
        (f'{HEADER}WJ-1,""好""\n'.encode(), "L06", "第2行附近的英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。"),
        (f'{HEADER}WJ-1, "甲,乙"\n'.encode(), "L06", "第2行附近的英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。"),
        (
            (HEADER + "WJ-1,2022-03-05\n" * 70_000).encode() + "WJ-2,群众\n".encode("gb18030"),
            "L06",
            "文件后部有不是 UTF-8 的字符。请用 Excel 打开，另存为“CSV UTF-8”后重新提交。",
        ),
        (
            "问卷编号,调查日期\rWJ-1,2022-03-05\r".encode(),
            "L06",
            "文件的换行是旧式的（CR），分不出各行。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。",
        ),
        (b"," * 5_000_000, "L06", "第一行过长，不像台账。请用 Excel 打开检查后另存为 CSV。"),
        (
            (HEADER + "WJ-1,2022-03-05\n" * 90_000 + "WJ-2,满意").encode("gb18030")[:-1],
            "L06",
            "文件的文字编码既不是 UTF-8 也不是 GB18030。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。",
        ),
    ],
)
def test_csv_that_cannot_be_read_is_refused(write: Write, refusal: Refusal, content: bytes, code: str, message: str) -> None:
    assert refusal(write(content)) == (code, message)


def test_quote_that_never_ends_is_refused_before_all_is_read(write: Write, refusal: Refusal) -> None:
    path = write((f'{HEADER}"1,2022-03-05\n' + "2,2022-03-05,企业,满意\n" * 700_000).encode())
    assert refusal(path)[0] == "L06"


def test_long_csv_with_quoted_line_breaks_keeps_its_row_numbers(write: Write, read_rows: Rows) -> None:
    good = 'WJ-1,2022-03-05\n"WJ\n-2",2022/3/6\n\n' * 130_000
    rows = read_rows(write(f"{HEADER}{good}WJ-3,2022-03-05\n".encode()))
    assert len(rows) == 260_002
    assert [row[0] for row in rows[-3:]] == [389_999, 390_000, 390_002]


@pytest.mark.parametrize("size", range(60, 140, 7))
def test_cell_with_quotes_and_line_breaks_may_stand_at_the_end_of_a_block(
    write: Write, read_rows: Rows, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("perfeval.spreadsheets.delimited._BLOCK", size)
    path = write((HEADER + '"第一行\n他说""好""\n第三行",2022-03-05\n' * 9).encode())
    assert [row[1] for row in read_rows(path)[1:]] == ['第一行\n他说"好"\n第三行'] * 9


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('="0012",="2022-03-05"', ("0012", "2022-03-05")),
        ('"=""0012""","=""含""""引号"""""""', ("0012", '含"引号"')),
        ('="甲,乙",="1,234.50"', ("甲,乙", "1,234.50")),
        ("'0012,'2022-03-05", ("0012", "2022-03-05")),
        ("`0012,`甲", ("0012", "甲")),
        ("'十四五'规划,it's", ("'十四五'规划", "it's")),
        ('=A1,"5"" 管"', ("=A1", '5" 管')),
        (r'"C:\",x', ("C:\\", "x")),
    ],
)
def test_signs_that_guard_text_are_no_part_of_it(write: Write, read_rows: Rows, line: str, cells: tuple[str, str]) -> None:
    assert read_rows(write(f"{HEADER}{line}\n".encode()))[1:] == [(2, *cells, None)]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_byte_order_marks_are_no_part_of_any_cell(write: Write, read_rows: Rows, encoding: str) -> None:
    text = '\ufeff\ufeff"问卷编号",调查日期\n\ufeff"WJ-1",2022-03-05\n'
    assert read_rows(write(text.encode(encoding))) == [(1, "问卷编号", "调查日期", None), (2, "WJ-1", "2022-03-05", None)]


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff"])
def test_byte_order_marks_between_files_put_together_are_no_part_of_their_rows(write: Write, read_rows: Rows, mark: str) -> None:
    path = write(f'{mark}{HEADER}WJ-1,2022-03-05\n{mark}WJ-2,2022-03-06\n{mark}"WJ,3",2022-03-07\n{mark}\n'.encode())
    assert read_rows(path) == [
        (1, "问卷编号", "调查日期", None),
        (2, "WJ-1", "2022-03-05", None),
        (3, "WJ-2", "2022-03-06", None),
        (4, "WJ,3", "2022-03-07", None),
    ]
