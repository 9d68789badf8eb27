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

import polars as pl  # noqa: E402
import rules  # noqa: E402

from perfeval.checks import check_ledgers, load_classification  # noqa: E402
from perfeval.indicators import derive_facts, load_indicators, score_facts  # noqa: E402
from perfeval.ledgers import read_ledgers, receive  # noqa: E402
from perfeval.model.ledgers import parquet  # noqa: E402
from perfeval.report import ReportInput, write_report  # noqa: E402
from perfeval.workspace import Workspace  # noqa: E402


def main(folder: Path, work: Path, result: Path) -> None:
    started = time.process_time()
    work.mkdir()
    workspace = Workspace(folder)
    year = rules.YEAR
    files = receive(workspace.ledgers(year))
    for file in files:
        shutil.copyfile(file.path, work / file.name)
    reading = read_ledgers(files)
    codes, classification = workspace.settings.programme.codes, load_classification(workspace.economic_classification)
    findings = [*reading.findings, *check_ledgers(reading.ledgers, year=year, programme_codes=codes, classification=classification)]
    system = load_indicators(workspace.indicators(year))
    facts = derive_facts(system, reading.ledgers)
    card = score_facts(system, facts)
    office = workspace.settings
    report_input = ReportInput(
        office.unit, office.bureau, office.programme, office.basis, office.duties, year, 0, facts, card, reading.ledgers
    )
    narrative = workspace.narrative(year)
    text = narrative.read_text(encoding="utf-8")
    report = write_report(report_input, text, workspace.template.read_bytes(), file=narrative.name)
    (work / "report.docx").write_bytes(report.document)
    sources = [(fact.id, source.ledger, source.rows) for fact in facts.values() for source in fact.sources]
    lineage = pl.DataFrame(sources, schema={"fact": pl.String, "ledger": pl.String, "rows": pl.List(pl.UInt32)}, orient="row")
    parts = {name: ledger.parts for name, ledger in reading.ledgers.items()} | {"lineage": (parquet(lineage),)}
    for name, part in ((f"{name}-{number}", part) for name, some in parts.items() for number, part in enumerate(some)):
        (work / f"{name}.parquet").write_bytes(part)
        hashlib.sha256(part)
    told = {
        "facts": {fact.id: rules.written(fact.value) for fact in facts.values() if isinstance(fact.value, Decimal)},
        "scores": {score.id: rules.written(score.score) for score in card.scores}
        | {"execution": rules.written(card.execution.score), "total": rules.written(card.total), "grade": card.grade},
        "findings": rules.summed((finding.code, finding.ledger, finding.row) for finding in findings),
    }
    told["work"] = time.process_time() - started
    result.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
