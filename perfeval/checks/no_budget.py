"""Without an annual budget there is no execution rate to score."""

from collections.abc import Iterator

from perfeval.checks.amounts import is_told, sums
from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check(
    "C08", "全年预算数不大于0，预算执行率不能计算", Severity.ERROR, Theme.MONEY, "财预〔2020〕10号：预算执行率＝全年执行数÷全年预算数"
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on the budget ledger."""
    budget = context.ledgers.get("budget")
    if budget is None or not is_told(context, budget):
        return
    granted = sums(budget.rows)
    if sum(granted.get(key, 0) for key in context.programme_keys) <= 0:
        whose = f"预算项目 {'、'.join(context.programme_codes)} " if context.other_codes else ""
        yield CHECK.on(budget, f"{whose}全年预算数不大于0，预算执行率无法计算。请核对预算指标台账是否漏登追加或结转指标。")
