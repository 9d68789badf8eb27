"""Text from cells, files and people: what in it must not reach a page or a terminal, what is left to fill in, and when two are the same."""

import functools
import re

_HALF = str.maketrans("（）％［］【】", "()%[][]")
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
    """A header or title as compared: without blanks, brackets half-width."""
    return re.sub(r"\s+", "", text).translate(_HALF)
