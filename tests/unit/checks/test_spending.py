from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from perfeval.checks import load_classification
from perfeval.errors import ConfigurationError
from perfeval.model import Finding, Ledger
from perfeval.packs import COMMON
from schemas import BUILT_IN, Catalogue

Make = Callable[..., Ledger]
Check = Callable[..., list[Finding]]
Said = Callable[..., list[tuple[str, str, str | None, str | None, str | None]]]


def test_spending_above_the_budget_is_an_error(make_ledger: Make, check: Check) -> None:
    budget = make_ledger("budget", programme_code=["P1", "P1"], amount_yuan=["200000.00", "-20100.00"])
    expenditure = make_ledger("expenditure", programme_code=["P1"], amount_yuan=["179900.01"])
    finding = check(budget, expenditure)[0]
    assert (finding.code, finding.severity, finding.file, finding.cell, finding.message) == (
        "C09",
        "error",
        "资金支出台账.xlsx",
        None,
        "预算项目 P1 支出 179,900.01 元，超过全年预算 179,900.00 元。请核对支出，或补登追加指标。",
    )


def test_spending_is_added_whatever_the_writing_of_its_code(make_ledger: Make, check: Check) -> None:
    budget = make_ledger("budget", programme_code=["P1", "p1"], amount_yuan=["100.00", "50.00"])
    expenditure = make_ledger("expenditure", programme_code=["P1", "P 1", "p1"], amount_yuan=["60.00", "60.00", "30.01"])
    told = [finding.message for finding in check(budget, expenditure) if finding.code == "C09"]
    assert told == ["预算项目 P1 支出 150.01 元，超过全年预算 150.00 元。请核对支出，或补登追加指标。"]


def test_plan_overrun_is_found_whatever_the_writing_of_its_number(make_ledger: Make, said: Said) -> None:
    plans = make_ledger("plans", plan_no=["FA-1"], budget_yuan=["100"])
    found = said(plans, make_ledger("expenditure", plan_no=["fa-1", "FA-1"], amount_yuan=["60", "60"]))
    assert [item[:3] for item in found] == [("X07", "warning", "E2")]


def test_spending_of_all_the_budget_is_no_finding(make_ledger: Make, said: Said) -> None:
    budget = make_ledger("budget", programme_code=["P1"], amount_yuan=["179900.00"])
    assert said(budget, make_ledger("expenditure", programme_code=["P1"], amount_yuan=["179900.00"])) == []


def test_spending_is_not_compared_without_a_budget_ledger(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("expenditure", programme_code=["P1"], amount_yuan=["1"])) == []


@pytest.mark.parametrize(("code", "amount"), [("P1", None), (None, "100000.00"), ("P-1", "100000.00")])
def test_budget_that_could_not_be_read_is_not_compared(make_ledger: Make, said: Said, code: str | None, amount: str | None) -> None:
    budget = make_ledger("budget", programme_code=["P1", code], amount_yuan=["-5.00", amount])
    found = said(budget, make_ledger("expenditure", programme_code=["P1"], amount_yuan=["179900.00"]))
    assert not {"C08", "C09"} & {finding[0] for finding in found}


def test_budget_of_nothing_is_an_error(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("budget", programme_code=["P1", "P1"], amount_yuan=["5", "-5"])) == [("C08", "error", None, None, None)]


def test_economic_code_that_does_not_exist_is_an_error(make_ledger: Make, check: Check) -> None:
    finding = check(make_ledger("expenditure", economic_code=["30210"], economic_name=["印刷费"]))[0]
    assert (finding.code, finding.cell, finding.value) == ("C35", "D2", "30210")
    assert finding.message == "经济分类编码“30210”不存在。请按政府收支分类科目（部门预算支出经济分类）改正。"


def test_economic_name_of_another_code_is_an_error(make_ledger: Make, check: Check) -> None:
    finding = check(make_ledger("expenditure", economic_code=["30202", "30202"], economic_name=["印刷费", "宣传费"]))[0]
    assert (finding.code, finding.cell, finding.value) == ("C35", "E3", "宣传费")
    assert finding.message == "经济分类编码 30202 的名称是“印刷费”，这里写的是“宣传费”。请改正编码或名称。"


def test_economic_name_with_half_width_brackets_agrees(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("expenditure", economic_code=["30212"], economic_name=["因公出国(境)费用"])) == []


def test_missing_papers_are_one_warning_per_payment(make_ledger: Make, check: Check) -> None:
    expenditure = make_ledger(
        "expenditure",
        plan_no=["FA-1", None, "FA-1"],
        application_no=["SQ-1", None, "SQ-3"],
        attachments=[1, 2, 0],
        approved_by=["某某", "某某", "某某"],
        approved_on=[None, None, None],
    )
    assert [(finding.code, finding.severity, finding.cell, finding.message) for finding in check(expenditure)] == [
        ("X05", "warning", "P2", "手续不全：缺少 审批日期。请补登；确实没有的，向审批人说明。"),
        ("X05", "warning", "M3", "手续不全：缺少 活动方案编号、申请报告编号、审批日期。请补登；确实没有的，向审批人说明。"),
        ("X05", "warning", "L4", "手续不全：缺少 附件张数、审批日期。请补登；确实没有的，向审批人说明。"),
    ]


def test_negative_payment_is_a_warning(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("expenditure", amount_yuan=["5", "-3.20"])) == [("X06", "warning", "I3", "金额（元）", "-3.20")]


def test_plan_spent_beyond_its_budget_is_a_warning(make_ledger: Make, check: Check, said: Said) -> None:
    plans = make_ledger("plans", plan_no=["FA-1", "FA-2"], budget_yuan=["100", "100"])
    expenditure = make_ledger("expenditure", plan_no=["FA-1", "FA-2", "FA-2", None], amount_yuan=["100", "60", "40.01", "900"])
    assert said(plans, expenditure) == [
        ("X05", "warning", "M5", "活动方案编号", None),
        ("X07", "warning", "E3", "预算金额（元）", "100.00"),
    ]
    message = next(finding.message for finding in check(plans, expenditure) if finding.code == "X07")
    assert message == "方案 FA-2 已支出 100.01 元，超过方案预算 100.00 元。请核对，或说明原因。"


def test_plan_without_review_is_a_warning(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("plans", plan_no=["FA-1"], reviewed_by=[None], reviewed_on=[None]))
    assert (finding.code, finding.severity, finding.cell) == ("X08", "warning", "F2")
    assert finding.message == "方案 FA-1 没有财政审核日期或审核人。请补登；尚未审核的，向审批人说明。"


def test_classification_of_the_default_workspace_loads() -> None:
    names = load_classification(COMMON / "economic_classification.csv")
    assert (len(names), names["30217"], names["302"]) == (109, "公务接待费", "商品和服务支出")


def test_classification_with_faults_names_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("code,name\n30202,印刷费\n3020,别的\n30205\n30202,印刷费\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_classification(path)
    assert caught.value.faults == (
        "table.csv:3: 应为“编码,名称”两栏，编码为3位或5位数字",
        "table.csv:4: 应为“编码,名称”两栏，编码为3位或5位数字",
        "table.csv:5: 编码 30202 重复",
    )


def test_project_without_its_investment_is_warned_of(make_ledger: Make, check: Check) -> None:
    amounts = {"annual_planned_yuan": ["5", "0", None], "annual_completed_yuan": [None, "0", None]}
    ledger = make_ledger("projects", stage=["在建", "在建", "前期"], **amounts)
    assert [(item.code, item.severity, item.cell) for item in check(ledger)] == [("X12", "warning", "I2")]


@pytest.mark.parametrize(
    ("catalogue", "papers"),
    [
        (Catalogue({name: BUILT_IN[name] for name in ("budget", "expenditure")}), "申请报告编号"),
        (Catalogue(BUILT_IN, frozenset({"plans"})), "申请报告编号"),
        (Catalogue(BUILT_IN), "活动方案编号、申请报告编号"),
    ],
)
def test_plan_is_no_missing_paper_where_no_plans_are_kept(make_ledger: Make, check: Check, catalogue: Catalogue, papers: str) -> None:
    payment = make_ledger("expenditure", plan_no=[None], application_no=[None])
    (finding,) = check(payment, catalogue=catalogue)
    assert finding.message == f"手续不全：缺少 {papers}。请补登；确实没有的，向审批人说明。"


@pytest.mark.parametrize(
    ("days", "rows"),
    [
        ([1, 3, 5, 7, 9, 11, 13, 15, 15], ["2、3", "4、5", "6、7", "8、9、10"]),
        ([1, 2, 3, 5, 7, 9, 9, 11], ["2、3、4", "5、6", "7、8、9"]),
        ([1, 2, 3, 4], ["2、3、4", "3、4、5"]),
        ([1, 2, 3, 4, 5, 6, 7], ["2、3、4", "5、6、7", "6、7、8"]),
        ([1, 1, 2, 2, 8], ["2、3、4、5"]),
    ],
)
def test_every_payment_that_is_part_of_a_split_is_told(make_ledger: Make, check: Check, days: list[int], rows: list[str]) -> None:
    paid_on = [date(2022, 3, day) for day in days]
    same = {"payee": ["甲店"] * len(days), "category": ["印刷"] * len(days), "amount_yuan": ["6000"] * len(days)}
    found = check(make_ledger("expenditure", paid_on=paid_on, **same), has_limits=True)
    assert [finding.message.split("见第")[1].split("行")[0] for finding in found if finding.code == "C42"] == rows


def test_payments_twice_on_a_day_are_told_among_others_that_are_no_split(make_ledger: Make, check: Check) -> None:
    paid_on = [date(2022, 3, day) for day in (1, 2, 3, 3, 4, 5)]
    same = {"payee": ["甲店"] * 6, "category": ["印刷"] * 6, "amount_yuan": ["60"] * 6}
    found = check(make_ledger("expenditure", paid_on=paid_on, **same), has_limits=True)
    assert [finding.message.split("，")[1] for finding in found if finding.code == "C42"] == ["共 240.00 元"]
