"""Refusing worksheets that are more than can be held (工作表的上限), with what in them is too much."""

import polars as pl

from perfeval.codes import Code
from perfeval.spreadsheets.package import Package
from perfeval.spreadsheets.patterns import Patterns, Piece
from perfeval.spreadsheets.sheets import RefusedFileError, index_of
from perfeval.spreadsheets.strings import Strings

MOST_CELLS = 6_000_000
MOST_TEXT = 224 << 20
HELD = 2
"""How often text in its place is held, compared with text that cells share."""


def refuse_expanse(package: Package, part: str, patterns: Patterns) -> None:
    """Refuse a sheet whose cells span more than can be held: a stray cell far out costs as much memory as a full sheet."""
    cells, last_row, last_column = 0, 0, ""
    for xml in package.pieces(part, patterns.row):
        places = Piece(xml).all(patterns.placed).to_frame("cell")
        address = pl.col("cell").str.extract_groups(r"""\br\s*=\s*["']([A-Z]+)([0-9]+)""")
        found = places.select(letter=address.struct.field("1"), row=address.struct.field("2").cast(pl.Int64))
        cells += len(places)
        last_row = max([last_row, *found.select(pl.col("row").max()).drop_nulls()["row"]])
        last_column = max([last_column, *found["letter"].unique()], key=index_of)
    if max(last_row * (index_of(last_column) + 1), cells) > MOST_CELLS:
        where = f"工作表的内容延伸到 {last_column}{last_row}，超过 {MOST_CELLS // 10_000} 万格的上限。"
        message = f"{where}请整行、整列删除数据以外的部分后保存；数据确有这么多时请按年度拆分，或另存为 CSV。"
        raise RefusedFileError(Code.TOO_LARGE, message)


def refuse_text(package: Package, part: str, patterns: Patterns, strings: Strings, total: int) -> None:
    """Refuse a sheet with more text than can be held: so much in its place, `total`, or a long one repeated so often."""
    lengths = pl.Series(strings.lengths, dtype=pl.Int64)
    for xml in package.pieces(part, patterns.row):
        cells = Piece(xml).all(patterns.string.pattern.decode())
        indexes = cells.str.extract("([0-9]+)$").cast(pl.Int64)
        total += int(lengths.gather(indexes.filter(indexes < len(lengths))).sum())
        if total > MOST_TEXT:
            message = f"工作表里的文字合计超过 {MOST_TEXT // HELD >> 20} MiB，未予打开。请删除重复的长文字，或另存为 CSV。"
            raise RefusedFileError(Code.TOO_LARGE, message)
