"""One number for two things; a voucher booked or an invoice paid twice; or numbers that a spreadsheet has rounded alike."""

import re
from collections.abc import Callable, Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, level
from perfeval.model import Finding, Ledger, Severity
from perfeval.model.identifiers import ROUNDED, compared, told_difference
from schemas import Kind
from schemas.columns import Unique

CHECK = Check(
    "X01",
    "编号重复",
    Severity.ERROR,
    Theme.REGISTER,
    "一个编号只指一件事；凭证号、发票号码重复的按重复报销查",
    others={
        "C36": "凭证号或发票号码重复",
        "X38": "几行编号相同，都超过15位、末尾是0，可能本是不同的号码",
        "X39": "项目名称或纪要文号重复",
    },
)
_MOST_PLACES = 5
_NEVER = pl.lit(False)  # noqa: FBT003  # a literal


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each row whose number stands in another row too, with the code that the column's constraint gives."""
    for ledger, column, unique in context.constrained(Unique):
        yield from _repeated(ledger, (*unique.per, column.name), unique)
    if payments := context.ledgers.get("expenditure"):
        paid = pl.col("amount_yuan")
        # A refund quotes the invoice it takes back, and so does paying it anew; refunds alone are of an earlier year's payment.
        is_paid_once = (paid.null_count() == 0) & (paid.sum().is_between(0, paid.max()) | (paid.max() < 0))
        # With or without leading zeros, as Excel leaves them out.
        yield from _repeated(
            payments, ("invoice_no",), Unique(code="C36"), is_paid_once, lambda code: compared(code).str.strip_chars_start("0")
        )


def _repeated(
    ledger: Ledger,
    columns: tuple[str, ...],
    unique: Unique,
    allowed: pl.Expr = _NEVER,
    of_code: Callable[[pl.Expr], pl.Expr] = compared,
) -> Iterator[Finding]:
    """A finding at every row whose columns, all filled, stand in another row too, unless all their rows together are allowed.

    `of_code` gives what of a code is compared.
    """
    shape = [ledger.shape.column(name) for name in columns]
    filled = pl.all_horizontal(pl.col(*columns).is_not_null())
    keys = [of_code(pl.col(column.name)) if column.kind in (Kind.CODE, Kind.TEXT) else pl.col(column.name) for column in shape]
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
            difference = "" if other == written else told_difference(written, other)
            alike = f"（{difference}）" if difference else ""
            what_to_do = "请核对是不是同一件事，是的只留一行" if unique.is_warning else "请删除重复的行，或改正编号"
            finding, message = unique.code, f"{header}“{written}”{alike}重复，见第{shown}行。{what_to_do}。"
            if re.fullmatch(ROUNDED.strip("^$"), str(value)):
                finding, message = "X38", f"{header}“{written}”在第{shown}行相同，但超过15位、末尾全是0，"
                message += "可能是 Excel 把几个不同的号码改成了一样。请把单元格设为文本，按原件重填。"
            yield ledger.finding(finding, level(is_warning=unique.is_warning), message, {"row": row, last: value}, last)
