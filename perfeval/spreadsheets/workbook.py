"""Reading xlsx (工作簿): text of every cell by fastexcel, which keeps the sheet's row numbers."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import fastexcel
import polars as pl

from perfeval.codes import Code
from perfeval.model import ReceivedFile
from perfeval.spreadsheets.package import Package
from perfeval.spreadsheets.scan import scan_sheet
from perfeval.spreadsheets.sheets import HEAD, Marks, RefusedFileError, Sheet, letter_of

_PERCENT_FORMATS = dict.fromkeys(("9", "10"), "%")
# The formats that Chinese Excel gives to a typed 3-5 or 2022年3月: fastexcel does not know them for days.
_DAY_FORMATS = dict.fromkeys(map(str, (*range(27, 37), *range(50, 59))), "day")
# Units that make another number of one: those of counted things, 0"人", do not.
_UNITS = {
    "元", "千元", "万", "万元", "亿", "亿元",
    "米", "千米", "公里", "里", "m", "km", "平方米", "平方公里", "亩", "公顷", "立方米", "千克", "公斤", "吨",
}  # fmt: skip
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATION_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class WorkbookSheet(Sheet):
    """One worksheet."""

    binary = True

    def __init__(self, file: ReceivedFile, name: str, marks: Marks, reader: fastexcel.ExcelReader) -> None:
        super().__init__(file, name, marks)
        self._title = name
        self._reader = reader

    @functools.cached_property
    def frame(self) -> pl.DataFrame:
        """All cells as text by letter, as they are shown where that is another number, with `row`."""
        try:
            # skip_rows=0 keeps the blank rows at the top, which are skipped by default: row numbers stay the sheet's.
            sheet = self._reader.load_sheet(self._title, header_row=None, skip_rows=0, dtypes="string")
            frame = sheet.to_polars()
        except fastexcel.FastExcelError as error:
            raise RefusedFileError(Code.BROKEN, f"工作表“{self._title}”已损坏，无法读取内容。请用 Excel 打开并另存后重新提交。") from error
        frame.columns = [letter_of(column.absolute_index) for column in sheet.available_columns()]
        for letter in {letter for _, letter in self.marks.shown}:
            shown = {row - 1: text for (row, at), text in self.marks.shown.items() if at == letter}
            frame = frame.with_columns(frame[letter].scatter(list(shown), list(shown.values())))
        return frame.with_row_index("row", offset=1)

    def head(self) -> list[dict[str, str]]:
        """The first rows: per row its filled cells by column letter."""
        rows = self.frame.head(HEAD).drop("row").iter_rows(named=True)
        return [{letter: text.strip() for letter, text in row.items() if text and text.strip()} for row in rows]

    @property
    def letters(self) -> Sequence[str]:
        """The letters of the columns between the first and the last with content."""
        return self.frame.columns[1:]

    def rows(self, below: int) -> Iterator[pl.DataFrame]:
        """The rows below a row, all at once."""
        yield self.frame.slice(below)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A worksheet as the workbook lists it."""

    name: str
    part: str
    hidden: bool


def open_workbook(file: ReceivedFile) -> list[WorkbookSheet]:
    """Open a workbook and look through all its worksheets.

    Raises: RefusedFileError: with the reason.
    """
    package = Package(file.path)
    for part in package.names():
        if part.endswith((".xml", ".rels")) and not part.startswith("xl/worksheets/sheet"):
            package.read(part)
    entries, epoch_1904 = _entries(package)
    styles = _shown_styles(package)
    scans = [scan_sheet(package, f"xl/{entry.part}", styles, hidden=entry.hidden, epoch_1904=epoch_1904) for entry in entries]
    try:
        reader = fastexcel.read_excel(package.content)
    except fastexcel.FastExcelError as error:
        raise RefusedFileError(Code.BROKEN, "文件已损坏，无法读取工作表。请用 Excel 打开并另存后重新提交。") from error
    return [WorkbookSheet(file, entry.name, marks, reader) for entry, marks in zip(entries, scans, strict=True)]


def _entries(package: Package) -> tuple[list[_Entry], bool]:
    """The worksheets in order, and whether the workbook counts its days from 1904.

    Whatever could lead fastexcel to another part than the one scanned is refused: another main part, ways up, names twice.
    """
    roots = _targets(package, "_rels/.rels", "/officeDocument")
    targets = _targets(package, "xl/_rels/workbook.xml.rels", "/worksheet")
    workbook = _parsed(package, "xl/workbook.xml")
    sheets = [node for node in workbook.iter() if _local(node) == "sheet"]
    entries = [
        _Entry(sheet.get("name") or "", targets[identity].removeprefix("/xl/"), sheet.get("state") in {"hidden", "veryHidden"})
        for sheet in sheets
        if (identity := sheet.get(_RELATION) or sheet.get(_RELATION_STRICT) or "") in targets
    ]
    is_plain = all(re.fullmatch(r"[\w-]+(?:/[\w-]+)*\.xml", entry.part) for entry in entries)
    if (
        [root.lstrip("/") for root in roots.values()] != ["xl/workbook.xml"]
        or len({entry.name for entry in entries}) < len(entries)
        or not is_plain
    ):
        raise RefusedFileError(Code.BROKEN, "文件内部的目录不合规，可能不是 Excel 存出的文件。请用 Excel 打开并另存为 .xlsx 后重新提交。")
    properties = next((node for node in workbook if _local(node) == "workbookPr"), None)
    return entries, properties is not None and properties.get("date1904") in {"1", "true"}


def _targets(package: Package, part: str, kind: str) -> dict[str, str]:
    """Targets of a part's relations of one kind, by their identity."""
    return {node.get("Id", ""): node.get("Target", "") for node in _parsed(package, part) if node.get("Type", "").endswith(kind)}


def _shown_styles(package: Package) -> dict[str, str]:
    """Indexes of the cell styles that show a number as something else: `%`, a `day`, `scaled`, `000`, or a unit behind it."""
    if "xl/styles.xml" not in package.names():
        return {}
    styles = _parsed(package, "xl/styles.xml")
    written = {node.get("numFmtId", ""): _shown(node.get("formatCode", "")) for node in styles.iter() if _local(node) == "numFmt"}
    formats = {number: shown for number, shown in (_PERCENT_FORMATS | _DAY_FORMATS | written).items() if shown}
    applied = next((node for node in styles if _local(node) == "cellXfs"), ())
    return {str(index): formats[number] for index, style in enumerate(applied) if (number := style.get("numFmtId", "")) in formats}


def _shown(code: str) -> str:
    """What a number format of the workbook's own makes of a number: a percentage, a scale, a unit behind it, leading zeros."""
    section = re.sub(r"\[[^\]]*\]|[_*].", "", code.partition(";")[0])
    parts = [(quoted or escaped, bare) for quoted, escaped, bare in re.findall(r'"([^"]*)"|[\\!](.)|(.)', section)]
    # Printed signs as letters, so that a point between digits that is only printed is told from the decimal point.
    bare = "".join(bare or ("p" if printed == "." else "l") for printed, bare in parts)
    if "%" in bare:
        return "%"
    if re.search(r"[0#?]p+[0#?]|[0#?],+(?![0#?,])", bare):
        return "scaled"
    if re.fullmatch("00+", bare):
        return bare
    last = max((place for place, (_, bare) in enumerate(parts) if bare and bare in "0#?"), default=-1)
    behind = "".join(printed or bare for printed, bare in parts[last + 1 :]).strip()
    return behind if last >= 0 and behind in _UNITS else ""


def _parsed(package: Package, part: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(package.read(part))  # noqa: S314  # the package refuses DTD and entities
    except ElementTree.ParseError as error:
        raise RefusedFileError(Code.BROKEN, "文件内部的 XML 已损坏。请用 Excel 打开并另存为 .xlsx 后重新提交。") from error


def _local(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
