"""Who was let in (登录): secrets of codes and the steps they were used at, proofs that were looked at, sessions that were ended.

All but the secrets stands in a chain of its own, so that whoever rewrites it to guess on, or to log in again, is told by it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from sqlalchemy import delete, func, select, update

from perfeval.approvals.canonical import dump_line
from perfeval.approvals.events import PROGRAM, Attempted, LoggedOut, Unlocked
from perfeval.approvals.locking import REMEMBERED, Attempt, Result, without_wiped_out
from perfeval.approvals.person import Person
from perfeval.approvals.record import ACCESS, NOTHING, Line
from perfeval.store.record import Record, told_line, touched
from perfeval.store.tables import SeedRow
from perfeval.store.vault import decrypt, encrypt

_EVER, _MORE = datetime.min.replace(tzinfo=UTC), timedelta(minutes=1)
# So many lines in a row of the day before, and what is before them is older still: one, or a few, are of a machine whose clock is behind.
_LINES_OF_BEFORE = 100


class Access(Record):
    """Secrets of people's codes, and the chain of what was shown and of what ended."""

    # What some line and those before it told of the last 24 hours, by unit.
    _known: ClassVar[dict[str, "_Lately"]] = {}

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
        return [item for item in self._lately(now).attempts if item.person == person or (address and item.address == address)]

    def has_been_right(self, person: str, address: str) -> bool:
        """Whether a person has ever proved himself from an address.

        Raises: StoreError: the line that tells it was rewritten.
        """
        told = Attempted(person=person, address=address, is_right=True)
        words = [dump_line({name: getattr(told, name)})[1:-1] for name in ("address", "is_right", "kind", "person")]
        right = (told_line(entry).what for entry in self.newest_entries(ACCESS, words))
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
        return frozenset(session for at, session in self._lately(now).ended if at >= now - lasting)

    def _lately(self, now: datetime) -> "_Lately":
        """What the chain tells of the last 24 hours; every request and every decision asks, and only what is new is read.

        Raises: StoreError: a line that is new, or the last that was known, was rewritten, or one between them taken away.
        """
        since = now - REMEMBERED
        known = Access._known.get(self.unit, _NOTHING)
        if known.begins > since:  # this machine's clock was ahead meanwhile, and what counts again was left out
            known = _NOTHING
        new, heads, old, is_known = list[Line](), list[str](), 0, False
        for entry in self.newest_entries(ACCESS):
            # Else one that is taken away for a moment is missing in what is remembered, long after it was put back.
            _refuse_gap(new, entry.sha256)
            heads.append(entry.sha256)
            if is_known := entry.sha256 == known.head:
                break
            new.append(told_line(entry))
            old = old + 1 if new[-1].at < since else 0
            if old == _LINES_OF_BEFORE:
                break
        else:
            _refuse_gap(new, NOTHING)
        told = (known if is_known else _NOTHING).followed_by(reversed(new), heads[0] if heads else NOTHING)
        # Some more is kept than is asked for: somebody else has asked a moment earlier, and is not to have all read anew.
        Access._known[self.unit] = told.since(since - _MORE)
        return told.since(since)

    def _about_seed(self, person: Person, fingerprint: str) -> str:
        return dump_line({"unit": self.unit, "person": person.id, "roles": list(person.roles), "fingerprint": fingerprint})


def _refuse_gap(newer: Sequence[Line], older: str) -> None:
    if newer and newer[-1].previous != older:
        raise touched(ACCESS, [f"第{newer[-1].number}条之前的被删去或改动"])


@dataclass(frozen=True, slots=True)
class _Lately:
    """What a chain told lately that still counts: of a day with a thousand right proofs that is next to nothing."""

    head: str = NOTHING
    begins: datetime = _EVER
    attempts: Sequence[Attempt] = ()
    ended: Sequence[tuple[datetime, str]] = ()

    def followed_by(self, lines: Iterable[Line], head: str) -> "_Lately":
        attempts, ended = list(self.attempts), list(self.ended)
        for line in lines:
            match line.what:
                case Attempted(is_right=False) as told:
                    attempts.append(Attempt(line.at, Result.WRONG, told.person or "", told.address))
                case Attempted() as told:
                    attempts = without_wiped_out(attempts, Attempt(line.at, Result.RIGHT, told.person or "", told.address))
                case Unlocked() as told:
                    attempts.append(Attempt(line.at, Result.UNLOCKED, told.person or "", told.address))
                case LoggedOut() as told:
                    ended.append((line.at, told.session))
                case _:
                    pass
        return _Lately(head, self.begins, attempts, ended)

    def since(self, at: datetime) -> "_Lately":
        attempts, ended = [item for item in self.attempts if item.at >= at], [item for item in self.ended if item[0] >= at]
        return _Lately(self.head, max(self.begins, at), attempts, ended)


_NOTHING = _Lately()
