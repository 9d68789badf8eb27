from collections.abc import Callable

import pytest

from perfeval.model import Finding, Ledger

Make = Callable[..., Ledger]
Check = Callable[..., list[Finding]]
Said = Callable[..., list[tuple[str, str, str | None, str | None, str | None]]]


@pytest.mark.parametrize(
    ("name", "cell"), [("progress", "A3"), ("meetings", "D3"), ("issues", "B3"), ("services", "B3"), ("inspections", "B3")]
)
def test_unknown_project_is_an_error_and_an_empty_cell_is_not(make_ledger: Make, said: Said, name: str, cell: str) -> None:
    projects = make_ledger("projects", project_no=["X1", "X2"])
    assert said(projects, make_ledger(name, project_no=["X1", "X9", None])) == [("X02", "error", cell, "项目编号", "X9")]


def test_unknown_project_is_not_looked_for_without_a_register(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("meetings", project_no=["X9"])) == []


def test_unknown_plan_is_an_error(make_ledger: Make, check: Check, said: Said) -> None:
    plans = make_ledger("plans", plan_no=["FA-1"])
    expenditure = make_ledger("expenditure", plan_no=["FA-1", "FA-2", None])
    assert said(plans, expenditure) == [
        ("X03", "error", "M3", "活动方案编号", "FA-2"),
        ("X05", "warning", "M4", "活动方案编号", None),
    ]
    messages = [finding.message for finding in check(plans, expenditure) if finding.code == "X03"]
    assert messages == ["活动方案编号“FA-2”不在活动方案台账中。请核对编号，或在活动方案台账补登。"]


def test_other_programme_is_an_error(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("budget", programme_code=["P1", "P2"], amount_yuan=["5", "5"]))
    assert (finding.code, finding.severity, finding.cell) == ("X04", "error", "C3")
    assert finding.message == "预算项目编码“P2”不是本次评价的项目（P1）。请核对编码；其他项目的收支请移出。"


def test_voucher_and_invoice_twice_are_errors_on_each_row(make_ledger: Make, said: Said, check: Check) -> None:
    expenditure = make_ledger("expenditure", voucher_no=["1", "2", "1"], invoice_no=["77", "77", None])
    assert said(expenditure) == [
        ("C36", "error", "A2", "凭证号", "1"),
        ("C36", "error", "A4", "凭证号", "1"),
        ("C36", "error", "K2", "发票号码", "77"),
        ("C36", "error", "K3", "发票号码", "77"),
    ]
    assert next(finding.message for finding in check(expenditure)) == "凭证号“1”重复，见第2、4行。请删除重复的行，或改正编号。"


def test_invoice_with_and_without_leading_zeros_is_the_same(make_ledger: Make, said: Said) -> None:
    expenditure = make_ledger("expenditure", invoice_no=["0077", "77", "770"])
    assert [(code, cell, value) for code, _, cell, _, value in said(expenditure)] == [("C36", "K2", "0077"), ("C36", "K3", "77")]


@pytest.mark.parametrize(
    ("amounts", "is_paid_once"),
    [
        (["100", "-100"], True),
        (["100", "-30.50"], True),
        (["100", "-100", "100"], True),
        (["100", "0.01"], False),
        (["100", "-100", "100", "100"], False),
        (["100", "-100.01"], False),
        (["-30", "-20"], True),
        (["100", "-100", None], False),
    ],
)
def test_invoice_may_be_taken_back_and_paid_anew(make_ledger: Make, check: Check, amounts: list[str | None], is_paid_once: bool) -> None:
    found = check(make_ledger("expenditure", invoice_no=["77"] * len(amounts), amount_yuan=amounts))
    assert sum(finding.code == "C36" for finding in found) == (0 if is_paid_once else len(amounts))


def test_many_repetitions_are_listed_in_part(make_ledger: Make, check: Check) -> None:
    findings = check(make_ledger("surveys", survey_no=["1"] * 7))
    assert len(findings) == 7
    assert findings[6].message == "问卷编号“1”重复，见第2、3、4、5、6等行。请删除重复的行，或改正编号。"


def test_empty_numbers_are_not_repetitions(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("expenditure", invoice_no=[None, None, "1"])) == []


@pytest.mark.parametrize(
    ("name", "columns", "cell"),
    [
        ("plans", {"plan_no": ["1", "1"]}, "A2"),
        ("projects", {"project_no": ["1", "1"]}, "A2"),
        ("progress", {"project_no": ["1", "1"], "month": ["2022-03", "2022-03"]}, "B2"),
        ("meetings", {"meeting_no": ["1", "1"]}, "A2"),
        ("issues", {"issue_no": ["1", "1"]}, "A2"),
        ("services", {"service_no": ["1", "1"]}, "A2"),
        ("publications", {"kind": ["重点项目建设简报", "重点项目建设简报"], "number": ["1", "1"]}, "B2"),
        ("surveys", {"survey_no": ["1", "1"]}, "A2"),
        ("goals", {"goal_no": ["1", "1"]}, "A2"),
    ],
)
def test_number_twice_in_its_ledger_is_an_error(
    make_ledger: Make, check: Check, name: str, columns: dict[str, list[str]], cell: str
) -> None:
    repeated = [finding for finding in check(make_ledger(name, **columns)) if finding.code == "X01"]
    assert [finding.severity for finding in repeated] == ["error", "error"]
    assert repeated[0].cell == cell


def test_same_project_in_another_month_is_no_repetition(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("progress", project_no=["1", "1", "2"], month=["2022-03", "2022-04", "2022-04"])) == []


def test_same_number_of_another_kind_of_publication_is_no_repetition(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("publications", kind=["重点项目建设简报", "进度分色表"], number=["1", "1"])) == []


def test_evaluation_without_a_step_is_warned_of(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("evaluation_work", step=["前期准备", "座谈会", "座谈会", "资料核查", "现场查看"]))
    assert (finding.code, finding.severity, finding.message.split("，")[0]) == ("X13", "warning", "没有“形成报告”步骤")


def test_message_of_a_repeated_month_names_both_columns(make_ledger: Make, check: Check) -> None:
    (finding, _) = check(make_ledger("progress", project_no=["X1", "X1"], month=["2022-03", "2022-03"]))
    assert finding.message == "项目编号、月份“X1 2022-03”重复，见第2、3行。请删除重复的行，或改正编号。"


@pytest.mark.parametrize("written", ["fa-1", "FA- 1", "FA\u200b-1", "FA–1", "'FA-1", "ＦＡ-１"])
def test_code_in_another_writing_is_known(make_ledger: Make, said: Said, written: str) -> None:
    assert said(make_ledger("plans", plan_no=["FA-1"]), make_ledger("expenditure", plan_no=[written])) == []
    assert said(make_ledger("plans", plan_no=[written]), make_ledger("expenditure", plan_no=["FA-1"])) == []


@pytest.mark.parametrize("written", ["p1", "P 1", "P\u200b1"])
def test_programme_code_in_another_writing_is_the_programmes(make_ledger: Make, said: Said, written: str) -> None:
    assert said(make_ledger("budget", programme_code=[written], amount_yuan=["5"])) == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("ZD2O22-001", "与“ZD2022-001”只差第4个字：这里是“O”，那里是“0”。"),
        ("ZD2022-00l", "与“ZD2022-001”只差第10个字：这里是“l”，那里是“1”。"),
        ("\u0405D2022-001", "第1个字“\u0405”是 U+0405。"),
        ("ZD2022-003", ""),
    ],
)
def test_unknown_project_that_looks_like_a_known_one_says_where_it_differs(
    make_ledger: Make, check: Check, written: str, told: str
) -> None:
    projects = make_ledger("projects", project_no=["ZD2022-001", "ZD2022-002"], stage=["前期", "前期"])
    (finding,) = check(projects, make_ledger("meetings", project_no=[written, "ZD2022-002"]))
    assert finding.message == f"项目编号“{written}”不在重点项目台账中。{told}请核对编号，或在重点项目台账补登。"


def test_other_programme_that_looks_like_the_evaluated_one_names_the_sign(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("budget", programme_code=["\u04201"], amount_yuan=["5"]))
    assert finding.message == "预算项目编码“\u04201”不是本次评价的项目（P1）。第1个字“\u0420”是 U+0420。请核对编码；其他项目的收支请移出。"


def test_code_of_another_programme_in_many_rows_is_told_once(make_ledger: Make, check: Check) -> None:
    budget = make_ledger("budget", programme_code=["P2"], amount_yuan=["5"])
    (finding,) = [item for item in check(budget, make_ledger("expenditure", programme_code=["P2"] * 9)) if item.code == "X04"]
    assert (finding.ledger, finding.cell) == ("预算指标台账", "C2")
    assert finding.message == (
        "预算项目编码“P2”不是本次评价的项目（P1），预算指标台账 C2，资金支出台账 C2、C3、C4、C5等10处都是。"
        "请核对编码；其他项目的收支请移出。"
    )


@pytest.fixture
def twelve_months(make_ledger: Make) -> Ledger:
    """A project's year; another one's first month."""
    months = [f"2022-{month:02}" for month in range(1, 13)]
    return make_ledger("progress", project_no=["X1"] * 12 + ["X2"] * 12, month=months * 2)


def test_overwritten_number_of_a_register_is_told_once_where_it_stands(make_ledger: Make, check: Check, twelve_months: Ledger) -> None:
    projects = make_ledger("projects", project_no=["张三", "X2"], stage=["前期", "前期"])
    (finding,) = check(projects, twelve_months, make_ledger("meetings", project_no=["X1"]))
    assert (finding.code, finding.severity, finding.ledger, finding.cell, finding.value) == ("X02", "error", "重点项目台账", "A2", "张三")
    assert finding.message == (
        "没有台账引用“张三”，项目进度台账 A2、A3、A4、A5、A6等13处引用的“X1”却不在这里。请核对这个项目编号，或补登“X1”。"
    )


@pytest.mark.parametrize(("numbers", "codes"), [([None, "X2"], set()), (["X2", "X2"], {"X01"})])
def test_number_missed_where_the_register_has_a_fault_told_already_is_no_more_findings(
    make_ledger: Make, check: Check, twelve_months: Ledger, numbers: list[str | None], codes: set[str]
) -> None:
    projects = make_ledger("projects", project_no=numbers, stage=["前期", "前期"])
    assert {finding.code for finding in check(projects, twelve_months)} == codes


def test_number_that_is_not_registered_is_told_once_at_its_first_row(make_ledger: Make, check: Check, twelve_months: Ledger) -> None:
    (finding,) = check(make_ledger("projects", project_no=["X2"], stage=["前期"]), twelve_months)
    assert (finding.code, finding.ledger, finding.cell) == ("X02", "项目进度台账", "A2")
    assert finding.message == (
        "项目编号“X1”不在重点项目台账中，项目进度台账 A2、A3、A4、A5、A6等12处都是。请核对编号，或在重点项目台账补登。"
    )


@pytest.mark.parametrize("written", ["3100 0037", "3100\u00a00037", "'31000037", "No.31000037", "№31000037", "３１０００037"])
def test_invoice_twice_in_two_writings_is_an_error_on_each_row(make_ledger: Make, said: Said, written: str) -> None:
    assert said(make_ledger("expenditure", invoice_no=["31000037", "1", written])) == [
        ("C36", "error", "K2", "发票号码", "31000037"),
        ("C36", "error", "K4", "发票号码", written),
    ]


def test_repetition_in_two_writings_says_in_what_they_differ(make_ledger: Make, check: Check) -> None:
    _, finding = check(make_ledger("surveys", survey_no=["WJ-1", "wj-1"]))
    assert finding.message == "问卷编号“wj-1”（与“WJ-1”只是写法不同）重复，见第2、3行。请删除重复的行，或改正编号。"


def test_invoices_rounded_to_the_same_number_are_told_as_lost_and_not_as_paid_twice(make_ledger: Make, check: Check) -> None:
    found = check(make_ledger("expenditure", invoice_no=["25327000000012300000", "25327000000012300000", "7", "7"]))
    assert [(item.code, item.cell) for item in found if item.cell and item.cell[0] == "K"] == [
        ("X38", "K2"), ("X38", "K3"), ("C36", "K4"), ("C36", "K5"),
    ]  # fmt: skip
    assert next(item.message for item in found if item.code == "X38") == (
        "发票号码“25327000000012300000”在第2、3行相同，但超过15位、末尾全是0，可能是 Excel 把几个不同的号码改成了一样。"
        "请把单元格设为文本，按原件重填。"
    )
