"""Rows that are data, and rows that are not."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfeval.ledgers import Reading
from schemas import Catalogue
from schemas.columns import code, quantity, text
from schemas.declared import declare

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


@pytest.mark.parametrize(
    "word",
    [
        "合计金额",
        "全年合计",
        "本年度累计",
        "合计数：",
        "合计（元）",
        "合计(元)：",
        "总计金额（元）",
        "支出合计",
        "累计支出",
        "本期小计",
        "合\u200b计",
    ],
)
def test_total_in_other_words_is_dropped(write_budget: Write, read: Read, word: str) -> None:
    write_budget({"A3": word, "E3": 1000})
    assert (read().ledgers["budget"].frame.height, read().findings) == (1, ())


def test_total_that_says_nothing_is_not_compared(write_budget: Write, read: Read) -> None:
    write_budget({"A3": "合计", "E3": "—"})
    assert (read().ledgers["budget"].frame.height, read().findings) == (1, ())


def test_cumulative_total_may_hold_what_was_spent_before(write_budget: Write, read: Read) -> None:
    write_budget({"A3": "合计", "E3": 1000, "A4": "累计支出", "E4": 5000})
    assert (read().ledgers["budget"].frame.height, read().findings) == (1, ())


def test_row_of_data_with_the_word_of_a_total_stays_data(write_budget: Write, read: Read, found: Found) -> None:
    write_budget({**SECOND, "E3": "￥2,000", "F3": "累计支出"})
    assert (read().ledgers["budget"].frame["amount_yuan"].to_list(), found()) == ([Decimal("1000.00"), Decimal("2000.00")], [])


@pytest.mark.parametrize(
    "foot",
    [
        {"A3": "大写：", "E3": "壹仟元整"},
        {"A3": "大写：壹仟元整"},
        {"A3": "合计（大写）：壹仟元整"},
        {"A3": "人民币（大写）", "B3": "壹仟元整"},
        {"A3": "合计", "B3": "大写：壹仟元整", "E3": 1000},
        {"A3": "合计", "B3": "—", "C3": "—", "D3": "—", "E3": 1000},
        {"A3": "合计：1,000.00元"},
        {"A3": "制表人：", "B3": "张三", "D3": "审核人：", "E3": "李四"},
        {"A3": "会计：某某", "C3": "出纳：某某"},
        {"A3": "制表人：", "B3": "某某", "C3": "审核人：", "D3": "某某", "E3": "日期：", "F3": "2022-12-31"},
        {"A3": "单位（盖章）：", "B3": "某中心", "E3": "负责人：某某"},
        {"A3": "联系人：某某", "D3": "联系电话：0737-0000000"},
        {"C3": "以下空白"},
        {"A3": "（以下无正文）"},
        {"A3": "合计1笔", "E3": 1000},
        {"A3": "合计金额（大写）壹仟元整", "E3": 1000},
        {"A3": "人民币（大写）：", "B3": "壹仟元整", "D3": "小写：", "E3": 1000},
        {"A3": "项目支出总计", "E3": 1000},
        {"A3": "截至2022年12月31日累计支出", "E3": 99999},
    ],
)
def test_feet_of_a_table_are_no_data(write_budget: Write, read: Read, foot: dict[str, object]) -> None:
    write_budget(foot)
    assert (read().ledgers["budget"].frame.height, read().findings) == (1, ())


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ({"A3": "备注：待补", "E3": 5000}, "V01"),
        ({"A3": "桃财预〔2022〕17号", "F3": "备注：待补"}, "V12"),
        ({"A3": "备注：x", "E3": "一千"}, "V01"),
    ],
)
def test_row_that_begins_or_ends_like_a_note_and_has_data_is_no_note(
    write_budget: Write, read: Read, rest: dict[str, object], code: str
) -> None:
    write_budget(rest)
    assert code in [finding.code for finding in read().findings]


@pytest.mark.parametrize(
    "again",
    [
        {"A3": "指标文号", "B3": "下达日期", "C3": "预算项目编码", "D3": "资金来源", "E3": "金额（元）", "F3": "备注"},
        {"A3": "第 2 页"},
        {"A3": "第2页，共5页"},
    ],
)
def test_header_or_page_number_between_rows_is_told_once_and_no_data(write_budget: Write, read: Read, again: dict[str, str]) -> None:
    write_budget({**again, "A4": "桃财预〔2022〕16号", "B4": "2022-05-05", "C4": "P1", "D4": "追加", "E4": 2000})
    reading = read()
    assert reading.ledgers["budget"].frame["row"].to_list() == [2, 4]
    assert [(finding.code, finding.severity, finding.row, finding.message) for finding in reading.findings] == [
        ("V20", "note", 3, "第3行重复了表头、标题或页码，不当作数据。")
    ]


def test_headers_and_titles_of_every_page_are_told_in_one_sentence(folder: Path, read: Read) -> None:
    page = (
        "预算指标台账,,,,单位：元,\n指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注\n桃财预〔2022〕15号,2022-03-05,P1,追加,1000,\n"
    )
    (folder / "预算指标台账.csv").write_text(page * 4, encoding="utf-8")
    reading = read()
    assert reading.ledgers["budget"].frame["row"].to_list() == [3, 6, 9, 12]
    assert [(finding.code, finding.message) for finding in reading.findings] == [
        ("V20", "第4、5、7、8、10等行重复了表头、标题或页码，不当作数据。")
    ]


ROUTES = declare(
    "routes", "路线台账", {"route_no": code("路线编码", "路线的编码。"), "length_km": quantity("里程（公里）", "多长。", unit="公里")}
)
NAMES = declare("names", "名册", {"name": code("姓名", "谁。"), "duty": text("职务", "做什么。", required=False)})


def test_total_of_a_ledger_of_one_word_and_one_number_is_no_row(write_workbook: Write, read: Callable[..., Reading]) -> None:
    write_workbook("路线台账.xlsx", {"A1": "路线编码", "B1": "里程（公里）", "A2": "G1", "B2": 3.5, "A3": "合计", "B3": 3.5})
    reading = read(Catalogue({"routes": ROUTES}))
    assert (reading.ledgers["routes"].frame["row"].to_list(), reading.findings) == ([2], ())


def test_header_and_foot_of_a_ledger_of_words_are_no_rows(write_workbook: Write, read: Callable[..., Reading]) -> None:
    rows = {"A1": "姓名", "B1": "职务", "A2": "甲", "B2": "主任", "A3": "姓名", "B3": "职务", "A4": "乙", "A5": "制表人：丙"}
    write_workbook("名册.xlsx", rows)
    reading = read(Catalogue({"names": NAMES}))
    assert reading.ledgers["names"].frame["name"].to_list() == ["甲", "乙"]
    assert [finding.code for finding in reading.findings] == ["V20"]


def test_columns_may_have_any_name(write_workbook: Write, read: Callable[..., Reading]) -> None:
    names = ["odd", "sort", "surplus", "read", "name", "text", "cell", "written", "registered", "key"]
    ledger = declare("names", "名册", {name: quantity(f"{name}（人）", "几人。", unit="人") for name in names})
    header = {f"{letter}1": f"{name}（人）" for letter, name in zip("ABCDEFGHIJ", names, strict=True)}
    rows = {f"{letter}{row}": 3.5 for letter in "ABCDEFGHIJ" for row in (2, 3)}
    write_workbook("名册.xlsx", {**header, **rows, "A3": "1,000", "A4": "合计", "B4": 7})
    reading = read(Catalogue({"names": ledger}))
    assert reading.ledgers["names"].frame["odd"].to_list() == [Decimal("3.5"), Decimal(1000)]
    assert reading.findings == ()


def test_code_with_a_sign_nobody_sees_is_read_and_told(write_budget: Write, read: Read) -> None:
    write_budget({"C2": "P\u200b1"})
    (finding,) = read().findings
    assert read().ledgers["budget"].frame["programme_code"].to_list() == ["P1"]
    assert (finding.code, finding.severity, finding.cell, finding.value) == ("V19", "warning", "C2", "P\u200b1")
    assert finding.message == "编号里第2个字是看不见的 U+200B，多半是粘贴带来的。请重新键入这个编号。"


def test_code_with_a_letter_of_another_script_is_told(write_budget: Write, found: Found) -> None:
    write_budget({"C2": "\u04201"})
    assert found() == [("V19", "C2", "\u04201")]


def test_choice_with_a_radical_that_has_no_character_names_it(write_survey: Write, read: Read) -> None:
    write_survey({"C2": "企⻓"})
    (finding,) = read().findings
    assert (finding.code, finding.value) == ("V07", "企⻓")
    assert finding.message == "“对象类别”只能填：企业、项目单位、群众。请改为其中之一。其中第2个字“⻓”是 U+2ED3，请重新键入。"


def test_code_that_lost_its_end_is_in_no_row(write_survey: Write, read: Read) -> None:
    write_survey({"A2": 12345678901234567890, "A3": "1.23457e+17", "B3": "2022-03-05", "C3": "企业", "D3": "满意"})
    reading = read()
    assert reading.ledgers["surveys"].frame["survey_no"].to_list() == [None, None]
    assert [(finding.code, finding.cell) for finding in reading.findings] == [("V15", "A2"), ("V15", "A3")]


def test_long_code_with_zeros_at_its_end_is_warned_of_at_its_first_cells(write_csv: Write, read: Read) -> None:
    write_csv(*["25327000000012300000,2022-03-05,企业,满意"] * 7)
    reading = read()
    assert reading.ledgers["surveys"].frame["survey_no"].to_list() == ["25327000000012300000"] * 7
    assert [(finding.code, finding.severity, finding.cell) for finding in reading.findings] == [
        ("V15", "warning", "A2"),
        ("V15", "warning", "A3"),
        ("V15", "warning", "A4"),
        ("V15", "warning", "A5"),
        ("V15", "warning", "A6"),
    ]


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


@pytest.mark.parametrize("cells", [{"C3": "待补"}, {"C3": "待补", "F3": "见附件"}])
def test_row_that_lacks_most_is_found_once(write_budget: Write, found: Found, cells: dict[str, str]) -> None:
    write_budget(cells)
    assert found() == [("V12", "C3", "待补")]


@pytest.mark.parametrize("cell", ["不详", ""])
def test_findings_without_number_are_listed_in_part(write_csv: Write, read: Read, monkeypatch: pytest.MonkeyPatch, cell: str) -> None:
    for module in ("rows", "reader", "marked"):
        monkeypatch.setattr(f"perfeval.ledgers.{module}.MOST_FINDINGS", 3)
    write_csv(*[f"WJ-{number},{cell},企业,满意" for number in range(5)])
    reading = read()
    assert dict(reading.ledgers) == {}
    assert [finding.cell for finding in reading.findings] == [None, "B2", "B3", "B4"]
    assert {finding.message for finding in reading.findings if not finding.cell} == {
        "问题太多，只列出前3处，后面的没有检查。请先改正这些，多半是整栏的同一个问题。"
    }


@pytest.mark.parametrize("word", ["汇总", "总金额", "合计人民币", "以上合计", "1月份合计", "一季度小计", "Total", "本页小计"])
def test_total_in_other_words_is_no_data_and_compared(write_budget: Write, found: Found, word: str) -> None:
    write_budget({"A3": word, "E3": 1000})
    assert found() == []
    write_budget({"A3": word, "E3": 999})
    assert [(code, cell) for code, cell, _ in found()] == [("V14", "E3")]


@pytest.mark.parametrize(
    "note", ["单位负责人（签章）", "打印日期：2022-12-31", "转下页", "—— 完 ——", "填报人签字：", "审批：某某", "（接上页）"]
)
def test_note_in_other_words_is_no_data(write_budget: Write, found: Found, note: str) -> None:
    write_budget({"A3": note})
    assert found() == []


@pytest.mark.parametrize(
    ("percents", "told"),
    [(["0", "0.95", "0.9", "1"], [("V25", "C3")]), (["0.5"], []), (["0.95", "95"], []), (["0", "1"], [])],
)
def test_percentages_that_are_all_fractions_are_told(folder: Path, found: Found, percents: list[str], told: list[tuple[str, str]]) -> None:
    lines = [f"X{number},2022-03,{percent},40,1.5," for number, percent in enumerate(percents)]
    header = "项目编号,月份,计划进度（%）,实际进度（%）,当月完成投资（万元）,存在问题"
    (folder / "项目进度台账.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    assert [(code, cell) for code, cell, _ in found() if code == "V25"] == told


@pytest.mark.parametrize("word", ["余额", "结余：", "上年结转", "承前页", "过次页", "期初余额", "结转下年"])
@pytest.mark.parametrize("row", [3, 4])
def test_what_is_carried_over_is_told_once(write_budget: Write, found: Found, word: str, row: int) -> None:
    good = {"A": "桃财预〔2022〕16号", "B": "2022-03-06", "C": "P1", "D": "追加", "E": 5}
    write_budget({f"{letter}{7 - row}": value for letter, value in good.items()} | {f"A{row}": word, f"E{row}": 1000})
    assert found() == [("V12", f"A{row}", word)]


@pytest.mark.parametrize("numbers", ["1234", "甲乙丙1", ["栏次", "1", "2", "3"], ["（1）", "（2）", "（3）", "④"]])
def test_numbers_of_the_columns_under_the_header_are_no_data(write_csv: Write, read: Read, numbers: list[str]) -> None:
    write_csv(",".join(numbers[:4]), "WJ-1,2022-03-05,企业,满意")
    reading = read()
    assert reading.ledgers["surveys"].frame["row"].to_list() == [3]
    assert [(finding.code, finding.severity, finding.row) for finding in reading.findings] == [("V20", "note", 2)]


@pytest.mark.parametrize("code", ["例：WJ-0", "示例", "（样例）WJ-0", "填写示例"])
def test_example_is_no_data_and_told(write_csv: Write, read: Read, code: str) -> None:
    write_csv(f"{code},2022-03-05,企业,满意", "WJ-1,2022-03-05,企业,满意", "案例,2022-03-05,企业,满意")
    reading = read()
    assert reading.ledgers["surveys"].frame["survey_no"].to_list() == ["WJ-1", "案例"]
    assert [(finding.code, finding.cell) for finding in reading.findings] == [("V12", "A2")]


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
