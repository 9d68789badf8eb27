"""All steps of the evaluation on one day."""

from collections.abc import Iterator

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X41", "评价工作的步骤都在同一天", Severity.WARNING, Theme.WORK, "座谈、核查、查看、写报告不是一天的事，疑似事后补登")
_FEW = 3


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the first row, where three or more different steps all have the same day."""
    if ledger := context.ledgers.get("evaluation_work"):
        rows = ledger.rows.drop_nulls(("step", "done_on")).sort("row").collect()
        if rows["step"].n_unique() >= _FEW and rows["done_on"].n_unique() == 1:
            row = rows.row(0, named=True)
            yield CHECK.at(ledger, row, "done_on", f"{rows['step'].n_unique()}个步骤都在 {row['done_on']}。请核对是否照实登记。")
