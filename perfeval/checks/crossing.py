"""The rules across cells and ledgers, and their codes: C.. are those of the audit check list, X.. our own.

C09 spending above the budget · C35 economic code and name · C36 voucher or invoice twice · C37 paid outside the year or before
approval · X01 refers to what is not there · X02 programme code · X03 number twice · X04 dates out of order · X05 papers missing
· X06 event outside the year. Errors stop the run; warnings travel to the approvers.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from perfeval.model import Finding, Ledger, Ledgers, Severity
from schemas import LEDGERS

# (ledger, column) → (ledger, column) in which the value must stand; an empty cell refers to nothing.
REFERENCES = {
    ("progress", "project_no"): ("projects", "project_no"),
    ("meetings", "project_no"): ("projects", "project_no"),
    ("issues", "project_no"): ("projects", "project_no"),
    ("services", "project_no"): ("projects", "project_no"),
    ("inspections", "project_no"): ("projects", "project_no"),
    ("expenditure", "plan_no"): ("plans", "plan_no"),
}

# What identifies a row of its ledger.
KEYS = {
    "plans": ("plan_no",),
    "projects": ("project_no",),
    "progress": ("project_no", "month"),
    "meetings": ("meeting_no",),
    "issues": ("issue_no",),
    "services": ("service_no",),
    "publications": ("kind", "number"),
    "surveys": ("survey_no",),
    "goals": ("goal_no",),
}

# (ledger, earlier, later, severity): an empty date is in order with every other.
ORDERS = (
    ("expenditure", "approved_on", "paid_on", Severity.ERROR),
    ("plans", "drafted_on", "reviewed_on", Severity.ERROR),
    ("projects", "started_on", "completed_on", Severity.ERROR),
    ("issues", "assigned_on", "due_on", Severity.ERROR),
    ("issues", "assigned_on", "inspected_on", Severity.ERROR),
    ("issues", "assigned_on", "closed_on", Severity.ERROR),
    ("issues", "inspected_on", "closed_on", Severity.WARNING),
    ("services", "accepted_on", "promised_on", Severity.ERROR),
    ("services", "accepted_on", "finished_on", Severity.ERROR),
)

# Events that are counted for the year; paying outside it is an error of its own (C37).
EVENTS = (("meetings", "held_on"), ("publications", "published_on"), ("inspections", "inspected_on"))


@dataclass(frozen=True, slots=True)
class Books:
    """The year's ledgers and what they are held against."""

    ledgers: Ledgers
    year: int
    programme_codes: Collection[str]
    classification: Mapping[str, str]

    def hold(self, *names: str) -> bool:
        """Whether all these ledgers could be read."""
        return all(name in self.ledgers for name in names)


def check_ledgers(ledgers: Ledgers, *, year: int, programme_codes: Collection[str], classification: Mapping[str, str]) -> list[Finding]:
    """Every finding of every rule that is applicable, by rule and sheet row."""
    books = Books(ledgers, year, programme_codes, classification)
    return [finding for rule in RULES for finding in rule(books)]


def refers_to_what_exists(books: Books) -> Iterator[Finding]:
    """X01: project and plan numbers exist."""
    for (name, column), (target, key) in REFERENCES.items():
        if books.hold(name, target):
            ledger, title = books.ledgers[name], books.ledgers[target].title
            known = books.ledgers[target].frame[key].drop_nulls().unique()
            unknown = ledger.frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(known.implode()))
            message = f"《{title}》中没有这个编号。请核对编号，或先在《{title}》中登记。"
            yield from _at(ledger, column, unknown, "X01", Severity.ERROR, message)


def carries_the_programmes_code(books: Books) -> Iterator[Finding]:
    """X02: rows belong to the programme under evaluation."""
    for name in ("budget", "expenditure"):
        if books.hold(name):
            ledger = books.ledgers[name]
            strange = ledger.frame.filter(~pl.col("programme_code").is_in(list(books.programme_codes)))
            message = f"不是本项目的预算项目编码，应为{'或'.join(books.programme_codes)}。请核对；别的项目的行请移出本台账。"
            yield from _at(ledger, "programme_code", strange, "X02", Severity.ERROR, message)


def is_identified_once(books: Books) -> Iterator[Finding]:
    """X03: numbers are unique within their ledger."""
    for name, key in KEYS.items():
        if books.hold(name):
            headers = "、".join(_header(name, column) for column in key)
            yield from _doubles(books.ledgers[name], key, "X03", f"{headers}重复。请核对：重复登记的删除一行，编错号的改正。")


def is_paid_once(books: Books) -> Iterator[Finding]:
    """C36: voucher and invoice numbers are unique."""
    if books.hold("expenditure"):
        for column, word in (("voucher_no", "凭证号"), ("invoice_no", "发票号码")):
            message = f"{word}重复，可能重复报账。请核对原始凭证后改正或删除。"
            yield from _doubles(books.ledgers["expenditure"], (column,), "C36", message)


def agrees_with_the_classification(books: Books) -> Iterator[Finding]:
    """C35: the economic code exists and bears its name."""
    if not books.hold("expenditure"):
        return
    ledger = books.ledgers["expenditure"]
    names = ledger.frame.select("economic_code", "economic_name").unique().drop_nulls()
    for code, name in sorted(names.iter_rows()):
        expected = books.classification.get(code)
        if expected != name:
            rows = ledger.frame.filter(economic_code=code, economic_name=name)
            message = f"经济分类编码 {code} 的名称应为“{expected}”，台账写的是“{name}”。请核对编码和名称。"
            if expected is None:
                message = f"支出经济分类科目中没有编码 {code}。请核对编码。"
            yield from _at(ledger, "economic_code", rows, "C35", Severity.ERROR, message)


def is_paid_inside_the_year(books: Books) -> Iterator[Finding]:
    """C37: payments fall into the year."""
    if books.hold("expenditure"):
        ledger = books.ledgers["expenditure"]
        message = f"支付日期不在{books.year}年度内。请核对日期；其他年度的支出请移出本台账。"
        yield from _at(ledger, "paid_on", _outside(ledger, "paid_on", books.year), "C37", Severity.ERROR, message)


def happens_inside_the_year(books: Books) -> Iterator[Finding]:
    """X06: what is counted for the year happened in it."""
    for name, column in EVENTS:
        if books.hold(name):
            ledger = books.ledgers[name]
            message = f"日期不在{books.year}年度内，却计入本年。请核对。"
            yield from _at(ledger, column, _outside(ledger, column, books.year), "X06", Severity.WARNING, message)
    if books.hold("progress"):
        ledger = books.ledgers["progress"]
        strange = ledger.frame.filter(~pl.col("month").str.starts_with(f"{books.year}-"))
        yield from _at(ledger, "month", strange, "X06", Severity.WARNING, f"月份不在{books.year}年度内。请核对。")


def follows_in_time(books: Books) -> Iterator[Finding]:
    """X04 (C37 for payments): dates are in order."""
    for name, earlier, later, severity in ORDERS:
        if books.hold(name):
            ledger = books.ledgers[name]
            message = f"{_header(name, later)}早于{_header(name, earlier)}。请核对两个日期。"
            code = "C37" if name == "expenditure" else "X04"
            yield from _at(ledger, later, ledger.frame.filter(pl.col(later) < pl.col(earlier)), code, severity, message)


def stays_within_the_budget(books: Books) -> Iterator[Finding]:
    """C09: spending does not exceed the annual budget."""
    if books.hold("budget", "expenditure"):
        ledger = books.ledgers["expenditure"]
        spent, budget = (books.ledgers[name].frame["amount_yuan"].sum() for name in ("expenditure", "budget"))
        if spent > budget:
            yield Finding(
                "C09",
                Severity.ERROR,
                f"支出合计 {spent:,} 元，超过全年预算 {budget:,} 元。请核对支出，或补登追加的预算指标。",
                ledger.title,
                ledger.file,
                ledger.sheet,
                column=_header("expenditure", "amount_yuan"),
                value=f"{spent}",
            )


def rests_on_papers(books: Books) -> Iterator[Finding]:
    """X05: each payment names plan, application and attachments (手续齐全)."""
    if books.hold("expenditure"):
        ledger = books.ledgers["expenditure"]
        for column, word in (("plan_no", "活动方案"), ("application_no", "申请报告"), ("attachments", "附件"), ("approved_on", "审批日期")):
            empty = pl.col(column).is_null() | (pl.col(column) == 0 if column == "attachments" else pl.lit(value=False))
            message = f"手续不全：没有{word}。请补填；确实没有的，请准备说明。"
            yield from _at(ledger, column, ledger.frame.filter(empty), "X05", Severity.WARNING, message)


RULES: tuple[Callable[[Books], Iterator[Finding]], ...] = (
    refers_to_what_exists,
    carries_the_programmes_code,
    is_identified_once,
    is_paid_once,
    agrees_with_the_classification,
    is_paid_inside_the_year,
    happens_inside_the_year,
    follows_in_time,
    stays_within_the_budget,
    rests_on_papers,
)


def _doubles(ledger: Ledger, key: tuple[str, ...], code: str, message: str) -> Iterator[Finding]:
    filled = ledger.frame.filter(pl.all_horizontal(pl.col(*key).is_not_null()))
    # As many hashes as rows means as many values: exact, and several times faster than looking for doubles.
    if filled.select(pl.struct(key).hash().n_unique()).item() == filled.height:
        return
    repeated = filled.filter(pl.struct(key).is_duplicated())
    rows = repeated.group_by(key, maintain_order=True).agg("row")
    twins = {tuple(values): "、".join(map(str, numbers)) for *values, numbers in rows.iter_rows()}
    for finding, values in zip(
        _at(ledger, key[-1], repeated, code, Severity.ERROR, message), repeated.select(key).iter_rows(), strict=True
    ):
        yield replace(finding, message=f"{message}相同的在第 {twins[values]} 行。")


def _outside(ledger: Ledger, column: str, year: int) -> pl.DataFrame:
    return ledger.frame.filter(~pl.col(column).is_between(date(year, 1, 1), date(year, 12, 31)))


def _at(ledger: Ledger, column: str, rows: pl.DataFrame, code: str, severity: Severity, message: str) -> Iterator[Finding]:
    """A finding at `column` of each of these rows."""
    letter = ledger.letters[column]
    for row, value in rows.select("row", column).iter_rows():
        yield Finding(
            code, severity, message, ledger.title, ledger.file, ledger.sheet, row, _header(ledger.name, column), f"{letter}{row}",
            None if value is None else str(value),
        )  # fmt: skip


def _header(name: str, column: str) -> str:
    return LEDGERS[name].column(column).header
