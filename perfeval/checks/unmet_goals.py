"""A yearly goal that was not reached, or not quite."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("X28", "年度目标任务没有完成", Severity.WARNING, Theme.RESULTS, "财预〔2020〕10号：未完成的绩效目标须说明原因")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such goal."""
    if ledger := context.ledgers.get("goals"):
        for row in faulty_rows(ledger, pl.col("status") != "完成"):
            yield CHECK.at(ledger, row, "status", f"目标任务“{row['goal']}”{row['status']}，原因和改进措施写进说明，报告第六部分列出。")
