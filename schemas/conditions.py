"""Conditions over one row (行条件), in the words of SQL that columns' constraints need: `kind = '大中修' AND accepted_on IS NOT NULL`."""

import re
from functools import cache

import polars as pl

from schemas.columns import Column, Kind, LedgerModel

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<word>[A-Za-z_]\w*)|<>|!=|<=|>=|[=<>(),])", re.ASCII
)
_WORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL"})
_IN_QUOTES = (Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.MONTH)


@cache
def row_condition(sql: str, shape: type[LedgerModel]) -> pl.Expr:
    """A condition over a ledger's English column names, ready to run.

    Raises: ValueError: in Chinese, where it is no condition on one row, names an unknown column or word, or holds a column
        against a text that it can never be.
    """
    columns = {column.name: column for column in shape.columns()}
    subject, position, end = None, 0, len(sql.rstrip())
    while position < end:
        token = _TOKEN.match(sql, position)
        if token is None:
            raise ValueError(f"条件第{position + 1}个字符起“{sql[position : position + 8].strip()}”不可用")
        word, text, position = token["word"], token["text"], token.end()
        if word and word.upper() in {"AND", "OR"}:
            subject = None
        elif word and word.upper() not in _WORDS:
            if word not in columns:
                raise ValueError(f"{shape.ledger_title()}没有“{word}”这一栏，可用的：{'、'.join(columns)}")
            subject = columns[word]
        elif text or token["number"]:
            _check_literal(text, token["number"], subject)
    try:
        condition = pl.sql_expr(f"({sql})")  # in brackets, so that a trailing word is an error and not an alias
        result = shape.empty_frame().select(condition)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"不是可用的条件：{str(error).splitlines()[0]}") from error
    if result.dtypes != [pl.Boolean] or result.height:
        raise ValueError("条件应逐行得出真或假，如 kind = '大中修'")
    return condition


def _check_literal(text: str | None, number: str | None, subject: Column | None) -> None:
    if text and (subject is None or subject.kind not in _IN_QUOTES):
        raise ValueError(f"{text} 应与文字、编号、选项或月份栏比较，写在栏名之后，如 kind = '大中修'")
    if text and subject and subject.choices and text[1:-1].replace("''", "'") not in subject.choices:
        raise ValueError(f"“{subject.header}”没有“{text[1:-1]}”，只有：{'、'.join(subject.choices)}")
    # Polars holds a day against a number as the days since 1970.
    if number and (subject is None or subject.kind in (*_IN_QUOTES, Kind.DAY)):
        raise ValueError(f"{number} 是数，只能与金额、数量、百分比或整数栏比较，写在栏名之后")
