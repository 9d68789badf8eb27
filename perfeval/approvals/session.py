"""A login (会话): a line that says who logged in, sealed by a key that only the office has, and bound to his enrolment as it was.

What ends it is time, that the person is revoked or has other proofs than when he logged in, or that he logged out, which alone is kept.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from perfeval.approvals.canonical import read_as, write_as
from perfeval.approvals.fields import CLOSED, Fingerprint, Moment, PersonId
from perfeval.approvals.passkey import from_base64, to_base64
from perfeval.approvals.people import People
from perfeval.approvals.person import Person

LASTS = timedelta(hours=8)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Session:
    """Who is logged in, by which confirmed proofs, from when until when."""

    person: PersonId
    fingerprints: tuple[Fingerprint, ...]
    issued_at: Moment
    expires_at: Moment


_session = TypeAdapter(Session)


def seal_session(person: Person, now: datetime, key: bytes) -> str:
    """The cookie of somebody who has just proved himself; `key` is derive_key(…, "session")."""
    line = write_as(_session, Session(person=person.id, fingerprints=_fingerprints(person), issued_at=now, expires_at=now + LASTS)).encode()
    return f"{to_base64(line)}.{_mac(line, key)}"


def session_digest(cookie: str, key: bytes) -> str | None:
    """By what an ended session is known, however its cookie is spelled; None for any text that is no cookie of ours."""
    line = _opened(cookie, key)
    return hashlib.sha256(line).hexdigest() if line else None


def logged_in(cookie: str, people: People, now: datetime, key: bytes) -> Person | None:
    """Whose cookie this is, while it holds; None for any other text."""
    line = _opened(cookie, key)
    if line is None:
        return None
    session = read_as(_session, line.decode())
    person = people.active(session.person)
    is_same = person is not None and _fingerprints(person) == session.fingerprints
    return person if is_same and session.issued_at <= now < session.expires_at else None


def _opened(cookie: str, key: bytes) -> bytes | None:
    encoded, _, mac = cookie.partition(".")
    try:
        line = from_base64(encoded)
        return line if hmac.compare_digest(_mac(line, key).encode(), mac.encode()) else None
    except ValueError:
        return None


def _fingerprints(person: Person) -> tuple[str, ...]:
    return tuple(sorted(item.fingerprint for item in person.confirmed))


def _mac(line: bytes, key: bytes) -> str:
    return hmac.new(key, line, hashlib.sha256).hexdigest()
