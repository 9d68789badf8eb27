"""Conditions over one row: what they find, and what they are refused for."""

import polars as pl
import pytest

from schemas import BUILT_IN
from schemas.conditions import row_condition

PROJECTS = BUILT_IN["projects"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("stage = '竣工'", [0]),
        ("stage IN ('竣工', '在建') and started_on is not null", [1]),
        ("NOT (stage <> '在建')", [1]),
        ("total_investment_yuan >= 100.5", [1]),
        ("completed_on < started_on OR stage = '前期'", [2]),
    ],
)
def test_condition_finds_its_rows(sql: str, rows: list[int]) -> None:
    columns = {"stage": ["竣工", "在建", "前期"], "total_investment_yuan": ["1", "100.50", None], "started_on": [None, "2022-03-05", None]}
    empty = PROJECTS.empty_frame()
    frame = pl.DataFrame(columns).with_columns(pl.col("started_on").str.to_date(), completed_on=pl.lit(None, pl.Date))
    frame = frame.cast({name: empty.schema[name] for name in frame.columns})
    assert frame.with_row_index("number").filter(row_condition(sql, PROJECTS))["number"].to_list() == rows


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("stages = '竣工'", "重点项目台账没有“stages”这一栏"),
        ("stage = '竣功'", "“项目阶段”没有“竣功”，只有：前期、新开工、在建、竣工、投产"),
        ("'竣工' = stage", "'竣工' 应与文字、编号、选项或月份栏比较"),
        ("total_investment_yuan = '5'", "'5' 应与文字"),
        ("started_on > '2022-01-01'", "'2022-01-01' 应与文字"),
        ("started_on > DATE '2022-01-01'", "没有“DATE”这一栏"),
        ("stage = '竣工' -- 注", "条件第13个字符起“-- 注”不可用"),
        ("stage", "条件应逐行得出真或假"),
        ("stage = ", "不是可用的条件"),
        ("sum(total_investment_yuan) > 5", "没有“sum”这一栏"),
        ("", "不是可用的条件"),
    ],
)
def test_condition_that_cannot_be_used_says_why(sql: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        row_condition(sql, PROJECTS)


def test_conditions_of_built_in_ledgers_can_all_be_used() -> None:
    conditions = [
        row_condition(condition, ledger)
        for ledger in BUILT_IN.values()
        for column in ledger.columns()
        for constraint in column.constraints
        for condition in (getattr(constraint, "condition", ""), getattr(constraint, "when", ""))
        if condition
    ]
    assert len(conditions) == 14


@pytest.mark.parametrize("ledger", list(BUILT_IN))
def test_columns_that_constraints_name_exist(ledger: str) -> None:
    for column in BUILT_IN[ledger].columns():
        for constraint in column.constraints:
            for name in (*getattr(constraint, "per", ()), getattr(constraint, "column", column.name)):
                assert BUILT_IN[ledger].column(name)
            register, _, key = getattr(constraint, "to", "programme").partition(".")
            assert register == "programme" or BUILT_IN[register].column(key)
