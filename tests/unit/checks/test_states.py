from collections.abc import Callable
from datetime import date

import pytest

from perfeval.model import Finding, Ledger

Make = Callable[..., Ledger]
Check = Callable[..., list[Finding]]
Said = Callable[..., list[tuple[str, str, str | None, str | None, str | None]]]

FOURTH, FIFTH = date(2022, 3, 4), date(2022, 3, 5)


@pytest.mark.parametrize(
    ("name", "earlier", "later", "code", "severity", "cell"),
    [
        ("expenditure", "approved_on", "paid_on", "C37", "error", "B2"),
        ("plans", "drafted_on", "reviewed_on", "X09", "error", "F2"),
        ("projects", "started_on", "completed_on", "X09", "error", "K2"),
        ("issues", "assigned_on", "due_on", "X09", "error", "I2"),
        ("issues", "assigned_on", "inspected_on", "X09", "error", "J2"),
        ("issues", "assigned_on", "closed_on", "X09", "error", "K2"),
        ("issues", "inspected_on", "closed_on", "X09", "warning", "K2"),
        ("services", "accepted_on", "promised_on", "X09", "error", "F2"),
        ("services", "accepted_on", "finished_on", "X09", "error", "G2"),
    ],
)
def test_days_out_of_order_are_found_and_the_same_day_is_not(
    make_ledger: Make, said: Said, name: str, earlier: str, later: str, code: str, severity: str, cell: str
) -> None:
    ledger = make_ledger(name, **{earlier: [FIFTH, FIFTH], later: [FOURTH, FIFTH]})
    assert [(found[0], found[1], found[2], found[4]) for found in said(ledger) if found[0] != "X11"] == [
        (code, severity, cell, "2022-03-04")
    ]


def test_days_out_of_order_are_not_looked_for_where_one_is_missing(make_ledger: Make, said: Said) -> None:
    later = [None, FOURTH]
    assert said(make_ledger("issues", assigned_on=[FIFTH, None], due_on=later, inspected_on=later, closed_on=[None, None])) == [
        ("X11", "warning", "I2", "办结时限", None)
    ]
    assert said(make_ledger("issues", assigned_on=[FIFTH, None], inspected_on=[FIFTH, FOURTH], closed_on=later)) == []
    assert said(make_ledger("services", accepted_on=[FIFTH, None], promised_on=later, finished_on=later)) == []
    assert said(make_ledger("projects", started_on=[FIFTH, None], completed_on=[None, FOURTH])) == []
    assert said(make_ledger("expenditure", approved_on=[FIFTH, None], paid_on=[None, FOURTH])) == [
        ("X05", "warning", "P3", "审批日期", None)
    ]
    assert said(make_ledger("plans", drafted_on=[FIFTH, None], reviewed_on=[None, FOURTH])) == [
        ("X08", "warning", "F2", "财政审核日期", None)
    ]


def test_days_out_of_order_say_both_days(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("services", accepted_on=[FIFTH], finished_on=[FOURTH]))
    assert finding.message == "办结日期 2022-03-04 早于受理日期 2022-03-05。请核对这两个日期。"


def test_project_done_this_year_needs_a_day_of_this_year(make_ledger: Make, said: Said) -> None:
    days = [FIFTH, None, FIFTH.replace(year=2019), None]
    ledger = make_ledger("projects", stage=["竣工", "竣工", "竣工", "在建"], completed_on=days)
    assert said(ledger) == [("X11", "warning", "K4", "竣工日期", "2019-03-05"), ("X11", "warning", "K3", "竣工日期", None)]


def test_goal_and_its_day_must_agree(make_ledger: Make, said: Said) -> None:
    days = [FIFTH, None, FIFTH, FIFTH, FIFTH.replace(year=2025)]
    ledger = make_ledger("goals", status=["完成", "完成", "未完成", "部分完成", "完成"], completed_on=days)
    assert said(ledger) == [
        ("X11", "warning", "E6", "完成日期", "2025-03-05"),
        ("X11", "warning", "E3", "完成日期", None),
        ("X11", "warning", "E4", "完成日期", "2022-03-05"),
        ("X28", "warning", "D4", "完成情况", "未完成"),
        ("X28", "warning", "D5", "完成情况", "部分完成"),
    ]


def test_cumulative_figure_that_falls_is_warned_of_at_its_month(make_ledger: Make, check: Check) -> None:
    months = ["2022-05", "2022-03", "2022-04", "2022-05", None]
    ledger = make_ledger("progress", project_no=["X1", "X1", "X1", "X2", "X1"], month=months, actual_pct=["40", "30", "50.5", "10", "1"])
    (finding,) = check(ledger)
    assert (finding.code, finding.severity, finding.cell, finding.value) == ("X15", "warning", "D2", "40.00")
    assert finding.message == "项目编号“X1”的实际进度（%）为 40，低于前一次的 50.5。累计数不应下降，请核对。"


def test_cumulative_figure_that_stands_still_is_no_finding(make_ledger: Make, said: Said) -> None:
    assert said(make_ledger("progress", project_no=["X1", "X1"], month=["2022-03", "2022-04"], actual_pct=["30", "30"])) == []


def test_cumulative_figure_is_followed_whatever_the_writing_of_its_project(make_ledger: Make, said: Said) -> None:
    ledger = make_ledger("progress", project_no=["X1", "x1"], month=["2022-03", "2022-04"], actual_pct=["30", "20"])
    assert [item[:3] for item in said(ledger) if item[0] == "X15"] == [("X15", "warning", "D3")]
