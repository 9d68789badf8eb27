"""Money (资金): what was spent against what was granted, and the papers behind each payment."""

import re
from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.case import Case, finding_at, finding_on
from perfeval.model import Finding, Ledger, Severity
from schemas import LEDGERS

_PAPERS = ("plan_no", "application_no", "attachments", "approved_by", "approved_on")


def find_no_budget(case: Case) -> Iterator[Finding]:
    """C08: without an annual budget there is no execution rate to score."""
    budget = case.ledgers.get("budget")
    if budget and _is_told(case, budget) and sum(_sums(budget.rows).values()) <= 0:
        yield finding_on(budget, "C08", "全年预算数不大于0，预算执行率无法计算。请核对预算指标台账是否漏登追加或结转指标。")


def find_overspending(case: Case) -> Iterator[Finding]:
    """C09: more spent on a programme than was granted to it."""
    budget, expenditure = case.ledgers.get("budget"), case.ledgers.get("expenditure")
    if budget is None or expenditure is None or not _is_told(case, budget):
        return
    granted = _sums(budget.rows)
    for code, spent in sorted(_sums(expenditure.rows).items()):
        if code in case.programme_codes and spent > granted.get(code, 0):
            message = f"预算项目 {code} 支出 {spent:,} 元，超过全年预算 {granted.get(code, 0):,} 元。请核对支出，或补登追加指标。"
            yield finding_on(expenditure, "C09", message)


def find_plan_overruns(case: Case) -> Iterator[Finding]:
    """X07: more spent on an activity than its plan allows."""
    plans, expenditure = case.ledgers.get("plans"), case.rows("expenditure")
    if plans is None or expenditure is None:
        return
    spent = expenditure.group_by("plan_no").agg(spent=pl.col("amount_yuan").sum())
    over = plans.rows.join(spent, on="plan_no").filter(pl.col("spent") > pl.col("budget_yuan")).sort("row")
    for row in over.collect().iter_rows(named=True):
        message = f"方案 {row['plan_no']} 已支出 {row['spent']:,} 元，超过方案预算 {row['budget_yuan']:,} 元。请核对，或说明原因。"
        yield finding_at(plans, row["row"], "budget_yuan", "X07", message, row["budget_yuan"], Severity.WARNING)


def find_wrong_classification(case: Case) -> Iterator[Finding]:
    """C35: an economic classification code that does not exist, or with another code's name."""
    ledger = case.ledgers.get("expenditure")
    if ledger is None:
        return
    # Few pairs of code and name stand in many rows: each pair is looked up once.
    pairs = ledger.rows.group_by("economic_code", "economic_name").agg().drop_nulls().collect(engine="streaming")
    wrong = pairs.filter([not _agree(case.classification.get(code), name) for code, name in pairs.rows()])
    if wrong.is_empty():
        return
    for row in ledger.rows.join(wrong.lazy(), on=["economic_code", "economic_name"], how="semi").collect().iter_rows(named=True):
        code, name = row["economic_code"], row["economic_name"]
        expected = case.classification.get(code)
        if expected is None:
            message = f"经济分类编码“{code}”不存在。请按政府收支分类科目（部门预算支出经济分类）改正。"
            yield finding_at(ledger, row["row"], "economic_code", "C35", message, code, Severity.ERROR)
        else:
            message = f"经济分类编码 {code} 的名称是“{expected}”，这里写的是“{name}”。请改正编码或名称。"
            yield finding_at(ledger, row["row"], "economic_name", "C35", message, name, Severity.ERROR)


def find_missing_papers(case: Case) -> Iterator[Finding]:
    """X05: a payment without plan, application, attachment or approval (手续不全)."""
    ledger = case.ledgers.get("expenditure")
    if ledger is None:
        return
    lacking = ledger.rows.with_columns(pl.col("attachments").replace(0, None)).filter(pl.any_horizontal(pl.col(*_PAPERS).is_null()))
    headers = {column: LEDGERS["expenditure"].column(column).header for column in _PAPERS}
    for row in lacking.select("row", *_PAPERS).collect().iter_rows(named=True):
        missing = [column for column in _PAPERS if row[column] is None]
        message = f"手续不全：缺少 {'、'.join(headers[column] for column in missing)}。请补登；确实没有的，向审批人说明。"
        yield finding_at(ledger, row["row"], missing[0], "X05", message, None, Severity.WARNING)


def find_negative_payments(case: Case) -> Iterator[Finding]:
    """X06: a refund or reversal, which lowers the year's spending."""
    message = "金额 {amount_yuan} 元是负数，将冲减全年支出。请确认是退款或冲销。"
    return case.find("expenditure", "amount_yuan", pl.col("amount_yuan") < 0, "X06", message, severity=Severity.WARNING)


def find_unreviewed_plans(case: Case) -> Iterator[Finding]:
    """X08: an activity plan that the finance bureau has not reviewed."""
    unreviewed = pl.col("reviewed_on").is_null() | pl.col("reviewed_by").is_null()
    message = "方案 {plan_no} 没有财政审核日期或审核人。请补登；尚未审核的，向审批人说明。"
    return case.find("plans", "reviewed_on", unreviewed, "X08", message, severity=Severity.WARNING)


def find_investments_not_told(case: Case) -> Iterator[Finding]:
    """X12: a project without its investments of the year, which sums then leave out; one in preparation often has none."""
    is_on = pl.col("stage").ne_missing("前期")
    for column in ("annual_planned_yuan", "annual_completed_yuan"):
        header = LEDGERS["projects"].column(column).header.removesuffix("（万元）")
        message = f"{header}没有填写，合计时不计入。请补填；确实没有的填0。"
        yield from case.find("projects", column, is_on & pl.col(column).is_null(), "X12", message, severity=Severity.WARNING)


def _is_told(case: Case, budget: Ledger) -> bool:
    """Whether every amount of the budget could be read and is the programme's; otherwise what was granted is not known."""
    known = pl.col("amount_yuan").is_not_null() & pl.col("programme_code").is_in(list(case.programme_codes))
    return bool(budget.rows.select(known.fill_null(value=False).all()).collect().item())


def _sums(rows: pl.LazyFrame) -> dict[str, Decimal]:
    """Amounts by programme code; cells that could not be read are not counted, they have a finding of their own."""
    return dict(rows.drop_nulls("programme_code").group_by("programme_code").agg(pl.col("amount_yuan").sum()).collect().rows())


def _agree(expected: str | None, name: str) -> bool:
    return expected is not None and _plain(name) == _plain(expected)


def _plain(name: str) -> str:
    """A name as compared: brackets full-width, no blanks."""
    return re.sub(r"\s", "", name).replace("(", "（").replace(")", "）")
