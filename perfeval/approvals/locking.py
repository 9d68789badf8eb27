"""Wrong proofs lock (锁定): five make whoever gave them, and where they came from, wait; every further one twice as long."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from perfeval.errors import ApprovalError
from perfeval.model.clock import CHINA

FREE = 5
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=1)
REMEMBERED = timedelta(hours=24)
_DOUBLINGS = 6


class Result(Enum):
    """What became of an attempt, or that somebody ended the lock."""

    WRONG = auto()
    RIGHT = auto()
    UNLOCKED = auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A proof that was looked at, `person` being whose it should have been; or an unlocking of a person or of an address.

    What came while it was locked is refused unseen and is no attempt: otherwise whoever keeps trying locks out the person for good.
    """

    at: datetime
    result: Result
    person: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """Until when, and after how many wrong proofs."""

    until: datetime
    wrong: int


def lock_of(attempts: Iterable[Attempt], person: str, address: str, now: datetime) -> Lock | None:
    """What keeps this person, or this address, from being heard now; None when nothing does.

    A right proof wipes out the person's own wrong ones, elsewhere too. The last 24 hours' attempts, in the order they came, are enough.
    """
    attempts = list(attempts)
    by_person = _lock([item for item in attempts if person and item.person == person], now)
    # One address may be a whole office: whoever has proved himself there was no guesser, and clears nobody else.
    by_address = _lock([item for item in attempts if address and item.address == address], now)
    locks = [lock for lock in (by_person, by_address) if lock and lock.until > now]
    return max(locks, key=lambda lock: lock.until, default=None)


def check_lock(attempts: Iterable[Attempt], person: str, address: str, now: datetime) -> None:
    """Whether a proof of this person from this address is looked at now.

    Raises: ApprovalError: it is locked, and until when.
    """
    if lock := lock_of(attempts, person, address, now):
        until = lock.until.astimezone(CHINA)
        raise ApprovalError("A24", f"凭证已{lock.wrong}次不对，锁定到{until:%m-%d %H:%M:%S}", "到时再试，或请经办人解锁。")


def _lock(attempts: Iterable[Attempt], now: datetime) -> Lock | None:
    wrong: list[Attempt] = []
    for item in attempts:
        if item.result is Result.WRONG:
            wrong.append(item)
        elif item.result is Result.RIGHT:
            wrong = [other for other in wrong if other.person != item.person]
        else:
            wrong = []
    # What a clock that once ran ahead has noted locks nobody until then; another machine's may be some seconds ahead.
    times = [item.at for item in wrong if -FIRST_DELAY < now - item.at < REMEMBERED]
    if len(times) < FREE:
        return None
    delay = FIRST_DELAY * 2 ** min(len(times) - FREE, _DOUBLINGS)
    return Lock(max(times) + min(delay, LONGEST_DELAY), len(times))
