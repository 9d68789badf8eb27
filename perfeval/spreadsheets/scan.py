"""What a worksheet says beside its values (工作表的标记), found by one pass over its XML.

fastexcel turns error cells and formulas without result into blanks, prints a cell shown as 95% as 0.95, and allocates the whole
rectangle that the cells span. So all that is found, and the extent is bounded, before it reads the sheet. Patterns that look at
every cell run in Polars, whose regular expressions are several times faster than Python's.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from perfeval.codes import Code
from perfeval.spreadsheets.package import Package, attribute
from perfeval.spreadsheets.sheets import SCALED, Marks, RefusedFileError, index_of, letter_of

_MOST_CELLS = 12_000_000
_SHEET_COLUMNS = 16_384
_TRUE = r"""["'](?:1|true)["']"""
_FORMULA = r"<~f(?:\s[^>]*)?(?:/>|>[^<]*</~f>)\s*"
_VALUE = r"<~v(?:\s[^>]*)?>"
_PLACED = r"""<~c\s[^>]*?\br\s*=\s*["']%s["'](?:[^>]*[^/>])?>"""


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Patterns of a sheet's XML for one namespace prefix (mostly none, `x:` from .NET): text for Polars, compiled for Python."""

    row: bytes
    cell: str
    placed: str
    near: str
    formula: str
    uncomputed: str
    filled: re.Pattern[str]
    uncomputed_cell: re.Pattern[str]
    error: re.Pattern[str]
    start: str
    number: re.Pattern[str]
    long_number: re.Pattern[str]
    hidden_row: re.Pattern[str]
    hidden_column: re.Pattern[str]
    merged: re.Pattern[str]


@functools.cache
def _patterns(prefix: str) -> _Patterns:
    def prefixed(pattern: str) -> str:
        return pattern.replace("~", prefix)

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(prefixed(pattern))

    uncomputed = rf"<~c\s([^>]*[^/>])>\s*{_FORMULA}(?:<~v\s*/>|{_VALUE}\s*</~v>)?\s*</~c>"
    return _Patterns(
        row=prefixed("<~row").encode(),
        # Cells with content; those without, <c r="A1" s="1"/>, take no room.
        cell=prefixed(r"<~c(?:\s[^>]*[^/>])?>"),
        placed=prefixed(_PLACED % "[A-Z]{1,3}[1-9][0-9]{0,6}"),
        near=prefixed(_PLACED % "[A-Z][1-9][0-9]{0,4}"),
        formula=prefixed("<~f"),
        uncomputed=prefixed(uncomputed),
        filled=compiled(f"{_VALUE}[^<]|<~is>"),
        uncomputed_cell=compiled(uncomputed),
        error=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']e["'][^>]*)>(?:{_FORMULA})?{_VALUE}([^<]*)"""),
        start=prefixed("<~c"),
        number=compiled(rf"<~c\s([^>]*[^/>])>(?:{_FORMULA})?{_VALUE}\s*([-+.0-9Ee]+)\s*</~v>"),
        long_number=compiled(rf"{_VALUE}(?:[0-9]{{16,}}|[0-9.]+[Ee]\+?[0-9]+)</~v>"),
        hidden_row=compiled(rf"<~row\s[^>]*\bhidden\s*=\s*{_TRUE}[^>]*>"),
        hidden_column=compiled(rf"<~col\s[^>]*\bhidden\s*=\s*{_TRUE}[^>]*>"),
        merged=compiled(r"""<~mergeCell\s[^>]*\bref\s*=\s*["']([A-Z]+[0-9]+:[A-Z]+[0-9]+)["']"""),
    )


def scan_sheet(package: Package, part: str, shown_styles: Mapping[str, str], *, hidden: bool, epoch_1904: bool) -> Marks:
    """Look through a worksheet's XML; `shown_styles` are the cell styles that show a number as something else.

    Raises: RefusedFileError: broken, unsafe, or spanning more cells than can be read.
    """
    root = re.search(r"<(\w+:)?worksheet[\s>]", package.start(part))
    if not root:
        raise RefusedFileError(Code.BROKEN, "工作表的内部结构已损坏。请用 Excel 打开并另存为 .xlsx 后重新提交。")
    patterns = _patterns(root[1] or "")
    marks = Marks(hidden=hidden, epoch_1904=epoch_1904)
    empty, is_far = True, False
    for piece in package.pieces(part, patterns.row):
        empty = empty and not patterns.filled.search(piece)
        is_far = _has_far_cells(patterns, piece) or is_far
        try:
            _note_cells(patterns, piece, shown_styles, marks)
            _note_layout(patterns, piece, marks)
        except ValueError as error:  # a number that is none, an address without row
            message = "工作表里有不合规的数值或行列号。请用 Excel 打开并另存为 .xlsx 后重新提交。"
            raise RefusedFileError(Code.BROKEN, message) from error
    if is_far:
        _refuse_expanse(package, part, patterns)
    return replace(marks, empty=empty)


def _has_far_cells(patterns: _Patterns, piece: str) -> bool:
    """Whether cells with content lie beyond column Z or row 99999: only those can make the extent too large."""
    cells, near = _counts(piece, patterns.cell, patterns.near)
    if cells == near:
        return False
    if [cells] != _counts(piece, patterns.placed):
        message = "工作表里有地址不合规的单元格，可能不是 Excel 存出的文件。请用 Excel 打开并另存为 .xlsx 后重新提交。"
        raise RefusedFileError(Code.BROKEN, message)
    return True


def _refuse_expanse(package: Package, part: str, patterns: _Patterns) -> None:
    """Refuse a sheet whose cells span more than can be held: a stray cell far out costs as much memory as a full sheet."""
    last_row, last_column = 0, ""
    for piece in package.pieces(part, patterns.row):
        places = pl.Series([piece]).str.extract_all(patterns.placed).explode(empty_as_null=False).to_frame("cell")
        address = pl.col("cell").str.extract_groups(r"""\br\s*=\s*["']([A-Z]+)([0-9]+)""")
        found = places.select(letter=address.struct.field("1"), row=address.struct.field("2").cast(pl.Int64))
        last_row = max([last_row, *found.select(pl.col("row").max()).drop_nulls()["row"]])
        last_column = max([last_column, *found["letter"].unique()], key=index_of)
    if last_row * (index_of(last_column) + 1) > _MOST_CELLS:
        where = f"工作表的内容延伸到 {last_column}{last_row}，范围太大。"
        message = f"{where}请整行、整列删除数据以外的部分后保存；数据确有这么多时请另存为 CSV。"
        raise RefusedFileError(Code.TOO_LARGE, message)


def _counts(piece: str, *patterns: str) -> list[int]:
    text = pl.DataFrame({"text": [piece]})
    return [int(count) for count in text.select(pl.col("text").str.count_matches(p).alias(p) for p in patterns).row(0)]


def _note_cells(patterns: _Patterns, piece: str, shown_styles: Mapping[str, str], marks: Marks) -> None:
    """Note the cells whose value is not what fastexcel makes of it."""
    if '"e"' in piece or "'e'" in piece:
        marks.errors.update({_place(tag): value for tag, value in patterns.error.findall(piece)})
    if patterns.formula in piece and _counts(piece, patterns.uncomputed) != [0]:
        # A formula whose proper result is an empty text, t="str", is a blank.
        marks.uncomputed.update(_place(tag) for tag in patterns.uncomputed_cell.findall(piece) if attribute(tag, "t") != "str")
    for found in patterns.long_number.finditer(piece):
        tag = piece[piece.rfind(patterns.start, 0, found.start()) : found.start()]
        if attribute(tag, "t") in {None, "n"}:
            marks.long_numbers.add(_place(tag))
    for tag, value in patterns.number.findall(piece) if shown_styles else ():
        how = shown_styles.get(attribute(tag, "s") or "")
        if how and attribute(tag, "t") in {None, "n"}:
            marks.shown[_place(tag)] = _shown(value, how, epoch_1904=marks.epoch_1904)


def _note_layout(patterns: _Patterns, piece: str, marks: Marks) -> None:
    """Note hidden rows and columns and merged ranges."""
    if "hidden" in piece:
        marks.hidden_rows.extend(int(attribute(tag, "r") or 0) for tag in patterns.hidden_row.findall(piece))
        for tag in patterns.hidden_column.findall(piece):
            first, last = int(attribute(tag, "min") or 1), int(attribute(tag, "max") or 1)
            marks.hidden_columns.extend(letter_of(index - 1) for index in range(max(first, 1), min(last, _SHEET_COLUMNS) + 1))
    marks.merged.extend(patterns.merged.findall(piece))


def _place(tag: str) -> tuple[int, str]:
    letter, row = re.findall(r"[A-Z]+|[0-9]+", attribute(tag, "r") or "")
    return int(row), letter


def _shown(value: str, how: str, *, epoch_1904: bool) -> str:
    """A number as its cell shows it: 0.95 as 95%, 44625 as a day, 12 as 12万元 or 0012; at 15 significant digits, as Excel keeps it.

    What is shown smaller than it is is marked: nobody can tell which of the two the clerk means.
    """
    number = Decimal(f"{float(value):.15g}")
    if how == "day":
        moment = datetime(1904, 1, 1) if epoch_1904 else datetime(1899, 12, 30)  # noqa: DTZ001  # a workbook knows no time zone
        try:
            return f"{moment + timedelta(seconds=round(number * 86400)):%Y-%m-%d %H:%M:%S}"
        except OverflowError:
            return value
    if how == "%":
        return f"{(number * 100).normalize():f}%"
    if how.startswith("0"):
        return f"{number.normalize():0{len(how)}f}" if number == number.to_integral_value() else value
    return f"{number.normalize():f}{SCALED if how == 'scaled' else how}"
