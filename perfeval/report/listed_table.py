"""A declared table as it is printed (台账附表): numbered rows, groups with subtotals, totals, colours, widths that fill the page."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import accumulate, count, groupby, pairwise
from typing import Any

from perfeval.model.numbers import plain
from perfeval.report.annexes import NONE, SHADE, Annex, aligned_wan
from perfeval.report.declaration import JUDGEMENT, PAINTS
from perfeval.report.figures import FigureValue, mark, unmark
from perfeval.report.listing import LANDSCAPE, NUMBER_WIDTH, PORTRAIT, Listed, ListedRow, Listing
from perfeval.report.wordml import Cell, Row, Table, halves
from schemas import Kind

_NUMBER = Listed("number", "序号", Kind.CODE, NUMBER_WIDTH, is_joined=False)
_ALIGN = {Kind.TEXT: "l", **dict.fromkeys((Kind.CODE, Kind.CHOICE, Kind.DAY, Kind.MONTH, None), "c")}
_UNIT = re.compile("（([^（）]+)）$")
# In twips: half a character of the table's 10.5 points, and what a cell needs besides its text.
_HALF, _SIDES = 105, 134
# In half characters: how much of a long text is set on one line where there is room, and at least.
_LONG, _SHORT = 40, 10


def table_annex(listing: Listing, title: str, note: str) -> Annex:
    """The table as an annex; the standard of its colours stands in the note."""
    setting, columns = listing.setting, (_NUMBER, *listing.columns)
    rows: list[Row] = [[column.header for column in columns], *_rows(listing)]
    widths = _widths(columns, rows, LANDSCAPE if setting.landscape else PORTRAIT)
    table = Table(widths, "".join(_ALIGN.get(column.kind, "r") for column in columns), rows, 1)
    told = note + (setting.colour.told if setting.colour else "")
    return Annex(title, f"（{listing.year}年度）", (table,), told and f"注：{told}", landscape=setting.landscape)


def grouped_rows(listing: Listing) -> dict[str, list[ListedRow]]:
    """The rows by group, in the order of the table; of a table without groups, all of them."""
    groups: dict[str, list[ListedRow]] = {}
    for row in listing.rows:
        groups.setdefault(_group(listing, row), []).append(row)
    return groups


def _rows(listing: Listing) -> Iterator[Row]:
    numbers = count(1)
    for position, (name, rows) in enumerate(grouped_rows(listing).items(), start=1):
        yield from (_row(listing, next(numbers), row) for row in rows)
        if listing.group_by:
            yield _sums(listing, f"{name}小计", f"subtotal_{position}", rows)
    if listing.group_by or listing.setting.totals:
        yield _sums(listing, "合计", "total", listing.rows)


def _group(listing: Listing, row: ListedRow) -> str:
    if listing.group_by is None:
        return ""
    value = row.values[listing.group_by.name]
    return "未填写" if value is None else _text(listing.group_by, value, listing.year)


def _row(listing: Listing, number: int, row: ListedRow) -> Row:
    cells: list[str | Cell] = [str(number)]
    # Where the other ledger has no row, its columns are one cell that says so.
    for is_empty, columns in groupby(listing.columns, key=lambda column: column.is_joined and not row.has_latest):
        if is_empty and listing.setting.latest:
            cells.append(Cell(listing.setting.latest.none, len(list(columns)), align="c"))
        else:
            cells += [_cell(column, row, listing.year) for column in columns]
    return cells


def _cell(column: Listed, row: ListedRow, year: int) -> str | Cell:
    if column.name == JUDGEMENT:
        if row.band is None:
            return NONE
        paint = PAINTS[row.band.colour]
        return Cell(row.band.word, fill=paint.fill, white=paint.white, head=True)
    text = _text(column, row.values[column.name], year)
    return Cell(text, align="c") if text == NONE and column.kind is Kind.TEXT else text


def _text(column: Listed, value: Any, year: int) -> str:  # noqa: ANN401  # what a ledger's cell may hold
    if value is None:
        return NONE
    if column.kind is Kind.MONEY:
        return aligned_wan(value) if column.header.endswith("（万元）") else f"{value:,.2f}"
    if column.kind is Kind.MONTH:
        written, month = str(value).split("-")
        return f"{int(month)}月" if written == str(year) else f"{written}年{int(month)}月"
    return plain(value) if isinstance(value, Decimal) else str(value)  # days as 2022-03-05


def _sums(listing: Listing, label: str, id_: str, rows: Sequence[ListedRow]) -> Row:
    totals, columns = listing.setting.totals, listing.columns
    first = next((place for place, column in enumerate(columns) if column.name in totals), len(columns))
    cells = [(f"{label}（{len(rows)}项）", 1 + first)]
    cells += [(_sum(listing, column, id_, rows) if column.name in totals else "", 1) for column in columns[first:]]
    return [Cell(text, span, align="r", head=True, fill=SHADE) for text, span in cells]


def _sum(listing: Listing, column: Listed, id_: str, rows: Sequence[ListedRow]) -> str:
    """The exact sum of the values there are; of rows that have none, nothing."""
    values = [Decimal(value) for row in rows if (value := row.values[column.name]) is not None]
    if rows and not values:
        return NONE
    total = sum(values, Decimal(0))
    unit = "元" if column.kind is Kind.MONEY else "".join(_UNIT.findall(column.header))
    name = f"{listing.setting.name}_{column.name.replace('.', '_')}_{id_}"
    return mark(FigureValue(name, total, unit), _text(column, total, listing.year))


def _widths(columns: Sequence[Listed], rows: Sequence[Row], room: int) -> list[int]:
    """As declared; the columns without a width share the rest of the page by what stands in them."""
    free = [place for place, column in enumerate(columns) if column.width is None]
    if not free:
        return [column.width or 0 for column in columns]
    room -= sum(column.width or 0 for column in columns)
    longest = _longest(columns, rows)
    wanted, least = [], []
    for place in free:
        head, text = halves(columns[place].header), longest[place]
        full, short = (min(text, _LONG), min(text, _SHORT)) if columns[place].kind is Kind.TEXT else (text, text)
        wanted.append(_SIDES + _HALF * max(head, full))
        least.append(_SIDES + _HALF * max(2 * -(-head // 4), short))  # the head on two lines
    if sum(wanted) <= room:
        shared = _shared(room, wanted)
    elif sum(least) < room:
        rest = _shared(room - sum(least), [full - short for full, short in zip(wanted, least, strict=True)])
        shared = [short + part for short, part in zip(least, rest, strict=True)]
    else:
        shared = _shared(room, least)
    found = dict(zip(free, shared, strict=True))
    return [column.width or found[place] for place, column in enumerate(columns)]


def _longest(columns: Sequence[Listed], rows: Sequence[Row]) -> list[int]:
    """The longest text below each head, in half characters."""
    longest = [0] * len(columns)
    for row in rows[1:]:
        place = 0
        for cell in row:
            text, span = (cell.text, cell.span) if isinstance(cell, Cell) else (cell, 1)
            if span == 1:
                shown = unmark(text)[0]
                longest[place] = max(longest[place], halves(shown) + sum(map(str.isupper, shown)) // 2)  # capitals are wider
            place += span
    return longest


def _shared(room: int, parts: Sequence[int]) -> list[int]:
    """Room shared out in proportion, to the last twip."""
    edges = [room * edge // sum(parts) for edge in accumulate(parts, initial=0)]
    return [right - left for left, right in pairwise(edges)]
