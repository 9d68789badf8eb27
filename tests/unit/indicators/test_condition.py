from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from perfeval.indicators.condition import compile_condition
from perfeval.model import Ledger
from schemas import DEFAULT, LedgerModel
from schemas.columns import Count, count


@pytest.mark.parametrize(
    ("ledger", "where", "phrase"),
    [
        ("meetings", "kind IN ('专题调度会','现场办公会')", "会议类别属于（“专题调度会”、“现场办公会”）"),
        ("meetings", "kind not in ('月调度会')", "会议类别不属于（“月调度会”）"),
        (
            "issues",
            "closed_on > due_on OR (closed_on IS NULL AND due_on <= DATE '2022-12-31')",
            "销号日期晚于办结时限或（销号日期为空且办结时限不晚于2022年12月31日）",
        ),
        ("projects", "stage <> '前期' AND county_leader IS NOT NULL", "项目阶段不为“前期”且联系县级领导不为空"),
        ("expenditure", "amount_yuan BETWEEN 10 AND 1000.5 AND attachments = 0", "金额介于10至1000.5且附件张数为0"),
        ("progress", "actual_pct >= planned_pct - 5", "实际进度不小于计划进度－5"),
        ("meetings", "agenda LIKE '%项目%' AND NOT kind = '月调度会'", "议题形如“%项目%”且并非会议类别为“月调度会”"),
        ("meetings", "agenda = 'AND'", "议题为“AND”"),
        ("issues", "closed_on IS NULL OR closed_on > year_end", "销号日期为空或销号日期晚于2022年12月31日"),
        ("issues", "assigned_on BETWEEN YEAR_START AND Year_End", "交办日期介于2022年1月1日至2022年12月31日"),
        ("issues", "COALESCE(closed_on, year_end) <= due_on", "首个非空值（销号日期、2022年12月31日）不晚于办结时限"),
        ("progress", "month <= year_end AND actual_pct > 0", "月份不晚于2022年12月且实际进度大于0"),
        ("progress", "month BETWEEN year_start AND '2022-06'", "月份介于2022年1月至2022年6月"),
        ("progress", "NOT (year_start < month)", "并非（2022年1月早于月份）"),
        ("progress", "month LIKE '2022%'", "月份形如“2022%”"),
        ("evaluation_work", "headcount < year", "人数小于2022"),
    ],
)
def test_condition_is_told_in_chinese(ledger: str, where: str, phrase: str) -> None:
    assert compile_condition(where, DEFAULT[ledger], 2022).phrase == phrase


@pytest.mark.parametrize(
    ("ledger", "where", "why"),
    [
        ("meetings", "", "是空的"),
        ("meetings", "knd = '月调度会'", "调度会议台账没有“knd”这一列"),
        ("meetings", "kind = '月会'", "“会议类别”没有“月会”，只有：专题调度会、现场办公会、周碰头会、月调度会"),
        ("meetings", "kind IN ('月调度会','月会')", "没有“月会”"),
        ("meetings", "kind", "逐行得出真或假"),
        ("meetings", "1 = 1", "逐行得出真或假"),
        ("meetings", "kind =", "不是可用的行条件"),
        ("meetings", "kind = '月调度会' kind", "不是可用的行条件"),
        ("meetings", "held_on > '2022-01-01'", "日期须写成 DATE"),
        ("meetings", "held_on > DATE '2022-02-30'", "没有2022-02-30这一天"),
        ("meetings", "agenda = '未完", "第9个字符起"),
        ("meetings", "kind = '月调度会' -- 注释", "第14个字符起"),
        ("meetings", "kind = '月调度会'; DROP TABLE x", "第14个字符起"),
        ("expenditure", "amount_yuan > '3'", "“金额（元）”是数，'3'不应加引号"),
        ("expenditure", "category = 5", "不是可用的行条件"),
        ("issues", "closed_on - assigned_on <= 30", "“销号日期”是日期，不能加减"),
        ("issues", "ABS(30 + due_on) < 5", "“办结时限”是日期，不能加减"),
        ("issues", "closed_on <= DATE '2022-06-30' + 30", "“销号日期”是日期，不能加减"),
        ("issues", "(year_end) - 30 <= closed_on", "“销号日期”是日期，不能加减"),
        ("issues", "closed_on <= DATE ('2021-12-31')", "DATE 后面直接是单引号里的日期"),
        ("issues", "closed_on = year", "“销号日期”是日期，不能与数 2022 比较；年初、年末写 year_start、year_end"),
        ("issues", "20221231 >= closed_on", "不能与数 20221231 比较"),
        ("issues", "closed_on = LENGTH('a')", "“销号日期”是日期，不能与 LENGTH 得出的数放在一起"),
        ("progress", "month = '2022-1'", "“2022-1”不是月份，月份须写成 '2022-06'"),
        ("progress", "month <= year", "不是可用的行条件"),
    ],
)
def test_condition_that_cannot_be_used_says_why(ledger: str, where: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compile_condition(where, DEFAULT[ledger], 2022)


@pytest.mark.parametrize(
    "where",
    [
        "COUNT(amount_yuan) > 1",
        "SUM(amount_yuan) > 1",
        "ROW_NUMBER() OVER () = 1",
        "amount_yuan = (SELECT 1)",
        "paid_on < CURRENT_DATE",
        "RANDOM() > 0",
        "CAST(amount_yuan AS INT) = 1",
        "row = 3",
    ],
)
def test_condition_that_looks_beyond_its_row_is_refused(where: str) -> None:
    with pytest.raises(ValueError, match="也不是可用的词"):
        compile_condition(where, DEFAULT["expenditure"], 2022)


@pytest.mark.parametrize("ledger", list(DEFAULT))
def test_condition_can_name_every_column(ledger: str) -> None:
    where = " OR ".join(f"{column.name} IS NULL" for column in DEFAULT[ledger].columns())
    assert compile_condition(where, DEFAULT[ledger], 2022).expression is not None


def test_empty_frame_has_the_types_of_the_schema() -> None:
    types = {name: str(dtype) for name, dtype in DEFAULT["expenditure"].empty_frame().schema.items()}
    assert (types["row"], types["amount_yuan"], types["paid_on"]) == ("UInt32", "Decimal(precision=18, scale=2)", "Date")


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("closed_on <= year_end", [1, 2]),
        ("closed_on > year_end", [3]),
        ("closed_on < year_start", []),
        ("closed_on >= year_start AND closed_on < year_end", [1]),
    ],
)
def test_condition_on_a_day_counts_to_the_borders_of_the_year(where: str, rows: list[int], make_ledger: Callable[..., Ledger]) -> None:
    days = [date(2023, 1, 1), date(2023, 12, 31), date(2024, 1, 1), None]
    frame = make_ledger("issues", closed_on=days).rows.with_columns(row=pl.int_range(1, 5))
    condition = compile_condition(where, DEFAULT["issues"], 2023)
    assert frame.filter(condition.expression).collect()["row"].to_list() == rows


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("month <= year_end", [3, 4, 5]),
        ("month BETWEEN year_start AND year_end", [4, 5]),
        ("year_start = month", [4]),
        ("month IN (year_end, '2023-06')", [5]),
    ],
)
def test_condition_on_a_month_counts_to_the_borders_of_the_year(where: str, rows: list[int], make_ledger: Callable[..., Ledger]) -> None:
    frame = make_ledger("progress", month=["2022-12", "2023-01", "2023-12", "2024-01"]).rows
    condition = compile_condition(where, DEFAULT["progress"], 2023)
    assert frame.filter(condition.expression).collect()["row"].to_list() == rows


@pytest.mark.parametrize(
    ("ledger", "where", "why"),
    [
        ("issues", "closed_on <= DATE '2022-12-31'", "2022-12-31不是2023年的，应写 year_end"),
        ("issues", "closed_on >= date '2022-01-01'", "2022-01-01不是2023年的，应写 year_start"),
        ("issues", "closed_on > DATE '2022-06-30'", "2022-06-30不是2023年的，请改成2023年的"),
        ("progress", "month = '2022-12'", "2022-12不是2023年的，应写 year_end"),
        ("progress", "month IN ('2023-02','2022-01')", "2022-01不是2023年的，应写 year_start"),
        ("progress", "month LIKE '2022%'", "2022%不是2023年的，应写 BETWEEN year_start AND year_end"),
        ("progress", "month LIKE '202_-01'", "202_-01不是2023年的，应写 year_start"),
        ("progress", "'2024-03' > month", "2024-03不是2023年的，请改成2023年的"),
        (
            "issues",
            "closed_on BETWEEN DATE '2022-01-01' AND DATE '2022-12-31'",
            "2022-01-01不是2023年的，应写 year_start；2022-12-31不是2023年的，应写 year_end",
        ),
    ],
)
def test_condition_with_a_literal_of_another_year_says_what_to_write(ledger: str, where: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        compile_condition(where, DEFAULT[ledger], 2023)


def test_number_of_a_document_of_another_year_is_no_date() -> None:
    assert compile_condition("application_no LIKE '%〔2022〕%'", DEFAULT["expenditure"], 2023).phrase == "申请报告编号形如“%〔2022〕%”"


class Founded(LedgerModel):
    year: Count = count("成立年份", "年份。")

    class Config(LedgerModel.Config):
        name = "founded"
        title = "机构台账"


def test_word_for_the_year_that_is_a_column_too_is_refused() -> None:
    with pytest.raises(ValueError, match="“year”是年度的词，机构台账又有同名的一列，请给这一列换一个英文名"):
        compile_condition("year = 2022", Founded, 2022)
