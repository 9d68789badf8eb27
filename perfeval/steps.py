"""One function per step of the year: load → pure core → save. Whoever calls them in order has run the year.

Each step asks the store first and leaves its outcome there for (evaluation, revision): doing it again changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from perfeval import __version__
from perfeval.checks import check_ledgers, load_classification
from perfeval.errors import ArchiveError, ConfigurationError, LedgerError, PerfevalError, ReportError, UsageError
from perfeval.indicators import derive_facts, load_indicators, score_facts
from perfeval.ledgers import Reading, annotate, list_files, read_ledgers, receive
from perfeval.model import (
    Answer,
    Decision,
    Draft,
    Evaluation,
    Fact,
    Facts,
    Figure,
    Finding,
    Gate,
    Ledger,
    Ledgers,
    ReceivedFile,
    Revision,
    Scorecard,
    Severity,
    Stage,
    Standing,
    Verdict,
)
from perfeval.model.digests import check_code
from perfeval.model.documents import keep, keep_facts, keep_json, kept, kept_facts, kept_json
from perfeval.model.evaluation import spelling
from perfeval.model.ledgers import parquet
from perfeval.settings import CONFIG_FILE, Settings, Workspace, load_model, read_text, secret_key
from perfeval.texts import has_controls
from schemas import BUILT_IN, DEFAULT

_PROGRAM = f"perfeval {__version__}"

if TYPE_CHECKING:  # rooms that `check` and `score` do without are loaded by the steps that enter them
    from perfeval.archive import Check, Holdings
    from perfeval.report import Report
    from perfeval.store import Store


# ---- the core without a store, as `check`, `score` and `draft` use it ------------------------------------------------


@dataclass(frozen=True)
class Assessment:
    """A year computed from its ledgers, nothing kept."""

    ledgers: Ledgers
    findings: tuple[Finding, ...]
    facts: Facts
    card: Scorecard


def receive_ledgers(workspace: Workspace, year: int) -> list[ReceivedFile]:
    """The ledger files of a year as they lie in its folder.

    Raises: UsageError: there is no such folder.
    """
    _expect_ledgers(workspace, year)
    return receive(workspace.ledgers(year))


def _expect_ledgers(workspace: Workspace, year: int) -> None:
    if not workspace.ledgers(year).is_dir():
        raise UsageError("U06", f"没有 {year} 年度的台账文件夹 ledgers/{year}", "核对年度；把台账放进这个文件夹后再试。")


def check_files(workspace: Workspace, year: int, files: Sequence[ReceivedFile]) -> Reading:
    """Read and validate ledgers, each by itself and against the others; every finding at once."""
    reading = read_ledgers(files, DEFAULT)
    findings = check_ledgers(
        reading.ledgers,
        DEFAULT,
        year=year,
        programme_codes=workspace.settings.programme.codes,
        classification=load_classification(workspace.economic_classification),
    )
    # Of a cell that could not be read it is said already; that it is empty is no finding of its own.
    spoken = {(finding.ledger, finding.cell) for finding in reading.findings if finding.cell}
    others = (item for item in findings if item.value is not None or (item.ledger, item.cell) not in spoken)
    return Reading(reading.ledgers, (*reading.findings, *others))


def assess(workspace: Workspace, year: int, files: Sequence[ReceivedFile]) -> Assessment:
    """Facts and scores of a year.

    Raises: LedgerError: with every finding, when one of them is an error.
    """
    reading = check_files(workspace, year, files)
    refuse_errors(reading.findings)
    system = load_indicators(workspace.indicators(year))
    facts = derive_facts(system, reading.ledgers)
    return Assessment(reading.ledgers, reading.findings, facts, score_facts(system, facts))


def write_report(workspace: Workspace, year: int, revision: int, assessment: Assessment) -> Report:
    """Write the report of an assessment; `revision` 0 is a draft outside the approval process.

    Raises: ReportError: a left-over slot, an undefined figure or an empty section, with its place.
    """
    from perfeval import report  # Word is loaded only by those who write it

    subject = report.Subject(workspace.settings, year, revision, assessment.facts, assessment.card, assessment.ledgers)
    return report.draft_report(subject, read_text(workspace.narrative(year)), workspace.template.read_bytes())


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Stop on errors.

    Raises: LedgerError: with every finding.
    """
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if errors:
        raise LedgerError("L00", f"台账有 {errors} 处错误，不能继续", "按所列文件和单元格逐项更正后再运行。", findings=findings)


# ---- steps -----------------------------------------------------------------------------------------------------------


def open_evaluation(workspace: Workspace, store: Store, year: int, prepared_by: str, run: str | None = None) -> Evaluation:
    """Open the year's evaluation of the programme, or find the one that `run` or another run opened.

    Raises: UsageError: when the year is archived already, unless `run` is the one that archived it.
    """
    if not spelling(prepared_by) or has_controls(prepared_by):
        raise UsageError("U10", "送审人姓名为空或含有不可见字符", "填写送审人的真实姓名。")
    programme = workspace.settings.programme
    code = re.sub(r"[^a-z0-9]+", "-", programme.codes[0].lower()).strip("-") or "programme"
    same = [item for item in store.evaluations() if (item.year, item.programme) == (year, programme.name)]
    archived = next((item for item in same if item.outcome == Stage.ARCHIVED), None)
    if archived and (run is None or store.run_of(archived) != run):
        raise UsageError("U05", f"{year}年度“{programme.name}”已归档（{archived.id}），不能再次自评", "用 perfeval verify 核验归档包。")
    if not same:  # a mistyped year is not opened; one in work goes on with what it has frozen
        _expect_ledgers(workspace, year)
        workspace.indicators(year)
    return store.open_evaluation(year, programme.name, code, prepared_by, run)


def ingest_ledgers(workspace: Workspace, store: Store, revision: Revision) -> list[ReceivedFile]:
    """Take the ledger files in: the frozen ones once they passed validation, else those in the folder now."""
    if (outcome := store.outcome(revision, "validated")) is not None:
        return _received(store, outcome["files"])
    files = list_files(workspace.ledgers(revision.evaluation.year))
    # What is validated are the artifact's bytes, not the clerk's file, which may change meanwhile.
    kept_files = [(file.name, *store.artifacts.put_file(file)) for file in files]
    return [ReceivedFile(name, path, digest) for name, digest, path in kept_files]


def validate_ledgers(workspace: Workspace, store: Store, revision: Revision, files: Sequence[ReceivedFile]) -> list[Finding]:
    """Validate the ledgers and freeze them with their findings.

    Raises: LedgerError: with every finding; marked copies lie in the workspace then, and nothing is frozen.
    """
    if (outcome := store.outcome(revision, "validated")) is not None:
        return _findings(store, outcome)
    with _frozen_configuration(workspace, store, workspace.checking_files) as configuration:
        reading = check_files(workspace, revision.evaluation.year, files)
    try:
        refuse_errors(reading.findings)
    except LedgerError as error:
        error.context["copies"] = annotate(files, reading.findings, marked_folder(workspace, revision))
        raise
    document = {
        "configuration": configuration,
        "files": {file.name: file.digest for file in files},
        "snapshots": {name: _keep_ledger(store, ledger) for name, ledger in reading.ledgers.items()},
        # Thousands of findings are a file: every later step would read them with the outcome.
        "findings": store.artifacts.put(keep_json(list[Finding], list(reading.findings))),
    }
    saved = store.save_outcome(revision, "validated", document)
    return list(reading.findings) if saved == document else _findings(store, saved)


def score_indicators(workspace: Workspace, store: Store, revision: Revision) -> Scorecard:
    """Compute facts and scores from the frozen ledgers."""
    if (outcome := store.outcome(revision, "scored")) is None:
        year, earlier = revision.evaluation.year, _done(store, revision, "validated")
        with (
            _frozen_only_when_done(store, revision),
            _frozen_configuration(workspace, store, workspace.scoring_files(year), earlier["configuration"]) as configuration,
        ):
            system = load_indicators(workspace.indicators(year))
            facts = derive_facts(system, load_ledgers(store, revision))
            card = score_facts(system, facts)
        outcome = store.save_outcome(
            revision,
            "scored",
            {
                "facts": keep_facts(facts),
                "card": keep(Scorecard, card),
                "lineage": store.artifacts.put(_lineage(facts)),
                "configuration": configuration,
            },
        )
    return kept(Scorecard, outcome["card"])


def draft_report(workspace: Workspace, store: Store, revision: Revision) -> Draft:
    """Write the report of this revision.

    Raises: ReportError: a left-over slot, an undefined figure or an empty section, with its place.
    """
    if (outcome := store.outcome(revision, "drafted")) is None:
        year, earlier = revision.evaluation.year, _done(store, revision, "scored")
        facts, card = load_scores(store, revision)
        with (
            _frozen_only_when_done(store, revision),
            _frozen_configuration(workspace, store, workspace.drafting_files(year), earlier["configuration"]) as configuration,
        ):
            report = write_report(workspace, year, revision.number, Assessment(load_ledgers(store, revision), (), facts, card))
        draft = Draft(
            revision.evaluation.id,
            revision.number,
            store.artifacts.put(report.document),
            report.content_digest,
            check_code(report.content_digest),
            report.written_on,
        )
        outcome = store.save_outcome(
            revision,
            "drafted",
            {
                "draft": keep(Draft, draft),
                "figures": keep(list[Figure], list(report.figures)),
                "configuration": configuration,
            },
        )
    return kept(Draft, outcome["draft"])


@contextmanager
def _frozen_only_when_done(store: Store, revision: Revision) -> Iterator[None]:
    """What ledgers or rules stand in the way of is corrected in them: until there is a draft, they are read afresh."""
    try:
        yield
    except (LedgerError, ReportError, ConfigurationError):
        store.forget_undrafted(revision, ("validated", "scored"))
        raise


@contextmanager
def _frozen_configuration(
    workspace: Workspace, store: Store, files: Sequence[Path], earlier: Mapping[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Keep the files that a step computes with, and see to it that it is these and those of the step before: `earlier`.

    Raises: ConfigurationError: somebody edits them meanwhile.
    """
    frozen = _keep_files(workspace, store, files)
    is_as_loaded = Workspace(workspace.root).settings == workspace.settings
    edited = [name for name, digest in frozen.items() if (earlier or {}).get(name, digest) != digest]
    if is_as_loaded and not edited:
        yield frozen
        edited = [name for name, digest in _keep_files(workspace, store, files).items() if frozen[name] != digest]
    if edited or not is_as_loaded:
        names = "、".join(edited or [CONFIG_FILE])
        raise ConfigurationError("F06", f"{names} 在计算期间改动过", "保存好全部修改后再运行一次，从校验台账开始。")


def prepare(workspace: Workspace, store: Store, revision: Revision) -> Draft:
    """Everything from ledgers to draft, in a plain sequence."""
    validate_ledgers(workspace, store, revision, ingest_ledgers(workspace, store, revision))
    score_indicators(workspace, store, revision)
    return draft_report(workspace, store, revision)


def decide(workspace: Workspace, store: Store, revision: Revision, gate: Gate, answer: Answer) -> Decision:
    """Turn an answer at a gate into a decision on this revision's draft.

    Raises: ApprovalError: when the answer is no decision.
    """
    from perfeval import approvals

    draft = draft_report(workspace, store, revision)
    store.artifacts.path(draft.digest)
    current = Revision(store.evaluation(revision.evaluation.id), revision.number)
    return approvals.decide(store, current, workspace.gates, gate, draft, answer, secret_key())


def record_correction(store: Store, revision: Revision, note: str) -> None:
    """Note that the clerk's correction of a returned revision is in: the next revision begins."""
    store.save_outcome(revision, "corrected", {"note": note.strip()})


def archive_report(workspace: Workspace, store: Store, revision: Revision) -> Path:
    """Archive the approved report with all it rests on, and end the evaluation.

    Raises: ArchiveError: when a gate has not approved exactly this draft.
    """
    from perfeval.archive import archive_bag

    outcome = store.outcome(revision, "archived")
    bag = workspace.archive_folder / str(outcome["bag"]) if outcome else None
    if bag is None or not bag.exists():
        bag = archive_bag(_holdings(workspace, store, revision), workspace.archive_folder)
        store.save_outcome(revision, "archived", {"bag": bag.name})
    store.end_evaluation(revision.evaluation, Stage.ARCHIVED)
    return bag


def _holdings(workspace: Workspace, store: Store, revision: Revision) -> Holdings:
    from perfeval.archive import Holdings, archive_number, report_title

    evaluation = revision.evaluation
    if (place := standing(workspace, store, evaluation)).stage not in {Stage.APPROVED, Stage.ARCHIVED}:
        raise ArchiveError("K01", f"不能归档：{evaluation.id} 第{revision.number}稿{place.title}", "各审批环节都同意后才能归档。")
    validated, scored, drafted = (_done(store, revision, step) for step in ("validated", "scored", "drafted"))
    # As they were when this revision was drafted: whoever edits the settings since then opens no door.
    settings = load_model(store.artifacts.path(drafted["configuration"][CONFIG_FILE]), Settings)
    # Number and time are written down before the bag is made, so that a second attempt makes the same bag.
    sealing = store.save_outcome(revision, "sealing", {"number": _next_number(store, evaluation), "at": datetime.now(UTC).isoformat()})
    records = {
        "facts.json": scored["facts"],
        "scores.json": scored["card"],
        "figures.json": drafted["figures"],
        "snapshots.json": validated["snapshots"],
        "corrections.json": {
            str(number): done["note"]
            for number in range(1, revision.number)
            if (done := store.outcome(Revision(evaluation, number), "corrected"))
        },
    }
    return Holdings(
        archive_no=archive_number(settings.archive, evaluation.year, sealing["number"]),
        title=report_title(settings.unit.name, evaluation.year),
        evaluation=evaluation,
        revision=revision.number,
        gates=settings.approval,
        decisions=tuple(store.decisions(evaluation)),
        written_on=kept(Draft, drafted["draft"]).written_on,
        drafted_at=_done_at(store, revision, "drafted"),
        archived_at=datetime.fromisoformat(sealing["at"]),
        unit=settings.unit.name,
        archive=settings.archive,
        report=store.artifacts.read(drafted["draft"]["digest"]),
        ledgers=_received(store, validated["files"]),
        snapshots={
            name if len(snapshot["parts"]) == 1 else f"{name}-{number:03}": store.artifacts.path(part)
            for name, snapshot in validated["snapshots"].items()
            for number, part in enumerate(snapshot["parts"], start=1)
        },
        records={name: _json(document) for name, document in records.items()}
        | {
            "findings.json": store.artifacts.read(validated["findings"]),
            "lineage.parquet": store.artifacts.read(scored["lineage"]),
        },
        configuration={
            name: store.artifacts.path(digest) for name, digest in {**scored["configuration"], **drafted["configuration"]}.items()
        },
        program=_PROGRAM,
    )


def _next_number(store: Store, evaluation: Evaluation) -> int:
    """The next item number (件号) of the evaluation's year: behind all that were given, archived yet or not."""
    same_year = [store.outcome(store.current_revision(other), "sealing") for other in store.evaluations() if other.year == evaluation.year]
    return max((sealed["number"] for sealed in same_year if sealed), default=0) + 1


def verify_archive(bag: Path) -> list[Check]:
    """Check a bag and, when it is whole, compute facts and scores and write the report again from what is inside it."""
    from perfeval import report
    from perfeval.archive import Check, examine_bag, gates_in, made_by, misdescribed

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
        lineage = pl.read_parquet(records / "lineage.parquet").equals(pl.read_parquet(_lineage(assessment.facts)))
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
    from perfeval.archive import Check

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


def close_evaluation(store: Store, evaluation: Evaluation) -> None:
    """End a refused evaluation; what it holds is kept."""
    store.end_evaluation(evaluation, Stage.REFUSED)


# ---- what the store holds, as nouns ----------------------------------------------------------------------------------


def load_scores(store: Store, revision: Revision) -> tuple[dict[str, Fact], Scorecard]:
    """Facts (without rows) and scorecard of a scored revision."""
    outcome = _done(store, revision, "scored")
    return kept_facts(outcome["facts"]), kept(Scorecard, outcome["card"])


def load_ledgers(store: Store, revision: Revision) -> dict[str, Ledger]:
    """The frozen ledgers of a validated revision."""
    snapshots = _done(store, revision, "validated")["snapshots"]
    return {
        name: Ledger(BUILT_IN[name], s["file"], s["sheet"], s["digest"], _rows(store, s["parts"]), s["letters"])
        for name, s in snapshots.items()
    }


def _rows(store: Store, parts: Sequence[str]) -> pl.LazyFrame:
    return pl.scan_parquet([store.artifacts.path(part) for part in parts])


def marked_folder(workspace: Workspace, revision: Revision) -> Path:
    """Where marked copies of faulty ledgers are put for the clerk."""
    return workspace.root / "marked" / f"{revision.evaluation.year}-r{revision.number}"


def standing(workspace: Workspace, store: Store, evaluation: Evaluation) -> Standing:
    """Where an evaluation stands, from the store alone."""
    evaluation = store.evaluation(evaluation.id)
    revision = store.current_revision(evaluation)
    drafted = store.outcome(revision, "drafted")
    draft = kept(Draft, drafted["draft"]) if drafted else None
    decisions = {decision.gate: decision for decision in store.decisions(evaluation, revision.number)}
    times = [store.outcome_time(revision, "drafted"), *(decision.decided_at for decision in decisions.values())]
    since = max([time for time in times if time], default=evaluation.opened_at)
    if evaluation.outcome:
        return Standing(Stage(evaluation.outcome), revision, since, draft=draft)
    for verdict, stage in ((Verdict.REFUSE, Stage.REFUSED), (Verdict.RETURN, Stage.CORRECTING)):
        if any(decision.verdict is verdict for decision in decisions.values()):
            return Standing(stage, revision, since, draft=draft)
    waiting = next((gate for gate in workspace.gates if gate.key not in decisions), None)
    if draft is None:
        return Standing(Stage.PREPARING, revision, since)
    return Standing(Stage.WAITING if waiting else Stage.APPROVED, revision, since, waiting, draft)


def days_since(moment: datetime) -> int:
    """Whole days from a moment until now."""
    return (datetime.now(UTC) - moment).days


def _done(store: Store, revision: Revision, step: str) -> dict[str, Any]:
    outcome = store.outcome(revision, step)
    if outcome is None:
        message = f"{step} is asked for before it is done for {revision}"
        raise RuntimeError(message)
    return outcome


def _done_at(store: Store, revision: Revision, step: str) -> datetime:
    moment = store.outcome_time(revision, step)
    if moment is None:
        message = f"{step} is asked for before it is done for {revision}"
        raise RuntimeError(message)
    return moment


def _json(document: Any) -> bytes:  # noqa: ANN401  # plain JSON data
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _findings(store: Store, validated: dict[str, Any]) -> list[Finding]:
    return kept_json(list[Finding], store.artifacts.read(validated["findings"]))


def _received(store: Store, files: dict[str, str]) -> list[ReceivedFile]:
    return [ReceivedFile(name, store.artifacts.path(digest), digest) for name, digest in files.items()]


def _keep_ledger(store: Store, ledger: Ledger) -> dict[str, Any]:
    return {
        "title": ledger.title,
        "file": ledger.file,
        "sheet": ledger.sheet,
        "digest": ledger.digest,
        "parts": [store.artifacts.put(part) for part in ledger.parts],
        "letters": dict(ledger.letters),
    }


def _keep_files(workspace: Workspace, store: Store, files: Sequence[Path]) -> dict[str, str]:
    return {path.relative_to(workspace.root).as_posix(): store.artifacts.put(path.read_bytes()) for path in files}


def _lineage(facts: Facts) -> bytes:
    """Which rows each fact came from, as Parquet; in lists, because a name for every row costs as much as the ledger."""
    sources = [(fact.id, source.ledger, source.rows) for fact in facts.values() for source in fact.sources]
    return parquet(pl.DataFrame(sources, [("fact", pl.String), ("ledger", pl.String), ("rows", pl.List(pl.UInt32))], orient="row"))
