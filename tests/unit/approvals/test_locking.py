"""Five wrong proofs lock, each further one for longer; right ones and somebody's unlocking end it."""

from datetime import UTC, datetime, timedelta

import pytest

from perfeval.approvals.locking import Attempt, Lock, Result, are_many, lock_of, locked

NOW = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)


def attempts(count: int, person: str = "p1", address: str = "10.0.0.1", result: Result = Result.WRONG, at: datetime = NOW) -> list[Attempt]:
    return [Attempt(at, result, person, address)] * count


@pytest.mark.parametrize(("count", "minutes"), [(5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 32), (11, 60), (12, 60), (10_000, 60)])
def test_wrong_proofs_lock_for_longer_each_time(count: int, minutes: int) -> None:
    assert lock_of(attempts(count), "p1", "10.0.0.9", NOW) == Lock(NOW + timedelta(minutes=minutes), count)


def test_four_wrong_proofs_do_not_lock() -> None:
    assert lock_of(attempts(4), "p1", "10.0.0.1", NOW) is None


def test_wrong_proofs_lock_the_address_for_everybody_and_the_person_everywhere() -> None:
    assert lock_of(attempts(5), "p2", "10.0.0.1", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of(attempts(5), "p1", "10.0.0.2", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of(attempts(5), "p2", "10.0.0.2", NOW) is None


def test_wrong_proofs_of_many_names_lock_their_address() -> None:
    tried = [Attempt(NOW, Result.WRONG, person, "10.0.0.1") for person in ("p1", "p2", "p3", "", "")]
    assert lock_of(tried, "p4", "10.0.0.1", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of(tried, "", "10.0.0.2", NOW) is None


def test_lock_ends_by_itself() -> None:
    assert lock_of(attempts(5), "p1", "10.0.0.1", NOW + timedelta(seconds=59)) is not None
    assert lock_of(attempts(5), "p1", "10.0.0.1", NOW + timedelta(seconds=60)) is None


def test_right_proof_ends_the_count_of_the_person() -> None:
    tried = [*attempts(4), *attempts(1, result=Result.RIGHT), *attempts(4)]
    assert lock_of(tried, "p1", "10.0.0.1", NOW) is None


def test_right_proof_gives_who_guesses_elsewhere_no_new_tries() -> None:
    tried = [*attempts(5), *attempts(1, address="10.0.0.2", result=Result.RIGHT)]
    assert lock_of(tried, "p1", "10.0.0.9", NOW) == Lock(NOW + timedelta(minutes=1), 5)


def test_person_is_not_locked_from_elsewhere_where_he_has_proved_himself_before() -> None:
    assert lock_of(attempts(50, address="10.0.0.9"), "p1", "10.0.0.1", NOW, is_known=True) is None
    assert lock_of(attempts(50, "p2"), "p1", "10.0.0.1", NOW, is_known=True) is None
    assert lock_of(attempts(5), "p1", "10.0.0.1", NOW, is_known=True) == Lock(NOW + timedelta(minutes=1), 5)


def test_person_is_locked_at_the_terminal_by_what_was_typed_there_alone() -> None:
    assert lock_of(attempts(50), "p1", "", NOW) is None
    assert lock_of(attempts(5, address=""), "p1", "", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of(attempts(5, address=""), "p1", "10.0.0.1", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of([*attempts(5, address=""), Attempt(NOW, Result.UNLOCKED, person="p1")], "p1", "", NOW) is None


def test_names_that_nobody_has_lock_the_terminal_and_their_address_and_nobody_elsewhere() -> None:
    assert lock_of(attempts(5, "", ""), "", "", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of(attempts(5, ""), "", "10.0.0.1", NOW) == Lock(NOW + timedelta(minutes=1), 5)
    assert lock_of(attempts(5, ""), "", "10.0.0.2", NOW) is None


def test_names_that_nobody_has_are_many_after_five_in_a_day_wherever_they_came_from() -> None:
    tried = [Attempt(NOW, Result.WRONG, "", f"10.0.0.{number}") for number in range(5)]
    assert (are_many(tried[1:], NOW), are_many(tried, NOW), are_many(tried, NOW + timedelta(hours=24))) == (False, True, False)


def test_right_proof_clears_nobody_else_at_the_address() -> None:
    tried = [*attempts(4), *attempts(1, "p2", result=Result.RIGHT), *attempts(1)]
    assert lock_of(tried, "p3", "10.0.0.1", NOW) == Lock(NOW + timedelta(minutes=1), 5)


def test_unlocking_resets() -> None:
    unlocked = [*attempts(20), Attempt(NOW, Result.UNLOCKED, person="p1"), Attempt(NOW, Result.UNLOCKED, address="10.0.0.1")]
    assert lock_of(unlocked, "p1", "10.0.0.1", NOW) is None
    assert lock_of([*unlocked, *attempts(4)], "p1", "10.0.0.1", NOW) is None


def test_unlocking_of_a_person_leaves_the_address_locked() -> None:
    unlocked = [*attempts(5), Attempt(NOW, Result.UNLOCKED, person="p1")]
    assert lock_of(unlocked, "p1", "10.0.0.2", NOW) is None
    assert lock_of(unlocked, "p1", "10.0.0.1", NOW) is not None


def test_wrong_proofs_of_yesterday_are_forgotten() -> None:
    assert lock_of(attempts(20), "p1", "10.0.0.1", NOW + timedelta(hours=24)) is None


def test_clock_that_ran_ahead_locks_nobody_until_then() -> None:
    ahead = attempts(5, at=NOW + timedelta(days=365))
    assert lock_of(ahead, "p1", "10.0.0.1", NOW) is None
    assert lock_of([*ahead, *attempts(5)], "p1", "10.0.0.1", NOW) == Lock(NOW + timedelta(minutes=1), 5)


def test_locked_person_is_told_until_when_by_chinese_clocks() -> None:
    lock = lock_of(attempts(5), "p1", "10.0.0.1", NOW)
    assert lock
    assert locked(lock).message == "凭证已5次不对，锁定到04-03 16:31:00"
