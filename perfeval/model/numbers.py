"""How numbers and days are written (数字写法), wherever they are printed: exact or rounded half up, never with an exponent."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

_ALL, _MOST_PLACES = Decimal(100), 8
_YUAN_PER_WAN = Decimal(10_000)
_THOUSAND = Decimal(1000)


def plain(value: Decimal) -> str:
    """An exact decimal without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: Decimal, places: int = 2) -> str:
    """A decimal rounded half up to at most so many places."""
    return plain(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def percentage(value: Decimal, places: int = 2) -> str:
    """A percentage with its sign, 98.36%; with more places where it would look like all and is not."""
    while value < _ALL and places < _MOST_PLACES and rounded(value, places) == plain(_ALL):
        places += 1
    return f"{rounded(value, places)}%"


def in_wan(yuan: Decimal) -> str:
    """Yuan in 万元, exact: never rounded; money has commas wherever it is printed."""
    with localcontext() as context:
        context.prec = 40
        return grouped(yuan / _YUAN_PER_WAN)


def grouped(value: Decimal) -> str:
    """An exact decimal without trailing zeros, with commas between thousands."""
    whole, point, decimals = plain(value).partition(".")
    return f"{int(whole):,}{point}{decimals}" if abs(value) >= _THOUSAND else plain(value)


def written_day(day: date) -> str:
    """A day as GB/T 9704 writes it, without leading zeros: 2022年3月5日."""
    return f"{day.year}年{day.month}月{day.day}日"
