"""Units that are said twice (两个单位): a header against the lines above it, notes under the table, comments and names."""

import re
import string
from collections.abc import Iterator
from pathlib import PurePath

from perfeval.codes import Code
from perfeval.ledgers.layout import Layout
from perfeval.model import Finding
from perfeval.spreadsheets import Sheet
from perfeval.texts import normal
from schemas import Column, LedgerModel

# Words for one unit stand in one set, and sets of one thing in one group: a column and a line above it may not differ within a group.
_MEASURES = (
    ({"元"}, {"十元"}, {"百元"}, {"千元"}, {"万元", "万"}, {"十万元"}, {"百万元"}, {"千万元"}, {"亿元", "亿"}),
    ({"米", "m"}, {"公里", "千米", "km"}, {"里"}),
    ({"平方米", "㎡", "m2"}, {"亩"}, {"万亩"}, {"公顷"}, {"平方公里", "km2"}),
    ({"千克", "公斤", "kg"}, {"吨", "t"}, {"万吨"}),
)
_UNIT_IS = "单位[均都统一律是]*[:为]?"
_UNIT_SAID = re.compile(
    rf"{_UNIT_IS}\|?([^|()]{{1,12}})|\(([^()|]{{1,12}})\)|[以按用]([^|]{{1,4}}?)(?:为单位|计|填|列)|(?:^|\|)([^|]{{1,4}})(?![^|])"
)

SYNONYMS = {word: words for measures in _MEASURES for words in measures for word in words}
"""Of each unit the words that mean it."""


def contradicted(layout: Layout, text: str) -> Iterator[tuple[Column, str]]:
    """The columns whose header says another unit than some text about the table, and the unit that the text says."""
    said = {
        re.sub(f"^.*{_UNIT_IS}|人民币", "", word)
        for found in _UNIT_SAID.findall(normal(text))
        for word in re.split("[、,;]", "".join(found).removesuffix("|"))
    }
    for column in layout.columns if not said.isdisjoint(SYNONYMS) else ():
        unit = layout.units[column.name]
        for measures in _MEASURES:
            others = [word for measure in measures if unit not in measure for word in sorted(said & measure)]
            if others and any(unit in measure for measure in measures):
                yield column, others[0]


def doubled_units(model: type[LedgerModel], sheet: Sheet, layout: Layout) -> list[Finding]:
    """Headers against the lines above them, what is written beside the cells, and names: 单位：万元 above 金额（元）."""
    lines = ("|".join(cells.values()) for cells in layout.head[:-1])
    said = {
        column: unit for text in (*lines, sheet.name or "", PurePath(sheet.file.name).stem) for column, unit in contradicted(layout, text)
    }
    for place, text in sheet.traits.beside:
        row, letter = int(place.lstrip(string.ascii_letters) or 0), place.rstrip(string.digits)
        at_header = [column for column in layout.columns if layout.letters[column.name] == letter]
        wanted = at_header if row == layout.header_row else [] if row > layout.header_row else layout.columns
        if any(layout.units[column.name] for column in wanted):
            said |= {column: unit for column, unit in contradicted(layout, text) if column in wanted}
    return [two_units(model, sheet, layout, column, unit) for column, unit in said.items()]


def two_units(model: type[LedgerModel], sheet: Sheet, layout: Layout, column: Column, unit: str) -> Finding:
    """The finding on a column that has another unit than something else says."""
    said = layout.units[column.name]
    message = (
        f"有两个单位：表头是（{said}），表外的文字、批注、页眉或名称却写着{unit}。请核对这一栏的数按哪个单位填写，改正表头或删去那处文字。"
    )
    row, letter = layout.header_row, layout.letters[column.name]
    title, value = model.ledger_title(), layout.head[-1][letter]
    return sheet.finding(Code.TWO_UNITS, message, ledger=title, row=row, letter=letter, column=column.header, value=value)
