"""Points in time as China's clocks and calendar show them, whatever zone this machine or the database is in."""

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_SATURDAY = 5


def china_day(moment: datetime) -> date:
    """The day in China."""
    return moment.astimezone(CHINA).date()


def working_day_after(day: date, days: int) -> date:
    """The working day (工作日) that is so many after a day: without holidays (放假), with the days worked in their stead (调休上班)."""
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


def working_days_between(day: date, later: date) -> int:
    """How many working days there are after a day, until a later one."""
    return sum(is_working_day(day + timedelta(days=number)) for number in range(1, (later - day).days + 1))


def is_working_day(day: date) -> bool:
    """Whether offices work on a day."""
    return _announced(day) if are_holidays_known(day) else day.weekday() < _SATURDAY


def are_holidays_known(day: date) -> bool:
    """Whether the State Council's notice of the day's year is in the calendar, which comes late in the year before.

    Where it is not, only weekends are taken for days of rest.
    """
    try:
        _announced(day)
    except NotImplementedError:  # what the calendar raises for a year that it does not know
        return False
    return True


def _announced(day: date) -> bool:
    import chinese_calendar  # type: ignore[import-untyped]  # has no types. Only who asks for a day waits for it

    return bool(chinese_calendar.is_workday(day))
