"""Days as China's calendar counts them."""

from datetime import UTC, date, datetime

import pytest

from perfeval.model import Gate
from perfeval.model.clock import are_holidays_known, china_day, working_day_after


def test_day_in_china_begins_at_sixteen_hours_of_greenwich() -> None:
    moments = [datetime(2023, 4, 3, 15, 59, tzinfo=UTC), datetime(2023, 4, 3, 16, 0, tzinfo=UTC)]
    assert [china_day(moment) for moment in moments] == [date(2023, 4, 3), date(2023, 4, 4)]


@pytest.mark.parametrize(
    ("day", "days", "due"),
    [
        (date(2023, 4, 3), 1, date(2023, 4, 4)),
        (date(2023, 4, 4), 1, date(2023, 4, 6)),  # 清明 on the 5th
        (date(2023, 4, 6), 5, date(2023, 4, 13)),  # over a weekend
        (date(2022, 9, 30), 1, date(2022, 10, 8)),  # 国庆, and a Saturday worked in its stead
        (date(2022, 1, 28), 2, date(2022, 1, 30)),  # a Saturday and a Sunday worked before 春节
        (date(2022, 1, 30), 1, date(2022, 2, 7)),
        (date(2023, 4, 3), 0, date(2023, 4, 3)),
        (date(2098, 10, 1), 3, date(2098, 10, 6)),  # not announced: weekends alone
    ],
)
def test_working_days_leave_out_holidays_and_count_days_worked_in_their_stead(day: date, days: int, due: date) -> None:
    assert working_day_after(day, days) == due


def test_holidays_are_known_of_announced_years_only() -> None:
    assert [are_holidays_known(date(year, 6, 1)) for year in (2003, 2004, 2023, 2098)] == [False, True, True, False]


def test_gate_is_due_after_working_days_and_without_them_never() -> None:
    asked = datetime(2022, 9, 30, 2, 0, tzinfo=UTC)
    assert Gate("center", "中心审批", due_days=3).due_on(asked) == date(2022, 10, 10)
    assert Gate("center", "中心审批").due_on(asked) is None
