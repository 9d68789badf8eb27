"""All points for a target that is met, none for one that is missed (不达标不得分)."""

from decimal import Decimal
from typing import TYPE_CHECKING

from perfeval.indicators.profile import Profile
from perfeval.indicators.rules.rule import FULL, ScoringRule, Shared, aimed
from perfeval.indicators.target import Amount

if TYPE_CHECKING:
    from perfeval.indicators.system import Indicator


def share(row: "Indicator", value: Amount, _: Profile) -> Shared:
    """All or nothing."""
    if row.aim.is_met_by(value):
        return FULL, f"达到{aimed(row)}"
    return Decimal(0), f"未达到{aimed(row)}，按规则不达标不得分"


RULE = ScoringRule("all_or_nothing", "不达标不得分", share)
