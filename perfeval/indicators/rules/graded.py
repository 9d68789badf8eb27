"""A target in words: the level that a measure or a person's judgement falls into (定性指标分档, 财预〔2020〕10号)."""

from decimal import Decimal
from typing import TYPE_CHECKING

from perfeval.indicators.profile import Profile
from perfeval.indicators.rules.rule import FULL, ScoringRule, Shared, level_of
from perfeval.indicators.target import Amount
from perfeval.model.numbers import percentage, plain

if TYPE_CHECKING:
    from perfeval.indicators.system import Indicator


def share(row: "Indicator", value: Amount, profile: Profile) -> Shared:
    """Within the level's share of the points as far up as the measure stands in the level."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{row.id} cannot be graded")  # loading has excluded it
    if not row.bands:  # a person's judgement is a share of the points by itself
        name, (least, most) = level_of(profile.bands, value)
        return value / 100, f"属“{name}”（得分值的{plain(least)}%～{plain(most)}%），按{percentage(value)}计"
    name, (low, high) = level_of(row.bands, value)
    least, most = profile.bands[name]
    position = (min(max(value, low), high) - low) / (high - low) if high > low else FULL
    part = (least + position * (most - least)) / 100
    rule = f"计算结果{plain(low)}%～{plain(high)}%得分值的{plain(least)}%～{plain(most)}%"
    return part, f"属“{name}”（{rule}），按所处位置计{percentage(part * 100)}"


RULE = ScoringRule("graded", "定性指标分档", share, is_of_words=True)
