"""A project that is called completed, and whose progress is not at the end."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X20", "竣工的项目进度没有到100%", Severity.WARNING, Theme.PROJECTS, "项目阶段与项目进度台账相符")
_WHOLE = 100


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the stage of each such project, also where no progress was told."""
    projects, progress = context.ledgers.get("projects"), context.rows("progress")
    if projects is None or progress is None:
        return
    last = progress.drop_nulls(("project_no", "month")).sort("month").group_by("project_no").agg(pl.col("month", "actual_pct").last())
    # A project without number is told where that is missing.
    done = projects.rows.drop_nulls("project_no").filter(pl.col("stage") == "竣工").join(last, on="project_no", how="left").sort("row")
    for row in done.filter(pl.col("actual_pct").fill_null(0) < _WHOLE).collect().iter_rows(named=True):
        told = f"到{row['month']}为{row['actual_pct']}%" if row["month"] else "没有登记"
        yield CHECK.at(projects, row, "stage", f"项目 {row['project_no']} 已竣工，实际进度{told}。请核对项目阶段和项目进度台账。")
