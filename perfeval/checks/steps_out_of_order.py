"""Steps of the evaluation in another order than they are taken."""

from collections.abc import Iterator

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X26", "评价工作步骤的先后不对", Severity.WARNING, Theme.WORK, "先准备，再座谈、核查、查看，最后形成报告")
_FIRST, _LAST = "前期准备", "形成报告"


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each step before the preparation or after the report."""
    ledger = context.ledgers.get("evaluation_work")
    if ledger is None:
        return
    rows = ledger.rows.drop_nulls(("step", "done_on")).sort("row").collect().to_dicts()
    begun = min((row["done_on"] for row in rows if row["step"] == _FIRST), default=None)
    ended = max((row["done_on"] for row in rows if row["step"] == _LAST), default=None)
    for row in rows:
        if row["step"] != _FIRST and begun and row["done_on"] < begun:
            yield CHECK.at(ledger, row, "done_on", f"“{row['step']}” {row['done_on']} 早于“{_FIRST}” {begun}。请核对日期。")
        elif row["step"] != _LAST and ended and row["done_on"] > ended:
            yield CHECK.at(ledger, row, "done_on", f"“{row['step']}” {row['done_on']} 晚于“{_LAST}” {ended}。请核对日期。")
