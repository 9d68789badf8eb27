"""What a worksheet says beside its values (工作表的标记), found by one pass over its XML.

fastexcel turns error cells and formulas without result into blanks, prints a cell shown as 95% as 0.95, and allocates the whole
rectangle that the cells span. So all that is found, and the extent is bounded, before it reads the sheet.
"""

import functools
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from perfeval.ledgers.codes import Code
from perfeval.ledgers.package import Package, attribute
from perfeval.ledgers.sheets import Marks, RefusedFileError, index_of, letter_of

_MOST_CELLS = 12_000_000
_SHEET_COLUMNS = 16_384
_TRUE = rb"""["'](?:1|true)["']"""


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Regular expressions over a sheet's XML, for one namespace prefix (mostly none, `x:` from .NET)."""

    row: bytes
    filled: re.Pattern[bytes]
    unplaced: re.Pattern[bytes]
    absurd: re.Pattern[bytes]
    far: re.Pattern[bytes]
    reference: re.Pattern[bytes]
    error: re.Pattern[bytes]
    uncomputed: re.Pattern[bytes]
    number: re.Pattern[bytes]
    long_number: re.Pattern[bytes]
    hidden_row: re.Pattern[bytes]
    hidden_column: re.Pattern[bytes]
    merged: re.Pattern[bytes]


@functools.cache
def _patterns(prefix: bytes) -> _Patterns:
    def compiled(pattern: bytes) -> re.Pattern[bytes]:
        return re.compile(pattern.replace(b"~", prefix))

    formula = rb"<~f(?:\s[^>]*)?(?:/>|(?<!/)>[^<]*</~f>)\s*"
    return _Patterns(
        row=b"<" + prefix + b"row",
        filled=compiled(rb"<~v>[^<]|<~is>"),
        unplaced=compiled(rb"<~c(?![^>]*\sr\s*=)(?=[\s>/])[^>]*>"),
        absurd=compiled(rb"""\sr\s*=\s*["'](?![A-Z]{0,3}[1-9][0-9]{0,6}["'])"""),
        far=compiled(rb"""\sr\s*=\s*["'](?![A-Z]?[1-9][0-9]{0,4}["'])"""),
        reference=compiled(rb"""<~c\s[^>]*?\br\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["'](?:[^>/]|/(?!>))*>"""),
        error=compiled(rb"""<~c\s([^>]*\bt\s*=\s*["']e["'][^>]*)>(?:""" + formula + rb")?<~v>([^<]*)"),
        uncomputed=compiled(rb"<~c\s([^>]*)(?<!/)>\s*" + formula + rb"(?:<~v\s*/>|<~v>\s*</~v>)?\s*</~c>"),
        number=compiled(rb"<~c\s([^>]*)(?<!/)>(?:" + formula + rb")?<~v>([-+.0-9Ee]+)</~v>"),
        long_number=compiled(rb"<~v>(?:[0-9]{16,}|[0-9.]+[Ee]\+?[0-9]+)</~v>"),
        hidden_row=compiled(rb"<~row\s[^>]*\bhidden\s*=\s*" + _TRUE + rb"[^>]*>"),
        hidden_column=compiled(rb"<~col\s[^>]*\bhidden\s*=\s*" + _TRUE + rb"[^>]*>"),
        merged=compiled(rb"""<~mergeCell\s[^>]*\bref\s*=\s*["']([A-Z]+[0-9]+:[A-Z]+[0-9]+)["']"""),
    )


def scan_sheet(package: Package, part: str, percent_styles: frozenset[str], *, hidden: bool, epoch_1904: bool) -> Marks:
    """Look through a worksheet's XML.

    Raises: RefusedFileError: broken, unsafe, or spanning more cells than can be read.
    """
    root = re.search(rb"<(\w+:)?worksheet[\s>]", package.start(part))
    if not root:
        raise RefusedFileError(Code.BROKEN, "工作表的内部结构已损坏。请用 Excel 打开并另存为 .xlsx 后重新提交。")
    patterns = _patterns(root[1] or b"")
    marks = Marks(hidden=hidden, epoch_1904=epoch_1904)
    empty, is_far = True, False
    for piece in package.pieces(part, patterns.row):
        empty = empty and not patterns.filled.search(piece)
        if patterns.unplaced.search(piece) or patterns.absurd.search(piece):
            raise _misplaced()
        is_far = is_far or bool(patterns.far.search(piece))
        _note_cells(patterns, piece, percent_styles, marks)
        _note_layout(patterns, piece, marks)
    # Only cells beyond column Z or row 99999 can span too much.
    if is_far:
        _refuse_expanse(package, part, patterns)
    return replace(marks, empty=empty)


def _note_cells(patterns: _Patterns, piece: bytes, percent_styles: frozenset[str], marks: Marks) -> None:
    """Note the cells whose value is not what fastexcel makes of it."""
    if b't="e"' in piece or b"t='e'" in piece:
        marks.errors.update({_place(tag): value.decode(errors="replace") for tag, value in patterns.error.findall(piece)})
    # A formula whose proper result is an empty text, t="str", is a blank.
    marks.uncomputed.update(_place(tag) for tag in patterns.uncomputed.findall(piece) if attribute(tag, "t") != "str")
    for found in patterns.long_number.finditer(piece):
        tag = piece[piece.rfind(b"c ", 0, found.start()) : found.start()]
        if attribute(tag, "t") in {None, "n"}:
            marks.long_numbers.add(_place(tag))
    if percent_styles:
        for tag, value in patterns.number.findall(piece):
            if attribute(tag, "s") in percent_styles and attribute(tag, "t") in {None, "n"}:
                marks.percents[_place(tag)] = _percent(value)


def _note_layout(patterns: _Patterns, piece: bytes, marks: Marks) -> None:
    """Note hidden rows and columns and merged ranges."""
    if b"hidden" in piece:
        marks.hidden_rows.extend(int(attribute(tag, "r") or 0) for tag in patterns.hidden_row.findall(piece))
        for tag in patterns.hidden_column.findall(piece):
            first, last = int(attribute(tag, "min") or 1), int(attribute(tag, "max") or 1)
            marks.hidden_columns.extend(letter_of(index - 1) for index in range(first, min(last, _SHEET_COLUMNS) + 1))
    marks.merged.extend(found.decode() for found in patterns.merged.findall(piece))


def _place(tag: bytes) -> tuple[int, str]:
    found = re.fullmatch("([A-Z]{1,3})([0-9]{1,7})", attribute(b" " + tag, "r") or "")
    if not found:
        raise _misplaced()
    return int(found[2]), found[1]


def _percent(value: bytes) -> str:
    """A number shown as a percentage, as it is shown: Excel keeps 95% as 0.95, at 15 significant digits."""
    shown = Decimal(f"{float(value):.15g}") * 100
    return f"{shown.normalize():f}%"


def _refuse_expanse(package: Package, part: str, patterns: _Patterns) -> None:
    """Refuse a sheet whose cells span more than can be held: a stray cell far out costs as much memory as a full sheet."""
    last_row, last_column = 0, ""
    for piece in package.pieces(part, patterns.row):
        cells = patterns.reference.findall(piece)
        last_row = max(last_row, max((int(row) for _, row in cells), default=0))
        last_column = max([last_column, *(letter.decode() for letter in {letter for letter, _ in cells})], key=index_of)
    if last_row * (index_of(last_column) + 1) > _MOST_CELLS:
        where = f"工作表的内容延伸到 {last_column}{last_row}，范围太大。"
        message = f"{where}请整行、整列删除数据以外的部分后保存；数据确有这么多时请另存为 CSV。"
        raise RefusedFileError(Code.TOO_LARGE, message)


def _misplaced() -> RefusedFileError:
    return RefusedFileError(
        Code.BROKEN, "工作表里有地址不合规的单元格，可能不是 Excel 存出的文件。请用 Excel 打开并另存为 .xlsx 后重新提交。"
    )
