"""The cases of cases.yml: each check trips, just does not, and does not apply."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from perfeval.checks import CHECKS, load_limits
from perfeval.errors import ConfigurationError
from perfeval.model import Finding, Ledger
from perfeval.packs import COMMON

CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))
ALL = [(code, kind, case) for code, cases in CASES.items() for kind, case in cases.items()]


@pytest.mark.parametrize(("code", "kind", "case"), ALL, ids=[f"{code}-{kind}" for code, kind, _ in ALL])
def test_check_finds_what_is_written(
    code: str, kind: str, case: dict[str, Any], make_ledger: Callable[..., Ledger], check: Callable[..., list[Finding]]
) -> None:
    ledgers = [make_ledger(name, **columns) for name, columns in case["ledgers"].items()]
    found = check(*ledgers, has_limits=case.get("limits", True), evidence=case.get("evidence"), founded_on=case.get("founded_on"))
    assert [[item.cell, item.message] for item in found if item.code == code] == case["found"]
    assert sum(item.count for item in found if item.code == code) == case.get("count", len(case["found"]))
    assert bool(case["found"]) == (kind == "trips")


def test_every_case_file_of_a_check_has_three_cases() -> None:
    assert {tuple(cases) for cases in CASES.values()} == {("trips", "just_not", "not_applicable")}


def test_checks_with_limits_all_have_cases() -> None:
    assert {check.code for check in CHECKS if check.limits} - CASES.keys() == set()


def test_limits_of_a_new_workspace_are_those_that_checks_ask_for() -> None:
    assert load_limits(COMMON / "checks.yml").keys() == {check.limits for check in CHECKS if check.limits}


def test_limits_with_faults_name_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "checks.yml"
    path.write_text("C26:\n  since: 2020-02-25\n  source: 办法\n  least: 很多\nC99:\n  least: 3\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_limits(path)
    assert caught.value.faults == ("checks.yml:4: C26.least：应为整数", "checks.yml:5: C99：不认识的项（检查拼写）")
