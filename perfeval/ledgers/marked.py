"""Findings from what a worksheet says beside its values (工作表的标记): errors, merging, hiding, striking through, pictures."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

import polars as pl

from perfeval.codes import Code
from perfeval.ledgers.cells import BAD
from perfeval.ledgers.layout import Layout
from perfeval.ledgers.rows import MOST_FINDINGS, Cleaned
from perfeval.model import Finding, Severity
from perfeval.spreadsheets import Cell, Sheet, index_of
from schemas import Column, Kind, LedgerModel

# Merged areas do not overlap in Excel; a workbook made to harm may say so.
_MOST_MERGED, _MOST_AREAS = 1_000_000, 1_000
_MOST_RUNS = 20


def marked_findings(model: type[LedgerModel], sheet: Sheet, layout: Layout, cleaned: Cleaned) -> tuple[list[Finding], frozenset[Cell]]:
    """Findings of a sheet's traits, and the cells they speak of."""
    title, traits = model.ledger_title(), sheet.traits
    columns = {layout.letters[column.name]: column for column in layout.columns}

    def is_data(cell: Cell) -> bool:
        row, letter = cell
        return row > layout.header_row and row not in cleaned.ignored and letter in columns

    def at(code: Code, message: str, cell: Cell, value: str | None = None) -> Finding:
        row, letter = cell
        return sheet.finding(code, message, ledger=title, row=row, letter=letter, column=columns[letter].header, value=value)

    errors = {cell: value for cell, value in traits.errors.items() if is_data(cell)}
    uncomputed = {cell for cell in traits.uncomputed if is_data(cell)}
    cut = {cell for cell in traits.long_numbers if is_data(cell) and columns[cell[1]].kind is Kind.CODE}
    told = chain(
        (at(Code.FORMULA_ERROR, f"公式出错（{value}）。请改正公式，或直接填写数值。", cell, value) for cell, value in errors.items()),
        (at(Code.FORMULA_EMPTY, "公式还没有算出结果。请用 Excel 打开、保存后重新提交，或直接填写数值。", cell) for cell in uncomputed),
        (at(Code.CHANGED_BY_EXCEL, "编号超过15位却按数字存放，Excel 已把末尾改成了0。请把单元格设为文本后重填。", cell) for cell in cut),
    )
    findings = list(islice(told, MOST_FINDINGS))
    for cell in sorted(traits.mixed):
        if is_data(cell) and (code := BAD.get(columns[cell[1]].kind)):
            message = "这一格里有的字划去了，或是上标、下标，分不清是哪个数。请重新键入。"
            findings.append(at(code, message, cell))
    for column in layout.columns if traits.months else ():
        letter = layout.letters[column.name]
        if column.kind is Kind.DAY and (rows := [row for row, at in traits.months if at == letter and is_data((row, at))]):
            first = cleaned.rows.filter(pl.col("row").is_in(rows), pl.col(column.name).dt.day() == 1).select("row").collect()["row"]
            message = "这一格只显示到月，Excel 把没有写的日当作1日。应写到日，请按原件重填，并把格式改为显示日。"
            findings += [at(Code.BAD_DAY, message, (row, letter)) for row in first[:MOST_FINDINGS]]
    merged_findings, merged_cells = _merged(model, sheet, layout, cleaned)
    findings += [*merged_findings, *_hidden(model, sheet, layout, cleaned), *_looks(model, sheet, layout, is_data)]
    return findings, frozenset([*errors, *uncomputed, *cut, *merged_cells])


def _merged(model: type[LedgerModel], sheet: Sheet, layout: Layout, cleaned: Cleaned) -> tuple[list[Finding], set[Cell]]:
    """Merged cells among the data: only their first cell has a value, so the others would count as empty."""
    findings: list[Finding] = []
    cells: set[Cell] = set()
    columns = {layout.letters[column.name]: column.header for column in layout.columns}
    last = max([cleaned.last_row, *cleaned.ignored, layout.header_row])
    if len(sheet.traits.merged) > _MOST_AREAS:
        message = f"合并单元格有{len(sheet.traits.merged)}处，只列出一部分。请全部取消合并，并在每一行填上各自的内容。"
        findings.append(sheet.finding(Code.MERGED, message, ledger=model.ledger_title()))
    for area in sheet.traits.merged[:_MOST_AREAS]:
        first_letter, first_row, last_letter, last_row = re.findall("[A-Z]+|[0-9]+", area)
        spanned = [letter for letter in columns if index_of(first_letter) <= index_of(letter) <= index_of(last_letter)]
        rows = range(max(int(first_row), layout.header_row + 1), min(int(last_row), last) + 1)
        if not spanned or cleaned.ignored.issuperset(rows):
            continue
        if len(cells) < _MOST_MERGED:
            cells.update((row, letter) for row in rows for letter in spanned)
        message = f"单元格 {area} 是合并的。请取消合并，并在每一行填上各自的内容。"
        title, column = model.ledger_title(), columns.get(first_letter)
        findings.append(sheet.finding(Code.MERGED, message, ledger=title, row=int(first_row), letter=first_letter, column=column))
    return findings, cells


def _looks(model: type[LedgerModel], sheet: Sheet, layout: Layout, is_data: Callable[[Cell], bool]) -> Iterator[Finding]:
    """Cells that look to a reader as if they did not count, and pictures, which are read as nothing."""
    title, traits = model.ledger_title(), sheet.traits

    def told(code: Code, severity: Severity, message: str, row: int, column: Column | None = None) -> Finding:
        letter, header = (layout.letters[column.name], column.header) if column else (None, None)
        return sheet.finding(code, message, severity=severity, ledger=title, row=row, letter=letter, column=header)

    struck = {cell for cell in traits.struck if is_data(cell)}
    if struck:
        names = "、".join(column.header for column in layout.columns if any(at == layout.letters[column.name] for _, at in struck))
        rows = sorted({row for row, _ in struck})
        message = f"第{_ranges(rows)}行划有删除线（{names}），仍计入。不应计入的请删除整行；应当计入的请去掉删除线。"
        yield told(Code.STRUCK, Severity.WARNING, message, rows[0])
    numbers = [column for column in layout.columns if column.kind in BAD]
    for code, areas, columns, happens in (
        (Code.STRUCK, traits.struck_if, layout.columns, "划去内容，划去的"),
        (Code.HIDDEN, traits.shown_if, numbers, "不显示，或显示成别的数，按存放的数"),
    ):
        if maybe := {column.header: row for column in columns if (row := _first_below(layout, column, areas))}:
            message = f"{'、'.join(maybe)}有条件格式，条件成立时{happens}仍计入。请清除条件格式后核对；不应计入的请删除整行。"
            yield told(code, Severity.WARNING, message, min(maybe.values()))
    for column in layout.columns:
        letter = layout.letters[column.name]
        unseen, pictures = (
            sorted(row for row, at in cells if at == letter and is_data((row, at))) for cells in (traits.unseen, traits.pictures)
        )
        if unseen:
            message = f"“{column.header}”第{_ranges(unseen)}行的内容按单元格格式不显示，仍计入。请把格式改为常规后核对。"
            yield told(Code.HIDDEN, Severity.WARNING, message, unseen[0], column)
        if pictures:
            message = f"“{column.header}”第{_ranges(pictures)}行是图片，读作空白。需要文字的请填写文字；图片请另存为佐证材料。"
            yield told(Code.PICTURE, Severity.NOTE, message, pictures[0], column)


def _first_below(layout: Layout, column: Column, areas: Iterable[str]) -> int | None:
    """The first row below the header of the areas that a column is part of."""
    rows: list[int] = []
    header_row, letter = layout.header_row, layout.letters[column.name]
    for area in islice(areas, _MOST_AREAS):
        if found := re.fullmatch("([A-Z]+)([0-9]+)(?::([A-Z]+)([0-9]+))?", area):
            left, first, right, last = found[1], int(found[2]), found[3] or found[1], int(found[4] or found[2])
            if index_of(left) <= index_of(letter) <= index_of(right) and last > header_row:
                rows.append(max(first, header_row + 1))
    return min(rows, default=None)


def _hidden(model: type[LedgerModel], sheet: Sheet, layout: Layout, cleaned: Cleaned) -> Iterator[Finding]:
    traits = sheet.traits
    if traits.hidden:
        yield _warning(model, sheet, "这张工作表是隐藏的，仍按台账读取。请取消隐藏，或确认应当计入。")
    hidden = cleaned.rows.select("row").filter(pl.col("row").is_in(traits.hidden_rows))
    if traits.hidden_rows and (rows := hidden.collect()["row"].to_list()):
        yield _warning(model, sheet, f"第{_ranges(rows)}行被隐藏或筛选掉，仍计入。请取消隐藏核对；不应计入的请删除。", rows[0])
    columns = [column.header for column in layout.columns if layout.letters[column.name] in traits.hidden_columns]
    if columns:
        yield _warning(model, sheet, f"栏目 {'、'.join(columns)} 被隐藏，仍计入。请取消隐藏核对。")


def _warning(model: type[LedgerModel], sheet: Sheet, message: str, row: int | None = None) -> Finding:
    return sheet.finding(Code.HIDDEN, message, severity=Severity.WARNING, ledger=model.ledger_title(), row=row)


def _ranges(rows: Iterable[int]) -> str:
    """Row numbers as people write them: 5-7、9; of very many the first ones."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    told = "、".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:_MOST_RUNS])
    return told if len(runs) <= _MOST_RUNS else f"{told}等"
