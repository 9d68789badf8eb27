"""What the columns of every ledger are made of (台账栏目): money, percent, quantity, day, month, count, code, choice, text.

Each function declares one column: its Chinese header as the clerk sees it, what belongs in it, the Pandera checks of a single
cell, and the constraints that look at more than one, which `perfeval.checks` reads. How a clerk may write a value belongs to
`perfeval.ledgers`.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal

# Fields copy the table of built-in checks as it is when they are made, so Polars' versions must be in it by then.
import pandera.backends.polars.builtin_checks  # noqa: F401
import pandera.polars as pa
import polars as pl

Text = pl.String
Day = pl.Date
Count = pl.Int64
Money = Annotated[pl.Decimal, 18, 2]
Percent = Annotated[pl.Decimal, 5, 2]
Quantity = Annotated[pl.Decimal, 18, 6]


class Kind(StrEnum):
    """What a column holds; the value is its Chinese name."""

    TEXT = "文字"
    CODE = "编号"
    CHOICE = "选项"
    MONEY = "金额"
    PERCENT = "百分比"
    DAY = "日期"
    MONTH = "月份"
    COUNT = "整数"
    QUANTITY = "数量"


@dataclass(frozen=True, slots=True)
class Unique:
    """No value twice (不重复); `per` names columns whose values may be alike, as a number is unique per kind; a warning where it may be."""

    per: tuple[str, ...] = ()
    code: str = "X01"
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Refers:
    """Each value stands in a column of another ledger (引用): `projects.project_no`; or it is a code of the programme: `PROGRAMME`."""

    to: str
    code: str = "X02"


@dataclass(frozen=True, slots=True)
class After:
    """Not before another day of the row (不早于); a warning where it may happen in fact."""

    column: str
    code: str = "X09"
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """In the evaluated year, or also in the next (在评价年度内); with `when` only in rows that count for the year by that condition."""

    years: Literal["year", "year_or_next"] = "year"
    when: str = ""
    code: str = "X10"
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class RequiredWhen:
    """Filled where a condition holds (何时必填)."""

    condition: str


@dataclass(frozen=True, slots=True)
class EmptyWhen:
    """Empty where a condition holds (何时应空)."""

    condition: str


@dataclass(frozen=True, slots=True)
class NotFallingPer:
    """Never less than before for the same value of a column (累计数不下降), in the order of the ledger's months or days."""

    column: str


@dataclass(frozen=True, slots=True)
class NumberedIn:
    """A document number (文号) of the year of another column's day."""

    column: str


Constraint = Unique | Refers | After | Within | RequiredWhen | EmptyWhen | NotFallingPer | NumberedIn
"""What a column is held to beyond its own cell; where codes of findings differ for one kind of constraint, it holds the code."""
PROGRAMME = "programme"
"""What a column refers to that holds codes of the evaluated programme (预算项目编码)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column (栏目) of a ledger: `header` as in the template, `choices` where only those are allowed, `example` for messages.

    Every header must be there unless it `may_be_absent`; `required` says whether each cell must be filled.
    `unit` is that of a quantity, as its header says it.
    """

    name: str
    header: str
    kind: Kind
    required: bool
    description: str
    choices: tuple[str, ...]
    example: str
    constraints: tuple[Constraint, ...] = ()
    may_be_absent: bool = False
    unit: str = ""


class LedgerModel(pa.DataFrameModel):
    """What all ledgers have: an English name, a Chinese title, and the sheet's row number beside their columns."""

    row: pl.UInt32 = pa.Field(title="行号", description="工作表中的行号，从1起，包括标题行和空行。")

    class Config:
        """Pandera: exactly these columns, in any order."""

        strict = True

    @classmethod
    def ledger_name(cls) -> str:
        """The English name, `budget`; a method, because a column may be called name."""
        return str(cls.to_schema().name)

    @classmethod
    def ledger_title(cls) -> str:
        """The Chinese title that sheet and file carry, 预算指标台账."""
        return str(cls.to_schema().title)

    @classmethod
    @cache
    def columns(cls) -> tuple[Column, ...]:
        """The ledger's columns in the order of its template, without `row`."""
        return tuple(
            Column(
                name=name,
                header=field.title,
                required=not field.nullable,
                description=field.description,
                **field.metadata,
            )
            for name, field in cls.to_schema().columns.items()
            if name != "row"
        )

    @classmethod
    @cache
    def column(cls, name: str) -> Column:
        """One column by its English name."""
        return next(column for column in cls.columns() if column.name == name)

    @classmethod
    def time_column(cls) -> Column | None:
        """The column that tells when a row was: the first of months, else the first of days."""
        columns = (column for kind in (Kind.MONTH, Kind.DAY) for column in cls.columns() if column.kind is kind)
        return next(columns, None)

    @classmethod
    @cache
    def empty_frame(cls) -> pl.DataFrame:
        """The ledger's columns and `row`, without rows."""
        return pl.DataFrame(schema={name: field.dtype.type for name, field in cls.to_schema().columns.items()})


def text(header: str, description: str, *constraints: Constraint, required: bool = True) -> Any:  # noqa: ANN401  # a Pandera field stands for its column
    """Free text (文字)."""
    return field(Kind.TEXT, header, description, *constraints, required=required)


def code(header: str, description: str, *constraints: Constraint, required: bool = True, **how: Any) -> Any:  # noqa: ANN401
    """A number or code that identifies something (编号): never computed with, leading zeros kept."""
    return field(Kind.CODE, header, description, *constraints, required=required, **how)


def document_no(header: str, description: str, *constraints: Constraint, required: bool = True) -> Any:  # noqa: ANN401
    """A document number (文号) in GB/T 9704 form; another form is only a warning, because nothing is computed from it."""
    form, example = ".+〔[0-9]{4}〕[1-9][0-9]*号", "桃财预〔2022〕15号"
    return field(Kind.CODE, header, description, *constraints, required=required, pattern=form, example=example, raise_warning=True)


def choice(header: str, description: str, *choices: str, required: bool = True, may_be_absent: bool = False) -> Any:  # noqa: ANN401
    """One of a fixed list of words (选项)."""
    return field(Kind.CHOICE, header, description, required=required, choices=choices, may_be_absent=may_be_absent)


def money(header: str, description: str, *, required: bool = True, **checks: Any) -> Any:  # noqa: ANN401
    """An amount in yuan, exact to the fen (金额); the header carries the unit the clerk writes in."""
    return field(Kind.MONEY, header, description, required=required, **checks)


def percent(header: str, description: str, *constraints: Constraint, required: bool = True) -> Any:  # noqa: ANN401
    """A percentage from 0 to 100 (百分比)."""
    return field(Kind.PERCENT, header, description, *constraints, required=required)


def quantity(header: str, description: str, *, required: bool = True, **how: Any) -> Any:  # noqa: ANN401
    """A number to six decimals (数量), not negative unless the checks say so; the header carries the unit, where it has one."""
    return field(Kind.QUANTITY, header, description, required=required, **how)


def day(header: str, description: str, *constraints: Constraint, required: bool = True) -> Any:  # noqa: ANN401
    """A calendar day (日期)."""
    return field(Kind.DAY, header, description, *constraints, required=required)


def month(header: str, description: str, *constraints: Constraint, required: bool = True) -> Any:  # noqa: ANN401
    """A calendar month as text, 2022-03 (月份)."""
    return field(Kind.MONTH, header, description, *constraints, required=required)


def count(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401
    """A whole number from 0 (整数)."""
    return field(Kind.COUNT, header, description, required=required)


_EXAMPLES = {
    Kind.MONEY: "1,234.50", Kind.PERCENT: "95 或 95%", Kind.QUANTITY: "3.5", Kind.DAY: "2022-03-05", Kind.MONTH: "2022-03", Kind.COUNT: "3",
}  # fmt: skip
_CHECKS: dict[Kind, dict[str, Any]] = {
    Kind.PERCENT: {"in_range": {"min_value": 0, "max_value": 100}},
    Kind.QUANTITY: {"ge": 0},
    Kind.MONTH: {"str_matches": "^(?:[0-9]{4}-(?:0[1-9]|1[0-2]))$"},
    Kind.COUNT: {"ge": 0},
}


def field(
    kind: Kind,
    header: str,
    description: str,
    *constraints: Constraint,
    required: bool = True,
    choices: tuple[str, ...] = (),
    example: str = "",
    pattern: str = "",
    unit: str = "",
    may_be_absent: bool = False,
    **checks: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """A column of any kind; `checks` are Pandera's, beside or instead of those of the kind."""
    checks = _CHECKS.get(kind, {}) | checks
    if choices:
        checks["isin"] = list(choices)
    # Anchored and grouped, because an unanchored a|b would pass xb.
    if pattern:
        checks["str_matches"] = f"^(?:{pattern})$"
    metadata = {
        "kind": kind,
        "choices": choices,
        "example": example or _EXAMPLES.get(kind, ""),
        "constraints": constraints,
        "may_be_absent": may_be_absent,
        "unit": unit,
    }
    return pa.Field(title=header, description=description, nullable=not required, metadata=metadata, **checks)
