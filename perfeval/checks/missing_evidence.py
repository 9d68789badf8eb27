"""Evidence that a goal names and the folder of evidence does not have."""

import re
from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity

CHECK = Check("C34", "所列的佐证材料在 evidence 文件夹里没有", Severity.WARNING, Theme.RESULTS, "财预〔2020〕10号：自评结果应有佐证材料")
_BETWEEN = re.compile("[、，,；;\n]+")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each goal with such evidence. A ledger is evidence itself; without a folder nothing can be looked up."""
    ledger = context.ledgers.get("goals")
    if ledger is None or context.evidence is None:
        return
    titles = {item.ledger_title() for item in context.catalogue.values()}
    for row in faulty_rows(ledger, pl.col("evidence").is_not_null()):
        named = [part.strip() for part in _BETWEEN.split(row["evidence"]) if part.strip()]
        if missing := [part for part in named if part not in titles and not any(part in file for file in context.evidence)]:
            message = f"evidence/{context.year} 里没有{'、'.join(f'“{part}”' for part in missing)}。请放入文件，文件名含所列的名称。"
            yield CHECK.at(ledger, row, "evidence", message)
