"""A step of the evaluation that is not in the ledger of its work; the report tells of each."""

from collections.abc import Iterator

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X13", "缺少一个评价工作步骤", Severity.WARNING, Theme.WORK, "自评报告格式“绩效评价工作情况”逐步写明")


def find(context: CheckContext) -> Iterator[Finding]:
    """One finding with all the steps."""
    ledger = context.ledgers.get("evaluation_work")
    if ledger is None:
        return
    done = set(ledger.rows.select("step").collect().to_series())
    if missing := [step for step in ledger.shape.column("step").choices if step not in done]:
        message = f"没有{'、'.join(f'“{step}”' for step in missing)}步骤，报告相应的一节没有内容，不能成稿。请在评价工作开展后补登。"
        yield CHECK.on(ledger, message)
