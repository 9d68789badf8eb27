"""A printed report as what it is made of (版面): headings, paragraphs and tables in order, every paragraph with its number."""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from perfeval.report.package import report_error
from perfeval.report.wordml import NAMESPACE

_LEVELS = {"Title": 0, "AnnexTitle": 1, **{f"Heading{level}": level for level in range(1, 5)}}
PARAGRAPH = 5


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph: its number among all of the document, from 0, and its level: 0 a title, 1-4 a heading, 5 text."""

    number: int
    text: str
    level: int
    style: str


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell of a table."""

    passages: tuple[Passage, ...]
    span: int
    is_head: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; its first `head` rows are repeated on every page."""

    rows: Sequence[tuple[GridCell, ...]]
    head: int


def read_layout(document: bytes) -> list[Passage | Grid]:
    """See `perfeval.report.read_layout`."""
    try:
        with zipfile.ZipFile(io.BytesIO(document)) as package:
            root = etree.fromstring(package.read("word/document.xml"), etree.XMLParser(resolve_entities=False, no_network=True))
    except (zipfile.BadZipFile, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise report_error(["report.docx: 不是 Word 文件"]) from error
    numbers = {paragraph: number for number, paragraph in enumerate(root.iter(_tag("p")))}
    return list(_parts(root.find(_tag("body")), numbers))


def name_paragraphs(parts: Iterable[Passage | Grid]) -> dict[str, Passage]:
    """The paragraphs outside tables that say something, by the name that remarks call them by: 第1段, 第2段 and so on."""
    filled = (part for part in parts if isinstance(part, Passage) and part.text.strip())
    return {f"第{number}段": passage for number, passage in enumerate(filled, start=1)}


def _parts(body: Any, numbers: dict[Any, int]) -> Iterator[Passage | Grid]:  # noqa: ANN401  # lxml's own element class, as below
    for element in body:
        if element.tag == _tag("p"):
            yield _passage(element, numbers)
        elif element.tag == _tag("tbl"):
            rows = element.findall(_tag("tr"))
            head = sum(row.find(f"{_tag('trPr')}/{_tag('tblHeader')}") is not None for row in rows)
            yield Grid([tuple(_cell(cell, numbers) for cell in row.iter(_tag("tc"))) for row in rows], head)


def _cell(cell: Any, numbers: dict[Any, int]) -> GridCell:  # noqa: ANN401
    passages = tuple(_passage(paragraph, numbers) for paragraph in cell.findall(_tag("p")))
    span = cell.find(f"{_tag('tcPr')}/{_tag('gridSpan')}")
    return GridCell(passages, int(span.get(_tag("val"))) if span is not None else 1, any(item.style == "TableHead" for item in passages))


def _passage(paragraph: Any, numbers: dict[Any, int]) -> Passage:  # noqa: ANN401
    found = paragraph.find(f"{_tag('pPr')}/{_tag('pStyle')}")
    style = found.get(_tag("val")) if found is not None else ""
    text = "".join(part.text or "" for part in paragraph.iter(_tag("t")))
    return Passage(numbers[paragraph], text, _LEVELS.get(style, PARAGRAPH), style)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
