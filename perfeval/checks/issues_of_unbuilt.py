"""A problem of operation at a project that is not in operation."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X29", "没有建成的项目有生产运营问题", Severity.WARNING, Theme.PROJECTS, "问题类别与项目阶段相符")
_BUILT = ("竣工", "投产")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such issue's category."""
    issues, projects = context.ledgers.get("issues"), context.rows("projects")
    if issues is None or projects is None:
        return
    found = issues.rows.filter(pl.col("category") == "生产运营").join(projects.select("project_no", "stage"), on="project_no").sort("row")
    for row in found.filter(~pl.col("stage").is_in(_BUILT)).collect().iter_rows(named=True):
        message = f"项目 {row['project_no']} 的阶段是“{row['stage']}”，却有生产运营问题。请核对问题类别和项目编号。"
        yield CHECK.at(issues, row, "category", message)
