"""Who was let in (登录): secrets of codes and the steps they were used at, proofs that were looked at, sessions that were ended.

All but the secrets stands in a chain of its own, so that whoever rewrites it to guess on, or to log in again, is told by it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from sqlalchemy import delete, func, select, update

from perfeval.approvals.canonical import dump_line
from perfeval.approvals.events import PROGRAM, Attempted, LoggedOut, Unlocked
from perfeval.approvals.locking import REMEMBERED, Attempt, Result
from perfeval.approvals.person import Person
from perfeval.approvals.record import ACCESS, NOTHING, Line
from perfeval.store.record import Record
from perfeval.store.tables import SeedRow
from perfeval.store.vault import decrypt, encrypt

# Of the lines' texts: a proof that was wrong, or the end of a lock.
_WRONG = '"is_right":false|"kind":"unlocked"'
EVER = datetime.min.replace(tzinfo=UTC)


class Access(Record):
    """Secrets of people's codes, and the chain of what was shown and of what ended."""

    # The sessions ended as some head tells them: asked for with every request of a person.
    _known_ended: ClassVar[tuple[str, frozenset[str]]] = (NOTHING, frozenset())
    # The attempts as some head tells them, from a moment on: asked for with every guess, and guesses come in masses.
    _known_attempts: ClassVar[tuple[str, datetime, list[Attempt]]] = (NOTHING, EVER, [])

    def save_seed(self, person: Person, fingerprint: str, secret: str, step: int) -> None:
        """Keep the secret of a person's codes, encrypted for him in his roles; `step` is that of the code he showed it by."""
        value = encrypt(secret, self._key(), self._about_seed(person, fingerprint))
        self.session.add(SeedRow(unit=self.unit, person=person.id, fingerprint=fingerprint, secret=value, last_step=step))
        self.append(ACCESS, Attempted(person=person.id, is_right=True, fingerprint=fingerprint, step=step), person.id)

    def seed(self, person: Person, fingerprint: str) -> str | None:
        """A secret kept by `save_seed`.

        Raises: StoreError: another key, or it was changed, or kept for another person or other roles.
        """
        row = self.session.get(SeedRow, (self.unit, person.id, fingerprint))
        return decrypt(row.secret, self._key(), self._about_seed(person, fingerprint)) if row else None

    def seeds(self) -> dict[tuple[str, str], int | None]:
        """For which persons and fingerprints a secret is kept, each with the last step it was used at."""
        kept = select(SeedRow.person, SeedRow.fingerprint, SeedRow.last_step).where(SeedRow.unit == self.unit)
        return {(person, fingerprint): step for person, fingerprint, step in self.session.execute(kept)}

    def forget_seeds(self, person: str) -> None:
        """Take the secrets of somebody who was revoked away."""
        self.session.execute(delete(SeedRow).where(SeedRow.unit == self.unit, SeedRow.person == person))

    def spend_code(self, person: str, fingerprint: str, step: int, newest: int) -> bool:
        """Accept the code of a time step once; False when it, or a later one, was accepted before.

        `newest` is the last step that can be now: what a clock that once ran ahead has accepted locks nobody out until then.
        """
        spent = func.coalesce(SeedRow.last_step, -1)
        result = self.session.execute(
            update(SeedRow)
            .where(SeedRow.unit == self.unit, SeedRow.person == person, SeedRow.fingerprint == fingerprint)
            .where((spent < step) | (spent > newest))
            .values(last_step=step)
            .returning(SeedRow.person)
        )
        return result.first() is not None

    def attempts(self, now: datetime, person: str, address: str) -> list[Attempt]:
        """What a lock of a person or of an address depends on: the proofs that were wrong lately, and what ended that, in their order.

        Raises: StoreError: one of the proofs that were looked at lately was rewritten.
        """
        head, since = self.head(ACCESS), now - REMEMBERED
        known, known_since, attempts = Access._known_attempts
        if head != known or since < known_since:
            attempts = self._attempts_since(since)
            Access._known_attempts = (head, since, attempts)
        return [item for item in attempts if item.person == person or (address and item.address == address)]

    def _attempts_since(self, since: datetime) -> list[Attempt]:
        lines = list(self.lately(ACCESS, since, _WRONG))
        if whose := {line.what.person for line in lines if isinstance(line.what, Attempted) and line.what.person}:
            lines += self.lately(ACCESS, since, f'"is_right":true.*"person":"({"|".join(map(re.escape, whose))})"')
        attempts = (_attempt(line) for line in sorted(lines, key=lambda line: line.number))
        return [item for item in attempts if item]

    def has_been_right(self, person: str, address: str) -> bool:
        """Whether a person has ever proved himself from an address.

        Raises: StoreError: the line that tells it was rewritten.
        """
        told = Attempted(person=person, address=address, is_right=True)
        words = [dump_line({name: getattr(told, name)})[1:-1] for name in ("address", "is_right", "kind", "person")]
        right = (line.what for line in self.lately(ACCESS, EVER, words=words))
        return any(isinstance(item, Attempted) and (item.person, item.address, item.is_right) == (person, address, True) for item in right)

    def note_attempt(self, attempt: Attempt, fingerprint: str = "", step: int | None = None) -> None:
        """Keep that a proof was looked at; of a code that was accepted, which secret's and of which step."""
        person = attempt.person or None
        told = Attempted(
            person=person, address=attempt.address, is_right=attempt.result is Result.RIGHT, fingerprint=fingerprint or None, step=step
        )
        self.append(ACCESS, told, person or PROGRAM)

    def end_session(self, session: str, who: str) -> None:
        """Keep that somebody logged out of the session of this digest."""
        self.append(ACCESS, LoggedOut(session=session), who)

    def ended_sessions(self, now: datetime, lasting: timedelta) -> frozenset[str]:
        """The digests of the sessions that somebody logged out of and that would last still.

        Raises: StoreError: one of the lines that tell it was rewritten.
        """
        head = self.head(ACCESS)
        if Access._known_ended[0] != head:
            told = (line.what for line in self.lately(ACCESS, now - lasting, '"kind":"logged out"'))
            Access._known_ended = (head, frozenset(item.session for item in told if isinstance(item, LoggedOut)))
        return Access._known_ended[1]

    def _about_seed(self, person: Person, fingerprint: str) -> str:
        return dump_line({"unit": self.unit, "person": person.id, "roles": list(person.roles), "fingerprint": fingerprint})


def _attempt(line: Line) -> Attempt | None:
    match line.what:
        case Attempted() as told:
            return Attempt(line.at, Result.RIGHT if told.is_right else Result.WRONG, told.person or "", told.address)
        case Unlocked() as told:
            return Attempt(line.at, Result.UNLOCKED, told.person or "", told.address)
        case _:
            return None
