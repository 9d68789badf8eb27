"""Workbooks as Excel and clerks leave them."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from perfeval.ledgers import Reading, receive
from perfeval.spreadsheets import open_file

Read = Callable[[], Reading]
Found = Callable[[], list[tuple[str, str | None, str | None]]]
Write = Callable[..., None]


def rewrite(path: Path, part: str, old: str, new: str) -> None:
    """Change a part of a workbook behind openpyxl's back."""
    with ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    changed = re.sub(old.encode(), new.encode(), parts[part])
    assert changed != parts[part]
    with ZipFile(path, "w") as package:
        for name, content in (parts | {part: changed}).items():
            package.writestr(name, content)


def test_row_numbers_with_blank_rows_and_columns_before_are_the_sheets(write_workbook: Write, read: Read) -> None:
    header = {"C5": "问卷编号", "D5": "调查日期", "E5": "对象类别", "F5": "评价"}
    rows = {"C6": "1", "D6": "2022-03-05", "E6": "企业", "F6": "满意", "C9": "2", "D9": "2022-03-06", "E9": "群众", "F9": "差"}
    write_workbook("满意度调查台账.xlsx", {"C3": "2022年满意度调查台账", **header, **rows})
    reading = read()
    assert reading.ledgers["surveys"].frame["row"].to_list() == [6, 9]
    assert dict(reading.ledgers["surveys"].letters) == {"survey_no": "C", "surveyed_on": "D", "respondent": "E", "rating": "F"}
    assert [(finding.code, finding.row, finding.cell, finding.value) for finding in reading.findings] == [("V07", 9, "F9", "差")]


def test_blank_columns_before_a_stray_cell_are_no_columns(write_survey: Write, read: Read, folder: Path) -> None:
    write_survey({"XFD2": "x"})
    (sheet,) = open_file(receive(folder)[0])
    assert list(sheet.letters) == ["A", "B", "C", "D", "XFD"]
    assert read().ledgers["surveys"].frame.height == 1


def test_sheet_whose_only_cell_is_an_error_is_no_ledger(write_workbook: Write, found: Found) -> None:
    write_workbook("满意度调查.xlsx", {"A1": "#N/A"})
    assert [code for code, _, _ in found()] == ["L08"]


def test_sheet_with_more_text_in_its_place_than_can_be_held_is_refused(
    write_survey: Write, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("scan", "bounds"):
        monkeypatch.setattr(f"perfeval.spreadsheets.{module}.MOST_TEXT", 1 << 18)
    write_survey({f"E{row}": str(row) * 20_000 for row in range(2, 12)})
    (finding,) = read().findings
    assert (finding.code, finding.message[:9]) == ("L04", "工作表里的文字合计")


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        (date(2022, 3, 5), date(2022, 3, 5)),
        (datetime(2022, 3, 5), date(2022, 3, 5)),  # noqa: DTZ001  # a cell has no time zone
        (44625, date(2022, 3, 5)),
        ("2022年3月5日", date(2022, 3, 5)),
        ("２０２２.０３.０５　", date(2022, 3, 5)),
    ],
)
def test_day_in_a_cell_is_read(write_survey: Write, read: Read, typed: object, day: date) -> None:
    write_survey({"B2": typed})
    reading = read()
    assert reading.ledgers["surveys"].frame["surveyed_on"].to_list() == [day]
    assert reading.findings == ()


def test_day_with_time_is_refused(write_survey: Write, found: Found) -> None:
    write_survey({"B2": datetime(2022, 3, 5, 9, 30)})  # noqa: DTZ001  # a cell has no time zone
    assert found() == [("V03", "B2", "2022-03-05 09:30:00")]


def test_days_in_a_workbook_counting_from_1904_are_read(write_survey: Write, read: Read) -> None:
    def count_from_1904(workbook: Workbook) -> None:
        workbook.epoch = CALENDAR_MAC_1904
        workbook.active["B2"] = date(2022, 3, 5)
        workbook.active["B3"] = 43164

    write_survey({"A3": "WJ-002", "C3": "群众", "D3": "满意"}, change=count_from_1904)
    assert read().ledgers["surveys"].frame["surveyed_on"].to_list() == [date(2022, 3, 5), date(2022, 3, 6)]


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        (179900, "179900.00"),
        (0.1 + 0.2, "0.30"),
        (123456789.3, "123456789.30"),
        (99999999999.99, "99999999999.99"),
        ("￥1,234.50", "1234.50"),
        ("１，２３４．５０", "1234.50"),
        ("1,234.50元", "1234.50"),
    ],
)
def test_amount_in_a_cell_is_read(write_budget: Write, read: Read, typed: object, amount: str) -> None:
    write_budget({"E2": typed})
    reading = read()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal(amount)]
    assert reading.findings == ()


@pytest.mark.parametrize(
    ("typed", "shown"), [(1.005, "1.005"), ("一千", "一千"), ("1e3", "1e3"), (date(2022, 3, 5), "2022-03-05 00:00:00"), (True, "TRUE")]
)
def test_amount_of_another_kind_is_refused(write_budget: Write, found: Found, typed: object, shown: str) -> None:
    write_budget({"E2": typed})
    assert found() == [("V02", "E2", shown)]


def test_amount_in_ten_thousands_is_converted(write_budget: Write, read: Read) -> None:
    write_budget({"E1": " 金额(万元) ", "E2": 17.99})
    assert read().ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("179900.00")]


def test_percent_typed_as_percent_is_read_as_shown(write_workbook: Write, read: Read) -> None:
    def show_as_percent(workbook: Workbook) -> None:
        for place in ("C2", "D2"):
            workbook.active[place].number_format = "0.00%"

    header = {"A1": "项目编号", "B1": "月份", "C1": "计划进度（%）", "D1": "实际进度（％）", "E1": "当月完成投资（万元）", "F1": "存在问题"}
    rows = {"A2": "X1", "B2": "2022-03", "C2": 0.95, "D2": 0.29, "A3": "X1", "B3": "2022-04", "C3": 0.95, "D3": "95%"}
    write_workbook("项目进度台账.xlsx", {**header, **rows}, change=show_as_percent)
    frame = read().ledgers["progress"].frame
    assert frame["planned_pct"].to_list() == [Decimal("95.00"), Decimal("0.95")]
    assert frame["actual_pct"].to_list() == [Decimal("29.00"), Decimal("95.00")]


@pytest.mark.parametrize(
    ("number_format", "typed", "expected"),
    [
        ('#,##0.00"元"', 1234.5, ("1234.50", [])),
        ("[$-804]0.00元", 4.35, ("4.35", [])),
        ('0"万元"', 12, (None, [("V02", "E2", "12万元")])),
        ('0!.0,"万"', 123456, (None, [("V02", "E2", "123456（缩小显示）")])),
        ('0!.0000"万元"', 1234567, (None, [("V02", "E2", "1234567（缩小显示）")])),
        ('0"."0000', 1234567, (None, [("V02", "E2", "1234567（缩小显示）")])),
        ("#,##0.00,", 1234567, (None, [("V02", "E2", "1234567（缩小显示）")])),
        ('"单元"0', 12, ("12.00", [])),
        ('0"单元"', 12, ("12.00", [])),
        ('_ ¥* #,##0.00_ ;_ ¥* -#,##0.00_ ;_ ¥* "-"??_ ;_ @_ ', 1234.5, ("1234.50", [])),
        ("#,##0.00;[Red]-#,##0.00", 1234.5, ("1234.50", [])),
        ("0!%", 12, ("12.00", [])),
        (r"0.00\%", 0.5, ("0.50", [])),
        ("0.00_%", 0.5, ("0.50", [])),
        ("0.00%", 0.5, (None, [("V02", "E2", "50%")])),
    ],
)
def test_number_is_read_as_its_format_shows_it(
    write_budget: Write, read: Read, number_format: str, typed: float, expected: tuple[str | None, list[tuple[str, str, str]]]
) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["E2"].number_format = number_format

    write_budget({"E2": typed}, change=show)
    reading = read()
    (amount,) = reading.ledgers["budget"].frame["amount_yuan"].to_list()
    found = [(finding.code, finding.cell, finding.value) for finding in reading.findings]
    assert (amount and f"{amount}", found) == expected


def test_code_shown_with_leading_zeros_is_read_with_them(write_survey: Write, read: Read) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["A2"].number_format = "00000000"

    write_survey({"A2": 1234567}, change=show)
    assert read().ledgers["surveys"].frame["survey_no"].to_list() == ["01234567"]


@pytest.mark.parametrize("number", [27, 31, 36, 50, 58])
def test_number_that_chinese_excel_shows_as_a_day_is_one(write_budget: Write, read: Read, folder: Path, number: int) -> None:
    def show(workbook: Workbook) -> None:
        for place in ("B2", "E2"):
            workbook.active[place].number_format = "0.000"

    write_budget({"B2": 44625, "E2": 44625}, change=show)
    rewrite(folder / "预算指标台账.xlsx", "xl/styles.xml", "<numFmts.*?</numFmts>", "")
    rewrite(folder / "预算指标台账.xlsx", "xl/styles.xml", 'numFmtId="164"', f'numFmtId="{number}"')
    reading = read()
    assert reading.ledgers["budget"].frame["issued_on"].to_list() == [date(2022, 3, 5)]
    assert [(finding.code, finding.cell, finding.value) for finding in reading.findings] == [("V02", "E2", "2022-03-05 00:00:00")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<row r="2"', '<row r="x" hidden="1"'),
        ("<sheetData>", '<cols><col min="x" max="3" hidden="1"/></cols><sheetData>'),
        ("<v>1000</v>", "<v>1-2</v>"),
    ],
)
def test_numbers_that_are_none_are_a_broken_sheet(write_budget: Write, found: Found, folder: Path, old: str, new: str) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["E2"].number_format = "0%"

    write_budget({"E2": 1000}, change=show)
    rewrite(folder / "预算指标台账.xlsx", "xl/worksheets/sheet1.xml", old, new)
    assert [code for code, _, _ in found()] == ["L03"]


def test_hidden_columns_before_the_first_are_no_endless_list(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget()
    hidden = '<cols><col min="-5" max="3" hidden="1"/></cols><sheetData>'
    rewrite(folder / "预算指标台账.xlsx", "xl/worksheets/sheet1.xml", "<sheetData>", hidden)
    assert [code for code, _, _ in found()] == ["L17"]


@pytest.mark.parametrize("number", [60, 59, 0, 366])
def test_small_number_shown_as_a_day_is_none(write_budget: Write, found: Found, number: int) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["B2"].value, workbook.active["B2"].number_format = number, "yyyy/m/d"

    write_budget(change=show)
    assert [(code, cell) for code, cell, _ in found()] == [("V03", "B2")]


@pytest.mark.parametrize(
    ("typed", "number_format", "codes"),
    [
        (date(2022, 3, 1), 'yyyy"年"m"月"', ["V03"]),
        (date(2022, 3, 1), "mmm-yy", ["V03"]),
        (date(2022, 3, 5), 'yyyy"年"m"月"', []),
        (date(2022, 3, 1), 'm"月"d"日"', []),
    ],
)
def test_month_typed_where_a_day_belongs_is_told(
    write_budget: Write, found: Found, typed: date, number_format: str, codes: list[str]
) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["B2"].value, workbook.active["B2"].number_format = typed, number_format

    write_budget(change=show)
    assert [code for code, _, _ in found()] == codes


def test_month_that_excel_turned_into_a_day_is_read(write_workbook: Write, read: Read) -> None:
    header = {"A1": "项目编号", "B1": "月份", "C1": "计划进度(%)", "D1": "实际进度(%)", "E1": "当月完成投资（元）", "F1": "存在问题"}
    write_workbook("项目进度台账.xlsx", {**header, "A2": "X1", "B2": date(2022, 3, 1), "C2": 50, "D2": 40, "E2": 12.5})
    frame = read().ledgers["progress"].frame
    assert frame["month"].to_list() == ["2022-03"]
    assert frame["completed_yuan"].to_list() == [Decimal("12.50")]


def test_formula_error_is_found(write_budget: Write, found: Found) -> None:
    write_budget({"E2": "#DIV/0!"})
    assert found() == [("V10", "E2", "#DIV/0!")]


def test_formula_without_result_is_found(write_budget: Write, found: Found) -> None:
    write_budget({"E2": "=500+500"})
    assert found() == [("V11", "E2", None)]


def test_code_that_excel_cut_to_15_digits_is_found(write_survey: Write, found: Found) -> None:
    write_survey({"A2": 12345678901234567890})
    assert found() == [("V15", "A2", None)]


def test_long_code_kept_as_text_is_read(write_survey: Write, read: Read) -> None:
    write_survey({"A2": "12345678901234567890"})
    reading = read()
    assert reading.ledgers["surveys"].frame["survey_no"].to_list() == ["12345678901234567890"]
    assert reading.findings == ()


def test_code_that_excel_turned_into_a_day_is_found(write_survey: Write, found: Found) -> None:
    write_survey({"A2": date(2022, 3, 5)})
    assert found() == [("V15", "A2", "2022-03-05 00:00:00")]


def test_code_typed_as_number_is_read(write_survey: Write, read: Read) -> None:
    write_survey({"A2": 7})
    assert read().ledgers["surveys"].frame["survey_no"].to_list() == ["7"]


def test_merged_data_cells_are_found_once(write_survey: Write, found: Found) -> None:
    write_survey(
        {"A3": "WJ-002", "B3": "2022-03-06", "D3": "满意", "A4": "WJ-003", "B4": "2022-03-06", "D4": "满意"},
        change=lambda workbook: workbook.active.merge_cells("C2:C4"),
    )
    assert found() == [("L18", "C2", None)]


def test_merged_title_and_total_are_no_finding(write_workbook: Write, found: Found) -> None:
    def merge(workbook: Workbook) -> None:
        workbook.active.merge_cells("A1:F1")
        workbook.active.merge_cells("A4:D4")

    header = {"A2": "指标文号", "B2": "下达日期", "C2": "预算项目编码", "D2": "资金来源", "E2": "金额（元）", "F2": "备注"}
    row = {"A3": "桃财预〔2022〕15号", "B3": "2022-03-05", "C3": "P1", "D3": "追加", "E3": 1000}
    write_workbook("预算指标台账.xlsx", {"A1": "标题", **header, **row, "A4": "合计", "E4": 1000}, change=merge)
    assert found() == []


def test_hidden_rows_and_columns_count_and_are_told(write_survey: Write, read: Read) -> None:
    def hide(workbook: Workbook) -> None:
        workbook.active.row_dimensions[2].hidden = True
        workbook.active.row_dimensions[3].hidden = True
        workbook.active.column_dimensions["C"].hidden = True

    write_survey({"A3": "WJ-002", "B3": "2022-03-06", "C3": "群众", "D3": "满意"}, change=hide)
    reading = read()
    assert reading.ledgers["surveys"].frame.height == 2
    assert [(finding.code, finding.severity, finding.message) for finding in reading.findings] == [
        ("L17", "warning", "栏目 对象类别 被隐藏，仍计入。请取消隐藏核对。"),
        ("L17", "warning", "第2-3行被隐藏或筛选掉，仍计入。请取消隐藏核对；不应计入的请删除。"),
    ]


def test_hidden_sheet_counts_and_is_told(write_survey: Write, read: Read) -> None:
    def hide(workbook: Workbook) -> None:
        workbook.active.sheet_state = "hidden"
        workbook.create_sheet("说明")["A1"] = "见隐藏表"

    write_survey(sheet="满意度调查台账", change=hide)
    reading = read()
    assert reading.ledgers["surveys"].frame.height == 1
    assert [(finding.code, finding.severity) for finding in reading.findings] == [("L08", "note"), ("L17", "warning")]


def test_merged_areas_without_number_are_listed_in_part(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget()
    areas = "<mergeCells>" + '<mergeCell ref="A2:F99999"/>' * 20_000 + "</mergeCells>"
    rewrite(folder / "预算指标台账.xlsx", "xl/worksheets/sheet1.xml", "</sheetData>", f"</sheetData>{areas}")
    assert 0 < sum(code == "L18" for code, _, _ in found()) <= 1_001
