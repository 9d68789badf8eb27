"""A login's cookie: whose it is, for how long, and what ends it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from perfeval.approvals.passkey import from_base64, to_base64
from perfeval.approvals.people import People
from perfeval.approvals.person import Means, Person, ProofKind
from perfeval.approvals.session import logged_in, seal_session

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
CODE = Means(ProofKind.CODE, "a" * 24, NOW, confirmed_at=NOW)
PASSKEY = Means(ProofKind.PASSKEY, "b" * 24, NOW)
PERSON = Person("p1", "样例甲", ("center",), (CODE, PASSKEY))


def people(person: Person = PERSON) -> People:
    return People({person.id: person})


@pytest.fixture
def cookie() -> str:
    return seal_session(PERSON, NOW, KEY)


@pytest.mark.parametrize("after", [timedelta(), timedelta(hours=7, minutes=59)])
def test_cookie_is_its_persons_for_eight_hours(cookie: str, after: timedelta) -> None:
    assert logged_in(cookie, people(), NOW + after, KEY) == PERSON


@pytest.mark.parametrize("after", [timedelta(hours=8), timedelta(days=400), timedelta(seconds=-1)])
def test_cookie_is_nobodys_before_and_after(cookie: str, after: timedelta) -> None:
    assert logged_in(cookie, people(), NOW + after, KEY) is None


def test_cookie_of_somebody_revoked_is_nobodys(cookie: str) -> None:
    assert logged_in(cookie, people(replace(PERSON, revoked_at=NOW)), NOW, KEY) is None


def test_cookie_ends_when_another_proof_is_confirmed(cookie: str) -> None:
    confirmed = replace(PERSON, means=(CODE, replace(PASSKEY, confirmed_at=NOW)))
    assert logged_in(cookie, people(confirmed), NOW, KEY) is None


def test_cookie_outlives_a_proof_that_nobody_has_confirmed(cookie: str) -> None:
    more = replace(PERSON, means=(*PERSON.means, Means(ProofKind.CODE, "c" * 24, NOW)))
    assert logged_in(cookie, people(more), NOW, KEY) == more


def test_cookie_of_somebody_who_was_never_here_is_nobodys(cookie: str) -> None:
    assert logged_in(cookie, People(), NOW, KEY) is None


def test_cookie_sealed_with_another_key_is_nobodys(cookie: str) -> None:
    assert logged_in(cookie, people(), NOW, OTHER) is None


def test_cookie_that_was_changed_is_nobodys(cookie: str) -> None:
    line, _, mac = cookie.partition(".")
    later = json.loads(from_base64(line)) | {"expires_at": "2099-01-01T00:00:00.000000Z"}
    forged = to_base64(json.dumps(later, sort_keys=True, separators=(",", ":")).encode())
    assert logged_in(f"{forged}.{mac}", people(), NOW, KEY) is None


@pytest.mark.parametrize("text", ["", ".", "x", "x.y", "é.é", "eyJ9.00", "\ud800." + "0" * 64, "a" * 100_000])
def test_text_that_is_no_cookie_is_nobodys(text: str) -> None:
    assert logged_in(text, people(), NOW, KEY) is None
