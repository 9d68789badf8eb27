"""The job by perfeval's own steps, with a fresh store: open, ingest, validate, score, draft."""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path

# Pandera loads this test tool where it finds it; those who only use perfeval do not have it.
sys.modules["hypothesis"] = None  # type: ignore[assignment]

import rules  # noqa: E402

from perfeval import steps  # noqa: E402
from perfeval.model import Revision  # noqa: E402
from perfeval.office import Office  # noqa: E402
from perfeval.store import Store  # noqa: E402
from perfeval.workspace import Workspace  # noqa: E402


def main(folder: Path, work: Path, result: Path) -> None:
    started = time.process_time()
    work.mkdir()
    workspace = Workspace(folder)
    office = Office(workspace, Store(f"sqlite:///{work / 'store.db'}", work / "artifacts", workspace.unit))
    revision = Revision(steps.open_evaluation(office, workspace.subject(rules.YEAR), "样例经办人"), 1)
    findings = steps.validate_ledgers(office, revision, steps.ingest_ledgers(office, revision))
    card = steps.score_indicators(office, revision)
    steps.draft_report(office, revision)
    facts = steps.load_facts(office.store, revision)
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
