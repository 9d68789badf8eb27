"""WordprocessingML as prepared text: paragraphs, tables and section breaks, parsed once at the end.

Building cells through python-docx is quadratic in the rows; text is linear. Every text passes through `_run`, which takes
the figures' marks off, drops what XML forbids and escapes the rest.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from perfeval.model import Figure
from perfeval.report.figures import MARKS, locate, unmark

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# What XML forbids, but for the figures' marks.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufdd5-\ufdef\ufffe\uffff]")
_BREAKS = re.compile("[\t\r\n\x85\u2028\u2029]+")
KEEP = "<w:keepNext/>"
"""A paragraph that stays on the page of the next one."""
_JUSTIFIED = {"l": '<w:jc w:val="left"/>', "r": '<w:jc w:val="right"/>', "c": ""}


def halves(text: str) -> int:
    """The width of a text in half characters."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell that is more than its text: `span` grid columns, `merge` restart or continue downwards, `fill` a colour."""

    text: str = ""
    span: int = 1
    merge: str = ""
    align: str = ""
    head: bool = False
    fill: str = ""
    white: bool = False


Row = Sequence["str | Cell"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `widths` in twips, `align` a letter of l c r per column, the first `head` rows repeat on every page."""

    widths: Sequence[int]
    align: str
    rows: Sequence[Row]
    head: int = 0


@dataclass
class Body:
    """The document's body as it is written: prepared XML, and every figure in reading order.

    `places` are the figures': the paragraph and the offset in its text, both from 0.
    """

    parts: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    paragraphs: int = 0

    def paragraph(self, style: str, text: str = "", properties: str = "") -> None:
        """Add a paragraph; `properties` is prepared XML in the order of the schema, after the style."""
        run = self._run(text, "") if text else ""
        self.paragraphs += 1
        self.parts.append(f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{properties}</w:pPr>{run}</w:p>')

    def end_section(self, properties: str) -> None:
        """End a section at the paragraph written last."""
        head, _, tail = self.parts[-1].partition("</w:pPr>")
        self.parts[-1] = f"{head}{properties}</w:pPr>{tail}"

    def table(self, table: Table) -> None:
        """Add a table with fixed widths; rows stay whole, head rows repeat, the last row stays with what is above and below."""
        grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in table.widths)
        edges = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>' for side in _SIDES)
        self.parts.append(
            f'<w:tbl><w:tblPr><w:tblW w:w="{sum(table.widths)}" w:type="dxa"/><w:jc w:val="center"/><w:tblBorders>{edges}</w:tblBorders>'
            '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="57" w:type="dxa"/><w:right w:w="57" w:type="dxa"/></w:tblCellMar>'
            f"</w:tblPr><w:tblGrid>{grid}</w:tblGrid>"
        )
        for number, row in enumerate(table.rows):
            self._row(table, row, head=number < table.head, keep="" if number < len(table.rows) - 2 else KEEP)
        self.parts.append("</w:tbl>")

    def _row(self, table: Table, row: Row, *, head: bool, keep: str) -> None:
        cells, column = [], 0
        for item in row:
            cell = item if isinstance(item, Cell) else Cell(item)
            width = sum(table.widths[column : column + cell.span])
            properties = f'<w:tcW w:w="{width}" w:type="dxa"/>'
            properties += f'<w:gridSpan w:val="{cell.span}"/>' if cell.span > 1 else ""
            properties += f'<w:vMerge w:val="{cell.merge}"/>' if cell.merge else ""
            properties += f'<w:shd w:val="clear" w:color="auto" w:fill="{cell.fill}"/>' if cell.fill else ""
            style = "TableHead" if head or cell.head else "TableText"
            justified = "" if head else _JUSTIFIED[cell.align or table.align[column]]
            white = '<w:color w:val="FFFFFF"/>' if cell.white else ""
            paragraphs = ""
            for line in cell.text.split("\n"):
                run = self._run(line, white + _fitted(line, width)) if line else ""
                paragraphs += f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{keep}{justified}</w:pPr>{run}</w:p>'
                self.paragraphs += 1
            cells.append(f'<w:tc><w:tcPr>{properties}<w:vAlign w:val="center"/></w:tcPr>{paragraphs}</w:tc>')
            column += cell.span
        self.parts.append(f"<w:tr><w:trPr><w:cantSplit/>{'<w:tblHeader/>' if head else ''}</w:trPr>{''.join(cells)}</w:tr>")

    def _run(self, text: str, properties: str) -> str:
        # Before the marks are off, so that every place is one in the text as it is printed.
        plain, placed = locate(_FORBIDDEN.sub("", _BREAKS.sub(" ", text)))
        self.figures += [figure for _, figure in placed]
        self.places += [(self.paragraphs, place) for place, _ in placed]
        shown = escape(MARKS.sub("", plain))
        return f'<w:r><w:rPr><w:rFonts w:hint="eastAsia"/>{properties}</w:rPr><w:t xml:space="preserve">{shown}</w:t></w:r>'

    def document(self) -> bytes:
        """The document part."""
        names = f'xmlns:w="{NAMESPACE}" xmlns:r="{RELATIONS}"'
        return f"{_HEAD}<w:document {names}><w:body>{''.join(self.parts)}</w:body></w:document>".encode()


def _fitted(text: str, width: int) -> str:
    """Smaller type for a number that would not stand in one line: a number is never broken."""
    shown, room = unmark(text)[0], width - 2 * _MARGIN
    if not _NUMBER.fullmatch(shown):
        return ""
    needed = sum(_WIDTHS.get(sign, _DIGIT) for sign in shown)
    if needed <= room:
        return ""
    size = max(_SIZE * room // needed, _LEAST_SIZE)
    return f'<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'


# In twips: what digits and signs take in the table's type, where a machine has no Times New Roman but a wider stand-in, and what a
# cell leaves free on each side. Sizes in half points.
_DIGIT, _WIDTHS, _MARGIN = 134, {",": 67, ".": 67, "-": 71, "%": 200}, 57
_SIZE, _LEAST_SIZE = 21, 9
_NUMBER = re.compile(r"-?[0-9,]+(?:\.[0-9]+)?%?")
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")
