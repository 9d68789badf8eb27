"""The store's door: every question and every record, each in a transaction of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, exists, func, insert, inspect, select, update
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from perfeval.errors import ApprovalError, ConfigurationError, StoreError
from perfeval.model import Asked, Decision, Evaluation, Person, Revision, Verdict
from perfeval.store.artifacts import Artifacts
from perfeval.store.tables import VERSION, AskRow, DecisionRow, EvaluationRow, OutcomeRow, PersonRow, SecretRow, Table
from perfeval.store.vault import decrypt, encrypt
from perfeval.workspace import Workspace

SCHEMA = "0001"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An approver with what is needed to check a code; never leaves the process."""

    id: int
    person: Person
    secret: str


class Store:
    """The record of all evaluations of a workspace, on SQLite or PostgreSQL, migrated to the newest schema when opened."""

    def __init__(self, url: str | URL, artifacts: Path) -> None:
        self.artifacts = Artifacts(artifacts)
        self._engine = _connect(url)
        _migrate(self._engine)

    # ---- evaluations -------------------------------------------------------------------------------------------------

    def open_evaluation(self, year: int, programme: str, code: str, prepared_by: str, run: str | None) -> Evaluation:
        """The evaluation that `run` belongs to, else the open one of this year, else a new one.

        A run that lost its conductor is taken over by the next; an ended run finds its own evaluation again.
        """
        with self._session() as session:
            row = run and session.scalar(select(EvaluationRow).where(EvaluationRow.run == run))
            same = (EvaluationRow.year == year, EvaluationRow.programme == programme)
            row = row or session.scalar(select(EvaluationRow).where(*same, EvaluationRow.outcome.is_(None)))
            if not row:
                # The programme may have had another name under the same code.
                stem = f"{year}-{code.lower()}-"
                taken = set(session.scalars(select(EvaluationRow.id).where(EvaluationRow.id.startswith(stem))))
                free = next(name for name in (f"{stem}{serial}" for serial in count(1)) if name not in taken)
                row = EvaluationRow(id=free, year=year, programme=programme, prepared_by=prepared_by, opened_at=_now())
                session.add(row)
            row.run = run or row.run
            try:
                session.flush()
            except IntegrityError:  # another process opened it between our question and our answer
                session.rollback()
                return self.open_evaluation(year, programme, code, prepared_by, run)
            return _evaluation(row)

    def evaluation(self, evaluation_id: str) -> Evaluation:
        """An evaluation by id.

        Raises: StoreError: when there is none.
        """
        with self._session() as session:
            row = session.get(EvaluationRow, evaluation_id)
            if row is None:
                raise StoreError("S05", f"没有编号为 {evaluation_id} 的自评", "用 perfeval status 查看全部自评的编号。")
            return _evaluation(row)

    def evaluations(self) -> list[Evaluation]:
        """All evaluations, oldest first."""
        with self._session() as session:
            return [_evaluation(row) for row in session.scalars(select(EvaluationRow).order_by(EvaluationRow.opened_at))]

    def run_of(self, evaluation: Evaluation) -> str | None:
        """The conductor's run that serves an evaluation."""
        with self._session() as session:
            return session.scalar(select(EvaluationRow.run).where(EvaluationRow.id == evaluation.id))

    def end_evaluation(self, evaluation: Evaluation, outcome: str) -> None:
        """Close an evaluation; the first outcome stands."""
        with self._session() as session:
            session.execute(
                update(EvaluationRow)
                .where(EvaluationRow.id == evaluation.id, EvaluationRow.outcome.is_(None))
                .values(outcome=outcome, ended_at=_now())
            )

    def current_revision(self, evaluation: Evaluation) -> Revision:
        """The revision in work: one more than the corrections recorded."""
        with self._session() as session:
            last = session.scalar(
                select(func.max(OutcomeRow.revision)).where(OutcomeRow.evaluation == evaluation.id, OutcomeRow.step == "corrected")
            )
            return Revision(evaluation, (last or 0) + 1)

    # ---- outcomes of steps -------------------------------------------------------------------------------------------

    def outcome(self, revision: Revision, step: str) -> dict[str, Any] | None:
        """What a step left for this revision, or None while it is not done."""
        with self._session() as session:
            row = session.get(OutcomeRow, (revision.evaluation.id, revision.number, step))
            return row.document if row else None

    def outcome_time(self, revision: Revision, step: str) -> datetime | None:
        """When a step was done for this revision."""
        with self._session() as session:
            row = session.get(OutcomeRow, (revision.evaluation.id, revision.number, step))
            return row.done_at if row else None

    def save_outcome(self, revision: Revision, step: str, document: dict[str, Any]) -> dict[str, Any]:
        """Keep a step's outcome; where another process was first, return what it wrote."""
        row = OutcomeRow(evaluation=revision.evaluation.id, revision=revision.number, step=step, document=document, done_at=_now())
        try:
            with self._session() as session:
                session.add(row)
        except IntegrityError:
            first = self.outcome(revision, step)
            if first is None:
                raise
            return first
        return document

    def forget_undrafted(self, revision: Revision, steps: Sequence[str]) -> None:
        """Take back outcomes of a revision that has no draft yet; with a draft, nothing."""
        mine = (OutcomeRow.evaluation == revision.evaluation.id, OutcomeRow.revision == revision.number)
        drafted = exists().where(*mine, OutcomeRow.step == "drafted")
        with self._session() as session:
            if not session.scalar(select(drafted)):
                session.execute(delete(OutcomeRow).where(*mine, OutcomeRow.step.in_(steps)))

    # ---- gates -------------------------------------------------------------------------------------------------------

    def decision(self, revision: Revision, gate: str) -> Decision | None:
        """The decision at a gate on this revision, if there is one."""
        return next((decision for decision in self.decisions(revision.evaluation, revision.number) if decision.gate == gate), None)

    def decisions(self, evaluation: Evaluation, revision: int | None = None) -> list[Decision]:
        """Decisions of an evaluation (or one revision of it), oldest first."""
        query = (
            select(DecisionRow, PersonRow.name)
            .join(PersonRow, PersonRow.id == DecisionRow.approver)
            .where(DecisionRow.evaluation == evaluation.id)
            .order_by(DecisionRow.decided_at)
        )
        if revision is not None:
            query = query.where(DecisionRow.revision == revision)
        with self._session() as session:
            return [_decision(row, name) for row, name in session.execute(query)]

    def record_decision(self, decision: Decision, approver: Enrolled) -> Decision:
        """Keep a valid decision.

        Raises: ApprovalError: when the gate has already been decided for this revision.
        """
        row = DecisionRow(
            evaluation=decision.evaluation, revision=decision.revision, gate=decision.gate, verdict=decision.verdict.value,
            approver=approver.id, content_digest=decision.content_digest, comment=decision.comment, decided_at=decision.decided_at,
        )  # fmt: skip
        try:
            with self._session() as session:
                session.add(row)
        except IntegrityError as error:
            raise ApprovalError("A08", "这一稿在本环节已有审批决定，不能重复审批", "用 perfeval status 查看进度。") from error
        return decision

    def asks(self, revision: Revision, gate: str) -> list[Asked]:
        """How often a gate was asked without a valid answer, and why."""
        query = (
            select(AskRow)
            .where(AskRow.evaluation == revision.evaluation.id, AskRow.revision == revision.number, AskRow.gate == gate)
            .order_by(AskRow.number)
        )
        with self._session() as session:
            return [Asked(row.number, row.problem) for row in session.scalars(query)]

    def record_ask(self, revision: Revision, gate: str, number: int, problem: str) -> None:
        """Keep why ask `number` was not answered; recording the same ask again changes nothing."""
        row = AskRow(
            evaluation=revision.evaluation.id, revision=revision.number, gate=gate, number=number, problem=problem, asked_at=_now()
        )
        try:
            with self._session() as session:
                session.add(row)
        except IntegrityError:
            return

    # ---- people and secrets ------------------------------------------------------------------------------------------

    def enrol(self, name: str, role: str, secret: str, key: str) -> Person:
        """Keep an approver with an encrypted secret.

        Raises: ApprovalError: when somebody of that name is enrolled already.
        """
        row = PersonRow(name=name, role=role, secret=encrypt(secret, key), enrolled_at=_now())
        try:
            with self._session() as session:
                session.add(row)
                session.flush()
                return _person(row)
        except IntegrityError as error:
            raise ApprovalError(
                "A01", f"审批人“{name}”已登记", "一人只能有一个审批角色；如需更换，先执行 perfeval approver revoke。"
            ) from error

    def people(self) -> list[Person]:
        """Everybody ever enrolled, oldest first."""
        with self._session() as session:
            return [_person(row) for row in session.scalars(select(PersonRow).order_by(PersonRow.id))]

    def enrolled(self, name: str, key: str) -> Enrolled | None:
        """The active approver of that name, with the secret decrypted."""
        with self._session() as session:
            row = session.scalar(select(PersonRow).where(PersonRow.name == name, PersonRow.revoked_at.is_(None)))
            return Enrolled(row.id, _person(row), decrypt(row.secret, key)) if row else None

    def revoke(self, name: str) -> bool:
        """End an approver's enrolment; False when nobody of that name is active."""
        with self._session() as session:
            row = session.scalar(select(PersonRow).where(PersonRow.name == name, PersonRow.revoked_at.is_(None)))
            if row:
                row.revoked_at = _now()
            return row is not None

    def spend_code(self, approver: Enrolled, step: int) -> bool:
        """Accept the code of a time step once; False when it, or a later one, was accepted before."""
        with self._session() as session:
            result = session.execute(
                update(PersonRow)
                .where(PersonRow.id == approver.id, func.coalesce(PersonRow.last_step, -1) < step)
                .values(last_step=step)
                .returning(PersonRow.id)
            )
            return result.first() is not None

    def save_secret(self, name: str, value: str, key: str) -> None:
        """Keep or replace a secret of the program itself."""
        with self._session() as session:
            session.merge(SecretRow(name=name, value=encrypt(value, key)))

    def load_secret(self, name: str, key: str) -> str | None:
        """A secret kept by `save_secret`."""
        with self._session() as session:
            row = session.get(SecretRow, name)
            return decrypt(row.value, key) if row else None

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise _unavailable(error) from error


def open_store(workspace: Workspace) -> Store:
    """A workspace's store, made or migrated where need be."""
    own = URL.create("sqlite", database=str(workspace.state / "store.db"))  # the path may hold signs that end one in a text
    return Store(workspace.settings.storage.database or own, workspace.artifacts)


def try_database(url: str) -> None:
    """Ask a database server for a connection; nothing is written.

    Raises: ConfigurationError: no usable address, or its driver is absent. StoreError: no connection.
    """
    try:
        with _connect(url).connect():
            pass
    except DatabaseError as error:
        raise _unavailable(error) from error


def _unavailable(error: DatabaseError) -> StoreError:
    hint = "检查数据库服务、perfeval.yml 中 storage.database 和状态文件夹的权限，稍后重试。"
    return StoreError("S06", f"数据库不可用：{error.orig}", hint)


def _connect(url: str | URL) -> Engine:
    # Processes are short and Prefect forks them: no pool to share, no connection left open behind a suspended run.
    try:
        engine = create_engine(url, poolclass=NullPool)
    except (ArgumentError, ImportError) as error:
        raise ConfigurationError(
            "F05", "perfeval.yml 中 storage.database 不是可用的数据库地址", "留空用 SQLite，或写 postgresql+psycopg://用户@主机/库名。"
        ) from error
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _: object) -> None:  # noqa: ANN401  # the driver's own connection
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA busy_timeout=10000")
            connection.execute("PRAGMA synchronous=FULL")

    return engine


def _migrate(engine: Engine) -> None:
    """Bring the tables to the newest schema; two processes may try at once, and the second waits for the first."""
    try:
        with engine.connect() as connection:
            if _schema(connection) == SCHEMA:
                return
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver opens no transaction for tables
            version = _schema(connection)
            if version is None:
                create_tables(connection)
            elif version != SCHEMA:
                upgrade_tables(connection)
    except DatabaseError as error:
        with suppress(DatabaseError), engine.connect() as connection:
            if _schema(connection) == SCHEMA:
                return  # another process migrated at the same moment
        raise _unavailable(error) from error


def create_tables(connection: Connection) -> None:
    """Make a new store's tables as they are now, without Alembic, whose import costs as much as a county's report."""
    Table.metadata.create_all(connection)
    VERSION.metadata.create_all(connection)
    connection.execute(insert(VERSION).values(version_num=SCHEMA))


def upgrade_tables(connection: Connection) -> None:
    """Bring an older store's tables to the newest schema by its migrations."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, SCHEMA)
    except CommandError as error:
        raise StoreError("S07", "数据库的版本不是本程序所知道的", "它可能由更新的程序建立：请升级本程序。") from error


def _schema(connection: Connection) -> str | None:
    """The schema's version as Alembic writes it down; None in an empty database."""
    if not inspect(connection).has_table(VERSION.name):
        return None
    return connection.scalar(select(VERSION.c.version_num))


def _evaluation(row: EvaluationRow) -> Evaluation:
    return Evaluation(row.id, row.year, row.programme, row.prepared_by, row.opened_at, row.outcome)


def _decision(row: DecisionRow, approver: str) -> Decision:
    return Decision(row.evaluation, row.revision, row.gate, Verdict(row.verdict), approver, row.content_digest, row.comment, row.decided_at)


def _person(row: PersonRow) -> Person:
    return Person(row.name, row.role, row.enrolled_at, row.revoked_at)


def _now() -> datetime:
    return datetime.now(UTC)
