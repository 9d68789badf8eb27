"""Where the parts of a workbook's package lead (部件关系): its main part, its worksheets, what belongs to each."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from perfeval.codes import Code
from perfeval.spreadsheets.package import Package
from perfeval.spreadsheets.sheets import RefusedFileError

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"


@dataclass(frozen=True, slots=True)
class Relation:
    """One way from a part to another: `kind` is a long name that ends in what it is."""

    identity: str
    kind: str
    target: str

    def is_a(self, kind: str) -> bool:
        """Whether it leads to a part of a kind, `worksheet`."""
        return self.kind.endswith(f"/{kind}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A worksheet as the workbook lists it."""

    name: str
    part: str
    hidden: bool


def main_part(package: Package) -> str:
    """The part that lists the sheets: for most programs xl/workbook.xml.

    Raises: RefusedFileError: there is none, or more than one.
    """
    mains = list({relation.target for relation in _listed(package, "_rels/.rels", "") if relation.is_a("officeDocument")})
    if len(mains) != 1 or mains[0] not in package:
        raise _odd_inside()
    return mains[0]


def relations_part(part: str) -> str:
    """The part that says where a part leads."""
    folder, name = posixpath.split(part)
    return f"{folder}/_rels/{name}.rels"


def relations(package: Package, part: str) -> list[Relation]:
    """Where a part leads, within the package; nowhere where nothing is said of it."""
    listing = relations_part(part)
    return _listed(package, listing, posixpath.dirname(part)) if listing in package else []


def target(found: Iterable[Relation], kind: str) -> str | None:
    """The part of a kind that a part leads to."""
    return next((relation.target for relation in found if relation.is_a(kind)), None)


def worksheets(workbook: ElementTree.Element, found: Iterable[Relation]) -> list[Entry]:
    """The worksheets in order.

    Raises: RefusedFileError: two have one name.
    """
    parts = {relation.identity: relation.target for relation in found if relation.is_a("worksheet")}
    entries = [
        Entry(sheet.get("name") or "", parts[identity], sheet.get("state") in {"hidden", "veryHidden"})
        for sheet in workbook.iter()
        if local(sheet) == "sheet" and (identity := sheet.get(f"{{{OFFICE}}}id") or sheet.get(f"{{{_STRICT}}}id") or "") in parts
    ]
    if len({entry.name for entry in entries}) < len(entries):
        raise _odd_inside()
    return entries


def parsed(package: Package, part: str) -> ElementTree.Element:
    """A part as XML.

    Raises: RefusedFileError: it is none.
    """
    try:
        return ElementTree.fromstring(package.read(part))  # noqa: S314  # the package refuses DTD and entities
    except ElementTree.ParseError as error:
        raise RefusedFileError(Code.BROKEN, "文件内部的 XML 已损坏。请用 Excel 打开并另存为 .xlsx 后重新提交。") from error


def local(node: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return node.tag.rpartition("}")[2]


def _listed(package: Package, part: str, folder: str) -> list[Relation]:
    found = []
    for node in parsed(package, part):
        aim = node.get("Target", "").replace("\\", "/")
        inside = aim.lstrip("/") if aim.startswith("/") else posixpath.normpath(f"{folder}/{aim}").lstrip("/")
        found.append(Relation(node.get("Id", ""), node.get("Type", ""), inside))
    return found


def _odd_inside() -> RefusedFileError:
    return RefusedFileError(Code.BROKEN, "文件内部的目录不合规，可能不是 Excel 存出的文件。请用 Excel 打开并另存为 .xlsx 后重新提交。")
