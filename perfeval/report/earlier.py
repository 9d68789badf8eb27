"""Narratives written before annexes were declared (以前的写法): their front matter says only when progress is slow.

Archives of those years are re-performed with the narratives in them, which print the three annexes that all reports had then.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from perfeval.configuration import Model, Text
from perfeval.report.declaration import STANDARD, AnnexSetting

PROGRESS = "progress"
"""The table's name, and what those narratives call its counts."""
_WIDTHS = {
    "project_name": 2860, "stage": 760, "responsible_unit": 1600, "annual_planned_yuan": 1060, "annual_completed_yuan": 1060,
    "progress.month": 640, "progress.planned_pct": 780, "progress.actual_pct": 780, "colour": 980, "progress.problem": 1696,
}  # fmt: skip
_HEADERS = {"stage": "阶段", "colour": "进度评价"}


class Progress(Model):
    """When a project's progress is behind (进度分色): less than `slow_pct` points behind plan is yellow, from there on red."""

    slow_pct: Annotated[Decimal, Field(gt=0)]
    source: Text


def annexes_then(progress: Progress) -> tuple[AnnexSetting, ...]:
    """The three annexes: 项目支出绩效自评表, 资金支出明细, 重点项目进度分色表."""
    colours = {
        "kind": "ledger",
        "key": PROGRESS,
        "title": "重点项目进度分色表",
        "ledger": "projects",
        "latest": {"ledger": "progress", "by": "project_no", "at": "month", "none": "无进度填报记录"},
        "columns": [{"column": column, "header": _HEADERS.get(column), "width": width} for column, width in _WIDTHS.items()],
        "colour": {
            "value": "progress.planned_pct",
            "minus": "progress.actual_pct",
            "bands": [
                {"key": "green", "word": "正常", "colour": "绿色", "at_most": 0, "when": "实际进度达到计划的"},
                {"key": "yellow", "word": "滞后", "colour": "黄色", "below": progress.slow_pct, "when": "落后不足{limit}个百分点的"},
                {"key": "red", "word": "严重滞后", "colour": "红色", "when": "落后{limit}个百分点及以上的"},
            ],
            "source": progress.source,
        },
        "note": "按{{ year }}年最后一个填报月份评价。",
        "landscape": True,
    }
    return (*STANDARD, AnnexSetting.model_validate(colours))
