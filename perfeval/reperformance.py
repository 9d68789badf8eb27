"""A bag computed again (重算核验): from the ledgers and rules inside it, and what differs from what it records.

Values and points are hard: where they differ, something is wrong. Words, findings and layout are soft where another version of
the program made the bag: that version may have said it otherwise, or checked less. The same program says everything the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from perfeval import report
from perfeval.archive import ORIGIN, Check, State, examine_bag, gates_in, made_by, misdescribed
from perfeval.assessment import Assessment, assess_reading, check_files, lineage_table, write_report
from perfeval.errors import PerfevalError, ReportError
from perfeval.indicators.facts import BUILT_IN
from perfeval.ledgers import receive
from perfeval.model import Figure, Finding, Gate, Ledger, Scorecard, Severity
from perfeval.model.documents import dump, record_facts
from perfeval.model.scores import FactRecord
from perfeval.version import program, source_digest
from perfeval.workspace import Subject, Workspace

_WITNESS = Check("外部凭证", State.UNPROVED, "未与外部凭证对照：请把报告内容摘要与审批人、财政部门另存的记录对照")


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a bag says of the program that made it."""

    program: str
    programme: str
    is_ours: bool

    @property
    def differing(self) -> State:
        """What a difference in words is."""
        return State.WRONG if self.is_ours else State.DIFFERS

    def note(self, state: State) -> str:
        """Why a difference is none that matters."""
        return f"（归档包由 {self.program or '不明程序'} 形成，本程序是 {program()}，写法不同）" if state is State.DIFFERS else ""


def verify_archive(bag: Path) -> list[Check]:
    """Check a bag and, when it is whole, compute facts and scores and write the report again from what is inside it."""
    checks, files = examine_bag(bag)
    if not all(check.ok for check in checks):
        return [*checks, Check("从台账重算", State.WRONG, "归档包不完好，未重算")]
    try:
        return [*checks, *_reperform(bag, files), _WITNESS]
    # A ValueError: the folder of ledgers has no year's name.
    except (PerfevalError, ValueError, StopIteration, OSError, RecursionError, pl.exceptions.PolarsError) as error:
        return [*checks, Check("从台账重算", State.WRONG, str(error))]


def _reperform(bag: Path, files: Any) -> list[Check]:  # noqa: ANN401  # the archive's digests, handed on
    content, records, origin = bag / "data", bag / "data" / "records", _origin_of(bag)
    workspace = Workspace(content / "workspace")
    # An empty folder is no file, so none of the bag's.
    year = next(int(path.parent.name) for path in (content / "workspace" / "ledgers").glob("*/*"))
    subject = workspace.subject(year, origin.programme)
    reading = check_files(subject, receive(subject.ledgers))
    assessment = assess_reading(subject, reading)
    return [
        _gates(gates_in(records / "decisions.json"), workspace.gates),
        *_snapshots(reading.ledgers, content / "snapshots", origin),
        _lineage(assessment, records / "lineage.parquet", origin),
        _findings(reading.findings, records / "findings.json", origin),
        _facts(record_facts(assessment.facts), records / "facts.json", origin),
        _scores(assessment.card, records / "scores.json", origin),
        *_report(bag, files, subject, assessment, origin),
    ]


def _gates(recorded: Sequence[Gate], configured: Sequence[Gate]) -> Check:
    # Records from before gates told their act say nothing of it.
    told = [gate if before.act else replace(gate, act="") for before, gate in zip(recorded, configured, strict=False)]
    same = list(recorded) == told and len(recorded) == len(configured)
    return Check("审批环节", State.SAME if same else State.WRONG, "与归档配置 perfeval.yml 对照")


def _origin_of(bag: Path) -> _Origin:
    path = bag / ORIGIN
    told = json.loads(path.read_bytes()) if path.exists() else {}
    told = told if isinstance(told, dict) else {}
    return _Origin(made_by(bag), str(told.get("programme") or ""), told.get("source") == source_digest())


def _state(is_same: bool, origin: _Origin) -> State:  # noqa: FBT001  # what a comparison gave
    return State.SAME if is_same else origin.differing


def _soft(name: str, differing: Iterable[str], same: str, origin: _Origin) -> Check:
    """Words: where they differ, it depends on who wrote them."""
    found = "、".join(dict.fromkeys(differing))
    state = _state(not found, origin)
    return Check(name, state, f"与归档时不同：{found}{origin.note(state)}" if found else same)


def _hard(name: str, wrong: Iterable[str], soft: Iterable[str], same: str, origin: _Origin) -> Check:
    """Values and points: where they differ, something is wrong, whoever made the bag."""
    found = "、".join(dict.fromkeys(wrong))
    return Check(name, State.WRONG, f"与归档时不同：{found}") if found else _soft(name, soft, same, origin)


def _snapshots(ledgers: Mapping[str, Ledger], folder: Path, origin: _Origin) -> list[Check]:
    """Every cell of the validated ledgers; a column that only one of the two versions knows is no difference of a value."""
    wrong: list[str] = []
    soft: list[str] = []
    for name, ledger in ledgers.items():
        parts = sorted(path for path in folder.glob("*.parquet") if re.fullmatch(rf"{ledger.name}(?:-[0-9]{{3}})?", path.stem))
        kept, now = pl.read_parquet(parts) if parts else pl.DataFrame(), ledger.frame
        common = [column for column in now.columns if column in kept.columns]
        if not parts or not kept.select(common).equals(now.select(common)):
            (wrong if parts else soft).append(name)
        elif kept.columns != now.columns:
            soft.append(f"{name}的栏目")
    return [_hard("台账快照", wrong, soft, "与台账逐格相同", origin)]


def _lineage(assessment: Assessment, record: Path, origin: _Origin) -> Check:
    kept, now = pl.read_parquet(record), pl.read_parquet(lineage_table(assessment.facts))
    # A fact that only this version knows has no rows there; one that the bag records has them all.
    recorded = [str(item["id"]) for item in json.loads((record.parent / "facts.json").read_bytes())]
    same = kept.equals(now.filter(pl.col("fact").is_in(recorded)))
    soft = [] if kept.equals(now) else ["多出的数据项"]
    return _hard("数字所据的行", [] if same else [record.name], soft, "与重算的一致", origin)


def _findings(findings: Iterable[Finding], record: Path, origin: _Origin) -> Check:
    def compare(kept: list[Any]) -> Check:
        now = dump(list[Finding], list(findings))
        errors = sum(item["severity"] == Severity.ERROR for item in now)
        told = [f"按本版规则有{errors}处错误"] if errors else []
        told += [str(item["message"]) for item in now if item not in kept]
        told += [f"归档时另有“{item['message']}”" for item in kept if item not in now]
        return _soft("校验疑点", told or ([] if now == kept else ["次序或重复"]), "与归档时一致", origin)

    return _compared("校验疑点", record, list, compare)


def _facts(now: Iterable[FactRecord], record: Path, origin: _Origin) -> Check:
    name = "从台账重算的数字"

    def compare(kept: list[Any]) -> Check:
        again = {str(item["id"]): item for item in dump(list[FactRecord], list(now))}
        wrong = [item["id"] for item in kept if item["id"] not in again or _value_of(item) != _value_of(again[item["id"]])]
        soft = [item["id"] for item in kept if again.get(item["id"]) != item]
        lacking = [id_ for id_ in again if id_ not in {item["id"] for item in kept}]
        # The bag's own rules ask for their facts in every version; beside them a version may compute more.
        wrong += [id_ for id_ in lacking if id_ not in BUILT_IN]
        soft += lacking
        return _hard(name, wrong, soft or ([] if len(kept) == len(again) else ["多出或重复"]), "与归档时一致", origin)

    return _compared(name, record, list, compare)


def _value_of(fact: Mapping[str, Any]) -> tuple[object, ...]:
    """What of a fact is no matter of words."""
    return fact["value"], fact["unit"], fact["kind"], [(s["ledger"], s["digest"], s["rows"]) for s in fact["sources"]]


def _scores(card: Scorecard, record: Path, origin: _Origin) -> Check:
    name = "按规则重算的得分"

    def compare(kept: dict[str, Any]) -> Check:
        now = dump(Scorecard, card)
        wrong = [] if _points_of(kept) == _points_of(now) else [f"重算总分{now['total']}"]
        return _hard(name, wrong, [] if kept == now else ["说明文字"], "与归档时一致", origin)

    return _compared(name, record, dict, compare)


def _points_of(card: Any) -> tuple[object, ...]:  # noqa: ANN401  # plain JSON data
    execution = card["execution"]
    money = [execution[name] for name in ("initial", "annual", "executed", "rate", "weight", "score", "parts")]
    names = ("id", "level1", "level2", "name", "target", "weight", "score", "is_applicable", "is_missed")
    # Of what was reached the numbers, however they are worded.
    rows = [[*(row[name] for name in names), re.findall("[0-9.]+", row["actual"])] for row in card["scores"]]
    return card["total"], card["grade"], money, rows


def _report(bag: Path, files: Any, subject: Subject, assessment: Assessment, origin: _Origin) -> list[Check]:  # noqa: ANN401  # as above
    content = bag / "data"
    try:
        again = write_report(subject, 0, assessment, of_other_version=not origin.is_ours)
    except ReportError as error:
        if origin.is_ours:
            raise
        detail = "；".join(error.faults) or error.message
        return [Check("按台账重写的报告", State.DIFFERS, f"本版不能重写：{detail}{origin.note(State.DIFFERS)}")]
    wrong = misdescribed(bag, files, subject, again.written_on)
    is_same = report.read_text(again.document) == report.read_text((content / "report.docx").read_bytes())
    return [
        _soft("元数据和说明", wrong, "与归档配置和审批记录一致", origin),
        _figures(again.figures, content / "records" / "figures.json", origin),
        _soft("按台账重写的报告", [] if is_same else ["文字"], "与归档的报告逐字相同", origin),
    ]


def _figures(figures: Sequence[Figure], record: Path, origin: _Origin) -> Check:
    name = "报告中印出的数字"

    def compare(kept: list[Any]) -> Check:
        now = dump(list[Figure], list(figures))
        values = {item["id"]: item["value"] for item in now}
        changed = [item["id"] for item in kept if values.get(item["id"], item["value"]) != item["value"]]
        return _hard(name, changed, [] if kept == now else ["个数或写法"], "与归档时一致", origin)

    return _compared(name, record, list, compare)


R = TypeVar("R", list[Any], dict[str, Any])


def _compared(name: str, record: Path, kind: type[R], compare: Callable[[R], Check]) -> Check:
    """Hold a record of a bag against what was computed again; one that is no such document is wrong, whatever it holds."""
    try:
        document = json.loads(record.read_bytes())
        if not isinstance(document, kind):
            return Check(name, State.WRONG, f"{record.name} 的格式不对")
        return compare(document)
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return Check(name, State.WRONG, f"{record.name} 缺失或无法读取")
