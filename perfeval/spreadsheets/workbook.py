"""Reading xlsx (工作簿): text of every cell by fastexcel, which keeps the sheet's row numbers.

fastexcel is given a package of our own making: the sheets and texts that were looked through, and a list of sheets and styles that
say what we found in the workbook's. So it reads nothing else, and takes for days what we take for days.
"""

import functools
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

import fastexcel
import polars as pl

from perfeval.codes import Code
from perfeval.model import ReceivedFile
from perfeval.spreadsheets.beside import texts_beside
from perfeval.spreadsheets.book import read_book
from perfeval.spreadsheets.formats import TEXT
from perfeval.spreadsheets.package import Package, UnplainError, broken_file, open_package
from perfeval.spreadsheets.relations import main_part, parsed, relations, target, worksheets
from perfeval.spreadsheets.scan import scan_sheet
from perfeval.spreadsheets.sheets import HEAD, Cell, RefusedFileError, Sheet, Traits, letter_of
from perfeval.spreadsheets.writing import bare_parts


class WorkbookSheet(Sheet):
    """One worksheet."""

    binary = True

    def __init__(self, file: ReceivedFile, name: str, traits: Traits, reader: fastexcel.ExcelReader, position: int) -> None:
        super().__init__(file, name, traits)
        self._reader = reader
        self._position = position

    @functools.cached_property
    def _stored(self) -> pl.DataFrame:
        """All cells as text by letter, with `row`."""
        try:
            # skip_rows=0 keeps the blank rows at the top, which are skipped by default: row numbers stay the sheet's.
            sheet = self._reader.load_sheet(self._position, header_row=None, skip_rows=0, dtypes="string")
            frame = sheet.to_polars()
        except fastexcel.FastExcelError as error:
            raise RefusedFileError(Code.BROKEN, f"工作表“{self.name}”已损坏，无法读取内容。请用 Excel 打开并另存后重新提交。") from error
        frame.columns = [letter_of(column.absolute_index) for column in sheet.available_columns()]
        # A stray cell far out has thousands of blank columns before it, and every column takes its time in all that follows.
        filled = [column.name for column in frame.iter_columns() if column.null_count() < len(column)]
        return frame.select(filled or frame.columns[:1]).with_row_index("row", offset=1)

    @functools.cached_property
    def frame(self) -> pl.DataFrame:
        """All cells as they are shown where that is another number than the stored one."""
        return _looking(self._stored, self.traits.shown)

    def show_words(self, letters: Iterable[str]) -> None:
        """From now on give the cells of these columns with the words that their formats put around them."""
        if self.traits.worded:
            looks = {**self.traits.shown, **self.traits.worded}
            self.frame = self.frame.with_columns(_looking(self._stored.select(set(letters)), looks))

    def head(self) -> list[dict[str, str]]:
        """The first rows: per row its filled cells by column letter."""
        looks = {**self.traits.shown, **self.traits.worded}
        rows = _looking(self._stored.head(HEAD).drop("row"), looks).iter_rows(named=True)
        return [{letter: text.strip() for letter, text in row.items() if text and text.strip()} for row in rows]

    @property
    def letters(self) -> Sequence[str]:
        """The letters of the columns with content."""
        return self.frame.columns[1:]

    def rows(self, below: int) -> Iterator[pl.DataFrame]:
        """The rows below a row, all at once."""
        yield self.frame.slice(below)


def _looking(frame: pl.DataFrame, looks: Mapping[Cell, str | None]) -> pl.DataFrame:
    """The frame with its cells as they look; `TEXT` in a look stands for the cell's own text."""
    for letter in {letter for _, letter in looks}.intersection(frame.columns):
        column = frame[letter]
        rows = {row - 1: look for (row, at), look in looks.items() if at == letter and row <= len(column)}
        own = column.gather(list(rows)).to_list()
        texts = [look and look.replace(TEXT, text or "") for look, text in zip(rows.values(), own, strict=True)]
        frame = frame.with_columns(column.scatter(list(rows), texts))
    return frame


def open_workbook(file: ReceivedFile) -> list[WorkbookSheet]:
    """Open a workbook and look through all its worksheets.

    Raises: RefusedFileError: with the reason.
    """
    package = open_package(file.path)
    try:
        return _opened(file, package)
    except UnplainError:
        pass
    try:
        return _opened(file, package, is_plain=False)
    except UnplainError as error:
        raise broken_file() from error


def _opened(file: ReceivedFile, package: Package, *, is_plain: bool = True) -> list[WorkbookSheet]:
    main = main_part(package)
    found, folder = relations(package, main), posixpath.dirname(main)
    workbook = parsed(package, main)
    entries = worksheets(workbook, found)
    texts, styles = (target(found, kind) or f"{folder}/{kind}.xml" for kind in ("sharedStrings", "styles"))
    package.refuse_large([texts, styles, *(entry.part for entry in entries)])
    package = package if is_plain else package.simplified([texts, *(entry.part for entry in entries)])
    book, days = read_book(package, workbook, texts, styles)
    scans = [scan_sheet(package, entry.part, book, hidden=entry.hidden) for entry in entries]
    for entry, traits in zip(entries, scans, strict=True):
        traits.beside.extend(texts_beside(package, entry.part))
    copied = {f"xl/{position}.xml": entry.part for position, entry in enumerate(entries)}
    copied |= {"xl/sharedStrings.xml": texts} if texts in package else {}
    try:
        # A sheet is called by its position: no name can be wrong.
        made = bare_parts([str(position) for position in range(len(entries))], _day_styles(days), epoch_1904=book.epoch_1904)
        reader = fastexcel.read_excel(package.repacked(copied, made))
    except fastexcel.FastExcelError as error:
        raise RefusedFileError(Code.BROKEN, "文件已损坏，无法读取工作表。请用 Excel 打开并另存后重新提交。") from error
    pairs = enumerate(zip(entries, scans, strict=True))
    return [WorkbookSheet(file, entry.name, traits, reader, position) for position, (entry, traits) in pairs]


def _day_styles(formats: Sequence[str]) -> str:
    """Cell styles as far as fastexcel must know them."""
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in formats)
    return f"<cellXfs>{styles}</cellXfs>"
