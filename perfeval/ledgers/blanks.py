"""Blank ledgers for the clerk (空白台账), and the same sheet with rows in it.

Formats, pull-downs and notes follow from the ledger's columns alone. They help and do not judge: what Excel lets pass, pasted
cells above all, is read and checked as any other.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Color, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from schemas import Catalogue, Column, Kind, LedgerModel
from schemas.columns import Within

_WRITTEN_AT = (2023, 1, 3, 9, 0, 0)  # fixed, so that bytes repeat
_LEGEND = "蓝底粗体的栏目必须填写，灰底的可以不填"
_SONG = "宋体"
_FILLS = {True: PatternFill("solid", fgColor="FFBDD7EE"), False: PatternFill("solid", fgColor="FFEDEDED")}
_LINE = Side("thin", "FF8EA9C1")
_GRID = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_MIDDLE = Alignment(horizontal="center", vertical="center", wrap_text=True)
_LEFT = Alignment(horizontal="left", vertical="center", indent=1, wrap_text=True)
_ALIGNMENTS = dict.fromkeys((Kind.TEXT, Kind.CODE), _LEFT) | dict.fromkeys((Kind.DAY, Kind.MONTH, Kind.CHOICE, Kind.COUNT), _MIDDLE)
_BLANK_ROWS, _LAST_ROW = 1_000, 1_048_576
_WIDEST, _LOOKED_AT = 60, 200
_MOST_INLINE, _MOST_MESSAGE = 255, 225  # characters that Excel takes in a list of words, in a message
_MOST_NUMBER = 10**13


def write_blanks(catalogue: Catalogue, folder: Path, year: int) -> list[Path]:
    """Write a blank workbook for every ledger into `folder`, but where a file of its name is, xlsx or csv; returns those written."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.stem for path in folder.iterdir()}
    written = []
    for model in catalogue.values():
        if model.ledger_title() not in there:
            written.append(folder / f"{model.ledger_title()}.xlsx")
            written[-1].write_bytes(blank(model, year))
    return written


def blank(model: type[LedgerModel], year: int) -> bytes:
    """A ledger without rows, as a workbook; the same call gives the same bytes."""
    small = TextBlock(InlineFont(rFont=_SONG, sz=10, color=Color("FF595959")), f"　　{_LEGEND}；栏目名上有填写说明")
    large = TextBlock(InlineFont(rFont=_SONG, sz=16, b=True), f"{model.ledger_title()}（{year}年度）")
    return workbook(model, model.columns(), year, CellRichText(large, small))


def workbook(
    model: type[LedgerModel],
    columns: Sequence[Column],
    year: int,
    heading: str | CellRichText,
    rows: Iterable[Sequence[Any]] = (),
    total: Sequence[Any] | None = None,
) -> bytes:
    """A ledger as a workbook: a heading, the headers of these columns, rows in their order and a last row of totals."""
    book = Workbook(write_only=True)
    book.properties.creator, book.properties.title = "perfeval", model.ledger_title()
    book.properties.created = book.properties.modified = datetime(*_WRITTEN_AT)  # noqa: DTZ001  # xlsx knows no time zone
    sheet = book.create_sheet(model.ledger_title())
    rows = iter(rows)
    first = list(islice(rows, _LOOKED_AT))
    _set_up_page(sheet)
    cells, headers = [], []
    for n, column in enumerate(columns):
        expected, rule = _rule(model, column, year)
        cells.append(_set_up_column(sheet, get_column_letter(n + 1), column, rule, [row[n] for row in first]))
        headers.append(_header(sheet, column, expected))
    title = _put(WriteOnlyCell(sheet), heading)
    title.font, title.alignment = Font(name=_SONG, bold=True, size=16), Alignment(vertical="center")
    sheet.append([title])
    sheet.append(headers)
    count = 0
    for row in chain(first, rows):
        sheet.append(_filled(cells, row))
        count += 1
    if total:
        sheet.append(_filled(cells, total))
    last = get_column_letter(len(cells))
    # Lines by condition, not by the columns' style: none are drawn, and no page printed, below the last row.
    grid = Rule("expression", formula=[f"COUNTA($A3:${last}3)>0"], dxf=DifferentialStyle(border=_GRID))
    sheet.conditional_formatting.add(f"A3:{last}{_LAST_ROW}", grid)
    sheet.auto_filter.ref = f"A2:{last}{2 + (count or _BLANK_ROWS)}"
    return _packed(book)


def _set_up_page(sheet: Worksheet) -> None:
    """Panes and paper: A4 across, the width on one page, the headers on each, numbered."""
    sheet.freeze_panes = "A3"
    sheet.row_dimensions[1].height, sheet.row_dimensions[2].height = 32, 32
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToHeight = 0
    sheet.print_title_rows = "1:2"
    sheet.page_margins = PageMargins(left=0.5, right=0.5, top=0.6, bottom=0.7, header=0.3, footer=0.35)
    footer = HeaderFooterItem()
    footer.left.text, footer.right.text = _LEGEND, "第 &P 页，共 &N 页"
    sheet.HeaderFooter.oddFooter = footer


def _set_up_column(sheet: Worksheet, letter: str, column: Column, rule: DataValidation | None, values: Sequence[object]) -> Cell:
    """Width, format and what may be typed, for the whole column; returns a cell in its style."""
    number_format, least = _format(column)
    dimension, cell = sheet.column_dimensions[letter], WriteOnlyCell(sheet)
    texts = [str(value) for value in values if value is not None] + list(column.choices)
    dimension.width = min(max([least, _places(column.header) + 4, *(_places(text) + 3 for text in texts)]), _WIDEST)
    for styled in (dimension, cell):
        styled.number_format = number_format
        styled.font = Font(name=_SONG, size=11)
        styled.alignment = _ALIGNMENTS.get(column.kind, Alignment(vertical="center"))
    if rule:
        rule.sqref = f"{letter}3:{letter}{_LAST_ROW}"
        sheet.data_validations.append(rule)
    return cell


def _format(column: Column) -> tuple[str, int]:
    """A column's number format and least width. What is no number is text, so that Excel keeps zeros and makes no day of 3-5."""
    match column.kind:
        case Kind.TEXT:
            return "@", 16
        case Kind.CODE | Kind.CHOICE | Kind.MONTH:
            return "@", 11
        case Kind.MONEY:
            return ("#,##0.00####" if "万元" in column.header else "#,##0.00"), 16
        case Kind.DAY:
            return "yyyy-mm-dd", 13
        case Kind.COUNT:
            return "0", 10
        case _:
            # In any other format Excel makes 0.95 of a typed 95%, without the sign; and 0.### leaves a point behind a 3.
            return "General", 12


def _rule(model: type[LedgerModel], column: Column, year: int) -> tuple[str, DataValidation | None]:
    """What belongs in a column, as a sentence and as Excel's rule, if it can tell."""
    rule: DataValidation | None
    match column.kind:
        case Kind.TEXT:
            return "", None
        case Kind.CODE:
            return f"应按原件填写{f'，如 {column.example}' if column.example else ''}。", None
        case Kind.CHOICE:
            expected, rule = f"只能填：{'、'.join(column.choices)}。", _words(column.choices)
        case Kind.MONTH | Kind.DAY:
            expected, rule = _time(column, year)
        case _:
            expected, rule = _number(model, column)
    if rule:
        message = f"“{column.header}”{expected}"
        rule.showErrorMessage, rule.errorTitle = True, "请核对"
        rule.error = message if len(message) <= _MOST_MESSAGE else f"{message[: _MOST_MESSAGE - 1]}…"
    return expected, rule


def _time(column: Column, year: int) -> tuple[str, DataValidation | None]:
    """The rule of a column of months or days: in the year where the ledger is held to it, and then as hard as the ledger's checks."""
    within = next((held for held in column.constraints if isinstance(held, Within) and not held.when), None)
    last = year + 1 if within and within.years == "year_or_next" else year
    years = "" if within is None else f"{year}年的" if last == year else f"{year}年或{last}年的"
    style: Literal["stop", "warning"] = "warning" if within and within.is_warning else "stop"
    if column.kind is Kind.MONTH:
        months = [f"{of}-{month:02}" for of in range(year, last + 1) for month in range(1, 13)]
        # Where the ledger is not held to the year, its months are no more than a proposal.
        return f"应填{years}月份，写作 {year}-03。", _words(months, style if within else "warning")
    rule = _between("date", f"DATE({year if within else 1990},1,1)", f"DATE({last if within else 2099},12,31)")
    rule.errorStyle = style
    return f"应填{years}日期，写作 {year}-03-05。", rule


def _number(model: type[LedgerModel], column: Column) -> tuple[str, DataValidation]:
    """The rule of a column of numbers, within the limits that the ledger's checks set."""
    checks = model.to_schema().columns[column.name].checks
    limits = {name: value for check in checks for name, value in (check.statistics or {}).items()}
    least, most = limits.get("min_value"), limits.get("max_value")
    unit = column.header.partition("（")[2].removesuffix("）")
    said = [
        "应填整数" if column.kind is Kind.COUNT else "应填数字",
        "" if least is None else f"不小于{least}",
        "" if most is None else f"不大于{most}",
        "单位见表头" if column.kind is Kind.MONEY else f"单位为{unit}" if unit else "",
        "不写单位。",
    ]
    kind: Literal["decimal", "whole"] = "whole" if column.kind is Kind.COUNT else "decimal"
    rule = _between(kind, str(-_MOST_NUMBER if least is None else least), str(_MOST_NUMBER if most is None else most))
    return "，".join(filter(None, said)), rule


def _between(kind: Literal["date", "decimal", "whole"], first: str, last: str) -> DataValidation:
    return DataValidation(kind, operator="between", formula1=first, formula2=last, allow_blank=True)


def _words(words: Sequence[str], style: Literal["stop", "warning"] = "stop") -> DataValidation | None:
    """A pull-down; none where Excel would refuse the file or split a word: the header's note names the words all the same."""
    text = ",".join(words).replace('"', '""')
    if len(text) > _MOST_INLINE or any("," in word for word in words):
        return None
    return DataValidation("list", formula1=f'"{text}"', allow_blank=True, errorStyle=style)


def _header(sheet: Worksheet, column: Column, expected: str) -> Cell:
    """A header cell; its note says whether the column must be filled, and with what."""
    cell = _put(WriteOnlyCell(sheet), column.header)
    cell.font, cell.fill, cell.border = Font(name=_SONG, size=11, bold=column.required), _FILLS[column.required], _GRID
    cell.alignment = _MIDDLE
    lines = ["【必须填写】" if column.required else "【可以不填】", column.description, expected]
    text = "\n".join(filter(None, lines))
    height = 14 + 20 * sum(1 + _places(line) // 40 for line in text.splitlines())
    cell.comment = Comment(text, "填写说明", height=height, width=280)
    return cell


def _filled(cells: Sequence[Cell], values: Sequence[Any]) -> list[Cell | None]:
    """The columns' cells with a row's values: they are written at once, so one set of them does for all rows."""
    row: list[Cell | None] = []
    for cell, value in zip(cells, values, strict=True):
        row.append(None if value is None else _put(cell, value))
    return row


def _put(cell: Cell, value: object) -> Cell:
    """A cell with a value; a text that begins like a formula is a text."""
    cell.value = value  # type: ignore[assignment]
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def _places(text: str) -> int:
    """How wide a text is, a Chinese character taking two places."""
    return len(text.encode("gb18030"))


def _packed(book: Workbook) -> bytes:
    """The workbook's bytes without the clock: openpyxl stamps each part with the time of writing."""
    stamped, fixed = io.BytesIO(), io.BytesIO()
    ExcelWriter(book, zipfile.ZipFile(stamped, "w", zipfile.ZIP_DEFLATED)).save()
    with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            info = zipfile.ZipInfo(part.filename, _WRITTEN_AT)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(part))
    return fixed.getvalue()
