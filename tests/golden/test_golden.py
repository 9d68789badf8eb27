"""The sample year as evaluation staff read it: facts, scores and the report's text, compared with what was agreed.

When a change is meant: `PERFEVAL_GOLDEN=write pytest tests/golden`, then read the difference like any other change.
"""

import io
import os
from pathlib import Path

import docx
import pytest
import yaml
from docx.table import Table, _Cell, _Row

from perfeval.assessment import Assessment, assess, write_report
from perfeval.ledgers import receive
from perfeval.workspace import Subject, Workspace

HERE = Path(__file__).parent / "taojiang-2022"


@pytest.fixture(scope="module")
def office(pristine: Path) -> Subject:
    return Workspace(pristine).subject(2022)


@pytest.fixture(scope="module")
def assessment(office: Subject) -> Assessment:
    return assess(office, receive(office.ledgers))


def unmerged(row: _Row) -> list[_Cell]:
    return list({cell._tc: cell for cell in row.cells}.values())


def agree(name: str, text: str) -> None:
    path = HERE / name
    if os.environ.get("PERFEVAL_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_sample_facts_are_as_agreed(assessment: Assessment) -> None:
    facts = {fact.id: f"{fact.value} {fact.unit}" for fact in assessment.facts.values()}
    agree("facts.yml", yaml.safe_dump(facts, allow_unicode=True, sort_keys=True, width=1000))


def test_sample_scores_are_as_agreed(assessment: Assessment) -> None:
    card = assessment.card
    rows = {score.name: f"{score.score}/{score.weight} {score.explanation}" for score in card.scores}
    rows["预算执行率"] = f"{card.execution.score}/{card.execution.weight} {card.execution.explanation}"
    rows["总分"] = f"{card.total} {card.grade}"
    agree("scores.yml", yaml.safe_dump(rows, allow_unicode=True, sort_keys=False, width=1000))


def test_sample_findings_are_as_agreed(assessment: Assessment) -> None:
    agree(
        "findings.txt",
        "".join(f"{item.severity} {item.code} {item.place} {item.message}\n" for item in (*assessment.findings, *assessment.card.doubts)),
    )


def test_sample_report_reads_as_agreed(office: Subject, assessment: Assessment) -> None:
    document = docx.Document(io.BytesIO(write_report(office, 1, assessment).document))
    lines = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines += [" | ".join(cell.text.strip() for cell in unmerged(row)) for row in block.rows]
        else:
            lines.append(block.text)
    agree("report.txt", "\n".join(lines) + "\n")
