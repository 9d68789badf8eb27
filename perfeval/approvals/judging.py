"""Every decision of a record judged again, from its lines alone: statement, proof, duties, turn, draft and time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfeval.approvals.duties import check_duties, check_seen, check_turn, conduct_of, outcome
from perfeval.approvals.events import Archived, Corrected, Decided, Drafted, Migrated, Opened, Returned, Revoked
from perfeval.approvals.people import People, people_of
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Refused, Verification, verify_proof
from perfeval.approvals.record import Entry, Fault, Line, read_line
from perfeval.approvals.statement import Statement, read_statement
from perfeval.errors import ApprovalError
from perfeval.model import Verdict
from perfeval.model.clock import china_day


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision that stands: its number in the record, what was stated, who stated it, and how far it is proved."""

    number: int
    statement: Statement
    name: str
    kind: ProofKind
    verification: Verification
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a record amounts to.

    `open` are the titles of the last draft's gates that have not approved it; `is_migrated` when decisions may stand in tables from before
    the record, which nothing proves.
    """

    decisions: tuple[Judged, ...]
    faults: tuple[Fault, ...]
    open: tuple[str, ...]
    is_migrated: bool = False


def judge(entries: Sequence[Entry], people_entries: Sequence[Entry]) -> Judgement:
    """Judge an evaluation's chain by the people's; both are whole, as `record.check` found.

    Faults of the people's chain are those of `people_of`; here they only count where they make a decision one of nobody.
    """
    lines, people_lines = ([read_line(entry.line) for entry in chain] for chain in (entries, people_entries))
    court = _Court(people_lines, people_entries)
    decisions: list[Judged] = []
    faults: list[Fault] = []
    heard: list[Line] = []
    for line in lines:
        try:
            decision = court.hear(line, heard)
        except (ApprovalError, ValueError) as error:
            told = error.message if isinstance(error, ApprovalError) else str(error)
            faults.append(Fault(line.number, f"第{line.number}条不成立：{told}"))
            heard += [line] if isinstance(line.what, Opened) else []
        else:
            heard.append(line)
            decisions += [decision] if decision else []
    lines, made = heard, conduct_of(heard).made
    draft = _last_draft(lines)
    still_open = [gate for gate in draft.gates if outcome(gate, draft.revision, made) is not Verdict.APPROVE] if draft else []
    is_migrated = any(isinstance(line.what, Migrated) for line in lines)
    return Judgement(tuple(decisions), tuple(faults), tuple(gate.title for gate in still_open), is_migrated)


class _Court:
    """The people's chain, and how far an evaluation's lines have seen it."""

    def __init__(self, lines: Sequence[Line], entries: Sequence[Entry]) -> None:
        self._lines, self._texts = lines, [entry.line for entry in entries]
        self._heads = {entry.sha256: place for place, entry in enumerate(entries, start=1)}
        self._seen = 0

    def hear(self, line: Line, before: Sequence[Line]) -> Judged | None:
        """What a line decides, if it does; raises what is wrong with it."""
        _check_beginning(line, before)
        match line.what:
            case Opened() as opened:
                self._people(opened.people, line, line.who)
            case Drafted() as drafted:
                if any(isinstance(item.what, Drafted) and item.what.revision == drafted.revision for item in before):
                    raise ValueError(f"第{drafted.revision}稿成文两次")
                if any(item.verdict is Verdict.REFUSE for item in conduct_of(before).made):
                    raise ValueError("不同意之后又成文")
            case Returned() | Corrected() as told:
                if not conduct_of(before).is_returned(told.revision):
                    raise ValueError(f"第{told.revision}稿没有被退回")
            case Archived():
                if any(isinstance(item.what, Decided) and item.at > line.at for item in before):
                    raise ValueError("归档早于审批")
            case Decided() as decided:
                return self._decision(decided, line, before)
            case _:
                pass
        return None

    def _decision(self, decided: Decided, line: Line, before: Sequence[Line]) -> Judged:
        stated, people = read_statement(decided.statement), self._people(decided.people, line, line.who)
        draft = _check_statement(stated, decided, line, before)
        gate = next((gate for gate in draft.gates if gate.key == decided.gate), None)
        person = people.persons.get(stated.approver)
        if gate is None or person is None or line.who != stated.approver:
            raise ValueError("没有这个环节或审批人，或记录人不是审批人")
        conduct = conduct_of(before)
        check_turn(draft.gates, gate, decided.revision, conduct.made)
        today = china_day(stated.decided_at)
        absent = check_duties(people, person, gate, decided.revision, conduct, decided.proof.kind, today)
        if absent != (decided.absent or ""):
            raise ValueError("代理的席位与记录的不同")
        if "batch" in decided.proof.evidence:
            check_seen(before, person.id, decided.revision, draft.content_digest)
        verification = verify_proof(decided.proof, decided.statement, person)
        if isinstance(verification, Refused):
            raise ValueError(verification.reason)  # noqa: TRY004  # not a wrong type: a wrong proof
        return Judged(line.number, stated, person.name, decided.proof.kind, verification, absent)

    def _people(self, head: str, line: Line, person: str) -> People:
        """The people as they were at that head; none before it was used, and the person was not revoked meanwhile."""
        length = self._heads.get(head)
        if length is None:
            raise ValueError("所依据的人员记录不在人员链上")
        # Times tell order only as far as clocks are right: what else happened to people meanwhile gives nobody more rights than he had.
        later = (item for item in self._lines[length:] if item.at < line.at)
        is_revoked = any(isinstance(item.what, Revoked) and item.what.person == person for item in later)
        if length < self._seen or is_revoked:
            raise ValueError("依据的不是当时最新的人员记录")
        self._seen = length
        return people_of(self._lines[:length], self._texts[:length])[0]


def _check_beginning(line: Line, before: Sequence[Line]) -> None:
    is_begun = any(not isinstance(item.what, Migrated) for item in before)
    if is_begun == isinstance(line.what, Opened) and not isinstance(line.what, Migrated):
        raise ValueError("立项不是第一条")
    if is_begun and isinstance(line.what, Migrated):
        raise ValueError("接管不是第一条")


def _check_statement(stated: Statement, decided: Decided, line: Line, before: Sequence[Line]) -> Drafted:
    if any(isinstance(item.what, Archived) for item in before):
        raise ValueError("归档之后的决定")
    draft = _last_draft(before)
    drafted_at = max((item.at for item in before if isinstance(item.what, Drafted)), default=None)
    if draft is None or drafted_at is None or draft.revision != decided.revision:
        raise ValueError(f"第{decided.revision}稿不是当时送审的一稿")
    if (stated.evaluation, stated.revision, stated.gate) != (line.chain, decided.revision, decided.gate):
        raise ValueError("决定书说的是另一项自评、另一稿或另一环节")
    if stated.content_digest != draft.content_digest:
        raise ValueError("批准的不是成文的报告")
    if stated.previous != line.previous:
        raise ValueError("决定书不是接着这份记录作的")
    # Where the line itself is earlier than the draft, a clock ran ahead, which is told elsewhere.
    if stated.decided_at > line.at or stated.decided_at < drafted_at <= line.at:
        raise ValueError("决定的时间早于成文，或晚于记录")
    return draft


def _last_draft(lines: Iterable[Line]) -> Drafted | None:
    return next((line.what for line in reversed(list(lines)) if isinstance(line.what, Drafted)), None)
