"""Page numbers of landscape pages (横排页的页码): where they are on the other pages once the sheet is turned upright, so on its left side.

GB/T 9704-2012: 横排表格的页码位置与公文其他页码保持一致. Odd pages have it at the lower, even ones at the upper end of the left side.
"""

from typing import Any

from docx.document import Document as WordDocument
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml.ns import qn
from lxml import etree

# In twips: 7 mm from the type area to the page number, and the height of its line.
_GAP, _LINE = 397, 560


def turn_footers(word: WordDocument, section: Any) -> dict[str, str]:  # noqa: ANN401  # python-docx's own element classes
    """A turned footer for each of the template's: its relationship by that of the upright one; those with pictures stay."""
    turned = {}
    for number, reference in enumerate(section.findall(qn("w:footerReference")), start=1):
        upright = word.part.related_parts[reference.get(qn("r:id"))]
        if not upright.rels:
            blob = _turned(etree.fromstring(upright.blob), section.find(qn("w:pgSz")), section.find(qn("w:pgMar")))
            part = Part(PackURI(f"/word/turned{number}.xml"), CONTENT_TYPE.WML_FOOTER, blob, word.part.package)
            turned[reference.get(qn("r:id"))] = word.part.relate_to(part, RELATIONSHIP_TYPE.FOOTER)
    return turned


def _turned(footer: Any, page: Any, margins: Any) -> bytes:  # noqa: ANN401  # as above
    """The footer's paragraphs in a table of one cell that floats in the left margin, its text turned to the right."""
    left, right, bottom = (int(margins.get(qn(f"w:{side}"))) for side in ("left", "right", "bottom"))
    length = int(page.get(qn("w:w"))) - left - right
    place = f'w:vertAnchor="page" w:horzAnchor="page" w:tblpX="{bottom - _GAP - _LINE}" w:tblpY="{left}"'
    table = etree.fromstring(
        f'<w:tbl xmlns:w="{footer.nsmap["w"]}"><w:tblPr><w:tblpPr {place}/>'
        f'<w:tblW w:w="{_LINE}" w:type="dxa"/><w:tblLayout w:type="fixed"/>'
        '<w:tblCellMar><w:left w:w="0" w:type="dxa"/><w:right w:w="0" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        f'<w:tblGrid><w:gridCol w:w="{_LINE}"/></w:tblGrid><w:tr><w:trPr><w:trHeight w:val="{length}" w:hRule="exact"/></w:trPr>'
        f'<w:tc><w:tcPr><w:tcW w:w="{_LINE}" w:type="dxa"/><w:textDirection w:val="tbRl"/></w:tcPr></w:tc></w:tr></w:tbl>'
    )
    for cell in table.iter(qn("w:tc")):
        cell.extend(list(footer))  # which takes them out of the footer
    footer.extend([table, etree.Element(qn("w:p"))])
    return etree.tostring(footer, xml_declaration=True, encoding="UTF-8", standalone=True)
