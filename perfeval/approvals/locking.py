"""Wrong proofs lock (锁定): five make whoever gave them, and where they came from, wait; every further one twice as long.

Whoever knows a name could lock its owner out for good, by one wrong proof an hour. So where a person has proved himself before, and at the
office's own terminal, only the wrong proofs that came from there count.
"""

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


def lock_of(attempts: Iterable[Attempt], person: str, address: str, now: datetime, *, is_known: bool = False) -> Lock | None:
    """What keeps this person, or this address, from being heard now; None when nothing does.

    A right proof wipes out the person's own wrong ones from the same place, and gives who guesses elsewhere no new tries. The last 24
    hours' attempts, in the order they came, are enough.
    `is_known` where the person has proved himself from this address before. Without an address it is the terminal, without a person a name
    that nobody has.
    """
    attempts = list(attempts)
    is_here = is_known or not address
    own = (item for item in attempts if item.person == person and (person or not address))
    by_person = _lock([item for item in own if not is_here or item.result is not Result.WRONG or item.address == address], now)
    # One address may be a whole office: whoever has proved himself there was no guesser, and clears nobody else.
    by_address = None if is_here else _lock([item for item in attempts if item.address == address], now)
    locks = [lock for lock in (by_person, by_address) if lock and lock.until > now]
    return max(locks, key=lambda lock: lock.until, default=None)


def are_many(attempts: Iterable[Attempt], now: datetime) -> bool:
    """Whether so many proofs were of names that nobody has that another one tells nothing new."""
    return _lock([item for item in attempts if not item.person and item.result is Result.WRONG], now) is not None


def without_wiped_out(attempts: Iterable[Attempt], right: Attempt) -> list[Attempt]:
    """What still counts after a right proof: it wipes out the wrong ones of the same person from the same place."""
    return [item for item in attempts if item.result is not Result.WRONG or (item.person, item.address) != (right.person, right.address)]


def locked(lock: Lock) -> ApprovalError:
    """What somebody is told who is not heard now."""
    until = lock.until.astimezone(CHINA)
    hint = "到时再试；急用的，换到以前登录过的电脑，或请经办人在终端上解锁（perfeval approver unlock）。"
    return ApprovalError("A24", f"凭证已{lock.wrong}次不对，锁定到{until:%m-%d %H:%M:%S}", hint)


def _lock(attempts: Iterable[Attempt], now: datetime) -> Lock | None:
    wrong: list[Attempt] = []
    for item in attempts:
        if item.result is Result.WRONG:
            wrong.append(item)
        elif item.result is Result.RIGHT:
            wrong = without_wiped_out(wrong, item)
        else:
            wrong = []
    # What a clock that once ran ahead has noted locks nobody until then; another machine's may be some seconds ahead.
    times = [item.at for item in wrong if -FIRST_DELAY < now - item.at < REMEMBERED]
    if len(times) < FREE:
        return None
    delay = FIRST_DELAY * 2 ** min(len(times) - FREE, _DOUBLINGS)
    return Lock(max(times) + min(delay, LONGEST_DELAY), len(times))
