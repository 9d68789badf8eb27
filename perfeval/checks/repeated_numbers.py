"""One number for two things; a voucher booked or an invoice paid twice."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Ledger, Severity
from schemas.columns import Unique

CHECK = Check(
    "X01",
    "编号重复",
    Severity.ERROR,
    Theme.REGISTER,
    "一个编号只指一件事；凭证号、发票号码重复的按重复报销查",
    others={"C36": "凭证号或发票号码重复"},
)
_MOST_PLACES = 5
_NEVER = pl.lit(False)  # noqa: FBT003  # a literal


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each row whose number stands in another row too, with the code that the column's constraint gives."""
    for ledger, column, unique in context.constrained(Unique):
        yield from _repeated(ledger, (*unique.per, column.name), unique.code)
    if payments := context.ledgers.get("expenditure"):
        paid = pl.col("amount_yuan")
        # A refund quotes the invoice it takes back, and so does paying it anew; refunds alone are of an earlier year's payment.
        is_paid_once = (paid.null_count() == 0) & (paid.sum().is_between(0, paid.max()) | (paid.max() < 0))
        yield from _repeated(payments, ("invoice_no",), "C36", allowed=is_paid_once)


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
            yield ledger.finding(code, CHECK.level, message, {"row": row, columns[-1]: values[-1]}, columns[-1])
