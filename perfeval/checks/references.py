"""Numbers that name things (编号): each names one thing, and what a ledger refers to exists in another.

Codes are compared as `perfeval.model.identifiers` says, here and in every other rule.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from perfeval.checks.context import CheckContext, finding_at, finding_on
from perfeval.model import Finding, Ledger, Severity
from perfeval.model.identifiers import ROUNDED, comparable, compared, looks, told_difference
from perfeval.texts import told_signs
from schemas import Column, Kind
from schemas.columns import PROGRAMME, Refers, Unique

_MOST_PLACES = 5
_NEVER = pl.lit(False)  # noqa: FBT003  # a literal


@dataclass(frozen=True, slots=True)
class _Reference:
    """A cell that refers to what is not there."""

    ledger: Ledger
    column: Column
    code: str
    row: int
    value: str

    @property
    def cell(self) -> str:
        letter = self.ledger.letters.get(self.column.name)
        return f"{letter}{self.row}" if letter else f"第{self.row}行"


def find_unknown_references(context: CheckContext) -> Iterator[Finding]:
    """X02, X03: a number that the ledger referred to does not have. Without a number a row refers to nothing."""
    registers: dict[str, list[tuple[Ledger, Column, Refers]]] = defaultdict(list)
    for held in context.constrained(Refers):
        registers[held[2].to].append(held)
    for to, referring in registers.items():
        name, _, key = to.partition(".")
        if register := context.ledgers.get(name):
            yield from _unknown_in(register, key, referring)


def _unknown_in(register: Ledger, key: str, referring: Sequence[tuple[Ledger, Column, Refers]]) -> Iterator[Finding]:
    written = register.rows.select(key).collect().to_series()
    unknown = _unknown(written.drop_nulls(), referring)
    if not unknown or len(unknown) <= _told_already(written, register.shape.column(key)):
        return
    header = register.shape.column(key).header
    places = next(iter(unknown.values()))
    if len(unknown) == 1 and len(places) > 1 and (cause := _cause(register, key, referring)):
        row, code = cause
        message = (
            f"没有台账引用“{code}”，{_places(places)}引用的“{places[0].value}”却不在这里。请核对这个{header}，或补登“{places[0].value}”。"
        )
        yield finding_at(register, {"row": row, key: code}, key, places[0].code, message, Severity.ERROR)
        return
    known = _by_looks(written.drop_nulls())
    for places in unknown.values():
        first = places[0]
        message = f"{first.column.header}“{first.value}”不在{register.title}中{_several(places)}。{_alike(first.value, known)}"
        yield _finding(first, f"{message}请核对编号，或在{register.title}补登。")


def find_unknown_programmes(context: CheckContext) -> Iterator[Finding]:
    """X04: a row of another programme than the one evaluated."""
    expected = "、".join(context.known_codes)
    referring = [held for held in context.constrained(Refers) if held[2].to == PROGRAMME]
    known = pl.Series(context.known_codes, dtype=pl.String)
    by_looks = _by_looks(known)
    for places in _unknown(known, referring).values():
        first = places[0]
        message = f"{first.column.header}“{first.value}”不是本次评价的项目（{expected}）{_several(places)}。"
        message += _alike(first.value, by_looks)
        yield _finding(first, f"{message}请核对编码；其他项目的收支请移出。")


def _unknown(known: pl.Series, referring: Sequence[tuple[Ledger, Column, Refers]]) -> dict[str, list[_Reference]]:
    """What is referred to and not known, by the code as compared: told once, be it referred to a thousand times."""
    keys = set(comparable(known))
    unknown: dict[str, list[_Reference]] = defaultdict(list)
    for ledger, column, refers in referring:
        # Nearly every code is written as it is known, which is found faster.
        unlike = ledger.rows.filter(~pl.col(column.name).is_in(known.implode())).select("row", column.name).collect()
        for key, row, value in zip(comparable(unlike[column.name]), *unlike, strict=True):
            if key not in keys:
                unknown[key].append(_Reference(ledger, column, refers.code, row, value))
    return unknown


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


def _finding(first: _Reference, message: str) -> Finding:
    return finding_at(
        first.ledger, {"row": first.row, first.column.name: first.value}, first.column.name, first.code, message, Severity.ERROR
    )


def _several(places: Sequence[_Reference]) -> str:
    return f"，{_places(places)}都是" if len(places) > 1 else ""


def _places(places: Sequence[_Reference]) -> str:
    """The first cells, by ledger."""
    shown = [
        f"{title} {'、'.join(place.cell for place in cells)}"
        for title, cells in groupby(places[:_MOST_PLACES], lambda place: place.ledger.title)
    ]
    return "，".join(shown) + (f"等{len(places)}处" if len(places) > _MOST_PLACES else "")


def _by_looks(known: pl.Series) -> dict[str, str]:
    return dict(zip(looks(known), known, strict=True))


def _alike(code: str, known: Mapping[str, str]) -> str:
    """In what a code differs from a known one that looks the same."""
    same = known.get(looks(pl.Series([code])).item())
    difference = told_difference(code, same) if same else told_signs(code)
    return f"{difference}。" if difference else ""


def find_repeated_numbers(context: CheckContext) -> Iterator[Finding]:
    """X01: one number for two things. C36: a voucher booked twice."""
    for ledger, column, unique in context.constrained(Unique):
        yield from _repeated(ledger, (*unique.per, column.name), unique.code)


def find_repeated_invoices(context: CheckContext) -> Iterator[Finding]:
    """C36: an invoice paid twice. A refund quotes the invoice it takes back, and so does paying it anew. X16: two that look rounded."""
    if ledger := context.ledgers.get("expenditure"):
        paid = pl.col("amount_yuan")
        # Refunds alone are of an earlier year's payment.
        is_paid_once = (paid.null_count() == 0) & (paid.sum().is_between(0, paid.max()) | (paid.max() < 0))
        yield from _repeated(ledger, ("invoice_no",), "C36", allowed=is_paid_once)


def find_missing_steps(context: CheckContext) -> Iterator[Finding]:
    """X13: a step of the evaluation that is not in the ledger of its work; the report tells of each."""
    ledger = context.ledgers.get("evaluation_work")
    if ledger is None:
        return
    done = set(ledger.rows.select("step").collect().to_series())
    if missing := [step for step in ledger.shape.column("step").choices if step not in done]:
        message = f"没有{'、'.join(f'“{step}”' for step in missing)}步骤，报告相应的一节没有内容，不能成稿。请在评价工作开展后补登。"
        yield finding_on(ledger, "X13", message, Severity.WARNING)


def _repeated(ledger: Ledger, columns: tuple[str, ...], code: str, allowed: pl.Expr = _NEVER) -> Iterator[Finding]:
    """A finding at every row whose columns, all filled, stand in another row too, unless all their rows together are allowed."""
    shape = [ledger.shape.column(name) for name in columns]
    filled = pl.all_horizontal(pl.col(*columns).is_not_null())
    keys = [compared(pl.col(column.name)) if column.kind in (Kind.CODE, Kind.TEXT) else pl.col(column.name) for column in shape]
    key = pl.struct(keys) if len(keys) > 1 else keys[0]
    # Equal values have equal hashes: as many hashes as rows means no repetition, at a seventh of the time of looking for it.
    if ledger.rows.select(key.filter(filled).hash().n_unique() == filled.sum()).collect().item():
        return
    last, header = columns[-1], "、".join(column.header for column in shape)
    text = pl.concat_str(pl.col(*columns).cast(pl.String), separator=" ")
    rows = ledger.rows.filter(filled).with_columns(key=key, text=text)
    groups = rows.group_by("key", maintain_order=True).agg("row", "text", last, allowed=allowed)
    repeated = groups.filter(pl.col("row").list.len() > 1, ~pl.col("allowed")).collect()
    for places, texts, values in repeated.select("row", "text", last).iter_rows():
        shown = "、".join(str(row) for row in places[:_MOST_PLACES]) + ("等" if len(places) > _MOST_PLACES else "")
        for row, written, value in zip(places, texts, values, strict=True):
            other = next((other for other in texts if other != written), written)
            alike = "" if other == written else f"（{told_difference(written, other)}）"
            finding, message = code, f"{header}“{written}”{alike}重复，见第{shown}行。请删除重复的行，或改正编号。"
            if re.fullmatch(ROUNDED.strip("^$"), str(value)):
                finding, message = "X16", f"{header}“{written}”在第{shown}行相同，但超过15位、末尾全是0，"
                message += "可能是 Excel 把几个不同的号码改成了一样。请把单元格设为文本，按原件重填。"
            yield finding_at(ledger, {"row": row, last: value}, last, finding, message, Severity.ERROR)
