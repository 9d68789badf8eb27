"""The indicator system (指标体系) as its YAML file holds it: facts, and rows of the 自评表."""

from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from perfeval.configuration import Model, Text
from perfeval.errors import ConfigurationError
from perfeval.indicators.measure import Measure, loading_context
from perfeval.indicators.profile import Interval, Points, Profile, is_chain, same_title
from perfeval.indicators.target import Target, parse_target

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Scoring(StrEnum):
    """How a row is scored (计分方式)."""

    PROPORTIONAL = "proportional"
    ALL_OR_NOTHING = "all_or_nothing"
    GRADED = "graded"
    EXECUTION = "execution"


class Indicator(Model):
    """三级指标: one row of the 自评表."""

    id: Id
    level1: Text
    level2: Text
    name: Text
    target: Text
    weight: Points
    measure: Measure | None = None
    scoring: Scoring
    direction: Literal["positive", "negative"] | None = None
    bands: dict[Text, Interval] | None = None
    not_applicable: Literal["leave_out"] | None = None
    evidence: Annotated[tuple[Text, ...], Field(min_length=1)]
    source: Text

    @field_validator("target")
    @classmethod
    def _readable(cls, text: str, info: ValidationInfo) -> str:
        year = loading_context(info).year
        try:
            day = parse_target(text).value
        except ConfigurationError as error:
            raise ValueError(str(error).replace("\n", "。")) from error
        if year and isinstance(day, date) and day.year != year:
            raise ValueError(f"指标值“{text}”不是{year}年的日期，请改成{year}年的，如 {year}年12月底前")
        return text

    @field_validator("evidence")
    @classmethod
    def _ledgers_exist(cls, evidence: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        titles = [ledger.ledger_title() for ledger in loading_context(info).catalogue.values()]
        if unknown := [name for name in evidence if name.endswith("台账") and name not in titles]:
            raise ValueError(f"没有“{'、'.join(unknown)}”，可用的台账：{'、'.join(titles)}")
        return evidence

    @model_validator(mode="after")
    def _fits(self) -> "Indicator":
        if self.scoring is Scoring.EXECUTION:
            if self.measure or self.bands:
                raise ValueError("预算执行率由预算和支出台账自动计算，不写 measure、bands")
        elif not self.measure:
            raise ValueError("缺少 measure：指标的数都由台账计算")
        elif self.scoring is Scoring.GRADED:
            if self.aim.relation or not self.bands:
                raise ValueError("graded 用于定性指标：target 写文字，bands 写各档的计算结果范围")
            if not is_chain(tuple(self.bands.values())):
                raise ValueError("bands 应从高档到低档首尾相接，写成 [下限, 上限]，最低为0")
            if self.measure.natural_unit != "%":
                raise ValueError("graded 的 measure 应得出百分比")
        elif self.bands:
            raise ValueError("只有 graded 才写 bands")
        else:
            self._check_target(self.measure)
        return self

    def _check_target(self, measure: Measure) -> None:
        aim = self.aim
        if aim.relation is None:
            raise ValueError(f"定性的指标值“{self.target}”要用 scoring: graded")
        if isinstance(aim.value, date) != measure.is_day:
            raise ValueError("指标值是日期时，measure 应取日期列的 min 或 max；反之亦然")
        if measure.is_day and self.scoring is Scoring.PROPORTIONAL:
            raise ValueError("日期不能按比例计分，应写 scoring: all_or_nothing")
        per = "；单位成本、人均数写成比率：numerator、denominator、factor、unit" if "/" in aim.unit else ""
        if not measure.yields(aim.base_unit) and (measure.natural_unit or aim.base_unit in ("元", "%")):
            shown = measure.unit or measure.natural_unit if measure.natural_unit else "计数"
            raise ValueError(f"指标值“{self.target}”的单位与计算结果的单位“{shown}”不同{per}")
        if per and not measure.natural_unit and not aim.unit.endswith("/年"):
            raise ValueError(f"指标值“{self.target}”是频率或人均数，计算结果却是全年的数；请写成全年的数，如 ≥12次{per}")
        if self.direction and (self.direction == "negative") != aim.is_negative:
            raise ValueError(f"指标值“{self.target}”的方向与 direction: {self.direction} 相反")
        if aim.is_negative and same_title(self.level1, "满意度指标"):
            raise ValueError(f"满意度是正向指标，指标值不应写成“{self.target}”")

    @cached_property
    def aim(self) -> Target:
        """The parsed target."""
        return parse_target(self.target)


def _named_profile(name: object, info: ValidationInfo) -> Profile:
    profiles = loading_context(info).profiles
    if not isinstance(name, str) or name not in profiles:
        raise ValueError(f"没有“{name}”这套评分规则，profiles.yml 里有：{'、'.join(profiles)}")
    return profiles[name]


class IndicatorSystem(Model):
    """指标体系: the year's facts and indicators, and the profile they are scored by."""

    year: Annotated[int, Field(ge=2000, le=2100)]
    profile: Annotated[Profile, BeforeValidator(_named_profile)]
    facts: dict[Id, Measure] = Field(default_factory=dict)
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)]

    @field_validator("year")
    @classmethod
    def _told_to_conditions(cls, year: int, info: ValidationInfo) -> int:
        # Fields are read in their order; conditions and targets, deep in later fields, see the year only here.
        loading_context(info).year = year
        return year

    @property
    def scored(self) -> tuple[Indicator, ...]:
        """The indicators without the execution row."""
        return tuple(indicator for indicator in self.indicators if indicator.scoring is not Scoring.EXECUTION)
