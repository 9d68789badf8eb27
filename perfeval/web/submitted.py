"""A revision laid before people (送审材料): scores, findings, reasons, the report's text with its figures, decisions, the record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from perfeval.approvals.events import Archived
from perfeval.approvals.judging import Judged, judge
from perfeval.approvals.person import PROOF_TITLES, Person
from perfeval.approvals.proof import Proved, Refused
from perfeval.approvals.record import PEOPLE, head, read_line
from perfeval.assessment import Assessment, explain
from perfeval.explanations import ADDITION, CARRIED_OVER, EXECUTION, Explanations, key_of
from perfeval.model import Draft, Evaluation, Finding, Revision, Score, Severity, Stage, Status
from perfeval.model.documents import load_json
from perfeval.model.evaluation import gate_title
from perfeval.model.outcomes import Drafted, Failure, Scored, Validated
from perfeval.office import Office
from perfeval.report import read_layout
from perfeval.report.reading import Grid, Passage
from perfeval.steps import findings_of, load_ledgers
from perfeval.tracing import frozen_subject
from perfeval.web.overview import waits_for
from perfeval.web.placing import read_places
from perfeval.web.record import Event, tell

_OTHERS = {EXECUTION: "预算执行率未达到100%", ADDITION: "年度中调整预算", CARRIED_OVER: "上年结转资金"}
_LISTED_ROWS = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A finding with the reason that the clerk recorded for it."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Given:
    """A decision that stands in the record, and how far it is proved."""

    judged: Judged
    gate: str
    proof: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A revision as its page shows it; without a draft there is only where it stands."""

    evaluation: Evaluation
    revision: Revision
    status: Status
    is_current: bool
    may_act: bool
    drafted: Drafted | None
    scored: Scored | None
    findings: tuple[Told, ...]
    reasons: Mapping[str, str]
    others: Mapping[str, str]
    files: Mapping[str, str]
    decisions: tuple[Given, ...]
    corrections: Mapping[int, str]
    events: tuple[Event, ...]
    head: str
    archive_no: str
    failure: Failure | None
    failed_at: datetime | None
    faults: tuple[Finding, ...]
    run: str | None

    @property
    def draft(self) -> Draft | None:
        """The draft."""
        return self.drafted.draft if self.drafted else None

    @property
    def step(self) -> str:
        """What is being worked on, and needs nobody; empty where it waits for somebody, or stands still."""
        if self.failure or not self.is_current or self.status.stage not in {Stage.PREPARING, Stage.APPROVED}:
            return ""
        if self.status.stage is Stage.APPROVED:
            return "归档"
        return "编写报告" if self.scored else "计算得分" if self.files else "校验台账"

    @property
    def levels(self) -> list[tuple[str, list[Score]]]:
        """The rows by level 1, in the order of the table."""
        rows: dict[str, list[Score]] = {}
        for row in self.scored.card.scores if self.scored else ():
            rows.setdefault(row.level1, []).append(row)
        return list(rows.items())


def look_at(office: Office, evaluation_id: str, number: int, person: Person) -> Submitted:
    """A revision of an evaluation as somebody sees it.

    Raises: StoreError: there is no such evaluation, or what is stored is damaged.
    """
    with office.store.reading() as record:
        evaluation = record.evaluation(evaluation_id)
        revision, people = Revision(evaluation, number), record.people()
        progress, run = record.progress(evaluation), record.run_of(evaluation)
        drafted, scored = record.outcome(revision, Drafted), record.outcome(revision, Scored)
        validated = record.outcome(revision, Validated)
        entries, people_entries = record.entries(evaluation_id), record.entries(PEOPLE)
        corrections, failure = record.corrections(evaluation), record.failure(run) if run else None
        failed_at = record.failed_at(run) if run else None
    kept = failure.findings if failure else None
    status, is_current = progress.status(office.workspace.gates), number == progress.revision.number
    checked = tuple(findings_of(office.store, validated)) if validated else ()
    given = _reasons(office, revision, scored, checked) if scored else {}
    found = (*(scored.card.doubts if scored else ()), *checked)
    lines, judgement = [read_line(entry.line) for entry in entries], judge(entries, people_entries)
    gates = (*(drafted.gates if drafted else ()), *office.workspace.gates)
    return Submitted(
        evaluation=evaluation,
        revision=revision,
        status=status,
        is_current=is_current,
        may_act=is_current and waits_for(status, person, people),
        drafted=drafted,
        scored=scored,
        findings=tuple(Told(item, _reason(given, item)) for item in sorted(found, key=lambda item: list(Severity).index(item.severity))),
        reasons={row.id: given[row.id].told for row in scored.card.scores if row.is_applicable and row.id in given} if scored else {},
        others={title: given[key].told for key, title in _OTHERS.items() if key in given},
        files=validated.files if validated else {},
        decisions=tuple(Given(item, gate_title(gates, item.statement.gate), _proof(item)) for item in judgement.decisions),
        corrections=corrections,
        events=tuple(tell(line, gates, people) for line in lines),
        # An archive's record ends before the line that tells of it: `verify --head` knows no later one.
        head=next((line.previous for line in lines if isinstance(line.what, Archived)), head(entries)) if entries else "",
        archive_no=next((line.what.archive_no for line in lines if isinstance(line.what, Archived)), ""),
        failure=failure if is_current and evaluation.outcome is None else None,
        failed_at=failed_at,
        faults=tuple(load_json(list[Finding], office.store.artifacts.read(kept))) if kept else (),
        run=run,
    )


def _reasons(office: Office, revision: Revision, scored: Scored, findings: tuple[Finding, ...]) -> Explanations:
    """What the report prints of the recorded reasons: those of what must be explained in this revision, and no others."""
    with frozen_subject(office.store.artifacts, revision, scored.configuration) as subject:
        return explain(subject, Assessment(load_ledgers(office, revision), findings, {}, scored.card)).reasons


def _reason(given: Explanations, finding: Finding) -> str:
    found = given.get(key_of(finding))
    return found.told if found else ""


def _proof(decision: Judged) -> str:
    title = PROOF_TITLES[decision.kind]
    match decision.verification:
        case Proved() as proved:
            return f"{title}，已核验，指纹 {proved.fingerprint}"
        case Refused() as refused:
            return f"{title}，{refused.reason}"
        case unproved:
            return f"{title}（{unproved.reason}）"


# ---- the report's text, with its figures ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a paragraph's text; the id of the figure that it is, where it is one."""

    text: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Printed:
    """The report as a page shows it: its parts in order, and every paragraph's text in pieces."""

    parts: Sequence[Passage | Grid]
    pieces: Mapping[int, Sequence[Piece]]
    names: Mapping[int, str]
    most_rows: int = _LISTED_ROWS

    @property
    def paragraphs(self) -> list[tuple[str, str]]:
        """What a remark can speak of outside tables: the paragraph's name, and its text."""
        return [(self.names[part.number], part.text) for part in self.parts if isinstance(part, Passage) and part.number in self.names]

    def of(self, passage: Passage) -> Sequence[Piece]:
        """A paragraph in pieces."""
        return self.pieces.get(passage.number) or [Piece(passage.text)]


def read_report(office: Office, drafted: Drafted) -> Printed:
    """The draft's text, each figure at its place."""
    parts = read_layout(office.store.artifacts.read(drafted.draft.digest))
    marked: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for figure, (paragraph, start) in zip(drafted.figures, drafted.places, strict=False):
        marked[paragraph].append((start, start + len(figure.text), figure.id))
    said = read_places(parts)
    pieces = {number: _cut(item.text, marked[number]) for number, item in said.items() if number in marked}
    return Printed(parts, pieces, {number: item.name for number, item in said.items() if item.name})


def _cut(text: str, marked: Sequence[tuple[int, int, str]]) -> list[Piece]:
    edges = [(0, 0, ""), *marked, (len(text), len(text), "")]
    pieces: list[Piece] = []
    for (start, end, figure), (following, _, _) in pairwise(edges):
        pieces += [Piece(text[start:end], figure), Piece(text[end:following])]
    return [piece for piece in pieces if piece.text]
