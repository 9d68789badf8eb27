"""The sample ledgers as workbooks a clerk would keep: title row, header row, rows with money and dates as such."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from perfeval.sample.frames import sample_frames
from schemas import LEDGERS

_NOTICE = "（2022年度　样例数据，均为虚构，仅供演示）"
_WRITTEN_AT = datetime(2023, 1, 3, 9, 0)  # noqa: DTZ001  # zip and xlsx know no time zone; fixed so that bytes repeat
_HEADER_STYLE = (Font(bold=True), PatternFill("solid", fgColor="DDE6F0"), Alignment(horizontal="center", wrap_text=True))
_FORMATS = {Decimal: "#,##0.00", date: "yyyy-mm-dd"}


def write_sample(folder: Path, scale: int = 1) -> list[Path]:
    """Write the 13 sample ledgers of 2022 into `folder`; the same call writes the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, frame in sample_frames(scale).items():
        title = LEDGERS[name].ledger_title()
        path = folder / f"{title}.xlsx"
        path.write_bytes(_workbook(title, frame, total="金额（元）" if name == "expenditure" else None))
        paths.append(path)
    return paths


def _workbook(title: str, frame: pl.DataFrame, total: str | None) -> bytes:
    book = Workbook(write_only=True)
    book.properties.creator = "perfeval"
    book.properties.created = book.properties.modified = _WRITTEN_AT
    sheet = book.create_sheet(title)
    for n, column in enumerate(frame.iter_columns(), start=1):
        sheet.column_dimensions[get_column_letter(n)].width = _width(column)
    sheet.freeze_panes = "A3"
    heading = _cell(sheet, title + _NOTICE)
    heading.font = Font(bold=True, size=14)
    sheet.append([heading])
    headers = [_cell(sheet, header) for header in frame.columns]
    for cell in headers:
        cell.font, cell.fill, cell.alignment = _HEADER_STYLE
    sheet.append(headers)
    for row in frame.iter_rows():
        sheet.append([_cell(sheet, value) for value in row])
    if total is not None:
        sums = ["合计"] + [frame[total].sum() if header == total else None for header in frame.columns[1:]]
        sheet.append([_cell(sheet, value) for value in sums])
    return _packed(book)


def _cell(sheet: Worksheet, value: Any) -> Cell:  # noqa: ANN401  # a row's values are of many types
    cell = WriteOnlyCell(sheet, value)
    if type(value) in _FORMATS:
        cell.number_format = _FORMATS[type(value)]
    return cell


def _width(column: pl.Series) -> float:
    """A width for the header and the longest value, a Chinese character taking two places."""
    texts: Sequence[str] = column.head(200).cast(pl.String).drop_nulls().to_list()
    return min(max(len(text.encode("gb18030")) for text in [column.name, *texts]) + 3.0, 60.0)


def _packed(book: Workbook) -> bytes:
    """The workbook's bytes without the clock: openpyxl stamps each part with the time of writing."""
    stamped, fixed = io.BytesIO(), io.BytesIO()
    ExcelWriter(book, zipfile.ZipFile(stamped, "w", zipfile.ZIP_DEFLATED)).save()
    with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            info = zipfile.ZipInfo(part.filename, (2023, 1, 3, 9, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(part))
    return fixed.getvalue()
