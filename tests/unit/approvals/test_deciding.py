"""Every way in which an answer is no decision, and the one in which it is; codes and enrolment. All of it without a store."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyotp
import pytest

from perfeval.approvals import Matter, check_answer, check_enrolment, code_step, find_approver, new_secret
from perfeval.errors import ApprovalError
from perfeval.model import Answer, Decision, Draft, Evaluation, Gate, Person, Revision, Verdict

MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
GATES = (Gate("center", "中心审批", "签发"), Gate("bureau", "财政局审批", "审核"))
CENTER, BUREAU = GATES
DRAFT = Draft("2022-x-1", 1, "a" * 64, "0123abcd" + "0" * 56, "0123abcd", date(2023, 4, 3))
EVALUATION = Evaluation("2022-x-1", 2022, "样例项目", "填表人", MOMENT)
PEOPLE = {name: Person(name, role, MOMENT) for name, role in (("甲", "center"), ("乙", "bureau"), ("填表人", "center"))}
APPROVED = Decision("2022-x-1", 1, "center", Verdict.APPROVE, "甲", DRAFT.content_digest, "", MOMENT)


def matter(gate: Gate, *decisions: Decision, evaluation: Evaluation = EVALUATION, number: int = 1) -> Matter:
    return Matter(Revision(evaluation, number), DRAFT, MOMENT, GATES, gate, decisions)


def answer(name: str, verdict: Verdict = Verdict.APPROVE, check_code: str = "0123abcd", comment: str = "理由") -> Answer:
    return Answer(verdict, name, "", check_code, comment)


def decided(about: Matter, given: Answer, by: Person | None = None) -> Decision:
    return check_answer(about, by or PEOPLE[given.name], given, MOMENT)


def test_answer_in_order_by_the_right_people_decides() -> None:
    assert decided(matter(CENTER), answer("甲", comment="")) == APPROVED
    assert decided(matter(BUREAU, APPROVED), answer("乙")).gate == "bureau"


def test_answer_with_the_check_code_in_capitals_and_blanks_decides() -> None:
    assert decided(matter(CENTER), answer("甲", check_code=" 0123 ABCD")).approver == "甲"


def test_answer_with_another_check_code_is_refused() -> None:
    with pytest.raises(ApprovalError, match="核对码与本稿不符"):
        decided(matter(CENTER), answer("甲", check_code="ffffffff"))


def test_answer_at_the_wrong_gate_is_refused() -> None:
    with pytest.raises(ApprovalError, match="不是“中心审批”的审批人"):
        decided(matter(CENTER), answer("乙"))


def test_answer_at_the_second_gate_before_the_first_is_refused() -> None:
    with pytest.raises(ApprovalError, match="“中心审批”尚未同意"):
        decided(matter(BUREAU), answer("乙"))


def test_answer_at_the_second_gate_is_refused_while_the_first_approved_another_revision() -> None:
    with pytest.raises(ApprovalError, match="“中心审批”尚未同意"):
        decided(matter(BUREAU, APPROVED, number=2), answer("乙"))


@pytest.mark.parametrize("prepared_by", ["填表人", "填 表·人\u200b"])
def test_answer_by_the_preparer_is_refused(prepared_by: str) -> None:
    with pytest.raises(ApprovalError, match="是送审人"):
        decided(matter(CENTER, evaluation=replace(EVALUATION, prepared_by=prepared_by)), answer("填表人"))


def test_answer_by_somebody_who_decided_at_the_other_gate_is_refused() -> None:
    with pytest.raises(ApprovalError, match="已在另一环节审批过"):
        decided(matter(BUREAU, APPROVED), answer("甲"), Person("甲", "bureau", MOMENT))


def test_answer_after_the_end_is_refused() -> None:
    with pytest.raises(ApprovalError, match="已经归档或终止"):
        decided(matter(CENTER, evaluation=replace(EVALUATION, outcome="refused")), answer("甲"))


def test_answer_while_the_clock_stands_before_the_draft_is_refused() -> None:
    with pytest.raises(ApprovalError, match="本机时钟早于成文时间"):
        check_answer(matter(CENTER), PEOPLE["甲"], answer("甲"), MOMENT - timedelta(seconds=1))


def test_answer_with_an_opinion_too_long_to_keep_whole_is_refused() -> None:
    with pytest.raises(ApprovalError, match="审批意见有2001字，超过2000字"):
        decided(matter(CENTER), answer("甲", comment="长" * 2001))


def test_answer_that_returns_without_a_reason_is_refused() -> None:
    with pytest.raises(ApprovalError, match="必须填写审批意见"):
        decided(matter(CENTER), answer("甲", Verdict.RETURN, comment=" "))


@pytest.mark.parametrize(("name", "found"), [(" 甲　", "甲"), ("\u2f04", "乙"), ("丙", None)])
def test_approver_is_found_under_any_spelling(name: str, found: str | None) -> None:
    person = find_approver(PEOPLE.values(), name)
    assert (person.name if person else None) == found


def test_approver_revoked_is_not_found() -> None:
    assert find_approver([replace(PEOPLE["甲"], revoked_at=MOMENT)], "甲") is None


def test_code_is_of_its_time_step_and_of_the_ones_beside_it() -> None:
    secret, link = new_secret("甲", CENTER)
    phone = pyotp.TOTP(secret)
    step = int(MOMENT.timestamp()) // 30
    codes = [phone.at(MOMENT + timedelta(seconds=seconds)) for seconds in (-60, -30, 0, 30, 60)]
    assert [code_step(secret, code, MOMENT) for code in codes] == [None, step - 1, step, step + 1, None]
    parsed = pyotp.parse_uri(link)
    assert (parsed.name, parsed.issuer) == ("甲", "perfeval 中心审批")


def test_code_in_full_width_digits_is_the_same_code() -> None:
    secret = pyotp.random_base32()
    wide = pyotp.TOTP(secret).at(MOMENT).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert code_step(secret, f" {wide[:3]}　{wide[3:]} ", MOMENT) == int(MOMENT.timestamp()) // 30


@pytest.mark.parametrize("code", ["", "１２３４５６", "abcdef", "12345"])
def test_code_of_another_form_is_none(code: str) -> None:
    assert code_step(pyotp.random_base32(), code, MOMENT) is None


@pytest.mark.parametrize(("name", "role"), [("", "center"), ("甲\n乙", "center"), ("长" * 31, "center"), ("丁", "clerk")])
def test_enrolment_of_nobody_or_for_nothing_is_refused(name: str, role: str) -> None:
    with pytest.raises(ApprovalError):
        check_enrolment(name, role, GATES)
