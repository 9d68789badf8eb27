"""How a worksheet's XML is looked through (表格的样式): its patterns, and a piece of it for both kinds of regular expressions.

Patterns that look at every cell run in Polars, whose regular expressions are several times faster than Python's.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from perfeval.spreadsheets.package import broken_file
from perfeval.spreadsheets.strings import MIXED, PICTURE, STRUCK

SHORT = 1 << 17
"""From so many bytes on Polars is faster, which takes half a millisecond to begin."""
_TRUE = r"""["'](?:1|true)["']"""
_FORMULA = r"<~f(?:\s[^>]*)?(?:/>|>[^<]*</~f>)\s*"
_VALUE = r"<~v(?:\s[^>]*)?>"
_PLACED = r"""<~c\s[^>]*?\br\s*=\s*["']%s["'](?:[^>]*[^/>])?>"""
_NEAR = "[A-Z][1-9][0-9]{0,4}"
# Less than a point high, less than a tenth of a character wide.
_NO_HEIGHT, _NO_WIDTH = r"""\bht\s*=\s*["']0*(?:\.[0-9]*)?["']""", r"""\bwidth\s*=\s*["']0*(?:\.0[0-9]*)?["']"""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Patterns of a sheet's XML for one namespace prefix (mostly none, `x:` from .NET): text for Polars, compiled for Python."""

    row: bytes
    row_end: bytes
    end: bytes
    start: bytes
    column: bytes
    formula: bytes
    usual: str
    cell: str
    placed: str
    near: str
    styled: str
    filled: re.Pattern[bytes]
    nameless: re.Pattern[bytes]
    tags: re.Pattern[bytes]
    uncomputed: re.Pattern[bytes]
    zero: re.Pattern[bytes]
    error: re.Pattern[bytes]
    day: re.Pattern[bytes]
    picture: re.Pattern[bytes]
    struck: re.Pattern[bytes]
    mixed: re.Pattern[bytes]
    string: re.Pattern[bytes]
    content: re.Pattern[bytes]
    large: re.Pattern[bytes]
    hidden_row: re.Pattern[bytes]
    hidden_column: re.Pattern[bytes]
    merged: re.Pattern[bytes]
    stale: re.Pattern[bytes]
    boolean: re.Pattern[bytes]
    conditions: re.Pattern[bytes]
    no_width: re.Pattern[bytes]
    own_column: re.Pattern[bytes]


@functools.cache
def patterns_of(prefix: str) -> Patterns:
    """The patterns for a namespace prefix."""

    def prefixed(pattern: str) -> str:
        return pattern.replace("~", prefix)

    def compiled(pattern: str) -> re.Pattern[bytes]:
        return re.compile(prefixed(pattern).encode())

    return Patterns(
        row=prefixed("<~row").encode(),
        row_end=prefixed("</~row>").encode(),
        end=prefixed("</~sheetData").encode(),
        start=prefixed("<~c").encode(),
        column=prefixed("<~col").encode(),
        formula=prefixed("<~f").encode(),
        usual=prefixed(f'<~c r="{_NEAR}"(?: s="[0-9]+")?(?: t="(?:s|n|str|inlineStr|b)")?/?>'),
        # Cells with content; those without, <c r="A1" s="1"/>, take no room.
        cell=prefixed(r"<~c(?:\s[^>]*[^/>])?>"),
        placed=prefixed(_PLACED % "[A-Z]{1,3}[1-9][0-9]{0,6}"),
        near=prefixed(_PLACED % _NEAR),
        styled=prefixed(rf"""<~c\s[^>]*?\bs\s*=\s*["'](?:%s)["'][^>]*>\s*(?:{_FORMULA})?(?:{_VALUE}[^<]*</~v>|<~is>)"""),
        filled=compiled(f"{_VALUE}[^<]|<~is>"),
        nameless=compiled(r"<~row(?=[\s/>])(?![^>]*\br\s*=)"),
        tags=compiled(r"<(~row|~c)(?=[\s/>])([^>]*)>"),
        uncomputed=compiled(rf"<~c\s([^>]*[^/>])>\s*{_FORMULA}(?:<~v\s*/>|{_VALUE}\s*</~v>)?\s*</~c>"),
        zero=compiled(rf"<~c\s([^>]*[^/>])>\s*{_FORMULA}{_VALUE}\s*-?0+(?:\.0*)?(?:[Ee][-+]?[0-9]+)?\s*</~v>"),
        error=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']e["'][^>]*)>(?:{_FORMULA})?{_VALUE}([^<]*)"""),
        day=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']d["'][^>]*)>(?:{_FORMULA})?{_VALUE}([^<]*)"""),
        picture=compiled(
            rf"<~c\s([^>]*)>\s*(?:<~f(?:\s[^>]*)?>[^<]*DISPIMG\(|(?:{_FORMULA})?(?:{_VALUE}|<~is>\s*<~t(?:\s[^>]*)?>)\s*{PICTURE})"
        ),
        struck=compiled(rf"<~c\s([^>]*)>\s*<~is>(?:(?!</~is>).)*?{STRUCK}"),
        mixed=compiled(rf"<~c\s([^>]*)>\s*<~is>(?=(?:(?!</~is>).)*?</~r>\s*<~r>)(?:(?!</~is>).)*?{MIXED}"),
        string=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']s["'][^>]*)>(?:{_FORMULA})?{_VALUE}\s*([0-9]+)"""),
        content=compiled(rf"<~c\s([^>]*)>\s*(?:{_FORMULA})?(?:{_VALUE}\s*([^<]*?)\s*<|<~is>)"),
        large=compiled(rf"{_VALUE}(-?(?:[0-9]{{9,}}|9[0-9]{{7}})(?:\.[0-9]*)?|-?[0-9.]+[Ee]\+?[0-9]+)</~v>"),
        hidden_row=compiled(rf"<~row\s[^>]*(?:\bhidden\s*=\s*{_TRUE}|{_NO_HEIGHT})[^>]*>"),
        hidden_column=compiled(rf"<~col\s[^>]*(?:\bhidden\s*=\s*{_TRUE}|{_NO_WIDTH})[^>]*>"),
        merged=compiled(r"""<~mergeCell\s[^>]*\bref\s*=\s*["']([A-Z]+[0-9]+:[A-Z]+[0-9]+)["']"""),
        boolean=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']b["'][^>]*)>\s*(?:{_FORMULA})?{_VALUE}\s*([01])\s*<"""),
        conditions=compiled(r"""<~conditionalFormatting\s[^>]*\bsqref\s*=\s*["']([^"']*)["'][^>]*>(.*?)</~conditionalFormatting>"""),
        no_width=compiled(r"""<~sheetFormatPr\s[^>]*\bdefaultColWidth\s*=\s*["']0*(?:\.0[0-9]*)?["']"""),
        own_column=compiled(r"<~col\s[^>]*>"),
        stale=compiled(rf"<~sheetCalcPr\s[^>]*\bfullCalcOnLoad\s*=\s*{_TRUE}"),
    )


class Piece:
    """A piece of a sheet's XML, for both kinds of regular expressions.

    Raises: RefusedFileError: it is not UTF-8.
    """

    def __init__(self, xml: bytes) -> None:
        self.xml = xml
        self._text = pl.Series([xml], dtype=pl.Binary)
        try:
            self._text = self._text.cast(pl.String)
        except pl.exceptions.InvalidOperationError as error:
            raise broken_file() from error

    def has_any(self, signs: list[str], end: int) -> bool:
        """Whether one of these occurs; in a long piece perhaps behind `end`."""
        if len(self.xml) < SHORT:
            return any(self.xml.find(sign.encode(), 0, end) >= 0 for sign in signs)
        return bool(self._text.str.contains_any(list(signs)).item())

    def count(self, pattern: str) -> int:
        """How often a pattern occurs."""
        if len(self.xml) < SHORT:
            return len(re.findall(pattern.encode(), self.xml))
        return int(self._text.str.count_matches(pattern).item())

    def found(self, pattern: re.Pattern[bytes]) -> Iterable[re.Match[bytes]]:
        """Where a rare pattern occurs."""
        if len(self.xml) >= SHORT and not self._text.str.contains(pattern.pattern.decode()).item():
            return ()
        return pattern.finditer(self.xml)

    def all(self, pattern: str) -> pl.Series:
        """What a pattern matches, wherever it occurs."""
        return self._text.str.extract_all(pattern).explode(empty_as_null=False)
