"""What is written on a worksheet beside its cells (表外文字): comments, text boxes, page headers and footers."""

import html
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from perfeval.spreadsheets.package import Package
from perfeval.spreadsheets.relations import local, parsed, relations
from perfeval.spreadsheets.sheets import RefusedFileError

# Longer ones are pictures drawn by programs; who says a unit says it in few words.
_MOST_BYTES = 4 << 20
_PAGE = re.compile(r"<(?:\w+:)?(?:odd|even|first)(?:Header|Footer)(?:\s[^>]*)?>([^<]*)<")
# Places, fonts, sizes, colours, page numbers: &L &"宋体,常规" &12 &P
_PAGE_CODE = re.compile(r'&(?:"[^"]*"|[0-9]+|K[0-9A-Fa-f]{6}|.)')
_NOTED_BY_US = re.compile(r"^\S{2} [A-Z][0-9]{2}：", re.MULTILINE)


def texts_beside(package: Package, part: str) -> list[tuple[str, str]]:
    """Comments, with their cells, and text boxes of a worksheet; what is broken of them is nobody's business."""
    found: list[tuple[str, str]] = []
    for relation in relations(package, part):
        if relation.target in package and package.size(relation.target) <= _MOST_BYTES:
            try:
                if relation.is_a("comments"):
                    found += _comments(parsed(package, relation.target))
                elif relation.is_a("drawing"):
                    found += _boxes(parsed(package, relation.target))
            except RefusedFileError:
                continue
    return found


def page_texts(tail: str) -> list[str]:
    """What is printed at the top and the bottom of a worksheet's pages, by the end of its XML."""
    return [_PAGE_CODE.sub("|", html.unescape(text)) for text in _PAGE.findall(tail)]


def _comments(comments: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """What people noted at cells; a marked copy that is handed in has our notes too."""
    namespace = comments.tag.removesuffix(local(comments))
    for comment in comments.iter(f"{namespace}comment"):
        text = "".join(node.text or "" for node in comment.iter(f"{namespace}t"))
        yield comment.get("ref", ""), _NOTED_BY_US.split(text)[0]


def _boxes(drawing: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for line in drawing.iterfind(".//{*}p"):
        yield "", "".join(node.text or "" for node in line.iterfind(".//{*}t"))
