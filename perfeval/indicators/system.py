"""The indicator system (指标体系) as its YAML file holds it: facts, and rows of the 自评表."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from perfeval.configuration import Model, Text
from perfeval.errors import ConfigurationError
from perfeval.indicators.measure import Id, Measure, loading_context
from perfeval.indicators.profile import Interval, Points, Profile, is_chain, same_title
from perfeval.indicators.rules import RULES
from perfeval.indicators.rules.rule import ScoringRule
from perfeval.indicators.target import Relation, Target, is_unwanted, parse_target

_MOST_PLACES = 2
# A bare 成本节约率5% may be meant either way.
_SAVING = re.compile("节约|节支|节省|压减|降低|下降")
# How long something takes: 5个工作日 without operator may be meant either way.
_DURATION = re.compile("(?:个?工作)?日|天|小时|分钟?|周|个?月")
_ANY_YEAR = 2000


EXECUTION = "execution"
"""How the row of the budget execution rate is scored: by the profile, from budget and spending."""


def _known(name: object) -> object:
    if name != EXECUTION and name not in RULES:
        raise ValueError(f"没有“{name}”这种计分方式，可用的：{'、'.join([*RULES, EXECUTION])}")
    return name


class Indicator(Model):
    """三级指标: one row of the 自评表; `judged` by a person where no ledger can tell."""

    id: Id
    level1: Text
    level2: Text
    name: Text
    target: Text
    weight: Points
    measure: Measure | None = None
    judged: bool = False
    scoring: Annotated[str, BeforeValidator(_known)]
    direction: Literal["positive", "negative"] | None = None
    bands: dict[Text, Interval] | None = None
    not_applicable: Literal["leave_out"] | None = None
    evidence: Annotated[tuple[Text, ...], Field(min_length=1)]
    source: Text
    _written: Target = PrivateAttr()
    _aim: Target = PrivateAttr()

    @field_validator("target")
    @classmethod
    def _readable(cls, text: str, info: ValidationInfo) -> str:
        year = loading_context(info).year
        try:
            day = parse_target(text, year or _ANY_YEAR).value
        except ConfigurationError as error:
            raise ValueError(str(error).replace("\n", "。")) from error
        if year and isinstance(day, date) and day.year != year:
            raise ValueError(f"指标值“{text}”不是{year}年的日期，请改成{year}年的，如 {year}年12月底前")
        return text

    @field_validator("weight")
    @classmethod
    def _in_cents(cls, weight: Decimal) -> Decimal:
        if weight != round(weight, _MOST_PLACES):
            raise ValueError(f"分值最多{_MOST_PLACES}位小数")
        return weight

    @field_validator("evidence")
    @classmethod
    def _ledgers_exist(cls, evidence: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        titles = [ledger.ledger_title() for ledger in loading_context(info).catalogue.values()]
        if unknown := [name for name in evidence if name.endswith("台账") and name not in titles]:
            raise ValueError(f"没有“{'、'.join(unknown)}”，可用的台账：{'、'.join(titles)}")
        return evidence

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> "Indicator":
        written = parse_target(self.target, loading_context(info).year or _ANY_YEAR)
        self._written = written
        self._aim = written.as_limit() if written.is_bare and self._wants_little() else written
        if self.is_execution:
            if self.measure or self.bands or self.judged:
                raise ValueError("预算执行率由预算和支出台账自动计算，不写 measure、bands、judged")
        elif self.judged:
            if not self.rule.is_of_words or written.relation or self.measure or self.bands:
                raise ValueError("judged 是由人评定的定性指标：target 写文字，scoring 写 graded，不写 measure 和 bands")
        elif not self.measure:
            raise ValueError("缺少 measure：指标的数都由台账计算；由人评定的写 judged: true")
        elif self.rule.is_of_words:
            self._check_grades(self.measure)
        elif self.bands:
            raise ValueError("只有 graded 才写 bands")
        else:
            self._check_target(self.measure, written)
            self._check_direction(written)
        if not self.is_execution and (why := self.rule.refuse(self, loading_context(info).profile)):
            raise ValueError(why)
        return self

    def _wants_little(self) -> bool:
        """Whether a number without operator is a limit: `direction` says so, or it is a cost."""
        return self.direction == "negative" or (self.direction is None and self.is_cost)

    def _check_grades(self, measure: Measure) -> None:
        if self.aim.relation or not self.bands:
            raise ValueError("graded 用于定性指标：target 写文字，bands 写各档的计算结果范围")
        if not is_chain(tuple(self.bands.values())):
            raise ValueError("bands 应从高档到低档首尾相接，写成 [下限, 上限]，最低为0")
        if measure.natural_unit != "%":
            raise ValueError("graded 的 measure 应得出百分比")

    def _check_target(self, measure: Measure, written: Target) -> None:
        if written.relation is None:
            raise ValueError(f"定性的指标值“{self.target}”要用 scoring: graded")
        if isinstance(written.value, date) != measure.is_day:
            raise ValueError("指标值是日期时，measure 应取日期列的 min 或 max；反之亦然")
        if written.is_growth and not measure.growth:
            raise ValueError(f"指标值“{self.target}”说的是比上年增长，measure 应写 growth")
        per = "；单位成本、人均数写成比率：numerator、denominator、factor、unit" if "/" in written.unit else ""
        if not measure.yields(written.base_unit) and (measure.natural_unit or written.base_unit in ("元", "%")):
            shown = measure.unit or measure.natural_unit if measure.natural_unit else "计数"
            raise ValueError(f"指标值“{self.target}”的单位与计算结果的单位“{shown}”不同{per}")
        if per and not measure.natural_unit and not written.unit.endswith("/年"):
            raise ValueError(f"指标值“{self.target}”是频率或人均数，计算结果却是全年的数；请写成全年的数，如 ≥12次{per}")
        if self.aim.relation is Relation.AT_LEAST and written.base == 0 and not measure.growth:
            raise ValueError(f"指标值“{self.target}”总能达到，分不出好坏")

    def _check_direction(self, written: Target) -> None:
        if self.direction and (not written.is_bare or written.base == 0) and (self.direction == "negative") != written.is_negative:
            raise ValueError(f"指标值“{self.target}”的方向与 direction: {self.direction} 相反")
        is_saving = _SAVING.search(f"{self.name}{self.target}")
        if self.is_cost and self.direction == "positive" and written.base_unit.startswith("元") and not is_saving:
            told = "是金额，越少越好，不能写 direction: positive；是节约下来的金额的，在名称里写明“节约”"
            raise ValueError(f"成本指标“{self.target}”{told}")
        if written.upper is not None and not self.direction and not self.is_cost and written.unit != "%":
            raise ValueError(f"指标值“{self.target}”没有说哪一头好：写 direction: positive 以前一数为准，写 negative 以后一数为准")
        if self.is_cost and not self.direction:
            if not self.aim.is_negative:
                raise ValueError(f"成本指标以不超过为目标，指标值不应写成“{self.target}”；越高越好的（如节约率）写 direction: positive")
            if written.is_bare and written.base != 0 and is_saving:
                raise ValueError(f"指标值“{self.target}”没有说越高越好还是越低越好，要写比较符或 direction")
        if not self.direction:
            self._check_unsaid(written)
        if self.aim.is_negative and same_title(self.level1, "满意度指标"):
            raise ValueError(f"满意度是正向指标，指标值不应写成“{self.target}”")

    def _check_unsaid(self, written: Target) -> None:
        """Names tell what there should be little of, which a target that says nothing, or `≥`, would make a thing to reach."""
        if not self.aim.is_negative and is_unwanted(self.name):
            raise ValueError(f"“{self.name}”越低越好，指标值“{self.target}”应写成不超过；确是越高越好的写 direction: positive")
        if written.is_bare and same_title(self.level2, "时效指标") and _DURATION.fullmatch(written.unit):
            raise ValueError(f"指标值“{self.target}”没有说最多还是最少，要写比较符或 direction")

    @property
    def is_execution(self) -> bool:
        """Whether it is the row of the budget execution rate."""
        return self.scoring == EXECUTION

    @property
    def rule(self) -> ScoringRule:
        """How the row is scored, where it is not the execution rate."""
        return RULES[self.scoring]

    @property
    def is_cost(self) -> bool:
        """Whether it is a cost (成本指标), by its first or second level."""
        return "成本" in self.level1 or "成本" in self.level2

    @property
    def aim(self) -> Target:
        """The target as it is meant: a bare number of a cost is a limit."""
        return self._aim

    @property
    def is_limit_unsaid(self) -> bool:
        """Whether the target is a limit without saying so."""
        return self._aim is not self._written


def _named_profile(name: object, info: ValidationInfo) -> Profile:
    context = loading_context(info)
    if not isinstance(name, str) or name not in context.profiles:
        raise ValueError(f"没有“{name}”这套评分规则，profiles.yml 里有：{'、'.join(context.profiles)}")
    # As with the year: rows, deep in a later field, see the profile only here.
    context.profile = context.profiles[name]
    return context.profile


class IndicatorSystem(Model):
    """指标体系: the year's facts and indicators, and the profile they are scored by."""

    year: Annotated[int, Field(ge=2000, le=2099)]
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
        return tuple(indicator for indicator in self.indicators if not indicator.is_execution)

    @property
    def measures(self) -> dict[str, Measure]:
        """What every figure of the system is computed by."""
        return {**self.facts, **{row.id: row.measure for row in self.scored if row.measure}}

    @property
    def growths(self) -> dict[str, str]:
        """Figures that are the growth of another one: both ids."""
        return {name: measure.growth for name, measure in self.measures.items() if measure.growth}
