"""The job by perfeval's pure functions, as `check`, `score` and `draft` call them, and what the steps keep: snapshots and digests."""

import hashlib
import json
import shutil
import sys
import time
from decimal import Decimal
from pathlib import Path

# Pandera loads this test tool where it finds it; those who only use perfeval do not have it.
sys.modules["hypothesis"] = None  # type: ignore[assignment]

import rules  # noqa: E402

from perfeval.assessment import assess_reading, check_files, lineage_table, write_report  # noqa: E402
from perfeval.ledgers import receive  # noqa: E402
from perfeval.workspace import Workspace  # noqa: E402


def main(folder: Path, work: Path, result: Path) -> None:
    started = time.process_time()
    work.mkdir()
    subject = Workspace(folder).subject(rules.YEAR)
    files = receive(subject.ledgers)
    for file in files:
        shutil.copyfile(file.path, work / file.name)
    reading = check_files(subject, files)
    assessment = assess_reading(subject, reading)
    facts, card = assessment.facts, assessment.card
    report = write_report(subject, 0, assessment)
    (work / "report.docx").write_bytes(report.document)
    parts = {name: ledger.parts for name, ledger in reading.ledgers.items()} | {"lineage": (lineage_table(facts),)}
    for name, part in ((f"{name}-{number}", part) for name, some in parts.items() for number, part in enumerate(some)):
        (work / f"{name}.parquet").write_bytes(part)
        hashlib.sha256(part)
    told = {
        "facts": {fact.id: rules.written(fact.value) for fact in facts.values() if isinstance(fact.value, Decimal)},
        "scores": {score.id: rules.written(score.score) for score in card.scores}
        | {"execution": rules.written(card.execution.score), "total": rules.written(card.total), "grade": card.grade},
        "findings": rules.summed((finding.code, finding.ledger, finding.row) for finding in reading.findings),
    }
    told["work"] = time.process_time() - started
    result.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
