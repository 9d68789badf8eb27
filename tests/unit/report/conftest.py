"""A small report, written out: three payments, three projects, two goals, one lost point."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from perfeval.errors import ReportError
from perfeval.model import Execution, Fact, Ledger, Score, Scorecard
from perfeval.packs import COMMON, PACKS
from perfeval.report import Report, ReportInput, write_report
from perfeval.settings import Document, Programme, Unit
from schemas import BUILT_IN

FRONT = """---
title: ["{{ unit.name }}", "{{ year }}年度自评报告"]
progress: {slow_pct: 10, source: 考核办法}
---
"""
UNIT = Unit(
    name="样例县重点项目建设事务中心",
    short_name="中心",
    county="样例县",
    office="项目协调股",
    supervisor="样例县人民政府",
    drafter="样例经办人",
)
MONEY = pl.Decimal(18, 2)
PERCENT = pl.Decimal(5, 2)


def ledger(name: str, title: str, columns: dict[str, list[object]], schema: dict[str, pl.DataType] | None = None) -> Ledger:
    height = len(next(iter(columns.values())))
    frame = pl.DataFrame({"row": list(range(3, 3 + height)), **columns}, schema_overrides={"row": pl.UInt32(), **(schema or {})})
    letters = {column: chr(ord("A") + position) for position, column in enumerate(columns)}
    return Ledger(BUILT_IN[name], f"{title}.xlsx", title, "0" * 64, frame.lazy(), letters)


@pytest.fixture
def report_input() -> ReportInput:
    expenditure = ledger(
        "expenditure",
        "资金支出台账",
        {
            "voucher_no": ["1", "2", "3"],
            "paid_on": [date(2022, 9, 1), date(2022, 8, 1), date(2022, 7, 1)],
            "economic_code": ["30211", "30215", "30211"],
            "economic_name": ["差旅费", "会议费", "差旅费"],
            "category": ["差旅费", "协调会议", "差旅费"],
            "summary": ["赴省对接", "协调会", "赴市对接"],
            "payee": ["样例甲", "样例乙", "样例丙"],
            "amount_yuan": [Decimal("1000.00"), Decimal("2000.50"), Decimal("600.00")],
            "payment_method": ["公务卡", "转账", "公务卡"],
        },
        {"amount_yuan": MONEY},
    )
    projects = ledger(
        "projects",
        "重点项目台账",
        {
            "project_no": ["A", "B", "C"],
            "project_name": ["甲项目", "乙项目", "丙项目"],
            "stage": ["在建", "在建", "前期"],
            "responsible_unit": ["样例单位", "样例单位", None],
            "annual_planned_yuan": [Decimal("10000000.00"), Decimal("5000000.00"), None],
            "annual_completed_yuan": [Decimal("10000000.00"), Decimal("4000000.01"), None],
        },
        {"annual_planned_yuan": MONEY, "annual_completed_yuan": MONEY},
    )
    progress = ledger(
        "progress",
        "项目进度台账",
        {
            "project_no": ["A", "A", "B"],
            "month": ["2022-12", "2022-11", "2022-12"],
            "planned_pct": [Decimal(100), Decimal(90), Decimal(100)],
            "actual_pct": [Decimal(100), Decimal(60), Decimal(90)],
            "problem": [None, "征地滞后", "资金不足"],
        },
        {"planned_pct": PERCENT, "actual_pct": PERCENT},
    )
    goals = ledger(
        "goals",
        "年度目标任务台账",
        {
            "goal_no": ["1", "2"],
            "goal": ["推动项目开工", "管好项目库。"],
            "status": ["完成", "未完成"],
            "completed_on": [date(2022, 12, 1), None],
        },
    )
    work = ledger(
        "evaluation_work",
        "评价工作台账",
        {
            "step": ["座谈会", "形成报告"],
            "done_on": [date(2023, 3, 13), date(2023, 4, 3)],
            "place": ["会议室", None],
            "headcount": [18, None],
            "content": ["听取# 意见\n建议", "形成初稿"],
        },
    )
    amount = Decimal("3600.50")
    return ReportInput(
        unit=UNIT,
        bureau="样例县财政局",
        programme=Programme(name="经费补助", codes=("P-1",), goal="保障协调服务工作。"),
        basis=(Document(title="绩效办法", number="样政发〔2013〕25号"), Document(title="自评通知", number="样财监〔2023〕63号")),
        duties=Document(title="机构规定", number="样办〔2022〕18号"),
        year=2022,
        revision=1,
        facts={
            "meetings": Fact("meetings", Decimal(73), "次", "计数"),
            "tasks": Fact("tasks", Decimal(0), "项", "计数"),
            "spent": Fact("spent", amount, "元", "合计"),
            "rate": Fact("rate", Decimal(200) / 3, "%", "比率"),
            "last": Fact("last", date(2022, 12, 5), "", "最晚"),
            "satisfaction": Fact("satisfaction", None, "%", "比率", reason="没有问卷"),
        },
        card=Scorecard(
            scores=(
                Score("meetings", "产出指标", "数量指标", "会议次数", Decimal(60), "≥60次", "73次", Decimal(60), "达到指标值"),
                Score("tables", "产出指标", "数量指标", "分色表期数", Decimal(20), "≥12期", "9期", Decimal(15), "得15分", True, True),
                Score("satisfied", "满意度指标", "服务对象满意度指标", "满意度", Decimal(10), "≥90%", "95%", Decimal(10), "达到指标值"),
            ),
            execution=Execution(
                Decimal(0), amount, amount, Decimal(100), Decimal(10), Decimal(10), "全部执行",
                {"当年财政拨款": (Decimal(0), amount, amount), "上年结转资金": (Decimal(0), Decimal(0), None)},
            ),
            total=Decimal(95),
            grade="优",
        ),
        ledgers={one.name: one for one in (expenditure, projects, progress, goals, work)},
    )  # fmt: skip


@pytest.fixture
def template() -> bytes:
    return (COMMON / "report" / "template.docx").read_bytes()


@pytest.fixture
def draft(report_input: ReportInput, template: bytes) -> Callable[..., Report]:
    """Write the report from a body, which starts at line 5 of the narrative."""

    def drafted(body: str, front: str = FRONT, **changes: Any) -> Report:
        return write_report(replace(report_input, **changes), front + body, template, file="2022.md")

    return drafted


@pytest.fixture
def faults(draft: Callable[..., Report]) -> Callable[..., list[str]]:
    """The faults that stop a draft."""

    def found(body: str, front: str = FRONT, **changes: Any) -> list[str]:
        with pytest.raises(ReportError) as caught:
            draft(body, front, **changes)
        return list(caught.value.faults)

    return found


@pytest.fixture
def narrative() -> str:
    return (PACKS / "key-projects" / "report" / "2022.md").read_text(encoding="utf-8")
