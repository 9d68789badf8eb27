"""A report on a year that was not over."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("X27", "评价年度还没有终了就形成了报告", Severity.ERROR, Theme.WORK, "自评在年度终了、决算数确定以后进行")


def find(context: CheckContext) -> Iterator[Finding]:
    """An error at each report formed before the year's end; where payments are another year's, it is the year that is wrong."""
    payments, ledger = context.rows("expenditure"), context.ledgers.get("evaluation_work")
    is_of_year = payments is None or payments.select((pl.col("paid_on").dt.year() == context.year).any()).collect().item()
    if ledger and is_of_year:
        year_end = date(context.year, 12, 31)
        for row in faulty_rows(ledger, (pl.col("step") == "形成报告") & (pl.col("done_on") <= year_end)):
            message = f"形成报告的日期 {row['done_on']} 在{context.year}年终了之前，全年的数那时还没有。请改正日期。"
            yield CHECK.at(ledger, row, "done_on", message)
