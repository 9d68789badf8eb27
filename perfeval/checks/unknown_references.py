"""A number that the ledger referred to does not have. Without a number a row refers to nothing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.checks.references import by_looks, find_unknown, finding_at_first, told_cells, told_likeness, told_others
from perfeval.model import Finding, Ledger, Severity
from perfeval.model.identifiers import comparable, compared
from schemas import Column
from schemas.columns import Refers, Unique

CHECK = Check(
    "X02",
    "引用的编号在另一本台账里没有",
    Severity.ERROR,
    Theme.REGISTER,
    "台账之间以编号相联，编号对不上的行不能归到项目、方案",
    others={"X03": "活动方案编号不在活动方案台账里"},
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such number, with the code that its constraint gives; at an overwritten number where that is the cause."""
    registers: dict[str, list[tuple[Ledger, Column, Refers]]] = defaultdict(list)
    for held in context.constrained(Refers):
        registers[held[2].to].append(held)
    for to, referring in registers.items():
        name, _, key = to.partition(".")
        if register := context.ledgers.get(name):
            yield from _unknown_in(register, key, referring)


def _unknown_in(register: Ledger, key: str, referring: Sequence[tuple[Ledger, Column, Refers]]) -> Iterator[Finding]:
    written = register.rows.select(key).collect().to_series()
    unknown = find_unknown(written.drop_nulls(), referring)
    if not unknown or len(unknown) <= _told_already(written, register.shape.column(key)):
        return
    header = register.shape.column(key).header
    places = next(iter(unknown.values()))
    if len(unknown) == 1 and len(places) > 1 and (cause := _cause(register, key, referring)):
        row, code = cause
        wanted = f"{told_cells(places)}引用的“{places[0].value}”却不在这里"
        message = f"没有台账引用“{code}”，{wanted}。请核对这个{header}，或补登“{places[0].value}”。"
        yield register.finding(places[0].code, CHECK.level, message, {"row": row, key: code}, key)
        return
    known = by_looks(written.drop_nulls())
    for places in unknown.values():
        first = places[0]
        message = f"{first.column.header}“{first.value}”不在{register.title}中{told_others(places)}。{told_likeness(first.value, known)}"
        yield finding_at_first(first, f"{message}请核对编号，或在{register.title}补登。")


def _cause(register: Ledger, key: str, referring: Sequence[tuple[Ledger, Column, Refers]]) -> tuple[int, str] | None:
    """Row and number of the one row that nobody refers to: where many refer to a number that is not there, it is overwritten here."""
    referred = [ledger.rows.select(code=pl.col(column.name).unique()) for ledger, column, _ in referring]
    codes = pl.concat(referred).unique().collect().to_series()
    alone = register.rows.select("row", code=key).filter(~compared(pl.col("code")).is_in(comparable(codes).implode())).collect().rows()
    return alone[0] if len(alone) == 1 else None


def _told_already(numbers: pl.Series, column: Column) -> int:
    """How many numbers of a register could not be read or stand there twice, and have a finding: they may be those that are missed."""
    is_unique = any(isinstance(constraint, Unique) and not constraint.per for constraint in column.constraints)
    repeated = numbers.count() - comparable(numbers.drop_nulls()).n_unique()
    return (numbers.null_count() if column.required else 0) + (repeated if is_unique else 0)
