"""Headers as clerks change them."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart
from openpyxl.comments import Comment

from perfeval.ledgers import Reading
from schemas import BUILT_IN, Catalogue
from schemas.columns import code, quantity
from schemas.declared import declare

Read = Callable[..., Reading]
Write = Callable[..., None]


def said(reading: Reading) -> list[tuple[str, str | None, str]]:
    return [(finding.code, finding.cell, finding.message) for finding in reading.findings]


def test_headers_with_blanks_and_half_width_brackets_are_known(write_budget: Write, read: Read) -> None:
    write_budget({"A1": " 指标\n文号 ", "D1": "资金　来源", "E1": "金额( 元 )"})
    assert read().findings == ()


@pytest.mark.parametrize(
    "amount",
    [
        "金额（单位：元）", "金额（人民币元）", "金额【元】", "金额（元）*", "金额元", "金额/元", "金额 元", "金额：元", "金额(rmb元)",
        "金额〔元〕", "金额单位：元", "金额(人民币：元)", "金额(元人民币)", "金额（￥元）", "金额元（必填）",
    ],
)  # fmt: skip
def test_headers_as_forms_mark_them_are_known(write_budget: Write, read: Read, amount: str) -> None:
    write_budget({"A1": "*指标文号", "B1": "下达日期：", "C1": "预算项目编码（必填）", "E1": amount})
    assert (read().findings, read().ledgers["budget"].frame["amount_yuan"].to_list()) == ((), [1000])


def test_missing_columns_are_all_named_at_once(write_budget: Write, read: Read) -> None:
    write_budget({"C1": None, "F1": "说明"})
    reading = read()
    assert said(reading) == [
        ("L13", None, "缺少栏目：预算项目编码、备注。请在表头行（第1行）补上；没有内容的栏目也要保留表头，单元格可以空着。")
    ]
    assert dict(reading.ledgers) == {}


def test_header_that_may_mean_a_missing_column_is_named(write_budget: Write, read: Read) -> None:
    write_budget({"B1": "下达日期（年月日）", "C1": "项目编码", "E1": "金额（元/年）"})
    assert said(read()) == [
        (
            "L13",
            None,
            "缺少栏目：下达日期（B1“下达日期（年月日）”像是它，是的话请改名）、预算项目编码（C1“项目编码”像是它，是的话请改名）、"
            "金额（元）（E1“金额（元/年）”像是它，是的话请改名）。请在表头行（第1行）补上；没有内容的栏目也要保留表头，单元格可以空着。",
        )
    ]


def test_header_in_two_rows_is_known(write_budget: Write, read: Read) -> None:
    def part(workbook: Workbook) -> None:
        sheet = workbook.active
        sheet.insert_rows(1)
        for letter in "ABCF":
            sheet[f"{letter}1"], sheet[f"{letter}2"] = sheet[f"{letter}2"].value, None
            sheet.merge_cells(f"{letter}1:{letter}2")
        sheet["D1"] = "资金"
        sheet.merge_cells("D1:E1")

    write_budget(change=part)
    assert (read().findings, read().ledgers["budget"].frame["row"].to_list()) == ((), [3])


def test_column_twice_is_found(write_budget: Write, read: Read) -> None:
    write_budget({"G1": "金额（万元）"})
    assert said(read()) == [("L14", "G1", "“金额（元）”出现了2次（E1、G1）。请只保留一栏，其余删除或改名。")]


def test_amount_without_unit_is_found(write_budget: Write, read: Read) -> None:
    write_budget({"E1": "金额"})
    message = "表头要写明单位：金额（元） 或 金额（万元）。不写明单位就不知道数字是多少，程序不作猜测。"
    assert said(read()) == [("L15", "E1", message)]


@pytest.mark.parametrize("amount", ["金额万元", "金额/万元", "金额（万）", "金额（人民币：万元）"])
def test_amount_in_ten_thousands_is_known_however_its_header_says_so(write_budget: Write, read: Read, amount: str) -> None:
    write_budget({"E1": amount, "E2": "1.5"})
    assert (read().findings, read().ledgers["budget"].frame["amount_yuan"].to_list()) == ((), [15000])


@pytest.mark.parametrize("amount", ["金额（千元）", "金额千元", "金额/千元", "金额（美元）", "金额（￥）", "金额（人民币）"])
def test_amount_in_another_unit_is_found(write_budget: Write, read: Read, amount: str) -> None:
    write_budget({"E1": amount})
    assert [code for code, _, _ in said(read())] == ["L15"]


def test_unknown_columns_are_told_and_take_no_part(write_budget: Write, read: Read) -> None:
    write_budget({"G1": "金额（大写）", "G2": "壹仟元整", "H2": "旁注"})
    reading = read()
    assert [(finding.code, finding.severity, finding.message) for finding in reading.findings] == [
        ("L16", "note", "多出的栏目不参与计算，随原件保存：金额（大写）（G栏）。"),
        ("L16", "warning", "H栏有内容但没有表头，不参与计算。请确认是否漏写表头。"),
    ]
    assert reading.ledgers["budget"].frame.columns == [
        "row", "document_no", "issued_on", "programme_code", "source", "amount_yuan", "note",
    ]  # fmt: skip


def test_headers_of_another_ledger_are_recognised(write_workbook: Write, read: Read) -> None:
    write_workbook("预算指标台账.xlsx", {"A1": "问卷编号", "B1": "调查日期", "C1": "对象类别", "D1": "评价"})
    message = "这里应是《预算指标台账》，这些表头却像是《满意度调查台账》。请检查文件或工作表是否放错、名称是否写错。"
    assert said(read()) == [("L11", None, message)]


def test_no_header_at_all_is_found(write_workbook: Write, read: Read) -> None:
    write_workbook("满意度调查台账.xlsx", {"A1": "这里没有表"})
    message = "前20行里没有找到《满意度调查台账》的表头。表头应包括：问卷编号、调查日期、对象类别、评价。"
    assert said(read()) == [("L12", None, message)]


def test_title_rows_that_name_a_header_do_not_mislead(write_workbook: Write, read: Read) -> None:
    def move(workbook: Workbook) -> None:
        workbook.active.move_range("A1:D2", rows=2)
        workbook.active["A1"] = "评价"

    write_workbook(
        "满意度调查台账.xlsx",
        {"A1": "问卷编号", "B1": "调查日期", "C1": "对象类别", "D1": "评价", "A2": "1", "B2": "2022-03-05", "C2": "企业", "D2": "满意"},
        change=move,
    )
    reading = read()
    assert reading.ledgers["surveys"].frame["row"].to_list() == [4]
    assert reading.findings == ()


PAYMENT = {
    "凭证号": "1", "支付日期": "2022-03-05", "预算项目编码": "P1", "经济分类编码": "30202", "经济分类名称": "印刷费", "支出类别": "印刷",
    "摘要": "印简报", "收款人": "某某", "金额（元）": 5, "支付方式": "转账", "发票号码": "77", "附件张数": 1, "活动方案编号": "FA-1",
    "申请报告编号": "SQ-1", "审批人": "某某", "审批日期": "2022-03-04",
}  # fmt: skip


def test_column_that_may_be_absent_is_read_where_it_is_and_empty_where_not(write_workbook: Write, read: Read) -> None:
    places = "ABCDEFGHIJKLMNOP"
    cells = dict(zip([f"{letter}1" for letter in places], PAYMENT, strict=True))
    cells |= dict(zip([f"{letter}2" for letter in places], PAYMENT.values(), strict=True))
    write_workbook("资金支出台账.xlsx", cells)
    without = read()
    write_workbook("资金支出台账.xlsx", cells | {"Q1": "资金来源", "Q2": "追加"})
    assert (without.findings, read().findings) == ((), ())
    assert without.ledgers["expenditure"].frame["source"].to_list() == [None]
    assert read().ledgers["expenditure"].frame["source"].to_list() == ["追加"]
    assert without.ledgers["expenditure"].frame.schema == read().ledgers["expenditure"].frame.schema


def test_targets_are_read_with_their_weights(write_workbook: Write, read: Read) -> None:
    header = {"A1": "指标", "B1": "指标值", "C1": "分值", "D1": "批复文号", "E1": "批复日期", "F1": "调整原因"}
    first = {"A2": "编发简报", "B2": "≥4期", "C2": 2.5, "D2": "桃财预〔2022〕15号", "E2": "2022-03-05"}
    later = {"A3": "编发简报", "B3": "≥3期", "C3": "１０", "D3": "桃财预〔2022〕99号", "E3": "2022-10-05", "F3": "年中成立"}
    write_workbook("批复绩效目标台账.xlsx", {**header, **first, **later, "A4": "合计", "C4": 12.5})
    reading = read(Catalogue({"targets": BUILT_IN["targets"]}))
    assert reading.findings == ()
    assert reading.ledgers["targets"].frame.select("target", "weight").rows() == [("≥4期", Decimal("2.5")), ("≥3期", Decimal(10))]


@pytest.mark.parametrize("sign", ["\u200b", "\u200e", "\ufeff", "\u00ad", "\u2060"])
def test_headers_with_signs_nobody_sees_are_known(write_budget: Write, read: Read, sign: str) -> None:
    write_budget({"A1": f"指标{sign}文号", "B1": f"{sign}下达日期", "E1": f"金额（元）{sign}", "G1": sign})
    assert read().findings == ()


def below(line: dict[str, str]) -> dict[str, object]:
    """A budget whose header stands in the second row, below a line."""
    header = {"A2": "指标文号", "B2": "下达日期", "C2": "预算项目编码", "D2": "资金来源", "E2": "金额（元）", "F2": "备注"}
    return {**line, **header, "A3": "桃财预〔2022〕15号", "B3": "2022-03-05", "C3": "P1", "D3": "追加", "E3": 12.5}


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        ({"F1": "单位：万元"}, "万元"),
        ({"E1": "单位：", "F1": "万元"}, "万元"),
        ({"A1": "预算指标台账（万元）"}, "万元"),
        ({"A1": "（金额单位：人民币万元）"}, "万元"),
        ({"F1": "万元"}, "万元"),
        ({"A1": "单 位:百元"}, "百元"),
        ({"A1": "以千元为单位"}, "千元"),
        ({"A1": "单位：万元、公里"}, "万元"),
        ({"A1": "金额单位均为万元"}, "万元"),
        ({"A1": "本表金额按万元填列"}, "万元"),
    ],
)
def test_line_above_with_another_unit_than_the_header_is_found(write_workbook: Write, read: Read, line: dict[str, str], unit: str) -> None:
    write_workbook("预算指标台账.xlsx", below(line))
    message = (
        f"有两个单位：表头是（元），表外的文字、批注、页眉或名称却写着{unit}。请核对这一栏的数按哪个单位填写，改正表头或删去那处文字。"
    )
    assert said(read()) == [("L21", "E2", message)]


@pytest.mark.parametrize(
    "line", ["单位：元", "单位：桃江县财政局", "编制单位：元江县财政局", "单位：元/人", "2022年预算指标台账（单位：元）", "单位：个"]
)
def test_line_above_with_the_same_unit_or_none_is_no_finding(write_workbook: Write, read: Read, line: str) -> None:
    write_workbook("预算指标台账.xlsx", below({"A1": line}))
    assert read().findings == ()


def test_name_or_note_with_another_unit_than_the_header_is_found(write_budget: Write, read: Read) -> None:
    write_budget(sheet="预算指标台账（万元）")
    assert [(code, cell) for code, cell, _ in said(read())] == [("L21", "E1")]
    write_budget({"A3": "注：金额单位：万元"})
    assert [(code, cell) for code, cell, _ in said(read())] == [("L21", "E1")]


def test_page_header_with_another_unit_than_the_header_is_found(write_budget: Write, read: Read) -> None:
    def say(workbook: Workbook) -> None:
        workbook.active.oddHeader.right.text = "单位：万元"

    write_budget(change=say)
    assert [(code, cell) for code, cell, _ in said(read())] == [("L21", "E1")]


@pytest.mark.parametrize(
    ("cell", "text", "found"),
    [
        ("E1", "单位：万元", [("L21", "E1")]),
        ("E1", "按万元填写", [("L21", "E1")]),
        ("E1", "单位：元", []),
        ("F1", "单位：万元", []),
        ("E2", "单位：万元", []),
        ("E1", "错误 L15：表头要写明单位：金额（元） 或 金额（万元）。", []),
    ],
)
def test_comment_on_a_header_with_another_unit_is_found(
    write_budget: Write, read: Read, cell: str, text: str, found: list[tuple[str, str]]
) -> None:
    def comment(workbook: Workbook) -> None:
        workbook.active[cell].comment = Comment(text, "某某")

    write_budget(change=comment)
    assert [(code, place) for code, place, _ in said(read())] == found


def test_text_box_with_another_unit_than_the_header_is_found(write_budget: Write, read: Read, folder: Path) -> None:
    def draw(workbook: Workbook) -> None:
        workbook.active.add_chart(BarChart(), "H1")

    write_budget(change=draw)
    with ZipFile(folder / "预算指标台账.xlsx") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["xl/drawings/drawing1.xml"] = (
        '<d xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><a:p><a:r><a:t>单位：</a:t></a:r><a:r><a:t>万元</a:t></a:r></a:p></d>'
    ).encode()
    with ZipFile(folder / "预算指标台账.xlsx", "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    assert [(code, cell) for code, cell, _ in said(read())] == [("L21", "E1")]


def test_length_above_with_another_unit_than_the_header_is_found(write_workbook: Write, read: Read) -> None:
    routes = declare("routes", "路线台账", {"no": code("编码", "编码。"), "km": quantity("里程（公里）", "多长。", unit="公里")})
    write_workbook("路线台账.xlsx", {"A1": "单位：米", "A2": "编码", "B2": "里程（公里）", "A3": "G1", "B3": 3500})
    assert [(code, cell) for code, cell, _ in said(read(Catalogue({"routes": routes})))] == [("L21", "B2")]
    write_workbook("路线台账.xlsx", {"A1": "单位：千米", "A2": "编码", "B2": "里程（公里）", "A3": "G1", "B3": 3.5})
    assert read(Catalogue({"routes": routes})).findings == ()
