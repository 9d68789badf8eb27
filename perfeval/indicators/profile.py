"""The scoring profile (评分规则): what a circular prescribes about weights, bands, grades and rounding."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from perfeval.configuration import Model, Text

Points = Annotated[Decimal, Field(gt=0, le=100)]
Percentage = Annotated[Decimal, Field(ge=0, le=100)]
# The rates, built in as facts, that may cap a total.
CappedBy = Literal["execution_rate", "goals_done_rate"]
# Lower and upper end in percent.
Interval = tuple[Percentage, Percentage]
_ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
# What all points, and all shares in percent, come to.
TOTAL = Decimal(100)


class Rounding(Model):
    """舍入: decimal places of a row's score, and how."""

    places: Annotated[int, Field(ge=0, le=6)]
    mode: Literal["half_up", "half_even", "down"]

    def apply(self, value: Decimal) -> Decimal:
        """Round a score once. It was computed with 28 digits, which may have cut a half: 18 digits first put it back."""
        whole = value.quantize(Decimal(1).scaleb(-18), ROUND_HALF_EVEN)
        return whole.quantize(Decimal(1).scaleb(-self.places), _ROUNDING[self.mode])


class Level(Model):
    """一级指标: its points, or None where the indicator system divides them itself, its 二级指标, and which of these must be there."""

    weight: Points | None = None
    level2: Annotated[tuple[Text, ...], Field(min_length=1)]
    required: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _knows_what_it_requires(self) -> "Level":
        if other := [title for title in self.required if title not in self.level2]:
            raise ValueError(f"required 的“{'、'.join(other)}”不在 level2 里")
        return self


class Cap(Model):
    """封顶: the most that a total may be while a rate is below a limit."""

    by: CappedBy
    below: Percentage
    total: Percentage


class Exceeding(Model):
    """指标偏离: what a row loses whose result is so many percent above its target, or more."""

    pct: Annotated[Decimal, Field(gt=0)]
    points: Points


class Profile(Model):
    """评分规则: what a circular prescribes, with date and source."""

    title: Text
    since: date
    source: Text
    execution: Points
    levels: Annotated[dict[Text, Level], Field(min_length=1)]
    bands: Annotated[dict[Text, Interval], Field(min_length=1)]
    grades: Annotated[dict[Text, Percentage], Field(min_length=1)]
    rounding: Rounding
    deviation_pct: Percentage
    # What follows is off, or as it always was, where a profile does not say it: earlier years' profiles score what they scored.
    caps: tuple[Cap, ...] = ()
    exceeding: Exceeding | None = None
    leave_out: bool = False
    late: tuple[tuple[Annotated[int, Field(gt=0)], Percentage], ...] = ()
    low_execution_pct: Percentage = Decimal(50)
    full_output_pct: Percentage = Decimal(95)
    explain: tuple[Text, ...] = ()
    explain_execution_below: Percentage = TOTAL

    @model_validator(mode="after")
    def _adds_up(self) -> "Profile":
        fixed = sum((level.weight for level in self.levels.values() if level.weight), self.execution)
        if fixed > TOTAL or (fixed != TOTAL and all(level.weight for level in self.levels.values())):
            raise ValueError(f"分值合计{fixed}，应为{TOTAL}")
        if min(self.grades.values()) != 0 or list(self.grades.values()) != sorted(self.grades.values(), reverse=True):
            raise ValueError("grades 应从高到低，最低一级为0")
        if not is_chain(tuple(self.bands.values())) or next(iter(self.bands.values()))[1] != TOTAL:
            raise ValueError("bands 应从高档到低档首尾相接，写成 [下限, 上限]，从100到0")
        if self.late != tuple(sorted(self.late)) or any(sooner[1] <= later[1] for sooner, later in pairwise(self.late)):
            raise ValueError("late 应写成 [逾期天数, 得分比例]，天数从少到多，比例从高到低")
        return self

    def level(self, name: str) -> Level | None:
        """A 一级指标 by its name, with or without the word 指标 behind it."""
        return next((level for title, level in self.levels.items() if same_title(title, name)), None)

    def required(self) -> Iterator[tuple[str, str]]:
        """The 二级指标 that every indicator system must have, each with its 一级指标."""
        return ((first, second) for first, level in self.levels.items() for second in level.required)

    def most(self, by: CappedBy, rate: Decimal) -> Cap | None:
        """The lowest cap that a rate brings about."""
        return min((cap for cap in self.caps if cap.by == by and rate < cap.below), key=lambda cap: cap.total, default=None)

    def grade(self, total: Decimal) -> str:
        """The word (等级) for a total."""
        return next(word for word, least in self.grades.items() if total >= least)


def is_chain(bands: tuple[Interval, ...]) -> bool:
    """Whether bands, the best first, join end to end down to 0; only the best may be a single point."""
    joined = all(better[0] == worse[1] for better, worse in pairwise(bands))
    return joined and bands[0][0] <= bands[0][1] and all(low < high for low, high in bands[1:]) and bands[-1][0] == 0


def same_title(one: str, other: str) -> bool:
    """Whether two levels are the same: 社会效益 is 社会效益指标."""
    return one.removesuffix("指标") == other.removesuffix("指标")
