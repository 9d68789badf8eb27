"""Numbers that name things (编号): each names one thing, and what a ledger refers to exists in another."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.context import CheckContext, faulty_rows, finding_at, finding_on
from perfeval.model import Finding, Ledger, Severity
from schemas.columns import PROGRAMME, Refers, Unique

_MOST_PLACES = 5
_NEVER = pl.lit(False)  # noqa: FBT003  # a literal


def find_unknown_references(context: CheckContext) -> Iterator[Finding]:
    """X02, X03: a number that the ledger referred to does not have. Without a number a row refers to nothing."""
    for ledger, column, refers in context.constrained(Refers):
        name, _, key = refers.to.partition(".")
        register = context.ledgers.get(name)
        if register is None:
            continue
        known = register.rows.select(pl.col(key).implode()).collect().to_series()
        for row in faulty_rows(ledger, ~pl.col(column.name).is_in(known)):
            message = f"{column.header}“{row[column.name]}”不在{register.title}中。请核对编号，或在{register.title}补登。"
            yield finding_at(ledger, row, column.name, refers.code, message, Severity.ERROR)


def find_unknown_programmes(context: CheckContext) -> Iterator[Finding]:
    """X04: a row of another programme than the one evaluated."""
    expected = "、".join(context.known_codes)
    for ledger, column, refers in context.constrained(Refers):
        if refers.to == PROGRAMME:
            for row in faulty_rows(ledger, ~pl.col(column.name).is_in(context.known_codes)):
                message = f"{column.header}“{row[column.name]}”不是本次评价的项目（{expected}）。请核对编码；其他项目的收支请移出。"
                yield finding_at(ledger, row, column.name, refers.code, message, Severity.ERROR)


def find_repeated_numbers(context: CheckContext) -> Iterator[Finding]:
    """X01: one number for two things. C36: a voucher booked twice."""
    for ledger, column, unique in context.constrained(Unique):
        yield from _repeated(ledger, (*unique.per, column.name), unique.code)


def find_repeated_invoices(context: CheckContext) -> Iterator[Finding]:
    """C36: an invoice paid twice. A refund quotes the invoice it takes back, and so does paying it anew."""
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
    filled = pl.all_horizontal(pl.col(*columns).is_not_null())
    key = pl.struct(columns) if len(columns) > 1 else pl.col(columns[0])
    # Equal values have equal hashes: as many hashes as rows means no repetition, at a seventh of the time of looking for it.
    if ledger.rows.select(key.filter(filled).hash().n_unique() == filled.sum()).collect().item():
        return
    headers = "、".join(ledger.shape.column(column).header for column in columns)
    groups = ledger.rows.filter(filled).group_by(columns, maintain_order=True).agg("row", allowed=allowed)
    repeated = groups.filter(pl.col("row").list.len() > 1, ~pl.col("allowed")).collect()
    for *values, places, _ in repeated.iter_rows():
        shown = "、".join(str(row) for row in places[:_MOST_PLACES]) + ("等" if len(places) > _MOST_PLACES else "")
        message = f"{headers}“{' '.join(map(str, values))}”重复，见第{shown}行。请删除重复的行，或改正编号。"
        for row in places:
            yield finding_at(ledger, {"row": row, columns[-1]: values[-1]}, columns[-1], code, message, Severity.ERROR)
