"""Every way in which an answer is no decision, and the one in which it is."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyotp
import pytest

from perfeval.approvals import decide, enrol
from perfeval.errors import ApprovalError, StoreError
from perfeval.model import Answer, Decision, Draft, Gate, Revision, Verdict
from perfeval.store import Store

KEY = "an invented key for tests"
GATES = (Gate("center", "中心审批"), Gate("bureau", "财政局审批"))
CENTER, BUREAU = GATES
DRAFT = Draft("2022-x-1", 1, "a" * 64, "0123abcd" + "0" * 56, "0123abcd", date(2023, 4, 3))


class Office:
    """A store with two approvers and one revision, and how they answer."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(f"sqlite:///{folder / 'store.db'}", folder / "artifacts")
        self.revision = Revision(self.store.open_evaluation(2022, "样例项目", "x", "填表人", None), 1)
        self.phones = {name: self._phone(name, role) for name, role in (("甲", "center"), ("乙", "bureau"), ("填表人", "center"))}

    def _phone(self, name: str, role: str) -> pyotp.TOTP:
        uri = enrol(self.store, name, role, GATES, KEY)[1]
        phone = pyotp.parse_uri(uri)
        assert isinstance(phone, pyotp.TOTP)
        return phone

    def answer(self, name: str, verdict: Verdict = Verdict.APPROVE) -> Answer:
        return Answer(verdict, name, self.phones[name].now(), "0123abcd", "理由")

    def decide(self, gate: Gate, answer: Answer) -> Decision:
        return decide(self.store, self.revision, GATES, gate, DRAFT, answer, KEY)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_answer_in_order_by_the_right_people_decides(office: Office) -> None:
    first = office.decide(CENTER, office.answer("甲"))
    office.decide(BUREAU, office.answer("乙"))
    assert (first.approver, first.verdict, first.content_digest) == ("甲", Verdict.APPROVE, DRAFT.content_digest)
    assert [decision.gate for decision in office.store.decisions(office.revision.evaluation)] == ["center", "bureau"]


def test_answer_with_the_check_code_in_capitals_and_blanks_decides(office: Office) -> None:
    assert office.decide(CENTER, replace(office.answer("甲"), check_code=" 0123 ABCD")).approver == "甲"


def test_answer_under_another_spelling_of_the_name_is_the_same_persons(office: Office) -> None:
    assert office.decide(CENTER, replace(office.answer("甲"), name=" 甲　")).approver == "甲"
    assert office.decide(BUREAU, replace(office.answer("乙"), name="\u2f04")).approver == "乙"


def test_answer_by_a_stranger_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="没有登记审批人“丙”"):
        office.decide(CENTER, replace(office.answer("甲"), name="丙"))


@pytest.mark.parametrize("code", ["000000", "", "１２３４５６", "abcdef"])
def test_answer_with_a_wrong_code_is_refused(office: Office, code: str) -> None:
    with pytest.raises(ApprovalError, match="动态码不正确"):
        office.decide(CENTER, replace(office.answer("甲"), code=code))


def test_answer_with_a_code_used_before_is_refused(office: Office) -> None:
    answer = office.answer("甲")
    with pytest.raises(ApprovalError, match="核对码与本稿不符"):
        office.decide(CENTER, replace(answer, check_code="ffffffff"))
    with pytest.raises(ApprovalError, match="已使用过"):
        office.decide(CENTER, answer)


def test_answer_with_another_persons_code_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="动态码不正确"):
        office.decide(CENTER, replace(office.answer("甲"), code=office.phones["乙"].now()))


def test_answer_at_the_wrong_gate_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="不是“中心审批”的审批人"):
        office.decide(CENTER, office.answer("乙"))


def test_answer_at_the_second_gate_before_the_first_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="“中心审批”尚未同意"):
        office.decide(BUREAU, office.answer("乙"))


def test_answer_by_the_preparer_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="是送审人"):
        office.decide(CENTER, office.answer("填表人"))


def test_answer_by_the_preparer_under_another_spelling_is_refused(office: Office) -> None:
    evaluation = replace(office.revision.evaluation, prepared_by="填 表·人\u200b")
    office.revision = replace(office.revision, evaluation=evaluation)
    with pytest.raises(ApprovalError, match="是送审人"):
        office.decide(CENTER, office.answer("填表人"))


def test_enrolment_with_another_key_than_the_others_is_refused(office: Office) -> None:
    with pytest.raises(StoreError, match="PERFEVAL_KEY 与登记时不是同一个"):
        enrol(office.store, "丁", "bureau", GATES, "another invented key")


def test_enrolment_under_another_spelling_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="审批人“甲”已登记"):
        enrol(office.store, " 甲 ", "bureau", GATES, KEY)


def test_answer_by_somebody_who_decided_at_the_other_gate_is_refused(office: Office) -> None:
    office.decide(CENTER, office.answer("甲"))
    office.store.revoke("甲")
    office.phones["甲"] = office._phone("甲", "bureau")
    with pytest.raises(ApprovalError, match="已在另一环节审批过"):
        office.decide(BUREAU, office.answer("甲"))


def test_answer_by_a_revoked_approver_is_refused(office: Office) -> None:
    office.store.revoke("甲")
    with pytest.raises(ApprovalError, match="审批人“甲”已停用"):
        office.decide(CENTER, office.answer("甲"))


def test_answer_after_the_end_is_refused(office: Office) -> None:
    office.store.end_evaluation(office.revision.evaluation, "refused")
    office.revision = Revision(office.store.evaluation(office.revision.evaluation.id), 1)
    with pytest.raises(ApprovalError, match="已经归档或终止"):
        office.decide(CENTER, office.answer("甲"))


def test_answer_with_an_opinion_too_long_to_keep_whole_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="审批意见有2001字，超过2000字"):
        office.decide(CENTER, replace(office.answer("甲"), comment="长" * 2001))


def test_answer_that_returns_without_a_reason_is_refused(office: Office) -> None:
    with pytest.raises(ApprovalError, match="必须填写审批意见"):
        office.decide(CENTER, replace(office.answer("甲", Verdict.RETURN), comment=" "))


@pytest.mark.parametrize(("name", "role"), [("", "center"), ("甲\n乙", "center"), ("长" * 31, "center"), ("丁", "clerk")])
def test_enrolment_with_a_bad_name_or_role_is_refused(office: Office, name: str, role: str) -> None:
    with pytest.raises(ApprovalError):
        enrol(office.store, name, role, GATES, KEY)
