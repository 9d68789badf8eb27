from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from perfeval.checks import check_ledgers, load_classification
from perfeval.ledgers import read_ledgers, receive
from perfeval.model import Finding, Ledger
from perfeval.packs import COMMON
from perfeval.sample import write_sample
from schemas import DEFAULT

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


@pytest.fixture
def whole_year(make_ledger: Make) -> list[Ledger]:
    """Ledgers of 2022, one row of them in another year."""
    return [
        make_ledger("budget", issued_on=[FIFTH.replace(year=2021), FIFTH]),
        make_ledger("expenditure", paid_on=[FIFTH] * 9),
        make_ledger("progress", month=["2022-03"] * 9),
        make_ledger("projects", stage=["竣工", "投产"], completed_on=[FIFTH, FIFTH.replace(year=2019)]),
        make_ledger("surveys", surveyed_on=[FIFTH.replace(year=2023)] * 9),
        make_ledger("goals", status=["完成", "完成"], completed_on=[FIFTH, FIFTH]),
    ]


def test_ledgers_of_another_year_are_told_in_one_sentence(whole_year: list[Ledger], check: Check) -> None:
    (finding,) = [finding for finding in check(*whole_year, year=2023) if finding.code not in {"X05", "X12", "X20"}]
    assert (finding.code, finding.severity, finding.ledger, finding.cell) == ("X14", "error", None, None)
    assert finding.message == "台账是2022年度的，本次评价的是2023年度。请核对评价年度；年度没有错的，请换上2023年度的台账。"


def test_sample_of_2022_checked_for_2023_gives_that_sentence_alone(tmp_path: Path) -> None:
    write_sample(tmp_path)
    ledgers = read_ledgers(receive(tmp_path), DEFAULT).ledgers
    names = load_classification(COMMON / "economic_classification.csv")
    (code,) = ledgers["budget"].frame["programme_code"].unique()
    findings = check_ledgers(ledgers, DEFAULT, year=2023, programme_codes=[code], classification=names)
    assert [(finding.code, finding.severity) for finding in findings] == [("X14", "error")]


def test_ledgers_of_the_year_have_a_finding_on_the_odd_day_alone(whole_year: list[Ledger], said: Said) -> None:
    found = [item for item in said(*whole_year) if item[0] != "X20"]  # no progress is told of the project
    assert found == [("X10", "warning", "B2", "下达日期", "2021-03-05")]


def test_one_ledger_of_another_year_is_told_on_it(make_ledger: Make, check: Check) -> None:
    meetings = make_ledger("meetings", held_on=[FIFTH.replace(year=2021)] * 18 + [FIFTH, None])
    (finding,) = check(meetings, make_ledger("inspections", inspected_on=[FIFTH] * 9))
    assert check(meetings, make_ledger("inspections", inspected_on=[None])) == [finding]
    assert (finding.code, finding.severity, finding.ledger, finding.cell) == ("X14", "error", "调度会议台账", None)
    assert finding.message == "会议日期几乎都在2021年，本次评价的是2022年度。请核对是否放错了年度的台账，或改正日期。"


def test_ledger_with_many_days_in_both_years_has_a_finding_on_each(make_ledger: Make, said: Said) -> None:
    meetings = make_ledger("meetings", held_on=[FIFTH.replace(year=2021)] * 8 + [FIFTH])
    assert [found[0] for found in said(meetings, make_ledger("inspections", inspected_on=[FIFTH]))] == ["X10"] * 8


def test_ledger_that_may_begin_earlier_is_warned_of_alone(make_ledger: Make, check: Check) -> None:
    issues = make_ledger("issues", assigned_on=[FIFTH.replace(year=2021)] * 9)
    (finding,) = check(issues, make_ledger("inspections", inspected_on=[FIFTH] * 9))
    assert (finding.code, finding.severity, finding.ledger) == ("X14", "warning", "问题交办台账")


def test_single_day_of_another_year_is_told_at_its_cell(make_ledger: Make, said: Said) -> None:
    assert [found[:3] for found in said(make_ledger("meetings", held_on=[FIFTH.replace(year=2021)]))] == [("X10", "error", "B2")]
