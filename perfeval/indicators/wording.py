"""Numbers as explanations and the 自评表 print them."""

import re
from datetime import date
from decimal import Decimal

from perfeval.indicators.target import Amount, Target
from perfeval.model.numbers import grouped, in_wan, percentage, plain, rounded, written_day

_WAN = Decimal(10_000)
_MONEY = re.compile("[百千万亿]*元")
_MOST_PLACES = 8


def points(number: Decimal) -> str:
    """分."""
    return f"{plain(number)}分"


def yuan(amount: Decimal) -> str:
    """An amount of yuan, exact, in 万元 from 1 万元 on."""
    return f"{in_wan(amount)}万元" if abs(amount) >= _WAN else f"{grouped(amount)}元"


def percentage_near(value: Decimal, limit: Decimal) -> str:
    """A percentage with as many places as it takes not to look like a limit that it is not."""
    places = 2
    while places < _MOST_PLACES and value != limit and rounded(value, places) == plain(limit):
        places += 1
    return percentage(value, places)


def quantity(value: Amount, target: Target, unit: str) -> str:
    """An actual value (实际完成值) in the target's unit, with as many places as it takes not to look like the target when it misses it."""
    if isinstance(value, date):
        return written_day(value)
    unit = (target.unit if target.relation else "") or unit
    shown = value / target.scale
    places = 2
    if target.relation:
        met = target.is_met_by(value)
        while places < _MOST_PLACES and target.is_met_by(Decimal(rounded(shown, places)) * target.scale) != met:
            places += 1
    text = rounded(shown, places)
    return f"{grouped(Decimal(text)) if _MONEY.match(unit) else text}{unit}"
