"""Rules on constraints hold of declared ledgers too, and those on the programme's money are silent where it is not kept."""

from collections.abc import Callable
from datetime import date

import pytest

from perfeval.model import Finding, Ledger
from schemas.columns import (
    PROGRAMME,
    After,
    Kind,
    NotFallingPer,
    Refers,
    RequiredWhen,
    Unique,
    Within,
    choice,
    code,
    day,
    field,
    month,
)
from schemas.declared import declare

Make = Callable[..., Ledger]
Check = Callable[..., list[Finding]]

ROUTES = declare("routes", "路线台账", {"route_no": code("路线编码", "路线的编码。", Unique())})
WORKS = declare(
    "works",
    "养护工程台账",
    {
        "programme_code": code("预算项目编码", "项目的编码。", Refers(PROGRAMME, code="X04"), required=False),
        "route_no": code("路线编码", "所在的路线。", Refers("routes.route_no"), required=False),
        "kind": choice("养护类型", "怎样养护。", "小修保养", "大中修"),
        "started_on": day("开工日期", "开工的日期。", Within(), Unique(per=("route_no",)), required=False),
        "accepted_on": day("验收日期", "验收的日期。", After("started_on"), RequiredWhen("kind = '大中修'"), required=False),
    },
)
LENGTHS = declare(
    "lengths",
    "里程台账",
    {
        "month": month("月份", "所报的月份。"),
        "route_no": code("路线编码", "所在的路线。"),
        "length_km": field(Kind.QUANTITY, "累计里程（公里）", "到月末的里程。", NotFallingPer("route_no"), unit="公里"),
    },
)
FIFTH = date(2022, 3, 5)


@pytest.mark.parametrize(
    ("columns", "code", "severity", "cell", "message"),
    [
        ({"programme_code": ["P9"]}, "X04", "error", "A2", "预算项目编码“P9”不是本次评价的项目（P1）。请核对编码；其他项目的收支请移出。"),
        ({"route_no": ["G9"]}, "X02", "error", "B2", "路线编码“G9”不在路线台账中。请核对编号，或在路线台账补登。"),
        (
            {"started_on": [FIFTH.replace(year=2021)]},
            "X10",
            "error",
            "D2",
            "开工日期 2021-03-05 不在评价年度 2022 年内。请核对日期；不属于本年的请移出台账。",
        ),
        (
            {"started_on": [FIFTH], "accepted_on": [date(2022, 3, 4)]},
            "X09",
            "error",
            "E2",
            "验收日期 2022-03-04 早于开工日期 2022-03-05。请核对这两个日期。",
        ),
        ({"kind": ["大中修"]}, "X11", "warning", "E2", "验收日期没有填写，按这一行的情况应当填写。请补填，或改正有关的栏目。"),
    ],
)
def test_constraint_of_a_declared_column_is_checked(
    make_ledger: Make, check: Check, columns: dict[str, list[object]], code: str, severity: str, cell: str, message: str
) -> None:
    (finding,) = check(make_ledger(WORKS, **columns), make_ledger(ROUTES, route_no=["G1"]))
    assert (finding.code, finding.severity, finding.cell, finding.message) == (code, severity, cell, message)


def test_declared_columns_together_are_unique(make_ledger: Make, check: Check) -> None:
    works = make_ledger(WORKS, route_no=["G1", "G2", "G1"], started_on=[FIFTH, FIFTH, FIFTH])
    assert [(finding.code, finding.cell, finding.message) for finding in check(works)] == [
        ("X01", "D2", "路线编码、开工日期“G1 2022-03-05”重复，见第2、4行。请删除重复的行，或改正编号。"),
        ("X01", "D4", "路线编码、开工日期“G1 2022-03-05”重复，见第2、4行。请删除重复的行，或改正编号。"),
    ]


def test_declared_cumulative_quantity_may_not_fall(make_ledger: Make, check: Check) -> None:
    lengths = make_ledger(LENGTHS, month=["2022-02", "2022-01"], route_no=["G1", "G1"], length_km=["3.25", "3.5"])
    (finding,) = check(lengths)
    assert (finding.code, finding.severity, finding.cell) == ("X15", "warning", "C2")
