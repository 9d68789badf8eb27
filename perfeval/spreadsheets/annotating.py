"""A workbook with notes on it (标注): cells filled and commented, and a list in front; all else stays as its bytes are.

Only what the notes touch is changed, so that it takes no longer than reading does and loses nothing that a program would not know
how to write again.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import BinaryIO

from lxml import etree

from perfeval.spreadsheets.filling import FilledStyles, Fillings
from perfeval.spreadsheets.notes import Note, UnfitError, add_comments, with_boxes
from perfeval.spreadsheets.package import Package, Packed, packed
from perfeval.spreadsheets.relations import OFFICE, Entry, main_part, parsed, relations, relations_part, target, worksheets
from perfeval.spreadsheets.sheets import Cell
from perfeval.spreadsheets.writing import MAIN, RELATIONS, SHEET_TYPE, TYPES, Listing, listing_sheet

_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
# Excel becomes slow with more; the list has them all.
_MOST_COMMENTS = 5_000
_NO_COMMENTS = f'<comments xmlns="{MAIN}"><authors/><commentList/></comments>'
_NO_RELATIONS = f'<Relationships xmlns="{RELATIONS}"/>'


def write_annotated(package: Package, notes: Mapping[str, Mapping[Cell, Note]], listing: Listing, file: BinaryIO) -> None:
    """Write a workbook with notes on its cells, by sheet name, and a list in front, which takes the place of one of that name.

    Raises:
        UnfitError: it is built in a way that notes cannot be put on.
        RefusedFileError: it is broken.
    """
    _Annotation(package).write(notes, listing, file)


@dataclass(slots=True)
class _Annotation:
    """One workbook being annotated."""

    package: Package
    trees: dict[str, etree._Element] = field(default_factory=dict)
    """Small parts that change."""
    changed: dict[str, Packed] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)

    def write(self, notes: Mapping[str, Mapping[Cell, Note]], listing: Listing, file: BinaryIO) -> None:
        main = main_part(self.package)
        found = relations(self.package, main)
        styles = target(found, "styles")
        if styles is None or styles not in self.package:
            raise UnfitError
        filled = FilledStyles(self._tree(styles))
        for entry in worksheets(parsed(self.package, main), found):
            if entry.name == listing.name:
                self._drop(entry.part, main)
            elif entry.name in notes or "tabSelected" in self.package.start(entry.part):
                self._mark(entry, notes.get(entry.name, {}), filled)
        front = self._new_part(f"{posixpath.dirname(main)}/worksheets/marked-list.xml", SHEET_TYPE)
        self.changed[front] = packed(listing_sheet(listing, filled.link()))
        _put_in_front(self._tree(main), listing.name, self._lead(main, "worksheet", front))
        trees = {part: packed([etree.tostring(tree, encoding="UTF-8", standalone=True)]) for part, tree in self.trees.items()}
        self.package.write_changed(file, self.changed | trees, self.dropped)

    def _tree(self, part: str, otherwise: str = "") -> etree._Element:
        """A small part, to be changed."""
        if part not in self.trees:
            text = self.package.read(part) if part in self.package else otherwise
            try:
                self.trees[part] = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
            except etree.XMLSyntaxError as error:
                raise UnfitError from error
        return self.trees[part]

    def _drop(self, part: str, leading: str) -> None:
        """Leave a part out, with the way that leads to it."""
        self.dropped |= {part, relations_part(part)}
        for relation in relations(self.package, leading):
            if relation.target == part:
                tree = self._tree(relations_part(leading))
                tree[:] = [node for node in tree if node.get("Id") != relation.identity]
        types = self._tree("[Content_Types].xml")
        types[:] = [node for node in types if (node.get("PartName") or "").lower() != f"/{part}".lower()]

    def _new_part(self, name: str, kind: str) -> str:
        stem, suffix = posixpath.splitext(name)
        taken = {*self.package.names(), *self.changed, *self.trees}
        part = next(part for number in count(1) if (part := f"{stem}{number}{suffix}") not in taken)
        etree.SubElement(self._tree("[Content_Types].xml"), f"{{{TYPES}}}Override", PartName=f"/{part}", ContentType=kind)
        return part

    def _lead(self, part: str, kind: str, to: str) -> str:
        """Let a part lead to another; returns the relation's identity."""
        tree = self._tree(relations_part(part), _NO_RELATIONS)
        taken = {node.get("Id") for node in tree}
        identity = next(name for number in count(1) if (name := f"marked{number}") not in taken)
        etree.SubElement(tree, f"{{{RELATIONS}}}Relationship", Id=identity, Type=f"{OFFICE}/{kind}", Target=f"/{to}")
        return identity

    def _mark(self, entry: Entry, notes: Mapping[Cell, Note], styles: FilledStyles) -> None:
        if not re.search(r"<worksheet[\s>]", self.package.start(entry.part)):
            raise UnfitError

        def comment(drawing: str | None) -> str | None:
            return self._comment(entry.part, drawing, dict(list(notes.items())[:_MOST_COMMENTS])) if notes else None

        # At once: which styles it needs must be known before they are written.
        self.changed[entry.part] = packed(Fillings(notes, styles).filled(self.package.pieces(entry.part, b"<row"), comment))

    def _comment(self, sheet: str, drawing: str | None, notes: Mapping[Cell, Note]) -> str | None:
        """Comment on cells of a sheet, whose boxes are in a `drawing`, by its relation; returns the relation of a new one."""
        found = relations(self.package, sheet)
        comments = target(found, "comments")
        if comments is None or comments not in self.package:
            comments = self._new_part(f"{posixpath.dirname(sheet)}/marked-comments.xml", _COMMENTS_TYPE)
            self._lead(sheet, "comments", comments)
        new = add_comments(self._tree(comments, _NO_COMMENTS), notes)
        if drawing:
            boxes = next((relation.target for relation in found if relation.identity == drawing), "")
            if boxes not in self.package:
                raise UnfitError
            self.changed[boxes] = packed([with_boxes(self.package.read(boxes), new)])
            return None
        boxes = self._new_part(f"{posixpath.dirname(sheet)}/marked-boxes.vml", _VML_TYPE)
        self.changed[boxes] = packed([with_boxes("", new)])
        return self._lead(sheet, "vmlDrawing", boxes)


def _put_in_front(workbook: etree._Element, name: str, identity: str) -> None:
    """Put a sheet in front of the others, in the place of one of that name, and let the workbook open with it."""
    sheets = workbook.find(f"{{{MAIN}}}sheets")
    if sheets is None:
        raise UnfitError
    kept = [position for position, sheet in enumerate(sheets) if sheet.get("name") != name]
    number = 1 + max((int(taken) for sheet in sheets if (taken := sheet.get("sheetId") or "").isdecimal()), default=0)
    front = etree.Element(f"{{{MAIN}}}sheet", {"name": name, "sheetId": str(number), f"{{{OFFICE}}}id": identity})
    sheets[:] = [front, *(sheets[position] for position in kept)]
    # Names and views count the sheets.
    moved = {str(old): str(new) for new, old in enumerate(kept, 1)}
    for names in workbook.iterfind(f"{{{MAIN}}}definedNames"):
        names[:] = [node for node in names if node.get("localSheetId") in {None, *moved}]
        for node in names:
            if place := node.get("localSheetId"):
                node.set("localSheetId", moved[place])
    for view in workbook.iterfind(f"{{{MAIN}}}bookViews/{{{MAIN}}}workbookView"):
        for attribute in ("activeTab", "firstSheet"):
            view.attrib.pop(attribute, "")
