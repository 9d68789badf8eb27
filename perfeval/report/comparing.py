"""A printed report held against figures, scores and the same report written again: what numbers in it are other ones."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher
from typing import Any

from lxml import etree

from perfeval.report.package import report_error
from perfeval.report.wordml import NAMESPACE

# Whatever a number can look like: digits with their points, and Chinese numerals.
_NUMBER = re.compile("[0-9]+(?:[.,][0-9]+)*|[〇零一二三四五六七八九十百千两]+")
_PLAIN = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)[^0-9余]*")
_SCALES = (Decimal(1), Decimal(10_000), Decimal(100_000_000))
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Printed:
    """What a report prints: its paragraphs in order, those in tables too, and the cells of each row of its tables."""

    paragraphs: Sequence[str]
    rows: Sequence[frozenset[str]]

    def lacking(self, figures: Iterable[str]) -> str | None:
        """The first of these texts that does not stand here behind the one before it, as a number of its own."""
        text, place = "\n".join(self.paragraphs), 0
        for figure in figures:
            found = re.compile(rf"(?<![0-9])(?<![0-9][.,]){re.escape(figure)}(?![0-9]|[.,][0-9])").search(text, place)
            if found is None:
                return figure
            place = found.end()
        return None

    def has_row(self, cells: Iterable[str]) -> bool:
        """Whether a row of a table has all of these cells."""
        wanted = set(cells)
        return any(wanted <= row for row in self.rows)

    def renumbered(self, again: "Printed") -> Iterator[str]:
        """Paragraphs that are in the same words with other numbers in a report written again, in Chinese."""
        for ours, theirs in _pairs(self.paragraphs, again.paragraphs):
            if ours != theirs and _words(ours) == _words(theirs) and not alike(ours, theirs):
                yield f"“{_shown(ours)}”应为“{_shown(theirs)}”"

    def reworded(self, again: "Printed") -> str:
        """The first paragraph that a report written again has not, in Chinese; nothing when both print the same."""
        known = set(again.paragraphs)
        odd = next((text for text in self.paragraphs if text not in known), None)
        if odd is not None:
            return f"文字（如“{_shown(odd)}”）"
        return "" if list(self.paragraphs) == list(again.paragraphs) else "文字（有缺少的段落，或次序不同）"


def alike(text: str, other: str) -> bool:
    """Whether two texts have the same numbers; separators, and a coarser rounding, make no other number."""
    numbers = _NUMBER.findall(text), _NUMBER.findall(other)
    return len(numbers[0]) == len(numbers[1]) and all(map(_is_same, *numbers))


def tells(text: str, value: Decimal) -> bool:
    """Whether a text states a value, in units, 万 or 亿, to as many digits as it shows; of Chinese numerals and “余” nothing is said."""
    told = _PLAIN.fullmatch(text)
    return told is None or any(_is_near(_decimal(told[1]), value / scale) for scale in _SCALES)


def _is_same(text: str, other: str) -> bool:
    if text == other:
        return True
    try:
        one, two = _decimal(text), _decimal(other)
    except InvalidOperation:  # Chinese numerals
        return False
    return one == two or (_places(one) != _places(two) and _is_near(min(one, two, key=_places), max(one, two, key=_places)))


def _is_near(rounded: Decimal, exact: Decimal) -> bool:
    # By less than one in the last digit: parts of a sum are rounded so that they add up.
    return abs(rounded - exact) < Decimal(1).scaleb(-_places(rounded))


def _places(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def read_printed(document: bytes) -> Printed:
    """See `perfeval.report.read_printed`."""
    try:
        with zipfile.ZipFile(io.BytesIO(document)) as package:
            body = etree.fromstring(package.read("word/document.xml"), etree.XMLParser(resolve_entities=False, no_network=True))
    except (zipfile.BadZipFile, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise report_error(["report.docx: 不是 Word 文件"]) from error
    rows = [frozenset(_text(cell) for cell in row.iter(_tag("tc"))) for row in body.iter(_tag("tr"))]
    return Printed([_text(paragraph) for paragraph in body.iter(_tag("p"))], rows)


def _pairs(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Paragraphs that stand for each other, by their words."""
    old, new = [_words(text) for text in before], [_words(text) for text in after]
    shorter = min(len(old), len(new))
    # Most of two long reports is the same: only what is between their first and their last difference is compared at length.
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    end = next((place for place in range(shorter - start) if old[-1 - place] != new[-1 - place]), shorter - start)
    yield from zip(before[:start], after[:start], strict=True)
    yield from zip(before[len(old) - end :], after[len(new) - end :], strict=True)
    middle = old[start : len(old) - end], new[start : len(new) - end]
    for _, a1, a2, b1, b2 in SequenceMatcher(None, middle[0], middle[1]).get_opcodes():
        if a2 - a1 == b2 - b1:
            yield from zip(before[start + a1 : start + a2], after[start + b1 : start + b2], strict=True)


def _words(text: str) -> str:
    return _NUMBER.sub("#", text)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _text(element: Any) -> str:  # noqa: ANN401  # lxml's own element class
    return "".join(text.text or "" for text in element.iter(_tag("t")))


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
