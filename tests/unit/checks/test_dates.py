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
    ledger = make_ledger(name, **{earlier: [FIFTH, FIFTH, FIFTH, None], later: [FOURTH, FIFTH, None, FOURTH]})
    assert [(found[0], found[1], found[2], found[4]) for found in said(ledger)] == [(code, severity, cell, "2022-03-04")]


def test_days_out_of_order_say_both_days(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("services", accepted_on=[FIFTH], finished_on=[FOURTH]))
    assert finding.message == "办结日期 2022-03-04 早于受理日期 2022-03-05。请核对这两个日期。"


@pytest.mark.parametrize(
    ("name", "column", "code", "severity", "cell"),
    [
        ("expenditure", "paid_on", "C37", "error", "B2"),
        ("meetings", "held_on", "X10", "error", "B2"),
        ("publications", "published_on", "X10", "error", "C2"),
        ("inspections", "inspected_on", "X10", "error", "A2"),
        ("budget", "issued_on", "X10", "warning", "B2"),
        ("issues", "assigned_on", "X10", "warning", "G2"),
        ("services", "accepted_on", "X10", "warning", "E2"),
    ],
)
def test_day_of_another_year_is_found(make_ledger: Make, said: Said, name: str, column: str, code: str, severity: str, cell: str) -> None:
    ledger = make_ledger(name, **{column: [date(2021, 12, 31), date(2022, 1, 1), date(2022, 12, 31), None]})
    assert (code, severity, cell, "2021-12-31") in [(found[0], found[1], found[2], found[4]) for found in said(ledger)]
    assert {found[4] for found in said(ledger) if found[0] == code} == {"2021-12-31"}


def test_month_of_another_year_is_an_error(make_ledger: Make, check: Check) -> None:
    (finding,) = check(make_ledger("progress", month=["2022-12", "2023-01"]))
    assert (finding.code, finding.severity, finding.cell) == ("X10", "error", "B3")
    assert finding.message == "月份 2023-01 不在评价年度 2022 年内。请核对月份；不属于本年的请移出台账。"


def test_project_done_this_year_needs_a_day_of_this_year(make_ledger: Make, said: Said) -> None:
    days = [FIFTH, None, FIFTH.replace(year=2019), None]
    ledger = make_ledger("projects", stage=["竣工", "竣工", "竣工", "在建"], completed_on=days)
    assert said(ledger) == [("X11", "warning", "K3", "竣工日期", None), ("X11", "warning", "K4", "竣工日期", "2019-03-05")]


def test_goal_and_its_day_must_agree(make_ledger: Make, said: Said) -> None:
    days = [FIFTH, None, FIFTH, FIFTH, FIFTH.replace(year=2025)]
    ledger = make_ledger("goals", status=["完成", "完成", "未完成", "部分完成", "完成"], completed_on=days)
    assert said(ledger) == [
        ("X11", "warning", "E3", "完成日期", None),
        ("X11", "warning", "E6", "完成日期", "2025-03-05"),
        ("X11", "warning", "E4", "完成日期", "2022-03-05"),
    ]


def test_survey_of_another_time_is_a_warning(make_ledger: Make, said: Said) -> None:
    ledger = make_ledger("surveys", surveyed_on=[FIFTH, FIFTH.replace(year=2023), FIFTH.replace(year=2019)])
    assert said(ledger) == [("X10", "warning", "B4", "调查日期", "2019-03-05")]
