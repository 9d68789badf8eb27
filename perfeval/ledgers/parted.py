"""Numbers of a csv that their own separators may have parted (被逗号拆开的数): 1 | 234.50."""

import polars as pl

from perfeval.ledgers.cells import narrow
from perfeval.ledgers.layout import Layout
from perfeval.ledgers.no_data import NUMBERS
from perfeval.spreadsheets import Sheet, index_of, letter_of
from schemas import Column, Kind

BEFORE_COMMA, AFTER_COMMA = "^[-+]?￥?[-+]? *[0-9]{1,3}$", "^ *[0-9]{3}(?:[.][0-9]*)? *元? *$"


def behind(sheet: Sheet, layout: Layout, column: Column) -> tuple[str | None, Column | None]:
    """The letter and the column, if any, where the rest of a number stands that a csv's commas have parted."""
    letter = letter_of(index_of(layout.letters[column.name]) + 1)
    other = next((other for other in layout.columns if layout.letters[other.name] == letter), None)
    is_last = index_of(letter) > index_of(layout.last_letter)
    is_number = (other is not None and other.kind in NUMBERS) or column.kind not in NUMBERS or column.kind is Kind.PERCENT
    # Few papers belong to one voucher, and the number of a plan stands behind them.
    is_code = column.kind is Kind.COUNT and other is not None and other.kind is Kind.CODE
    return (None, None) if sheet.binary or is_last or is_number or is_code else (letter, other)


def is_parted(sheet: Sheet, layout: Layout, column: Column) -> pl.Expr:
    """Whether a number and the cell behind it may be one number, parted at its own separators."""
    letter, other = behind(sheet, layout, column)
    if letter is None:
        return pl.lit(value=False)
    rest = narrow(pl.col(other.name if other else letter))
    return (narrow(pl.col(column.name)).str.contains(BEFORE_COMMA) & rest.str.contains(AFTER_COMMA)).fill_null(value=False)


def told_parted(sheet: Sheet, layout: Layout, column: Column, cells: dict[str, str]) -> str:
    """What is told at a number that may be the first part of another."""
    letter, other = behind(sheet, layout, column)
    number, rest = cells[column.name], cells[other.name if other else str(letter)]
    seems = f"这一格是 {number}，后一格是 {rest}，可能本是一个数 {number},{rest}，被千位分隔符拆成了两格。"
    return f"{seems}是一个数的请用英文双引号括起来；确是两格的请把这个数写成 {number}.0。"
