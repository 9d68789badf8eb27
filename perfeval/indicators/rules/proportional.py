"""All points for a target that is met, else as much of them as was reached of it (按完成比例, 财预〔2020〕10号)."""

from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from perfeval.indicators.profile import Profile
from perfeval.indicators.rules.rule import FULL, ScoringRule, Shared, aimed
from perfeval.indicators.target import Amount, Relation
from perfeval.model.numbers import percentage, plain

if TYPE_CHECKING:
    from perfeval.indicators.system import Indicator


def share(row: "Indicator", value: Amount, profile: Profile) -> Shared:
    """The part that was reached; of a day that was passed, what the profile's scale of days gives."""
    if row.aim.is_met_by(value):
        return FULL, f"达到{aimed(row)}"
    if isinstance(value, date) and isinstance(row.aim.value, date):
        return _late(row, (value - row.aim.value).days, profile)
    base, name = _bound(row)
    if not isinstance(value, Decimal):
        raise TypeError(f"{row.id} cannot be scored in proportion")  # loading has excluded words
    part, whole, rule = (base, value, f"{name}÷实际值") if row.aim.is_negative else (value, base, f"实际值÷{name}")
    # Nothing of a target of 0 is reached by a value that misses it, and nothing by a value on the other side of 0.
    reached = min(max(part / whole, Decimal(0)), FULL) if whole > 0 else Decimal(0)
    return reached, f"未达到{aimed(row)}，按{rule}＝{percentage(reached * 100)}计"


def _bound(row: "Indicator") -> tuple[Decimal, str]:
    """What a result is divided by. Of whole numbers, more than 73 is 74 or more: 73 reaches 73÷74 of it."""
    base = row.aim.base
    if not isinstance(base, Decimal):
        raise TypeError(f"{row.id} cannot be scored in proportion")  # loading has excluded words
    if row.measure and row.measure.is_whole and row.aim.relation is Relation.ABOVE:
        base = base.to_integral_value(ROUND_FLOOR) + 1
    elif row.measure and row.measure.is_whole and row.aim.relation is Relation.BELOW:
        base = base.to_integral_value(ROUND_CEILING) - 1
    return base, "指标值" if base == row.aim.base else f"{'至多' if row.aim.is_negative else '至少'}应有的{plain(base)}"


def _late(row: "Indicator", days: int, profile: Profile) -> Shared:
    """A day passed by so many days, on the profile's scale."""
    limit, part = next(((limit, part) for limit, part in profile.late if days <= limit), (0, Decimal(0)))
    told = f"在{limit}日以内" if limit else f"超过{profile.late[-1][0]}日"
    return part / 100, f"未达到{aimed(row)}，逾期{days}日，{told}，按{percentage(part)}计"


def _refuse(row: "Indicator", profile: Profile | None) -> str:
    has_scale = bool(profile and profile.late)
    return "日期不能按比例计分，应写 scoring: all_or_nothing" if row.measure and row.measure.is_day and not has_scale else ""


RULE = ScoringRule("proportional", "按完成比例", share, refuse=_refuse)
