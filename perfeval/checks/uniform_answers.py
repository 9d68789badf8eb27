"""A survey that everybody answered in the same way."""

from collections.abc import Iterator

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity


class AnswerLimits(Limits):
    """From how many answers on they should differ."""

    least: int


CHECK = Check("X24", "满意度问卷的评价全部一样", Severity.WARNING, Theme.RESULTS, "真实的调查少有完全一致的评价", limits=AnswerLimits)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on the ledger of surveys."""
    ledger, limits = context.ledgers.get("surveys"), context.limits_of(AnswerLimits)
    if ledger is None:
        return
    ratings = ledger.rows.select("rating").drop_nulls().collect().to_series()
    if len(ratings) >= limits.least and ratings.n_unique() == 1:
        yield CHECK.on(ledger, f"{len(ratings)}份问卷的评价全部是“{ratings[0]}”。请核对问卷原件。")
