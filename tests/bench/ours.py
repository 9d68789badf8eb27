"""The job by perfeval: its steps with a store of their own (open, ingest, validate, score, draft), or, with `core`, its functions.

`core` is what `check`, `score` and `draft` call, and keeps what the steps keep: files, snapshots and their digests.
"""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

# Pandera loads this test tool where it finds it; those who only use perfeval do not have it.
sys.modules["hypothesis"] = None  # type: ignore[assignment]

import rules  # noqa: E402

from flows.__main__ import spare_collecting  # noqa: E402

spare_collecting()  # as perfeval's commands begin

from perfeval.model import Facts, Finding, Scorecard  # noqa: E402
from perfeval.workspace import Workspace, secret_key  # noqa: E402

Told = tuple[Facts, Scorecard, Iterable[Finding]]


def by_steps(workspace: Workspace, work: Path) -> Told:
    from perfeval import steps
    from perfeval.model import Revision
    from perfeval.office import Office
    from perfeval.store import Store

    # The store in which the clerk is enrolled, and nothing else.
    shutil.copytree(workspace.state, work)
    office = Office(workspace, Store(f"sqlite:///{work / 'store.db'}", work / "artifacts", workspace.unit, secret_key))
    revision = Revision(steps.open_evaluation(office, workspace.subject(rules.YEAR), workspace.settings.unit.drafter), 1)
    findings = steps.validate_ledgers(office, revision, steps.ingest_ledgers(office, revision))
    card = steps.score_indicators(office, revision)
    steps.draft_report(office, revision)
    return steps.load_facts(office.store, revision), card, findings


def by_functions(workspace: Workspace, work: Path) -> Told:
    from perfeval.assessment import assess_reading, check_files, lineage_table, write_report
    from perfeval.ledgers import receive

    work.mkdir()
    subject = workspace.subject(rules.YEAR)
    files = receive(subject.ledgers)
    for file in files:
        shutil.copyfile(file.path, work / file.name)
    reading = check_files(subject, files)
    assessment = assess_reading(subject, reading)
    report = write_report(subject, 0, assessment)
    (work / "report.docx").write_bytes(report.document)
    parts = {name: ledger.parts for name, ledger in reading.ledgers.items()} | {"lineage": (lineage_table(assessment.facts),)}
    for name, part in ((f"{name}-{number}", part) for name, some in parts.items() for number, part in enumerate(some)):
        (work / f"{name}.parquet").write_bytes(part)
        hashlib.sha256(part)
    return assessment.facts, assessment.card, reading.findings


def main(folder: Path, work: Path, result: Path, way: str = "steps") -> None:
    started = time.process_time()
    facts, card, findings = (by_functions if way == "core" else by_steps)(Workspace(folder), work)
    told = {
        "facts": {fact.id: rules.written(fact.value) for fact in facts.values() if isinstance(fact.value, Decimal)},
        "scores": {score.id: rules.written(score.score) for score in card.scores}
        | {"execution": rules.written(card.execution.score), "total": rules.written(card.total), "grade": card.grade},
        "findings": rules.summed((finding.code, finding.ledger, finding.row) for finding in findings),
        "work": time.process_time() - started,
    }
    result.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), *sys.argv[4:])
