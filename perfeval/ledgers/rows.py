"""From text cells to typed rows (清洗): two lanes, the plain one for nearly all rows, the thorough one for the others.

Rows that the plain reading cannot settle are `odd`. They are read again with every accepted writing, and only among them can
there be blank rows, totals, notes under the table and faulty cells.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

from perfeval.codes import Code
from perfeval.ledgers.cells import BAD, WIDE_CODE, bare, plain_value, says_nothing, trimmed, unreadable, value
from perfeval.ledgers.layout import Layout
from perfeval.ledgers.no_data import EXAMPLE, IN_WORDS, MAYBE_NO_DATA, NUMBERS, TOTAL, TOTALS, WORDS, is_whole, sorts
from perfeval.ledgers.parted import AFTER_COMMA, BEFORE_COMMA, behind, is_parted, told_parted
from perfeval.ledgers.units import contradicted, two_units
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import ROUNDED, unified
from perfeval.model.ledgers import parquet
from perfeval.spreadsheets import HEAD, Cell, Sheet, index_of
from perfeval.texts import UNUSUAL, told_signs
from schemas import Column, Kind, LedgerModel

MOST_FINDINGS = 100_000
"""Of one ledger. More help nobody, and take more memory than an office's computer has."""
_MOST_PLACES, _MOST_OTHERS = 5, 128
# So many cells of odd rows are looked at at a time: every writing that is tried takes room for all of them.
_SOME_CELLS = 1_500_000
_PADDED = r"^\s|\s$"
# How fastexcel prints a cell that Excel holds as a day.
_EXCEL_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"
_MONTHS = "(?:[0-9]{1,2}月|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# What becomes of a code that Excel took for a number or a day, in a csv too.
_CHANGED = (
    f"{_EXCEL_DAY}|^[0-9](?:[.][0-9]+)?[eE](?:[+]?[0-9]+|-[0-9]{{2,}})$"
    f"|^[0-9]{{1,2}}月[0-9]{{1,2}}日$|^[0-9]{{1,2}}-{_MONTHS}$|^{_MONTHS}-[0-9]{{2}}$"
)
# What a program writes in the place of what it could not compute or show, as text.
_TOLD_BROKEN = "这里是公式或它出错的结果，或栏宽不够时的#。请改正公式、放宽栏宽后重新导出，或直接填写内容。"
_BROKEN = r"^#(?:N/A|[A-Z]+(?:/0)?[!?]|GETTING_DATA|#+)$|^=[A-Za-z_.]+[(0-9$!|]"


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
    rounded: Counter[str] = field(default_factory=Counter)
    """How often a code was told to be rounded: one that is right may stand in every row."""
    shifted: set[int] = field(default_factory=set)
    """Rows whose cells stand in wrong columns, because one was parted: what else is wrong with them is told when that is mended."""

    def clean(self) -> Cleaned:
        parts: list[bytes] = []
        others: list[pl.DataFrame] = []
        for plain, odd in self._read():
            data = []
            for some in odd.iter_slices(max(_SOME_CELLS // odd.width, 1)) if odd.width else ():
                if len(self.findings) < MOST_FINDINGS:
                    read, other = self._sort_out(some)
                    data += [read] if read.height else []
                    others.append(other)
            frame = pl.concat([plain, *data]).sort("row") if data else plain
            if frame.height:
                self.last_row = int(frame["row"][-1])
            parts.append(parquet(frame))
        # Of a long csv, Parquet takes a hundredth of the memory, and what later looks need of it is read in no time.
        rows = frame.lazy() if len(parts) == 1 else pl.scan_parquet(parts)
        ignored = self._judge(pl.concat(others), rows) if others else frozenset()
        return Cleaned(rows, tuple(parts), self.last_row, self.findings, self._spoken(), ignored)

    def _read(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Per block the rows that the plain reading settles, and the text of the odd ones."""
        columns = self.layout.columns
        doubts = [doubt for column in columns for doubt in self._doubts(column, pl.col(self.layout.letters[column.name]))]
        doubts.extend(self._doubts_of_rows())
        last = index_of(self.layout.last_letter)
        beyond = [] if self.sheet.binary else [pl.col(letter) for letter in self.sheet.letters if index_of(letter) > last]
        doubts.extend(text.is_not_null() for text in beyond)
        odd = pl.any_horizontal(doubts).fill_null(value=False)
        texts = [pl.col(letter).alias(name) for name, letter in self.layout.letters.items()]
        # The word 合计 often stands in a column the ledger does not know, such as a running number.
        texts += [pl.col(letter) for letter in self.sheet.letters if letter not in self.layout.letters.values()][:_MOST_OTHERS]
        surplus = pl.coalesce([*beyond, pl.lit(None, pl.String)]).alias("_surplus")
        names = [pl.col(column.name) if column.name in self.layout.letters else self._absent(column) for column in self.model.columns()]
        for block in self.sheet.rows(self.layout.header_row):
            rows = block.with_columns(cut) if (cut := list(self._without_cut_codes())) else block
            readings = (self._plain(column, rows) for column in columns)
            read = rows.lazy().with_columns(readings).select("row", *names, _odd=odd).collect()
            is_odd = read.drop_in_place("_odd")
            if is_odd.any():
                yield read.filter(~is_odd), rows.filter(is_odd).select("row", surplus, *texts)
            else:  # as of nearly every block
                yield read, pl.DataFrame()

    def _plain(self, column: Column, rows: pl.DataFrame) -> pl.Expr:
        letter = self.layout.letters[column.name]
        text = pl.col(letter)
        # A code or choice with a stray blank is odd: in a long csv that is cheaper, unless a program has padded all of them.
        is_bare = column.kind in {Kind.CODE, Kind.CHOICE} and not (self.sheet.binary or rows[letter].head(HEAD).str.contains(_PADDED).any())
        text = text if column.kind in BAD or is_bare else text.str.strip_chars()
        return plain_value(column, text, self.layout.units[column.name], binary=self.sheet.binary).alias(column.name)

    def _doubts(self, column: Column, text: pl.Expr) -> Iterator[pl.Expr]:
        """When the plain reading of a cell does not settle it."""
        read = pl.col(column.name)
        if column.kind in BAD:
            yield read.is_null() if column.required else read.is_null() & text.is_not_null()
            letter, other = behind(self.sheet, self.layout, column)
            # What is no day or choice is odd anyway.
            if letter and (other is None or other.kind in WORDS):
                yield text.str.contains(BEFORE_COMMA) & pl.col(letter).str.contains(AFTER_COMMA)
            return
        if column.required:
            yield read.is_null()
        yield read.str.len_bytes() == 0
        if column.kind is Kind.CHOICE:
            yield ~read.is_in(column.choices)
        elif not column.required:
            yield says_nothing(read)
        if column.kind is Kind.CODE:
            yield read.str.contains(f"{UNUSUAL}|{_CHANGED}|{ROUNDED}|{_PADDED}|{EXAMPLE}|^[#='`‘’]")
        elif column.kind is Kind.TEXT and self.sheet.binary:
            yield read.str.contains(f"^[#=]|{_EXCEL_DAY}")
        elif column.kind is Kind.TEXT:  # of many rows, this is faster
            yield read.str.starts_with("#")
            yield read.str.starts_with("=")

    def _doubts_of_rows(self) -> Iterator[pl.Expr]:
        """Of a ledger of words and numbers alone, a total or a second header looks like data."""
        columns = self.layout.columns
        required = [column for column in columns if column.required]
        if sum(column.kind in WORDS for column in required) < 2 and all(column.kind in (*NUMBERS, *WORDS) for column in required):  # noqa: PLR2004  # a total has one word
            yield from (pl.col(column.name).str.contains(MAYBE_NO_DATA) for column in columns if column.kind in WORDS)
        if not any(column.kind is Kind.CODE and self.layout.letters[column.name] == self.sheet.letters[0] for column in columns):
            yield pl.col(self.sheet.letters[0]).str.contains(EXAMPLE)
        if all(column.kind in WORDS for column in columns):
            yield pl.col(columns[0].name) == self.layout.header(columns[0])

    def _without_cut_codes(self) -> Iterator[pl.Expr]:
        """Numbers that a workbook cut to 15 digits are no codes: what is left of two of them may be the same."""
        for column in self.layout.columns:
            letter = self.layout.letters[column.name]
            if column.kind is Kind.CODE and (cut := [row for row, at in self.sheet.traits.long_numbers if at == letter]):
                yield pl.when(~pl.col("row").is_in(cut)).then(pl.col(letter)).alias(letter)

    def _absent(self, column: Column) -> pl.Expr:
        return pl.lit(None, self.model.empty_frame().schema[column.name]).alias(column.name)

    def _exact(self, column: Column) -> pl.Expr:
        if column.name not in self.layout.letters:
            return self._absent(column)
        text, unit, epoch_1904 = pl.col(column.name), self.layout.units[column.name], self.sheet.traits.epoch_1904
        read = value(column, text, unit, binary=self.sheet.binary, epoch_1904=epoch_1904)
        if column.kind is Kind.CODE:
            read = pl.when(~text.str.contains(_CHANGED)).then(read)
        return pl.when(~is_parted(self.sheet, self.layout, column)).then(read).alias(column.name)

    def _sort_out(self, odd: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of a block's odd rows, the data read exactly; and the others, as text and with the `sort` they are of."""
        rows = _each_column(odd, trimmed)
        # A row with all that must be in it is data, which spares most rows the many looks at all their cells.
        whole = rows.select(is_whole(self.layout)).to_series()
        others = rows.filter(~whole)
        others = others.with_columns(_sort=sorts(others, self.layout) if others.height else pl.lit("data"))
        rows = pl.concat([rows.filter(whole).with_columns(_sort=pl.lit("data")), others]).sort("row")
        data = rows.filter(_sort="data")
        split = data.filter(pl.any_horizontal(is_parted(self.sheet, self.layout, column) for column in self.layout.columns))["row"]
        surplus = rows.filter(pl.col("_surplus").is_not_null() & ~pl.col("row").is_in(split.implode()))
        self._tell(self._surplus(row) for row in surplus.iter_rows(named=True))
        self.shifted.update(split, surplus["row"])
        if data.is_empty():  # as where the total is the only odd row
            return data, rows
        bared = data.with_columns(bare(pl.col(column.name)) for column in self.layout.columns if column.kind is not Kind.TEXT)
        exact = bared.select("row", *(self._exact(column) for column in self.model.columns()))
        self._tell(self._faulty(data, exact))
        return exact, rows.filter(pl.col("_sort") != "data")

    def _spoken(self) -> frozenset[Cell]:
        if len(self.findings) >= MOST_FINDINGS:
            return frozenset()
        told = [(finding.row, finding.cell.rstrip("0123456789")) for finding in self.findings if finding.row and finding.cell]
        return frozenset([*told, *((row, letter) for row in self.shifted for letter in self.layout.letters.values())])

    def _judge(self, others: pl.DataFrame, rows: pl.LazyFrame) -> frozenset[int]:
        """Judge the rows that are no data, now that it is known where the data end; tells which of them are in their place."""
        at_end = pl.col("row") > self.last_row
        headers, notes = others.filter(_sort="header"), others.filter(at_end, _sort="note")
        totals = others.filter(at_end, pl.col("_sort").is_in(TOTALS))
        inside = others.filter(pl.col("_sort").is_in(["stray", "example"]) | (~at_end & pl.col("_sort").is_in(["note", *TOTALS])))
        self._tell(self._no_row(row) for row in inside.iter_rows(named=True))
        if numbers := headers["row"].to_list():
            places = "、".join(map(str, numbers[:_MOST_PLACES])) + ("等" if len(numbers) > _MOST_PLACES else "")
            message = f"第{places}行重复了表头、标题或页码，不当作数据。"
            title, note = self.model.ledger_title(), Severity.NOTE
            self.findings.append(self.sheet.finding(Code.REPEATED_HEADER, message, severity=note, ledger=title, row=numbers[0]))
        for line in notes.drop("row", "_sort").iter_rows():
            for column, unit in contradicted(self.layout, "|".join(filter(None, line))):
                self.findings.append(two_units(self.model, self.sheet, self.layout, column, unit))
        traits = self.sheet.traits
        unsure = {letter for _, letter in (*self._spoken(), *traits.errors, *traits.uncomputed)}
        # What was spent before this table began is in no row of it.
        self.findings += self._wrong_totals(totals.filter(_sort="total"), rows, unsure)
        return frozenset([*headers["row"], *totals["row"], *notes["row"]])

    def _tell(self, findings: Iterable[Finding]) -> None:
        self.findings.extend(islice(findings, max(MOST_FINDINGS - len(self.findings), 0)))

    def _no_row(self, cells: dict[str, str | int]) -> Finding:
        """A finding on a row that is no data but stands among data, at its first filled cell."""
        column = next(column for column in self.layout.columns if cells[column.name] is not None)
        if cells["_sort"] in TOTALS:
            message = "合计行只能放在最后一行数据之后。请删除中间的合计、小计行，或移到表尾。"
            return self._finding(Code.TOTAL_INSIDE, message, column, cells)
        if cells["_sort"] == "example":
            message = "这一行写着“例”，像是填写示例，没有计入。是示例的请删除；是数据的请去掉“例”字。"
            return self._finding(Code.NOT_A_ROW, message, column, cells)
        message = "这一行不像台账行，只有个别单元格有内容。是数据的请补全，是说明、结转或余额的请移到表头上方或删除。"
        return self._finding(Code.NOT_A_ROW, message, column, cells)

    def _surplus(self, cells: dict[str, str | int]) -> Finding:
        message = "这一行的格数比表头多，后面的内容可能错了位。含逗号的内容（如 1,234.50）要用英文双引号括起来。"
        row, value = int(cells["row"]), str(cells["_surplus"])
        return self.sheet.finding(Code.TOO_MANY_CELLS, message, ledger=self.model.ledger_title(), row=row, value=value)

    def _faulty(self, data: pl.DataFrame, exact: pl.DataFrame) -> Iterator[Finding]:
        """A finding for every cell of a data row that could not be read, or was read without a sign nobody meant."""
        is_sound = ~data["row"].is_in(list(self.shifted))
        for column in self.layout.columns:
            text = data[column.name]
            if code := BAD.get(column.kind):
                bad = text.is_not_null() & exact[column.name].is_null()
                split = data.select(is_parted(self.sheet, self.layout, column)).to_series()
                yield from (
                    self._finding(code, told_parted(self.sheet, self.layout, column, cells), column, cells)
                    for cells in data.filter(split).to_dicts()
                )
            elif column.kind in WORDS or self.sheet.binary:
                broken = data.filter(text.str.contains(_BROKEN).fill_null(value=False) & is_sound)
                yield from (self._finding(Code.FORMULA_ERROR, _TOLD_BROKEN, column, cells) for cells in broken.iter_rows(named=True))
                if column.kind is not Kind.CODE and not self.sheet.binary:
                    continue
                changed = _CHANGED if column.kind is Kind.CODE else _EXCEL_DAY
                code, bad = Code.CHANGED_BY_EXCEL, text.str.contains(changed).fill_null(value=False)
            else:
                continue
            for cells in data.filter(bad & is_sound).iter_rows(named=True):
                yield self._finding(code, unreadable(column, cells[column.name]), column, cells)
            if column.kind is Kind.CODE:
                yield from self._odd_codes(column, data.filter(is_sound))

    def _odd_codes(self, column: Column, data: pl.DataFrame) -> Iterator[Finding]:
        """Warnings on codes that look cut, at their first cells, and on signs in codes that nobody sees or that look like others."""
        for cells in data.filter(pl.col(column.name).str.contains(ROUNDED)).iter_rows(named=True):
            self.rounded[cells[column.name]] += 1
            if self.rounded[cells[column.name]] <= _MOST_PLACES:
                message = "编号超过15位，末尾全是0，可能是 Excel 当作数字改掉的。请与原件核对；不对的请把单元格设为文本后重填。"
                yield self._finding(Code.CHANGED_BY_EXCEL, message, column, cells, Severity.WARNING)
        narrowed = data[column.name].str.replace_many(list(WIDE_CODE), list(WIDE_CODE.values()))
        for cells in data.filter(unified(narrowed).str.contains(UNUSUAL)).iter_rows(named=True):
            signs = told_signs(cells[column.name].translate(str.maketrans(WIDE_CODE)))
            message = f"编号里{signs}，多半是粘贴带来的。请重新键入这个编号。"
            yield self._finding(Code.ODD_SIGN, message, column, cells, Severity.WARNING)

    def _wrong_totals(self, totals: pl.DataFrame, rows: pl.LazyFrame, unsure: set[str]) -> Iterator[Finding]:
        """A finding for every total that differs from the sum of its column; not where the column itself has faults."""
        for column in self.layout.columns:
            if column.kind not in {Kind.MONEY, Kind.COUNT, Kind.QUANTITY} or self.layout.letters[column.name] in unsure:
                continue
            if totals[column.name].null_count() == totals.height:
                continue
            text = pl.col(column.name)
            said = text.is_not_null() & ~says_nothing(text) & ~text.str.contains(f"{TOTAL}|{IN_WORDS}")
            written = totals.filter(said).with_columns(bare(text)).with_columns(_read=self._exact(column))
            if written.is_empty():
                continue
            total = rows.select(pl.col(column.name).sum()).collect().item()
            for cells in written.iter_rows(named=True):
                if cells["_read"] != total:
                    unit = "元" if column.kind is Kind.MONEY else column.unit
                    number = f"{total.normalize():,f}" if column.kind is Kind.QUANTITY else f"{total:,}"
                    message = f"合计与各行之和不符：各行之和为 {number}{unit}。请检查是否漏行、重行，或合计没有更新。"
                    yield self._finding(Code.TOTAL_DIFFERS, message, column, cells)

    def _finding(
        self, code: Code, message: str, column: Column, cells: dict[str, str | int], severity: Severity = Severity.ERROR
    ) -> Finding:
        return self.sheet.finding(
            code,
            message,
            severity=severity,
            ledger=self.model.ledger_title(),
            row=int(cells["row"]),
            letter=self.layout.letters[column.name],
            column=column.header,
            value=str(cells[column.name]),
        )


def _each_column(frame: pl.DataFrame, change: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
    """The frame with all its texts changed at once: one look, whatever the number of columns."""
    names = [name for name in frame.columns if name != "row"]
    texts = change(pl.concat([frame[name] for name in names]))
    return frame.with_columns(texts.slice(place * frame.height, frame.height).alias(name) for place, name in enumerate(names))


def clean_rows(model: type[LedgerModel], sheet: Sheet, layout: Layout) -> Cleaned:
    """Read every row below the header.

    Raises: RefusedFileError: a csv breaks off further down.
    """
    return _Cleaner(model, sheet, layout).clean()
