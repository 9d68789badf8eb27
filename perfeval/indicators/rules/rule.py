"""What a scoring rule is: its name, which rows it fits, and the share of its points that a result earns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from perfeval.indicators.profile import Interval, Profile
from perfeval.indicators.target import Amount

if TYPE_CHECKING:
    from perfeval.indicators.system import Indicator

FULL = Decimal(1)
# How much of its points a row earns, 0 to 1, and why.
Shared = tuple[Decimal, str]


def _nothing(_: "Indicator", __: Profile | None) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ScoringRule:
    """One way to score a row (计分方式), as `scoring:` calls it.

    `is_of_words`: for targets in words, else for numbers and days. `refuse` says in Chinese why a row cannot be scored in this way.
    """

    name: str
    title: str
    share: Callable[["Indicator", Amount, Profile], Shared]
    is_of_words: bool = False
    refuse: Callable[["Indicator", Profile | None], str] = _nothing


def aimed(row: "Indicator") -> str:
    """The target as it is written, and how it is meant where that is not seen."""
    return f"指标值“{row.target}”" + ("（不超过为达到）" if row.is_limit_unsaid else "")


def level_of(bands: Mapping[str, Interval], value: Decimal) -> tuple[str, Interval]:
    """The level (档次) that a measure falls into; the lowest takes what is below it too."""
    return next(band for band in bands.items() if value >= band[1][0] or band[1][0] == 0)
