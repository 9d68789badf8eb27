"""Marked copies for the clerk (标注副本): the faulty workbook with its faulty cells filled and commented, and a list with links.

The clerk's own file is only read. A csv becomes an xlsx copy of its text. Files without findings are not copied, nor are files
that cannot be opened: what is wrong with those stands in the findings alone.
"""

import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

import polars as pl

from perfeval.ledgers.sources import INDEX
from perfeval.model import Finding, ReceivedFile, Severity
from perfeval.spreadsheets import (
    HEAD,
    Cell,
    Listing,
    Note,
    RefusedFileError,
    Sheet,
    UnfitError,
    open_file,
    open_package,
    text_workbook,
    write_annotated,
)

_FILLS = {Severity.ERROR: "FFFFC7CE", Severity.WARNING: "FFFFEB9C", Severity.NOTE: "FFDDEBF7"}
_HEADERS = {"序号": 6, "程度": 6, "编码": 7, "工作表": 16, "单元格": 9, "栏目": 20, "原值": 20, "问题和处理": 90}
_CSV_WHOLE, _CSV_PART = "内容", "有疑点的行"
_MOST_BYTES = 8 << 20


def write_copies(files: Sequence[ReceivedFile], findings: Sequence[Finding], folder: Path) -> list[Path]:
    """Write a marked copy of every file that has findings and can be opened; returns the copies, in the order of the files."""
    by_file: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_file[finding.file or ""].append(finding)
    folder.mkdir(parents=True, exist_ok=True)
    copies: list[Path] = []
    for file in files:
        if by_file[file.name]:
            path = folder / f"{PurePath(file.name).stem}-标注.xlsx"
            if path in copies:
                path = folder / f"{file.name}-标注.xlsx"
            if _write_copy(file, by_file[file.name], path):
                copies.append(path)
    return copies


def _write_copy(file: ReceivedFile, findings: Sequence[Finding], path: Path) -> bool:
    """Write a marked copy, unless the file is not fit to be opened: beside the target first, so that nobody sees half a file."""
    handle, temporary = tempfile.mkstemp(suffix=".xlsx", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as target:
            _write(file, findings, target)
            target.flush()
            os.fsync(target.fileno())
        Path(temporary).replace(path)
    except RefusedFileError:
        return False
    finally:
        Path(temporary).unlink(missing_ok=True)
    return True


def _write(file: ReceivedFile, findings: Sequence[Finding], target: BinaryIO) -> None:
    sheets = open_file(file)
    if all(sheet.name for sheet in sheets):
        try:
            names = {str(sheet.name): str(sheet.name) for sheet in sheets}
            write_annotated(open_package(file.path), _notes(findings, names), _listing(findings, names), target)
        except UnfitError:
            target.seek(0)
            target.truncate()
        else:
            return
    _write_text(sheets, findings, target)


def _write_text(sheets: Sequence[Sheet], findings: Sequence[Finding], target: BinaryIO) -> None:
    """A workbook with the text of all cells, the faulty ones marked; of a long file only its head and the rows with findings."""
    is_part = bool(sheets) and sheets[0].file.path.stat().st_size > _MOST_BYTES
    rows = pl.Series([*range(1, HEAD + 1), *(finding.row or 0 for finding in findings)], dtype=pl.UInt32)
    wanted = pl.col("row").is_in(rows.implode()) if is_part else pl.lit(value=True)
    frames = {sheet.name or "": pl.concat(rows.filter(wanted) for rows in sheet.rows(0)) for sheet in sheets}
    shown = {row: place for frame in frames.values() for place, row in enumerate(frame["row"], 1)} if is_part else {}
    names = {name: re.sub(r"[\\/*?:\[\]]", "_", name)[:31] or (_CSV_PART if is_part else _CSV_WHOLE) for name in frames}
    if is_part:
        frames = {name: frame.with_columns(row=pl.int_range(1, pl.len() + 1)) for name, frame in frames.items()}
    package = text_workbook({names[name]: frame for name, frame in frames.items()})
    write_annotated(package, _notes(findings, names, shown), _listing(findings, names, shown), target)


def _notes(findings: Sequence[Finding], names: Mapping[str, str], shown: Mapping[int, int] | None = None) -> dict[str, dict[Cell, Note]]:
    """What is noted at the cells with findings, by the name of the sheet in the copy. `shown`: rows of a copy in part."""
    by_cell: dict[tuple[str, Cell], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.row and finding.cell:
            place = (shown or {}).get(finding.row, finding.row), finding.cell.rstrip("0123456789")
            by_cell[names[finding.sheet or ""], place].append(finding)
    notes: dict[str, dict[Cell, Note]] = defaultdict(dict)
    for (name, place), found in by_cell.items():
        grave = min(found, key=lambda finding: list(Severity).index(finding.severity))
        text = "\n".join(f"{finding.severity.word} {finding.code}：{finding.message}" for finding in found)
        notes[name][place] = Note(_FILLS[grave.severity], text)
    return notes


def _listing(findings: Sequence[Finding], names: Mapping[str, str], shown: Mapping[int, int] | None = None) -> Listing:
    return Listing(INDEX, list(_HEADERS.values()), _rows(findings, names, shown or {}))


def _rows(findings: Sequence[Finding], names: Mapping[str, str], shown: Mapping[int, int]) -> Iterator[list[tuple[str, str | None]]]:
    """The list of findings: header and one row each, the cell linked."""
    yield [(header, None) for header in _HEADERS]
    for number, finding in enumerate(findings, 1):
        name = names.get(finding.sheet or "")
        letter = (finding.cell or "A").rstrip("0123456789")
        place = f"{letter}{finding.row}" if finding.row else ""
        quoted = (name or "").replace("'", "''")
        link = f"'{quoted}'!{letter}{shown.get(finding.row, finding.row)}" if name and finding.row else None
        word = finding.severity.word
        texts = [str(number), word, finding.code, finding.sheet or "", place, finding.column or "", finding.value or "", finding.message]
        yield [(text, link if header == "单元格" else None) for header, text in zip(_HEADERS, texts, strict=True)]
