"""Several approvals with one proof (一并同意): each decision is checked, stated and recorded by itself, as if it were given alone.

What was listed is what is decided: whatever changes between the list and the decision is left out and told, and the others pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from perfeval import proving, steps
from perfeval.approvals.answering import SIGNED_WITHIN, checked
from perfeval.approvals.batch import write_batch
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import PEOPLE
from perfeval.errors import ApprovalError, PerfevalError, StoreError
from perfeval.model import Answer, Gate, Revision, Status, Together, Verdict
from perfeval.model.digests import check_code
from perfeval.office import Office

MOST = 50


@dataclass(frozen=True, slots=True)
class Pick:
    """An evaluation that was ticked, and the content digest of the draft that was shown."""

    evaluation: str
    digest: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a tick: approved at a gate, or why not (Chinese)."""

    revision: Revision
    gate: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What can be approved, with the list of its statements and their time; and what cannot, and why."""

    together: Together
    items: tuple[tuple[Revision, Gate, Answer], ...]
    refused: tuple[Outcome, ...]


def list_batch(office: Office, picks: Sequence[Pick], person: Person, comment: str, kind: ProofKind, at: datetime | None = None) -> Batch:
    """State every pick that can be approved with a proof of this kind; `at` is the time of a list that was made before, to make it again.

    Raises: ApprovalError: the opinion is none, or nothing, or too much, is picked.
    """
    comment = checked("审批意见", comment)
    if not 1 <= len(picks) <= MOST:
        raise ApprovalError("A62", f"选了{len(picks)}项，一次可以一并同意1至{MOST}项", "重新选择。")
    with office.store.reading() as record:
        now = record.now()
        at = at if at and timedelta() <= now - at <= SIGNED_WITHIN else now
        evaluations = [record.evaluation(pick.evaluation) for pick in picks]
        where = [record.progress(item).status(office.workspace.gates) for item in evaluations]
    items: list[tuple[Revision, Gate, Answer]] = []
    lines: list[str] = []
    refused: list[Outcome] = []
    for pick, status in zip(picks, where, strict=True):
        proof = None if kind is ProofKind.CODE else Proof(kind, {})  # which kind it is to be decides where it counts
        answer = Answer(Verdict.APPROVE, person.name, "", check_code(pick.digest), comment, proof=proof, together=Together("", at))
        try:
            gate = _awaited(status, pick)
            lines.append(steps.offer_statement(office, status.revision, gate, answer))
        except (ApprovalError, StoreError) as error:
            problem = "您已经同意过这一稿，不用再办。" if _has_approved(office, status.revision, pick, person) else str(error)
            refused.append(Outcome(status.revision, status.title, problem))
        else:
            items.append((status.revision, gate, answer))
    return Batch(Together(write_batch(lines), at), tuple(items), tuple(refused))


def _has_approved(office: Office, revision: Revision, pick: Pick, person: Person) -> bool:
    """Whether the same list was sent before: by a second click, or by a page that was loaded again."""
    with office.store.reading() as record:
        made = record.decisions(revision.evaluation, revision.number)
    return (person.name, pick.digest, Verdict.APPROVE) in [(item.approver, item.content_digest, item.verdict) for item in made]


def _awaited(status: Status, pick: Pick) -> Gate:
    if status.gate is None or status.draft is None:
        raise ApprovalError("A52", f"现在没有需要填写的表单：{status.title}", "刷新待办，查看进度。")
    if status.draft.content_digest != pick.digest:
        raise ApprovalError("A07", "您看到的不是现在送审的这一稿", "打开现在的一稿，看过之后再决定。")
    return status.gate


def approve_by_code(office: Office, batch: Batch, person: Person, code: str, address: str) -> list[Outcome]:
    """Approve what is listed with one code, which is spent before the first and on nothing else.

    Raises: ApprovalError: the code is not his, or was used; or too many were wrong.
    """
    now = datetime.now(UTC)
    with office.store.transaction() as record:
        record.lock_chain(PEOPLE)
        spent = proving.accept_code(record, person, code, address, now) if batch.items else None
        if not batch.items:  # a lock is told all the same
            proving.check_attempts(record, person, address, now)
    if batch.items and spent is None:
        raise ApprovalError("A05", "动态码不正确、已过期或已使用过", "等手机上出现新的6位数字后重新填写。")
    return _approve(office, batch, None, address, spent)


def approve_signed(office: Office, batch: Batch, signed: str, person: Person, proof: Proof, address: str) -> list[Outcome]:
    """Approve what stands in the list that was signed; `batch` is the same, listed again as everything stands now.

    It is one proof that is looked at, however many it is for: a list of which nothing holds any more is one that proved nothing.

    Raises: ApprovalError: too many were wrong.
    """
    with office.store.transaction() as record:
        proving.check_attempts(record, person, address, datetime.now(UTC))
    outcomes = _approve(office, replace(batch, together=Together(signed, batch.together.at)), proof, address, None)
    if batch.items:
        with office.store.transaction() as record:
            record.lock_chain(PEOPLE)
            is_right = any(not item.problem for item in outcomes)
            proving.note_attempt(record, person, address, datetime.now(UTC), is_right=is_right)
    return outcomes


def _approve(office: Office, batch: Batch, proof: Proof | None, address: str, spent: proving.Spent | None) -> list[Outcome]:
    outcomes = list(batch.refused)
    unproved: PerfevalError | None = None
    for revision, gate, answer in batch.items:
        given = replace(answer, proof=proof, together=batch.together)
        try:
            if unproved:  # one signature, judged once: it is no other for the next
                raise unproved
            steps.decide(office, revision, gate, given, address, spent)
        except (ApprovalError, StoreError) as error:
            unproved = error if error.code == "A29" else unproved
            outcomes.append(Outcome(revision, gate.title, str(error)))
        else:
            outcomes.append(Outcome(revision, gate.title))
    return outcomes
