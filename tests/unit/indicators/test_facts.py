from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.indicators import derive_facts, find_day_doubts, find_evidence_doubts
from perfeval.indicators.system import IndicatorSystem
from perfeval.model import Fact, Judgement, Ledger

MakeSystem = Callable[..., IndicatorSystem]
MakeLedger = Callable[..., Ledger]
KINDS = ["专题调度会", "现场办公会", "月调度会", "专题调度会"]
CODES = ["30211", "30202", "30211", "30299"]


@pytest.fixture
def derive(make_system: MakeSystem) -> Callable[..., Fact]:
    """The fact of one measure over the given ledgers."""

    def derive_one(measure: dict[str, Any], *ledgers: Ledger) -> Fact:
        return derive_facts(make_system({}, facts={"it": measure}), {ledger.name: ledger for ledger in ledgers})["it"]

    return derive_one


def test_count_tells_value_unit_formula_and_rows(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    measure = {"ledger": "meetings", "where": "kind = '专题调度会'", "aggregate": "count", "unit": "次"}
    fact = derive(measure, make_ledger("meetings", kind=KINDS))
    assert (fact.value, fact.unit, fact.reason) == (Decimal(2), "次", None)
    assert fact.formula == "统计调度会议台账中会议类别为“专题调度会”的行数"
    [source] = fact.sources
    assert (source.ledger, source.file, source.sheet, source.column) == ("meetings", "调度会议台账.xlsx", "调度会议台账", None)
    assert source.rows.to_list() == [3, 6]


def test_count_without_condition_is_of_all_rows(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    fact = derive({"ledger": "meetings", "aggregate": "count", "unit": "次"}, make_ledger("meetings", kind=KINDS))
    assert (fact.value, fact.formula) == (Decimal(4), "统计调度会议台账的行数")
    assert fact.sources[0].rows.to_list() == [3, 4, 5, 6]


def test_condition_on_a_blank_cell_does_not_hold(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    fact = derive({"ledger": "meetings", "where": "chair <> '甲'", "aggregate": "count"}, make_ledger("meetings", chair=["甲", None, "乙"]))
    assert (fact.value, fact.sources[0].rows.to_list()) == (Decimal(1), [5])


AMOUNTS = [Decimal("0.10"), Decimal("0.20"), Decimal("1000.00"), Decimal("9999999999999999.99")]


@pytest.mark.parametrize(
    ("aggregate", "value", "formula"),
    [
        ("sum", "10000000000001000.29", "合计资金支出台账的“金额”"),
        ("mean", "2500000000000250.0725", "平均资金支出台账的“金额”"),
        ("min", "0.10", "取资金支出台账的“金额”的最小值"),
        ("max", "9999999999999999.99", "取资金支出台账的“金额”的最大值"),
        ("n_unique", "4", "统计资金支出台账的“金额”有多少个不同的值"),
    ],
)
def test_aggregate_of_money_is_exact(
    aggregate: str, value: str, formula: str, derive: Callable[..., Fact], make_ledger: MakeLedger
) -> None:
    fact = derive(
        {"ledger": "expenditure", "aggregate": aggregate, "column": "amount_yuan"}, make_ledger("expenditure", amount_yuan=AMOUNTS)
    )
    assert (fact.value, fact.formula) == (Decimal(value), formula)


def test_money_is_in_yuan_without_saying_so(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    fact = derive(
        {"ledger": "projects", "aggregate": "sum", "column": "annual_planned_yuan"},
        make_ledger("projects", annual_planned_yuan=[Decimal("20000.00"), None]),
    )
    assert (fact.value, fact.unit, fact.formula) == (Decimal(20000), "元", "合计重点项目台账的“年度计划投资”（万元折算为元，空白不计）")
    assert fact.sources[0].rows.to_list() == [3]


def test_mean_leaves_blanks_out_and_is_not_rounded(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    fact = derive(
        {"ledger": "evaluation_work", "aggregate": "mean", "column": "headcount", "unit": "人"},
        make_ledger("evaluation_work", headcount=[1, None, 2, 2]),
    )
    assert fact.value == Decimal("1.666666666666666666666666667")


def test_sum_of_large_integers_does_not_wrap(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    ledger = make_ledger("evaluation_work", headcount=[2**63 - 1, 2**63 - 1])
    fact = derive({"ledger": "evaluation_work", "aggregate": "sum", "column": "headcount", "unit": "人"}, ledger)
    assert fact.value == Decimal(18446744073709551614)


def test_latest_day_is_a_date(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    days = [date(2022, 12, 1), date(2022, 12, 20), None]
    fact = derive({"ledger": "goals", "aggregate": "max", "column": "completed_on"}, make_ledger("goals", completed_on=days))
    assert (fact.value, fact.formula) == (date(2022, 12, 20), "取年度目标任务台账的“完成日期”的最晚日期（空白不计）")


RATIO = {
    "numerator": {"ledger": "issues", "where": "closed_on IS NOT NULL", "aggregate": "count"},
    "denominator": {"ledger": "issues", "aggregate": "count"},
}


def test_ratio_is_in_percent_unrounded_and_tells_each_row_once(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    fact = derive(RATIO, make_ledger("issues", closed_on=[date(2022, 5, 1), date(2022, 6, 1), None]))
    assert (fact.value, fact.unit) == (Decimal("66.66666666666666666666666667"), "%")
    assert fact.formula == "（统计问题交办台账中销号日期不为空的行数）÷（统计问题交办台账的行数）×100%"
    assert [source.rows.to_list() for source in fact.sources] == [[3, 4, 5]]


def test_ratio_of_two_columns_tells_both(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    part = {"ledger": "projects", "aggregate": "sum"}
    fact = derive(
        {"numerator": part | {"column": "annual_completed_yuan"}, "denominator": part | {"column": "annual_planned_yuan"}},
        make_ledger("projects", annual_completed_yuan=[Decimal(90), None], annual_planned_yuan=[Decimal(100), Decimal(50)]),
    )
    assert fact.value == Decimal(60)
    assert [(source.column, source.rows.to_list()) for source in fact.sources] == [
        ("annual_completed_yuan", [3]),
        ("annual_planned_yuan", [3, 4]),
    ]


def test_ratio_over_nothing_is_missing_with_the_reason(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    fact = derive(RATIO, make_ledger("issues", closed_on=[]))
    assert (fact.value, fact.reason, fact.is_unknown) == (None, "没有问题交办台账的记录，无从计算", False)


def test_ratio_over_an_amount_of_nothing_names_the_amount(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    cost = {"ledger": "works", "aggregate": "sum", "column": "cost_yuan"}
    ratio = {"numerator": {**cost, "where": "kind = '大中修'"}, "denominator": cost}
    assert derive(ratio, make_ledger("works", cost_yuan=[])).reason == "合计养护工程台账的“金额”为0，无从计算"


def test_ratio_of_something_over_nothing_says_that_it_is_not_for_want_of_a_case(
    derive: Callable[..., Fact], make_ledger: MakeLedger
) -> None:
    cost = {"ledger": "expenditure", "aggregate": "sum", "column": "amount_yuan"}
    videos = {"ledger": "publications", "where": "kind = '宣传视频'", "aggregate": "count"}
    measure = {"numerator": cost, "denominator": videos, "factor": 1, "unit": "元/部"}
    published = make_ledger("publications", kind=["宣传展板"])
    spent = derive(measure, make_ledger("expenditure", amount_yuan=[Decimal("43810.00")]), published)
    told = "合计资金支出台账的“金额”不是0，却没有编发刊物台账中刊物类别为“宣传视频”的记录，无从计算"
    assert (spent.value, spent.reason, spent.is_out_of_nothing) == (None, told, True)
    unspent = derive(measure, make_ledger("expenditure", amount_yuan=[]), published)
    assert (unspent.reason, unspent.is_out_of_nothing) == ("没有编发刊物台账中刊物类别为“宣传视频”的记录，无从计算", False)


COST = {"ledger": "works", "where": "kind = '大中修'", "aggregate": "sum", "column": "cost_yuan"}
LENGTH = {"ledger": "works", "aggregate": "sum", "column": "length_km"}
KILOMETRES = [Decimal("3.5"), Decimal("12.25"), Decimal("0.000001")]


@pytest.fixture
def works(make_ledger: MakeLedger) -> Ledger:
    return make_ledger(
        "works",
        kind=["大中修", "小修保养", "大中修"],
        length_km=KILOMETRES,
        cost_yuan=[Decimal("2000.10"), Decimal(800), Decimal("199.90")],
        gravel_t=[Decimal("1.5"), None, Decimal(2)],
        started_on=[date(2022, 3, 1), date(2022, 4, 1), date(2022, 12, 30)],
        accepted_on=[date(2022, 3, 11), None, date(2023, 1, 2)],
    )


@pytest.mark.parametrize(
    ("aggregate", "value", "formula"),
    [
        ("sum", "15.750001", "合计养护工程台账的“养护里程”"),
        ("mean", "5.250000333333333333333333333", "平均养护工程台账的“养护里程”"),
        ("min", "0.000001", "取养护工程台账的“养护里程”的最小值"),
        ("max", "12.25", "取养护工程台账的“养护里程”的最大值"),
    ],
)
def test_quantity_is_exact_and_in_the_unit_of_its_column(
    aggregate: str, value: str, formula: str, derive: Callable[..., Fact], works: Ledger
) -> None:
    fact = derive({"ledger": "works", "aggregate": aggregate, "column": "length_km"}, works)
    assert (fact.value, fact.unit, fact.formula) == (Decimal(value), "公里", formula)


def test_condition_on_a_quantity_holds_in_decimals(derive: Callable[..., Fact], works: Ledger) -> None:
    fact = derive({"ledger": "works", "where": "length_km >= 3.5", "aggregate": "count"}, works)
    assert (fact.value, fact.formula) == (Decimal(2), "统计养护工程台账中养护里程不小于3.5的行数")


@pytest.mark.parametrize(
    ("measure", "value", "unit", "formula"),
    [
        (
            {"numerator": COST, "denominator": LENGTH, "factor": 1, "unit": "元/公里"},
            "139.6825308138075673772973094",
            "元/公里",
            "（合计养护工程台账中养护类型为“大中修”的“金额”）÷（合计养护工程台账的“养护里程”）",
        ),
        (
            {"numerator": COST, "denominator": {"ledger": "works", "aggregate": "count"}, "factor": 1, "unit": "元/项"},
            "733.3333333333333333333333333",
            "元/项",
            "（合计养护工程台账中养护类型为“大中修”的“金额”）÷（统计养护工程台账的行数）",
        ),
        (
            {"numerator": LENGTH, "denominator": {"ledger": "works", "aggregate": "count"}, "factor": 1, "unit": "公里/项"},
            "5.250000333333333333333333333",
            "公里/项",
            "（合计养护工程台账的“养护里程”）÷（统计养护工程台账的行数）",
        ),
        (
            {"numerator": {"ledger": "works", "aggregate": "count"}, "denominator": LENGTH, "factor": 1000, "unit": "项/千公里"},
            "190.4761783824648646054054219",
            "项/千公里",
            "（统计养护工程台账的行数）÷（合计养护工程台账的“养护里程”）×1000",
        ),
    ],
)
def test_ratio_with_a_factor_is_in_its_own_unit(
    measure: dict[str, Any], value: str, unit: str, formula: str, derive: Callable[..., Fact], works: Ledger
) -> None:
    fact = derive(measure, works)
    assert (fact.value, fact.unit, fact.formula) == (Decimal(value), unit, formula)


DAYS = {"ledger": "works", "days": ["started_on", "accepted_on"], "unit": "天"}


@pytest.mark.parametrize(
    ("aggregate", "value", "formula"),
    [
        ("mean", "6.5", "平均养护工程台账的“开工日期”至“验收日期”的天数（空白不计）"),
        ("sum", "13", "合计养护工程台账的“开工日期”至“验收日期”的天数（空白不计）"),
        ("min", "3", "取养护工程台账的“开工日期”至“验收日期”的天数的最小值（空白不计）"),
        ("max", "10", "取养护工程台账的“开工日期”至“验收日期”的天数的最大值（空白不计）"),
    ],
)
def test_days_between_two_columns_leave_blanks_out(
    aggregate: str, value: str, formula: str, derive: Callable[..., Fact], works: Ledger
) -> None:
    fact = derive(DAYS | {"aggregate": aggregate}, works)
    assert (fact.value, fact.unit, fact.formula) == (Decimal(value), "天", formula)
    assert [(source.column, source.rows.to_list()) for source in fact.sources] == [("started_on", [3, 5]), ("accepted_on", [3, 5])]


def test_mean_of_days_is_not_rounded(derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    days = {"assigned_on": [date(2022, 1, 1)] * 3, "closed_on": [date(2022, 1, 2), date(2022, 1, 3), date(2022, 1, 3)]}
    fact = derive({"ledger": "issues", "aggregate": "mean", "days": ["assigned_on", "closed_on"]}, make_ledger("issues", **days))
    assert (fact.value, fact.unit) == (Decimal("1.666666666666666666666666667"), "天")


def test_mean_of_days_of_no_row_is_missing(derive: Callable[..., Fact], works: Ledger) -> None:
    fact = derive(DAYS | {"aggregate": "mean", "where": "kind = '小修保养'"}, works)
    assert (fact.value, fact.reason) == (None, "养护工程台账中养护类型为“小修保养”没有可统计的行")


def test_mean_of_money_may_say_of_what(derive: Callable[..., Fact], works: Ledger) -> None:
    fact = derive({"ledger": "works", "aggregate": "mean", "column": "cost_yuan", "unit": "元/笔"}, works)
    assert (fact.value, fact.unit) == (Decimal(1000), "元/笔")


@pytest.mark.parametrize("aggregate", ["count", "sum", "n_unique"])
def test_count_or_sum_of_nothing_is_zero(aggregate: str, derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    column = {} if aggregate == "count" else {"column": "amount_yuan"}
    fact = derive({"ledger": "expenditure", "aggregate": aggregate} | column, make_ledger("expenditure", amount_yuan=[]))
    assert (fact.value, fact.reason) == (Decimal(0), None)


@pytest.mark.parametrize("aggregate", ["mean", "min", "max"])
def test_mean_or_extreme_of_nothing_is_missing(aggregate: str, derive: Callable[..., Fact], make_ledger: MakeLedger) -> None:
    measure = {"ledger": "expenditure", "where": "category = '差旅费'", "aggregate": aggregate, "column": "amount_yuan"}
    fact = derive(measure, make_ledger("expenditure", amount_yuan=[Decimal(1)], category=["图文资料"]))
    assert (fact.value, fact.reason) == (None, "资金支出台账中支出类别为“差旅费”没有可统计的行")


def test_fact_of_a_ledger_not_received_is_missing(derive: Callable[..., Fact]) -> None:
    fact = derive({"ledger": "meetings", "aggregate": "count"})
    assert (fact.value, fact.reason, fact.sources, fact.is_unknown) == (None, "没有收到调度会议台账", (), True)


def test_budget_facts_follow_the_sources_of_funds(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    budget = make_ledger(
        "budget",
        source=["年初预算", "追加", "调减", "上年结转", "其他资金"],
        amount_yuan=[Decimal(amount) for amount in ("1000", "500", "-300", "200", "100")],
    )
    spent = make_ledger("expenditure", amount_yuan=[Decimal("600.50"), Decimal("149.50")])
    facts = derive_facts(make_system({}), {"budget": budget, "expenditure": spent})
    assert {name: facts[name].value for name in facts if name.startswith(("budget", "execution"))} == {
        "budget_initial": Decimal(1000),
        "budget_carried_over": Decimal(200),
        "budget_other": Decimal(100),
        "budget_annual": Decimal(1500),
        "budget_executed": Decimal(750),
        "execution_rate": Decimal(50),
    }


def test_indicator_is_a_fact_in_the_unit_of_its_target(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    facts = derive_facts(make_system({"target": "≥60次"}), {"meetings": make_ledger("meetings", kind=KINDS)})
    assert (facts["row_1"].value, facts["row_1"].unit) == (Decimal(4), "次")


def test_spending_by_source_is_told_where_the_ledger_names_sources(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    spent = make_ledger(
        "expenditure",
        source=["年初预算", "追加", "上年结转", "其他资金", "上年结转"],
        amount_yuan=[Decimal(amount) for amount in ("600.50", "100", "149.50", "10", "0.25")],
    )
    facts = derive_facts(make_system({}), {"expenditure": spent})
    assert {name: facts[name].value for name in facts if name.startswith("budget_executed_")} == {
        "budget_executed_fiscal": Decimal("700.50"),
        "budget_executed_carried_over": Decimal("149.75"),
        "budget_executed_other": Decimal(10),
    }


def test_spending_of_a_ledger_without_sources_is_told_as_before(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    facts = derive_facts(make_system({}), {"expenditure": make_ledger("expenditure", amount_yuan=[Decimal(1)])})
    assert [name for name in facts if name.startswith("budget_executed")] == ["budget_executed"]


def test_goals_are_counted_where_the_profile_caps_by_them(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    goals = {"goals": make_ledger("goals", status=["完成", "部分完成", "未完成", "完成"])}
    assert derive_facts(make_system({}, profile="integrated-2022"), goals)["goals_done_rate"].value == Decimal(50)
    assert "goals_done_rate" not in derive_facts(make_system({}), goals)


def test_growth_is_held_against_last_years_archive(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    system = make_system({}, facts={"meetings": {"ledger": "meetings", "aggregate": "count", "unit": "次"}, "more": {"growth": "meetings"}})
    last_year = {"meetings": Fact("meetings", Decimal(3), "次", "统计调度会议台账的行数")}
    fact = derive_facts(system, {"meetings": make_ledger("meetings", kind=KINDS)}, last_year)["more"]
    assert (fact.value, fact.unit) == (Decimal("33.33333333333333333333333333"), "%")
    assert fact.formula == "（统计调度会议台账的行数）比上一年度归档的同一数（3次）增长的百分比"
    assert fact.sources[0].rows.to_list() == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("last_year", "reason"),
    [
        (None, "没有上一年度的归档"),
        ({}, "上一年度的归档没有这一数"),
        ({"meetings": Fact("meetings", Decimal(3), "场", "")}, "上一年度的单位是“场”，本年是“次”"),
        ({"meetings": Fact("meetings", None, "次", "", (), "没有收到调度会议台账")}, "上一年度没有收到调度会议台账"),
        ({"meetings": Fact("meetings", Decimal(0), "次", "")}, "上一年度是0次，增长率无从计算"),
    ],
)
def test_growth_without_a_last_year_is_missing_with_the_reason(
    last_year: dict[str, Fact] | None, reason: str, make_system: MakeSystem, make_ledger: MakeLedger
) -> None:
    system = make_system({}, facts={"meetings": {"ledger": "meetings", "aggregate": "count", "unit": "次"}, "more": {"growth": "meetings"}})
    fact = derive_facts(system, {"meetings": make_ledger("meetings", kind=KINDS)}, last_year)["more"]
    assert (fact.value, fact.reason, fact.is_unknown) == (None, reason, False)


JUDGED = {"target": "机制健全", "scoring": "graded", "judged": True, "measure": None}


def test_days_that_run_backwards_are_told_where_they_count(make_system: MakeSystem, make_ledger: MakeLedger) -> None:
    days = {"ledger": "works", "where": "kind = '大中修'", "aggregate": "mean", "days": ["started_on", "accepted_on"]}
    works = make_ledger(
        "works",
        kind=["大中修", "大中修", "小修保养", "大中修"],
        started_on=[date(2022, 3, 9), date(2022, 3, 1), date(2022, 3, 9), date(2022, 3, 9)],
        accepted_on=[date(2022, 3, 1), date(2022, 3, 1), date(2022, 3, 1), None],
    )
    system = make_system({}, facts={"it": days})
    assert derive_facts(system, {"works": works})["it"].value == Decimal(-4)
    [told] = find_day_doubts(system, {"works": works})
    assert (told.code, told.ledger, told.count) == ("T15", "养护工程台账", 1)
    assert told.message == "1行的验收日期早于开工日期，“it”的天数里按负数计"
    assert find_day_doubts(system, {}) == ()


def test_evidence_that_is_in_no_folder_is_told_where_the_office_keeps_one(make_system: MakeSystem) -> None:
    system = make_system(JUDGED | {"name": "机制", "evidence": ["考核办法", "问题交办台账"]})
    judgements = {"row_1": Judgement(Decimal(85), "有文件、有执行。", ("制度汇编", "考核办法"))}
    known = ["问题交办台账"]
    [told] = find_evidence_doubts(system, judgements, known, ["2022年制度汇编（扫描）.pdf"])
    assert (told.code, told.message) == ("T16", "指标“机制”的佐证材料“考核办法”不在 evidence/2022 里")
    assert find_evidence_doubts(system, judgements, known, ["制度汇编.pdf", "考核办法.pdf"]) == ()
    assert find_evidence_doubts(system, judgements, known, None) == ()


def test_judgement_is_a_fact_that_tells_who_gave_it_and_why(make_system: MakeSystem) -> None:
    judgements = {"row_1": Judgement(Decimal(85), "有文件、有执行。", ("制度汇编", "考核记录"))}
    fact = derive_facts(make_system(JUDGED), {}, judgements=judgements)["row_1"]
    assert (fact.value, fact.unit, fact.sources) == (Decimal(85), "%", ())
    assert fact.formula == "由人评定，依据：有文件、有执行；佐证材料：制度汇编、考核记录"


def test_judgement_not_given_is_unknown(make_system: MakeSystem) -> None:
    fact = derive_facts(make_system(JUDGED), {})["row_1"]
    assert (fact.value, fact.reason, fact.is_unknown) == (None, "还没有评定意见", True)


@given(
    cells=st.lists(st.tuples(st.sampled_from(CODES), st.decimals(min_value=-10000, max_value=10000, places=2)), min_size=1, max_size=20),
    data=st.data(),
)
def test_order_of_rows_changes_no_value(
    cells: list[tuple[str, Decimal]], data: st.DataObject, make_system: MakeSystem, make_ledger: MakeLedger
) -> None:
    shuffled = data.draw(st.permutations(cells))
    measure = {"ledger": "expenditure", "where": "economic_code = '30211'", "aggregate": "sum", "column": "amount_yuan"}
    system = make_system(
        {}, facts={"travel": measure, "mean": measure | {"aggregate": "mean"}, "codes": measure | {"aggregate": "n_unique"}}
    )
    one, other = (
        derive_facts(system, {"expenditure": make_ledger("expenditure", economic_code=[*codes], amount_yuan=[*amounts])})
        for codes, amounts in (zip(*cells, strict=True), zip(*shuffled, strict=True))
    )
    assert {name: fact.value for name, fact in one.items()} == {name: fact.value for name, fact in other.items()}
    assert one["travel"].value == sum(amount for code, amount in cells if code == "30211")


SERVED = {
    "ledger": "projects",
    "where": "stage = '新开工'",
    "found_in": [{"ledger": "services", "where": "finished_on <= year_end", "by": "project_no"}],
    "aggregate": "count",
}


@pytest.fixture
def served(make_ledger: MakeLedger) -> list[Ledger]:
    days = [date(2022, 5, 1), date(2022, 6, 1), date(2023, 1, 3), date(2022, 7, 1)]
    projects = make_ledger("projects", project_no=["A-1", "A-2", "A-3", "A-4"], stage=["新开工", "新开工", "新开工", "前期"])
    return [projects, make_ledger("services", project_no=["a－1", "A-4", "A-3", None], finished_on=days)]


def test_rows_are_counted_whose_code_stands_in_another_ledger_too(derive: Callable[..., Fact], served: list[Ledger]) -> None:
    fact = derive(SERVED, *served)
    assert (fact.value, fact.formula) == (
        Decimal(1),
        "统计重点项目台账中项目阶段为“新开工”，且项目编号见于帮代办事项台账中办结日期不晚于2022年12月31日的行数",
    )
    assert [(source.ledger, source.column, source.rows.to_list()) for source in fact.sources] == [
        ("projects", None, [3]),
        ("services", "project_no", [3, 4]),
    ]


def test_rate_of_rows_whose_code_stands_in_another_ledger_too(derive: Callable[..., Fact], served: list[Ledger]) -> None:
    of_all = {"ledger": "projects", "found_in": [{"ledger": "services", "by": "project_no"}], "aggregate": "count"}
    fact = derive({"numerator": of_all, "denominator": {"ledger": "projects", "aggregate": "count"}}, *served)
    assert (fact.value, fact.formula) == (
        Decimal(75),
        "（统计重点项目台账中项目编号见于帮代办事项台账的行数）÷（统计重点项目台账的行数）×100%",
    )


def test_count_that_needs_another_ledger_is_unknown_without_it(derive: Callable[..., Fact], served: list[Ledger]) -> None:
    fact = derive(SERVED, served[0])
    assert (fact.value, fact.reason, fact.is_unknown, fact.sources) == (None, "没有收到帮代办事项台账", True, ())
