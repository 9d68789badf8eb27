"""Lists to take away (清单): a sheet of what a page shows. Text stays text, whatever sign it begins with; numbers are numbers."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Value = str | int | Decimal | date | None
_LONGEST = 32_767


def write_list(title: str, headers: Sequence[tuple[str, int]], rows: Iterable[Sequence[Value]]) -> bytes:
    """A workbook of one sheet, with its headers and their widths."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for place, (_, width) in enumerate(headers, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.append([_cell(sheet, header, is_bold=True) for header, _ in headers])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    book.save(content := BytesIO())
    return content.getvalue()


def _cell(sheet: WriteOnlyWorksheet, value: Value, *, is_bold: bool = False) -> Cell:
    is_text = isinstance(value, str)
    cell: Cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:_LONGEST] if isinstance(value, str) else None)
    if not is_text:
        cell.value = value
    cell.alignment = Alignment(vertical="top", wrap_text=is_text)
    cell.font = Font(bold=is_bold)
    if is_text:
        cell.data_type = "s"  # else a text that begins with = would be a formula
        cell.quotePrefix = True  # and would become one when somebody edits it
    return cell
