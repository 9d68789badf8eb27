"""What the columns of every ledger are made of (台账栏目): money, percent, day, month, count, quantity, code, choice, text.

Each function declares one column: its Chinese header as the clerk sees it, what belongs in it, and the Pandera checks of a
single cell. How a clerk may write a value belongs to `perfeval.ledgers`; rules over several cells to `perfeval.checks`,
except a sign that hangs on another cell of the same row.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

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
class Column:
    """One column (栏目) of a ledger: `header` as in the template, `choices` where only those are allowed, `example` for messages.

    Every header must be there; `required` says whether each cell must be filled.
    """

    name: str
    header: str
    kind: Kind
    required: bool
    description: str
    choices: tuple[str, ...]
    example: str
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
                kind=field.metadata["kind"],
                required=not field.nullable,
                description=field.description,
                choices=field.metadata["choices"],
                example=field.metadata["example"],
                unit=field.metadata.get("unit", ""),
            )
            for name, field in cls.to_schema().columns.items()
            if name != "row"
        )

    @classmethod
    @cache
    def column(cls, name: str) -> Column:
        """One column by its English name."""
        return next(column for column in cls.columns() if column.name == name)


def text(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401  # a Pandera field stands for its column
    """Free text (文字)."""
    return _field(header, description, Kind.TEXT, required)


def code(header: str, description: str, *, required: bool = True, pattern: str = "", example: str = "", **checks: Any) -> Any:  # noqa: ANN401
    """A number or code that identifies something (编号): never computed with, leading zeros kept."""
    # Anchored and grouped, because an unanchored a|b would pass xb.
    if pattern:
        checks["str_matches"] = f"^(?:{pattern})$"
    return _field(header, description, Kind.CODE, required, example=example, **checks)


def document_no(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401
    """A document number (文号) in GB/T 9704 form; another form is only a warning, because nothing is computed from it."""
    return code(
        header, description, required=required, pattern=".+〔[0-9]{4}〕[1-9][0-9]*号", example="桃财预〔2022〕15号", raise_warning=True
    )


def choice(header: str, description: str, *choices: str, required: bool = True) -> Any:  # noqa: ANN401
    """One of a fixed list of words (选项)."""
    return _field(header, description, Kind.CHOICE, required, choices=choices, isin=list(choices))


def money(header: str, description: str, *, required: bool = True, **checks: Any) -> Any:  # noqa: ANN401
    """An amount in yuan, exact to the fen (金额); the header carries the unit the clerk writes in."""
    return _field(header, description, Kind.MONEY, required, example="1,234.50", **checks)


def percent(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401
    """A percentage from 0 to 100 (百分比)."""
    limits = {"min_value": 0, "max_value": 100}
    return _field(header, description, Kind.PERCENT, required, example="95 或 95%", in_range=limits)


def day(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401
    """A calendar day (日期)."""
    return _field(header, description, Kind.DAY, required, example="2022-03-05")


def month(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401
    """A calendar month as text, 2022-03 (月份)."""
    return _field(header, description, Kind.MONTH, required, example="2022-03", str_matches="^(?:[0-9]{4}-(?:0[1-9]|1[0-2]))$")


def count(header: str, description: str, *, required: bool = True) -> Any:  # noqa: ANN401
    """A whole number from 0 (整数)."""
    return _field(header, description, Kind.COUNT, required, example="3", ge=0)


def quantity(header: str, description: str, unit: str, *, required: bool = True, **checks: Any) -> Any:  # noqa: ANN401
    """An amount of something that is measured (数量), up to six decimals; the header carries its unit, 养护里程（公里）."""
    return _field(header, description, Kind.QUANTITY, required, example="3.5", unit=unit, **checks)


def _field(
    header: str,
    description: str,
    kind: Kind,
    required: bool,  # noqa: FBT001  # private; the public functions take it by name
    *,
    choices: tuple[str, ...] = (),
    example: str = "",
    unit: str = "",
    **checks: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    metadata = {"kind": kind, "choices": choices, "example": example, "unit": unit}
    return pa.Field(title=header, description=description, nullable=not required, metadata=metadata, **checks)
