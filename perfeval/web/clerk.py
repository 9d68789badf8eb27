"""The clerk's page (经办): what stands in the way of a draft, what must still be explained, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

from perfeval.assessment import assess, explain, receive_ledgers
from perfeval.errors import LedgerError, PerfevalError
from perfeval.explanations import Need
from perfeval.model import Finding, Severity, Stage, Status
from perfeval.office import Office
from perfeval.packs import known_years
from perfeval.workspace import Subject


@dataclass(frozen=True, slots=True)
class Work:
    """A programme's year before its draft: as the files lie in the workspace now, nothing frozen. `problem` is why nothing can be said."""

    subject: Subject
    status: Status | None
    findings: Sequence[Finding] = ()
    missing: Sequence[Need] = ()
    told: int = 0
    problem: str = ""

    @property
    def errors(self) -> int:
        """How many findings stand in the way."""
        return sum(item.severity is Severity.ERROR for item in self.findings)

    @property
    def may_start(self) -> bool:
        """Whether a run can be started: nothing is in the way, and none is under way."""
        return self.status is None and not (self.errors or self.missing or self.problem)


def subjects(office: Office) -> list[Subject]:
    """Every programme's years for which there are rules, the newest first."""
    years = sorted(set(known_years(office.workspace.root)), reverse=True)
    return [office.workspace.subject(year, programme.key) for year in years for programme in office.workspace.programmes]


def look_after(office: Office, year: int, programme: str) -> Work:
    """Check a programme's year as it lies there.

    Raises: UsageError: there is no such programme.
    """
    subject = office.workspace.subject(year, programme)
    with office.store.reading() as record:
        known = [item for item in record.evaluations(year, subject.programme.key) if item.outcome != Stage.REFUSED]
        status = record.progress(known[-1]).status(office.workspace.gates) if known else None
    try:
        assessment = assess(subject, receive_ledgers(subject), for_draft=True)
        explained = explain(subject, assessment)
    except LedgerError as error:
        return Work(subject, status, _worst_first(error.findings))
    except PerfevalError as error:
        return Work(subject, status, problem=str(error))
    found = _worst_first((*assessment.card.doubts, *assessment.findings))
    return Work(subject, status, found, explained.missing, len(explained.needs) - len(explained.missing))


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda item: list(Severity).index(item.severity))
