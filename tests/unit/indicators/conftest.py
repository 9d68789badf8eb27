from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import TypeAdapter

from perfeval.configuration import load_yaml
from perfeval.indicators.measure import LoadingContext
from perfeval.indicators.profile import Profile
from perfeval.indicators.system import IndicatorSystem
from perfeval.model import Fact, Ledger
from schemas import BUILT_IN, Catalogue, LedgerModel
from schemas.columns import Day, Money, Quantity, Text, choice, day, money, quantity

CONFIG = Path(__file__).parents[3] / "config"


class Works(LedgerModel):
    kind: Text = choice("养护类型", "工程的类型。", "小修保养", "大中修")
    length_km: Quantity = quantity("养护里程（公里）", "养护的里程。", unit="公里")
    gravel_t: Quantity = quantity("砂石用量（吨）", "用了多少砂石。", unit="吨", required=False)
    cost_yuan: Money = money("金额（元）", "工程的金额。")
    started_on: Day = day("开工日期", "开工的日期。")
    accepted_on: Day = day("验收日期", "验收的日期。", required=False)

    class Config(LedgerModel.Config):
        name = "works"
        title = "养护工程台账"


CATALOGUE = Catalogue({**BUILT_IN, "works": Works})
LENGTH = {"ledger": "works", "aggregate": "sum", "column": "length_km"}
# A measure of each kind of unit, because loading holds the target's unit against the measure's.
MEASURES = {
    "count": {"ledger": "meetings", "aggregate": "count"},
    "money": {"ledger": "expenditure", "aggregate": "sum", "column": "amount_yuan"},
    "day": {"ledger": "goals", "aggregate": "max", "column": "completed_on"},
    "ratio": {"numerator": {"ledger": "issues", "aggregate": "count"}, "denominator": {"ledger": "issues", "aggregate": "count"}},
    "length": LENGTH,
    "duration": {"ledger": "works", "aggregate": "mean", "days": ["started_on", "accepted_on"]},
    "cost": {
        "numerator": {"ledger": "works", "aggregate": "sum", "column": "cost_yuan"},
        "denominator": LENGTH,
        "factor": 1,
        "unit": "元/公里",
    },
    "mean": {"ledger": "works", "aggregate": "mean", "column": "cost_yuan", "unit": "元/笔"},
    "growth": {"growth": "budget_executed"},
}


@pytest.fixture(scope="session")
def profiles() -> Mapping[str, Profile]:
    return TypeAdapter(dict[str, Profile]).validate_python(load_yaml(CONFIG / "common" / "profiles.yml")[0])


@pytest.fixture(scope="session")
def make_system(profiles: Mapping[str, Profile]) -> Callable[..., IndicatorSystem]:
    """An indicator system of the given rows; weights are not added up here; `rules` are added to the profile."""

    def make(
        *rows: dict[str, Any], profile: str = "mof-2020", facts: dict[str, Any] | None = None, rules: dict[str, Any] | None = None
    ) -> IndicatorSystem:
        known = {**profiles, profile: Profile.model_validate(profiles[profile].model_dump() | (rules or {}))}
        document = {
            "year": 2022,
            "profile": profile,
            "facts": facts or {},
            "indicators": [
                {"id": f"row_{number}", "name": f"指标{number}", "evidence": ["照片"], "source": "样例"}
                | {"level1": "产出指标", "level2": "数量指标", "target": "≥1次", "weight": 10, "scoring": "proportional"}
                | ({} if row.get("scoring") == "execution" else {"measure": MEASURES["count"]})
                | row
                for number, row in enumerate(rows, start=1)
            ],
        }
        return IndicatorSystem.model_validate(document, context=LoadingContext(known, CATALOGUE))

    return make


@pytest.fixture(scope="session")
def make_ledger() -> Callable[..., Ledger]:
    """A ledger of the given cells by column, one list each; rows start at 3, columns not given are blank."""

    def make(name: str, **cells: list[Any]) -> Ledger:
        model = CATALOGUE[name]
        schema = {column: dtype for column, dtype in model.empty_frame().schema.items() if column in cells}
        frame = pl.DataFrame(cells, schema=schema).with_columns(pl.int_range(3, pl.len() + 3, dtype=pl.UInt32).alias("row"))
        frame = pl.concat([model.empty_frame(), frame], how="diagonal")
        letters = dict(zip([column.name for column in model.columns()], "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False))
        return Ledger(model, f"{model.ledger_title()}.xlsx", model.ledger_title(), "0" * 64, frame.lazy(), letters)

    return make


@pytest.fixture(scope="session")
def measures() -> Mapping[str, dict[str, Any]]:
    return MEASURES


@pytest.fixture(scope="session")
def make_budget() -> Callable[..., dict[str, Fact]]:
    """The facts about the budget; what was spent `of` each source only where it is given."""

    def make(
        initial: str = "0", annual: str = "179900", executed: str = "179900", carried: str = "0", other: str = "0", **of: str
    ) -> dict[str, Fact]:
        values = {"budget_initial": initial, "budget_carried_over": carried, "budget_other": other}
        values |= {"budget_annual": annual, "budget_executed": executed}
        ids = {"of_fiscal": "budget_executed_fiscal", "of_carried": "budget_executed_carried_over", "of_other": "budget_executed_other"}
        values |= {ids[name]: yuan for name, yuan in of.items()}
        rate = Decimal(executed) * 100 / Decimal(annual) if Decimal(annual) else None
        facts = {name: Fact(name, Decimal(value), "元", "合计") for name, value in values.items()}
        return facts | {"execution_rate": Fact("execution_rate", rate, "%", "比率")}

    return make


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The built-in ledgers and one with kilometres, tons and two days."""
    return CATALOGUE
