"""Nearly everything of a year on one day: told afterwards, more often than done."""

from collections.abc import Iterator

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Ledger, Severity
from schemas import Column, Kind


class CrowdLimits(Limits):
    """From how many rows on, and what part of them (percent) on one day is too much."""

    rows: int
    pct: int


CHECK = Check("X23", "日期几乎都是同一天", Severity.WARNING, Theme.DAYS, "逐日发生的事集中在一天，疑似事后补登", limits=CrowdLimits)
_AT_ONCE = ("budget", "targets", "surveys", "plans", "evaluation_work")
"""Documents, plans and surveys are often of one day."""


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on each such column of days, at the first of the day's rows."""
    limits = context.limits_of(CrowdLimits)
    for ledger in context.ledgers.values():
        for column in ledger.shape.columns() if ledger.name not in _AT_ONCE else ():
            if column.kind is Kind.DAY:
                kind = next((other.name for other in ledger.shape.columns() if other.name == "kind"), None)
                yield from _crowded(ledger, column, kind, limits)


def _crowded(ledger: Ledger, column: Column, kind: str | None, limits: CrowdLimits) -> Iterator[Finding]:
    """Of each kind of thing, where the ledger has kinds: all colour tables on one day are not hidden by other publications."""
    of = [kind] if kind else []
    days = ledger.rows.drop_nulls(column.name).group_by(*of, column.name, maintain_order=True).agg("row").collect()
    for part in days.partition_by(of, maintain_order=True) if of else [days]:
        counts = part["row"].list.len()
        most = counts.max()
        if not isinstance(most, int) or counts.sum() < limits.rows or most * 100 < counts.sum() * limits.pct:
            continue
        found = part.row(int(counts.arg_max() or 0), named=True)
        what = f"{found[kind]}的{column.header}" if kind else column.header
        message = f"{what}有{counts.sum()}个，其中{most}个是 {found[column.name]}。请核对是否照实登记。"
        yield CHECK.at(ledger, {"row": found["row"][0], column.name: found[column.name]}, column.name, message)
