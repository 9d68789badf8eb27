"""Text from cells, files and people: what in it must not reach a page or a terminal, and when two are the same."""

import functools
import re

_HALF = str.maketrans("（）％［］【】", "()%[][]")
# Control characters, halves of characters, and signs that break lines or turn their direction; blanks of any width are text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


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
