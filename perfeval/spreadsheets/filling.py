"""Cells of a worksheet filled with a colour (填充): the same styles with another ground, and the cells that have them."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy

from lxml import etree

from perfeval.spreadsheets.notes import Note, UnfitError
from perfeval.spreadsheets.package import attribute
from perfeval.spreadsheets.relations import OFFICE
from perfeval.spreadsheets.sheets import Cell, index_of
from perfeval.spreadsheets.writing import MAIN

_ROW, _NUMBER = re.compile(rb"<row(?=[\s/>])[^>]*>"), re.compile(rb"""\sr\s*=\s*["']([0-9]+)["']""")
_CELL = re.compile(rb"<c(?=[\s/>])[^>]*>")
_ROW_END, _DATA_END = b"</row>", b"</sheetData"
_SELECTED = re.compile(rb"""\stabSelected\s*=\s*["'](?:1|true)["']""")
_TAG = re.compile(rb"<(/?)(?:\w+:)?(\w+)[^>]*?(/?)>")
# The boxes of comments, and what may stand behind them in a worksheet.
_FROM_BOXES_ON = {
    b"legacyDrawing", b"legacyDrawingHF", b"picture", b"oleObjects", b"controls", b"webPublishItems", b"tableParts", b"extLst",
    b"AlternateContent",
}  # fmt: skip
_BOXES = re.compile(rb"""<legacyDrawing\s[^>]*?:id\s*=\s*["']([^"']*)""")


class FilledStyles:
    """The cell styles of a workbook, to which filled ones are added."""

    def __init__(self, styles: etree._Element) -> None:
        groups = [styles.find(f"{{{MAIN}}}{name}") for name in ("fonts", "fills", "cellXfs")]
        if any(group is None or not len(group) for group in groups):
            raise UnfitError
        self._fonts, self._fills, self._formats = (group for group in groups if group is not None)
        self._colours: dict[str, str] = {}
        self._filled: dict[tuple[str, str], str] = {}
        self._own = len(self._formats)

    def filled(self, style: str, colour: str) -> str:
        """The index of a style like another, but filled."""
        if (style, colour) not in self._filled:
            number = int(style) if style.isdecimal() and int(style) < self._own else 0
            format_ = deepcopy(self._formats[number])
            format_.attrib.update({"fillId": self._fill(colour), "applyFill": "1"})
            self._filled[style, colour] = _added(self._formats, format_)
        return self._filled[style, colour]

    def link(self) -> str:
        """The index of a style that looks like a link."""
        font = etree.Element(f"{{{MAIN}}}font")
        for name, value in (("u", {}), ("sz", {"val": "11"}), ("color", {"rgb": "FF0563C1"}), ("name", {"val": "宋体"})):
            etree.SubElement(font, f"{{{MAIN}}}{name}", value)
        format_ = etree.Element(
            f"{{{MAIN}}}xf", numFmtId="0", fontId=_added(self._fonts, font), fillId="0", borderId="0", xfId="0", applyFont="1"
        )
        return _added(self._formats, format_)

    def _fill(self, colour: str) -> str:
        if colour not in self._colours:
            fill = etree.Element(f"{{{MAIN}}}fill")
            pattern = etree.SubElement(fill, f"{{{MAIN}}}patternFill", patternType="solid")
            etree.SubElement(pattern, f"{{{MAIN}}}fgColor", rgb=colour)
            etree.SubElement(pattern, f"{{{MAIN}}}bgColor", indexed="64")
            self._colours[colour] = _added(self._fills, fill)
        return self._colours[colour]


def _added(group: etree._Element, node: etree._Element) -> str:
    """The index of a node put behind the others of a group, which says how many they are."""
    group.append(node)
    group.set("count", str(len(group)))
    return str(len(group) - 1)


class Fillings:
    """The cells of one worksheet that have notes."""

    def __init__(self, notes: Mapping[Cell, Note], styles: FilledStyles) -> None:
        self._notes: dict[int, dict[str, Note]] = defaultdict(dict)
        for (row, letter), note in notes.items():
            self._notes[row][letter] = note
        self._styles = styles

    def filled(self, pieces: Iterable[bytes], comment: Callable[[str | None], str | None]) -> Iterator[bytes]:
        """The worksheet's XML with those cells filled, and no longer selected.

        Args:
            pieces: of the worksheet's XML, each with whole rows.
            comment: is told the relation to the drawing of the comments' boxes, if there is one; returns the one to be put in.

        Raises: UnfitError: a row or a cell does not say where it is.
        """
        is_head = True
        for xml in pieces:
            first = _ROW.search(xml) if is_head else None
            head = first.start() if first else len(xml) if is_head else 0
            piece = _SELECTED.sub(b"", xml[:head]) + xml[head:]
            is_head = is_head and first is None
            piece = b"".join(self._rows(piece)) if self._notes else piece
            yield _with_drawing(piece, comment) if _DATA_END in piece else piece

    def _rows(self, piece: bytes) -> Iterator[bytes]:
        done = 0
        for tag in _ROW.finditer(piece):
            number = _NUMBER.search(tag[0])
            if number is None:
                raise UnfitError
            if notes := self._notes.get(int(number[1])):
                is_empty = tag[0].endswith(b"/>")
                end = tag.end() if is_empty else piece.find(_ROW_END, tag.end())
                if end < 0:
                    raise UnfitError
                yield piece[done : tag.start()] + (tag[0][:-2] + b">" if is_empty else tag[0])
                yield from self._cells(int(number[1]), piece[tag.end() : end], notes)
                yield _ROW_END if is_empty else b""
                done = end
        yield piece[done:]

    def _cells(self, row: int, cells: bytes, notes: Mapping[str, Note]) -> Iterator[bytes]:
        """The cells of a row, those with notes filled, and made where there are none."""
        left = dict(sorted(notes.items(), key=lambda note: index_of(note[0])))
        done = 0
        for tag in _CELL.finditer(cells):
            name = tag[0].decode(errors="surrogateescape")
            letter = (attribute(name, "r") or "").rstrip("0123456789")
            if not letter:
                raise UnfitError
            yield cells[done : tag.start()]
            yield from (self._new(row, other, left.pop(other)) for other in list(left) if index_of(other) < index_of(letter))
            yield self._colored(name, left.pop(letter)) if letter in left else tag[0]
            done = tag.end()
        yield cells[done:]
        yield from (self._new(row, letter, note) for letter, note in left.items())

    def _colored(self, tag: str, note: Note) -> bytes:
        style = self._styles.filled(attribute(tag, "s") or "0", note.colour)
        own = re.sub(r"""\ss\s*=\s*["'][^"']*["']""", "", tag)
        return f'<c s="{style}"{own.removeprefix("<c")}'.encode(errors="surrogateescape")

    def _new(self, row: int, letter: str, note: Note) -> bytes:
        return f'<c r="{letter}{row}" s="{self._styles.filled("0", note.colour)}"/>'.encode()


def _with_drawing(piece: bytes, comment: Callable[[str | None], str | None]) -> bytes:
    """A worksheet's tail that leads to the boxes of its comments, at the place that the format prescribes."""
    start = piece.index(b">", piece.index(_DATA_END)) + 1
    depth, place = 0, len(piece)
    for tag in _TAG.finditer(piece, start):
        if not depth and (tag[1] or tag[2] in _FROM_BOXES_ON):
            place = tag.start()
            break
        depth += -1 if tag[1] else 0 if tag[3] else 1
    old = _BOXES.match(piece, place)
    new = comment(old[1].decode() if old else None)
    drawing = f'<legacyDrawing xmlns:r="{OFFICE}" r:id="{new}"/>' if new else ""
    return piece[:place] + drawing.encode() + piece[place:]
