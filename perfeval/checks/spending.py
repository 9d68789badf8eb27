"""Money (资金): what was spent against what was granted, and the papers behind each payment."""

import re
from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.context import CheckContext, faulty_rows, finding_at, finding_on
from perfeval.model import Finding, Ledger, Severity
from perfeval.model.identifiers import comparable, compared

_PAPERS = ("plan_no", "application_no", "attachments", "approved_by", "approved_on")


def find_no_budget(context: CheckContext) -> Iterator[Finding]:
    """C08: without an annual budget there is no execution rate to score."""
    budget = context.ledgers.get("budget")
    if budget is None or not _is_told(context, budget):
        return
    granted = _sums(budget.rows)
    if sum(granted.get(key, 0) for key in context.programme_keys) <= 0:
        whose = f"预算项目 {'、'.join(context.programme_codes)} " if context.other_codes else ""
        yield finding_on(budget, "C08", f"{whose}全年预算数不大于0，预算执行率无法计算。请核对预算指标台账是否漏登追加或结转指标。")


def find_overspending(context: CheckContext) -> Iterator[Finding]:
    """C09: more spent on a programme than was granted to it."""
    budget, expenditure = context.ledgers.get("budget"), context.ledgers.get("expenditure")
    if budget is None or expenditure is None or not _is_told(context, budget):
        return
    granted = _sums(budget.rows)
    codes = context.programme_keys
    for key, spent in sorted(_sums(expenditure.rows).items()):
        if key in codes and spent > granted.get(key, 0):
            message = f"预算项目 {codes[key]} 支出 {spent:,} 元，超过全年预算 {granted.get(key, 0):,} 元。请核对支出，或补登追加指标。"
            yield finding_on(expenditure, "C09", message)


def find_plan_overruns(context: CheckContext) -> Iterator[Finding]:
    """X07: more spent on an activity than its plan allows."""
    plans, expenditure = context.ledgers.get("plans"), context.rows("expenditure")
    if plans is None or expenditure is None:
        return
    # Few plans stand in many rows: their numbers are compared once they are grouped.
    spent = expenditure.group_by("plan_no").agg(spent=pl.col("amount_yuan").sum())
    key = compared(pl.col("plan_no")).alias("key")
    spent = spent.group_by(key).agg(pl.col("spent").sum())
    over = plans.rows.with_columns(key).join(spent, on="key").filter(pl.col("spent") > pl.col("budget_yuan")).sort("row")
    for row in over.collect().iter_rows(named=True):
        message = f"方案 {row['plan_no']} 已支出 {row['spent']:,} 元，超过方案预算 {row['budget_yuan']:,} 元。请核对，或说明原因。"
        yield finding_at(plans, row, "budget_yuan", "X07", message, Severity.WARNING)


def find_wrong_classification(context: CheckContext) -> Iterator[Finding]:
    """C35: an economic classification code that does not exist, or with another code's name."""
    ledger = context.ledgers.get("expenditure")
    if ledger is None:
        return
    # Few pairs of code and name stand in many rows: each pair is looked up once.
    pairs = ledger.rows.group_by("economic_code", "economic_name").agg().drop_nulls().collect(engine="streaming")
    wrong = pairs.filter([not _agree(context.classification.get(code), name) for code, name in pairs.rows()])
    if wrong.is_empty():
        return
    for row in ledger.rows.join(wrong.lazy(), on=["economic_code", "economic_name"], how="semi").collect().iter_rows(named=True):
        code, name = row["economic_code"], row["economic_name"]
        expected = context.classification.get(code)
        if expected is None:
            message = f"经济分类编码“{code}”不存在。请按政府收支分类科目（部门预算支出经济分类）改正。"
            yield finding_at(ledger, row, "economic_code", "C35", message, Severity.ERROR)
        else:
            message = f"经济分类编码 {code} 的名称是“{expected}”，这里写的是“{name}”。请改正编码或名称。"
            yield finding_at(ledger, row, "economic_name", "C35", message, Severity.ERROR)


def find_missing_papers(context: CheckContext) -> Iterator[Finding]:
    """X05: a payment without plan, application, attachment or approval (手续不全); no plan is expected where no plans are kept."""
    ledger = context.ledgers.get("expenditure")
    if ledger is None:
        return
    papers = [column for column in _PAPERS if column != "plan_no" or context.is_expected("plans")]
    lacking = ledger.rows.with_columns(pl.col("attachments").replace(0, None)).filter(pl.any_horizontal(pl.col(*papers).is_null()))
    headers = {column: ledger.shape.column(column).header for column in papers}
    for row in lacking.select("row", *papers).collect().iter_rows(named=True):
        missing = [column for column in papers if row[column] is None]
        message = f"手续不全：缺少 {'、'.join(headers[column] for column in missing)}。请补登；确实没有的，向审批人说明。"
        yield finding_at(ledger, row, missing[0], "X05", message, Severity.WARNING)


def find_negative_payments(context: CheckContext) -> Iterator[Finding]:
    """X06: a refund or reversal, which lowers the year's spending."""
    if ledger := context.ledgers.get("expenditure"):
        for row in faulty_rows(ledger, pl.col("amount_yuan") < 0):
            message = f"金额 {row['amount_yuan']} 元是负数，将冲减全年支出。请确认是退款或冲销。"
            yield finding_at(ledger, row, "amount_yuan", "X06", message, Severity.WARNING)


def find_unreviewed_plans(context: CheckContext) -> Iterator[Finding]:
    """X08: an activity plan that the finance bureau has not reviewed."""
    if ledger := context.ledgers.get("plans"):
        for row in faulty_rows(ledger, pl.col("reviewed_on").is_null() | pl.col("reviewed_by").is_null()):
            message = f"方案 {row['plan_no']} 没有财政审核日期或审核人。请补登；尚未审核的，向审批人说明。"
            yield finding_at(ledger, row, "reviewed_on", "X08", message, Severity.WARNING)


def find_investments_not_told(context: CheckContext) -> Iterator[Finding]:
    """X12: a project without its investments of the year, which sums then leave out; one in preparation often has none."""
    ledger = context.ledgers.get("projects")
    if ledger is None:
        return
    for column in ("annual_planned_yuan", "annual_completed_yuan"):
        header = ledger.shape.column(column).header.removesuffix("（万元）")
        message = f"{header}没有填写，合计时不计入。请补填；确实没有的填0。"
        for row in faulty_rows(ledger, pl.col("stage").ne_missing("前期") & pl.col(column).is_null()):
            yield finding_at(ledger, row, column, "X12", message, Severity.WARNING)


def _is_told(context: CheckContext, budget: Ledger) -> bool:
    """Whether every amount of the budget could be read and is the programme's; otherwise what was granted is not known."""
    codes = comparable(pl.Series(context.known_codes, dtype=pl.String))
    known = pl.col("amount_yuan").is_not_null() & compared(pl.col("programme_code")).is_in(codes.implode())
    return bool(budget.rows.select(known.fill_null(value=False).all()).collect().item())


def _sums(rows: pl.LazyFrame) -> dict[str, Decimal]:
    """Amounts by programme code, as compared; cells that could not be read are not counted, they have a finding of their own."""
    sums = rows.drop_nulls("programme_code").group_by("programme_code").agg(pl.col("amount_yuan").sum()).collect()
    return dict(sums.group_by(compared(pl.col("programme_code"))).agg(pl.col("amount_yuan").sum()).rows())


def _agree(expected: str | None, name: str) -> bool:
    return expected is not None and _plain(name) == _plain(expected)


def _plain(name: str) -> str:
    """A name as compared: brackets full-width, no blanks."""
    return re.sub(r"\s", "", name).replace("(", "（").replace(")", "）")
