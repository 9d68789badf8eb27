"""What settings and a year's file may say, and what of them is a fault."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from perfeval.model import Gate
from perfeval.settings import Settings, Year

CENTER = {"key": "center", "title": "中心审批"}
BUREAU = {"key": "bureau", "title": "财政局审批"}
FINANCE = {"key": "finance", "title": "单位财务审核"}
ROADS = {"name": "公路养护", "codes": ["GL-2022-01"], "goal": "公路畅通。"}
NOTICE = {"title": "关于开展2022年度自评的通知", "number": "样财监〔2023〕63号"}


def gates(settings: dict[str, Any], *gates: dict[str, str]) -> tuple[Gate, ...]:
    return Settings.model_validate(settings | {"gates": list(gates)}).approval


def test_gates_that_are_two_and_say_no_act_are_signed_by_the_unit_and_reviewed_by_the_bureau(settings: dict[str, Any]) -> None:
    assert gates(settings, CENTER, BUREAU) == (Gate("center", "中心审批", "签发"), Gate("bureau", "财政局审批", "审核"))


def test_gates_that_are_three_with_one_that_signs_are_reviewed_at_the_others(settings: dict[str, Any]) -> None:
    told = gates(settings, FINANCE, CENTER | {"act": "签发"}, BUREAU)
    assert [gate.act for gate in told] == ["审核", "签发", "审核"]


def test_gates_of_which_two_sign_are_both_signed(settings: dict[str, Any]) -> None:
    assert [gate.act for gate in gates(settings, CENTER | {"act": "签发"}, BUREAU | {"act": "签发"})] == ["签发", "签发"]


def test_gates_that_are_three_and_say_no_act_are_a_fault(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="要有一个环节写 act: 签发"):
        gates(settings, FINANCE, CENTER, BUREAU)


def test_gates_of_which_nobody_signs_are_a_fault(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="要有一个环节写 act: 签发"):
        gates(settings, CENTER | {"act": "审核"}, BUREAU)


def test_gates_with_one_key_are_a_fault(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="各审批环节的 key 不能相同"):
        gates(settings, CENTER, BUREAU | {"key": "center"})


def test_gates_with_one_title_are_a_fault(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="各审批环节的 title 不能相同"):
        gates(settings, CENTER, BUREAU | {"title": "中心 审批"})


def test_gate_called_like_the_correction_is_a_fault(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="correction 是更正环节的名称"):
        gates(settings, CENTER, BUREAU | {"key": "correction"})


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"gates": [CENTER]}, "at least 2 items"),
        ({"gates": [CENTER, BUREAU | {"act": "批准"}]}, "'审核' or '签发'"),
        ({"gates": [CENTER, BUREAU | {"key": "Bureau"}]}, "should match pattern"),
        ({"gates": [CENTER, BUREAU | {"key": "b" * 21}]}, "at most 20 characters"),  # PostgreSQL would keep no decision at it
        ({"gates": [CENTER, BUREAU | {"needs": 0}]}, "greater than or equal to 1"),
    ],
)
def test_gates_of_another_form_are_a_fault(settings: dict[str, Any], changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Settings.model_validate(settings | changes)


@pytest.mark.parametrize(
    ("codes", "key"),
    [(["ZDXM-2022-001"], "zdxm-2022-001"), (["_A b/C_", "X"], "a-b-c"), (["公路2022"], "2022"), (["公路养护"], "programme")],
)
def test_programme_without_a_key_is_called_by_its_first_code(settings: dict[str, Any], codes: list[str], key: str) -> None:
    told = Settings.model_validate(settings | {"programmes": [], "programme": ROADS | {"codes": codes}})
    assert [programme.key for programme in told.all_programmes] == [key]


@pytest.mark.parametrize(
    ("programmes", "fault"),
    [
        ({"programmes": []}, "缺少 programmes"),
        ({"programme": ROADS}, "programme 是旧写法，已有 programmes 时请删去"),
        (
            {"programmes": [ROADS | {"key": "roads"}, ROADS | {"key": "roads", "codes": ["GL-2"]}]},
            "key、name 或 codes 相同：roads、公路养护",
        ),
        ({"programmes": [ROADS | {"key": "roads"}, ROADS | {"key": "bridges"}]}, "codes 相同：公路养护、GL-2022-01"),
        ({"programmes": [ROADS | {"key": "a"}, ROADS | {"key": "b", "name": "桥梁", "codes": ["ＧＬ-2022-01"]}]}, "相同：GL-2022-01"),
        ({"programmes": [ROADS | {"key": "a"}, ROADS | {"key": "a"}]}, "codes 相同：a、公路养护、GL-2022-01"),
        ({"programmes": [ROADS | {"codes": ["GL-1", "GL-1"]}]}, "codes 相同：GL-1"),
        ({"programmes": [ROADS | {"codes": []}]}, "at least 1 item"),
        ({"programmes": [ROADS | {"key": "Roads"}]}, "should match pattern"),
    ],
)
def test_programmes_that_cannot_be_told_apart_are_a_fault(settings: dict[str, Any], programmes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Settings.model_validate(settings | programmes)


def test_unit_says_when_it_was_founded_or_does_not(settings: dict[str, Any]) -> None:
    assert Settings.model_validate(settings).unit.founded_on is None
    founded = settings["unit"] | {"founded_on": "2022-04-06"}
    assert Settings.model_validate(settings | {"unit": founded}).unit.founded_on == date(2022, 4, 6)


def test_settings_say_where_and_when_only_if_it_is_otherwise(settings: dict[str, Any]) -> None:
    told = Settings.model_validate(settings)
    assert (told.storage.folder, told.archive.folder, told.schedule.cron, told.schedule.timezone) == (
        ".perfeval",
        "archive",
        "0 9 5 1 *",
        "Asia/Shanghai",
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"storage": {"folder": "../elsewhere"}}, "应为工作区内的相对路径"),
        ({"storage": {"folder": "C:store"}}, "应为工作区内的相对路径"),
        ({"economic_classification": "/etc/passwd"}, "应为工作区内的相对路径"),
        ({"schedule": {"cron": "每年一次"}}, "应为 cron 的五栏"),
        ({"schedule": {"timezone": "Asia/Taojiang"}}, "不认识这个时区"),
        ({"duties": {"title": "机构规定", "number": "样办2022年18号"}}, "should match pattern"),
    ],
)
def test_settings_that_cannot_be_followed_are_a_fault(settings: dict[str, Any], changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Settings.model_validate(settings | changes)


def test_year_brings_its_documents_and_perhaps_the_reports_date() -> None:
    brought = Year.model_validate({"basis": [NOTICE], "report_on": "2023-04-03"})
    assert (brought.basis[0].number, brought.report_on) == ("样财监〔2023〕63号", date(2023, 4, 3))


@pytest.mark.parametrize(
    ("basis", "fault"),
    [([NOTICE | {"number": ""}], "还没有填写文号"), ([NOTICE | {"number": "63号"}], "should match pattern"), ([], "at least 1 item")],
)
def test_year_without_a_documents_number_is_a_fault(basis: list[Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Year.model_validate({"basis": basis})
