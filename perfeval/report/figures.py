"""Figures (数字) on their way from facts to paper: the filters of the narrative, and the marks by which none gets lost.

A filter prints a FigureValue and wraps the text in marks that carry its id, value and unit; whoever renders the text takes the
marks off again and so knows every figure. The marks are Unicode noncharacters, which no honest text contains.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from perfeval.model import Figure
from perfeval.model.numbers import grouped, in_wan, percentage, plain, written_day

OPEN, NEXT, CLOSE, FAULT, LINE = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4"
MARKS = re.compile(f"[{OPEN}-{LINE}]")
_FIGURE = re.compile(f"{OPEN}([^{NEXT}]*){NEXT}([^{NEXT}]*){NEXT}([^{NEXT}]*){NEXT}([^{CLOSE}]*){CLOSE}")
_DIGITS = "零一二三四五六七八九"
_CHINESE_LIMIT = 10_000
_HUNDRED = Decimal("1E+2")  # 0.01万元
_WRITERS = {"元": "wan 或 yuan", "%": "percent"}


class ValueMissingError(ValueError):
    """A condition asks a figure that has no value; the message says why it has none."""


class NotPrintableError(ValueError):
    """A value that this filter cannot print exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class FigureValue:
    """A figure before it is printed: compared in conditions, printed by filters, never computed with.

    `share` is what a part is printed as in 万元, where parts are rounded so that they add up.
    """

    id: str
    value: Decimal | date | None
    unit: str = ""
    reason: str | None = None
    share: Decimal | None = None

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    def _known(self) -> Any:  # noqa: ANN401  # a number or a day; comparing one with the other is the narrative's fault
        if self.value is None:
            raise ValueMissingError(self.missing)
        return self.value

    @property
    def missing(self) -> str:
        """Why nothing can be printed."""
        return f"{self.id} 没有数值：{self.reason or '台账中没有可统计的行'}"

    def __bool__(self) -> bool:
        return bool(self._known() != 0)

    def __eq__(self, other: object) -> bool:
        return bool(self._known() == _plain(other))

    def __lt__(self, other: object) -> bool:
        return bool(self._known() < _plain(other))

    def __le__(self, other: object) -> bool:
        return bool(self._known() <= _plain(other))

    def __gt__(self, other: object) -> bool:
        return bool(self._known() > _plain(other))

    def __ge__(self, other: object) -> bool:
        return bool(self._known() >= _plain(other))

    __hash__ = None  # type: ignore[assignment]  # equal by value, and a value may be missing

    def __str__(self) -> str:
        return day(self) if isinstance(self.value, date) else number(self)


class Named(dict[str, FigureValue]):
    """Figures by id; one that nobody defined has no value, and says so."""

    def __missing__(self, name: str) -> FigureValue:
        return FigureValue(name, None, reason="指标体系的 facts 和 indicators 中没有这一项")


def _plain(other: object) -> Any:  # noqa: ANN401  # as above
    if isinstance(other, FigureValue):
        return other._known()
    if isinstance(other, int | Decimal | date):
        return other
    raise TypeError(f"数字不能与“{other}”比较")


def fault(message: str) -> str:
    """A fault in the place of a figure, found by the renderer with its line."""
    return f"{FAULT}{message}{CLOSE}"


def mark(figure: FigureValue, text: str) -> str:
    """Wrap a figure's text in its marks."""
    value = figure.value if isinstance(figure.value, Decimal) else ""
    return f"{OPEN}{figure.id}{NEXT}{value}{NEXT}{figure.unit}{NEXT}{text}{CLOSE}"


def unmark(text: str) -> tuple[str, list[Figure]]:
    """Take the marks off: the plain text, and its figures in order."""
    plain, placed = locate(text)
    return plain, [figure for _, figure in placed]


def locate(text: str) -> tuple[str, list[tuple[int, Figure]]]:
    """Take the marks off: the plain text, and its figures in order, each with its place in that text."""
    if OPEN not in text:
        return text, []
    placed, marked = [], 0
    for found in _FIGURE.finditer(text):
        id_, value, unit, shown = found.groups()
        placed.append((found.start() - marked, Figure(id_, shown, Decimal(value) if value else None, unit)))
        marked += len(found[0]) - len(shown)
    return _FIGURE.sub(r"\4", text), placed


def _write(figure: object, how: Callable[[Decimal], str], unit: str | None = None) -> str:
    if not isinstance(figure, FigureValue):
        return fault(f"“{figure}”不是由台账算出的数字，不能按数字打印")
    if figure.value is None:
        return fault(figure.missing)
    if not isinstance(figure.value, Decimal):
        return fault(f"{figure.id} 是日期，请用 day 打印")
    if unit and figure.unit and figure.unit != unit:
        return fault(f"{figure.id} 的单位是“{figure.unit}”，不是“{unit}”，不能这样打印")
    try:
        return mark(figure, how(figure.value))
    except NotPrintableError as error:
        return fault(f"{figure.id} = {figure.value:f} {error}")


def in_yuan(value: Decimal) -> str:
    """Yuan, to the fen where there is one."""
    if value != value.quantize(Decimal("0.01")):
        raise NotPrintableError("含有不足一分的尾数，不能按元打印")
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"


def number(figure: object) -> str:
    """The exact value of a count, of points or of a unit cost: 73, 98.68, 1,234.5. Money and percentages have filters of their own."""
    if isinstance(figure, FigureValue) and figure.unit in _WRITERS:
        return fault(f"{figure.id} 的单位是“{figure.unit}”，请用 {_WRITERS[figure.unit]} 打印")
    return _write(figure, grouped if isinstance(figure, FigureValue) and figure.unit.startswith("元/") else plain)


def about(figure: object) -> str:
    """An approximate count (概数): 73 → 70余, 70 → 70, 7 → 7."""
    return _write(figure, _approximate)


def chinese(figure: object) -> str:
    """A count in Chinese numerals: 4 → 四, 2 → 两, 12 → 十二."""
    return _write(figure, _numeral)


def wan(figure: object) -> str:
    """Yuan in 万元, rounded half up to two decimals where the amount has more: 179900 → 17.99; the tables have them all."""
    share = figure.share if isinstance(figure, FigureValue) else None
    return _write(figure, lambda value: in_wan(_rounded(value) if share is None else share), "元")


def _rounded(yuan: Decimal) -> Decimal:
    """To the 100 yuan; what would be nothing then, as it is."""
    return yuan.quantize(_HUNDRED, rounding=ROUND_HALF_UP) or yuan


def apportioned(parts: object, total: object) -> object:
    """Pairs of a name and an amount, whose 万元 with two decimals add up to those of the total (最大余数法).

    Every part is cut, and the cents of a 万元 that are missing go to those that lost most. Parts that do not add up to the total stay.
    """
    if not isinstance(parts, list) or not isinstance(total, FigureValue) or not isinstance(total.value, Decimal):
        return parts
    figures = [figure for _, figure in parts if isinstance(figure, FigureValue) and isinstance(figure.value, Decimal)]
    values = [Decimal(str(figure.value)) for figure in figures]
    if len(figures) < len(parts) or sum(values) != total.value or any(0 < value < _HUNDRED for value in values):
        return parts
    cut = [value.quantize(_HUNDRED, rounding=ROUND_DOWN) for value in values]
    missing = int((_rounded(total.value) - sum(cut)) / 100)
    first = sorted(range(len(values)), key=lambda place: cut[place] - values[place])[:missing]
    shares = [amount + 100 if place in first else amount for place, amount in enumerate(cut)]
    return [(name, replace(figure, share=share)) for (name, figure), share in zip(parts, shares, strict=True)]


def is_rounded(parts: object) -> bool:
    """Whether one of the parts is printed as another amount than it is."""
    pairs = parts if isinstance(parts, list) else []
    return any(isinstance(figure, FigureValue) and figure.share not in {None, figure.value} for _, figure in pairs)


def yuan(figure: object) -> str:
    """Yuan: 179,900, 1,234.50."""
    return _write(figure, in_yuan, "元")


def percent(figure: object, digits: int = 2) -> str:
    """A percentage rounded half up to `digits` decimals, with its sign: 98.36%; more where it would look like all and is not."""
    return _write(figure, lambda value: percentage(value, digits), "%")


def day(figure: object) -> str:
    """A date without leading zeros: 2022年3月5日."""
    if not isinstance(figure, FigureValue) or not isinstance(figure.value, date):
        return _write(figure, _no_date)
    return mark(figure, written_day(figure.value))


def _no_date(_: Decimal) -> str:
    raise NotPrintableError("不是日期，不能用 day 打印")


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value() or value < 0:
        raise NotPrintableError("不是非负整数，只能用 number 打印")
    return int(value)


def _approximate(value: Decimal) -> str:
    count = _whole(value)
    return str(count) if count < 10 or count % 10 == 0 else f"{count - count % 10}余"  # noqa: PLR2004  # tens


def _numeral(value: Decimal) -> str:
    count = _whole(value)
    if count >= _CHINESE_LIMIT:
        raise NotPrintableError("太大，请用 number 打印阿拉伯数字")
    if count == 2:  # noqa: PLR2004  # before a measure word, 二 would be an ordinal
        return "两"
    return numeral(count)


def numeral(count: int) -> str:
    """A whole number below 10000 in Chinese numerals, as headings count: 二, 十二, 一百零五."""
    digits = str(count)
    text = "".join(
        _DIGITS[int(digit)] + ("", "十", "百", "千")[place] if digit != "0" else "零"
        for digit, place in zip(digits, range(len(digits) - 1, -1, -1), strict=True)
    )
    text = re.sub("零+", "零", text).rstrip("零") or "零"
    return text.removeprefix("一") if text.startswith("一十") else text


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "about": about,
    "chinese": chinese,
    "wan": wan,
    "yuan": yuan,
    "percent": percent,
    "day": day,
}
