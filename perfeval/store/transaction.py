"""A unit of work: every question to the record and every entry in it, of one unit, in one transaction of the database."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from time import monotonic
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import ColumnElement, Row, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from perfeval.approvals.canonical import dump_line
from perfeval.approvals.events import OPENING, PROGRAM, Acted, AnsweredWrongly, Decided, Event, Opened, RecordedStep
from perfeval.approvals.person import Person
from perfeval.approvals.record import OPENINGS, PEOPLE
from perfeval.errors import ApprovalError, StoreError
from perfeval.model import Decision, Draft, Evaluation, FailedAttempt, Gate, Progress, Revision, Stage, Verdict
from perfeval.model.documents import document_digest, dump, load
from perfeval.model.evaluation import closing
from perfeval.model.outcomes import Corrected, Drafted, Failure, Result, Scored, Sealing, Stuck, Validated
from perfeval.store.access import Access
from perfeval.store.tables import AskRow, DecisionRow, EndRow, EvaluationRow, FailureRow, OutcomeRow, SecretRow
from perfeval.store.vault import decrypt, encrypt
from perfeval.texts import visible

# So many names stand in one question.
_FEW = 100
_BELIEVED_SECONDS = 300.0


class Outcome(Protocol):
    """What a step leaves behind, from `perfeval.model.outcomes`."""

    @property
    def step(self) -> str:
        """The step's name."""


O = TypeVar("O", bound=Outcome)  # noqa: E741  # an outcome


class Transaction(Access):
    """What can be asked and recorded. Evaluations and people of other units on the same database do not exist here."""

    # Where everything stood when last asked, and where each chain ended: pages ask often, and few things change meanwhile.
    _known_progress: ClassVar[dict[tuple[str, str], tuple[tuple[object, ...], list[Progress], dict[str, str]]]] = {}

    # ---- evaluations -------------------------------------------------------------------------------------------------

    def open_evaluation(
        self,
        year: int,
        key: str,
        programme: str,
        preparer: Person | None,
        run: str | None,
        reasoned: Sequence[str] = (),
        instead_of: str | None = None,
    ) -> Evaluation:
        """The evaluation that `run` belongs to, else the open one of this programme's year, else a new one.

        A run that lost its conductor is taken over by the next; an ended run finds its own evaluation again. The preparer is asked for
        where there is none yet: for a new one, or one from before the record. `reasoned` are those who had a hand in it already.
        With `instead_of`, only that run is taken over.

        Raises: BlockingIOError: another run has it, since whoever asks looked.
        """
        mine = select(EvaluationRow).where(EvaluationRow.unit == self.unit)
        row = run and self.session.scalar(mine.where(EvaluationRow.run == run))
        same = (EvaluationRow.year == year, EvaluationRow.programme_key == key)
        row = row or self.session.scalar(mine.where(*same, EvaluationRow.outcome.is_(None)).with_for_update())
        if row and instead_of is not None and row.run not in {None, run, instead_of}:
            raise BlockingIOError(f"{row.id} was taken by another run at this moment")
        if is_new := not row:
            # Another unit on this database may have the number already.
            stem = f"{year}-{key}-"
            taken = set(self.session.scalars(select(EvaluationRow.id).where(EvaluationRow.id.startswith(stem))))
            free = next(name for name in (f"{stem}{serial}" for serial in count(1)) if name not in taken)
            row = EvaluationRow(
                id=free, unit=self.unit, year=year, programme_key=key, programme=programme, prepared_by="", preparer="",
                opened_at=datetime.now(UTC),
            )  # fmt: skip
            try:
                with self.session.begin_nested():
                    self.session.add(row)
            except IntegrityError:  # another process opened it between our question and our answer
                return self.open_evaluation(year, key, programme, preparer, run, reasoned, instead_of)
        if not row.preparer and preparer:
            row.prepared_by, row.preparer = preparer.name, preparer.id
            self.lock_chain(PEOPLE)
            self.lock_chain(OPENINGS)
            opened = Opened(
                unit=self.unit, year=year, programme=programme, programme_key=key, prepared_by=preparer.id, people=self.head(PEOPLE),
                reasoned=tuple(reasoned),
                openings=self.head(OPENINGS),
            )  # fmt: skip
            at = self.append_line(row.id, opened, preparer.id).at
            row.opened_at = at if is_new else row.opened_at
            # Else an evaluation taken away whole, with its record, would have left nothing.
            self.append(OPENINGS, Acted(action=OPENING, target=row.id), preparer.id)
        if is_new:
            self._forget_unbegun(year, key)
        row.run = run or row.run
        self.session.flush()
        return _evaluation(row)

    def _forget_unbegun(self, year: int, key: str) -> None:
        """What kept this programme's year from being begun is over, whatever it stands for."""
        told = FailureRow.document
        mine = (told["unit"].as_string() == self.unit, told["year"].as_integer() == year, told["programme"].as_string() == key)
        self.session.execute(delete(FailureRow).where(*mine))

    def evaluation(self, evaluation_id: str) -> Evaluation:
        """An evaluation by id.

        Raises: StoreError: when there is none.
        """
        row = self.session.get(EvaluationRow, evaluation_id)
        if row is None or row.unit != self.unit:
            raise StoreError("S05", f"没有编号为 {evaluation_id} 的自评", "用 perfeval status 查看全部自评的编号。")
        return _evaluation(row)

    def evaluations(self, year: int | None = None, key: str | None = None) -> list[Evaluation]:
        """All evaluations, or those of a year and of a programme, oldest first."""
        query = select(EvaluationRow).where(EvaluationRow.unit == self.unit).order_by(EvaluationRow.opened_at)
        query = query if year is None else query.where(EvaluationRow.year == year)
        query = query if key is None else query.where(EvaluationRow.programme_key == key)
        return [_evaluation(row) for row in self.session.scalars(query)]

    def evaluation_of(self, run: str) -> Evaluation | None:
        """The evaluation that a conductor's run serves."""
        row = self.session.scalar(select(EvaluationRow).where(EvaluationRow.unit == self.unit, EvaluationRow.run == run))
        return _evaluation(row) if row else None

    def preparer_of(self, evaluation: Evaluation) -> str:
        """The id of who prepared an evaluation."""
        return self.session.scalar(select(EvaluationRow.preparer).where(EvaluationRow.id == evaluation.id)) or ""

    def ended_at(self, evaluation: Evaluation) -> datetime | None:
        """When an evaluation was closed."""
        return self.session.scalar(select(EvaluationRow.ended_at).where(EvaluationRow.id == evaluation.id))

    def run_of(self, evaluation: Evaluation) -> str | None:
        """The conductor's run that serves an evaluation."""
        return self.session.scalar(select(EvaluationRow.run).where(EvaluationRow.id == evaluation.id))

    def runs(self, of: Collection[str] | None = None) -> dict[str, str]:
        """The conductor's run of every evaluation that has one, or of these, by the evaluation's id."""
        query = select(EvaluationRow.id, EvaluationRow.run).where(EvaluationRow.unit == self.unit, EvaluationRow.run.is_not(None))
        query = query if of is None else query.where(EvaluationRow.id.in_(of))
        return {evaluation: str(run) for evaluation, run in self.session.execute(query)}

    def lock(self, evaluation: Evaluation) -> None:
        """Let nobody else record anything of this evaluation until this transaction ends."""
        self.session.execute(select(EvaluationRow.id).where(EvaluationRow.id == evaluation.id).with_for_update())
        self.lock_chain(evaluation.id)

    def end_evaluation(self, evaluation: Evaluation, outcome: str, at: datetime | None = None) -> None:
        """Close an evaluation; the first outcome stands. `at` is when what ended it was recorded."""
        self.session.execute(
            update(EvaluationRow)
            .where(EvaluationRow.id == evaluation.id, EvaluationRow.outcome.is_(None))
            .values(outcome=outcome, ended_at=at or datetime.now(UTC))
        )

    def next_item_number(self, evaluation: Evaluation) -> int:
        """The next item number (件号) of the unit's year, behind all that were given, archived yet or not."""
        number = OutcomeRow.document["number"].as_integer()
        given = select(func.max(number)).join(EvaluationRow, EvaluationRow.id == OutcomeRow.evaluation)
        same_year = (EvaluationRow.unit == self.unit, EvaluationRow.year == evaluation.year, OutcomeRow.step == Sealing.step)
        # On PostgreSQL two programmes of the unit may be archived at once: the second waits here.
        everything = select(EvaluationRow.id).where(EvaluationRow.unit == self.unit, EvaluationRow.year == evaluation.year)
        self.session.execute(everything.with_for_update())
        return (self.session.scalar(given.where(*same_year)) or 0) + 1

    def current_revision(self, evaluation: Evaluation) -> Revision:
        """The revision in work: one more than the corrections recorded."""
        corrected = (OutcomeRow.evaluation == evaluation.id, OutcomeRow.step == Corrected.step)
        return Revision(evaluation, (self.session.scalar(select(func.max(OutcomeRow.revision)).where(*corrected)) or 0) + 1)

    def progress(self, evaluation: Evaluation) -> Progress:
        """What has been done in the revision in work of an evaluation, as it is recorded now."""
        now = self.evaluation(evaluation.id)
        return self._progress([now], lambda column: column == evaluation.id)[0]

    def all_progress(self) -> list[Progress]:
        """That of all evaluations, oldest first.

        Two questions while nothing has happened since the last time; else six, however many there are, of what has changed.
        """
        mine = EvaluationRow.unit == self.unit
        # Whatever is done is told in the record, or ends an evaluation. On PostgreSQL what comes later may be seen earlier: the newest line
        # stays the same when one before it is seen at last, and only how many there are tells.
        lines = select(func.sum(EndRow.number)).where(EndRow.unit == self.unit).scalar_subquery()
        counts = self.session.execute(select(func.count(), func.count(EvaluationRow.outcome), lines).where(mine)).one()
        # Rows that somebody rewrites for a moment and puts back are believed for so long and no longer.
        age = int(monotonic() // _BELIEVED_SECONDS)
        here, stamp = (str(self.session.get_bind().engine.url), self.unit), (age, self.newest, *counts)
        before, known, known_ends = Transaction._known_progress.get(here, ((), [], {}))
        if before != stamp:
            told = self.session.execute(select(EndRow.chain, EndRow.sha256).where(EndRow.unit == self.unit))
            ends = {row.chain: row.sha256 for row in told}
            everything = self.evaluations()
            same = {item.revision.evaluation.id: item for item in known} if before[:1] == (age,) else {}
            changed = [
                item
                for item in everything
                if item.id not in same or same[item.id].revision.evaluation != item or ends.get(item.id) != known_ends.get(item.id)
            ]
            of = [item.id for item in changed] if len(changed) <= _FEW else select(EvaluationRow.id).where(mine)
            same |= {item.revision.evaluation.id: item for item in self._progress(changed, lambda column: column.in_(of))}
            known = [same[item.id] for item in everything]
            Transaction._known_progress[here] = stamp, known, ends
        return list(known)

    def results(self) -> dict[tuple[str, int], Result]:
        """What came of checking and scoring, by evaluation and revision; one question for all."""
        parts = (OutcomeRow.document["findings"], OutcomeRow.document["card"]["total"], OutcomeRow.document["card"]["grade"])
        told = select(OutcomeRow.evaluation, OutcomeRow.revision, OutcomeRow.step, *parts)
        mine = select(EvaluationRow.id).where(EvaluationRow.unit == self.unit)
        wanted = (OutcomeRow.evaluation.in_(mine), OutcomeRow.step.in_((Validated.step, Scored.step)))
        found: dict[tuple[str, int], Result] = {}
        for evaluation, revision, step, findings, total, grade in self.session.execute(told.where(*wanted)):
            known = found.get((evaluation, revision), Result())
            of_step = replace(known, findings=findings) if step == Validated.step else replace(known, total=Decimal(total), grade=grade)
            found[evaluation, revision] = of_step
        return found

    def stuck(self) -> list[Stuck]:
        """What could not be begun, or not be drafted, the newest first: the last fault of each; two questions at most."""
        told = select(FailureRow.document, FailureRow.failed_at, EvaluationRow.id).order_by(FailureRow.failed_at.desc())
        joined = told.outerjoin(EvaluationRow, EvaluationRow.run == FailureRow.run)
        ours = or_(EvaluationRow.unit == self.unit, FailureRow.document["unit"].as_string() == self.unit)
        failures = self.session.execute(joined.where(ours)).all()
        mine = select(EvaluationRow).where(EvaluationRow.unit == self.unit).order_by(EvaluationRow.opened_at)
        known = {row.id: row for row in self.session.scalars(mine)} if failures else {}
        # What failed beside the last of a year's is over with it. After a refusal the year may be begun again: what fails then is not.
        ends = {(row.year, row.programme_key): row.ended_at if row.outcome == Stage.REFUSED else None for row in known.values()}
        found: dict[tuple[int, str], Stuck] = {}
        for document, at, id_ in failures:
            failure, row = load(Failure, document), known.get(id_)
            of = (row.year, row.programme_key) if row else (failure.year, failure.programme)
            is_over = row.outcome is not None if row else of in ends and at <= (ends[of] or at)
            if not is_over:
                found.setdefault(of, Stuck(*of, id_ or "", failure, at))
        return list(found.values())

    def _progress(self, evaluations: Sequence[Evaluation], of: Callable[[Any], ColumnElement[bool]]) -> list[Progress]:
        # Only draft and gates: the figures beside them are a hundred times as long.
        parts = (OutcomeRow.document["draft"], OutcomeRow.document["gates"])
        told = select(OutcomeRow.evaluation, OutcomeRow.revision, OutcomeRow.step, OutcomeRow.done_at, *parts)
        steps = self.session.execute(told.where(of(OutcomeRow.evaluation), OutcomeRow.step.in_((Drafted.step, Corrected.step))))
        corrected: dict[str, int] = defaultdict(int)
        drafted: dict[tuple[str, int], tuple[datetime, Any, Any]] = {}
        for evaluation, revision, step, done_at, document, gates in steps:
            if step == Corrected.step:
                corrected[evaluation] = max(corrected[evaluation], revision)
            else:
                drafted[evaluation, revision] = done_at, document, gates
        decisions: dict[tuple[str, int], list[Decision]] = defaultdict(list)
        for row in self.session.execute(_DECISIONS.where(of(DecisionRow.evaluation))):
            decision = _decision(row)
            decisions[decision.evaluation, decision.revision].append(decision)
        problems: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        for ask in self.session.scalars(select(AskRow).where(of(AskRow.evaluation)).order_by(AskRow.number)):
            problems[ask.evaluation, ask.revision][ask.gate] = ask.problem
        found = []
        for item in evaluations:
            number = corrected[item.id] + 1
            drafted_at, document, gates = drafted.get((item.id, number), (None, None, None))
            given = tuple(decisions[item.id, number])
            draft = load(Draft, document) if document else None
            told_gates = load(tuple[Gate, ...], gates or [])
            found.append(Progress(Revision(item, number), drafted_at, draft, given, told_gates, problems[item.id, number]))
        return found

    # ---- outcomes of steps -------------------------------------------------------------------------------------------

    def outcome(self, revision: Revision, kind: type[O]) -> O | None:
        """What a step left for this revision, or None while it is not done."""
        row = self.session.get(OutcomeRow, (revision.evaluation.id, revision.number, kind.step))
        return load(kind, row.document) if row else None

    def recorded_steps(self, revision: Revision) -> dict[str, RecordedStep]:
        """What the steps left for this revision, by step: what the record is held against."""
        mine = (OutcomeRow.evaluation == revision.evaluation.id, OutcomeRow.revision == revision.number)
        kept = self.session.execute(select(OutcomeRow.step, OutcomeRow.document, OutcomeRow.done_at).where(*mine))
        return {step: RecordedStep(step, document_digest(document), done_at) for step, document, done_at in kept}

    def outcome_time(self, revision: Revision, kind: type[Outcome]) -> datetime | None:
        """When a step was done for this revision."""
        row = self.session.get(OutcomeRow, (revision.evaluation.id, revision.number, kind.step))
        return row.done_at if row else None

    def save_outcome(self, revision: Revision, outcome: O, event: Event | None = None, who: str = PROGRAM) -> O:
        """Keep a step's outcome, and the event that tells of it; where another process was first, return what it wrote."""
        key = (revision.evaluation.id, revision.number, outcome.step)
        kind = type(outcome)
        row = OutcomeRow(evaluation=key[0], revision=key[1], step=key[2], document=dump(kind, outcome), done_at=datetime.now(UTC))
        if (first := self.session.get(OutcomeRow, key)) is None:
            try:
                with self.session.begin_nested():
                    self.session.add(row)
            except IntegrityError:
                first = self.session.get_one(OutcomeRow, key)
        if first is None and event:
            row.done_at = self.append_line(revision.evaluation.id, event, who).at
        return load(kind, first.document) if first else outcome

    def revisions_with(self, evaluation: Evaluation, kind: type[Outcome]) -> set[int]:
        """The revisions for which a step left something."""
        mine = (OutcomeRow.evaluation == evaluation.id, OutcomeRow.step == kind.step)
        return set(self.session.scalars(select(OutcomeRow.revision).where(*mine)))

    def steps_of(self, evaluation: Evaluation) -> set[tuple[int, str]]:
        """What steps left for an evaluation: revision and step of each."""
        kept = self.session.execute(select(OutcomeRow.revision, OutcomeRow.step).where(OutcomeRow.evaluation == evaluation.id))
        return {(revision, step) for revision, step in kept}

    def corrections(self, evaluation: Evaluation) -> dict[int, str]:
        """What the clerk said was corrected, by revision."""
        mine = (OutcomeRow.evaluation == evaluation.id, OutcomeRow.step == Corrected.step)
        query = select(OutcomeRow.revision, OutcomeRow.document).where(*mine).order_by(OutcomeRow.revision)
        return {number: load(Corrected, document).note for number, document in self.session.execute(query)}

    def forget_undrafted(self, revision: Revision, kinds: Sequence[type[Outcome]]) -> None:
        """Take back outcomes of a revision that has no draft yet; with a draft, nothing."""
        mine = (OutcomeRow.evaluation == revision.evaluation.id, OutcomeRow.revision == revision.number)
        if not self.session.scalar(select(exists().where(*mine, OutcomeRow.step == Drafted.step))):
            self.session.execute(delete(OutcomeRow).where(*mine, OutcomeRow.step.in_([str(kind.step) for kind in kinds])))

    def failure(self, run: str) -> Failure | None:
        """Why a conductor's run ended early, as far as a person can repair it."""
        row = self.session.get(FailureRow, run)
        return load(Failure, row.document) if row else None

    def failed_at(self, run: str) -> datetime | None:
        """When that became known."""
        return self.session.scalar(select(FailureRow.failed_at).where(FailureRow.run == run))

    def record_failure(self, run: str, failure: Failure | None) -> None:
        """Keep why a run ended early, in the place of what was known before; None when it goes on."""
        if failure is None:
            self.session.execute(delete(FailureRow).where(FailureRow.run == run))
        else:
            self.session.merge(FailureRow(run=run, document=dump(Failure, failure), failed_at=datetime.now(UTC)))

    # ---- gates -------------------------------------------------------------------------------------------------------

    def decision(self, revision: Revision, gate: str) -> Decision | None:
        """What closed a gate on this revision: the objection, or the last 同意 that it needs; None while it is open."""
        drafted = self.outcome(revision, Drafted)
        needs = next((item.needs for item in drafted.gates if item.key == gate), 1) if drafted else 1
        return closing((item for item in self.decisions(revision.evaluation, revision.number) if item.gate == gate), needs)

    def decisions(self, evaluation: Evaluation, revision: int | None = None) -> list[Decision]:
        """Decisions of an evaluation (or one revision of it), oldest first."""
        query = _DECISIONS.where(DecisionRow.evaluation == evaluation.id)
        query = query if revision is None else query.where(DecisionRow.revision == revision)
        return [_decision(row) for row in self.session.execute(query)]

    def decision_rows(self, evaluation: Evaluation) -> list[dict[str, Any]]:
        """The table's rows of decisions of an evaluation, by column: what the record is held against."""
        rows = self.session.scalars(select(DecisionRow).where(DecisionRow.evaluation == evaluation.id))
        return [{column.key: getattr(row, column.key) for column in DecisionRow.__table__.columns} for row in rows]

    def record_decision(self, decision: Decision, approver: str, decided: Decided) -> None:
        """Keep a valid decision by the person of that id, and its line in the record.

        Raises: ApprovalError: when he has decided here already.
        """
        row = DecisionRow(
            evaluation=decision.evaluation, revision=decision.revision, gate=decision.gate, approver=approver, unit=self.unit,
            name=decision.approver, verdict=decision.verdict.value, content_digest=decision.content_digest, comment=decision.comment,
            decided_at=decision.decided_at,
        )  # fmt: skip
        try:
            with self.session.begin_nested():
                self.session.add(row)
        except IntegrityError as error:
            raise ApprovalError("A08", "这一稿在本环节已有审批决定，不能重复审批", "用 perfeval status 查看进度。") from error
        self.append(decision.evaluation, decided, approver)

    def failed_attempts(self, revision: Revision, gate: str) -> list[FailedAttempt]:
        """How often a gate was asked without a valid answer, and why."""
        query = (
            select(AskRow)
            .where(AskRow.evaluation == revision.evaluation.id, AskRow.revision == revision.number, AskRow.gate == gate)
            .order_by(AskRow.number)
        )
        return [FailedAttempt(row.number, row.problem) for row in self.session.scalars(query)]

    def record_failed_attempt(self, revision: Revision, gate: str, attempt: FailedAttempt, at: datetime) -> None:
        """Keep why a gate was asked in vain; recording the same attempt again changes nothing."""
        key = (revision.evaluation.id, revision.number, gate, attempt.number)
        if self.session.get(AskRow, key) is None:
            names = ("evaluation", "revision", "gate", "number")
            self.session.add(AskRow(**dict(zip(names, key, strict=True)), problem=attempt.problem, asked_at=at))

    def wrong_answers(self, evaluation: Evaluation) -> dict[tuple[int, str, int], tuple[str, datetime]]:
        """What was wrong with each answer that was no decision, and when it came, by revision, gate and number."""
        rows = self.session.scalars(select(AskRow).where(AskRow.evaluation == evaluation.id))
        return {(row.revision, row.gate, row.number): (row.problem, row.asked_at) for row in rows}

    def record_wrong_answer(self, revision: Revision, gate: str, name: str, error: ApprovalError) -> None:
        """Keep an answer that was no decision: who it says it is of, and what was wrong with it."""
        number = len(self.failed_attempts(revision, gate))
        # What was typed may stand in what was wrong with it, and neither the record nor every database takes half characters.
        problem = "\n".join(map(visible, str(error).split("\n")))
        told = AnsweredWrongly(revision=revision.number, gate=gate, name=visible(name), code=error.code, problem=problem)
        at = self.append_line(revision.evaluation.id, told).at
        self.record_failed_attempt(revision, gate, FailedAttempt(number, problem), at)

    # ---- secrets of the program ------------------------------------------------------------------------------------------

    def save_secret(self, name: str, value: str) -> None:
        """Keep or replace a secret of the program itself."""
        self.session.merge(SecretRow(unit=self.unit, name=name, value=encrypt(value, self._key(), self._about_secret(name))))

    def load_secret(self, name: str) -> str | None:
        """A secret kept by `save_secret`."""
        row = self.session.get(SecretRow, (self.unit, name))
        return decrypt(row.value, self._key(), self._about_secret(name)) if row else None

    def _about_secret(self, name: str) -> str:
        return dump_line({"unit": self.unit, "secret": name})


_DECISIONS = select(
    DecisionRow.evaluation, DecisionRow.revision, DecisionRow.gate, DecisionRow.verdict, DecisionRow.name, DecisionRow.content_digest,
    DecisionRow.comment, DecisionRow.decided_at,
).order_by(DecisionRow.decided_at)  # fmt: skip


def _decision(row: Row[Any]) -> Decision:
    evaluation, revision, gate, verdict, *others = row
    return Decision(evaluation, revision, gate, Verdict(verdict), *others)


def _evaluation(row: EvaluationRow) -> Evaluation:
    return Evaluation(row.id, row.year, row.programme, row.prepared_by, row.opened_at, row.outcome, row.programme_key)
