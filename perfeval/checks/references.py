"""Numbers that name things (编号): each names one thing, and what a ledger refers to exists in another."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.case import Case, finding_at, finding_on
from perfeval.model import Finding, Severity
from schemas import LEDGERS

_MOST_PLACES = 5
_NEVER = pl.lit(False)  # noqa: FBT003  # a literal
_PROJECT_LEDGERS = ("progress", "meetings", "issues", "services", "inspections")
_IDENTITIES = (
    ("plans", ("plan_no",)),
    ("projects", ("project_no",)),
    ("progress", ("project_no", "month")),
    ("meetings", ("meeting_no",)),
    ("issues", ("issue_no",)),
    ("services", ("service_no",)),
    ("publications", ("kind", "number")),
    ("surveys", ("survey_no",)),
    ("goals", ("goal_no",)),
)


def find_unknown_projects(case: Case) -> Iterator[Finding]:
    """X02: a 项目编号 that the register of key projects does not have. Without a number a row is about no single project."""
    projects = case.rows("projects")
    if projects is None:
        return
    unknown = ~pl.col("project_no").is_in(_column(projects, "project_no"))
    for name in _PROJECT_LEDGERS:
        yield from case.find(
            name, "project_no", unknown, "X02", "项目编号“{project_no}”不在重点项目台账中。请核对编号，或在重点项目台账补登。"
        )


def find_unknown_plans(case: Case) -> Iterator[Finding]:
    """X03: a payment on an activity plan that is not registered."""
    plans = case.rows("plans")
    if plans is None:
        return
    unknown = ~pl.col("plan_no").is_in(_column(plans, "plan_no"))
    yield from case.find(
        "expenditure", "plan_no", unknown, "X03", "活动方案编号“{plan_no}”不在活动方案台账中。请核对编号，或在活动方案台账补登。"
    )


def find_unknown_programmes(case: Case) -> Iterator[Finding]:
    """X04: money of another programme than the one evaluated."""
    unknown = ~pl.col("programme_code").is_in(list(case.programme_codes))
    expected = "、".join(case.programme_codes)
    message = f"预算项目编码“{{programme_code}}”不是本次评价的项目（{expected}）。请核对编码；其他项目的收支请移出。"
    for name in ("budget", "expenditure"):
        yield from case.find(name, "programme_code", unknown, "X04", message)


def find_repeated_numbers(case: Case) -> Iterator[Finding]:
    """X01: one number for two things."""
    for name, columns in _IDENTITIES:
        yield from _repeated(case, name, columns, "X01")


def find_repeated_vouchers(case: Case) -> Iterator[Finding]:
    """C36: a voucher booked twice, or an invoice paid twice. A refund quotes the invoice it takes back, and so does paying it anew."""
    yield from _repeated(case, "expenditure", ("voucher_no",), "C36")
    paid = pl.col("amount_yuan")
    # Refunds alone are of an earlier year's payment.
    is_paid_once = (paid.null_count() == 0) & (paid.sum().is_between(0, paid.max()) | (paid.max() < 0))
    yield from _repeated(case, "expenditure", ("invoice_no",), "C36", allowed=is_paid_once)


def find_missing_steps(case: Case) -> Iterator[Finding]:
    """X13: a step of the evaluation that is not in the ledger of its work; the report tells of each."""
    ledger = case.ledgers.get("evaluation_work")
    if ledger is None:
        return
    done = set(ledger.rows.select("step").collect().to_series())
    if missing := [step for step in LEDGERS["evaluation_work"].column("step").choices if step not in done]:
        message = f"没有{'、'.join(f'“{step}”' for step in missing)}步骤，报告相应的一节没有内容，不能成稿。请在评价工作开展后补登。"
        yield finding_on(ledger, "X13", message, Severity.WARNING)


def _repeated(case: Case, name: str, columns: tuple[str, ...], code: str, allowed: pl.Expr = _NEVER) -> Iterator[Finding]:
    """A finding at every row whose columns, all filled, stand in another row too, unless all their rows together are allowed."""
    ledger = case.ledgers.get(name)
    if ledger is None:
        return
    filled = pl.all_horizontal(pl.col(*columns).is_not_null())
    key = pl.struct(columns) if len(columns) > 1 else pl.col(columns[0])
    # Equal values have equal hashes: as many hashes as rows means no repetition, at a seventh of the time of looking for it.
    if ledger.rows.select(key.filter(filled).hash().n_unique() == filled.sum()).collect().item():
        return
    headers = "、".join(LEDGERS[name].column(column).header for column in columns)
    groups = ledger.rows.filter(filled).group_by(columns, maintain_order=True).agg("row", allowed=allowed)
    repeated = groups.filter(pl.col("row").list.len() > 1, ~pl.col("allowed")).collect()
    for *values, places, _ in repeated.iter_rows():
        shown = "、".join(str(row) for row in places[:_MOST_PLACES]) + ("等" if len(places) > _MOST_PLACES else "")
        message = f"{headers}“{' '.join(values)}”重复，见第{shown}行。请删除重复的行，或改正编号。"
        for row in places:
            yield finding_at(ledger, row, columns[-1], code, message, values[-1], Severity.ERROR)


def _column(rows: pl.LazyFrame, name: str) -> pl.Series:
    return rows.select(pl.col(name).implode()).collect().to_series()
