"""The indicator system (指标体系) as its YAML file holds it: facts, and rows of the 自评表."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, InstanceOf, ValidationInfo, field_validator, model_validator

from perfeval.configuration import Model, Text
from perfeval.errors import ConfigurationError
from perfeval.indicators.condition import NUMBERS, Condition, compile_condition
from perfeval.indicators.profile import Interval, Points, Profile, is_chain, same_title
from perfeval.indicators.target import Target, parse_target
from perfeval.model.numbers import plain
from schemas import BUILT_IN, Catalogue, Column, Kind, LedgerModel

_HUNDRED = Decimal(100)
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Scoring(StrEnum):
    """How a row is scored (计分方式)."""

    PROPORTIONAL = "proportional"
    ALL_OR_NOTHING = "all_or_nothing"
    GRADED = "graded"
    EXECUTION = "execution"


@dataclass
class LoadingContext:
    """What an indicator system is read with: the rules and ledgers that its names mean, and its year as soon as that is read."""

    profiles: Mapping[str, Profile]
    catalogue: Catalogue
    year: int | None = None


def _context(info: ValidationInfo) -> LoadingContext:
    if not isinstance(info.context, LoadingContext):
        raise TypeError("an indicator system is validated with a LoadingContext")
    return info.context


def _named_ledger(name: object, info: ValidationInfo) -> type[LedgerModel]:
    catalogue = _context(info).catalogue
    if not isinstance(name, str) or name not in catalogue:
        hint = "；要用它，先在 ledgers.yml 的 keeps 里写上" if isinstance(name, str) and name in BUILT_IN else ""
        raise ValueError(f"没有“{name}”这个台账，可用的：{'、'.join(catalogue)}{hint}")
    return catalogue[name]


def _compiled(sql: object, info: ValidationInfo) -> Condition | None:
    ledger, year = info.data.get("ledger"), _context(info).year
    if sql is None or ledger is None or year is None:
        return None  # what is wrong with ledger or year is told by itself
    if not isinstance(sql, str):
        raise ValueError("应为文字（可加引号）")  # noqa: TRY004  # pydantic turns it into a fault
    return compile_condition(sql, ledger, year)


def _named_column(name: object, info: ValidationInfo) -> Column | None:
    ledger, aggregate = info.data.get("ledger"), info.data.get("aggregate")
    if name is None or ledger is None:
        return None
    column = _column(name, ledger)
    if aggregate in ("sum", "mean") and column.kind not in NUMBERS:
        raise ValueError(f"“{column.header}”是{column.kind}，不能用 {aggregate}")
    if aggregate in ("min", "max") and column.kind not in (*NUMBERS, Kind.DAY):
        raise ValueError(f"“{column.header}”是{column.kind}，不能用 {aggregate}")
    return column


def _named_days(names: object, info: ValidationInfo) -> tuple[Column, Column] | None:
    ledger = info.data.get("ledger")
    if names is None or ledger is None:
        return None
    match names:
        case [first, second] if first != second:
            days = (_column(first, ledger), _column(second, ledger))
        case _:
            raise ValueError("应写两个不同的日期列，如 [started_on, accepted_on]")
    if other := [f"“{column.header}”是{column.kind}，不是日期" for column in days if column.kind is not Kind.DAY]:
        raise ValueError("；".join(other))
    return days


def _column(name: object, ledger: type[LedgerModel]) -> Column:
    column = next((column for column in ledger.columns() if column.name == name), None)
    if not column:
        columns = "、".join(column.name for column in ledger.columns())
        raise ValueError(f"{ledger.ledger_title()}没有“{name}”这一列，可用的：{columns}")
    return column


class Measure(Model):
    """计算方法: one aggregate over a ledger's rows, or the ratio of two, in percent or times `factor` in a unit of its own.

    What is aggregated is a column, or the days from the first of two to the second. The YAML's names of ledger and columns,
    and its condition, are held as what they mean.
    """

    ledger: Annotated[type[LedgerModel] | None, BeforeValidator(_named_ledger)] = None
    where: Annotated[InstanceOf[Condition] | None, BeforeValidator(_compiled)] = None
    aggregate: Literal["count", "sum", "mean", "min", "max", "n_unique"] | None = None
    column: Annotated[InstanceOf[Column] | None, BeforeValidator(_named_column)] = None
    days: Annotated[tuple[InstanceOf[Column], InstanceOf[Column]] | None, BeforeValidator(_named_days)] = None
    numerator: "Measure | None" = None
    denominator: "Measure | None" = None
    factor: Annotated[Decimal, Field(gt=0)] = _HUNDRED
    unit: str = ""

    @model_validator(mode="after")
    def _whole(self) -> "Measure":
        if self.is_ratio:
            self._check_ratio()
        else:
            self._check_aggregate()
        return self

    def _check_aggregate(self) -> None:
        if not (self.ledger and self.aggregate):
            raise ValueError("应写 ledger 和 aggregate，或者 numerator 和 denominator")
        if self.days:
            if self.column or self.aggregate in ("count", "n_unique"):
                raise ValueError("days 与 mean、min、max 或 sum 同用，不写 column")
        elif (self.aggregate == "count") != (self.column is None):
            raise ValueError("count 数的是行，不写 column；其他 aggregate 要写 column")
        if "factor" in self.model_fields_set:
            raise ValueError("factor 只用于 numerator 和 denominator 的比率")
        if self.natural_unit and self.unit and not self.yields(self.unit):
            raise ValueError(f"单位应为“{self.natural_unit}”，不是“{self.unit}”")

    def _check_ratio(self) -> None:
        if self.model_fields_set & {"ledger", "where", "aggregate", "column", "days"} or not (self.numerator and self.denominator):
            raise ValueError("比率只写 numerator 和 denominator，两者都要写")
        if any(part.is_ratio or part.is_day for part in self.parts):
            raise ValueError("比率的 numerator 和 denominator 都应是一个数的 ledger、aggregate")
        above, below = (part.natural_unit for part in self.parts)
        if self.natural_unit == "%":
            if self.factor != _HUNDRED:
                raise ValueError(f"factor 是{plain(self.factor)}时要写 unit，如 unit: 元/公里")
            if above != below:
                example = f"factor: 1、unit: {above or '次'}/{below or '次'}"
                raise ValueError(f"{above or '计数'}除以{below or '计数'}得不出百分比，请写 factor 和 unit，如 {example}")
        elif "factor" not in self.model_fields_set:
            raise ValueError(f"单位是“{self.unit}”的比率要写 factor，如 factor: 1")
        elif above != below:
            self._check_unit(above, below)

    def _check_unit(self, above: str, below: str) -> None:
        """Hold the unit against those of the parts that have one: amounts are yuan, and a factor of 1 converts nothing."""
        head, _, tail = self.unit.partition("/")
        is_own = tail and above in ("", head) and below in ("", tail, tail.partition("·")[0])
        if (above == "元" and head != "元") or (self.factor == 1 and not is_own):
            raise ValueError(f"单位应为“{above or '…'}/{below or '…'}”，不是“{self.unit}”")
        if self.factor != 1 and above and below and is_own:
            raise ValueError(f"单位是“{self.unit}”时 factor 应为1")

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
        if self.ledger is None:
            raise TypeError("a ratio has no ledger of its own")
        return self.ledger

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is aggregated: a column, two days, or none where rows are counted."""
        return self.days or ((self.column,) if self.column else ())

    @property
    def is_day(self) -> bool:
        """Whether the result is a day."""
        return bool(self.column and self.column.kind is Kind.DAY and self.aggregate != "n_unique")

    @property
    def natural_unit(self) -> str:
        """The unit that the result has by itself; empty where it is the counted thing's."""
        if self.is_ratio:
            return self.unit or "%"
        if self.days:
            return "天"
        if self.aggregate == "n_unique" or not self.column:
            return ""
        return {Kind.MONEY: "元", Kind.PERCENT: "%", Kind.QUANTITY: self.column.unit}.get(self.column.kind, "")

    def yields(self, unit: str) -> bool:
        """Whether the result is in that unit; a mean of 元 is one of 元/笔, too, unless it says of what else."""
        if self.aggregate == "mean" and unit.startswith(f"{self.natural_unit}/"):
            return self.unit in ("", self.natural_unit, unit)
        return unit == self.natural_unit


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
        year = _context(info).year
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
        titles = [ledger.ledger_title() for ledger in _context(info).catalogue.values()]
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
    profiles = _context(info).profiles
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
        _context(info).year = year
        return year

    @property
    def scored(self) -> tuple[Indicator, ...]:
        """The indicators without the execution row."""
        return tuple(indicator for indicator in self.indicators if indicator.scoring is not Scoring.EXECUTION)
