"""The clerk's page (经办): what stands in the way of a draft, what must be explained and is, and what to do next."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perfeval.assessment import Explained, assess, explain, receive_ledgers
from perfeval.errors import LedgerError, PerfevalError
from perfeval.explanations import Explanation, Need
from perfeval.model import Finding, Severity, Stage, Status
from perfeval.office import Office
from perfeval.packs import known_years
from perfeval.reasons import Parts, digest_of, may_write, status_of
from perfeval.web.filled import Filled
from perfeval.workspace import Subject

_FIELDS = {"value": "评定", "grounds": "评定依据", "reason": "原因", "measure": "改进措施", "evidence": "佐证材料"}
_NAMED = re.compile(rf" ?(?:{'|'.join(_FIELDS)})（(.+?)）")


@dataclass(frozen=True, slots=True)
class Required:
    """What must be explained, under the key that it has in the file, with what is recorded; `alike` others would be met by one text."""

    need: Need
    key: str
    is_judged: bool
    is_missing: bool
    given: Explanation | None
    alike: int

    @property
    def parts(self) -> Mapping[str, str]:
        """What is recorded, as the form has it."""
        item = self.given
        if item is None:
            return {}
        value = "" if item.value is None else f"{item.value:f}"
        return {
            "reason": item.reason or "",
            "measure": item.measure or "",
            "evidence": "\n".join(item.evidence),
            "value": value,
            "grounds": item.grounds or "",
        }


@dataclass(frozen=True, slots=True)
class Work:
    """A programme's year before its draft: as the files lie in the workspace now, nothing frozen. `problem` is why nothing can be said.

    `digest` is that of the file of reasons; `run` is the conductor's that has failed.
    """

    subject: Subject
    status: Status | None
    findings: Sequence[Finding] = ()
    required: Sequence[Required] = ()
    problem: str = ""
    digest: str = ""
    run: str = ""

    @property
    def errors(self) -> int:
        """How many findings stand in the way."""
        return sum(item.severity is Severity.ERROR for item in self.findings)

    @property
    def missing(self) -> int:
        """How many reasons are missing."""
        return sum(item.is_missing for item in self.required)

    @property
    def may_write(self) -> bool:
        """Whether reasons can be written now."""
        return may_write(self.status)

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
        status = status_of(record, office, subject)
        run = record.run_of(status.revision.evaluation) if status and status.stage is Stage.PREPARING else None
        run = run if run and record.failure(run) else None
    digest = digest_of(subject.explanations)
    try:
        assessment = assess(subject, receive_ledgers(subject), for_draft=True)
        explained = explain(subject, assessment)
    except LedgerError as error:
        return Work(subject, status, _worst_first(error.findings), run=run or "")
    except PerfevalError as error:
        return Work(subject, status, problem=str(error), run=run or "")
    found = _worst_first((*assessment.card.doubts, *assessment.findings))
    judged = {row.id for row in assessment.card.scores if row.is_judged}
    return Work(subject, status, found, _required(explained, judged), digest=digest, run=run or "")


def _required(explained: Explained, judged: set[str]) -> list[Required]:
    """What is missing first; of what one text explains for a whole ledger, the first."""
    missing, given = set(explained.missing), explained.given
    wide = [need.key.partition("!")[0] for need in explained.missing]
    found: dict[str, Required] = {}
    for need in sorted(explained.needs, key=lambda need: need not in missing):
        of_all = need.key.partition("!")[0]
        key = of_all if need.key not in given and of_all in given else need.key
        found.setdefault(key, Required(need, key, need.key in judged, need in missing, given.get(key), wide.count(of_all) - 1))
    return list(found.values())


def read_reason(filled: Filled) -> tuple[str, Parts]:
    """The key and the parts of a reason that is filled in."""
    key = filled["key"].partition("!")[0] if filled["for_all"] else filled["key"]
    evidence = [line.strip() for line in filled["evidence"].splitlines() if line.strip()]
    return key, {"value": filled["value"], "grounds": filled["grounds"], "reason": filled["reason"], "measure": filled["measure"],
        "evidence": evidence}  # fmt: skip


def told_on_page(error: PerfevalError, key: str) -> str:
    """Why a reason was refused, by the fields of its form; by the lines of the file, where something else in it is wrong."""
    faults = [re.fullmatch(rf".+?:[0-9]+: {re.escape(key)}(?:\.([a-z]+)[.0-9]*)?：(.+)", fault) for fault in error.faults]
    told = [match for match in faults if match]
    if not told or len(told) < len(faults):
        return str(error)
    # The file's names beside their meaning: what they mean is enough here.
    return "\n".join((f"{_FIELDS[match[1]]}：" if match[1] in _FIELDS else "") + _NAMED.sub(r"\1", match[2]) for match in told)


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda item: list(Severity).index(item.severity))
