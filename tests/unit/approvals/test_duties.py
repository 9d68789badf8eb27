"""Who may decide where, by ids: every conflict of duties is refused with its own code."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from perfeval.approvals.duties import Conduct, Made, check_duties, check_turn, outcome
from perfeval.approvals.events import GateRule
from perfeval.approvals.people import People
from perfeval.approvals.person import Means, Person, ProofKind, Substitution
from perfeval.errors import ApprovalError
from perfeval.model import Verdict

MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
TODAY = date(2023, 4, 3)
CODE = ProofKind.CODE
CENTER, BUREAU = (GateRule(key, title, "审核", 1, (CODE,)) for key, title in (("center", "中心审批"), ("bureau", "财政局审批")))


def person(key: str, name: str, *roles: str) -> Person:
    return Person(key, name, roles, (Means(CODE, key.ljust(24, "0"), MOMENT, confirmed_at=MOMENT, confirmed_by="p0"),))


PERSONS = {
    item.id: item
    for item in (
        person("p1", "填表人", "center"),
        person("p2", "甲", "center"),
        person("p3", "乙", "bureau"),
        person("p4", "丙", "center", "bureau"),
        person("p5", "丁"),
    )
}
NOBODY = Conduct()
PEOPLE = People(PERSONS, (Substitution("p5", "p3", "bureau", date(2023, 4, 1), TODAY),))


def seat(
    key: str,
    gate: GateRule,
    conduct: Conduct = NOBODY,
    people: People = PEOPLE,
    day: date = TODAY,
    kind: ProofKind = CODE,
    revision: int = 1,
) -> str:
    return check_duties(people, people.persons[key], gate, revision, conduct, kind, day)


def refusal(key: str, gate: GateRule, conduct: Conduct = NOBODY, people: People = PEOPLE, day: date = TODAY, kind: ProofKind = CODE) -> str:
    with pytest.raises(ApprovalError) as caught:
        seat(key, gate, conduct, people, day, kind)
    return f"{caught.value.code} {caught.value.message}"


def with_person(changed: Person) -> People:
    return replace(PEOPLE, persons=PERSONS | {changed.id: changed})


def made(gate: str, approver: str, verdict: Verdict = Verdict.APPROVE, revision: int = 1, absent: str = "") -> Conduct:
    return Conduct(made=(Made(revision, gate, approver, verdict, absent),))


def test_approver_without_a_conflict_has_a_seat_of_his_own() -> None:
    assert seat("p2", CENTER) == ""
    assert seat("p3", BUREAU, made("center", "p2")) == ""


def test_approver_revoked_is_refused() -> None:
    revoked = replace(PERSONS["p2"], revoked_at=MOMENT)
    assert refusal("p2", CENTER, people=with_person(revoked)) == "A13 审批人“甲”已停用"


def test_approver_whom_nobody_confirmed_is_refused() -> None:
    unconfirmed = replace(PERSONS["p2"], means=(replace(PERSONS["p2"].means[0], confirmed_at=None),))
    assert refusal("p2", CENTER, people=with_person(unconfirmed)) == "A17 “甲”的登记还没有经第二人确认"


def test_approver_of_another_gate_is_refused() -> None:
    assert refusal("p3", CENTER) == "A06 “乙”不是“中心审批”的审批人"


def test_preparer_is_refused() -> None:
    assert refusal("p1", CENTER, Conduct(prepared_by=frozenset({"p1"}))) == "A10 “填表人”是送审人，不能审批自己送审的报告"


def test_editor_of_this_or_an_earlier_revision_is_refused() -> None:
    edited = Conduct(edited=frozenset({(1, "p2")}))
    assert refusal("p2", CENTER, edited) == "A19 “甲”改过这项自评的台账、指标、说明或报告文本，不能审批"
    with pytest.raises(ApprovalError, match="改过这项自评"):
        seat("p2", CENTER, edited, revision=2)


def test_decider_at_another_gate_is_refused_in_a_later_revision_too() -> None:
    assert refusal("p4", BUREAU, made("center", "p4")) == "A16 “丙”已在另一环节审批过这项自评"
    with pytest.raises(ApprovalError, match="已在另一环节审批过"):
        seat("p4", BUREAU, made("center", "p4", Verdict.RETURN), revision=2)


@pytest.mark.parametrize(
    ("conduct", "code"),
    [
        (made("center", "p2"), "A16"),
        (Conduct(prepared_by=frozenset({"p2"})), "A10"),
        (Conduct(edited=frozenset({(1, "p2")})), "A19"),
        (made("bureau", "p2"), "A20"),
        (made("bureau", "p5", absent="p2"), "A21"),
    ],
)
def test_person_revoked_and_enrolled_anew_is_who_he_was(conduct: Conduct, code: str) -> None:
    former = replace(person("p2", "张东华", "center"), revoked_at=MOMENT)
    people = replace(with_person(former), persons=PERSONS | {"p2": former, "p9": person("p9", "張東華", "bureau")})
    assert seat("p9", BUREAU, people=people) == ""
    assert refusal("p9", BUREAU, conduct, people).startswith(code)


def test_decider_of_this_revision_is_refused_here_and_free_on_the_next() -> None:
    decided = made("center", "p2", Verdict.RETURN)
    assert refusal("p2", CENTER, decided) == "A20 “甲”已在“中心审批”审批过第1稿"
    assert seat("p2", CENTER, decided, revision=2) == ""


def test_proof_of_a_kind_that_the_gate_does_not_take_is_refused() -> None:
    assert refusal("p2", CENTER, kind=ProofKind.PASSKEY) == "A22 “中心审批”不认设备签名"


def test_substitute_takes_the_absent_persons_seat_on_the_days_given() -> None:
    assert seat("p5", BUREAU) == "p3"
    assert refusal("p5", BUREAU, day=date(2023, 4, 4)).startswith("A18 “丁”今天不能代理“财政局审批”（代理期2023-04-01至2023-04-03")
    assert refusal("p5", BUREAU, day=date(2023, 3, 31)).startswith("A18 ")
    assert refusal("p5", CENTER) == "A06 “丁”不是“中心审批”的审批人"


def test_substitute_of_somebody_revoked_or_without_the_role_is_refused() -> None:
    revoked = replace(PERSONS["p3"], revoked_at=MOMENT)
    assert refusal("p5", BUREAU, people=with_person(revoked)).startswith("A18 ")
    elsewhere = replace(PERSONS["p3"], roles=("center",))
    assert refusal("p5", BUREAU, people=with_person(elsewhere)).startswith("A18 ")


def test_substitute_who_prepared_is_refused() -> None:
    assert refusal("p5", BUREAU, Conduct(prepared_by=frozenset({"p5"}))).startswith("A10 ")


def test_nobody_decides_in_the_seat_of_who_prepared_or_has_decided_elsewhere() -> None:
    assert refusal("p5", BUREAU, Conduct(prepared_by=frozenset({"p3"}))).startswith("A10 “乙”是送审人")
    assert refusal("p5", BUREAU, made("center", "p3")).startswith("A16 “乙”")


def test_absent_person_whose_seat_has_decided_decides_at_no_other_gate() -> None:
    assert refusal("p4", BUREAU, made("center", "p5", absent="p4")).startswith("A16 “丙”")


def test_seat_decides_once_whoever_sits_in_it() -> None:
    assert refusal("p3", BUREAU, made("bureau", "p5", absent="p3")) == "A21 “丁”已代“乙”审批过第1稿"
    assert refusal("p5", BUREAU, made("bureau", "p3")) == "A21 “乙”本人已审批过第1稿"


def test_second_gate_before_the_first_is_refused() -> None:
    with pytest.raises(ApprovalError, match="“中心审批”尚未同意"):
        check_turn((CENTER, BUREAU), BUREAU, 1, ())
    with pytest.raises(ApprovalError, match="“中心审批”尚未同意"):
        check_turn((CENTER, BUREAU), BUREAU, 2, made("center", "p2").made)
    check_turn((CENTER, BUREAU), BUREAU, 1, made("center", "p2").made)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_gate_that_has_decided_is_closed(verdict: Verdict) -> None:
    with pytest.raises(ApprovalError, match=f"“中心审批”对第1稿已有决定：{verdict}"):
        check_turn((CENTER, BUREAU), CENTER, 1, made("center", "p2", verdict).made)


def test_gate_that_needs_two_takes_no_person_twice() -> None:
    first = made("center", "p2")
    assert outcome(replace(CENTER, needs=2), 1, first.made) is None
    assert refusal("p2", replace(CENTER, needs=2), first).startswith("A20 ")


def test_gate_that_needs_two_of_three_waits_for_the_second() -> None:
    of_three = replace(CENTER, needs=2)
    first, second = Made(1, "center", "p2", Verdict.APPROVE), Made(1, "center", "p4", Verdict.APPROVE)
    assert outcome(of_three, 1, [first]) is None
    assert outcome(of_three, 1, [first, second]) is Verdict.APPROVE
    assert outcome(of_three, 1, [first, replace(second, revision=2)]) is None
    assert outcome(of_three, 1, [first, replace(second, verdict=Verdict.RETURN)]) is Verdict.RETURN
    assert outcome(of_three, 1, [replace(first, verdict=Verdict.REFUSE)]) is Verdict.REFUSE
