"""Row conditions (统计条件): SQL expressions that look at one row only, run by Polars and told in Chinese."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from perfeval.model.numbers import written_day
from schemas import Column, Kind, LedgerModel

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><>|!=|<=|>=|[=<>(),+]|-(?!-)))"
)
# Only what looks at a single row and at no clock: no aggregates, windows, sub-selects, aliases, comments.
_PHRASES = {
    "AND": "且", "OR": "或", "NOT": "并非", "NOT IN": "不属于", "IN": "属于", "IS NULL": "为空", "IS NOT NULL": "不为空",
    "LIKE": "形如", "NOT LIKE": "不形如", "BETWEEN": "介于", "TO": "至", "TRUE": "是", "FALSE": "否", "DATE": "",
    "LENGTH": "字数", "ABS": "绝对值", "COALESCE": "首个非空值",
    "=": "为", "<>": "不为", "!=": "不为", "<": "小于", "<=": "不大于", ">": "大于", ">=": "不小于",
    "(": "（", ")": "）", ",": "、", "+": "＋", "-": "－",
}  # fmt: skip
_LONGEST = 1000
NUMBERS = (Kind.MONEY, Kind.PERCENT, Kind.COUNT)
_ON_DAYS = {"<": "早于", "<=": "不晚于", ">": "晚于", ">=": "不早于"}
_PAIRS = re.compile(r"\bIS\0NOT\0NULL\b|\bIS\0NULL\b|\bNOT\0IN\b|\bNOT\0LIKE\b")


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition ready to run, and the same as a Chinese phrase."""

    expression: pl.Expr
    phrase: str


@cache
def empty_frame(ledger: type[LedgerModel]) -> pl.DataFrame:
    """A frame of the ledger's columns without rows, to try expressions on."""
    return pl.DataFrame(schema={name: column.dtype.type for name, column in ledger.to_schema().columns.items()})


@cache
def compile_condition(sql: str, ledger: type[LedgerModel]) -> Condition:
    """Compile a condition over a ledger's English column names.

    Raises: ValueError: in Chinese, where it is no expression, names an unknown column or word, compares a choice with a word
        that is not among its choices, looks beyond its row, or is not true or false.
    """
    if len(sql) > _LONGEST:
        raise ValueError(f"行条件超过{_LONGEST}字，请拆成几个 facts")
    tokens = _tokens(sql)
    if not tokens:
        raise ValueError("行条件是空的；统计全部行时不写 where")
    phrase = _phrase(tokens, ledger)
    _check_literals(tokens, ledger)
    try:
        expression = pl.sql_expr(f"({sql})")  # in brackets, so that a trailing word is an error and not an alias
        result = empty_frame(ledger).select(expression)
    except pl.exceptions.PolarsError as error:
        problem = str(error).splitlines()[0]
        raise ValueError(f"不是可用的行条件：{problem}；日期须写成 DATE '2022-12-31'，文字用单引号") from error
    if result.dtypes != [pl.Boolean] or result.height:
        raise ValueError("行条件应逐行得出真或假，如 kind = '月调度会'")
    return Condition(expression, phrase)


def plain_header(column: Column) -> str:
    """A column's header without the unit behind it."""
    return re.sub(r"（(?:元|万元|%)）$", "", column.header)


def _tokens(sql: str) -> list[str]:
    tokens, position, end = [], 0, len(sql.rstrip())
    while position < end:
        match = _TOKEN.match(sql, position)
        if not match:
            raise ValueError(f"行条件第{position + 1}个字符起“{sql[position : position + 8].strip()}”不可用")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _phrase(tokens: list[str], ledger: type[LedgerModel]) -> str:
    columns = {column.name: column for column in ledger.columns()}
    words = [token if token in columns or token.startswith("'") else token.upper() for token in tokens]
    parts: list[str] = []
    subject, between, literal_day = None, False, False
    for word in _PAIRS.sub(lambda pair: pair[0].replace("\0", " "), "\0".join(words)).split("\0"):
        if word in columns:
            subject = columns[word]
            parts.append(plain_header(subject))
        elif word.startswith("'"):
            parts.append(_day(word) if literal_day else f"“{word[1:-1]}”")
        elif word == "AND" and between:
            parts.append(_PHRASES["TO"])
        elif subject and subject.kind is Kind.DAY and word in _ON_DAYS:
            parts.append(_ON_DAYS[word])
        elif word in _PHRASES:
            parts.append(_PHRASES[word])
        elif word[0].isdigit():
            parts.append(word)
        else:
            raise ValueError(f"{ledger.ledger_title()}没有“{word.lower()}”这一列，也不是可用的词；可用的列：{'、'.join(columns)}")
        between = word == "BETWEEN" or (between and word != "AND")
        literal_day = word == "DATE"
    return "".join(parts)


def _day(literal: str) -> str:
    try:
        day = date.fromisoformat(literal[1:-1])
    except ValueError as error:
        raise ValueError(f"没有{literal[1:-1]}这一天，日期须写成 DATE '2022-12-31'") from error
    return written_day(day)


def _check_literals(tokens: list[str], ledger: type[LedgerModel]) -> None:
    """Refuse what would quietly match nothing: a word that is no choice, a number in quotes (Polars would compare it as text).

    Likewise days that are added or subtracted, because Polars holds the difference against a number in microseconds.
    """
    columns = {column.name: column for column in ledger.columns()}
    subject = None
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        days = [columns[name].header for name in (token, following) if name in columns and columns[name].kind is Kind.DAY]
        if days and {token, following} & {"+", "-"}:
            raise ValueError(f"“{days[0]}”是日期，不能加减；请直接与另一日期比较，如 closed_on <= due_on 或 closed_on <= DATE '2022-12-31'")
        if token.startswith("'") and subject:
            if subject.choices and token[1:-1] not in subject.choices:
                raise ValueError(f"“{subject.header}”没有“{token[1:-1]}”，只有：{'、'.join(subject.choices)}")
            if subject.kind in NUMBERS:
                raise ValueError(f"“{subject.header}”是数，{token}不应加引号")
        elif token in columns:
            subject = columns[token]
        elif token.upper() not in ("=", "<>", "!=", "<", "<=", ">", ">=", "IN", "NOT", "(", ",", "BETWEEN"):
            subject = None
