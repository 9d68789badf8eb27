"""Rows that are data, and rows that are not."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfeval.ledgers import Reading

Read = Callable[[], Reading]
Found = Callable[[], list[tuple[str, str | None, str | None]]]
Write = Callable[..., None]

SECOND = {"A3": "桃财预〔2022〕16号", "B3": "2022-05-05", "C3": "P1", "D3": "追加", "E3": "￥2,000"}


def test_total_at_the_end_that_adds_up_is_dropped(write_budget: Write, read: Read) -> None:
    write_budget({**SECOND, "A4": "合　计", "E4": 3000})
    reading = read()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("1000.00"), Decimal("2000.00")]
    assert reading.findings == ()


def test_total_at_the_end_that_differs_is_found(write_budget: Write, read: Read) -> None:
    write_budget({**SECOND, "A4": "合计", "E4": 3000.5})
    assert [(finding.code, finding.cell, finding.value, finding.message) for finding in read().findings] == [
        ("V14", "E4", "3000.5", "合计与各行之和不符：各行之和为 3,000.00元。请检查是否漏行、重行，或合计没有更新。")
    ]


def test_total_over_a_faulty_cell_is_not_compared(write_budget: Write, found: Found) -> None:
    write_budget({**SECOND, "E3": "两千", "A4": "合计", "E4": 3000})
    assert found() == [("V02", "E3", "两千")]


def test_total_over_a_lone_amount_is_not_compared(write_budget: Write, found: Found) -> None:
    write_budget({"E3": 500, "A4": "合计", "E4": 1500})
    assert found() == [("V12", "E3", "500")]


def test_total_without_result_is_not_compared(write_budget: Write, found: Found) -> None:
    write_budget({"A3": "合计", "E3": "=SUM(E2:E2)"})
    assert found() == []


def test_subtotal_and_total_at_the_end_are_dropped(write_budget: Write, read: Read) -> None:
    write_budget({**SECOND, "B4": "小计", "E4": 3000, "B5": "总计：", "E5": 3000})
    reading = read()
    assert reading.ledgers["budget"].frame.height == 2
    assert reading.findings == ()


@pytest.mark.parametrize("word", ["合计金额", "全年合计", "本年度累计", "合计数："])
def test_total_in_other_words_is_dropped(write_budget: Write, read: Read, word: str) -> None:
    write_budget({"A3": word, "E3": 1000})
    assert (read().ledgers["budget"].frame.height, read().findings) == (1, ())


def test_total_that_says_nothing_is_not_compared(write_budget: Write, read: Read) -> None:
    write_budget({"A3": "合计", "E3": "—"})
    assert (read().ledgers["budget"].frame.height, read().findings) == (1, ())


@pytest.mark.parametrize("word", ["无", "—", "－", "/", "暂无", " 无 ", "Ｎ／Ａ", "……"])
def test_text_that_says_nothing_is_empty(write_budget: Write, read: Read, word: str) -> None:
    write_budget({**SECOND, "C3": word, "F2": word, "F3": "无变化"})
    frame = read().ledgers["budget"].frame
    assert frame["note"].to_list() == [None, "无变化"]
    assert frame["programme_code"].to_list() != ["P1", None]  # what must be filled is never emptied


@pytest.mark.parametrize(("source", "codes"), [("年初预算", []), ("追加", ["V16"]), ("调减", ["V16"])])
def test_only_an_initial_budget_may_be_none(write_budget: Write, read: Read, source: str, codes: list[str]) -> None:
    write_budget({"D2": source, "E2": 0})
    assert [finding.code for finding in read().findings] == codes


def test_total_in_a_column_of_its_own_is_dropped(write_budget: Write, read: Read) -> None:
    write_budget({"G1": "序号", "G2": 1, "E3": 1000, "G3": "合计", "G4": 2})
    reading = read()
    assert reading.ledgers["budget"].frame["row"].to_list() == [2]
    assert [finding.code for finding in reading.findings] == ["L16"]


def test_total_between_rows_is_found_and_not_counted(write_budget: Write, read: Read) -> None:
    write_budget({"D3": "合计", "E3": 1000, "A4": "桃财预〔2022〕16号", "B4": "2022-05-05", "C4": "P1", "D4": "追加", "E4": 2000})
    reading = read()
    assert [(finding.code, finding.cell, finding.value) for finding in reading.findings] == [("V13", "D3", "合计")]
    assert reading.ledgers["budget"].frame["row"].to_list() == [2, 4]


def test_blank_rows_between_and_after_are_passed_over(write_budget: Write, read: Read) -> None:
    write_budget({"A3": " ", "A5": "桃财预〔2022〕16号", "B5": "2022-05-05", "C5": "P1", "D5": "追加", "E5": 2000, "B9": "\u3000"})
    reading = read()
    assert reading.ledgers["budget"].frame["row"].to_list() == [2, 5]
    assert reading.findings == ()


def test_notes_under_the_table_are_passed_over(write_budget: Write, read: Read) -> None:
    write_budget({"A3": "合计", "E3": 1000, "A4": "制表人：某某", "D4": "审核人：某某"})
    reading = read()
    assert reading.ledgers["budget"].frame.height == 1
    assert reading.findings == ()


def test_lone_cell_is_found_once(write_budget: Write, found: Found) -> None:
    write_budget({"C3": "以下空白"})
    assert found() == [("V12", "C3", "以下空白")]


def test_header_alone_is_a_warning(write_workbook: Write, read: Read) -> None:
    write_workbook("满意度调查台账.xlsx", {"A1": "问卷编号", "B1": "调查日期", "C1": "对象类别", "D1": "评价"})
    reading = read()
    assert reading.ledgers["surveys"].frame.height == 0
    assert [(finding.code, finding.severity) for finding in reading.findings] == [("L07", "warning")]


def test_every_faulty_cell_of_a_row_is_found(write_budget: Write, found: Found) -> None:
    write_budget({"A2": None, "B2": "2022/2/30", "C2": None, "D2": "拨款", "E2": "一千"})
    assert found() == [("V01", "A2", None), ("V03", "B2", "2022/2/30"), ("V01", "C2", None), ("V07", "D2", "拨款"), ("V02", "E2", "一千")]


# Each example writes the file anew.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations(
        ["WJ-1,2022-03-05,企业,满意", "WJ-2,2022/3/6,群众,不满意", "WJ-3,2022年3月7日,项目单位,非常满意", "WJ-4,2022.3.8,群众,满意"]
    )
)
def test_order_of_rows_changes_nothing_but_their_numbers(write_csv: Write, read: Read, lines: list[str]) -> None:
    write_csv(*lines)
    frame = read().ledgers["surveys"].frame
    assert frame["row"].to_list() == [2, 3, 4, 5]
    assert frame.sort("survey_no")["rating"].to_list() == ["满意", "不满意", "非常满意", "满意"]
