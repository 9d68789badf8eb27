"""Measures (计算方法): what a fact or an indicator counts, adds up or divides, as the YAML file says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, InstanceOf, ValidationInfo, model_validator

from perfeval.configuration import Model
from perfeval.indicators.condition import NUMBERS, Condition, compile_condition
from perfeval.indicators.profile import Profile
from perfeval.model.numbers import plain
from schemas import BUILT_IN, Catalogue, Column, Kind, LedgerModel

_HUNDRED = Decimal(100)
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


@dataclass
class LoadingContext:
    """What an indicator system is read with: the rules and ledgers that its names mean; its year and profile once they are read."""

    profiles: Mapping[str, Profile]
    catalogue: Catalogue
    year: int | None = None
    profile: Profile | None = None


def loading_context(info: ValidationInfo) -> LoadingContext:
    """The context that a model is validated with."""
    if not isinstance(info.context, LoadingContext):
        raise TypeError("an indicator system is validated with a LoadingContext")
    return info.context


def _named_ledger(name: object, info: ValidationInfo) -> type[LedgerModel]:
    catalogue = loading_context(info).catalogue
    if not isinstance(name, str) or name not in catalogue:
        hint = "；要用它，先在 ledgers.yml 的 keeps 里写上" if isinstance(name, str) and name in BUILT_IN else ""
        raise ValueError(f"没有“{name}”这个台账，可用的：{'、'.join(catalogue)}{hint}")
    return catalogue[name]


def _compiled(sql: object, info: ValidationInfo) -> Condition | None:
    ledger, year = info.data.get("ledger"), loading_context(info).year
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


def _named_code(name: object, info: ValidationInfo) -> Column | None:
    ledger = info.data.get("ledger")
    if ledger is None:
        return None
    column = _column(name, ledger)
    if column.kind is not Kind.CODE:
        raise ValueError(f"“{column.header}”是{column.kind}，两本台账只能按编号对照")
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


class Related(Model):
    """另一台账: rows count only where their code in the column `by` stands in another ledger too, in rows that meet a condition."""

    ledger: Annotated[type[LedgerModel], BeforeValidator(_named_ledger)]
    where: Annotated[InstanceOf[Condition] | None, BeforeValidator(_compiled)] = None
    by: Annotated[InstanceOf[Column], BeforeValidator(_named_code)]


class Measure(Model):
    """计算方法: one aggregate over a ledger's rows; or the ratio of two, in percent or times `factor` in a unit of its own; or growth.

    What is aggregated is a column, or the days from the first of two to the second. Growth is by how much percent another figure of
    the system is above last year's. The YAML's names of ledger and columns, and its condition, are held as what they mean.
    """

    ledger: Annotated[type[LedgerModel] | None, BeforeValidator(_named_ledger)] = None
    where: Annotated[InstanceOf[Condition] | None, BeforeValidator(_compiled)] = None
    found_in: tuple[Related, ...] = ()
    aggregate: Literal["count", "sum", "mean", "min", "max", "n_unique"] | None = None
    column: Annotated[InstanceOf[Column] | None, BeforeValidator(_named_column)] = None
    days: Annotated[tuple[InstanceOf[Column], InstanceOf[Column]] | None, BeforeValidator(_named_days)] = None
    numerator: "Measure | None" = None
    denominator: "Measure | None" = None
    growth: Id | None = None
    factor: Annotated[Decimal, Field(gt=0)] = _HUNDRED
    unit: str = ""

    @model_validator(mode="after")
    def _whole(self) -> "Measure":
        if self.growth:
            if self.model_fields_set != {"growth"}:
                raise ValueError("growth 只写一个数据项的名，不写别的")
        elif self.is_ratio:
            self._check_ratio()
        else:
            self._check_aggregate()
        return self

    def _check_aggregate(self) -> None:
        if not (self.ledger and self.aggregate):
            raise ValueError("应写 ledger 和 aggregate，或者 numerator 和 denominator，或者 growth")
        if self.days:
            if self.column or self.aggregate in ("count", "n_unique"):
                raise ValueError("days 与 mean、min、max 或 sum 同用，不写 column")
        elif (self.aggregate == "count") != (self.column is None):
            raise ValueError("count 数的是行，不写 column；其他 aggregate 要写 column")
        for related in self.found_in:
            _column(related.by.name, self.ledger)
        if "factor" in self.model_fields_set:
            raise ValueError("factor 只用于 numerator 和 denominator 的比率")
        if self.natural_unit and self.unit and not self.yields(self.unit):
            raise ValueError(f"单位应为“{self.natural_unit}”，不是“{self.unit}”")

    def _check_ratio(self) -> None:
        if self.model_fields_set & {"ledger", "where", "found_in", "aggregate", "column", "days"} or not (
            self.numerator and self.denominator
        ):
            raise ValueError("比率只写 numerator 和 denominator，两者都要写")
        if any(part.is_ratio or part.is_day or part.growth for part in self.parts):
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
        """The aggregates it is made of: itself, or numerator and denominator; none of growth."""
        if self.growth:
            return ()
        return tuple(part for part in (self.numerator, self.denominator) if part) if self.is_ratio else (self,)

    @property
    def shape(self) -> type[LedgerModel]:
        """The shape of the ledger, of an aggregate."""
        if self.ledger is None:
            raise TypeError("a ratio has no ledger of its own")
        return self.ledger

    @property
    def shapes(self) -> tuple[type[LedgerModel], ...]:
        """The shapes of all ledgers it needs, of an aggregate."""
        return (self.shape, *(related.ledger for related in self.found_in))

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is aggregated: a column, two days, or none where rows are counted."""
        return self.days or ((self.column,) if self.column else ())

    @property
    def is_day(self) -> bool:
        """Whether the result is a day."""
        return bool(self.column and self.column.kind is Kind.DAY and self.aggregate != "n_unique")

    @property
    def is_whole(self) -> bool:
        """Whether the result is a whole number: rows, different values, days, or a sum of counts."""
        if self.aggregate in ("count", "n_unique"):
            return True
        return self.aggregate != "mean" and bool(self.days or (self.column and self.column.kind is Kind.COUNT))

    @property
    def natural_unit(self) -> str:
        """The unit that the result has by itself; empty where it is the counted thing's."""
        if self.growth:
            return "%"
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
