"""The acts around people, on a real store: who confirms, revokes, unlocks or lets somebody stand in proves himself as who decides does."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from perfeval import persons
from perfeval.approvals.locking import FREE
from perfeval.approvals.person import ProofKind
from perfeval.approvals.record import ACCESS, PEOPLE, read_line
from perfeval.errors import ApprovalError
from perfeval.office import Office, open_office

FIRST, LEADER, NEW = "样例甲", "样例乙", "样例丙"


@pytest.fixture
def office(make_folder: Callable[..., Path]) -> Iterator[Office]:
    office = open_office(make_folder())
    yield office
    office.store.close()


@pytest.fixture
def phones(office: Office, welcome: Callable[..., Any]) -> dict[str, Any]:
    """Of those who are enrolled and confirmed."""
    return {FIRST: welcome(office, FIRST, "operator"), LEADER: welcome(office, LEADER, "center")}


@pytest.fixture
def enrolled(office: Office, phones: dict[str, Any]) -> Any:
    """The enrolment of somebody new, which nobody has confirmed."""
    invitation = persons.invite(office, NEW, ["bureau"], "p1")
    offer = persons.offer_code(office, invitation.token)
    code = type(phones[FIRST])(offer.secret).code()
    return persons.enrol_code(office, invitation.token, offer.secret, code)


def confirm(office: Office, enrolled: Any, by: str, code: str = "", *, on_paper: bool = False) -> str:
    """The code of the refusal, or nothing."""
    try:
        persons.confirm(office, enrolled.person, enrolled.fingerprint, by, on_paper=on_paper, code=code)
    except ApprovalError as refused:
        return refused.code
    return ""


def means(office: Office) -> Any:
    with office.store.reading() as record:
        (found,) = record.people().persons["p3"].means
    return found


@pytest.mark.parametrize("on_paper", [False, True])
def test_confirmation_by_a_colleague_without_his_code_is_refused(office: Office, enrolled: Any, on_paper: bool) -> None:
    assert [confirm(office, enrolled, "p2", code, on_paper=on_paper) for code in ("", "000000")] == ["A55", "A55"]
    assert means(office).confirmed_at is None


def test_confirmation_by_a_colleague_with_his_code_counts_and_uses_it_up(office: Office, phones: dict[str, Any], enrolled: Any) -> None:
    code = phones[LEADER].code()
    assert confirm(office, enrolled, "p2", code) == ""
    assert (means(office).confirmed_by, means(office).is_proved, means(office).is_on_paper) == ("p2", True, False)
    with pytest.raises(ApprovalError):
        persons.log_in(office, LEADER, code, "")


def test_confirmation_with_another_persons_code_is_refused(office: Office, phones: dict[str, Any], enrolled: Any) -> None:
    assert confirm(office, enrolled, "p2", phones[FIRST].code()) == "A55"


def test_code_shown_for_a_confirmation_that_is_refused_is_used_up(office: Office, phones: dict[str, Any], enrolled: Any) -> None:
    code = phones[LEADER].code()
    with pytest.raises(ApprovalError, match="没有这个指纹的登记"):
        persons.confirm(office, enrolled.person, "f" * 24, "p2", on_paper=False, code=code)
    assert confirm(office, enrolled, "p2", code) == "A55"


def test_confirmations_with_wrong_codes_lock_the_colleague(office: Office, phones: dict[str, Any], enrolled: Any) -> None:
    assert [confirm(office, enrolled, "p2", "000000") for _ in range(FREE + 1)] == ["A55"] * FREE + ["A24"]
    assert confirm(office, enrolled, "p2", phones[LEADER].code()) == "A24"
    with pytest.raises(ApprovalError, match="锁定"):
        persons.log_in(office, LEADER, phones[LEADER].code(), "192.0.2.7")


def test_operator_confirms_by_the_slip_on_paper_and_his_code(office: Office, phones: dict[str, Any], enrolled: Any) -> None:
    assert confirm(office, enrolled, "p1", on_paper=True) == "A55"
    assert confirm(office, enrolled, "p1", phones[FIRST].code()) == "A32"
    assert confirm(office, enrolled, "p1", phones[FIRST].code(), on_paper=True) == ""
    assert (means(office).is_proved, means(office).is_on_paper) == (True, True)


# ---- acts of those who may invite ----------------------------------------------------------------------------------------

TODAY = date(2023, 4, 3)
ACTS: dict[str, Callable[[Office, str, str], object]] = {
    "revoke": lambda office, by, code: persons.revoke(office, "p3", by, "调离", code=code),
    "substitute": lambda office, by, code: persons.substitute(office, "p3", "p2", "center", TODAY, TODAY, by, code),
    "unlock": lambda office, by, code: persons.unlock(office, "p3", by, code),
}


def refusal(act: Callable[..., object], *given: object, **more: object) -> str:
    """The code that an act is refused with, or nothing."""
    try:
        act(*given, **more)
    except ApprovalError as refused:
        return refused.code
    return ""


def last(office: Office, chain: str) -> Any:
    with office.store.reading() as record:
        return read_line(record.entries(chain)[-1].line)


@pytest.fixture
def three(office: Office, phones: dict[str, Any], welcome: Callable[..., Any]) -> dict[str, Any]:
    return {**phones, NEW: welcome(office, NEW, "bureau")}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_act_under_a_name_without_his_code_is_refused(office: Office, three: dict[str, Any], act: Callable[..., object]) -> None:
    with office.store.reading() as record:
        before = record.head(PEOPLE)
    # Nothing, made up, another operator's code for his, one of somebody who may not, and nobody at all.
    given = [("p1", ""), ("p1", "000000"), ("p1", three[LEADER].code()), ("p9", three[FIRST].code())]
    assert [refusal(act, office, by, code) for by, code in given] == ["A55"] * 4
    assert refusal(act, office, "p2", three[LEADER].code()) == "A35"
    with office.store.reading() as record:
        assert record.head(PEOPLE) == before
        assert [line.what.is_right for line in map(read_line, (entry.line for entry in record.entries(ACCESS)[3:]))] == [False] * 3 + [True]


@pytest.mark.parametrize(("act", "chain"), list(zip(ACTS.values(), (PEOPLE, PEOPLE, ACCESS), strict=True)), ids=ACTS)
def test_act_with_a_code_is_recorded_with_it_and_uses_it_up(
    office: Office, three: dict[str, Any], act: Callable[..., object], chain: str
) -> None:
    code = three[FIRST].code()
    assert refusal(act, office, "p1", code) == ""
    told = last(office, chain)
    assert (told.who, told.what.proof.kind) == ("p1", ProofKind.CODE)
    assert refusal(act, office, "p1", code) == "A55"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_act_of_somebody_locked_is_refused_though_his_code_is_right(
    office: Office, three: dict[str, Any], act: Callable[..., object]
) -> None:
    assert [refusal(act, office, "p1", "000000") for _ in range(FREE)] == ["A55"] * FREE
    assert refusal(act, office, "p1", three[FIRST].code()) == "A24"


def test_person_ends_his_own_enrolment_by_his_code_alone(office: Office, three: dict[str, Any]) -> None:
    assert refusal(persons.revoke, office, "p3", "p3", "手机丢失", on_paper=True) == "A55"
    assert refusal(persons.revoke, office, "p3", "p3", "手机丢失", code=three[NEW].code()) == ""


def test_operator_who_has_lost_his_phone_is_not_revoked_on_paper_while_another_could_do_it(
    office: Office, three: dict[str, Any], welcome: Callable[..., Any]
) -> None:
    other = welcome(office, "样例丁", "admin")
    given = [("p1", "p1"), ("p1", "p4"), ("p1", "p2")]
    assert [refusal(persons.revoke, office, person, by, "手机丢失", on_paper=True) for person, by in given] == ["A55"] * 3
    assert refusal(persons.revoke, office, "p1", "p4", "手机丢失", code=other.code()) == ""


def test_last_operator_who_has_lost_his_phone_is_revoked_on_paper_and_a_new_one_needs_a_colleagues_code(
    office: Office, three: dict[str, Any], new_phone: Callable[[str], Any]
) -> None:
    assert refusal(persons.revoke, office, "p2", "p2", "手机丢失", on_paper=True) == "A55"
    assert refusal(persons.revoke, office, "p1", "p1", "手机丢失", on_paper=True) == ""
    told = last(office, PEOPLE)
    assert (told.who, told.what.is_on_paper, told.what.proof) == ("p1", True, None)
    invitation = persons.invite(office, "样例戊", ["operator"])
    offer = persons.offer_code(office, invitation.token)
    made = persons.enrol_code(office, invitation.token, offer.secret, new_phone(offer.secret).code())
    assert confirm(office, made, made.person, on_paper=True) == "A32"
    assert confirm(office, made, "p2", on_paper=True) == "A55"
    assert confirm(office, made, "p2", three[LEADER].code()) == ""


def test_office_whose_every_phone_is_lost_begins_anew_on_paper(office: Office, three: dict[str, Any], welcome: Callable[..., Any]) -> None:
    assert [refusal(persons.revoke, office, person, person, "手机丢失", on_paper=True) for person in ("p1", "p2", "p3")] == [""] * 3
    invitation = persons.invite(office, FIRST, ["operator"])
    offer = persons.offer_code(office, invitation.token)
    made = persons.enrol_code(office, invitation.token, offer.secret, type(three[FIRST])(offer.secret).code())
    assert confirm(office, made, made.person, on_paper=True) == ""
