"""One function per step of the year: load → pure core → save. Whoever calls them in order has run the year.

Each step asks the store first and leaves its outcome there for (evaluation, revision): doing it again changes nothing.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from perfeval import approvals
from perfeval.checks import check_ledgers, load_classification
from perfeval.errors import LedgerError
from perfeval.indicators import derive_facts, load_indicators, score_facts
from perfeval.ledgers import Reading, annotate, read_ledgers, receive
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
    Outcome,
    ReceivedFile,
    Revision,
    Scorecard,
    Severity,
    Stage,
    Standing,
    Verdict,
)
from perfeval.model.documents import keep, keep_facts, kept, kept_facts
from perfeval.settings import Workspace, secret_key
from perfeval.store import Store

if TYPE_CHECKING:
    from perfeval.report import Report

CHECK_CODE_LENGTH = 8


def open_store(workspace: Workspace) -> Store:
    """The workspace's store."""
    return Store(workspace.database_url, workspace.state / "artifacts")


# ---- the core without a store, as `check`, `score` and `draft` use it ------------------------------------------------


@dataclass(frozen=True)
class Assessment:
    """A year computed from its ledgers, nothing kept."""

    ledgers: Ledgers
    findings: tuple[Finding, ...]
    facts: Facts
    card: Scorecard


def check_files(workspace: Workspace, year: int, files: Sequence[ReceivedFile]) -> Reading:
    """Read and validate ledgers, each by itself and against the others; every finding at once."""
    reading = read_ledgers(files)
    findings = check_ledgers(
        reading.ledgers,
        year=year,
        programme_codes=workspace.settings.programme.codes,
        classification=load_classification(workspace.economic_classification),
    )
    return Reading(reading.ledgers, (*reading.findings, *findings))


def assess(workspace: Workspace, year: int, files: Sequence[ReceivedFile]) -> Assessment:
    """Facts and scores of a year.

    Raises: LedgerError: with every finding, when one of them is an error.
    """
    reading = check_files(workspace, year, files)
    refuse_errors(reading.findings)
    system = load_indicators(workspace.indicators(year))
    facts = derive_facts(system, reading.ledgers)
    return Assessment(reading.ledgers, reading.findings, facts, score_facts(system, facts))


def write_report(workspace: Workspace, year: int, revision: int, assessment: Assessment) -> "Report":
    """Write the report of an assessment; `revision` 0 is a draft outside the approval process.

    Raises: ReportError: a left-over slot, an undefined figure or an empty section, with its place.
    """
    from perfeval import report  # Word is loaded only by those who write it

    subject = report.Subject(workspace.settings, year, revision, assessment.facts, assessment.card, assessment.ledgers)
    return report.draft_report(subject, workspace.narrative(year).read_text(encoding="utf-8-sig"), workspace.template.read_bytes())


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Stop on errors.

    Raises: LedgerError: with every finding.
    """
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if errors:
        raise LedgerError("L00", f"台账有 {errors} 处错误，不能继续", "按所列文件和单元格逐项更正后再运行。", findings=findings)


# ---- steps -----------------------------------------------------------------------------------------------------------


def open_evaluation(workspace: Workspace, store: Store, year: int, prepared_by: str, run: str | None = None) -> Evaluation:
    """Open the year's evaluation of the programme, or find the one that `run` or another run opened."""
    programme = workspace.settings.programme
    code = re.sub(r"[^a-z0-9]+", "-", programme.codes[0].lower()).strip("-") or "programme"
    return store.open_evaluation(year, programme.name, code, prepared_by, run)


def ingest_ledgers(workspace: Workspace, store: Store, revision: Revision) -> list[ReceivedFile]:
    """Take the ledger files in: the frozen ones once they passed validation, else those in the folder now."""
    if (outcome := store.outcome(revision, "validated")) is not None:
        return _received(store, outcome["files"])
    folder = workspace.ledgers(revision.evaluation.year)
    # What is validated are the artifact's bytes, not the clerk's file, which may change meanwhile.
    return _received(store, {file.name: store.artifacts.put(file.path.read_bytes()) for file in receive(folder)})


def validate_ledgers(workspace: Workspace, store: Store, revision: Revision, files: Sequence[ReceivedFile]) -> list[Finding]:
    """Validate the ledgers and freeze them with their findings.

    Raises: LedgerError: with every finding; marked copies lie in the workspace then, and nothing is frozen.
    """
    if (outcome := store.outcome(revision, "validated")) is not None:
        return kept(list[Finding], outcome["findings"])
    reading = check_files(workspace, revision.evaluation.year, files)
    try:
        refuse_errors(reading.findings)
    except LedgerError as error:
        copies = annotate(files, reading.findings, marked_folder(workspace, revision))
        error.context["copies"] = copies
        raise
    document = {
        "files": {file.name: file.digest for file in files},
        "snapshots": {name: _keep_ledger(store, ledger) for name, ledger in reading.ledgers.items()},
        "findings": keep(list[Finding], list(reading.findings)),
    }
    return kept(list[Finding], store.save_outcome(revision, "validated", document)["findings"])


def score_indicators(workspace: Workspace, store: Store, revision: Revision) -> Scorecard:
    """Compute facts and scores from the frozen ledgers."""
    if (outcome := store.outcome(revision, "scored")) is None:
        year = revision.evaluation.year
        system = load_indicators(workspace.indicators(year))
        facts = derive_facts(system, load_ledgers(store, revision))
        outcome = store.save_outcome(
            revision,
            "scored",
            {
                "facts": keep_facts(facts),
                "card": keep(Scorecard, score_facts(system, facts)),
                "lineage": store.artifacts.put(_parquet(_lineage(facts))),
                "configuration": _keep_files(workspace, store, workspace.scoring_files(year)),
            },
        )
    return kept(Scorecard, outcome["card"])


def draft_report(workspace: Workspace, store: Store, revision: Revision) -> Draft:
    """Write the report of this revision.

    Raises: ReportError: a left-over slot, an undefined figure or an empty section, with its place.
    """
    if (outcome := store.outcome(revision, "drafted")) is None:
        year = revision.evaluation.year
        facts, card = load_scores(store, revision)
        report = write_report(workspace, year, revision.number, Assessment(load_ledgers(store, revision), (), facts, card))
        draft = Draft(
            revision.evaluation.id,
            revision.number,
            store.artifacts.put(report.document),
            report.content_digest,
            report.content_digest[:CHECK_CODE_LENGTH],
            len(report.figures),
        )
        outcome = store.save_outcome(
            revision,
            "drafted",
            {
                "draft": keep(Draft, draft),
                "figures": keep(list[Figure], list(report.figures)),
                "configuration": _keep_files(workspace, store, workspace.drafting_files(year)),
            },
        )
    return kept(Draft, outcome["draft"])


def prepare(workspace: Workspace, store: Store, revision: Revision) -> Draft:
    """Everything from ledgers to draft, in a plain sequence."""
    validate_ledgers(workspace, store, revision, ingest_ledgers(workspace, store, revision))
    score_indicators(workspace, store, revision)
    return draft_report(workspace, store, revision)


def decide(workspace: Workspace, store: Store, revision: Revision, gate: Gate, answer: Answer) -> Decision:
    """Turn an answer at a gate into a decision on this revision's draft.

    Raises: ApprovalError: when the answer is no decision.
    """
    draft = draft_report(workspace, store, revision)
    current = Revision(store.evaluation(revision.evaluation.id), revision.number)
    return approvals.decide(store, current, workspace.gates, gate, draft, answer, secret_key())


def record_correction(store: Store, revision: Revision, note: str) -> None:
    """Note that the clerk's correction of a returned revision is in: the next revision begins."""
    store.save_outcome(revision, "corrected", {"note": note.strip()})


def close_evaluation(store: Store, evaluation: Evaluation) -> Outcome:
    """End a refused evaluation; what it holds is kept."""
    store.end_evaluation(evaluation, "refused")
    return Outcome(evaluation.id, "refused")


# ---- what the store holds, as nouns ----------------------------------------------------------------------------------


def load_scores(store: Store, revision: Revision) -> tuple[dict[str, Fact], Scorecard]:
    """Facts (without rows) and scorecard of a scored revision."""
    outcome = _done(store, revision, "scored")
    return kept_facts(outcome["facts"]), kept(Scorecard, outcome["card"])


def load_ledgers(store: Store, revision: Revision) -> dict[str, Ledger]:
    """The frozen ledgers of a validated revision."""
    snapshots = _done(store, revision, "validated")["snapshots"]
    return {
        name: Ledger(name, s["title"], s["file"], s["sheet"], s["digest"], pl.read_parquet(store.artifacts.path(s["frame"])), s["letters"])
        for name, s in snapshots.items()
    }


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
    if any(decision.verdict is Verdict.RETURN for decision in decisions.values()):
        return Standing(Stage.CORRECTING, revision, since, draft=draft)
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


def _received(store: Store, files: dict[str, str]) -> list[ReceivedFile]:
    return [ReceivedFile(name, store.artifacts.path(digest), digest) for name, digest in files.items()]


def _keep_ledger(store: Store, ledger: Ledger) -> dict[str, Any]:
    return {
        "title": ledger.title,
        "file": ledger.file,
        "sheet": ledger.sheet,
        "digest": ledger.digest,
        "frame": store.artifacts.put(_parquet(ledger.frame)),
        "letters": dict(ledger.letters),
    }


def _keep_files(workspace: Workspace, store: Store, files: Sequence[Path]) -> dict[str, str]:
    return {path.relative_to(workspace.root).as_posix(): store.artifacts.put(path.read_bytes()) for path in files}


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _lineage(facts: Facts) -> pl.DataFrame:
    """Which rows each fact came from: fact, ledger, row."""
    parts = [
        pl.DataFrame({"row": source.rows}, schema={"row": pl.UInt32}).select(
            pl.lit(fact.id).alias("fact"), pl.lit(source.ledger).alias("ledger"), "row"
        )
        for fact in facts.values()
        for source in fact.sources
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema={"fact": pl.String, "ledger": pl.String, "row": pl.UInt32})
