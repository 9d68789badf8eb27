"""Points in time as China's clocks show them, whatever zone this machine or the database is in."""

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def china_day(moment: datetime) -> date:
    """The day in China."""
    return moment.astimezone(CHINA).date()
