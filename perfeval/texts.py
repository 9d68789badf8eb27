"""Text from cells, files and people: what in it must not reach a page or a terminal, what is left to fill in, and when two are the same."""

import functools
import re
import unicodedata

UNUSUAL = "[^\n\r\t -~·×÷≤≥№‐-―‘’“”…−①-⑳Ⅰ-Ⅻ、。〇-】〔〕㐀-䶿一-鿿！（），：；？\U00020000-\U0002ebef]"
"""Signs that words and codes do not have: what is not seen, full-width letters, other scripts, radicals that look like characters."""
COMPATIBLE = "[\u2e80-\u2fdf\uf900-\ufaff\U0002f800-\U0002fa1f]"
"""Radicals and other signs that stand for a character which looks the same."""
_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("【"): "[", ord("】"): "]"}
FILLERS = "\u034f\u115f\u1160\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
"""Signs that nobody sees, though Unicode counts them among letters and marks."""
_MOST_SIGNS = 3
# Control characters, halves of characters, and signs that break lines or turn their direction; blanks of any width are text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

SLOTS = re.compile(r"[XＸ×]{2,}|\{\{|\}\}|\{%|%\}|_{3,}|＿{2,}")
"""Slots of a form, in text that a ledger may hold."""
_LEFT_OVER = re.compile(SLOTS.pattern + "|待补|待填|待定")
# XX001 is a primary school (小学) and no slot, as XX年 and 20XX年 are.
CODES = re.compile("X{2,}[0-9A-WYZa-z]|[A-WYZa-z]X{2,}")


def left_over(text: str) -> list[str]:
    """The slots that nobody filled in (空位): XX年, 待补."""
    return [slot[0] for slot in _LEFT_OVER.finditer(CODES.sub("", text))]


def quoted(text: str) -> str:
    """A text in quotation marks; those inside it become single ones."""
    return f"“{text.replace('“', '‘').replace('”', '’')}”"


def has_controls(text: str) -> bool:
    """Whether there is something in it that cannot be seen and does something."""
    return bool(_CONTROLS.search(text))


def visible(text: str) -> str:
    """The text with a sign in the place of each such character."""
    return _CONTROLS.sub("�", text)


@functools.lru_cache(4096)
def normal(text: str) -> str:
    """A header or title as compared: without blanks and invisible signs, full-width and compatibility signs as the usual ones."""
    seen = "".join(sign for sign in text if not (sign.isspace() or _is_invisible(sign))).translate(_HALF)
    return re.sub(COMPATIBLE, lambda found: unicodedata.normalize("NFKC", found[0]), unicodedata.normalize("NFC", seen))


def told_signs(text: str) -> str:
    """Names the first signs that nobody sees or that look like others, 第3个字是看不见的 U+200B; nothing where there are none."""
    odd = [(place, sign) for place, sign in enumerate(text, 1) if re.match(UNUSUAL, sign)]
    told = "，".join(f"第{place}个字{_named(sign)} U+{ord(sign):04X}" for place, sign in odd[:_MOST_SIGNS])
    return told + ("等" if len(odd) > _MOST_SIGNS else "")


def _named(sign: str) -> str:
    if _is_invisible(sign):
        return "是看不见的"
    return "是空格" if sign.isspace() else f"“{sign}”是"


def _is_invisible(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cf", "Cc"} or sign in FILLERS
