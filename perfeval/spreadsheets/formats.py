"""What a number format (数字格式) makes of a cell, read as Excel reads it, as far as it changes what a number or a text says.

A number under `0.00"万元"` is not the number that is stored, nor is one under `"记-"000`. Rounding, separators, colours and the
sign of yuan change nothing: there the stored number is what the clerk means.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Literal

# Behind a number whose cell shows it by thousands or ten thousands, or a negative one without its sign.
SCALED = "（缩小显示）"
UNSIGNED = "（不显示负号）"
TEXT = "\0"
"""Stands for a cell's own text in how it looks."""

# Units that make another number of one; those of counted things, 0"人", do not.
_UNITS = {
    "元", "角", "千元", "万", "万元", "亿", "亿元",
    "米", "千米", "公里", "里", "m", "km", "平方米", "平方公里", "亩", "公顷", "立方米", "千克", "公斤", "吨",
}  # fmt: skip
_MAGNITUDE = re.compile(r"[十百千万亿兆拾佰仟萬億‰]|^[KkMWw]$|^[约近超逾]$|^[余多起]|以[上下内外]|不[足到超]|左右")
_FOREIGN = re.compile(r"[$€£₩₽฿₫]|USD|EUR|HKD|GBP|JPY|[美欧港日澳]元|港币|英镑")
# What accountants write beside a number that is less than nothing, or on the other side.
_NEGATIVE = re.compile(r"[△▲▽▼]|[负减欠冲退贷]|红字|赤字|^(?:CR|DR)$|^[-−－]$", re.IGNORECASE)
_SIGNS = tuple("-−－≥≤≧≦><＞＜~～±≈(（")
# What may stand around a unit without being part of it: brackets and the words for yuan.
_AROUND_UNIT = re.compile(r"[\s()（）\[\]【】〔〕:：,，.。/]|人民币|RMB|CNY|￥|¥|整")
_NO_WORDS = re.compile(r"[\s()（）￥¥\-−－+]+|人民币|RMB|CNY")
_TOKEN = re.compile(
    r"""(?P<end>;) | "(?P<quoted>[^"]*)"? | [\\!](?P<escaped>.) | [_*](?P<blank>.) | \[(?P<bracket>[^\]]*)\]
    | (?P<general>general|g/通用格式) | (?P<noon>am/pm|a/p|上午/下午) | (?P<power>e[+-]) | (?P<day>[ymdhs]|g*e|aaa+)
    | (?P<digit>[0#?]) | (?P<bare>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"([<>=]{1,2})\s*(-?[0-9.]+)")
_RELATIONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": Decimal.__lt__, "<=": Decimal.__le__, ">": Decimal.__gt__, ">=": Decimal.__ge__, "=": Decimal.__eq__, "<>": Decimal.__ne__,
}  # fmt: skip
_ELAPSED = re.compile("[hms]+", re.IGNORECASE)
_MOST_PLACES, _MOST_DIGITS = 30, 100
_DRAWING = Context(prec=_MOST_PLACES + _MOST_DIGITS, rounding=ROUND_HALF_UP)
_FOUR = 4

Role = Literal["only", "positive", "negative", "zero"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a cell looks where that is not what is stored in it; nothing where it is."""

    number: str | None = None
    """What it says in a column of numbers."""
    text: str | None = None
    """What it says in a column of text or codes."""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the up to four parts of a format: for numbers above, below and at zero, and for text."""

    tokens: Sequence[tuple[str, str]]
    """(`digit` | `point` | `general` | `text` | `printed`, sign)."""
    bare: str
    """Its signs: printed ones as letters, so that a point that is only printed is told from the decimal point."""
    condition: tuple[str, Decimal] | None
    is_day: bool
    is_month: bool
    is_elapsed: bool
    is_coloured: bool

    @property
    def is_text(self) -> bool:
        return any(kind == "text" for kind, _ in self.tokens)

    @property
    def is_shaped(self) -> bool:
        """Whether it has places for digits."""
        return any(kind in {"digit", "general"} for kind, _ in self.tokens)

    @property
    def is_scaled(self) -> bool:
        return bool(re.search(r"[0#?]p+[0#?]|[0#?],+(?![0#?,])", self.bare))

    def printed(self) -> tuple[str, str, str]:
        """What is printed before, among and behind the number."""
        places = [place for place, (kind, _) in enumerate(self.tokens) if kind != "printed"]
        first, last = (places[0], places[-1]) if places else (len(self.tokens), len(self.tokens))
        parts = self.tokens[:first], self.tokens[first:last], self.tokens[last + 1 :]
        before, among, behind = ("".join(sign for kind, sign in part if kind == "printed") for part in parts)
        return before, among, behind

    def drawn(self, number: Decimal) -> str:
        """A number without sign in its digits' places, rounded as they say, with all that is printed."""
        is_free = any(kind in {"general", "text"} for kind, _ in self.tokens) or re.search("[/E]", self.bare)
        if is_free or number.adjusted() > _MOST_DIGITS:
            before, _, behind = self.printed()
            return f"{before}{_plain(number)}{behind}"
        point = next((place for place, (kind, _) in enumerate(self.tokens) if kind == "point"), len(self.tokens))
        decimals = min(sum(kind == "digit" for kind, _ in self.tokens[point:]), _MOST_PLACES)
        whole, _, part = f"{number.quantize(Decimal(1).scaleb(-decimals), context=_DRAWING):f}".partition(".")
        return self._whole(whole.lstrip("0"), self.tokens[:point]) + self._part(part, self.tokens[point:])

    def _whole(self, digits: str, tokens: Sequence[tuple[str, str]]) -> str:
        """Digits fill their places from the right; what is left over stands at the first place."""
        if re.search("[0#?],[0#?]", self.bare) and digits:
            digits = f"{int(digits):,}"
        first = next((place for place, (kind, _) in enumerate(tokens) if kind == "digit"), 0)
        shown: list[str] = []
        for place in reversed(range(len(tokens))):
            kind, sign = tokens[place]
            if kind == "printed":
                shown.append(sign)
            else:
                digits, digit = ("", digits) if place == first else (digits[:-1], digits[-1:])
                shown.append(digit or ("0" if sign == "0" else ""))
        return "".join(reversed(shown))

    def _part(self, digits: str, tokens: Sequence[tuple[str, str]]) -> str:
        least = max((place for place, (_, sign) in enumerate(t for t in tokens if t[0] == "digit") if sign == "0"), default=-1) + 1
        digits = digits[:least] + digits[least:].rstrip("0")
        left = iter(digits)
        return "".join(next(left, "") if kind == "digit" else sign for kind, sign in tokens if kind != "point" or digits)


class NumberFormat:
    """A number format, by its code."""

    def __init__(self, code: str) -> None:
        sections = list(_sections(code or "General"))[:_FOUR]
        has_text = len(sections) == _FOUR or sections[-1].is_text
        self._text = sections.pop() if has_text else None
        self._numbers = sections

    @property
    def is_day(self) -> bool:
        """Whether numbers are shown as days or times of day."""
        return bool(self._numbers) and self._numbers[0].is_day

    @property
    def is_month(self) -> bool:
        """Whether numbers are shown as months, whatever the day."""
        return bool(self._numbers) and self._numbers[0].is_month

    @property
    def is_elapsed(self) -> bool:
        """Whether numbers are shown as hours, minutes or seconds gone by."""
        return bool(self._numbers) and self._numbers[0].is_elapsed

    @functools.cached_property
    def changes_numbers(self) -> bool:
        """Whether any number looks unlike itself."""
        limits = [condition[1] for section in self._numbers if (condition := section.condition)]
        tries = [Decimal(1), Decimal(-1), Decimal(0), *(limit + step for limit in limits for step in (-1, 0, 1))]
        return any(self._look(number) != Look() for number in tries)

    @functools.cached_property
    def changes_text(self) -> bool:
        """Whether text looks unlike itself."""
        return self.look_of_text() != Look()

    def look(self, value: str) -> Look:
        """How a stored number looks; at 15 significant digits, as Excel keeps it.

        Raises: ValueError: it is no number.
        """
        number = Decimal(f"{float(value):.15g}")
        return self._look(number) if number.is_finite() else Look()

    def look_of_text(self) -> Look:
        """How a text looks, its own stood for by `TEXT`."""
        if self._text is None:
            return Look()
        if not self._text.is_text:  # a text's section without @ shows nothing of it
            return Look(hidden=True)
        before, _, behind = self._text.printed()
        if not (before + behind).strip():
            return Look()
        shown = f"{before}{TEXT}{behind}".strip()
        return Look(shown if _is_alarming(before) else f"{TEXT}{_unit(behind)}" if _alarms(behind) else None, shown)

    def _look(self, number: Decimal) -> Look:
        section, role = self._section(number)
        if section is None or section.is_day:
            return Look()
        if not (section.is_shaped or section.is_text):
            return _wordy(section, number)
        return _shaped(section, role, number)

    def _section(self, number: Decimal) -> tuple[_Section | None, Role]:
        """The part of the format that shows a number."""
        numbers = self._numbers
        if not numbers:
            return self._text, "only"
        if any(section.condition for section in numbers):
            for section in numbers:
                relation, limit = section.condition or ("", Decimal(0))
                if not relation or _RELATIONS[relation](number, limit):
                    return section, "negative" if relation in {"<", "<="} and limit <= 0 else "positive"
            return numbers[-1], "positive"
        match len(numbers):
            case 1:
                return numbers[0], "only"
            case 2:
                return (numbers[1], "negative") if number < 0 else (numbers[0], "positive")
            case _:
                return (numbers[0], "positive") if number > 0 else (numbers[1], "negative") if number else (numbers[2], "zero")


@functools.lru_cache(4096)
def number_format(code: str) -> NumberFormat:
    """A number format, read once."""
    return NumberFormat(code)


def _wordy(section: _Section, number: Decimal) -> Look:
    """A number shown by words alone, or not at all. A zero shown as a hyphen is one all the same."""
    words = "".join(sign for _, sign in section.tokens).strip()
    if not re.search(r"\w", words):
        return Look(hidden=not words or bool(number))
    return Look(words if number else None, words)


def _shaped(section: _Section, role: Role, number: Decimal) -> Look:
    percents = section.bare.count("%")
    before, among, behind = (printed.strip() for printed in section.printed())
    words = behind.replace("%", "", percents)
    shown = number * 100**percents
    exact = f"{_plain(shown)}{'%' * percents}"
    drawn = ("-" if number < 0 and role != "negative" else "") + section.drawn(abs(shown)).strip()
    text = drawn if among or _NO_WORDS.sub("", before + words) else None
    if section.is_scaled:
        return Look(f"{_plain(number)}{SCALED}", f"{_plain(number)}{SCALED}")
    if role != "negative" and number > 0 and any(map(_NEGATIVE.search, (before, words.strip()))):
        return Look(drawn, drawn)
    if role == "negative" and not section.is_coloured and not re.search(r"[-−－(（]", before + behind):
        return Look(f"{_plain(abs(number))}{UNSIGNED}", text)
    if among or _is_alarming(before, sign=bool(number) and role != "negative"):
        return Look(drawn, drawn)
    if not text and re.fullmatch("00+", section.bare):
        return Look(drawn if number == number.to_integral_value() else None, drawn)
    return Look(f"{exact}{_unit(words)}" if _alarms(words) else exact if percents else None, text)


def _is_alarming(before: str, *, sign: bool = True) -> bool:
    """Whether what is printed in front makes another number of it: a sign, another currency, a magnitude."""
    return _alarms(before) or (sign and before.endswith(_SIGNS))


def _unit(printed: str) -> str:
    """A unit without what stands around it; where it is more than a unit, all that is printed."""
    unit = _AROUND_UNIT.sub("", printed)
    return unit if unit in _UNITS else printed.strip()


def _alarms(printed: str) -> bool:
    """Whether what is printed makes another number of it."""
    words = re.sub("百分[点比之]", "", printed)
    unit = _unit(printed)
    return unit in _UNITS or bool(_MAGNITUDE.search(_AROUND_UNIT.sub("", words)) or _FOREIGN.search(words))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _sections(code: str) -> Iterator[_Section]:
    tokens: list[tuple[str, str]] = []
    traits = _Marks()
    for found in _TOKEN.finditer(code):
        kind, sign = found.lastgroup or "", found[found.lastgroup or 0]
        if kind == "end":
            yield traits.section(tokens)
            tokens, traits = [], _Marks()
        else:
            tokens.extend(traits.taken(kind, sign))
    yield traits.section(tokens)


@dataclass(slots=True)
class _Marks:
    """What a section says beside what it prints."""

    bare: str = ""
    condition: tuple[str, Decimal] | None = None
    days: str = ""
    """The letters for parts of days and times."""
    is_elapsed: bool = False
    is_coloured: bool = False

    def section(self, tokens: list[tuple[str, str]]) -> _Section:
        days = "" if any(kind == "general" for kind, _ in tokens) else self.days
        is_month = bool(re.fullmatch("[yme]+", days)) and len(set(days)) > 1
        return _Section(tokens, self.bare, self.condition, bool(days) or self.is_elapsed, is_month, self.is_elapsed, self.is_coloured)

    def taken(self, kind: str, sign: str) -> Iterator[tuple[str, str]]:
        """Take in one sign of the code."""
        match kind:
            case "bracket":
                yield from self._bracket(sign)
            case "day" | "noon":
                self.days += sign[-1].lower()
            case "power":
                self.bare += "E"
            case "digit" | "general":
                self.bare += sign if kind == "digit" else "g"
                yield kind, sign
            case "quoted" | "escaped":
                self.bare += "p" if sign == "." else "l" * bool(sign)
                yield "printed", sign
            case "bare":
                yield from self._bare(sign)

    def _bare(self, sign: str) -> Iterator[tuple[str, str]]:
        self.bare += sign if sign in ".,%/" else "" if sign == "@" else "l"
        if sign not in ",/":
            yield {".": "point", "@": "text"}.get(sign, "printed"), sign

    def _bracket(self, inside: str) -> Iterator[tuple[str, str]]:
        if inside.startswith("$"):
            if symbol := inside[1:].partition("-")[0]:
                self.bare += "l"
                yield "printed", symbol
        elif found := _CONDITION.fullmatch(inside.strip()):
            try:
                self.condition = (found[1], Decimal(found[2])) if found[1] in _RELATIONS else None
            except DecimalException:
                self.condition = None
        elif _ELAPSED.fullmatch(inside):
            self.is_elapsed = True
        elif not inside.upper().startswith(("DBNUM", "NATNUM")):
            self.is_coloured = True
