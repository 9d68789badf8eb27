"""How clerks write values, and what exactly each writing means (单元格的写法).

Two readings of a text column, both Polars expressions: `plain_value` takes the one plain form and is fast; `value` takes every
accepted form and is only run on rows where the plain one fails. Neither guesses: what they cannot read is null, and
`unreadable` says in Chinese why.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import polars as pl

from perfeval.codes import Code
from perfeval.model.identifiers import INVISIBLE, change_few, unified
from perfeval.spreadsheets import SCALED
from schemas import Column, Kind

MONEY = pl.Decimal(18, 2)
PERCENT = pl.Decimal(5, 2)
QUANTITY = pl.Decimal(18, 6)

BLANKS = f"\\s{INVISIBLE}"
_WIDE = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"−": "-", "¥": "￥"}
# In codes brackets stay as they are: they are part of a 文号.
WIDE_CODE = {wide: half for wide, half in _WIDE.items() if half.isalnum() or half in "-/._#"}
# What keeps text from being taken for a number, in a workbook too; and blanks that are not the usual one.
_GUARD, _WIDE_BLANKS = "(?s)^(?:=\"(.*)\"|['`‘’]([^'`‘’]*)['`‘’]?)$", "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"

# What clerks write into a cell of text that may be empty and has nothing to say.
_NOTHING = pl.Series((
    "无", "没有", "暂无", "不适用", "无问题", "无异常", "未发现", "未发现问题", "未发现异常",
    "-", "--", "---", "－－", "—", "——", "－", "/", "／", "\\", "N/A", "n/a", "Ｎ／Ａ", "…", "……", "无。", "暂无。",
    "NULL", "null", "(null)", "None", "NaN", "nan", "\\N",
)).implode()  # fmt: skip
_DECIMALS = {"元": 2, "万元": 6}
# Excel keeps 15 significant digits; fastexcel prints the binary double behind a cell to 9 decimals, so a typed 123456789.3
# comes as 123456789.299999997. Such a text is brought back to what Excel shows.
_BINARY = "^-?[0-9]{6,13}\\.[0-9]{3,9}$"
_NUMBER = "(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,13})"
# Excel's first year, in which a small number is shown that is no day, is nobody's: and it has a day that never was.
_YEARS = "(?:19(?:0[1-9]|[1-9][0-9])|20[0-9]{2})"
_YEAR = f"({_YEARS})"
_FIRST_DAY, _LAST_DAY = date(1901, 1, 1), date(2099, 12, 31)
_SHORT_DAYS = "|".join(f"{_YEAR} *{sep} *([0-9]{{1,2}}) *{sep} *([0-9]{{1,2}})" for sep in ("-", "/", "\\."))
_MIDNIGHT = "(?:[ T]0{1,2}:00(?::00(?:[.]0+)?)?)?"
_LONG_DAY = f"{_YEAR} *年 *([0-9]{{1,2}}) *月 *([0-9]{{1,2}}) *[日号]?"
_DAY = f"^(?:(?:{_SHORT_DAYS})(?:[日号]|{_MIDNIGHT})|{_LONG_DAY}|{_YEAR}([0-9]{{2}})([0-9]{{2}}))$"
_MONTH = f"^(?:{_YEAR}[-/]([0-9]{{1,2}})|{_YEAR}\\.([0-9]{{2}})|{_YEAR} *年 *([0-9]{{1,2}}) *月份?|{_YEAR}([0-9]{{2}}))$"
# Serial numbers of 2000-01-01 to 2099-12-31: a bare year such as 2022 must not become a day of 1905.
_FIRST_SERIAL, _LAST_SERIAL = 36526, 73050


def plain_value(column: Column, text: pl.Expr, unit: str, *, binary: bool) -> pl.Expr:  # noqa: PLR0911  # a kind each
    """Read the usual forms only: 1,234.50, 2022-03-05, 2022/3/5, 2022-03, 95, 3.5, 3; null otherwise. Text kinds are left as they are."""
    match column.kind:
        case Kind.MONEY:
            form = f"^-?{_NUMBER}(?:\\.[0-9]{{1,{_DECIMALS[unit]}}})?$"
            return pl.when(text.str.contains(form)).then(_yuan(text.str.replace_all(",", "", literal=True), unit))
        case Kind.PERCENT:
            return pl.when(text.str.contains("^[0-9]{1,3}(?:\\.[0-9]{1,2})?$")).then(text.cast(PERCENT, strict=False))
        case Kind.QUANTITY:
            number = text.str.replace_all(",", "", literal=True).cast(QUANTITY, strict=False)
            return pl.when(text.str.contains(f"^-?{_NUMBER}(?:\\.[0-9]{{1,6}})?$")).then(number)
        case Kind.DAY:
            # A workbook's days come with midnight.
            day = text.str.strip_suffix(" 00:00:00") if binary else text
            written = pl.coalesce(day.str.to_date(form, strict=False) for form in ("%Y-%m-%d", "%Y/%m/%d"))
            # Those forms take signs and years of any length; this is faster than an expression of what they should take.
            is_usual = day.is_between(pl.lit("1901"), pl.lit("2100")) & (day.str.len_bytes() <= len("2022-03-05"))
            return pl.when(is_usual & written.is_between(_FIRST_DAY, _LAST_DAY)).then(written)
        case Kind.MONTH:
            return pl.when(text.str.contains("^(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])$")).then(text)
        case Kind.COUNT:
            return pl.when(text.str.contains("^[0-9]{1,9}$")).then(text.cast(pl.Int64, strict=False))
        case _:
            return text


def trimmed(texts: pl.Series) -> pl.Series:
    """Take stray blanks off both ends, full-width and invisible ones too; what is only blank is null."""
    are_blank = texts.str.contains(f"^[{BLANKS}]|[{BLANKS}]$")
    texts = change_few(texts, are_blank, lambda odd: odd.str.replace(f"^[{BLANKS}]+", "").str.replace(f"[{BLANKS}]+$", ""))
    return texts.set(texts == "", None)


def says_nothing(text: pl.Expr) -> pl.Expr:
    """Whether a text only says that there is nothing to say: 无."""
    return text.is_in(_NOTHING)


def bare(text: pl.Expr) -> pl.Expr:
    """Text without signs that nobody sees, and without what only keeps it from being taken for a number."""
    return _each(text, _bare)


def _each(text: pl.Expr, change: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    # Polars computes anew what depends on this wherever it is used: best in a step of its own.
    return text.map_batches(change, return_dtype=pl.String, is_elementwise=True)


def narrow(text: pl.Expr) -> pl.Expr:
    """Turn full-width letters, digits and signs into half-width ones, as a reader takes them to be the same."""
    return text.str.replace_many(list(_WIDE), list(_WIDE.values()))


def value(column: Column, text: pl.Expr, unit: str, *, binary: bool, epoch_1904: bool = False) -> pl.Expr:  # noqa: PLR0911  # a kind each
    """Read every accepted form; null where there is none.

    Args:
        column: what is expected.
        text: the cells, trimmed and bare.
        unit: of the header: 元, 万元, %, that of a quantity, or nothing.
        binary: the cells come from a workbook, which stores numbers as doubles.
        epoch_1904: the workbook counts days from 1904.
    """
    seen = narrow(text)
    match column.kind:
        case Kind.MONEY:
            return _money(seen, unit, binary=binary)
        case Kind.PERCENT:
            return _percent(seen)
        case Kind.QUANTITY:
            return _quantity(seen, unit, binary=binary)
        case Kind.DAY:
            return _day(seen, epoch_1904=epoch_1904)
        case Kind.MONTH:
            return _month(seen, epoch_1904=epoch_1904)
        case Kind.COUNT:
            number = seen.str.replace("\\.0+$", "").str.strip_prefix("+")
            digits = pl.when(number.str.contains(f"^{_NUMBER}$")).then(number.str.replace_all(",", "", literal=True))
            return plain_value(column, digits, unit, binary=binary)
        case Kind.CODE:
            return _code(_said(column, text))
        case Kind.CHOICE:
            return _chosen(column, text)
        case _:
            return _said(column, text)


def _said(column: Column, text: pl.Expr) -> pl.Expr:
    return text if column.required else pl.when(~says_nothing(text)).then(text)


def _bare(texts: pl.Series) -> pl.Series:
    are_odd = texts.str.contains(f"[{INVISIBLE}]|^[='`‘’]")
    return change_few(texts, are_odd, lambda odd: odd.str.replace_all(f"[{INVISIBLE}]", "").str.replace(_GUARD, "${1}${2}"))


def _code(text: pl.Expr) -> pl.Expr:
    """A code with letters, digits and blanks of the usual width."""
    code = _each(text, unified).str.replace_all(_WIDE_BLANKS, " ")
    return code.str.replace_many(list(WIDE_CODE), list(WIDE_CODE.values()))


def _chosen(column: Column, text: pl.Expr) -> pl.Expr:
    """The choice that a cell means, whatever its blanks, width and case; the text as it is where there is none."""
    choices = pl.Series(column.choices, dtype=pl.String)

    def meant(texts: pl.Series) -> pl.Series:
        return _choice_keys(texts).replace_strict(_choice_keys(choices), choices, default=texts)

    return _each(text, lambda texts: change_few(texts, ~texts.is_in(choices.implode()), meant))


def _choice_keys(texts: pl.Series) -> pl.Series:
    seen = unified(texts).str.replace_all(f"[{BLANKS}]", "")
    return seen.str.replace_many(list(_WIDE), list(_WIDE.values())).str.to_lowercase()


def _yuan(number: pl.Expr, unit: str) -> pl.Expr:
    """Convert digits to yuan, exactly: six decimals of 万元 are two of 元."""
    if unit == "元":
        return number.cast(MONEY, strict=False)
    return (number.cast(pl.Decimal(24, 6), strict=False) * Decimal(10000)).cast(MONEY, strict=False)


def _typed(text: pl.Expr, *, binary: bool) -> pl.Expr:
    """A number as it was typed into its cell."""
    shown = text.cast(pl.Float64, strict=False).round_sig_figs(15).cast(pl.String)
    return pl.when(text.str.contains(_BINARY)).then(shown).otherwise(text) if binary else text


def _money(text: pl.Expr, unit: str, *, binary: bool) -> pl.Expr:
    text = _typed(text.str.replace("^(?i:人民币|RMB|CNY):? *", ""), binary=binary)
    # A suffix is accepted only where it says the same as the header.
    number = f"{_NUMBER}(?:\\.[0-9]{{1,{_DECIMALS[unit]}}}0*)?[{BLANKS}]*(?:{unit})?"
    whole = f"|{_NUMBER}(?:\\.0+)?(?:元[整正]|圆[整正]?)" if unit == "元" else ""
    form = f"^(?:[-+]?￥?|￥[{BLANKS}]*[-+])[{BLANKS}]*(?:{number}{whole})$"
    digits = text.str.replace_all(f"[+,￥元圆整正万{BLANKS}]", "")
    return pl.when(text.str.contains(form)).then(_yuan(digits, unit))


def _quantity(text: pl.Expr, unit: str, *, binary: bool) -> pl.Expr:
    number = _typed(text, binary=binary).str.strip_suffix(unit).str.strip_prefix("+")
    digits = number.str.replace_all(f"[,{BLANKS}]", "").cast(QUANTITY, strict=False)
    return pl.when(number.str.contains(f"^-?{_NUMBER}(?:\\.[0-9]{{1,6}}0*)?[{BLANKS}]*$")).then(digits)


def _percent(text: pl.Expr) -> pl.Expr:
    number = text.str.replace(f"[{BLANKS}]*%$", "").str.strip_prefix("+")
    return pl.when(number.str.contains("^[0-9]{1,3}(?:\\.[0-9]{1,2}0*)?$")).then(number.cast(PERCENT, strict=False))


def _joined(text: pl.Expr, form: str, groups: tuple[int, ...]) -> pl.Expr:
    """Join one of the alternative groups of numbers by hyphens: 2022年3月5日 → 2022-3-5."""
    captured = text.str.extract_groups(form)
    return pl.concat_str(
        [pl.coalesce([captured.struct.field(str(first + offset)) for first in groups]) for offset in range(groups[1] - groups[0])],
        separator="-",
    )


def _day(text: pl.Expr, *, epoch_1904: bool) -> pl.Expr:
    written = _joined(text, _DAY, (1, 4, 7, 10, 13)).str.to_date("%Y-%m-%d", strict=False)
    serial = pl.when(text.str.contains("^[0-9]{5}$")).then(text.cast(pl.Int32, strict=False)) + (1462 if epoch_1904 else 0)
    counted = pl.when(serial.is_between(_FIRST_SERIAL, _LAST_SERIAL)).then((serial - 25569).cast(pl.Date))
    return pl.coalesce(written, counted)


def _month(text: pl.Expr, *, epoch_1904: bool) -> pl.Expr:
    written = (_joined(text, _MONTH, (1, 3, 5, 7)) + "-1").str.to_date("%Y-%m-%d", strict=False)
    # Excel turns a typed 2022-03 into the first of March.
    day = pl.when(text.str.contains("^[0-9]{5}$|:00$")).then(_day(text, epoch_1904=epoch_1904))
    return pl.coalesce(written, pl.when(day.dt.day() == 1).then(day)).dt.strftime("%Y-%m")


BAD: dict[Kind, Code] = {
    Kind.MONEY: Code.BAD_MONEY,
    Kind.PERCENT: Code.BAD_PERCENT,
    Kind.QUANTITY: Code.BAD_QUANTITY,
    Kind.DAY: Code.BAD_DAY,
    Kind.MONTH: Code.BAD_MONTH,
    Kind.COUNT: Code.BAD_COUNT,
}
"""The kinds whose text must be understood, and the code of a cell that is not; the other kinds are kept as text."""

_MADE_A_DAY = (
    r":\d\d$|月\d+日$|-(?:[A-Z][a-z]{2}|\d+月)$|^[A-Z][a-z]{2}-\d\d$",
    "Excel 已把它变成日期，请把单元格格式改为文本，按原件重填",
)
_NO_NUMBER = (
    (SCALED.strip("（）"), "这一格按缩小的数显示，请把格式改为常规后核对"),
    (r"^#+$", "栏宽不够时显示成了#，请放宽栏宽后重新导出"),
    (r"^#|^=", "这里是公式或它出错的结果，请改正公式后重新导出，或直接填写数值"),
    (r":\d\d$", "这一格被设成了日期，请把单元格格式改为数值后重填"),
    (r"^\D*[〇零一二三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟]", "请用阿拉伯数字填写"),
    (r"%$", "这里不是百分比，请核对，并把单元格格式改为数值"),
    (r"\d[eE][-+]?\d", "不能用科学记数法，请写出全部数字"),
    (r"^-?\(.*\)$", "括号里的数有两种意思：是负数请在前面写减号，不是请去掉括号"),
    (r"\d\s+[\d.]", "数字中间有空格：是一个数请去掉空格，是几个数请分行填写"),
)
_OTHER_SIGNS = (r"[^-+￥%0-9.,\s]", "请只填数字，不写别的字")
_LETTERS = (r"^[-+￥]*[\d,.]*[OoIl|][\dOoIl|,.]*元?$", "里面有像数字的字母（O、I、l），请改为数字0、1")
_COMMA = (r",(?!\d{3}(?!\d))|\d{4},", "千位分隔符位置不对")
_REASONS: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.TEXT: (_MADE_A_DAY,),
    Kind.CHOICE: (_MADE_A_DAY,),
    Kind.CODE: (_MADE_A_DAY, (r"[eE][-+]?\d+$", "Excel 已把它变成科学记数法，末尾可能已丢失，请把单元格格式改为文本，按原件重填")),
    Kind.MONEY: (
        *_NO_NUMBER,
        _COMMA,
        _LETTERS,
        (r"[百千万亿元圆][整正]?$", "单位应与表头一致，请只填数字"),
        _OTHER_SIGNS,
        (r"\.\d{3,}$", "最多精确到分，请按凭证填写；公式算出的请用 ROUND 取到分"),
    ),
    Kind.QUANTITY: (
        *_NO_NUMBER,
        _COMMA,
        (r"\d[^\d.,]+$", "单位应与表头一致，请只填数字"),
        _OTHER_SIGNS,
        (r"\.\d{7,}$", "最多六位小数；公式算出的请用 ROUND 取六位以内"),
    ),
    Kind.PERCENT: (
        (r"\.\d{3,}%?$", "最多两位小数；公式算出的请用 ROUND 取两位"),
        (r"^-", "不能是负数"),
    ),
    Kind.DAY: (
        (r"^#+$", "栏宽不够时显示成了#，请放宽栏宽后重新导出"),
        (r"^(?:\+|18\d\d|1900)\S* \d\d:", "这一格存的是数字，不是日期，请按原件重填"),
        (r"[ T]\d{1,2}:", "只填日期，不带时刻"),
        (r"[〇零一二三四五六七八九十]+[年月日号]", "请用阿拉伯数字填写"),
        (r"^(?:19|20)\d{4}$", "应写到日"),
        (r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$", "请按年、月、日的顺序写"),
        (r"^\d{2}[-/.年]|^\d{6}$", "年份应写四位"),
        (
            r"^\d{4} *(?:[-/.] *\d{1,2} *[-/.] *\d{1,2}|年 *\d{1,2} *月 *\d{1,2} *[日号]?)$|^\d{8}$",
            "没有这一天，或年份不在1901至2099年之间",
        ),
        (r"^\d{4}\D+\d{1,2}月?$", "应写到日"),
        (r"^\d{1,2}(?:[-/.]\d{1,2}|月\d{1,2}[日号]?)$", "要写年份"),
        (r"\d[日号]?\s*(?:[-~～至到—、;,\n]\s*)+\d{4}\D|\d.*[至到]", "只填一个日期"),
    ),
    Kind.MONTH: ((r"^\d{4}\D+\d{1,2}\D+\d{1,2}", "只填月份，不写日"),),
    Kind.COUNT: (
        *_NO_NUMBER,
        (r"\d[张人个份次]$", "只填数字，不写单位"),
        _LETTERS,
        _OTHER_SIGNS,
        (r"\.", "应为整数"),
        _COMMA,
    ),
}


def unreadable(column: Column, text: str) -> str:
    """Say in Chinese what was expected in a cell that could not be read, and what to do."""
    narrowed = text.translate({ord(wide): half for wide, half in _WIDE.items()}).strip()
    reason = next((reason for pattern, reason in _REASONS.get(column.kind, ()) if re.search(pattern, narrowed)), "")
    expected = f"应为{column.kind.value}" + (f"，如 {column.example}" if column.example else "")
    return f"{expected}；{reason}。" if reason else f"{expected}。"
