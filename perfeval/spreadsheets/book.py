"""What a workbook says for all its sheets (工作簿的约定): how it counts days and computes, its styles and shared texts."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from perfeval.spreadsheets.formats import NumberFormat, number_format
from perfeval.spreadsheets.package import Package, broken_file
from perfeval.spreadsheets.relations import local, parsed
from perfeval.spreadsheets.strings import Strings, scan_strings

# The formats that a workbook need not spell out. From 27 on those that Chinese Excel gives to a typed 3-5 or 2022年3月.
_FORMATS = {
    "9": "0%",
    "10": "0.00%",
    "46": "[h]:mm:ss",
    **dict.fromkeys(map(str, (*range(14, 23), *range(27, 37), 45, 47, *range(50, 59))), "yyyy-mm-dd"),
    **dict.fromkeys(map(str, (17, 27, 36, 50, 52, 57)), "yyyy-mm"),
}
_TRUE = {"1", "true"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """How styles draw cells, beside their number formats: indexes of cell styles, and of the styles that conditions apply."""

    struck: frozenset[str] = frozenset()
    """Cell styles that strike through."""
    unseen: frozenset[str] = frozenset()
    """Those that write white on white."""
    striking: frozenset[str] = frozenset()
    """Styles of conditions that strike through."""
    changing: frozenset[str] = frozenset()
    """Those under which a number looks unlike itself."""


@dataclass(frozen=True, slots=True)
class Book:
    """What a workbook says for all its sheets."""

    epoch_1904: bool
    is_stale: bool
    """Whether it asks for its formulas to be computed when it is opened."""
    is_computed: bool
    """Whether the program that wrote it computes formulas at all."""
    has_pictures: bool
    """Whether what Excel keeps behind an error cell is a picture."""
    formats: Mapping[str, NumberFormat]
    """By the index of the cell style: those under which a cell looks unlike what is stored."""
    days: frozenset[str]
    """Cell styles that show a number as a day."""
    months: frozenset[str]
    """Those that show the month alone."""
    drawn: Drawn
    strings: Strings

    @property
    def special(self) -> frozenset[str]:
        """Cell styles whose cells must be looked at one by one."""
        return self.drawn.struck.union(self.drawn.unseen, self.formats, self.months)


def read_book(package: Package, workbook: ElementTree.Element, texts: str, styles: str) -> tuple[Book, list[str]]:
    """What the workbook says for all its sheets; and each cell style's format as far as fastexcel must know it."""
    # Only its own children: an extension has a workbookPr too, and says nothing of 1904.
    own = {local(node): node.attrib for node in reversed(workbook)}
    if sum(local(node) == "workbookPr" for node in workbook) > 1:  # two may count days from two years
        raise broken_file()
    computing = own.get("calcPr", {})
    formats, drawn = _styles(package, styles)
    changing = {str(index): form for index, form in enumerate(formats) if form.changes_numbers or form.changes_text}
    shown = ["46" if form.is_elapsed else "14" if form.is_day else "0" for form in formats]
    book = Book(
        epoch_1904=own.get("workbookPr", {}).get("date1904") in _TRUE,
        is_stale=computing.get("fullCalcOnLoad") in _TRUE or computing.get("calcCompleted") in {"0", "false"},
        is_computed="calcPr" in own,
        has_pictures=_has_pictures(package, posixpath.dirname(styles)),
        formats=changing,
        days=frozenset(str(index) for index, form in enumerate(formats) if form.is_day),
        months=frozenset(str(index) for index, form in enumerate(formats) if form.is_month),
        drawn=drawn,
        strings=scan_strings(package, texts) if texts in package else Strings(),
    )
    return book, shown


def _styles(package: Package, part: str) -> tuple[list[NumberFormat], Drawn]:
    """The number format of each cell style, and what the styles do beside."""
    if part not in package:
        return [], Drawn()
    # The formats of conditional formatting, in <dxfs>, have numbers of their own.
    groups = {local(node): list(node) for node in reversed(parsed(package, part))}
    written = {node.get("numFmtId", ""): node.get("formatCode", "") for node in groups.get("numFmts", ())}
    codes = {**_FORMATS, **written}
    struck, white = (_indexes(groups.get("fonts", ()), is_so) for is_so in (_strikes, _is_white))
    ground = {"", *_indexes(groups.get("fills", ()), _is_ground)}
    applied = groups.get("cellXfs", [])
    conditions = groups.get("dxfs", ())
    drawn = Drawn(
        struck=_indexes(applied, lambda style: style.get("fontId") in struck),
        unseen=_indexes(applied, lambda style: style.get("fontId") in white and style.get("fillId", "") in ground),
        striking=_indexes(conditions, lambda style: any(_strikes(node) for node in style)),
        changing=_indexes(conditions, lambda style: any(number_format(node.get("formatCode", "")).changes_numbers for node in style)),
    )
    return [number_format(codes.get(style.get("numFmtId", ""), "")) for style in applied], drawn


def _indexes(nodes: Iterable[ElementTree.Element], is_so: Callable[[ElementTree.Element], bool]) -> frozenset[str]:
    return frozenset(str(index) for index, node in enumerate(nodes) if is_so(node))


def _strikes(font: ElementTree.Element) -> bool:
    return any(local(node) == "strike" and node.get("val", "1") in _TRUE for node in font)


def _is_white(font: ElementTree.Element) -> bool:
    return any(local(node) == "color" and _has_white(node) for node in font)


def _is_ground(fill: ElementTree.Element) -> bool:
    """Whether a fill leaves the ground white."""
    pattern = next(iter(fill), None)
    if pattern is None or local(pattern) != "patternFill":
        return pattern is None
    colours = [node for node in pattern if local(node) == "fgColor"]
    return pattern.get("patternType", "none") == "none" or (pattern.get("patternType") == "solid" and any(map(_has_white, colours)))


def _has_white(colour: ElementTree.Element) -> bool:
    named = colour.get("rgb", "")[-6:].upper() == "FFFFFF" or colour.get("indexed") in {"1", "9"} or colour.get("theme") == "0"
    return named and float(colour.get("tint") or 0) >= 0


def _has_pictures(package: Package, folder: str) -> bool:
    """Whether the error cells that hold more than their error hold pictures: Excel puts one in a cell as #VALUE! with a picture behind."""
    part = f"{folder}/richData/rdrichvaluestructure.xml"
    kinds = set(re.findall(r'<s\s[^>]*\bt="([^"]*)"', package.read(part))) if part in package else set()
    return bool(kinds) and kinds <= {"_localImage", "_webimage"}
