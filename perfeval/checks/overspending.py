"""More spent on a programme than was granted to it."""

from collections.abc import Iterator

from perfeval.checks.amounts import is_told, sums
from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("C09", "支出超过全年预算", Severity.ERROR, Theme.MONEY, "《中华人民共和国预算法》第十三条：支出必须以经批准的预算为依据")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on the expenditure ledger for each of the programme's codes."""
    budget, expenditure = context.ledgers.get("budget"), context.ledgers.get("expenditure")
    if budget is None or expenditure is None or not is_told(context, budget):
        return
    granted = sums(budget.rows)
    codes = context.programme_keys
    for key, spent in sorted(sums(expenditure.rows).items()):
        if key in codes and spent > granted.get(key, 0):
            message = f"预算项目 {codes[key]} 支出 {spent:,} 元，超过全年预算 {granted.get(key, 0):,} 元。请核对支出，或补登追加指标。"
            yield CHECK.on(expenditure, message)
