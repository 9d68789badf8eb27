"""Scores (得分): facts held against targets by the profile's rules (财预〔2020〕10号), each with its reason in Chinese.

Explanations are printed in the report: they state facts, and ask nothing of anybody. What somebody must explain is `needs_reason`.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from types import MappingProxyType

from perfeval.errors import LedgerError
from perfeval.indicators.adjusting import adjust
from perfeval.indicators.execution import budget_faults, score_execution
from perfeval.indicators.facts import EXACT
from perfeval.indicators.profile import Interval, Profile
from perfeval.indicators.system import Indicator, IndicatorSystem, Scoring
from perfeval.indicators.target import Amount, Relation, Target
from perfeval.indicators.weighing import left_out_rows, weigh
from perfeval.indicators.wording import percentage_near, points, quantity
from perfeval.model import Fact, Facts, Finding, Score, Scorecard, Severity
from perfeval.model.numbers import percentage, plain

NO_REASONS: Mapping[str, str] = MappingProxyType({})
_FULL = Decimal(1)
# How much of its points a row earns, 0 to 1, and why.
_Shared = tuple[Decimal, str]


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
    share, why = _RULES[row.scoring](row, fact.value, profile)
    score = min(profile.rounding.apply(weight * share), weight)
    score = max(score, weight) if share == _FULL else score  # points with more places than the profile rounds to are not lost
    is_missed = score < weight or (row.scoring is not Scoring.GRADED and not row.aim.is_met_by(fact.value))
    deviation = "" if is_missed else _deviation(row.aim, fact.value, profile)
    # A target missed by less than rounding tells costs no points, and is missed all the same.
    gained = f"得{points(score)}" if score < weight or share == _FULL else f"舍入后得{points(score)}"
    gained = gained if is_missed else f"得满分{points(score)}"
    actual = quantity(fact.value, row.aim, fact.unit)
    why = f"{fact.formula if row.judged else f'实际{actual}'}，{why}，{gained}{deviation}{rescaled}"
    shown = _level(row.bands or profile.bands, fact.value)[0] if isinstance(fact.value, Decimal) and not row.aim.relation else actual
    return Score(*row_of, shown, score, why, is_missed or bool(deviation), is_missed, is_judged=row.judged)


def _proportional(row: Indicator, value: Amount, profile: Profile) -> _Shared:
    if row.aim.is_met_by(value):
        return _FULL, f"达到{_aimed(row)}"
    if isinstance(value, date) and isinstance(row.aim.value, date):
        return _late(row, (value - row.aim.value).days, profile)
    base, name = _bound(row)
    if not isinstance(value, Decimal):
        raise TypeError(f"{row.id} cannot be scored in proportion")  # loading has excluded words
    part, whole, rule = (base, value, f"{name}÷实际值") if row.aim.is_negative else (value, base, f"实际值÷{name}")
    # Nothing of a target of 0 is reached by a value that misses it, and nothing by a value on the other side of 0.
    share = min(max(part / whole, Decimal(0)), _FULL) if whole > 0 else Decimal(0)
    return share, f"未达到{_aimed(row)}，按{rule}＝{percentage(share * 100)}计"


def _bound(row: Indicator) -> tuple[Decimal, str]:
    """What a result is divided by. Of whole numbers, more than 73 is 74 or more: 73 reaches 73÷74 of it."""
    base = row.aim.base
    if not isinstance(base, Decimal):
        raise TypeError(f"{row.id} cannot be scored in proportion")  # loading has excluded words
    if row.measure and row.measure.is_whole and row.aim.relation is Relation.ABOVE:
        base = base.to_integral_value(ROUND_FLOOR) + 1
    elif row.measure and row.measure.is_whole and row.aim.relation is Relation.BELOW:
        base = base.to_integral_value(ROUND_CEILING) - 1
    return base, "指标值" if base == row.aim.base else f"{'至多' if row.aim.is_negative else '至少'}应有的{plain(base)}"


def _late(row: Indicator, days: int, profile: Profile) -> _Shared:
    """A day passed by so many days, on the profile's scale."""
    limit, share = next(((limit, share) for limit, share in profile.late if days <= limit), (0, Decimal(0)))
    told = f"在{limit}日以内" if limit else f"超过{profile.late[-1][0]}日"
    return share / 100, f"未达到{_aimed(row)}，逾期{days}日，{told}，按{percentage(share)}计"


def _all_or_nothing(row: Indicator, value: Amount, _: Profile) -> _Shared:
    if row.aim.is_met_by(value):
        return _FULL, f"达到{_aimed(row)}"
    return Decimal(0), f"未达到{_aimed(row)}，按规则不达标不得分"


def _aimed(row: Indicator) -> str:
    """The target as it is written, and how it is meant where that is not seen."""
    return f"指标值“{row.target}”" + ("（不超过为达到）" if row.is_limit_unsaid else "")


def _graded(row: Indicator, value: Amount, profile: Profile) -> _Shared:
    """The level that the measure falls into, and within the level's share of the points as far up as it stands in the level."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{row.id} cannot be graded")  # loading has excluded it
    if not row.bands:  # a person's judgement is a share of the points by itself
        name, (least, most) = _level(profile.bands, value)
        return value / 100, f"属“{name}”（得分值的{plain(least)}%～{plain(most)}%），按{percentage(value)}计"
    name, (low, high) = _level(row.bands, value)
    least, most = profile.bands[name]
    position = (min(max(value, low), high) - low) / (high - low) if high > low else _FULL
    share = (least + position * (most - least)) / 100
    rule = f"计算结果{plain(low)}%～{plain(high)}%得分值的{plain(least)}%～{plain(most)}%"
    return share, f"属“{name}”（{rule}），按所处位置计{percentage(share * 100)}"


def _level(bands: Mapping[str, Interval], value: Decimal) -> tuple[str, Interval]:
    """The level (档次) that a measure falls into; the lowest takes what is below it too."""
    return next(band for band in bands.items() if value >= band[1][0] or band[1][0] == 0)


_RULES: Mapping[Scoring, Callable[[Indicator, Amount, Profile], _Shared]] = {
    Scoring.PROPORTIONAL: _proportional,
    Scoring.ALL_OR_NOTHING: _all_or_nothing,
    Scoring.GRADED: _graded,
}


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
