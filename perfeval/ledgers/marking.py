"""Marked copies for the clerk (标注副本): the faulty workbook with its faulty cells filled and commented, and a list with links.

The clerk's own file is only read. A csv becomes an xlsx copy of its text. Files without findings are not copied, nor are files
that cannot be opened: what is wrong with those stands in the findings alone.
"""

import os
import re
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from zipfile import BadZipFile

import polars as pl
from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import quote_sheetname
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from perfeval.ledgers.sources import INDEX
from perfeval.model import Finding, ReceivedFile, Severity
from perfeval.spreadsheets import HEAD, RefusedFileError, Sheet, open_file

_FILLS = {
    Severity.ERROR: PatternFill("solid", fgColor="FFFFC7CE"),
    Severity.WARNING: PatternFill("solid", fgColor="FFFFEB9C"),
    Severity.NOTE: PatternFill("solid", fgColor="FFDDEBF7"),
}
_HEADERS = {"序号": 6, "程度": 6, "编码": 7, "工作表": 16, "单元格": 9, "栏目": 20, "原值": 20, "问题和处理": 90}
_CSV_WHOLE, _CSV_PART = "内容", "有疑点的行"
_MOST_BYTES = 8 << 20
_ILLEGAL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
_LINK = Font(color="FF0563C1", underline="single")

Marked = Mapping[str, Sequence[Finding]]
"""Findings by cell."""


def write_copies(files: Sequence[ReceivedFile], findings: Sequence[Finding], folder: Path) -> list[Path]:
    """Write a marked copy of every file that has findings and can be opened; returns the copies, in the order of the files."""
    by_file: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_file[finding.file or ""].append(finding)
    folder.mkdir(parents=True, exist_ok=True)
    copies: list[Path] = []
    for file in files:
        workbook = _marked(file, by_file[file.name]) if by_file[file.name] else None
        if workbook:
            stem = PurePath(file.name).stem
            path = folder / f"{stem}-标注.xlsx"
            if path in copies:
                path = folder / f"{file.name}-标注.xlsx"
            _save(workbook, path)
            copies.append(path)
    return copies


def _marked(file: ReceivedFile, findings: Sequence[Finding]) -> Workbook | None:
    """The marked copy, or None where the file is not fit to be opened."""
    try:
        sheets = open_file(file)
        workbook = _formatted(file) if all(sheet.name for sheet in sheets) else None
        if workbook is None:
            return _from_text(sheets, findings)
    except RefusedFileError:
        return None
    if INDEX in workbook.sheetnames:
        del workbook[INDEX]
    for name, marked in _by_sheet(findings).items():
        for place, found in marked.items():
            _mark(_first_of_merged(workbook[name], place), found)
    _add_index(workbook, findings)
    return workbook


def _formatted(file: ReceivedFile) -> Workbook | None:
    """The workbook with its formats; None where openpyxl, which is stricter than Excel, cannot make sense of them."""
    try:
        with file.path.open("rb") as content, warnings.catch_warnings(action="ignore"):
            return load_workbook(content)
    except (InvalidFileException, BadZipFile, SyntaxError, OSError, LookupError, ValueError, TypeError, AttributeError):
        return None


def _from_text(sheets: Sequence[Sheet], findings: Sequence[Finding]) -> Workbook:
    """A workbook with the text of all cells, the faulty ones marked; of a long csv only its head and the rows with findings."""
    rows = pl.Series([*range(1, HEAD + 1), *(finding.row or 0 for finding in findings)], dtype=pl.UInt32)
    is_part = sheets[0].file.path.stat().st_size > _MOST_BYTES
    wanted = pl.col("row").is_in(rows.implode()) if is_part else pl.lit(value=True)
    frames = {sheet.name or "": pl.concat(rows.filter(wanted) for rows in sheet.rows(0)) for sheet in sheets}
    titles = {name: re.sub(r"[\\/*?:\[\]]", "_", name)[:31] or (_CSV_PART if is_part else _CSV_WHOLE) for name in frames}
    shown = {row: place for frame in frames.values() for place, row in enumerate(frame["row"], 1)} if is_part else {}
    workbook = Workbook(write_only=True)
    index = workbook.create_sheet(INDEX)
    _shape(index)
    for row in _index_rows(findings, titles, shown):
        index.append([_filled(WriteOnlyCell(index), value, link) for value, link in row])
    marked = _by_sheet(findings)
    for name, frame in frames.items():
        _append_text(workbook.create_sheet(titles[name]), frame, marked.get(name, {}))
    return workbook


def _append_text(sheet: Worksheet, frame: pl.DataFrame, marked: Marked) -> None:
    by_row: dict[int, dict[str, Sequence[Finding]]] = defaultdict(dict)
    for place, found in marked.items():
        letter = place.rstrip("0123456789")
        by_row[int(place.removeprefix(letter))][letter] = found
    letters = frame.columns[1:]
    for number, *values in frame.with_columns(pl.col(letters).str.replace_all(_ILLEGAL, "")).iter_rows():
        # A cell object is made only where it must be more than its text, or its text must not become a formula.
        cells = [_filled(WriteOnlyCell(sheet), value) if value and value[0] in "=#" else value for value in values]
        for letter, found in by_row.get(number, {}).items():
            position = letters.index(letter)
            cells[position] = _filled(WriteOnlyCell(sheet), values[position])
            _mark(cells[position], found)
        sheet.append(cells)


def _by_sheet(findings: Sequence[Finding]) -> dict[str, dict[str, list[Finding]]]:
    """Findings that have a cell, by sheet and cell."""
    marked: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        if finding.cell:
            marked[finding.sheet or ""][finding.cell].append(finding)
    return marked


def _mark(cell: Cell, findings: Sequence[Finding]) -> None:
    """Fill a cell by its gravest finding and say all of them in its comment, below what the clerk had noted there."""
    grave = min(findings, key=lambda finding: list(Severity).index(finding.severity))
    cell.fill = _FILLS[grave.severity]
    noted = [cell.comment.text] if cell.comment else []
    text = "\n".join([*noted, *(f"{finding.severity.word} {finding.code}：{finding.message}" for finding in findings)])
    cell.comment = Comment(text, "台账校验", height=60 + 20 * len(findings), width=360)


def _first_of_merged(sheet: Worksheet, place: str) -> Cell:
    area = next((area for area in sheet.merged_cells.ranges if place in area), None)
    return sheet[area.start_cell.coordinate if area else place]  # type: ignore[no-any-return]  # one place is one cell


def _add_index(workbook: Workbook, findings: Sequence[Finding]) -> None:
    sheet = workbook.create_sheet(INDEX, 0)
    _shape(sheet)
    for number, row in enumerate(_index_rows(findings, {name: name for name in workbook.sheetnames}), 1):
        for position, (value, link) in enumerate(row, 1):
            _filled(sheet.cell(number, position), value, link)
    workbook.active = 0


def _shape(sheet: Worksheet) -> None:
    for column, width in zip("ABCDEFGH", _HEADERS.values(), strict=True):
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "A2"


def _index_rows(
    findings: Sequence[Finding], titles: Mapping[str, str], shown: Mapping[int, int] | None = None
) -> Iterator[list[tuple[str, str | None]]]:
    """The list of findings: header and one row each, the cell linked; (text, link) per cell. `shown`: rows of a copy in part."""
    yield [(header, None) for header in _HEADERS]
    for number, finding in enumerate(findings, 1):
        title = titles.get(finding.sheet or "")
        letter = (finding.cell or "A").rstrip("0123456789")
        place = f"{letter}{finding.row}" if finding.row else ""
        link = f"{quote_sheetname(title)}!{letter}{(shown or {}).get(finding.row, finding.row)}" if title and finding.row else None
        word = finding.severity.word
        texts = [str(number), word, finding.code, finding.sheet or "", place, finding.column or "", finding.value or "", finding.message]
        yield [(text, link if header == "单元格" else None) for header, text in zip(_HEADERS, texts, strict=True)]


def _filled(cell: Cell, value: str | None, link: str | None = None) -> Cell:
    """Write text as text: what a clerk typed must not become a formula in the copy."""
    if value:
        cell.value = re.sub(_ILLEGAL, "", value)
        cell.data_type = "s"
    if link:
        cell.hyperlink = Hyperlink(ref="", location=link)
        cell.font = _LINK
    return cell


def _save(workbook: Workbook, path: Path) -> None:
    """Write beside the target and move there, so that nobody sees half a file."""
    handle, temporary = tempfile.mkstemp(suffix=".xlsx", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            workbook.save(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
