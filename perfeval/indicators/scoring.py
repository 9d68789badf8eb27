"""Scores (得分): facts held against targets by the profile's rules (财预〔2020〕10号), each with its reason in Chinese.

Explanations are printed in the report: they state facts, and ask nothing of anybody. What somebody must explain is `needs_reason`.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from types import MappingProxyType

from perfeval.errors import LedgerError
from perfeval.indicators.adjusting import adjust
from perfeval.indicators.execution import budget_faults, score_execution
from perfeval.indicators.facts import EXACT
from perfeval.indicators.profile import Profile
from perfeval.indicators.rules.rule import FULL, level_of
from perfeval.indicators.system import Indicator, IndicatorSystem
from perfeval.indicators.target import Amount, Target
from perfeval.indicators.weighing import left_out_rows, weigh
from perfeval.indicators.wording import percentage_near, points, quantity
from perfeval.model import Fact, Facts, Finding, Score, Scorecard, Severity
from perfeval.model.numbers import percentage

NO_REASONS: Mapping[str, str] = MappingProxyType({})
MEANINGS: Mapping[str, str] = {"C01": "指标没有可以计分的实际值"}
"""The code that refuses to score, here and for the budget."""


def score_facts(system: IndicatorSystem, facts: Facts, reasons: Mapping[str, str] = NO_REASONS) -> Scorecard:
    """Score an indicator system (自评得分) from its facts alone.

    A row without a value earns nothing; it is left out, and its points go to its neighbours, where it says `leave_out`, the profile
    allows it, and `reasons` has the recorded reason under the row's id.
    Raises: LedgerError: there is no value to score (C01): a ledger or a judgement was not handed in, the annual budget is 0, more was
        spent than granted, or less than nothing; all at once.
    """
    with localcontext(EXACT):
        if findings := [*_unscorable(system, facts), *budget_faults(facts)]:
            message = "；".join(finding.message for finding in findings)
            raise LedgerError("L00", f"不能评分：{message}", "补齐、改正所列台账或评定意见后重新计算。", findings=findings)
        left_out = left_out_rows(system, facts, reasons)
        weights = weigh(system, left_out)
        scores = tuple(
            _left_out(row, facts[row.id], reasons[row.id], left_out[row.id])
            if row.id in left_out
            else _score(row, facts[row.id], weights[row.id], system.profile)
            for row in system.scored
        )
        execution = score_execution(facts, system.profile)
        total = sum((score.score for score in scores), execution.score)
        adjustments = adjust(system, facts, scores, total)
        total += sum(item.points for item in adjustments)
        return Scorecard(scores, execution, total, system.profile.grade(total), adjustments)


def _unscorable(system: IndicatorSystem, facts: Facts) -> list[Finding]:
    unknown = [
        Finding("C01", Severity.ERROR, f"指标“{row.name}”没有实际值：{facts[row.id].reason}", ledger="、".join(row.evidence))
        for row in system.scored
        if facts[row.id].is_unknown
    ]
    if not unknown and all(facts[row.id].value is None for row in system.scored):
        return [Finding("C01", Severity.ERROR, "没有一个指标有实际值")]
    return unknown


def _left_out(row: Indicator, fact: Fact, reason: str, heirs: str) -> Score:
    why = f"不适用（{fact.reason}；{reason.rstrip('。')}），不计分；分值{points(row.weight)}由{heirs}中有实际值的指标分担"
    row_of = (row.id, row.level1, row.level2, row.name, Decimal(0), row.target)
    return Score(*row_of, "不适用", Decimal(0), why, needs_reason=True, is_applicable=False)


def _score(row: Indicator, fact: Fact, weight: Decimal, profile: Profile) -> Score:
    row_of = (row.id, row.level1, row.level2, row.name, weight, row.target)
    rescaled = f"；因有不适用的指标，分值由{points(row.weight)}换算为{points(weight)}" if weight != row.weight else ""
    if fact.value is None:
        # A day to be met, and nothing that happened: not done. A rate of nothing, such as a survey not held: no result either.
        actual = "未发生" if isinstance(row.aim.value, date) else "无数据"
        why = f"没有实际值（{fact.reason}），未达到指标值“{row.target}”，得0分{rescaled}"
        return Score(*row_of, actual, Decimal(0), why, needs_reason=True, is_missed=True)
    share, why = row.rule.share(row, fact.value, profile)
    score = min(profile.rounding.apply(weight * share), weight)
    score = max(score, weight) if share == FULL else score  # points with more places than the profile rounds to are not lost
    is_missed = score < weight or (row.aim.relation is not None and not row.aim.is_met_by(fact.value))
    deviation = "" if is_missed else _deviation(row.aim, fact.value, profile)
    # A target missed by less than rounding tells costs no points, and is missed all the same.
    gained = f"得{points(score)}" if score < weight or share == FULL else f"舍入后得{points(score)}"
    gained = gained if is_missed else f"得满分{points(score)}"
    actual = quantity(fact.value, row.aim, fact.unit)
    why = f"{fact.formula if row.judged else f'实际{actual}'}，{why}，{gained}{deviation}{rescaled}"
    shown = level_of(row.bands or profile.bands, fact.value)[0] if isinstance(fact.value, Decimal) and not row.aim.relation else actual
    return Score(*row_of, shown, score, why, is_missed or bool(deviation), is_missed, is_judged=row.judged)


def _deviation(aim: Target, value: Amount, profile: Profile) -> str:
    """How far a result that meets its target is from it, where that is far."""
    base = aim.top
    if not isinstance(value, Decimal) or not isinstance(base, Decimal) or not base:
        return ""
    difference = abs(value - base) / base * 100
    inside = aim.upper is not None and value <= base
    return (
        ""
        if inside or difference <= profile.deviation_pct
        else (f"；与指标值相差{percentage_near(difference, profile.deviation_pct)}，超过{percentage(profile.deviation_pct)}")
    )
