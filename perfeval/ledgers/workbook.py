"""Reading xlsx (工作簿): values by fastexcel, and by a scan of the XML what values do not say.

fastexcel turns error cells and formulas without result into blanks, ignores merging and hiding, and allocates the whole rectangle
that cells span: all that is found, or refused, in one pass over the sheet's XML before it is read.
"""

import functools
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree

import fastexcel
import polars as pl

from perfeval.ledgers.codes import Code
from perfeval.ledgers.package import Package, attribute
from perfeval.ledgers.sheets import HEAD, Marks, RefusedFileError, Sheet, letter_of
from perfeval.model import ReceivedFile

_MOST_CELLS = 12_000_000
_MOST_ROW, _MOST_COLUMN = 1_048_576, 16_384
_PERCENT_FORMATS = {"9", "10"}


class WorkbookSheet(Sheet):
    """One worksheet."""

    binary = True

    def __init__(self, file: ReceivedFile, name: str, marks: Marks, reader: fastexcel.ExcelReader) -> None:
        super().__init__(file, name, marks)
        self._reader = reader

    @functools.cached_property
    def frame(self) -> pl.DataFrame:
        """All cells as text, by letter, with `row`."""
        if self.marks.empty:
            return pl.DataFrame(schema={"row": pl.UInt32})
        try:
            # skip_rows=0 keeps the blank rows at the top, which are skipped by default, so that row numbers stay the sheet's.
            sheet = self._reader.load_sheet(self.name or 0, header_row=None, skip_rows=0, dtypes="string")
            frame = sheet.to_polars()
        except fastexcel.FastExcelError as error:
            raise RefusedFileError(Code.BROKEN, f"工作表“{self.name}”已损坏，读不出内容。请用 Excel 打开并另存后重新提交。") from error
        frame.columns = [letter_of(column.absolute_index) for column in sheet.available_columns()]
        shown = self.marks.percents
        columns = [_patched(frame[letter], {row: text for (row, at), text in shown.items() if at == letter}) for letter in frame.columns]
        return frame.with_columns(columns).with_row_index("row", offset=1)

    def head(self) -> list[dict[str, str]]:
        """The first rows: per row its filled cells by column letter."""
        rows = self.frame.head(HEAD).drop("row").iter_rows(named=True)
        return [{letter: text.strip() for letter, text in row.items() if text and text.strip()} for row in rows]

    def below(self, row: int) -> pl.LazyFrame:
        """All rows below a row."""
        return self.frame.slice(row).lazy()

    def is_plain(self) -> bool:
        """Nothing is known of a workbook's text."""
        return False


def open_workbook(file: ReceivedFile) -> list[WorkbookSheet]:
    """Open a workbook and look through all its worksheets.

    Raises: RefusedFileError: with the reason.
    """
    package = Package(file.path)
    scans = {name: (_scan(package, part, styles), hidden) for (name, part, hidden), styles in _worksheets(package)}
    for name in package.names():
        if name.endswith((".xml", ".rels")) and not name.startswith("xl/worksheets/sheet"):
            package.read(name)
    try:
        reader = fastexcel.read_excel(package.content)
    except fastexcel.FastExcelError as error:
        raise RefusedFileError(Code.BROKEN, "文件已损坏，读不出工作表。请用 Excel 打开并另存后重新提交。") from error
    epoch_1904 = (attribute(package.read("xl/workbook.xml"), "date1904") or "").lower() in {"1", "true"}
    return [WorkbookSheet(file, name, scan.marks(hidden=hidden, epoch_1904=epoch_1904), reader) for name, (scan, hidden) in scans.items()]
