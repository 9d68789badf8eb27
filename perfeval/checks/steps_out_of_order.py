"""Steps of the evaluation in another order than they are taken."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("X26", "评价工作步骤的先后不对", Severity.WARNING, Theme.WORK, "先准备，再座谈、核查、查看，最后形成报告")
_FIRST, _LAST = "前期准备", "形成报告"


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each step before the preparation or after the report, and one at the first questionnaire after the report."""
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
    if ended:
        yield from _late_surveys(context, ended)


def _late_surveys(context: CheckContext, ended: date) -> Iterator[Finding]:
    surveys = context.ledgers.get("surveys")
    late = list(faulty_rows(surveys, pl.col("surveyed_on") > ended)) if surveys else []
    if surveys and late:
        message = f"{len(late)}份问卷的日期晚于“{_LAST}” {ended}，如 {late[0]['surveyed_on']}，报告却已写了满意度。请核对日期。"
        yield CHECK.at(surveys, late[0], "surveyed_on", message)
