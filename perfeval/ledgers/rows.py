"""From text cells to typed rows (清洗): two lanes, the plain one for nearly all rows, the thorough one for the others.

Rows that the plain reading cannot settle are `odd`. They are read again with every accepted writing, and only among them can
there be blank rows, totals, notes under the table and faulty cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from perfeval.codes import Code
from perfeval.ledgers.cells import BAD, BLANKS, NOTHING, plain_value, trim, unreadable, value
from perfeval.ledgers.headers import Layout
from perfeval.model import Finding
from perfeval.model.ledgers import parquet
from perfeval.spreadsheets import Cell, Sheet, index_of
from schemas import Column, Kind, LedgerModel

_TOTAL = "^(?:本[页月季年]|本?年度|全年)?(?:合|小|总|共|累)计(?:金额|数)?[:：]?$"
_NOTE = "^(?:制表|填表|填报|审核|复核|经办|负责人|单位负责人|备注|说明|注)[^：:]{0,4}[：:]"
# How fastexcel prints a cell that Excel holds as a day.
_EXCEL_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"
# What becomes of a code that Excel took for a number or a day, in a csv too.
_CHANGED = f"{_EXCEL_DAY}|^[0-9](?:\\.[0-9]+)?E\\+?[0-9]+$|^[0-9]{{1,2}}月[0-9]{{1,2}}日$"
_UNUSUAL = "[！-～\u200b-\u200d\u2060\ufeff]"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Typed rows in sheet order, what is wrong with their cells, and what later looks must know."""

    rows: pl.LazyFrame
    parts: tuple[bytes, ...]
    """The rows as Parquet files."""
    last_row: int
    """The sheet's number of the last row; 0 where there is none."""
    findings: list[Finding]
    spoken: frozenset[Cell]
    """Cells that have a finding: that they are empty is no finding of its own."""
    ignored: frozenset[int]
    """Rows that are no data: totals at the end, notes under the table."""


@dataclass(slots=True)
class _Cleaner:
    """One ledger's sheet being cleaned, block by block."""

    model: type[LedgerModel]
    sheet: Sheet
    layout: Layout
    findings: list[Finding] = field(default_factory=list)
    last_row: int = 0

    def clean(self) -> Cleaned:
        parts: list[bytes] = []
        others: list[pl.DataFrame] = []
        for plain, odd in self._read():
            frame = plain
            if odd.height:
                data, other = self._sort_out(odd)
                frame = pl.concat([plain, data]).sort("row")
                others.append(other)
            if frame.height:
                self.last_row = int(frame["row"][-1])
            parts.append(parquet(frame))
        # Of a long csv, Parquet takes a hundredth of the memory, and what later looks need of it is read in no time.
        rows = frame.lazy() if len(parts) == 1 else pl.scan_parquet(parts)
        ignored = self._judge(pl.concat(others), rows) if others else frozenset()
        return Cleaned(rows, tuple(parts), self.last_row, self.findings, self._spoken(), ignored)

    def _read(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Per block the rows that the plain reading settles, and the text of the odd ones."""
        readings: list[pl.Expr] = []
        doubts: list[pl.Expr] = []
        for column in self.layout.columns:
            text = pl.col(self.layout.letters[column.name])
            unit = self.layout.units[column.name]
            reading = plain_value(column, text if column.kind in BAD else text.str.strip_chars(), unit, binary=self.sheet.binary)
            readings.append(reading.alias(column.name))
            doubts.extend(self._doubts(column, text))
        last = index_of(self.layout.last_letter)
        beyond = [] if self.sheet.binary else [pl.col(letter) for letter in self.sheet.letters if index_of(letter) > last]
        doubts.extend(text.is_not_null() for text in beyond)
        odd = pl.any_horizontal(doubts).fill_null(value=False)
        texts = [pl.col(letter).alias(name) for name, letter in self.layout.letters.items()]
        # The word 合计 often stands in a column the ledger does not know, such as a running number.
        texts += [pl.col(letter) for letter in self.sheet.letters if letter not in self.layout.letters.values()]
        surplus = pl.coalesce([*beyond, pl.lit(None, pl.String)]).alias("surplus")
        names = [pl.col(column.name) if column.name in self.layout.letters else self._absent(column) for column in self.model.columns()]
        for rows in self.sheet.rows(self.layout.header_row):
            read = rows.lazy().with_columns(readings).select("row", *names, odd=odd).collect()
            is_odd = read.drop_in_place("odd")
            plain = read.filter(~is_odd) if is_odd.any() else read  # which spares a copy of nearly every block
            yield plain, rows.filter(is_odd).select("row", surplus, *texts)

    def _doubts(self, column: Column, text: pl.Expr) -> Iterator[pl.Expr]:
        """When the plain reading of a cell does not settle it."""
        read = pl.col(column.name)
        if column.kind in BAD:
            yield read.is_null() if column.required else read.is_null() & text.is_not_null()
            return
        if column.required:
            yield read.is_null()
        yield read.str.len_bytes() == 0
        if not column.required and column.kind is not Kind.CHOICE:
            yield read.is_in(NOTHING)
        if column.kind is Kind.CODE:
            yield read.str.contains(f"{_UNUSUAL}|{_CHANGED}")
        elif column.kind is not Kind.TEXT:
            yield read.str.contains(f"{_UNUSUAL}|{_EXCEL_DAY}")
        elif self.sheet.binary:
            yield read.str.contains(_EXCEL_DAY)

    def _absent(self, column: Column) -> pl.Expr:
        return pl.lit(None, self.model.empty_frame().schema[column.name]).alias(column.name)

    def _exact(self, column: Column) -> pl.Expr:
        if column.name not in self.layout.letters:
            return self._absent(column)
        unit, epoch_1904 = self.layout.units[column.name], self.sheet.marks.epoch_1904
        return value(column, pl.col(column.name), unit, binary=self.sheet.binary, epoch_1904=epoch_1904).alias(column.name)

    def _sort_out(self, odd: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of a block's odd rows, the data read exactly; and the others, as text and with the `sort` they are of."""
        names = pl.col([column.name for column in self.layout.columns])
        filled = pl.sum_horizontal(names.is_not_null())
        texts = pl.all().exclude("row")
        is_total = pl.any_horizontal(texts.str.replace_all(f"[{BLANKS}]", "").str.contains(_TOTAL))
        is_note = pl.all_horizontal(texts.str.contains(_NOTE).fill_null(value=True))
        sort = pl.when(filled == 0).then(pl.lit("blank")).when(is_total).then(pl.lit("total")).when(is_note).then(pl.lit("note"))
        rows = odd.with_columns(trim(pl.col(name)) for name in odd.columns if name != "row")
        rows = rows.with_columns(sort=sort.when(filled == 1).then(pl.lit("stray")).otherwise(pl.lit("data")))
        self.findings += [self._surplus(row) for row in rows.filter(pl.col("surplus").is_not_null()).iter_rows(named=True)]
        data = rows.filter(sort="data")
        exact = data.select("row", *(self._exact(column) for column in self.model.columns()))
        self.findings += self._faulty(data, exact)
        return exact, rows.filter(pl.col("sort") != "data")

    def _spoken(self) -> frozenset[Cell]:
        return frozenset((finding.row, finding.cell.rstrip("0123456789")) for finding in self.findings if finding.row and finding.cell)

    def _judge(self, others: pl.DataFrame, rows: pl.LazyFrame) -> frozenset[int]:
        """Judge the rows that are no data, now that it is known where the data end; tells which of them are in their place."""
        at_end = pl.col("row") > self.last_row
        totals, notes = others.filter(at_end, sort="total"), others.filter(at_end, sort="note")
        inside = others.filter((pl.col("sort") == "stray") | (~at_end & pl.col("sort").is_in(["total", "note"])))
        self.findings += [self._no_row(row) for row in inside.iter_rows(named=True)]
        marks = self.sheet.marks
        unsure = {letter for _, letter in (*self._spoken(), *marks.errors, *marks.uncomputed)}
        self.findings += self._wrong_totals(totals, rows, unsure)
        return frozenset([*totals["row"], *notes["row"]])

    def _no_row(self, cells: dict[str, str | int]) -> Finding:
        """A finding on a row that is no data but stands among data, at its first filled cell."""
        column = next(column for column in self.layout.columns if cells[column.name] is not None)
        if cells["sort"] == "total":
            message = "合计行只能放在最后一行数据之后。请删除中间的合计、小计行，或移到表尾。"
            return self._finding(Code.TOTAL_INSIDE, message, column, cells)
        message = "这一行不像台账行，只有个别单元格有内容。是数据的请补全，是说明的请移到表头上方或删除。"
        return self._finding(Code.NOT_A_ROW, message, column, cells)

    def _surplus(self, cells: dict[str, str | int]) -> Finding:
        message = "这一行的格数比表头多，后面的内容可能错了位。含逗号的内容（如 1,234.50）要用英文双引号括起来。"
        row, value = int(cells["row"]), str(cells["surplus"])
        return self.sheet.finding(Code.TOO_MANY_CELLS, message, ledger=self.model.ledger_title(), row=row, value=value)

    def _faulty(self, data: pl.DataFrame, exact: pl.DataFrame) -> Iterator[Finding]:
        """A finding for every cell of a data row that could not be read."""
        for column in self.layout.columns:
            text = data[column.name]
            if code := BAD.get(column.kind):
                bad = text.is_not_null() & exact[column.name].is_null()
            elif column.kind is Kind.CODE or self.sheet.binary:
                changed = _CHANGED if column.kind is Kind.CODE else _EXCEL_DAY
                code, bad = Code.CHANGED_BY_EXCEL, text.str.contains(changed).fill_null(value=False)
            else:
                continue
            for cells in data.filter(bad).iter_rows(named=True):
                yield self._finding(code, unreadable(column, cells[column.name]), column, cells)

    def _wrong_totals(self, totals: pl.DataFrame, rows: pl.LazyFrame, unsure: set[str]) -> Iterator[Finding]:
        """A finding for every total that differs from the sum of its column; not where the column itself has faults."""
        for column in self.layout.columns:
            if column.kind not in {Kind.MONEY, Kind.COUNT, Kind.QUANTITY} or self.layout.letters[column.name] in unsure:
                continue
            said = pl.col(column.name).is_not_null() & ~pl.col(column.name).is_in(NOTHING)
            written = totals.filter(said).with_columns(read=self._exact(column))
            if written.is_empty():
                continue
            total = rows.select(pl.col(column.name).sum()).collect().item()
            for cells in written.iter_rows(named=True):
                if cells["read"] != total:
                    unit = "元" if column.kind is Kind.MONEY else column.unit
                    number = f"{total.normalize():,f}" if column.kind is Kind.QUANTITY else f"{total:,}"
                    message = f"合计与各行之和不符：各行之和为 {number}{unit}。请检查是否漏行、重行，或合计没有更新。"
                    yield self._finding(Code.TOTAL_DIFFERS, message, column, cells)

    def _finding(self, code: Code, message: str, column: Column, cells: dict[str, str | int]) -> Finding:
        return self.sheet.finding(
            code,
            message,
            ledger=self.model.ledger_title(),
            row=int(cells["row"]),
            letter=self.layout.letters[column.name],
            column=column.header,
            value=str(cells[column.name]),
        )


def clean_rows(model: type[LedgerModel], sheet: Sheet, layout: Layout) -> Cleaned:
    """Read every row below the header.

    Raises: RefusedFileError: a csv breaks off further down.
    """
    return _Cleaner(model, sheet, layout).clean()
