from collections.abc import Callable
from datetime import date

import pytest

from perfeval.model import Finding, Ledger

Make = Callable[..., Ledger]
Check = Callable[..., list[Finding]]
Said = Callable[..., list[tuple[str, str, str | None, str | None, str | None]]]

FIFTH = date(2022, 3, 5)


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


def test_survey_of_another_time_is_a_warning(make_ledger: Make, said: Said) -> None:
    ledger = make_ledger("surveys", surveyed_on=[FIFTH, FIFTH.replace(year=2023), FIFTH.replace(year=2019)])
    assert said(ledger) == [("X10", "warning", "B4", "调查日期", "2019-03-05")]
