"""The job by perfeval's own steps, with a fresh store: open, ingest, validate, score, draft."""

import json
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from perfeval import steps
from perfeval.model import Finding
from perfeval.settings import Workspace
from perfeval.store import Store


def main(folder: Path, work: Path, result: Path) -> None:
    work.mkdir()
    workspace = Workspace(folder)
    store = Store(f"sqlite:///{work / 'store.db'}", work / "artifacts")
    evaluation = steps.open_evaluation(workspace, store, 2022, "项目协调股")
    revision = store.current_revision(evaluation)
    findings = steps.validate_ledgers(workspace, store, revision, steps.ingest_ledgers(workspace, store, revision))
    steps.score_indicators(workspace, store, revision)
    steps.draft_report(workspace, store, revision)
    facts, card = steps.load_scores(store, revision)
    told = {
        "facts": {fact.id: written(fact.value) for fact in facts.values() if isinstance(fact.value, Decimal)},
        "scores": {score.id: written(score.score) for score in card.scores}
        | {"execution": written(card.execution.score), "total": written(card.total), "grade": card.grade},
        "findings": summed(findings),
    }
    result.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def summed(findings: list[Finding]) -> dict[str, list[int]]:
    """By ledger and column how many cells were found fault with, and the sum of their row numbers."""
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for finding in findings:
        entry = rows[f"{finding.code} {finding.ledger} {finding.column}"]
        entry[0] += 1
        entry[1] += finding.row or 0
    return dict(rows)


def written(value: Decimal) -> str:
    return format(round(value, 10).normalize(), "f")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
