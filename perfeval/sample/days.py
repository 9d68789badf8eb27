"""Working days of 2022, so that invented meetings and payments fall where an office would have them."""

from collections.abc import Mapping
from datetime import date, timedelta

_HOLIDAYS = (  # 国办发明电〔2021〕11号, April to December
    (date(2022, 4, 3), date(2022, 4, 5)),
    (date(2022, 4, 30), date(2022, 5, 4)),
    (date(2022, 6, 3), date(2022, 6, 5)),
    (date(2022, 9, 10), date(2022, 9, 12)),
    (date(2022, 10, 1), date(2022, 10, 7)),
)


def _is_workday(day: date) -> bool:
    return day.weekday() in range(5) and not any(first <= day <= last for first, last in _HOLIDAYS)


WORKDAYS = tuple(day for day in (date(2022, 4, 1) + timedelta(n) for n in range(275)) if _is_workday(day))
"""2022-04-01 to 2022-12-30; the rows' days are positions in this tuple."""


def position(month: int, day: int) -> int:
    """The position in WORKDAYS of the first working day on or after this day of 2022."""
    return next(n for n, workday in enumerate(WORKDAYS) if workday >= date(2022, month, day))


def spread(count: int, first: int, last: int) -> list[int]:
    """`count` positions evenly from `first` to `last`, in order."""
    return [first + n * (last - first) // max(count - 1, 1) for n in range(count)]


def mixed(counts: Mapping[str, int]) -> list[str]:
    """Each word as often as `counts` says, evenly interleaved."""
    return [word for _, word in sorted(((n + 0.5) / count, word) for word, count in counts.items() for n in range(count))]
