"""Proofs looked at (核验本人), within the transaction of what they are given for: a code is accepted once, wrong ones lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfeval.approvals.codes import code_step, new_secret, newest_step
from perfeval.approvals.events import Locked
from perfeval.approvals.locking import Attempt, Lock, Result, are_many, lock_of, locked
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import ACCESS

if TYPE_CHECKING:
    from datetime import datetime

    from perfeval.store import Transaction

ADDRESS_LENGTH = 100
_NOBODYS = new_secret()


@dataclass(frozen=True, slots=True)
class Spent:
    """A code that was accepted: of which secret, and of which time step."""

    fingerprint: str
    step: int


def check_attempts(record: Transaction, person: Person | None, address: str, now: datetime) -> None:
    """Whether a proof of this person from this address is looked at now.

    Raises: ApprovalError: it is locked, and until when.
    """
    if lock := _lock(record, person.id if person else "", address[:ADDRESS_LENGTH], now):
        raise locked(lock)


def note_attempt(
    record: Transaction, person: Person | None, address: str, now: datetime, spent: Spent | None = None, *, is_right: bool
) -> None:
    """Keep that a proof was looked at, and tell when it locks; `spent` is the code that was accepted, if any.

    Names that nobody has open nothing, and there is no end of addresses: of those that come from some, only so many are kept.
    """
    who, where = person.id if person else "", address[:ADDRESS_LENGTH]
    if where and not who and are_many(record.attempts(now, "", ""), now):
        return
    attempt = Attempt(now, Result.RIGHT if is_right else Result.WRONG, who, where)
    record.note_attempt(attempt, *((spent.fingerprint, spent.step) if spent else ()))
    if not is_right and (lock := _lock(record, who, where, now)):
        record.append(ACCESS, Locked(person=who or None, address=where, wrong=lock.wrong, until_at=lock.until))


def _lock(record: Transaction, who: str, where: str, now: datetime) -> Lock | None:
    attempts = record.attempts(now, who, where)
    lock = lock_of(attempts, who, where, now)
    is_known = lock and who and where and record.has_been_right(who, where)
    return lock_of(attempts, who, where, now, is_known=True) if is_known else lock


def spend_code(record: Transaction, person: Person | None, code: str, now: datetime) -> Spent | None:
    """Accept a person's code once, and tell of which step it was; None where it is not his, or was accepted before."""
    means = [item for item in (person.confirmed or person.means) if item.kind is ProofKind.CODE] if person else []
    if person is None or not means:
        code_step(_NOBODYS, code, now)  # whoever asks for a name learns nothing from how long the answer takes
        return None
    for item in means:
        secret = record.seed(person, item.fingerprint)
        step = code_step(secret, code, now) if secret else None
        if step is not None and record.spend_code(person.id, item.fingerprint, step, newest_step(now)):
            return Spent(item.fingerprint, step)
    return None


def accept_code(record: Transaction, person: Person | None, code: str, address: str, now: datetime) -> Spent | None:
    """Look at a person's code, which is worthless afterwards, and keep that it was; None where it is not his.

    Raises: ApprovalError: too many were not, and until when none is looked at.
    """
    check_attempts(record, person, address, now)
    spent = spend_code(record, person, code, now)
    note_attempt(record, person, address, now, spent, is_right=spent is not None)
    return spent


def show_code(record: Transaction, person: Person | None, code: str, now: datetime) -> Proof | None:
    """What somebody at a terminal proves by a code; None where it is not his.

    Raises: ApprovalError: too many were not, and until when none is looked at.
    """
    spent = accept_code(record, person, code, "", now)
    return Proof(ProofKind.CODE, {"step": str(spent.step)}) if spent else None
