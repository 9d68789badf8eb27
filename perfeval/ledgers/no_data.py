"""Rows that are no data (非数据行): totals, notes under the table, repeated headers, examples, what is carried over."""

from collections.abc import Iterable

import polars as pl

from perfeval.ledgers.cells import BLANKS, says_nothing
from perfeval.ledgers.layout import Layout
from perfeval.spreadsheets import index_of
from schemas import Column, Kind

_FEWEST_CELLS = 3
_BESIDE, TOTALS = {"row", "_surplus", "_sort"}, {"total", "total so far"}
NUMBERS = (Kind.MONEY, Kind.PERCENT, Kind.QUANTITY, Kind.COUNT)
WORDS = (Kind.TEXT, Kind.CODE)
# Blanks are taken out of cells before.
_OF = "(?:项目|金额|支出|收入|投资|经费|资金)*"
_SINCE = "(?:本[页月季年期]|本?年度|全年|以上|[0-9一二三四五六七八九十]{1,3}(?:月份?|季度)|截[至止到][^：:]{0,12})?"
_DIGITS_IN_WORDS = "[零〇一二三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟万亿元圆角分整正]"
_LABEL_OF_WORDS = "^(?:人民币|合计|总计|金额|[（(])*大写"
TOTAL = (
    f"^{_SINCE}{_OF}(?:(?:合|小|总|共|累)计|汇总|总金额|总额|(?i:sum|total)){_OF}(?:人民币)?[数额]?(?:[0-9]+[笔张项条份次个])?(?:[（(][^）)]*[）)])?[:：]?"
    f"(?:[-￥¥0-9,.]+元?|{_DIGITS_IN_WORDS}+)?$"
)
_CUMULATIVE = f"^{_SINCE}{_OF}累计"
# What was left before, or is carried over a page.
_CARRIED = (
    "^(?:[承接转过][前上次下]页|(?:上年|上[期月]|[年期][初末]|本[年期])?(?:余额|(?:滚存)?结[余转])|结转[上下][年期])(?:[数额]|金额)?[：:]?$"
)
IN_WORDS = f"{_LABEL_OF_WORDS}[）)]?[:：]?{_DIGITS_IN_WORDS}*$|^(?:人民币)?{_DIGITS_IN_WORDS}+[元圆角分整正]$"
_NUMBER = f"^[^：:]*[0-9０-９]|^{_DIGITS_IN_WORDS}*[〇一二三四五六七八九十百千]$"
_NOTE = (
    "^(?:制表|填[表报]|打印|导出|报送|审[核批]|复核|经办|会计|出纳|主管|负责人|单位|部门|联系|电话|日期|备注|说明|附注|注|签[字章]|盖章)[^：:]{0,6}"
    "(?:[：:]|[（(](?:签字|签章|盖章|签名|公章)[）)]$)|^[（(]?(?:转下页|接上页|续上?表|未完待续|完)[）)]?$|^[-—]+完[-—]+$"
    f"|^[（(]?以下(?:空白|无正文|无内容)|{_LABEL_OF_WORDS}"
)
_PAGE = "^第?[0-9]+页(?:[，,/]?共?[0-9]+页)?$"
EXAMPLE = r"^[\s（(【]*(?:填[写报]?)?\s*[示样范举]?\s*例\s*行?\s*(?:[：:）)】]|$)"
# Under many a header its columns are numbered.
_COUNTED = "^[（(]?(?:[0-9]{1,2}|[甲乙丙丁戊己庚辛]|[①-⑳]|栏次|序号)[）)]?(?:=[-+*/×÷0-9（）()]+)?$"
# What may be no data where a row without it would be one: any total, note or page number.
MAYBE_NO_DATA = "计|[：:]|页|大写"


def is_whole(layout: Layout) -> pl.Expr:
    """Whether all cells of a row are filled that must be, so that it can be no total, note or blank row; nor is it a header."""
    first, *others = sorted(layout.columns, key=lambda column: index_of(layout.letters[column.name]))
    required = [pl.col(column.name) for column in (first, *others) if column.required]
    is_other = pl.col(first.name).str.contains(MAYBE_NO_DATA) | (pl.col(first.name) == layout.header(first))
    filled = pl.all_horizontal(cell.is_not_null() & ~says_nothing(cell) for cell in required)
    is_other |= pl.col(first.name).str.contains(EXAMPLE) | pl.col("row").eq(layout.header_row + 1)
    return filled & ~is_other.fill_null(value=False) if len(required) >= _FEWEST_CELLS else pl.lit(value=False)


def sorts(rows: pl.DataFrame, layout: Layout) -> pl.Series:
    """What each row is that looks like no data: the first that is so holds."""
    columns, letters = {column.name: column for column in layout.columns}, layout.letters
    order = sorted((name for name in rows.columns if name not in _BESIDE), key=lambda name: index_of(letters.get(name) or name))
    titles = [text for line in layout.head[:-1] for text in line.values()]

    def among(chosen: Iterable[Column]) -> pl.Expr:
        return pl.col("_name").is_in([column.name for column in chosen])

    # All cells one under another: one look at each of them, whatever the number of columns.
    cells = rows.unpivot(order, index="row", variable_name="_name", value_name="_text")
    text, cell, numbers = pl.col("_text"), pl.col("_cell"), [column for column in columns.values() if column.kind in NUMBERS]
    headers = {name: layout.header(column) for name, column in columns.items()}
    cells = cells.with_columns(_cell=text.str.replace_all(f"[{BLANKS}]", "")).with_columns(
        is_known=among(columns.values()), is_number=among(numbers),
        is_note=cell.str.contains(_NOTE), is_total=cell.str.contains(TOTAL), in_words=cell.str.contains(IN_WORDS),
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
    is_header |= (pl.col("row") == layout.header_row + 1) & (count["uncounted"] == 0) & (count["filled"] * 2 > len(columns))
    is_note = first.str.contains(_NOTE) & (count["beside"] <= count["labels"]) & (count["numbers"] == 0)
    is_total = (count["totals"] > 0) & (count["words"] <= 1)
    # A row that lacks most of what must be in it is told once, not cell by cell.
    required = sum(column.required for column in columns.values())
    is_stray = (count["filled"] == 1) | (count["required"] * _FEWEST_CELLS <= required)
    is_stray |= first.str.contains(_CARRIED) & (count["required"] < required)
    kinds = {
        "blank": count["filled"] == 0,
        "header": is_header | (count["untitled"] == 0),
        "example": first.str.contains(EXAMPLE),
        "note": is_note,
        "total so far": is_total & (count["so_far"] > 0),
        "total": is_total,
        "stray": is_stray,
    }
    sort = pl.coalesce(*(pl.when(is_so).then(pl.lit(name)) for name, is_so in kinds.items()), pl.lit("data"))
    return found.select(_sort=sort).to_series()
