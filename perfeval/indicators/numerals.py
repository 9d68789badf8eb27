"""Chinese numerals (汉字数字) in arabic digits: 四 → 4, 一百二十 → 120, 九十八点五 → 98.5, 二〇二二 → 2022."""

import re

_DIGITS = {"〇": 0, "零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_ONE = "[一二两三四五六七八九]"
_SECTION = re.compile(f"(?:(?P<thousands>{_ONE})千)?(?:零?(?P<hundreds>{_ONE})百)?(?:零?(?P<tens>{_ONE}?)十)?(?P<ones>零?{_ONE})?")
# 百 in 百分之 is none.
_NUMERAL = re.compile(r"(?:[〇零一二两三四五六七八九十百千万](?!分之))+(?:点[〇零一二三四五六七八九]+)?")
_YEAR_DIGITS = 4


def arabic(text: str) -> str | None:
    """A text with every numeral in it written in digits; None where one of them is no whole number by itself, as 千万 or 一百二."""
    numbers = [_number(numeral) for numeral in _NUMERAL.findall(text)]
    if not numbers or None in numbers:
        return None
    digits = iter(numbers)
    return _NUMERAL.sub(lambda _: next(digits) or "", text)


def _number(numeral: str) -> str | None:
    whole, point, fraction = numeral.partition("点")
    if len(whole) == _YEAR_DIGITS and all(character in _DIGITS for character in whole):
        return "".join(str(_DIGITS[character]) for character in whole)
    high, wan, low = whole.rpartition("万")
    parts = [_section(high) if wan else 0, _section(low) if low or not wan else 0]
    if None in parts or (wan and low and not low.startswith("零") and "千" not in low):  # 一万二 is 12 000, and not written so in targets
        return None
    return f"{(parts[0] or 0) * 10_000 + (parts[1] or 0)}{'.' if point else ''}{''.join(str(_DIGITS[digit]) for digit in fraction)}"


def _section(text: str) -> int | None:
    """A number below 10 000; 一百二 says neither 102 nor 120."""
    match = _SECTION.fullmatch(text)
    if text in ("零", "〇"):
        return 0
    if not text or not match:
        return None
    thousands, hundreds, tens, ones = (match[name] for name in ("thousands", "hundreds", "tens", "ones"))
    if ones and not ones.startswith("零") and tens is None and (thousands or hundreds):
        return None
    named = ((thousands, 1000), (hundreds, 100), ("一" if tens == "" else tens, 10), (ones[-1] if ones else None, 1))
    return sum(_DIGITS[digit] * scale for digit, scale in named if digit)
