"""Deductions and caps (扣分和封顶) that a profile prescribes on top of the rows' scores, each as a row with its reason in Chinese."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from perfeval.indicators.profile import CappedBy, Profile
from perfeval.indicators.system import Indicator, IndicatorSystem
from perfeval.indicators.wording import percentage_near, points
from perfeval.model import Adjustment, Facts, Score
from perfeval.model.numbers import percentage

_CAPS: tuple[tuple[CappedBy, str, str], ...] = (
    ("execution_rate", "执行率封顶", "预算执行率"),
    ("goals_done_rate", "年度目标封顶", "年度目标完成率"),
)


def adjust(system: IndicatorSystem, facts: Facts, scores: Sequence[Score], total: Decimal) -> tuple[Adjustment, ...]:
    """The adjustments of a total: first what rows lose whose result is far above the target, then the caps on what is left."""
    exceeded = tuple(_exceeded(system, facts, scores))
    return (*exceeded, *_capped(system.profile, facts, total + sum(item.points for item in exceeded)))


def _exceeded(system: IndicatorSystem, facts: Facts, scores: Sequence[Score]) -> Iterator[Adjustment]:
    rule = system.profile.exceeding
    for row, score in zip(system.scored, scores, strict=True):
        above = excess(row, facts)
        if rule and above is not None and above >= rule.pct:
            lost = min(rule.points, score.score)
            why = (
                f"“{row.name}”实际{score.actual}，超过指标值“{row.target}”{percentage(above)}，达到{percentage(rule.pct)}，减{points(lost)}"
            )
            yield Adjustment("指标偏离扣分", -lost, why)


def excess(row: Indicator, facts: Facts) -> Decimal | None:
    """By how much percent a result is above its target; None where more is not better, or nothing can be said."""
    value, top = facts[row.id].value, row.aim.top
    if row.aim.is_negative or not isinstance(value, Decimal) or not isinstance(top, Decimal) or not top:
        return None
    return (value - top) / top * 100


def _capped(profile: Profile, facts: Facts, total: Decimal) -> Iterator[Adjustment]:
    for by, rule, title in _CAPS:
        rate = facts[by].value if by in facts else None
        cap = profile.most(by, rate) if isinstance(rate, Decimal) else None
        if isinstance(rate, Decimal) and cap and total > cap.total:
            lost, total = total - cap.total, cap.total
            why = f"{title}{percentage_near(rate, cap.below)}，低于{percentage(cap.below)}，总分不超过{points(cap.total)}，减{points(lost)}"
            yield Adjustment(rule, -lost, why)
