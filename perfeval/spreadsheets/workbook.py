"""Reading xlsx (工作簿): text of every cell by fastexcel, which keeps the sheet's row numbers.

fastexcel is given a package of our own making: the sheets and texts that were looked through, and a list of sheets and styles that
say what we found in the workbook's. So it reads nothing else, and takes for days what we take for days.
"""

import functools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from xml.etree import ElementTree

import fastexcel
import polars as pl

from perfeval.codes import Code
from perfeval.model import ReceivedFile
from perfeval.spreadsheets.beside import texts_beside
from perfeval.spreadsheets.formats import TEXT, NumberFormat, number_format
from perfeval.spreadsheets.package import Package, UnplainError, broken_file, open_package
from perfeval.spreadsheets.relations import local, main_part, parsed, relations, target, worksheets
from perfeval.spreadsheets.scan import Book, Drawn, scan_sheet
from perfeval.spreadsheets.sheets import HEAD, Cell, RefusedFileError, Sheet, Traits, letter_of
from perfeval.spreadsheets.strings import Strings, scan_strings
from perfeval.spreadsheets.writing import bare_parts

# The formats that a workbook need not spell out. From 27 on those that Chinese Excel gives to a typed 3-5 or 2022年3月.
_FORMATS = {
    "9": "0%",
    "10": "0.00%",
    "46": "[h]:mm:ss",
    **dict.fromkeys(map(str, (*range(14, 23), *range(27, 37), 45, 47, *range(50, 59))), "yyyy-mm-dd"),
    **dict.fromkeys(map(str, (17, 27, 36, 50, 52, 57)), "yyyy-mm"),
}
_TRUE = {"1", "true"}


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
    book, days = _book(package, workbook, texts, styles)
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


def _book(package: Package, workbook: ElementTree.Element, texts: str, styles: str) -> tuple[Book, list[str]]:
    """What the workbook says for all its sheets; and each cell style's format as far as fastexcel must know it."""
    # Only its own children: an extension has a workbookPr too, and says nothing of 1904.
    own = {local(node): node.attrib for node in reversed(workbook)}
    if sum(local(node) == "workbookPr" for node in workbook) > 1:  # two may count days from two years
        raise broken_file()
    computing = own.get("calcPr", {})
    formats, drawn = _styles(package, styles)
    changing = {str(index): form for index, form in enumerate(formats) if form.changes_numbers or form.changes_text}
    shown = ["46" if form.is_elapsed else "14" if form.is_day else "0" for form in formats]
    book = Book(
        epoch_1904=own.get("workbookPr", {}).get("date1904") in _TRUE,
        is_stale=computing.get("fullCalcOnLoad") in _TRUE or computing.get("calcCompleted") in {"0", "false"},
        is_computed="calcPr" in own,
        has_pictures=_has_pictures(package, posixpath.dirname(styles)),
        formats=changing,
        days=frozenset(str(index) for index, form in enumerate(formats) if form.is_day),
        months=frozenset(str(index) for index, form in enumerate(formats) if form.is_month),
        drawn=drawn,
        strings=scan_strings(package, texts) if texts in package else Strings(),
    )
    return book, shown


def _styles(package: Package, part: str) -> tuple[list[NumberFormat], Drawn]:
    """The number format of each cell style, and what the styles do beside."""
    if part not in package:
        return [], Drawn()
    # The formats of conditional formatting, in <dxfs>, have numbers of their own.
    groups = {local(node): list(node) for node in reversed(parsed(package, part))}
    written = {node.get("numFmtId", ""): node.get("formatCode", "") for node in groups.get("numFmts", ())}
    codes = {**_FORMATS, **written}
    struck, white = (_indexes(groups.get("fonts", ()), is_so) for is_so in (_strikes, _is_white))
    ground = {"", *_indexes(groups.get("fills", ()), _is_ground)}
    applied = groups.get("cellXfs", [])
    conditions = groups.get("dxfs", ())
    drawn = Drawn(
        struck=_indexes(applied, lambda style: style.get("fontId") in struck),
        unseen=_indexes(applied, lambda style: style.get("fontId") in white and style.get("fillId", "") in ground),
        striking=_indexes(conditions, lambda style: any(_strikes(node) for node in style)),
        changing=_indexes(conditions, lambda style: any(number_format(node.get("formatCode", "")).changes_numbers for node in style)),
    )
    return [number_format(codes.get(style.get("numFmtId", ""), "")) for style in applied], drawn


def _indexes(nodes: Iterable[ElementTree.Element], is_so: Callable[[ElementTree.Element], bool]) -> frozenset[str]:
    return frozenset(str(index) for index, node in enumerate(nodes) if is_so(node))


def _strikes(font: ElementTree.Element) -> bool:
    return any(local(node) == "strike" and node.get("val", "1") in _TRUE for node in font)


def _is_white(font: ElementTree.Element) -> bool:
    return any(local(node) == "color" and _has_white(node) for node in font)


def _is_ground(fill: ElementTree.Element) -> bool:
    """Whether a fill leaves the ground white."""
    pattern = next(iter(fill), None)
    if pattern is None or local(pattern) != "patternFill":
        return pattern is None
    colours = [node for node in pattern if local(node) == "fgColor"]
    return pattern.get("patternType", "none") == "none" or (pattern.get("patternType") == "solid" and any(map(_has_white, colours)))


def _has_white(colour: ElementTree.Element) -> bool:
    named = colour.get("rgb", "")[-6:].upper() == "FFFFFF" or colour.get("indexed") in {"1", "9"} or colour.get("theme") == "0"
    return named and float(colour.get("tint") or 0) >= 0


def _has_pictures(package: Package, folder: str) -> bool:
    """Whether the error cells that hold more than their error hold pictures: Excel puts one in a cell as #VALUE! with a picture behind."""
    part = f"{folder}/richData/rdrichvaluestructure.xml"
    kinds = set(re.findall(r'<s\s[^>]*\bt="([^"]*)"', package.read(part))) if part in package else set()
    return bool(kinds) and kinds <= {"_localImage", "_webimage"}
