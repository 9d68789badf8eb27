"""Blank ledgers as a clerk gets them, and what comes back when rows are typed into them."""

import io
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from perfeval.ledgers import Reading
from perfeval.ledgers.blanks import blank, write_blanks
from schemas import BUILT_IN, DEFAULT, Catalogue
from schemas.columns import LedgerModel, choice, code, month, quantity
from schemas.declared import declare

Read = Callable[..., Reading]

LONG = "沿线群众反映排水不畅，" * 40 + "已现场协调"


ROADS = declare(
    "roads",
    "村道台账",
    {
        "village": choice("村名", "哪个村。", *(f"样例乡镇第{n}行政村" for n in range(40))),
        "kind": choice("类别", "哪一类。", "路面, 路肩", "桥涵"),
        "note": choice("说明", "怎样。", '原文"好"', "一般"),
        "route": code("路线", "哪条路。"),
        "done": month("完成月份", "哪月完成。"),
        "length_km": quantity("里程（公里）", "多长。", unit="公里"),
    },
)
"""A declared ledger, with lists of words that Excel cannot hold."""


def sheet_of(model: type[LedgerModel], year: int = 2023) -> Worksheet:
    return openpyxl.load_workbook(io.BytesIO(blank(model, year))).active


def rules(sheet: Worksheet) -> Mapping[str, DataValidation]:
    return {str(rule.sqref).rstrip("0123456789"): rule for rule in sheet.data_validations.dataValidation}


def type_row(path: Path, values: Iterable[object]) -> None:
    """Save the workbook with these values in its third row, as a clerk does."""
    book = openpyxl.load_workbook(path)
    for column, value in enumerate(values, 1):
        book.active.cell(3, column, value)
    book.save(path)


def test_blanks_are_one_workbook_per_ledger_named_by_its_title(tmp_path: Path) -> None:
    catalogue = Catalogue({"budget": BUILT_IN["budget"], "surveys": BUILT_IN["surveys"]})
    paths = write_blanks(catalogue, tmp_path / "ledgers" / "2023", 2023)
    assert [path.name for path in paths] == ["预算指标台账.xlsx", "满意度调查台账.xlsx"]
    assert [path.is_file() for path in paths] == [True, True]


def test_write_blanks_where_ledgers_are_filled_leaves_them_alone(tmp_path: Path) -> None:
    (tmp_path / "预算指标台账.xlsx").write_bytes(b"filled")
    (tmp_path / "满意度调查台账.csv").write_bytes(b"filled")
    paths = write_blanks(DEFAULT, tmp_path, 2023)
    assert len(paths) == 11
    assert (tmp_path / "预算指标台账.xlsx").read_bytes() == b"filled"
    assert not (tmp_path / "满意度调查台账.xlsx").exists()


def test_blank_twice_gives_the_same_bytes() -> None:
    assert blank(BUILT_IN["projects"], 2023) == blank(BUILT_IN["projects"], 2023)


@pytest.mark.parametrize("name", BUILT_IN)
def test_blank_is_small(name: str) -> None:
    assert len(blank(BUILT_IN[name], 2023)) < 20_000


def test_blank_has_title_and_headers_and_nothing_else() -> None:
    sheet = sheet_of(BUILT_IN["budget"])
    assert sheet.title == "预算指标台账"
    assert sheet["A1"].value == "预算指标台账（2023年度）　　蓝底粗体的栏目必须填写，灰底的可以不填；栏目名上有填写说明"
    assert [cell.value for cell in sheet[2]] == ["指标文号", "下达日期", "预算项目编码", "资金来源", "金额（元）", "备注"]
    assert sheet.max_row == 2


def test_required_headers_are_blue_and_bold_the_others_grey() -> None:
    sheet = sheet_of(BUILT_IN["budget"])
    assert [cell.font.bold for cell in sheet[2]] == [True, True, True, True, True, False]
    assert (sheet["A2"].fill.fgColor.rgb, sheet["F2"].fill.fgColor.rgb) == ("FFBDD7EE", "FFEDEDED")


def test_columns_are_formatted_by_what_they_hold() -> None:
    expenditure, progress = sheet_of(BUILT_IN["expenditure"]), sheet_of(BUILT_IN["progress"])
    dimensions = expenditure.column_dimensions
    assert [dimensions[letter].number_format for letter in "ABGIJL"] == ["@", "yyyy-mm-dd", "@", "#,##0.00", "@", "0"]
    dimensions = progress.column_dimensions
    assert [dimensions[letter].number_format for letter in "ABCE"] == ["@", "@", "General", "#,##0.00####"]


def test_header_note_says_what_to_fill() -> None:
    sheet = sheet_of(BUILT_IN["budget"])
    assert sheet["A2"].comment.text == "【必须填写】\n下达预算指标的文号。\n应按原件填写，如 桃财预〔2022〕15号。"
    assert sheet["B2"].comment.text == "【必须填写】\n指标文件的下达日期。\n应填2023年的日期，写作 2023-03-05。"
    assert sheet["D2"].comment.text == "【必须填写】\n资金从哪里来。\n只能填：年初预算、追加、调减、上年结转、其他资金。"
    assert sheet["F2"].comment.text == "【可以不填】\n需要说明的事项。"


def test_header_note_on_numbers_says_limits_and_unit() -> None:
    progress, work = sheet_of(BUILT_IN["progress"]), sheet_of(BUILT_IN["evaluation_work"])
    assert progress["C2"].comment.text == "【必须填写】\n到月末的累计计划进度。\n应填数字，不小于0，不大于100，单位为%，不写单位。"
    assert progress["E2"].comment.text == "【可以不填】\n当月完成的投资。\n应填数字，不小于0，单位见表头，不写单位。"
    assert work["E2"].comment.text == "【可以不填】\n参加的人数。\n应填整数，不小于0，不写单位。"


def test_choices_have_a_pull_down() -> None:
    rule = rules(sheet_of(BUILT_IN["budget"]))["D3:D"]
    assert (rule.type, rule.formula1, rule.showErrorMessage) == ("list", '"年初预算,追加,调减,上年结转,其他资金"', True)
    assert rule.error == "“资金来源”只能填：年初预算、追加、调减、上年结转、其他资金。"


def test_choices_that_excel_cannot_hold_stand_in_the_note_alone() -> None:
    sheet = sheet_of(ROADS)
    assert list(rules(sheet)) == ["C3:C", "E3:E", "F3:F"]
    assert rules(sheet)["C3:C"].formula1 == '"原文""好"",一般"'
    assert sheet["A2"].comment.text.endswith("样例乡镇第38行政村、样例乡镇第39行政村。")
    assert sheet["B2"].comment.text == "【必须填写】\n哪一类。\n只能填：路面, 路肩、桥涵。"


def test_numbers_are_held_to_the_limits_of_the_ledger() -> None:
    progress, budget = rules(sheet_of(BUILT_IN["progress"])), rules(sheet_of(BUILT_IN["budget"]))
    count = rules(sheet_of(BUILT_IN["evaluation_work"]))["E3:E"]
    assert (progress["C3:C"].type, progress["C3:C"].formula1, progress["C3:C"].formula2) == ("decimal", "0", "100")
    assert (progress["E3:E"].type, progress["E3:E"].formula1) == ("decimal", "0")
    assert (budget["E3:E"].type, budget["E3:E"].formula1) == ("decimal", "-10000000000000")
    assert (count.type, count.formula1) == ("whole", "0")


def test_quantities_are_decimals_in_their_unit() -> None:
    sheet = sheet_of(ROADS)
    assert sheet["F2"].comment.text == "【必须填写】\n多长。\n应填数字，不小于0，单位为公里，不写单位。"
    assert (sheet.column_dimensions["F"].number_format, rules(sheet)["F3:F"].type) == ("General", "decimal")


def test_days_are_held_to_be_days() -> None:
    rule = rules(sheet_of(BUILT_IN["plans"]))["D3:D"]
    assert (rule.type, rule.formula1, rule.formula2) == ("date", "DATE(1990,1,1)", "DATE(2099,12,31)")
    assert (rule.errorTitle, rule.error) == ("请核对", "“制定日期”应填日期，写作 2023-03-05。")


def test_days_of_the_year_are_held_to_it_as_hard_as_the_checks_do() -> None:
    paid, issued = rules(sheet_of(BUILT_IN["expenditure"]))["B3:B"], rules(sheet_of(BUILT_IN["budget"]))["B3:B"]
    surveyed, finished = rules(sheet_of(BUILT_IN["surveys"]))["B3:B"], rules(sheet_of(BUILT_IN["projects"]))["K3:K"]
    assert (paid.formula1, paid.formula2, paid.errorStyle) == ("DATE(2023,1,1)", "DATE(2023,12,31)", "stop")
    assert paid.error == "“支付日期”应填2023年的日期，写作 2023-03-05。"
    assert (issued.formula2, issued.errorStyle) == ("DATE(2023,12,31)", "warning")
    assert (surveyed.formula2, surveyed.errorStyle) == ("DATE(2024,12,31)", "warning")
    assert surveyed.error == "“调查日期”应填2023年或2024年的日期，写作 2023-03-05。"
    assert (finished.formula1, finished.errorStyle) == ("DATE(1990,1,1)", "stop")


def test_months_of_the_year_are_in_a_pull_down() -> None:
    rule = rules(sheet_of(BUILT_IN["progress"], 2024))["B3:B"]
    assert rule.formula1.startswith('"2024-01,2024-02,')
    assert rule.formula1.endswith(',2024-12"')
    assert (rule.errorStyle, rule.error) == ("stop", "“月份”应填2024年的月份，写作 2024-03。")


def test_months_not_held_to_the_year_are_a_proposal() -> None:
    rule = rules(sheet_of(ROADS))["E3:E"]
    assert (rule.errorStyle, rule.error) == ("warning", "“完成月份”应填月份，写作 2023-03。")


def test_blank_is_set_up_for_screen_and_paper() -> None:
    sheet = sheet_of(BUILT_IN["budget"])
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A3", "A2:F1002", "$1:$2")
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == ("landscape", 9, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage is True
    assert (sheet.oddFooter.left.text, sheet.oddFooter.right.text) == ("蓝底粗体的栏目必须填写，灰底的可以不填", "第 &P 页，共 &N 页")


def test_blanks_are_read_as_ledgers_without_rows(folder: Path, read: Read) -> None:
    write_blanks(DEFAULT, folder, 2023)
    reading = read()
    assert {(finding.code, finding.severity) for finding in reading.findings} == {("L07", "warning")}
    assert len(reading.findings) == 13
    assert set(reading.ledgers) == set(DEFAULT)


# As a clerk's Excel stores what he types into the blank: text where the column is text, days and numbers as such.
TYPED: Mapping[str, tuple[object, ...]] = {
    "budget": ("桃财预〔2023〕15号", date(2023, 3, 5), "0301", "追加", 179900.5, "3-5"),
    "expenditure": (
        "0007", date(2023, 7, 12), "0301", "30202", "印刷费", "图文资料", LONG, "样例印刷厂", 1234.5, "公务卡", "00881", 3,
        "FA-1", None, "样例审批人", date(2023, 7, 10), "追加",
    ),
    "targets": ("县道养护里程", "≥95%", 10.5, "桃财绩〔2023〕2号", date(2023, 3, 1), None, "P-1"),
    "plans": ("FA-1", "调度协调", "会议", date(2023, 2, 1), 0, None, None),
    "projects": (
        "001", "样例项目", "交通", None, "政府投资", "在建", 12.345678, None, 3, date(2020, 1, 2), None, None, None, None, None, "是", "否",
    ),
    "progress": ("001", "2023-03", 95, 0.5, 1.25, None),
    "meetings": ("HY-1", date(2023, 3, 1), "月调度会", None, None, "调度", None),
    "issues": ("WT-1", "001", "用地", "征地", "交办单", None, date(2023, 3, 1), "样例单位", None, None, None),
    "services": ("DB-1", "001", "施工许可", "住建局", date(2023, 3, 1), None, None, None),
    "publications": ("宣传视频", "01", date(2023, 3, 1), "样例视频", None),
    "inspections": (date(2023, 3, 1), None, "日巡查", "样例巡查人", None, None),
    "surveys": ("WJ-1", date(2023, 12, 1), "群众", "基本满意"),
    "goals": ("1", "样例目标", None, "部分完成", None, None),
    "evaluation_work": ("座谈会", date(2024, 2, 1), None, None, 12, "听取意见"),
}  # fmt: skip
READ: Mapping[str, tuple[object, ...]] = {
    **TYPED,
    "budget": (*TYPED["budget"][:4], Decimal("179900.50"), "3-5"),
    "expenditure": (*TYPED["expenditure"][:8], Decimal("1234.50"), *TYPED["expenditure"][9:]),
    "targets": ("县道养护里程", "≥95%", Decimal("10.500000"), *TYPED["targets"][3:]),
    "plans": (*TYPED["plans"][:4], Decimal("0.00"), None, None),
    "projects": (*TYPED["projects"][:6], Decimal("123456.78"), None, Decimal("30000.00"), *TYPED["projects"][9:]),
    "progress": ("001", "2023-03", Decimal("95.00"), Decimal("0.50"), Decimal("12500.00"), None),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_row_typed_into_a_blank_is_read_as_typed(name: str, folder: Path, read: Read) -> None:
    catalogue = Catalogue({name: BUILT_IN[name]})
    type_row(*write_blanks(catalogue, folder, 2023), TYPED[name])
    reading = read(catalogue)
    assert reading.findings == ()
    assert reading.ledgers[name].rows.collect().rows() == [(3, *READ[name])]


def test_row_typed_into_the_blank_of_a_declared_ledger_is_read_as_typed(folder: Path, read: Read) -> None:
    catalogue = Catalogue({"roads": ROADS})
    type_row(*write_blanks(catalogue, folder, 2023), ("样例乡镇第7行政村", "路面, 路肩", "一般", "C001", "2022-11", 3.5))
    reading = read(catalogue)
    assert reading.findings == ()
    assert reading.ledgers["roads"].rows.collect().row(0)[3:] == ("一般", "C001", "2022-11", Decimal("3.500000"))


def test_notes_and_rules_outlive_a_clerk_who_saves(tmp_path: Path) -> None:
    (path,) = write_blanks(Catalogue({"surveys": BUILT_IN["surveys"]}), tmp_path, 2023)
    type_row(path, ["WJ-1"])
    sheet = openpyxl.load_workbook(path).active
    assert sheet["D2"].comment.text == "【必须填写】\n总体评价。\n只能填：非常满意、满意、基本满意、不满意。"
    assert list(rules(sheet)) == ["B3:B", "C3:C", "D3:D"]
