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
from perfeval.ledgers.cells import BAD, BLANKS, WIDE_CODE, bare, narrow, plain_value, says_nothing, trimmed, unreadable, value
from perfeval.ledgers.headers import Layout, contradicted, two_units
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import ROUNDED, unified
from perfeval.model.ledgers import parquet
from perfeval.spreadsheets import HEAD, Cell, Sheet, index_of, letter_of
from perfeval.texts import UNUSUAL, told_signs
from schemas import Column, Kind, LedgerModel

MOST_FINDINGS = 100_000
"""Of one ledger. More help nobody, and take more memory than an office's computer has."""
_MOST_PLACES, _FEWEST_CELLS, _MOST_OTHERS = 5, 3, 128
# So many cells of odd rows are looked at at a time: every writing that is tried takes room for all of them.
_SOME_CELLS = 1_500_000
_BESIDE, _TOTALS = {"row", "_surplus", "_sort"}, {"total", "total so far"}
_NUMBERS = (Kind.MONEY, Kind.PERCENT, Kind.QUANTITY, Kind.COUNT)
_WORDS = (Kind.TEXT, Kind.CODE)
# Blanks are taken out of cells before.
_OF = "(?:项目|金额|支出|收入|投资|经费|资金)*"
_SINCE = "(?:本[页月季年期]|本?年度|全年|以上|[0-9一二三四五六七八九十]{1,3}(?:月份?|季度)|截[至止到][^：:]{0,12})?"
_DIGITS_IN_WORDS = "[零〇一二三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟万亿元圆角分整正]"
_LABEL_OF_WORDS = "^(?:人民币|合计|总计|金额|[（(])*大写"
_TOTAL = (
    f"^{_SINCE}{_OF}(?:(?:合|小|总|共|累)计|汇总|总金额|总额|(?i:sum|total)){_OF}(?:人民币)?[数额]?(?:[0-9]+[笔张项条份次个])?(?:[（(][^）)]*[）)])?[:：]?"
    f"(?:[-￥¥0-9,.]+元?|{_DIGITS_IN_WORDS}+)?$"
)
_CUMULATIVE = f"^{_SINCE}{_OF}累计"
# What was left before, or is carried over a page.
_CARRIED = (
    "^(?:[承接转过][前上次下]页|(?:上年|上[期月]|[年期][初末]|本[年期])?(?:余额|(?:滚存)?结[余转])|结转[上下][年期])(?:[数额]|金额)?[：:]?$"
)
_IN_WORDS = f"{_LABEL_OF_WORDS}[）)]?[:：]?{_DIGITS_IN_WORDS}*$|^(?:人民币)?{_DIGITS_IN_WORDS}+[元圆角分整正]$"
_NUMBER = f"^[^：:]*[0-9０-９]|^{_DIGITS_IN_WORDS}*[〇一二三四五六七八九十百千]$"
_NOTE = (
    "^(?:制表|填[表报]|打印|导出|报送|审[核批]|复核|经办|会计|出纳|主管|负责人|单位|部门|联系|电话|日期|备注|说明|附注|注|签[字章]|盖章)[^：:]{0,6}"
    "(?:[：:]|[（(](?:签字|签章|盖章|签名|公章)[）)]$)|^[（(]?(?:转下页|接上页|续上?表|未完待续|完)[）)]?$|^[-—]+完[-—]+$"
    f"|^[（(]?以下(?:空白|无正文|无内容)|{_LABEL_OF_WORDS}"
)
_PAGE = "^第?[0-9]+页(?:[，,/]?共?[0-9]+页)?$"
_EXAMPLE = r"^[\s（(【]*(?:填[写报]?)?\s*[示样范举]?\s*例\s*行?\s*(?:[：:）)】]|$)"
# Under many a header its columns are numbered.
_COUNTED = "^[（(]?(?:[0-9]{1,2}|[甲乙丙丁戊己庚辛]|[①-⑳]|栏次|序号)[）)]?(?:=[-+*/×÷0-9（）()]+)?$"
# What may be no data where a row without it would be one: any total, note or page number.
_MAYBE_NO_DATA = "计|[：:]|页|大写"
# A number that its own separators may have parted: 1 | 234.50
_BEFORE_COMMA, _AFTER_COMMA = "^[-+]?￥?[-+]? *[0-9]{1,3}$", "^ *[0-9]{3}(?:[.][0-9]*)? *元? *$"
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
            behind, other = self._behind(column)
            # What is no day or choice is odd anyway.
            if behind and (other is None or other.kind in _WORDS):
                yield text.str.contains(_BEFORE_COMMA) & pl.col(behind).str.contains(_AFTER_COMMA)
            return
        if column.required:
            yield read.is_null()
        yield read.str.len_bytes() == 0
        if column.kind is Kind.CHOICE:
            yield ~read.is_in(column.choices)
        elif not column.required:
            yield says_nothing(read)
        if column.kind is Kind.CODE:
            yield read.str.contains(f"{UNUSUAL}|{_CHANGED}|{ROUNDED}|{_PADDED}|{_EXAMPLE}|^[#='`‘’]")
        elif column.kind is Kind.TEXT and self.sheet.binary:
            yield read.str.contains(f"^[#=]|{_EXCEL_DAY}")
        elif column.kind is Kind.TEXT:  # of many rows, this is faster
            yield read.str.starts_with("#")
            yield read.str.starts_with("=")

    def _doubts_of_rows(self) -> Iterator[pl.Expr]:
        """Of a ledger of words and numbers alone, a total or a second header looks like data."""
        columns = self.layout.columns
        required = [column for column in columns if column.required]
        if sum(column.kind in _WORDS for column in required) < 2 and all(column.kind in (*_NUMBERS, *_WORDS) for column in required):  # noqa: PLR2004  # a total has one word
            yield from (pl.col(column.name).str.contains(_MAYBE_NO_DATA) for column in columns if column.kind in _WORDS)
        if not any(column.kind is Kind.CODE and self.layout.letters[column.name] == self.sheet.letters[0] for column in columns):
            yield pl.col(self.sheet.letters[0]).str.contains(_EXAMPLE)
        if all(column.kind in _WORDS for column in columns):
            yield pl.col(columns[0].name) == self._header(columns[0])

    def _without_cut_codes(self) -> Iterator[pl.Expr]:
        """Numbers that a workbook cut to 15 digits are no codes: what is left of two of them may be the same."""
        for column in self.layout.columns:
            letter = self.layout.letters[column.name]
            if column.kind is Kind.CODE and (cut := [row for row, at in self.sheet.traits.long_numbers if at == letter]):
                yield pl.when(~pl.col("row").is_in(cut)).then(pl.col(letter)).alias(letter)

    def _behind(self, column: Column) -> tuple[str | None, Column | None]:
        """The letter and the column, if any, where the rest of a number stands that a csv's commas have parted."""
        letter = letter_of(index_of(self.layout.letters[column.name]) + 1)
        other = next((other for other in self.layout.columns if self.layout.letters[other.name] == letter), None)
        is_last = index_of(letter) > index_of(self.layout.last_letter)
        is_number = (other is not None and other.kind in _NUMBERS) or column.kind not in _NUMBERS or column.kind is Kind.PERCENT
        # Few papers belong to one voucher, and the number of a plan stands behind them.
        is_code = column.kind is Kind.COUNT and other is not None and other.kind is Kind.CODE
        return (None, None) if self.sheet.binary or is_last or is_number or is_code else (letter, other)

    def _header(self, column: Column) -> str:
        return self.layout.head[-1][self.layout.letters[column.name]]

    def _absent(self, column: Column) -> pl.Expr:
        return pl.lit(None, self.model.empty_frame().schema[column.name]).alias(column.name)

    def _exact(self, column: Column) -> pl.Expr:
        if column.name not in self.layout.letters:
            return self._absent(column)
        text, unit, epoch_1904 = pl.col(column.name), self.layout.units[column.name], self.sheet.traits.epoch_1904
        read = value(column, text, unit, binary=self.sheet.binary, epoch_1904=epoch_1904)
        if column.kind is Kind.CODE:
            read = pl.when(~text.str.contains(_CHANGED)).then(read)
        return pl.when(~self._is_split(column)).then(read).alias(column.name)

    def _is_split(self, column: Column) -> pl.Expr:
        """Whether a number and the cell behind it may be one number, parted at its own separators."""
        letter, other = self._behind(column)
        if letter is None:
            return pl.lit(value=False)
        behind = narrow(pl.col(other.name if other else letter))
        return (narrow(pl.col(column.name)).str.contains(_BEFORE_COMMA) & behind.str.contains(_AFTER_COMMA)).fill_null(value=False)

    def _sort_out(self, odd: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of a block's odd rows, the data read exactly; and the others, as text and with the `sort` they are of."""
        rows = _each_column(odd, trimmed)
        # A row with all that must be in it is data, which spares most rows the many looks at all their cells.
        is_whole = rows.select(self._is_whole()).to_series()
        others = rows.filter(~is_whole)
        others = others.with_columns(_sort=self._sorts(others) if others.height else pl.lit("data"))
        rows = pl.concat([rows.filter(is_whole).with_columns(_sort=pl.lit("data")), others]).sort("row")
        data = rows.filter(_sort="data")
        split = data.filter(pl.any_horizontal(self._is_split(column) for column in self.layout.columns))["row"]
        surplus = rows.filter(pl.col("_surplus").is_not_null() & ~pl.col("row").is_in(split.implode()))
        self._tell(self._surplus(row) for row in surplus.iter_rows(named=True))
        self.shifted.update(split, surplus["row"])
        if data.is_empty():  # as where the total is the only odd row
            return data, rows
        bared = data.with_columns(bare(pl.col(column.name)) for column in self.layout.columns if column.kind is not Kind.TEXT)
        exact = bared.select("row", *(self._exact(column) for column in self.model.columns()))
        self._tell(self._faulty(data, exact))
        return exact, rows.filter(pl.col("_sort") != "data")

    def _is_whole(self) -> pl.Expr:
        """Whether all cells of a row are filled that must be, so that it can be no total, note or blank row; nor is it a header."""
        first, *others = sorted(self.layout.columns, key=lambda column: index_of(self.layout.letters[column.name]))
        required = [pl.col(column.name) for column in (first, *others) if column.required]
        is_other = pl.col(first.name).str.contains(_MAYBE_NO_DATA) | (pl.col(first.name) == self._header(first))
        filled = pl.all_horizontal(cell.is_not_null() & ~says_nothing(cell) for cell in required)
        is_other |= pl.col(first.name).str.contains(_EXAMPLE) | pl.col("row").eq(self.layout.header_row + 1)
        return filled & ~is_other.fill_null(value=False) if len(required) >= _FEWEST_CELLS else pl.lit(value=False)

    def _sorts(self, rows: pl.DataFrame) -> pl.Series:
        """What each row is that looks like no data: the first that is so holds."""
        columns, letters = {column.name: column for column in self.layout.columns}, self.layout.letters
        order = sorted((name for name in rows.columns if name not in _BESIDE), key=lambda name: index_of(letters.get(name) or name))
        titles = [text for line in self.layout.head[:-1] for text in line.values()]

        def among(chosen: Iterable[Column]) -> pl.Expr:
            return pl.col("_name").is_in([column.name for column in chosen])

        # All cells one under another: one look at each of them, whatever the number of columns.
        cells = rows.unpivot(order, index="row", variable_name="_name", value_name="_text")
        text, cell, numbers = pl.col("_text"), pl.col("_cell"), [column for column in columns.values() if column.kind in _NUMBERS]
        headers = {name: self._header(column) for name, column in columns.items()}
        cells = cells.with_columns(_cell=text.str.replace_all(f"[{BLANKS}]", "")).with_columns(
            is_known=among(columns.values()), is_number=among(numbers),
            is_note=cell.str.contains(_NOTE), is_total=cell.str.contains(_TOTAL), in_words=cell.str.contains(_IN_WORDS),
        )  # fmt: skip
        says = ~(pl.col("is_total") | pl.col("in_words")) & ~says_nothing(cell)
        counts = {
            "filled": pl.col("is_known") & text.is_not_null(),
            # A total has its word, and perhaps one more; a row of data has all that must be filled.
            "words": pl.col("is_known") & ~pl.col("is_number") & says,
            "labels": pl.col("is_note"),
            "beside": cell.is_not_null() & ~(pl.col("is_note") | pl.col("in_words")),
            "numbers": pl.col("is_number") & cell.str.contains(_NUMBER),
            "headers": text == pl.col("_name").replace_strict(headers, default=None),
            "uncounted": cell.is_not_null() & ~cell.str.contains(_COUNTED),
            "untitled": ~(text.is_in(titles) | cell.str.contains(_PAGE)),
            "so_far": cell.str.contains(_CUMULATIVE),
            "totals": pl.col("is_total") | cell.str.contains(_LABEL_OF_WORDS),
            "required": among(column for column in columns.values() if column.required) & text.is_not_null(),
        }
        found = cells.select("row", "_cell", **{name: is_so.fill_null(value=False) for name, is_so in counts.items()})
        first = pl.col("_cell").drop_nulls().first().fill_null("")
        found = found.group_by("row", maintain_order=True).agg(first, pl.col(list(counts)).sum())
        first, count = pl.col("_cell"), {name: pl.col(name).cast(pl.Int64) for name in counts}
        is_header = count["headers"] * 2 >= len(columns)
        is_header |= (pl.col("row") == self.layout.header_row + 1) & (count["uncounted"] == 0) & (count["filled"] * 2 > len(columns))
        is_note = first.str.contains(_NOTE) & (count["beside"] <= count["labels"]) & (count["numbers"] == 0)
        is_total = (count["totals"] > 0) & (count["words"] <= 1)
        # A row that lacks most of what must be in it is told once, not cell by cell.
        required = sum(column.required for column in columns.values())
        is_stray = (count["filled"] == 1) | (count["required"] * _FEWEST_CELLS <= required)
        is_stray |= first.str.contains(_CARRIED) & (count["required"] < required)
        sorts = {
            "blank": count["filled"] == 0,
            "header": is_header | (count["untitled"] == 0),
            "example": first.str.contains(_EXAMPLE),
            "note": is_note,
            "total so far": is_total & (count["so_far"] > 0),
            "total": is_total,
            "stray": is_stray,
        }
        sort = pl.coalesce(*(pl.when(is_so).then(pl.lit(name)) for name, is_so in sorts.items()), pl.lit("data"))
        return found.select(_sort=sort).to_series()

    def _spoken(self) -> frozenset[Cell]:
        if len(self.findings) >= MOST_FINDINGS:
            return frozenset()
        told = [(finding.row, finding.cell.rstrip("0123456789")) for finding in self.findings if finding.row and finding.cell]
        return frozenset([*told, *((row, letter) for row in self.shifted for letter in self.layout.letters.values())])

    def _judge(self, others: pl.DataFrame, rows: pl.LazyFrame) -> frozenset[int]:
        """Judge the rows that are no data, now that it is known where the data end; tells which of them are in their place."""
        at_end = pl.col("row") > self.last_row
        headers, notes = others.filter(_sort="header"), others.filter(at_end, _sort="note")
        totals = others.filter(at_end, pl.col("_sort").is_in(_TOTALS))
        inside = others.filter(pl.col("_sort").is_in(["stray", "example"]) | (~at_end & pl.col("_sort").is_in(["note", *_TOTALS])))
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
        if cells["_sort"] in _TOTALS:
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
                split = data.select(self._is_split(column)).to_series()
                yield from (self._finding(code, self._split(column, cells), column, cells) for cells in data.filter(split).to_dicts())
            elif column.kind in _WORDS or self.sheet.binary:
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

    def _split(self, column: Column, cells: dict[str, str]) -> str:
        letter, other = self._behind(column)
        number, rest = cells[column.name], cells[other.name if other else str(letter)]
        seems = f"这一格是 {number}，后一格是 {rest}，可能本是一个数 {number},{rest}，被千位分隔符拆成了两格。"
        return f"{seems}是一个数的请用英文双引号括起来；确是两格的请把这个数写成 {number}.0。"

    def _wrong_totals(self, totals: pl.DataFrame, rows: pl.LazyFrame, unsure: set[str]) -> Iterator[Finding]:
        """A finding for every total that differs from the sum of its column; not where the column itself has faults."""
        for column in self.layout.columns:
            if column.kind not in {Kind.MONEY, Kind.COUNT, Kind.QUANTITY} or self.layout.letters[column.name] in unsure:
                continue
            if totals[column.name].null_count() == totals.height:
                continue
            text = pl.col(column.name)
            said = text.is_not_null() & ~says_nothing(text) & ~text.str.contains(f"{_TOTAL}|{_IN_WORDS}")
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
