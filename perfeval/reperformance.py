"""A bag computed again (重算核验): from the ledgers and rules inside it, and what differs from what it records.

Values, points and figures are hard: where they differ, something is wrong. Words, findings and layout are soft where another version
of the program made the bag: that version may have said it otherwise, or checked less. The same program says everything the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from perfeval import report
from perfeval.approvals.offline import CHECK_SCRIPT, check_sh
from perfeval.archive import ORIGIN, SHEET, Check, Examination, Hearing, State, compare_witness, examine_bag, made_by, misdescribed
from perfeval.assessment import Assessment, assess_reading, check_files, lineage_table, scoring_files, scoring_rules, write_report
from perfeval.errors import PerfevalError, ReportError
from perfeval.indicators.facts import BUILT_IN
from perfeval.ledgers import Reading, receive
from perfeval.model import Figure, Finding, Gate, Ledger, Scorecard, Severity
from perfeval.model.digests import content_digest, holds_more
from perfeval.model.documents import dump, record_facts
from perfeval.model.numbers import in_wan, percentage, plain
from perfeval.model.scores import FactRecord
from perfeval.report.comparing import alike, tells
from perfeval.version import program, source_digest, version
from perfeval.workspace import Subject, Workspace

if TYPE_CHECKING:
    from perfeval.report.comparing import Printed

_NAMED = 20
_PROGRAM = re.compile(r"perfeval [0-9][0-9A-Za-z.+]{,60}(（没有版本信息的源码）)?")
_COMMIT = re.compile("[0-9a-f]{40}|")
_DIGEST = re.compile("[0-9a-f]{64}|")


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a bag says of the program that made it; `told` is its origin.json, None where it is broken, empty where there is none."""

    program: str
    is_recorded: bool
    told: Mapping[str, Any] | None

    @property
    def programme(self) -> str:
        """The key of the programme."""
        return str((self.told or {}).get("programme") or "")

    @property
    def is_ours(self) -> bool:
        """Whether this very program made the bag."""
        return (self.told or {}).get("source") == source_digest()

    @property
    def differing(self) -> State:
        """What a difference in words is."""
        return State.WRONG if self.is_ours else State.DIFFERS

    def note(self, state: State) -> str:
        """Why it differs, where another program is why."""
        told = f"（归档包由 {self.program or '不明程序'} 形成，本程序是 {program()}，写法不同）"
        return told if state is State.DIFFERS else ""


def verify_archive(bag: Path, witness: str = "") -> list[Check]:
    """Check a bag (核验归档包) against itself, and compute facts, scores and the report again from what is inside it.

    `witness` is a head of the record that somebody kept outside, at least 24 characters of it.
    """
    examined = examine_bag(bag)
    if not all(check.ok for check in examined.checks):
        told = [compare_witness(examined, witness)] if witness else []
        return [*examined.checks, *told, Check("从台账重算", State.WRONG, "归档包不完好，未重算")]
    try:
        return [*examined.checks, *_reperform(bag, examined), compare_witness(examined, witness)]
    except PerfevalError as error:
        return [*examined.checks, Check("从台账重算", State.WRONG, str(error))]
    # A ValueError: the folder of ledgers has no year's name. What libraries say of broken files is English.
    except (ValueError, StopIteration, OSError, RecursionError, pl.exceptions.PolarsError):
        return [*examined.checks, Check("从台账重算", State.WRONG, "包内的台账、配置或记录缺失、损坏或格式不对，不能重算")]


def maker_of(bag: Path) -> tuple[str, str]:
    """Program and commit that a sound bag names as its maker; this program's where none lies there."""
    # pathlib raises where one may not look into the folder; who comes to write there is told.
    if os.path.isdir(bag) and all(check.ok for check in verify_archive(bag)):  # noqa: PTH112
        origin = _origin_of(bag, is_recorded=True)
        if _PROGRAM.fullmatch(origin.program):  # else it would be words of somebody who can write there
            return origin.program, str((origin.told or {}).get("commit", ""))
    return program(), version().commit


def _reperform(bag: Path, examined: Examination) -> list[Check]:
    content, records, origin = bag / "data", bag / "data" / "records", _origin_of(bag, is_recorded=bool(examined.entries))
    approvals = examined.approvals
    if approvals is None:
        return []
    workspace = Workspace(content / "workspace")
    # An empty folder is no file, so none of the bag's.
    year = next(int(path.parent.name) for path in (content / "workspace" / "ledgers").glob("*/*"))
    subject = workspace.subject(year, origin.programme)
    reading = check_files(subject, receive(subject.ledgers))
    assessment = assess_reading(subject, reading)
    return [
        _gates(approvals.gates, workspace.gates),
        *_recorded(bag, examined, subject, origin),
        *_provenance(bag, subject, reading, origin),
        _snapshots(reading.ledgers, content / "snapshots", origin),
        _snapshot_record(reading.ledgers, records / "snapshots.json", origin),
        _lineage(assessment, records / "lineage.parquet", origin),
        _findings(reading.findings, records / "findings.json", origin),
        _facts(record_facts(assessment.facts), records / "facts.json", origin),
        _scores(assessment.card, records / "scores.json", origin),
        *_report(bag, examined, subject, assessment, origin),
    ]


def _gates(recorded: Sequence[Gate], configured: Sequence[Gate]) -> Check:
    # Records from before gates told their act say nothing of it.
    told = [gate if before.act else replace(gate, act="") for before, gate in zip(recorded, configured, strict=False)]
    same = list(recorded) == told and len(recorded) == len(configured)
    return Check("审批环节", State.SAME if same else State.WRONG, "与归档配置 perfeval.yml 对照")


def _recorded(bag: Path, examined: Examination, subject: Subject, origin: _Origin) -> list[Check]:
    """What the record says of the evaluation, the approval sheet and the script, where the bag has them."""
    if examined.hearing is None:
        return []
    sheet = bag / SHEET
    again = report.write_approval_sheet(
        subject.workspace.settings.unit.name, examined.entries, examined.people, subject.workspace.template.read_bytes()
    )
    differs = _sheet_differs(sheet.read_bytes(), again, origin)
    is_right = _is_about(examined.hearing, subject)
    differing = [] if (bag / CHECK_SCRIPT).read_text("utf-8") == check_sh() else [f"{CHECK_SCRIPT} 不是本版本的，请勿执行"]
    return [
        Check("审批记录所说的自评", State.SAME if is_right else State.WRONG, "第1条的单位、年度和预算项目，与归档配置对照"),
        Check("审批表", State.WRONG if differs else State.SAME, f"{SHEET} {differs}" if differs else "与审批记录逐字相同"),
        _soft("核验脚本", differing, "与本程序的相同", origin),
    ]


def _sheet_differs(kept: bytes, again: bytes, origin: _Origin) -> str:
    """What is wrong with an approval sheet, in Chinese, or nothing; `again` is the one that the record makes."""
    try:
        if holds_more(kept):
            return "的各部件之外还有别的内容，不是归档时的文件"
        # Its words are the same in every version; within one all is.
        is_same = content_digest(kept) == content_digest(again) if origin.is_ours else report.read_text(kept) == report.read_text(again)
    except (ReportError, ValueError):
        is_same = False
    return "" if is_same else "与审批记录不同"


def _is_about(hearing: Hearing, subject: Subject) -> bool:
    opened = hearing.opened
    told = opened and (opened.unit, opened.year, opened.programme_key)
    return told == (subject.workspace.unit, subject.year, subject.programme.key)


def _origin_of(bag: Path, *, is_recorded: bool) -> _Origin:
    path = bag / ORIGIN
    told: Any = {}
    if path.exists():
        try:
            told = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            told = None
    return _Origin(made_by(bag), is_recorded, told if isinstance(told, dict) else None)


def _provenance(bag: Path, subject: Subject, reading: Reading, origin: _Origin) -> list[Check]:
    """origin.json: program, ledgers and rules, as the bag itself tells them elsewhere."""
    name, told = "程序、台账目录和规则", origin.told
    if told is None:
        return [Check(name, State.WRONG, "origin.json 无法读取，或不是对象")]
    if not told and not (bag / ORIGIN).exists():
        return []
    root = bag / "data" / "workspace"
    commit = re.search(r"\+g([0-9a-f]+)", origin.program)
    expected = {
        "program": origin.program,
        "programme": subject.programme.key,
        "ledgers": {name: ledger.title for name, ledger in reading.ledgers.items()},
        "rules": scoring_rules(subject.indicators, subject.workspace.profiles),
        "files": {path.relative_to(root.resolve()).as_posix(): _digest(path) for path in scoring_files(subject)},
    }
    wrong = [key for key, value in expected.items() if key in told and told[key] != value]
    forms = {"commit": _COMMIT, "source": _DIGEST}
    wrong += [key for key, form in forms.items() if key in told and not form.fullmatch(str(told[key]))]
    wrong += ["commit"] if commit and told.get("commit") and not str(told["commit"]).startswith(commit[1]) else []
    lacking = [key for key in (*expected, *forms) if key not in told]
    # Every version that writes a record tells all of these.
    wrong += [f"缺少{key}" for key in lacking] if origin.is_recorded else []
    return [_hard(name, wrong, lacking, "与包内的台账、规则和 bag-info.txt 一致", origin)]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(is_same: bool, origin: _Origin) -> State:  # noqa: FBT001  # what a comparison gave
    return State.SAME if is_same else origin.differing


def _soft(name: str, differing: Iterable[str], same: str, origin: _Origin) -> Check:
    """Words: where they differ, it depends on who wrote them."""
    found = _listed(differing)
    state = _state(not found, origin)
    return Check(name, state, f"与归档时不同：{found}{origin.note(state)}" if found else same)


def _hard(name: str, wrong: Iterable[str], soft: Iterable[str], same: str, origin: _Origin) -> Check:
    """Values and points: where they differ, something is wrong, whoever made the bag."""
    found = _listed(wrong)
    return Check(name, State.WRONG, f"与归档时不同：{found}") if found else _soft(name, soft, same, origin)


def _listed(items: Iterable[str]) -> str:
    found = list(dict.fromkeys(items))
    return "、".join(found[:_NAMED]) + (f"等{len(found)}处" if len(found) > _NAMED else "")


def _snapshots(ledgers: Mapping[str, Ledger], folder: Path, origin: _Origin) -> Check:
    """Every cell of the validated ledgers; a column that no sheet has, and only this version knows, is no difference."""
    files = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
    wrong: list[str] = []
    soft: list[str] = []
    for name, ledger in ledgers.items():
        parts = [files.pop(stem) for stem in list(files) if re.fullmatch(rf"{name}(?:-[0-9]{{3}})?", stem)]
        if not parts:
            wrong.append(f"缺少{name}")
            continue
        try:
            kept, now = pl.read_parquet(parts), ledger.frame
        except (OSError, pl.exceptions.PolarsError):
            wrong.append(f"{name}无法读取")
            continue
        common = [column for column in now.columns if column in kept.columns]
        lacking = [column for column in now.columns if column not in kept.columns]
        odd = [column for column in kept.columns if column not in now.columns]
        odd += [column for column in lacking if column in ledger.letters or column == "row"]
        wrong += [] if kept.select(common).equals(now.select(common)) else [name]
        wrong += [f"{name}的栏目{column}" for column in odd]
        soft += [f"{name}的栏目"] if kept.columns != now.columns else []
    return _hard("台账快照", [*wrong, *(f"多出{stem}" for stem in files)], soft, "与台账逐格相同", origin)


def _snapshot_record(ledgers: Mapping[str, Ledger], record: Path, origin: _Origin) -> Check:
    """snapshots.json: which sheet, columns and files each snapshot is of."""
    name = "台账快照的名称对照"

    def compare(kept: dict[str, Any]) -> Check:
        wrong = [f"{title}（多出或缺少）" for title in kept.keys() ^ ledgers.keys()]
        soft: list[str] = []
        for key in kept.keys() & ledgers.keys():
            told, ledger = kept[key], ledgers[key]
            parts = [key] if len(told["parts"]) == 1 else [f"{key}-{number:03}" for number in range(1, len(told["parts"]) + 1)]
            now = {
                "title": ledger.title,
                "file": ledger.file,
                "sheet": ledger.sheet,
                "digest": ledger.digest,
                "letters": dict(ledger.letters),
                "parts": [_digest(record.parents[1] / "snapshots" / f"{part}.parquet") for part in parts],
            }
            wrong += [f"{key}的{item}" for item in sorted(now) if told[item] != now[item]]
            soft += [f"{key}的{item}" for item in told if item not in now]
        return _hard(name, sorted(wrong), soft, "与台账和快照文件一致", origin)

    return _compared(name, record, dict, compare)


def _lineage(assessment: Assessment, record: Path, origin: _Origin) -> Check:
    name = "数字所据的行"
    try:
        kept, now = pl.read_parquet(record), pl.read_parquet(lineage_table(assessment.facts))
        # A fact that only this version knows has no rows there; one that the bag records has them all.
        recorded = [str(item["id"]) for item in json.loads((record.parent / "facts.json").read_bytes())]
    except (OSError, ValueError, RecursionError, LookupError, TypeError, pl.exceptions.PolarsError):
        return Check(name, State.WRONG, f"{record.name} 缺失或无法读取")
    same = kept.equals(now.filter(pl.col("fact").is_in(recorded)))
    soft = [] if kept.equals(now) else ["多出的数据项"]
    return _hard(name, [] if same else [record.name], soft, "与重算的一致", origin)


def _findings(findings: Iterable[Finding], record: Path, origin: _Origin) -> Check:
    def compare(kept: list[Any]) -> Check:
        # How many rows a finding tells of is not told by every version.
        now = [{name: value for name, value in item.items() if not kept or name in kept[0]} for item in dump(list[Finding], list(findings))]
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


def _report(bag: Path, examined: Examination, subject: Subject, assessment: Assessment, origin: _Origin) -> list[Check]:
    records, name = bag / "data" / "records", "按台账重写的报告"
    kept = report.read_printed((bag / "data" / "report.docx").read_bytes())
    again: report.Report | None = None
    try:
        again = write_report(subject, 0, assessment, of_other_version=not origin.is_ours)
    except ReportError as error:
        if origin.is_ours:
            raise
        detail = "；".join(error.faults) or error.message
        rewritten = Check(name, State.DIFFERS, f"本版不能重写：{detail}{origin.note(State.DIFFERS)}")
    else:
        now = report.read_printed(again.document)
        rewritten = _hard(name, kept.renumbered(now), filter(None, [kept.reworded(now)]), "与归档的报告逐字相同", origin)
    chains, approvals = (examined.entries, examined.people), examined.approvals
    wrong, soft = (
        misdescribed(bag, examined.payload, subject, again.written_on if again else None, approvals, chains) if approvals else ([], [])
    )
    return [
        _hard("元数据和说明", wrong, soft, "与归档配置和审批记录一致", origin),
        _figures(again.figures if again else None, assessment, records / "figures.json", origin),
        _printed(kept, records),
        rewritten,
    ]


def _figures(figures: Sequence[Figure] | None, assessment: Assessment, record: Path, origin: _Origin) -> Check:
    """figures.json; where this version cannot write the report again, only what is a fact or a score can be compared."""
    name = "报告中印出的数字"

    def compare(kept: list[Any]) -> Check:
        if figures is None:
            known = {fact.id: fact.value for fact in assessment.facts.values()}
            known |= {f"score_{score.id}": score.score for score in assessment.card.scores} | {"score_total": assessment.card.total}
            wrong = [
                item["id"]
                for item in kept
                if item["value"] is not None and Decimal(item["value"]) != known.get(item["id"], Decimal(item["value"]))
            ]
            return _hard(name, wrong, [], "与重算的数字和得分一致", origin)
        now = dump(list[Figure], list(figures))
        odd = {item["id"] for item in kept if item["value"] is not None and not tells(item["text"], Decimal(item["value"]))}
        before, after = (_texts_of(items) for items in (kept, now))
        odd |= {told[0] for told in before.keys() ^ after.keys()}
        # Ids, values and units are hard, and what the texts state; how it is written, how often and in which order is a matter of words.
        odd |= {
            told[0]
            for told in before.keys() & after.keys()
            if not all(any(text == other or alike(text, other) for other in after[told]) for text in before[told])
        }
        return _hard(name, sorted(odd), [] if kept == now else ["个数或写法"], "与归档时一致", origin)

    return _compared(name, record, list, compare)


def _texts_of(figures: Iterable[Mapping[str, Any]]) -> dict[tuple[str, Any, Any], set[str]]:
    """How each figure's value is written."""
    texts: dict[tuple[str, Any, Any], set[str]] = defaultdict(set)
    for item in figures:
        texts[item["id"], item["value"], item["unit"]].add(item["text"])
    return texts


def _printed(kept: Printed, records: Path) -> Check:
    """The bag's own report against the figures and scores that it records, whichever version made it."""
    name = "报告与所记的数字、得分"

    def compare(figures: list[Any]) -> Check:
        lacking = kept.lacking(item["text"] for item in figures)
        found = [f"报告中找不到数字“{lacking}”"] if lacking is not None else []
        if kept.has_row(("三级指标", "年度指标值", "分值", "得分")):
            try:
                rows = _printed_rows(json.loads((records / "scores.json").read_bytes()))
            except (OSError, ValueError, ArithmeticError, RecursionError, LookupError, TypeError, AttributeError):
                return Check(name, State.WRONG, "scores.json 缺失或无法读取")
            found += [f"自评表中没有“{title}”这一行，或行中的数字不同" for title, cells in rows if not kept.has_row(cells)]
        return Check(name, State.WRONG if found else State.SAME, _listed(found) or "报告印的就是所记的")

    return _compared(name, records / "figures.json", list, compare)


def _printed_rows(card: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What rows of the 自评表 a scorecard prints."""
    rows = [
        (row["name"], [row["name"], row["target"], row["actual"], plain(Decimal(row["weight"])), plain(Decimal(row["score"]))])
        for row in card["scores"]
    ]
    execution = {name: Decimal(card["execution"][name]) for name in ("initial", "annual", "executed", "rate", "weight", "score")}
    money = [in_wan(execution[name]) for name in ("initial", "annual", "executed")]
    funds = [*money, percentage(execution["rate"]), plain(execution["weight"]), plain(execution["score"])]
    total = [plain(Decimal(card["total"])), f"等级：{card['grade']}"]
    return [*rows, ("年度资金总额", ["年度资金总额", *funds]), ("总分", ["总分", *total])]


R = TypeVar("R", list[Any], dict[str, Any])


def _compared(name: str, record: Path, kind: type[R], compare: Callable[[R], Check]) -> Check:
    """Hold a record of a bag against what was computed again; one that is no such document is wrong, whatever it holds."""
    try:
        document = json.loads(record.read_bytes())
        if not isinstance(document, kind):
            return Check(name, State.WRONG, f"{record.name} 的格式不对")
        return compare(document)
    except (OSError, ValueError, ArithmeticError, RecursionError, LookupError, TypeError, AttributeError):
        return Check(name, State.WRONG, f"{record.name} 缺失或无法读取")
