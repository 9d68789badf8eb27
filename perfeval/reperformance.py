"""A bag computed again (重算核验): from the ledgers and settings inside it, and what differs from what it records."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from perfeval import __version__, report
from perfeval.archive import Check, examine_bag, gates_in, made_by, misdescribed
from perfeval.assessment import assess, write_report
from perfeval.errors import PerfevalError
from perfeval.ledgers import receive
from perfeval.model import Figure, Finding, Ledger, Scorecard
from perfeval.model.documents import keep, keep_facts
from perfeval.steps import lineage_table
from perfeval.workspace import Workspace

_PROGRAM = f"perfeval {__version__}"


def verify_archive(bag: Path) -> list[Check]:
    """Check a bag and, when it is whole, compute facts and scores and write the report again from what is inside it."""
    checks, files = examine_bag(bag)
    if not all(check.ok for check in checks):
        return [*checks, Check("从台账重算", ok=False, detail="归档包不完好，未重算")]
    content = bag / "data"
    records = content / "records"
    try:
        workspace = Workspace(content / "workspace")
        # An empty folder is no file, so none of the bag's.
        year = next(int(path.parent.name) for path in (content / "workspace" / "ledgers").glob("*/*"))
        assessment = assess(workspace, year, receive(workspace.ledgers(year)))
        again = write_report(workspace, year, 0, assessment)
        is_same = report.read_text(again.document) == report.read_text((content / "report.docx").read_bytes())
        changed = [name for name, ledger in assessment.ledgers.items() if not _is_snapshot(ledger, content / "snapshots")]
        lineage = pl.read_parquet(records / "lineage.parquet").equals(pl.read_parquet(lineage_table(assessment.facts)))
        wrong = misdescribed(bag, files, workspace.settings, year, again.written_on)
        program = made_by(bag)
    # A ValueError: the folder of ledgers has no year's name.
    except (PerfevalError, ValueError, StopIteration, OSError, pl.exceptions.PolarsError) as error:
        return [*checks, Check("从台账重算", ok=False, detail=str(error))]
    again_checks = [
        Check("审批环节", ok=gates_in(records / "decisions.json") == workspace.gates, detail="与归档配置 perfeval.yml 对照"),
        Check("元数据和说明", ok=not wrong, detail="、".join(wrong) + "与归档配置和审批记录不符" if wrong else "与归档配置和审批记录一致"),
        Check("台账快照", ok=not changed, detail="、".join(changed) + "与台账不同" if changed else "与台账逐格相同"),
        Check("数字所据的行", ok=lineage, detail=f"lineage.parquet 与重算的{'一致' if lineage else '不同'}"),
        _same("校验疑点", keep(list[Finding], list(assessment.findings)), records / "findings.json"),
        _same("从台账重算的数字", keep_facts(assessment.facts), records / "facts.json"),
        _same("按规则重算的得分", keep(Scorecard, assessment.card), records / "scores.json"),
        _same("报告中印出的数字", keep(list[Figure], list(again.figures)), records / "figures.json"),
        Check("按台账重写的报告", ok=is_same, detail=f"与归档的报告{'逐字相同' if is_same else '文字不同'}"),
    ]
    # Another version may have put the same in other words.
    note = "" if program == _PROGRAM else f"（由 {program or '不明程序'} 形成，本程序是 {_PROGRAM}，说法可能不同）"
    return [*checks, *(check if check.ok else replace(check, detail=check.detail + note) for check in again_checks)]


def _same(name: str, computed: Any, record: Path) -> Check:  # noqa: ANN401  # plain JSON data
    try:
        recorded = json.loads(record.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Check(name, ok=False, detail=f"{record.name} 缺失或无法读取")
    if computed == recorded:
        return Check(name, ok=True, detail="与归档时一致")
    if isinstance(computed, dict):
        return Check(name, ok=False, detail=f"与归档时不同：重算总分{computed['total']}")
    differing = dict.fromkeys(
        item.get("id") or item["message"] for item in computed if not isinstance(recorded, list) or item not in recorded
    )
    return Check(name, ok=False, detail=f"与归档时不同：{'、'.join(differing) or '多出或重复'}")


def _is_snapshot(ledger: Ledger, folder: Path) -> bool:
    parts = sorted(path for path in folder.glob("*.parquet") if re.fullmatch(rf"{ledger.name}(?:-[0-9]{{3}})?", path.stem))
    return bool(parts) and pl.read_parquet(parts).equals(ledger.frame)
