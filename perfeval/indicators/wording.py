"""Numbers as explanations and the 自评表 print them."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from perfeval.indicators.profile import TOTAL
from perfeval.indicators.target import Amount, Target

_WAN = Decimal(10_000)
_MOST_PLACES = 8


def plain(number: Decimal, places: int = 2) -> str:
    """A number half up to so many places, without trailing zeros."""
    text = f"{number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def points(number: Decimal) -> str:
    """分."""
    return f"{plain(number)}分"


def percent(number: Decimal) -> str:
    """A percentage, with as many places as it takes not to look like all when it is not."""
    places = 2
    while places < _MOST_PLACES and number < TOTAL and plain(number, places) == plain(TOTAL):
        places += 1
    return f"{plain(number, places)}%"


def yuan(amount: Decimal) -> str:
    """An amount of yuan, exact, in 万元 from 1 万元 on."""
    return f"{plain(amount / _WAN, 6)}万元" if abs(amount) >= _WAN else f"{plain(amount)}元"


def quantity(value: Amount, target: Target, unit: str) -> str:
    """An actual value (实际完成值) in the target's unit, with as many places as it takes not to look like the target when it misses it."""
    if isinstance(value, date):
        return f"{value.year}年{value.month}月{value.day}日"
    unit = target.unit if target.relation else unit
    shown = value / target.scale
    places = 2
    if target.relation:
        met = target.is_met_by(value)
        while places < _MOST_PLACES and target.is_met_by(Decimal(plain(shown, places)) * target.scale) != met:
            places += 1
    return f"{plain(shown, places)}{unit}"
