"""The indicator system (指标体系) as its YAML file holds it: facts, and rows of the 自评表."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from perfeval.configuration import Model, Text
from perfeval.errors import ConfigurationError
from perfeval.indicators.condition import NUMBERS, Condition, compile_condition
from perfeval.indicators.profile import Interval, Points, Profile, is_chain, same_title
from perfeval.indicators.target import Target, parse_target
from schemas import LEDGERS, Column, Kind, LedgerModel

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Scoring(StrEnum):
    """How a row is scored (计分方式)."""

    PROPORTIONAL = "proportional"
    ALL_OR_NOTHING = "all_or_nothing"
    GRADED = "graded"
    EXECUTION = "execution"


class Measure(Model):
    """计算方法: one aggregate over a ledger's rows, or the ratio of two in percent."""

    ledger: str | None = None
    where: str | None = None
    aggregate: Literal["count", "sum", "mean", "min", "max", "n_unique"] | None = None
    column: str | None = None
    numerator: "Measure | None" = None
    denominator: "Measure | None" = None
    unit: str = ""

    @field_validator("ledger")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name not in LEDGERS:
            raise ValueError(f"没有“{name}”这个台账，可用的：{'、'.join(LEDGERS)}")
        return name

    @field_validator("where")
    @classmethod
    def _usable(cls, where: str | None, info: ValidationInfo) -> str | None:
        if where is not None and info.data.get("ledger"):
            compile_condition(where, LEDGERS[info.data["ledger"]])
        return where

    @field_validator("column")
    @classmethod
    def _in_ledger(cls, name: str | None, info: ValidationInfo) -> str | None:
        if not (ledger := info.data.get("ledger")) or name is None:
            return name
        column = next((column for column in LEDGERS[ledger].columns() if column.name == name), None)
        if not column:
            columns = "、".join(column.name for column in LEDGERS[ledger].columns())
            raise ValueError(f"{LEDGERS[ledger].ledger_title()}没有“{name}”这一列，可用的：{columns}")
        aggregate = info.data.get("aggregate")
        if aggregate in ("sum", "mean") and column.kind not in NUMBERS:
            raise ValueError(f"“{column.header}”是{column.kind}，不能用 {aggregate}")
        if aggregate in ("min", "max") and column.kind not in (*NUMBERS, Kind.DAY):
            raise ValueError(f"“{column.header}”是{column.kind}，不能用 {aggregate}")
        return name

    @model_validator(mode="after")
    def _whole(self) -> "Measure":
        single = [key for key in ("ledger", "where", "aggregate", "column") if getattr(self, key) is not None]
        if self.is_ratio:
            if single or not (self.numerator and self.denominator):
                raise ValueError("比率只写 numerator 和 denominator，两者都要写")
            if any(part.is_ratio or part.is_day for part in self.parts):
                raise ValueError("比率的 numerator 和 denominator 都应是一个数的 ledger、aggregate")
        elif not (self.ledger and self.aggregate):
            raise ValueError("应写 ledger 和 aggregate，或者 numerator 和 denominator")
        elif (self.aggregate == "count") != (self.column is None):
            raise ValueError("count 数的是行，不写 column；其他 aggregate 要写 column")
        if self.natural_unit and self.unit not in ("", self.natural_unit):
            raise ValueError(f"单位应为“{self.natural_unit}”，不是“{self.unit}”")
        return self

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio of two aggregates."""
        return self.numerator is not None or self.denominator is not None

    @property
    def parts(self) -> tuple["Measure", ...]:
        """The aggregates it is made of: itself, or numerator and denominator."""
        return tuple(part for part in (self.numerator, self.denominator) if part) if self.is_ratio else (self,)

    @property
    def shape(self) -> type[LedgerModel]:
        """The shape of the ledger, of an aggregate."""
        return LEDGERS[self.ledger or ""]

    @property
    def measured(self) -> Column | None:
        """The column that is aggregated; None for counted rows and ratios."""
        return self.shape.column(self.column) if self.column else None

    @property
    def is_day(self) -> bool:
        """Whether the result is a day."""
        return bool(self.measured and self.measured.kind is Kind.DAY and self.aggregate != "n_unique")

    @property
    def natural_unit(self) -> str:
        """The unit that the result has by itself; empty where it is the counted thing's."""
        if self.is_ratio:
            return "%"
        if self.aggregate == "n_unique" or not self.measured:
            return ""
        return {Kind.MONEY: "元", Kind.PERCENT: "%"}.get(self.measured.kind, "")

    @cached_property
    def condition(self) -> Condition | None:
        """The compiled row condition."""
        return compile_condition(self.where, self.shape) if self.where is not None else None


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
    def _readable(cls, text: str) -> str:
        try:
            parse_target(text)
        except ConfigurationError as error:
            raise ValueError(str(error).replace("\n", "。")) from error
        return text

    @field_validator("evidence")
    @classmethod
    def _ledgers_exist(cls, evidence: tuple[str, ...]) -> tuple[str, ...]:
        titles = [ledger.ledger_title() for ledger in LEDGERS.values()]
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
        if ("元" if aim.is_money else aim.unit) != measure.natural_unit and (measure.natural_unit or aim.is_money or aim.unit == "%"):
            raise ValueError(f"指标值“{self.target}”的单位与计算结果的单位“{measure.natural_unit or '计数'}”不同")
        if "/" in aim.unit and not measure.natural_unit and not aim.unit.endswith("/年"):
            raise ValueError(f"指标值“{self.target}”是频率或人均数，计算结果却是全年的数；请写成全年的数，如 ≥12次")
        if self.direction and (self.direction == "negative") != aim.is_negative:
            raise ValueError(f"指标值“{self.target}”的方向与 direction: {self.direction} 相反")
        if aim.is_negative and same_title(self.level1, "满意度指标"):
            raise ValueError(f"满意度是正向指标，指标值不应写成“{self.target}”")

    @cached_property
    def aim(self) -> Target:
        """The parsed target."""
        return parse_target(self.target)


def _named_profile(name: object, info: ValidationInfo) -> object:
    profiles: Mapping[str, Any] = (info.context or {}).get("profiles", {})
    if not isinstance(name, str) or name not in profiles:
        raise ValueError(f"没有“{name}”这套评分规则，profiles.yml 里有：{'、'.join(profiles)}")
    return profiles[name]


class IndicatorSystem(Model):
    """指标体系: the year's facts and indicators, and the profile they are scored by."""

    year: Annotated[int, Field(ge=2000, le=2100)]
    profile: Annotated[Profile, BeforeValidator(_named_profile)]
    facts: dict[Id, Measure] = Field(default_factory=dict)
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)]

    @property
    def scored(self) -> tuple[Indicator, ...]:
        """The indicators without the execution row."""
        return tuple(indicator for indicator in self.indicators if indicator.scoring is not Scoring.EXECUTION)
