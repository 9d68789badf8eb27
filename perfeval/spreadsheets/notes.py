"""Comments on cells (批注): two parts, their texts and a drawing of their boxes in the old VML, which Excel still wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from perfeval.spreadsheets.sheets import Cell, index_of
from perfeval.spreadsheets.writing import MAIN, plain

_AUTHOR = "台账校验"
_SCHEMAS = (
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"'
)
_DRAWING = f'<xml {_SCHEMAS}><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout></xml>'
_KIND = (
    f'<v:shapetype {_SCHEMAS} id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_BOX = (
    f'<v:shape {_SCHEMAS} id="_x0000_s%d" type="#_x0000_t202" fillcolor="#ffffe1" o:insetmode="auto" '
    'style="position:absolute;margin-left:59.25pt;margin-top:1.5pt;width:360px;height:%dpx;z-index:%d;visibility:hidden">'
    '<v:fill color2="#ffffe1"/><v:shadow color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:AutoFill>False</x:AutoFill>'
    "<x:Row>%d</x:Row><x:Column>%d</x:Column></x:ClientData></v:shape>"
)
_HEIGHT, _LINE = 60, 20
# Numbers of shapes begin behind those that Excel keeps for itself.
_FIRST_SHAPE = 1025


class UnfitError(Exception):
    """The workbook is built in a way that notes cannot be put on."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted at a cell: a colour (ARGB) and what is said."""

    colour: str
    text: str


def add_comments(comments: etree._Element, notes: Mapping[Cell, Note]) -> dict[Cell, Note]:
    """Add notes to a sheet's comments, below what was noted at a cell before; returns those that need a box."""
    authors, listed = (comments.find(f"{{{MAIN}}}{name}") for name in ("authors", "commentList"))
    if authors is None or listed is None:
        raise UnfitError
    author = str(len(authors))
    etree.SubElement(authors, f"{{{MAIN}}}author").text = _AUTHOR
    old = {node.get("ref"): node for node in listed}
    new: dict[Cell, Note] = {}
    for (row, letter), note in notes.items():
        place = f"{letter}{row}"
        if place in old:
            said = old[place].find(f"{{{MAIN}}}text")
            if said is None:
                raise UnfitError
            for alone in said.findall(f"{{{MAIN}}}t"):  # text without format may not stand beside other text
                said.remove(alone)
                _say(said, alone.text or "")
            _say(said, f"\n{note.text}")
        else:
            comment = etree.SubElement(listed, f"{{{MAIN}}}comment", ref=place, authorId=author)
            _say(etree.SubElement(comment, f"{{{MAIN}}}text"), note.text)
            new[row, letter] = note
    return new


def _say(said: etree._Element, text: str) -> None:
    shown = etree.SubElement(etree.SubElement(said, f"{{{MAIN}}}r"), f"{{{MAIN}}}t")
    shown.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    shown.text = plain(text)


def with_boxes(drawing: str, notes: Mapping[Cell, Note]) -> str:
    """A sheet's drawing of boxes with more of them; `drawing` may be empty."""
    drawing = drawing or _DRAWING
    end = drawing.rfind("</xml>")
    if end < 0:
        raise UnfitError
    first = max([_FIRST_SHAPE, *(number + 1 for number in _shapes(drawing))])
    boxes = "".join(
        _BOX % (first + place, _HEIGHT + _LINE * (note.text.count("\n") + 1), place + 1, row - 1, index_of(letter))
        for place, ((row, letter), note) in enumerate(notes.items())
    )
    return f"{drawing[:end]}{'' if '_x0000_t202' in drawing else _KIND}{boxes}{drawing[end:]}"


def _shapes(drawing: str) -> Sequence[int]:
    """The numbers of a drawing's shapes. It is often no XML: a <br> stays open."""
    numbers = (piece.partition('"')[0] for piece in drawing.split('"_x0000_s')[1:])
    return [int(number) for number in numbers if number.isdecimal()]
