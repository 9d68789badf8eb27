"""A survey of so few that its rate says little."""

from collections.abc import Iterator

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity


class SurveyLimits(Limits):
    """The fewest answers (问卷最少份数)."""

    least: int


CHECK = Check("C26", "满意度调查的问卷太少", Severity.WARNING, Theme.RESULTS, "满意度由抽样调查得出，样本须够", limits=SurveyLimits)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding on the ledger of surveys."""
    ledger, limits = context.ledgers.get("surveys"), context.limits_of(SurveyLimits)
    if ledger and 0 < (count := ledger.count_rows()) < limits.least:
        yield CHECK.on(ledger, f"只有{count}份问卷，不足{limits.least}份，满意度说明不了多少。请补充调查，或说明原因。")
