"""Ledgers that a workspace declares are read as the built-in ones are."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from openpyxl import Workbook

from perfeval.ledgers import Reading
from schemas import Catalogue, Kind
from schemas.columns import choice, code, day, field, money, quantity
from schemas.declared import declare

Read = Callable[..., Reading]
Write = Callable[..., None]

WORKS = declare(
    "works",
    "养护工程（大中修）台账",
    {
        "work_no": code("工程编号", "工程的编号。"),
        "length_km": quantity("养护里程（公里）", "养护的里程。", unit="公里", le=100),
        "columns": choice("养护类型", "怎样养护。", "小修保养", "大中修"),
        "cost_yuan": money("金额（元）", "所花的钱。"),
        "accepted_on": day("验收日期", "验收的日期。", required=False),
        "change": field(Kind.QUANTITY, "里程增减（公里）", "比上年增减的里程。", required=False, unit="公里", ge=-10),
    },
)
HEADER = {"A1": "工程编号", "B1": "养护里程（公里）", "C1": "养护类型", "D1": "金额（元）", "E1": "验收日期", "F1": "里程增减（公里）"}
ROW = {"A2": "1", "B2": 3.5, "C2": "大中修", "D2": "1,000.50", "E2": "2024-03-05", "F2": "-0.25公里"}


@pytest.fixture
def read_works(write_workbook: Write, read: Read) -> Callable[[dict[str, object]], Reading]:
    """Write the ledger with one good row, and these cells beside or instead; read it."""

    def reading(cells: dict[str, object]) -> Reading:
        write_workbook("养护工程（大中修）台账.xlsx", {**HEADER, **ROW, **cells})
        return read(Catalogue({"works": WORKS}))

    return reading


Works = Callable[[dict[str, object]], Reading]


def said(reading: Reading) -> list[tuple[str, str | None, str]]:
    return [(finding.code, finding.cell, finding.message) for finding in reading.findings]


def test_declared_ledger_is_read_into_typed_rows(read_works: Works) -> None:
    reading = read_works({})
    assert reading.findings == ()
    assert reading.ledgers["works"].frame.rows() == [
        (2, "1", Decimal("3.5"), "大中修", Decimal("1000.50"), date(2024, 3, 5), Decimal("-0.25")),
    ]
    assert WORKS.validate(reading.ledgers["works"].frame).height == 1


def test_declared_ledger_has_the_findings_of_its_kinds(read_works: Works) -> None:
    assert said(read_works({"B2": "三公里", "C2": "大修", "D2": "一千", "E2": "昨天", "F2": -11})) == [
        ("V18", "B2", "应为数量，如 3.5；请用阿拉伯数字填写。"),
        ("V07", "C2", "“养护类型”只能填：小修保养、大中修。请改为其中之一。"),
        ("V02", "D2", "应为金额，如 1,234.50；请用阿拉伯数字填写。"),
        ("V03", "E2", "应为日期，如 2022-03-05。"),
        ("V08", "F2", "“里程增减（公里）”不能小于 -10。请核对。"),
    ]


@pytest.mark.parametrize(
    ("length", "message"), [(-0.5, "“养护里程（公里）”不能小于 0。请核对。"), (101, "“养护里程（公里）”不能大于 100。请核对。")]
)
def test_quantity_beyond_its_limits_is_found(read_works: Works, length: float, message: str) -> None:
    assert said(read_works({"B2": length})) == [("V08", "B2", message)]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("养护里程（米）", "单位应是公里，这里是米。请把各行换算成公里，并把表头改为：养护里程（公里）。"),
        ("养护里程", "表头要写明单位：养护里程（公里）。不写明单位就不知道数字是多少，程序不作猜测。"),
    ],
)
def test_quantity_in_another_unit_or_in_none_is_refused(read_works: Works, header: str, message: str) -> None:
    reading = read_works({"B1": header})
    assert said(reading) == [("L15", "B1", message)]
    assert dict(reading.ledgers) == {}


@pytest.mark.parametrize(
    "header", ["养护 里程( 公里 )", "养护里程公里", "养护里程/公里", "养护里程：公里", "养护里程（单位：公里）", "养护里程（KM）"]
)
def test_header_of_a_quantity_is_known_however_it_says_its_unit(read_works: Works, header: str) -> None:
    reading = read_works({"B1": header})
    assert (reading.findings, reading.ledgers["works"].frame["length_km"].to_list()) == ((), [Decimal("3.5")])


def test_unit_of_a_quantity_without_brackets_is_held_against_its_own(read_works: Works) -> None:
    message = "单位应是公里，这里是米。请把各行换算成公里，并把表头改为：养护里程（公里）。"
    assert said(read_works({"B1": "养护里程/米"})) == [("L15", "B1", message)]


def test_words_of_a_quantity_with_another_bracket_are_another_column(read_works: Works) -> None:
    assert [(code, message) for code, _, message in said(read_works({"G1": "养护里程（说明）", "G2": "含支线"}))] == [
        ("L16", "多出的栏目不参与计算，随原件保存：养护里程（说明）（G栏）。")
    ]


def test_total_of_a_quantity_is_compared(read_works: Works) -> None:
    second = {"A3": "2", "B3": 1.25, "C3": "大中修", "D3": 1, "A4": "合计"}
    assert read_works({**second, "B4": 4.75}).findings == ()
    message = "合计与各行之和不符：各行之和为 4.75公里。请检查是否漏行、重行，或合计没有更新。"
    assert said(read_works({**second, "B4": 4.7})) == [("V14", "B4", message)]


@pytest.mark.parametrize(
    ("number_format", "found"),
    [('0.00"公里"', []), ("0.00_ ", []), ('0.00"米"', [("V18", "B2", "3.5米")]), ('0"人"', [])],
)
def test_quantity_is_read_as_its_format_shows_it(
    write_workbook: Write, read: Read, number_format: str, found: list[tuple[str, str, str]]
) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["B2"].number_format = number_format

    write_workbook("养护工程（大中修）台账.xlsx", {**HEADER, **ROW}, change=show)
    findings = read(Catalogue({"works": WORKS})).findings
    assert [(finding.code, finding.cell, finding.value) for finding in findings] == found


def test_columns_may_be_called_as_the_models_own_methods() -> None:
    assert [column.name for column in WORKS.columns()] == ["work_no", "length_km", "columns", "cost_yuan", "accepted_on", "change"]
    assert (WORKS.ledger_name(), WORKS.ledger_title()) == ("works", "养护工程（大中修）台账")
