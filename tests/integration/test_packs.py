"""Workspaces out of packs: blank ones a clerk can fill, and every pack's sample from ledgers to a verified archive."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from perfeval import steps
from perfeval.assessment import assess, check_files
from perfeval.errors import UsageError
from perfeval.ledgers import receive
from perfeval.model import Answer, Severity, Verdict
from perfeval.model.numbers import plain
from perfeval.office import open_office
from perfeval.packs import PACKS, create_workspace
from perfeval.reperformance import verify_archive
from perfeval.workspace import Subject, Workspace

EXPECTED = Path(__file__).parents[1] / "golden" / "rural-roads-2024" / "expected.yml"
SAMPLES = ["taojiang-2022", *(f"{year.parents[1].name}-{year.name}" for year in sorted(PACKS.glob("*/sample/[0-9]*")))]


def made(folder: Path, pack: str = "", sample: str = "") -> Subject:
    create_workspace(folder, pack, sample)
    (year,) = (folder / "ledgers").iterdir()
    return Workspace(folder).subject(int(year.name))


def test_packs_made_of_data_have_samples_of_their_own() -> None:
    assert "rural-roads-2024" in SAMPLES


# A goal of the rural roads' year was reached in part only, which is no fault of its ledger.
TOLD = {"rural-roads-2024": [("X28", "warning", "D3")]}


@pytest.mark.parametrize("sample", SAMPLES)
def test_sample_passes_the_checks(tmp_path: Path, sample: str) -> None:
    subject = made(tmp_path / "office", sample=sample)
    findings = check_files(subject, receive(subject.ledgers)).findings
    told = [(finding.code, finding.severity, finding.cell) for finding in findings if finding.severity is not Severity.NOTE]
    assert told == TOLD.get(sample, [])


@pytest.mark.parametrize("sample", SAMPLES)
def test_sample_runs_to_an_archive_that_verifies(tmp_path: Path, sample: str, welcome: Callable[..., Any]) -> None:
    subject = made(tmp_path / "office", sample=sample)
    office = open_office(tmp_path / "office")
    welcome(office, "样例经办人", "operator")
    phones = {gate.key: welcome(office, f"样例{gate.key}", gate.key) for gate in office.workspace.gates}
    evaluation = steps.open_evaluation(office, subject, "样例经办人")
    with office.store.reading() as record:
        revision = record.current_revision(evaluation)
    draft = steps.prepare(office, revision)
    for gate in office.workspace.gates:
        code = phones[gate.key].code()
        steps.decide(office, revision, gate, Answer(Verdict.APPROVE, f"样例{gate.key}", code, draft.check_code))
    bag = steps.archive_report(office, revision)
    unproved = {check.name: str(check.state) for check in verify_archive(bag) if check.state != "same"}
    assert unproved == {"真实性：审批凭证": "unproved", "外部凭证": "unproved"}


def test_rural_roads_give_the_figures_that_were_worked_out_by_hand(tmp_path: Path) -> None:
    expected = yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))
    subject = made(tmp_path / "office", sample="rural-roads-2024")
    assessment = assess(subject, receive(subject.ledgers))
    facts = {name: (plain(fact.value), fact.unit) for name, fact in assessment.facts.items() if isinstance(fact.value, Decimal)}
    assert {name: facts[name] for name in expected["facts"]} == {
        name: (plain(Decimal(fact["value"])), fact["unit"]) for name, fact in expected["facts"].items()
    }
    scores = {row.id: (row.target, str(row.score), row.is_missed) for row in assessment.card.scores}
    assert scores == {name: (row["target"], row["score"], row["missed"]) for name, row in expected["scores"].items()}
    assert (str(assessment.card.total), assessment.card.grade) == (expected["total"], expected["grade"])


@pytest.mark.parametrize("pack", ["", *(path.name for path in sorted(PACKS.iterdir()))])
def test_blank_workspace_lacks_rows_and_nothing_else(tmp_path: Path, pack: str) -> None:
    subject = made(tmp_path / "office", pack)
    findings = check_files(subject, receive(subject.ledgers)).findings
    assert len(list(subject.ledgers.iterdir())) == len(subject.workspace.catalogue)
    assert {finding.code for finding in findings} <= {"L07", "C08", "X13"}
    assert [finding.code for finding in findings if finding.severity is Severity.ERROR] == ["C08"]


def test_pack_or_sample_unknown_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="没有名为“county”的成套设置") as fault:
        create_workspace(tmp_path / "office", "county")
    assert fault.value.hint == f"可用：{'、'.join(path.name for path in sorted(PACKS.iterdir()))}"
    with pytest.raises(UsageError, match="没有名为“county-2022”的样例") as fault:
        create_workspace(tmp_path / "office", sample="county-2022")
    assert fault.value.hint == f"可用样例：{'、'.join(SAMPLES)}"
    with pytest.raises(UsageError, match="属于 key-projects，不属于 rural-roads"):
        create_workspace(tmp_path / "office", "rural-roads", "taojiang-2022")
    with pytest.raises(UsageError, match="行数不能放大"):
        create_workspace(tmp_path / "office", sample="rural-roads-2024", scale=2)
    assert list(tmp_path.iterdir()) == []


def test_no_code_knows_a_pack_made_of_data() -> None:
    sources = [path for room in ("perfeval", "flows", "schemas") for path in (PACKS.parents[1] / room).rglob("*.py")]
    assert [path.name for path in sources if "rural" in path.read_text(encoding="utf-8")] == []
