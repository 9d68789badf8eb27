"""People are what their chain tells of them; an event that must not count changes nothing and is named."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from perfeval.approvals.events import Confirmed, Enrolled, Revoked, Substituted
from perfeval.approvals.people import People, check_new_name, people_of
from perfeval.approvals.person import Person, Substitution
from perfeval.approvals.record import check, read_line
from perfeval.errors import ApprovalError


def told(chains: Any) -> tuple[People, list[str]]:
    people, faults = people_of([read_line(entry.line) for entry in chains.people], [entry.line for entry in chains.people])
    return people, [fault.message for fault in faults]


def test_people_invited_enrolled_and_confirmed_are_active(opened: Any, device: Any) -> None:
    people, faults = told(opened)
    found = people.active("p2")
    assert faults == []
    assert check("people", opened.people) == []
    assert found
    assert (found.name, found.roles, found.confirmed[0].passkey, found.confirmed[0].confirmed_by) == (
        "甲",
        ("center",),
        device.passkey,
        "operator",
    )


def test_person_enrolled_is_not_active_before_somebody_confirmed(chains: Any, device: Any) -> None:
    chains.invite("p2", "甲", "center")
    chains.enrol("p2", "甲", ("center",), device)
    people, faults = told(chains)
    assert (people.active("p2"), len(people.persons["p2"].means), faults) == (None, 1, [])


def test_person_revoked_is_not_active(opened: Any) -> None:
    opened.tell(Revoked(person="p2", reason="调离"))
    people, _ = told(opened)
    assert people.active("p2") is None
    assert people.persons["p2"].revoked_at == opened.now


def test_second_key_of_a_person_counts_only_when_confirmed(opened: Any, other_device: Any) -> None:
    opened.enrol("p2", "甲", ("center",), other_device)
    people, _ = told(opened)
    assert [item.confirmed_at is None for item in people.persons["p2"].means] == [False, True]
    assert len(people.persons["p2"].confirmed) == 1


def test_enrolment_with_roles_or_name_nobody_invited_does_not_count(chains: Any, device: Any) -> None:
    chains.invite("p2", "甲", "center")
    chains.enrol("p2", "甲", ("center", "bureau"), device)
    chains.enrol("p2", "乙", ("center",), device)
    people, faults = told(chains)
    assert people.persons["p2"].means == ()
    assert faults == ["第5条不算数：登记的人、姓名或角色与邀请的不同", "第6条不算数：登记的人、姓名或角色与邀请的不同"]


def test_enrolment_without_an_invitation_does_not_count(chains: Any, device: Any) -> None:
    chains.enrol("p9", "丁", ("center",), device)
    assert told(chains)[1] == ["第4条不算数：没有邀请过这个人，或已停用"]


def test_enrolment_made_on_another_chain_does_not_count(chains: Any, device: Any) -> None:
    chains.invite("p2", "甲", "center")
    chains.enrol("p2", "甲", ("center",), device, previous="e" * 64)
    assert told(chains)[1] == ["第5条不算数：登记记录不是接着这份记录作的"]


def test_enrolment_of_somebody_elses_key_does_not_count(opened: Any, device: Any) -> None:
    opened.invite("p4", "丙", "bureau")
    opened.enrol("p4", "丙", ("bureau",), device)
    assert told(opened)[1] == ["第14条不算数：同一个公钥或密钥已经登记过"]


def test_enrolment_whose_signature_is_not_the_keys_does_not_count(chains: Any, device: Any) -> None:
    chains.invite("p2", "甲", "center")
    chains.enrol("p2", "甲", ("center",), device)
    event = read_line(chains.people.pop().line).what
    chains.tell(replace(event, proof=None), "p2")
    assert told(chains)[1] == ["第5条不算数：登记记录没有签名"]


@pytest.mark.parametrize(
    ("by", "is_on_paper", "reason"),
    [
        ("p4", True, "不能确认自己的登记，由另一个已登记的人确认"),
        ("p5", True, "确认人自己还没有经确认的登记，或已停用"),
        ("nobody", True, "确认人自己还没有经确认的登记，或已停用"),
        ("operator", False, "经办人或管理员确认登记，须有本人签名的纸质登记单"),
        ("p6", False, "经办人或管理员确认登记，须有本人签名的纸质登记单"),
    ],
)
def test_confirmation_by_the_wrong_person_does_not_count(opened: Any, by: str, is_on_paper: bool, reason: str) -> None:
    opened.welcome("p6", "管理员", "admin")
    opened.invite("p5", "戊", "center")
    opened.invite("p4", "丙", "bureau")
    fingerprint = opened.enrol("p4", "丙", ("bureau",), None)
    opened.tell(Confirmed(person="p4", fingerprint=fingerprint, is_on_paper=is_on_paper), by)
    people, faults = told(opened)
    assert (people.active("p4"), faults) == (None, [f"第19条不算数：{reason}"])


def test_confirmation_by_a_colleague_counts_without_paper(opened: Any) -> None:
    opened.invite("p4", "丙", "bureau")
    fingerprint = opened.enrol("p4", "丙", ("bureau",), None)
    opened.tell(Confirmed(person="p4", fingerprint=fingerprint, is_on_paper=False), "p2")
    assert told(opened)[0].active("p4")


def test_confirmation_of_a_fingerprint_that_was_not_enrolled_does_not_count(opened: Any) -> None:
    opened.tell(Confirmed(person="p2", fingerprint="f" * 24, is_on_paper=True))
    assert told(opened)[1] == ["第13条不算数：没有这个指纹的登记"]


def test_operator_confirms_himself_only_as_the_first_of_all(chains: Any) -> None:
    chains.invite("o2", "另一操作员", "operator")
    fingerprint = chains.enrol("o2", "另一操作员", ("operator",), None)
    chains.tell(Confirmed(person="o2", fingerprint=fingerprint, is_on_paper=True), "o2")
    people, faults = told(chains)
    assert people.active("operator")
    assert faults == ["第6条不算数：不能确认自己的登记，由另一个已登记的人确认"]


def test_operator_confirms_himself_again_where_nobody_is_left(chains: Any) -> None:
    chains.tell(Revoked(person="operator", reason=""), "operator")
    chains.invite("o2", "另一操作员", "operator")
    fingerprint = chains.enrol("o2", "另一操作员", ("operator",), None)
    chains.tell(Confirmed(person="o2", fingerprint=fingerprint, is_on_paper=True), "o2")
    people, faults = told(chains)
    assert people.active("o2")
    assert faults == []


def test_enrolment_that_is_no_record_is_named(opened: Any) -> None:
    opened.tell(Enrolled(person="p2", enrolment="{}"), "p2")
    assert told(opened)[1] == ["第13条不算数：栏目缺少、多余或内容不对：person、name、roles、means、fingerprint、previous"]


def test_substitution_holds_on_both_its_days(opened: Any) -> None:
    first, last = date(2023, 4, 1), date(2023, 4, 5)
    opened.tell(Substituted(person="p4", absent="p3", gate="bureau", from_on=first, to_on=last))
    found = told(opened)[0].substituted("p4", "bureau")
    days = [first - timedelta(days=1), first, last, last + timedelta(days=1)]
    assert found == [Substitution("p4", "p3", "bureau", first, last)]
    assert [found[0].holds_on(day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize("name", ["張東華", "张东华\u3164", "张东华主任", "张 东 华"])
def test_new_name_that_looks_like_an_enrolled_one_is_refused(name: str) -> None:
    with pytest.raises(ApprovalError) as caught:
        check_new_name(name, [Person("p1", "张东华", ("center",))])
    assert caught.value.code in {"A26", "A27"}


def test_new_name_with_letters_no_name_needs_tells_them() -> None:
    with pytest.raises(ApprovalError, match=r"姓名中有不能使用的字符：А（U\+0410）、.（U\+3164）"):
        check_new_name("А王\u3164", [])


def test_new_name_of_nothing_is_refused() -> None:
    with pytest.raises(ApprovalError, match="姓名为空"):
        check_new_name(" ·", [])


def test_new_name_told_apart_in_brackets_or_of_somebody_revoked_is_free(opened: Any) -> None:
    check_new_name("张东华（预算股）", [Person("p1", "张东华", ("center",))])
    check_new_name("张东华", [Person("p1", "张东华", ("center",), revoked_at=opened.now)])
