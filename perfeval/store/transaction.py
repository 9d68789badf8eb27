"""A unit of work: every question to the record and every entry in it, of one unit, in one transaction of the database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row, Select, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from perfeval.errors import ApprovalError, StoreError
from perfeval.model import Decision, Draft, Evaluation, FailedAttempt, Person, Progress, Revision, Verdict
from perfeval.model.documents import dump, load
from perfeval.model.outcomes import Corrected, Drafted, Failure, Sealing
from perfeval.store.tables import AskRow, DecisionRow, EvaluationRow, FailureRow, OutcomeRow, PersonRow, SecretRow
from perfeval.store.vault import decrypt, encrypt


class Outcome(Protocol):
    """What a step leaves behind, from `perfeval.model.outcomes`."""

    @property
    def step(self) -> str:
        """The step's name."""


O = TypeVar("O", bound=Outcome)  # noqa: E741  # an outcome


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An approver with what is needed to check a code; never leaves the process."""

    id: int
    person: Person
    secret: str


class Transaction:
    """What can be asked and recorded. Evaluations and people of other units on the same database do not exist here."""

    def __init__(self, session: Session, unit: str) -> None:
        self._session = session
        self._unit = unit

    # ---- evaluations -------------------------------------------------------------------------------------------------

    def open_evaluation(self, year: int, key: str, programme: str, prepared_by: str, run: str | None) -> Evaluation:
        """The evaluation that `run` belongs to, else the open one of this programme's year, else a new one.

        A run that lost its conductor is taken over by the next; an ended run finds its own evaluation again.
        """
        mine = select(EvaluationRow).where(EvaluationRow.unit == self._unit)
        row = run and self._session.scalar(mine.where(EvaluationRow.run == run))
        same = (EvaluationRow.year == year, EvaluationRow.programme_key == key)
        row = row or self._session.scalar(mine.where(*same, EvaluationRow.outcome.is_(None)))
        if not row:
            # Another unit on this database may have the number already.
            stem = f"{year}-{key}-"
            taken = set(self._session.scalars(select(EvaluationRow.id).where(EvaluationRow.id.startswith(stem))))
            free = next(name for name in (f"{stem}{serial}" for serial in count(1)) if name not in taken)
            row = EvaluationRow(
                id=free, unit=self._unit, year=year, programme_key=key, programme=programme, prepared_by=prepared_by, opened_at=_now()
            )
            try:
                with self._session.begin_nested():
                    self._session.add(row)
            except IntegrityError:  # another process opened it between our question and our answer
                return self.open_evaluation(year, key, programme, prepared_by, run)
        row.run = run or row.run
        self._session.flush()
        return _evaluation(row)

    def take_over(self, programmes: Mapping[str, str]) -> None:
        """Take over what stood in the store before units were told apart; `programmes` gives keys by name."""
        before = update(EvaluationRow).where(EvaluationRow.unit == "")
        for name, key in programmes.items():
            self._session.execute(before.where(EvaluationRow.programme == name).values(unit=self._unit, programme_key=key))
        for table in (EvaluationRow, PersonRow, SecretRow):
            self._session.execute(update(table).where(table.unit == "").values(unit=self._unit))

    def evaluation(self, evaluation_id: str) -> Evaluation:
        """An evaluation by id.

        Raises: StoreError: when there is none.
        """
        row = self._session.get(EvaluationRow, evaluation_id)
        if row is None or row.unit != self._unit:
            raise StoreError("S05", f"没有编号为 {evaluation_id} 的自评", "用 perfeval status 查看全部自评的编号。")
        return _evaluation(row)

    def evaluations(self, year: int | None = None, key: str | None = None) -> list[Evaluation]:
        """All evaluations, or those of a year and of a programme, oldest first."""
        query = select(EvaluationRow).where(EvaluationRow.unit == self._unit).order_by(EvaluationRow.opened_at)
        query = query if year is None else query.where(EvaluationRow.year == year)
        query = query if key is None else query.where(EvaluationRow.programme_key == key)
        return [_evaluation(row) for row in self._session.scalars(query)]

    def evaluation_of(self, run: str) -> Evaluation | None:
        """The evaluation that a conductor's run serves."""
        row = self._session.scalar(select(EvaluationRow).where(EvaluationRow.unit == self._unit, EvaluationRow.run == run))
        return _evaluation(row) if row else None

    def run_of(self, evaluation: Evaluation) -> str | None:
        """The conductor's run that serves an evaluation."""
        return self._session.scalar(select(EvaluationRow.run).where(EvaluationRow.id == evaluation.id))

    def runs(self) -> dict[str, str]:
        """The conductor's run of every evaluation that has one, by the evaluation's id."""
        query = select(EvaluationRow.id, EvaluationRow.run).where(EvaluationRow.unit == self._unit, EvaluationRow.run.is_not(None))
        return {evaluation: str(run) for evaluation, run in self._session.execute(query)}

    def lock(self, evaluation: Evaluation) -> None:
        """Let nobody else record anything of this evaluation until this transaction ends."""
        self._session.execute(select(EvaluationRow.id).where(EvaluationRow.id == evaluation.id).with_for_update())

    def end_evaluation(self, evaluation: Evaluation, outcome: str) -> None:
        """Close an evaluation; the first outcome stands."""
        self._session.execute(
            update(EvaluationRow)
            .where(EvaluationRow.id == evaluation.id, EvaluationRow.outcome.is_(None))
            .values(outcome=outcome, ended_at=_now())
        )

    def next_item_number(self, evaluation: Evaluation) -> int:
        """The next item number (件号) of the unit's year, behind all that were given, archived yet or not."""
        number = OutcomeRow.document["number"].as_integer()
        given = select(func.max(number)).join(EvaluationRow, EvaluationRow.id == OutcomeRow.evaluation)
        same_year = (EvaluationRow.unit == self._unit, EvaluationRow.year == evaluation.year, OutcomeRow.step == Sealing.step)
        # On PostgreSQL two programmes of the unit may be archived at once: the second waits here.
        everything = select(EvaluationRow.id).where(EvaluationRow.unit == self._unit, EvaluationRow.year == evaluation.year)
        self._session.execute(everything.with_for_update())
        return (self._session.scalar(given.where(*same_year)) or 0) + 1

    def current_revision(self, evaluation: Evaluation) -> Revision:
        """The revision in work: one more than the corrections recorded."""
        corrected = (OutcomeRow.evaluation == evaluation.id, OutcomeRow.step == Corrected.step)
        return Revision(evaluation, (self._session.scalar(select(func.max(OutcomeRow.revision)).where(*corrected)) or 0) + 1)

    def progress(self, evaluation: Evaluation) -> Progress:
        """What has been done in the revision in work of an evaluation, as it is recorded now."""
        now = self.evaluation(evaluation.id)
        return self._progress([now], OutcomeRow.evaluation == evaluation.id, DecisionRow.evaluation == evaluation.id)[0]

    def all_progress(self) -> list[Progress]:
        """That of all evaluations, oldest first; three questions, however many there are."""
        mine = select(EvaluationRow.id).where(EvaluationRow.unit == self._unit)
        return self._progress(self.evaluations(), OutcomeRow.evaluation.in_(mine), DecisionRow.evaluation.in_(mine))

    def _progress(self, evaluations: Sequence[Evaluation], of_outcomes: Any, of_decisions: Any) -> list[Progress]:  # noqa: ANN401  # SQL conditions
        # Only the draft itself: the figures beside it are a hundred times as long.
        draft = OutcomeRow.document["draft"]
        told = select(OutcomeRow.evaluation, OutcomeRow.revision, OutcomeRow.step, OutcomeRow.done_at, draft)
        steps = self._session.execute(told.where(of_outcomes, OutcomeRow.step.in_((Drafted.step, Corrected.step))))
        corrected: dict[str, int] = defaultdict(int)
        drafted: dict[tuple[str, int], tuple[datetime, Any]] = {}
        for evaluation, revision, step, done_at, document in steps:
            if step == Corrected.step:
                corrected[evaluation] = max(corrected[evaluation], revision)
            else:
                drafted[evaluation, revision] = done_at, document
        decisions: dict[tuple[str, int], list[Decision]] = defaultdict(list)
        for row in self._session.execute(_DECISIONS.where(of_decisions)):
            decision = _decision(row)
            decisions[decision.evaluation, decision.revision].append(decision)
        found = []
        for item in evaluations:
            number = corrected[item.id] + 1
            drafted_at, document = drafted.get((item.id, number), (None, None))
            given = tuple(decisions[item.id, number])
            found.append(Progress(Revision(item, number), drafted_at, load(Draft, document) if document else None, given))
        return found

    # ---- outcomes of steps -------------------------------------------------------------------------------------------

    def outcome(self, revision: Revision, kind: type[O]) -> O | None:
        """What a step left for this revision, or None while it is not done."""
        row = self._session.get(OutcomeRow, (revision.evaluation.id, revision.number, kind.step))
        return load(kind, row.document) if row else None

    def outcome_time(self, revision: Revision, kind: type[Outcome]) -> datetime | None:
        """When a step was done for this revision."""
        row = self._session.get(OutcomeRow, (revision.evaluation.id, revision.number, kind.step))
        return row.done_at if row else None

    def save_outcome(self, revision: Revision, outcome: O) -> O:
        """Keep a step's outcome; where another process was first, return what it wrote."""
        key = (revision.evaluation.id, revision.number, outcome.step)
        kind = type(outcome)
        row = OutcomeRow(evaluation=key[0], revision=key[1], step=key[2], document=dump(kind, outcome), done_at=_now())
        if (first := self._session.get(OutcomeRow, key)) is None:
            try:
                with self._session.begin_nested():
                    self._session.add(row)
            except IntegrityError:
                first = self._session.get_one(OutcomeRow, key)
        return load(kind, first.document) if first else outcome

    def corrections(self, evaluation: Evaluation) -> dict[int, str]:
        """What the clerk said was corrected, by revision."""
        mine = (OutcomeRow.evaluation == evaluation.id, OutcomeRow.step == Corrected.step)
        query = select(OutcomeRow.revision, OutcomeRow.document).where(*mine).order_by(OutcomeRow.revision)
        return {number: load(Corrected, document).note for number, document in self._session.execute(query)}

    def forget_undrafted(self, revision: Revision, kinds: Sequence[type[Outcome]]) -> None:
        """Take back outcomes of a revision that has no draft yet; with a draft, nothing."""
        mine = (OutcomeRow.evaluation == revision.evaluation.id, OutcomeRow.revision == revision.number)
        if not self._session.scalar(select(exists().where(*mine, OutcomeRow.step == Drafted.step))):
            self._session.execute(delete(OutcomeRow).where(*mine, OutcomeRow.step.in_([str(kind.step) for kind in kinds])))

    def failure(self, run: str) -> Failure | None:
        """Why a conductor's run ended early, as far as a person can repair it."""
        row = self._session.get(FailureRow, run)
        return load(Failure, row.document) if row else None

    def record_failure(self, run: str, failure: Failure | None) -> None:
        """Keep why a run ended early, in the place of what was known before; None when it goes on."""
        if failure is None:
            self._session.execute(delete(FailureRow).where(FailureRow.run == run))
        else:
            self._session.merge(FailureRow(run=run, document=dump(Failure, failure), failed_at=_now()))

    # ---- gates -------------------------------------------------------------------------------------------------------

    def decision(self, revision: Revision, gate: str) -> Decision | None:
        """The decision at a gate on this revision, if there is one."""
        return next((decision for decision in self.decisions(revision.evaluation, revision.number) if decision.gate == gate), None)

    def decisions(self, evaluation: Evaluation, revision: int | None = None) -> list[Decision]:
        """Decisions of an evaluation (or one revision of it), oldest first."""
        query = _DECISIONS.where(DecisionRow.evaluation == evaluation.id)
        query = query if revision is None else query.where(DecisionRow.revision == revision)
        return [_decision(row) for row in self._session.execute(query)]

    def record_decision(self, decision: Decision, approver: Enrolled) -> None:
        """Keep a valid decision.

        Raises: ApprovalError: when the gate has already been decided for this revision.
        """
        row = DecisionRow(
            evaluation=decision.evaluation, revision=decision.revision, gate=decision.gate, verdict=decision.verdict.value,
            approver=approver.id, content_digest=decision.content_digest, comment=decision.comment, decided_at=decision.decided_at,
        )  # fmt: skip
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as error:
            raise ApprovalError("A08", "这一稿在本环节已有审批决定，不能重复审批", "用 perfeval status 查看进度。") from error

    def failed_attempts(self, revision: Revision, gate: str) -> list[FailedAttempt]:
        """How often a gate was asked without a valid answer, and why."""
        query = (
            select(AskRow)
            .where(AskRow.evaluation == revision.evaluation.id, AskRow.revision == revision.number, AskRow.gate == gate)
            .order_by(AskRow.number)
        )
        return [FailedAttempt(row.number, row.problem) for row in self._session.scalars(query)]

    def record_failed_attempt(self, revision: Revision, gate: str, attempt: FailedAttempt) -> None:
        """Keep why a gate was asked in vain; recording the same attempt again changes nothing."""
        key = (revision.evaluation.id, revision.number, gate, attempt.number)
        if self._session.get(AskRow, key) is None:
            names = ("evaluation", "revision", "gate", "number")
            self._session.add(AskRow(**dict(zip(names, key, strict=True)), problem=attempt.problem, asked_at=_now()))

    # ---- people and secrets ------------------------------------------------------------------------------------------

    def enrol(self, name: str, role: str, secret: str, key: str) -> Person:
        """Keep an approver with an encrypted secret.

        Raises: ApprovalError: when somebody of that name is enrolled already.
        """
        row = PersonRow(unit=self._unit, name=name, role=role, secret=encrypt(secret, key), enrolled_at=_now())
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as error:
            raise ApprovalError(
                "A01", f"审批人“{name}”已登记", "一人只能有一个审批角色；如需更换，先执行 perfeval approver revoke。"
            ) from error
        return _person(row)

    def people(self) -> list[Person]:
        """Everybody ever enrolled, oldest first."""
        return [_person(row) for row in self._session.scalars(self._people().order_by(PersonRow.id))]

    def enrolled(self, name: str, key: str) -> Enrolled | None:
        """The active approver of that name, with the secret decrypted."""
        row = self._session.scalar(self._people().where(PersonRow.name == name, PersonRow.revoked_at.is_(None)))
        return Enrolled(row.id, _person(row), decrypt(row.secret, key)) if row else None

    def revoke(self, name: str) -> bool:
        """End an approver's enrolment; False when nobody of that name is active."""
        row = self._session.scalar(self._people().where(PersonRow.name == name, PersonRow.revoked_at.is_(None)))
        if row:
            row.revoked_at = _now()
        return row is not None

    def _people(self) -> Select[tuple[PersonRow]]:
        return select(PersonRow).where(PersonRow.unit == self._unit)

    def spend_code(self, approver: Enrolled, step: int) -> bool:
        """Accept the code of a time step once; False when it, or a later one, was accepted before."""
        result = self._session.execute(
            update(PersonRow)
            .where(PersonRow.id == approver.id, func.coalesce(PersonRow.last_step, -1) < step)
            .values(last_step=step)
            .returning(PersonRow.id)
        )
        return result.first() is not None

    def save_secret(self, name: str, value: str, key: str) -> None:
        """Keep or replace a secret of the program itself."""
        self._session.merge(SecretRow(unit=self._unit, name=name, value=encrypt(value, key)))

    def load_secret(self, name: str, key: str) -> str | None:
        """A secret kept by `save_secret`."""
        row = self._session.get(SecretRow, (self._unit, name))
        return decrypt(row.value, key) if row else None


_DECISIONS = (
    select(
        DecisionRow.evaluation, DecisionRow.revision, DecisionRow.gate, DecisionRow.verdict, PersonRow.name, DecisionRow.content_digest,
        DecisionRow.comment, DecisionRow.decided_at,
    )
    .join(PersonRow, PersonRow.id == DecisionRow.approver)
    .order_by(DecisionRow.decided_at)
)  # fmt: skip


def _decision(row: Row[Any]) -> Decision:
    evaluation, revision, gate, verdict, *others = row
    return Decision(evaluation, revision, gate, Verdict(verdict), *others)


def _evaluation(row: EvaluationRow) -> Evaluation:
    return Evaluation(row.id, row.year, row.programme, row.prepared_by, row.opened_at, row.outcome, row.programme_key)


def _person(row: PersonRow) -> Person:
    return Person(row.name, row.role, row.enrolled_at, row.revoked_at)


def _now() -> datetime:
    return datetime.now(UTC)
