"""Row conditions (统计条件): SQL expressions that look at one row only, run by Polars and told in Chinese."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

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
NUMBERS = (Kind.MONEY, Kind.PERCENT, Kind.COUNT, Kind.QUANTITY)
_DAYS_OF_YEAR = {"year_start": "01-01", "year_end": "12-31"}
_MONTH = "[0-9]{4}-(?:0[1-9]|1[0-2])"
_ON_DAYS = {"<": "早于", "<=": "不晚于", ">": "晚于", ">=": "不早于"}
_PAIRS = re.compile(r"\bIS\0NOT\0NULL\b|\bIS\0NULL\b|\bNOT\0IN\b|\bNOT\0LIKE\b")


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition ready to run, and the same as a Chinese phrase."""

    expression: pl.Expr
    phrase: str


@lru_cache(1024)  # each holds on to its ledger
def compile_condition(sql: str, ledger: type[LedgerModel], year: int) -> Condition:
    """Compile a condition over a ledger's English column names.

    `year_start` and `year_end` are the year's first and last day, against a month its first and last month; `year` is its number.
    Raises: ValueError: in Chinese, where it is no expression, names an unknown column or word, compares a choice with a word
        that is not among its choices, names a day or month of another year, looks beyond its row, or is not true or false.
    """
    if len(sql) > _LONGEST:
        raise ValueError(f"行条件超过{_LONGEST}字，请拆成几个 facts")
    clauses = [_Clause(tokens, ledger, year) for tokens in _clauses(_tokens(sql))]
    if not clauses:
        raise ValueError("行条件是空的；统计全部行时不写 where")
    if foreign := dict.fromkeys(fault for clause in clauses for fault in clause.foreign()):
        raise ValueError("；".join(foreign))
    phrase = "".join(clause.phrase() for clause in clauses)
    for clause in clauses:
        clause.check_literals()
    written = " ".join(token for clause in clauses for token in clause.tokens)
    try:
        expression = pl.sql_expr(f"({written})")  # in brackets, so that a trailing word is an error and not an alias
        result = ledger.empty_frame().select(expression)
    except pl.exceptions.PolarsError as error:
        problem = str(error).splitlines()[0]
        raise ValueError(
            f"不是可用的行条件：{problem}；日期须写成 DATE '{year}-06-30'（年初、年末写 year_start、year_end），文字用单引号"
        ) from error
    if result.dtypes != [pl.Boolean] or result.height:
        raise ValueError("行条件应逐行得出真或假，如 kind = '月调度会'")
    return Condition(expression, phrase)


def plain_header(column: Column) -> str:
    """A column's header without the unit behind it."""
    return re.sub(rf"（(?:元|万元|%|{re.escape(column.unit)})）$", "", column.header)


def _tokens(sql: str) -> list[str]:
    tokens, position, end = [], 0, len(sql.rstrip())
    while position < end:
        match = _TOKEN.match(sql, position)
        if not match:
            raise ValueError(f"行条件第{position + 1}个字符起“{sql[position : position + 8].strip()}”不可用")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _clauses(tokens: list[str]) -> list[list[str]]:
    """The tokens cut before every AND and OR, but for the AND of a BETWEEN."""
    clauses, between = [tokens[:1]] if tokens else [], False
    for token in tokens[1:]:
        word = token.upper()
        if word == "OR" or (word == "AND" and not between):
            clauses.append([])
        clauses[-1].append(token)
        between = word == "BETWEEN" or (between and word != "AND")
    return clauses


class _Clause:
    """One comparison, with the AND or OR before it; the words for the year are written out."""

    def __init__(self, tokens: list[str], ledger: type[LedgerModel], year: int) -> None:
        self._title, self._year = ledger.ledger_title(), year
        self._columns = {column.name: column for column in ledger.columns()}
        kinds = {self._columns[token].kind for token in tokens if token in self._columns}
        self._is_of_months = Kind.MONTH in kinds
        self._is_of_days = Kind.DAY in kinds
        self.tokens = [part for token in tokens for part in self._written_out(token)]

    def _written_out(self, token: str) -> list[str]:
        word = token.lower()
        if word not in _DAYS_OF_YEAR and word != "year":
            return [token]
        if word in self._columns:
            raise ValueError(f"“{word}”是年度的词，{self._title}又有同名的一列，请给这一列换一个英文名")
        if word == "year":
            return [str(self._year)]
        day = f"{self._year}-{_DAYS_OF_YEAR[word]}"
        return [f"'{day[:7]}'"] if self._is_of_months else ["DATE", f"'{day}'"]

    def foreign(self) -> Iterator[str]:
        """What is a day or month of another year, and what to write instead: copied into the next year it would count nothing."""
        for before, token in pairwise(["", *self.tokens]):
            if token.startswith("'") and (before.upper() == "DATE" or self._is_of_months):
                written = token[1:-1]
                found = re.search("[0-9_]{4}", written)
                if found and found[0] != str(self._year):
                    known = (word for word, day in _DAYS_OF_YEAR.items() if written[5:] in (day, day[:2]))
                    word = "BETWEEN year_start AND year_end" if "%" in written else next(known, None)
                    yield f"{written}不是{self._year}年的，{f'应写 {word}' if word else f'请改成{self._year}年的'}"

    def phrase(self) -> str:
        """The clause in Chinese."""
        words = [token if token in self._columns or token.startswith("'") else token.upper() for token in self.tokens]
        parts: list[str] = []
        merged = _PAIRS.sub(lambda pair: pair[0].replace("\0", " "), "\0".join(words)).split("\0")
        for before, word in pairwise(["", *merged]):
            if word in self._columns:
                parts.append(plain_header(self._columns[word]))
            elif word.startswith("'"):
                parts.append(self._literal(word[1:-1], is_day=before == "DATE"))
            elif word == "AND" and before:
                parts.append(_PHRASES["TO"])
            elif (self._is_of_days or self._is_of_months) and word in _ON_DAYS:
                parts.append(_ON_DAYS[word])
            elif word in _PHRASES:
                parts.append(_PHRASES[word])
            elif word[0].isdigit():
                parts.append(word)
            else:
                raise ValueError(f"{self._title}没有“{word.lower()}”这一列，也不是可用的词；可用的列：{'、'.join(self._columns)}")
        return "".join(parts)

    def _literal(self, written: str, *, is_day: bool) -> str:
        if is_day:
            try:
                return written_day(date.fromisoformat(written))
            except ValueError as error:
                raise ValueError(f"没有{written}这一天，日期须写成 DATE '{self._year}-06-30'") from error
        if self._is_of_months and re.fullmatch(_MONTH, written):
            return f"{written[:4]}年{int(written[5:])}月"
        return f"“{written}”"

    def check_literals(self) -> None:
        """Refuse what would quietly match nothing: a word that is no choice, a number in quotes (Polars would compare it as text).

        Likewise days that are added or subtracted, because Polars holds the difference against a number in microseconds.
        """
        for token, after in pairwise([*self.tokens, ""]):
            if token.upper() == "DATE" and not after.startswith("'"):
                raise ValueError(f"日期须写成 DATE '{self._year}-06-30'，DATE 后面直接是单引号里的日期")
        days = [self._columns[token].header for token in self.tokens if token in self._columns and self._columns[token].kind is Kind.DAY]
        if days and {"+", "-"} & set(self.tokens):
            raise ValueError(
                f"“{days[0]}”是日期，不能加减；请与另一日期比较，如 closed_on <= due_on 或 closed_on <= year_end；相差的天数用 days 统计"
            )
        if days and (counted := next((token for token in self.tokens if token.upper() in {"LENGTH", "ABS"}), None)):
            raise ValueError(f"“{days[0]}”是日期，不能与 {counted.upper()} 得出的数放在一起；请与另一日期比较")
        # Polars holds a day against a number as the days since 1970.
        number = next((token for token in self.tokens if token[0].isdigit()), None)
        if days and number and all(column.kind is Kind.DAY for column in map(self._columns.get, self.tokens) if column):
            raise ValueError(f"“{days[0]}”是日期，不能与数 {number} 比较；年初、年末写 year_start、year_end")
        subject = None
        for before, token in pairwise(["", *self.tokens]):
            if token.startswith("'"):
                self._check_text(token, subject, before)
            elif token in self._columns:
                subject = self._columns[token]
            elif token.upper() not in ("=", "<>", "!=", "<", "<=", ">", ">=", "IN", "NOT", "(", ",", "BETWEEN"):
                subject = None

    def _check_text(self, token: str, subject: Column | None, before: str) -> None:
        if self._is_of_months and before.upper() != "LIKE" and not re.fullmatch(_MONTH, token[1:-1]):
            raise ValueError(f"“{token[1:-1]}”不是月份，月份须写成 '{self._year}-06'")
        if subject and subject.choices and token[1:-1] not in subject.choices:
            raise ValueError(f"“{subject.header}”没有“{token[1:-1]}”，只有：{'、'.join(subject.choices)}")
        if subject and subject.kind in NUMBERS:
            raise ValueError(f"“{subject.header}”是数，{token}不应加引号")
