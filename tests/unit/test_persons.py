"""The acts around people, on a real store: who confirms an enrolment proves himself as whoever decides does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perfeval import persons
from perfeval.approvals.locking import FREE
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


def test_operator_confirms_by_the_slip_on_paper(office: Office, enrolled: Any) -> None:
    assert confirm(office, enrolled, "p1", on_paper=True) == ""
    assert (means(office).is_proved, means(office).is_on_paper) == (False, True)
