"""Marked copies of what the clerk handed in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font

from perfeval.ledgers import annotate, read_ledgers, receive
from schemas import DEFAULT

Write = Callable[..., None]


@pytest.fixture
def mark(folder: Path, tmp_path: Path) -> Callable[[], list[Path]]:
    """Write marked copies of the folder's ledgers."""

    def marked() -> list[Path]:
        files = receive(folder)
        return annotate(files, read_ledgers(files, DEFAULT).findings, tmp_path / "marked")

    return marked


def test_marked_workbook_fills_and_comments_faulty_cells_and_lists_them(write_budget: Write, mark: Callable[[], list[Path]]) -> None:
    write_budget({"D2": "拨款", "E2": "一千"})
    (path,) = mark()
    assert path.name == "预算指标台账-标注.xlsx"
    workbook = load_workbook(path)
    assert workbook.sheetnames == ["疑点清单", "Sheet1"]
    cell = workbook["Sheet1"]["E2"]
    assert (cell.value, cell.fill.fgColor.rgb, cell.comment.text) == (
        "一千",
        "FFFFC7CE",
        "错误 V02：应为金额，如 1,234.50；请用阿拉伯数字填写。",
    )
    assert list(workbook["疑点清单"].values) == [
        ("序号", "程度", "编码", "工作表", "单元格", "栏目", "原值", "问题和处理"),
        (
            "1",
            "错误",
            "V07",
            "Sheet1",
            "D2",
            "资金来源",
            "拨款",
            "“资金来源”只能填：年初预算、追加、调减、上年结转、其他资金。请改为其中之一。",
        ),
        ("2", "错误", "V02", "Sheet1", "E2", "金额（元）", "一千", "应为金额，如 1,234.50；请用阿拉伯数字填写。"),
    ]
    assert workbook["疑点清单"]["E3"].hyperlink.location == "'Sheet1'!E2"


def test_marked_workbook_keeps_formats_comments_and_the_clerks_file(
    write_budget: Write, folder: Path, mark: Callable[[], list[Path]]
) -> None:
    def decorate(workbook: Workbook) -> None:
        sheet = workbook.active
        sheet["E2"].number_format = "#,##0.00"
        sheet["E2"].comment = Comment("已核对", "某某")
        sheet["A2"].font = Font(bold=True)
        sheet.column_dimensions["A"].width = 33
        sheet.merge_cells("A9:C9")

    write_budget({"E2": 1.005}, change=decorate)
    before = (folder / "预算指标台账.xlsx").read_bytes()
    sheet = load_workbook(mark()[0])["Sheet1"]
    assert (sheet["E2"].value, sheet["E2"].number_format) == (1.005, "#,##0.00")
    assert sheet["E2"].comment.text.startswith("已核对\n错误 V02：")
    assert (sheet["A2"].font.bold, sheet.column_dimensions["A"].width, str(sheet.merged_cells)) == (True, 33, "A9:C9")
    assert sheet["A2"].fill.fill_type is None
    assert (folder / "预算指标台账.xlsx").read_bytes() == before


def test_warnings_are_filled_in_another_colour(write_budget: Write, mark: Callable[[], list[Path]]) -> None:
    write_budget({"A2": "桃财预2022-15"})
    assert load_workbook(mark()[0])["Sheet1"]["A2"].fill.fgColor.rgb == "FFFFEB9C"


def test_csv_becomes_a_workbook_of_its_text(write_csv: Write, mark: Callable[[], list[Path]]) -> None:
    write_csv("001,2022-03-05,企业,满意", "=1+1,2022-03-06,企业,差")
    workbook = load_workbook(mark()[0])
    assert list(workbook["内容"].values) == [
        ("问卷编号", "调查日期", "对象类别", "评价"),
        ("001", "2022-03-05", "企业", "满意"),
        ("=1+1", "2022-03-06", "企业", "差"),
    ]
    assert workbook["内容"]["A3"].data_type == "s"
    assert workbook["内容"]["D3"].comment.text == "错误 V07：“评价”只能填：非常满意、满意、基本满意、不满意。请改为其中之一。"
    assert workbook["疑点清单"]["E2"].hyperlink.location == "'内容'!D3"


def test_files_without_findings_or_unfit_to_open_are_not_copied(
    write_survey: Write, folder: Path, tmp_path: Path, mark: Callable[[], list[Path]]
) -> None:
    write_survey()
    (folder / "预算指标台账.xlsx").write_bytes(b"no workbook")
    assert mark() == []
    assert list((tmp_path / "marked").iterdir()) == []


def test_marking_again_replaces_the_copy_and_its_list(write_budget: Write, folder: Path, mark: Callable[[], list[Path]]) -> None:
    write_budget({"E2": "一千"})
    copy = mark()[0]
    copy.replace(folder / "预算指标台账.xlsx")
    (path,) = mark()
    assert load_workbook(path).sheetnames == ["疑点清单", "Sheet1"]
    assert load_workbook(path)["疑点清单"].max_row == 2


def test_long_csv_is_copied_in_part_with_links_to_the_rows_shown(write_csv: Write, mark: Callable[[], list[Path]]) -> None:
    write_csv(*["WJ-1,2022-03-05,企业,满意"] * 300_000, "WJ-2,2022-03-05,企业,差")
    workbook = load_workbook(mark()[0])
    sheet = workbook["有疑点的行"]
    assert sheet.max_row == 21
    assert [cell.value for cell in sheet[21]] == ["WJ-2", "2022-03-05", "企业", "差"]
    assert sheet["D21"].comment.text.startswith("错误 V07：")
    assert workbook["疑点清单"]["E2"].value == "D300002"
    assert workbook["疑点清单"]["E2"].hyperlink.location == "'有疑点的行'!D21"


@pytest.mark.parametrize("typed", ["=cmd|'/c calc'!A0", "+1+cmd|' /C calc'!A0", "@SUM(1+1)", "-2+3"])
def test_text_that_begins_like_a_formula_stays_text_in_the_copies(write_csv: Write, mark: Callable[[], list[Path]], typed: str) -> None:
    write_csv(f"{typed},2022-03-05,企业,{typed}")
    (path,) = mark()
    cells = [cell for sheet in load_workbook(path) for row in sheet.iter_rows() for cell in row]
    assert [cell.value for cell in cells].count(typed) >= 3
    assert [cell.coordinate for cell in cells if cell.data_type == "f"] == []
