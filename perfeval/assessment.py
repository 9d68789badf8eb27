"""The core without a store: what `check`, `score` and `draft` do, and every step of an evaluation too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfeval.checks import check_ledgers, load_classification
from perfeval.configuration import read_text
from perfeval.errors import LedgerError, UsageError
from perfeval.indicators import derive_facts, load_indicators, score_facts
from perfeval.ledgers import Reading, read_ledgers, receive
from perfeval.model import Facts, Finding, Ledgers, ReceivedFile, Scorecard, Severity
from perfeval.workspace import Workspace

if TYPE_CHECKING:
    from perfeval.report import Report


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
    expect_ledgers(workspace, year)
    return receive(workspace.ledgers(year))


def expect_ledgers(workspace: Workspace, year: int) -> None:
    """Refuse a year without a folder of ledgers: it is a word mistyped.

    Raises: UsageError: there is no such folder.
    """
    if not workspace.ledgers(year).is_dir():
        raise UsageError("U06", f"没有 {year} 年度的台账文件夹 ledgers/{year}", "核对年度；把台账放进这个文件夹后再试。")


def check_files(workspace: Workspace, year: int, files: Sequence[ReceivedFile]) -> Reading:
    """Read and validate ledgers, each by itself and against the others; every finding at once."""
    reading = read_ledgers(files)
    findings = check_ledgers(
        reading.ledgers,
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
