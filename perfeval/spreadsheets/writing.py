"""Writing workbooks (写工作簿): the parts that every workbook has, and sheets of text.

Cells are written as text in their place (`inlineStr`): what a clerk typed must never become a formula or a number.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from perfeval.spreadsheets.package import Package
from perfeval.spreadsheets.relations import OFFICE
from perfeval.spreadsheets.sheets import letter_of

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"

_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_STYLES_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
_PARTS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
_PLAIN_STYLES = (
    '<fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
)
# What Excel takes in a cell, and in the links of a sheet.
_MOST_TEXT, _MOST_LINKS = 32_000, 65_000
_ILLEGAL = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
# Excel reads _x0041_ as A.
_ESCAPE = "_(x[0-9A-Fa-f]{4}_)"


@dataclass(frozen=True, slots=True)
class Listing:
    """A sheet of text with a header: its columns' widths, and rows of (text, the place that the cell leads to)."""

    name: str
    widths: Sequence[int]
    rows: Iterable[Sequence[tuple[str, str | None]]]


def bare_parts(names: Sequence[str], styles: str, *, epoch_1904: bool = False) -> dict[str, str]:
    """The parts of a workbook beside its sheets, which are to lie at xl/0.xml and on."""
    listed = "".join(f'<sheet name={quoteattr(name)} sheetId="{number + 1}" r:id="r{number}"/>' for number, name in enumerate(names))
    leading = "".join(f'<Relationship Id="r{number}" Type="{OFFICE}/worksheet" Target="{number}.xml"/>' for number in range(len(names)))
    typed = "".join(f'<Override PartName="/xl/{number}.xml" ContentType="{SHEET_TYPE}"/>' for number in range(len(names)))
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{TYPES}"><Default Extension="rels" ContentType="{_PARTS_TYPE}"/>'
            f'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="{_MAIN_TYPE}"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_STYLES_TYPE}"/>{typed}</Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>"
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr date1904="{int(epoch_1904)}"/><sheets>{listed}</sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{RELATIONS}">{leading}<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
    }


def text_workbook(sheets: Mapping[str, pl.DataFrame]) -> Package:
    """A workbook of text: by sheet name a frame of text by column letter, with `row`."""
    cells = {f"xl/{number}.xml": _text_sheet(frame) for number, frame in enumerate(sheets.values())}
    return Package.made(cells | {name: [text] for name, text in bare_parts(list(sheets), _PLAIN_STYLES).items()})


def _text_sheet(frame: pl.DataFrame) -> Iterator[str]:
    # All cells one under another, so that what is done to a text is said once, not once a column.
    cells = frame.unpivot(index="row", variable_name="letter", value_name="text").with_columns(pl.col("row").cast(pl.String))
    start, end = pl.lit('" t="inlineStr"><is><t xml:space="preserve">'), pl.lit("</t></is></c>")
    cell = pl.concat_str(pl.lit('<c r="'), "letter", "row", start, _escaped(pl.col("text")), end)
    rows = cells.with_columns(cell=cell).group_by("row", maintain_order=True).agg(pl.col("cell").str.join())
    yield f'<worksheet xmlns="{MAIN}"><sheetData>'
    yield from rows.select(pl.concat_str(pl.lit('<row r="'), "row", pl.lit('">'), "cell", pl.lit("</row>"))).to_series()
    yield "</sheetData></worksheet>"


def _escaped(text: pl.Expr) -> pl.Expr:
    legal = text.str.slice(0, _MOST_TEXT).str.replace_all(_ILLEGAL, "").str.replace_all(_ESCAPE, "_x005F_${1}")
    return legal.str.replace_all("&", "&amp;", literal=True).str.replace_all("<", "&lt;", literal=True)


def listing_sheet(listing: Listing, link_style: str) -> Iterator[str]:
    """A worksheet's XML: the listing, selected, with its header staying in sight."""
    columns = "".join(f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(listing.widths, 1))
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    yield f'<worksheet xmlns="{MAIN}"><sheetViews><sheetView tabSelected="1" workbookViewId="0">{pane}</sheetView></sheetViews>'
    yield f"<cols>{columns}</cols><sheetData>"
    links: list[str] = []
    for number, row in enumerate(listing.rows, 1):
        yield f'<row r="{number}">'
        for position, (text, leads) in enumerate(row):
            place = f"{letter_of(position)}{number}"
            style = f' s="{link_style}"' if leads else ""
            yield f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{escape(plain(text))}</t></is></c>' if text else ""
            if leads and len(links) < _MOST_LINKS:
                links.append(f'<hyperlink ref="{place}" location={quoteattr(leads)}/>')
        yield "</row>"
    yield "</sheetData>"
    yield f"<hyperlinks>{''.join(links)}</hyperlinks>" if links else ""
    yield "</worksheet>"


def plain(text: str) -> str:
    """Text as a cell or a comment can hold it."""
    return re.sub(_ESCAPE, r"_x005F_\1", re.sub(_ILLEGAL, "", text[:_MOST_TEXT]))
