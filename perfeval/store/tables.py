"""The tables. Keys are what a step is idempotent by; times are UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy import Table as CoreTable
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import ExecutableDDLElement

from perfeval.store.appending import append_only


class UtcTime(TypeDecorator[datetime]):
    """A point in time; SQLite forgets the zone, so UTC goes in and comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the base's signature
        """To UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the base's signature
        """From UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {datetime: UtcTime, dict[str, Any]: JSON}  # noqa: RUF012  # SQLAlchemy reads a plain dict


_OPEN = ("unit", "programme_key", "year")


class EvaluationRow(Table):
    """项目自评: one programme's year of one unit; only one may be open. `prepared_by` is a name, `preparer` the person's id."""

    __tablename__ = "evaluations"
    # Not with postgresql_where: to hear of it SQLAlchemy loads all drivers of PostgreSQL, in every process.
    __table_args__ = (Index("one_open_evaluation", *_OPEN, unique=True, sqlite_where=text("outcome IS NULL")).ddl_if(dialect="sqlite"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    unit: Mapped[str] = mapped_column(String(200))
    year: Mapped[int]
    programme_key: Mapped[str] = mapped_column(String(100))
    programme: Mapped[str] = mapped_column(String(200))
    prepared_by: Mapped[str] = mapped_column(String(100))
    preparer: Mapped[str] = mapped_column(String(40))
    opened_at: Mapped[datetime]
    run: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str | None] = mapped_column(String(20))
    ended_at: Mapped[datetime | None]


class OutcomeRow(Table):
    """A step's outcome for one revision, written once."""

    __tablename__ = "outcomes"

    evaluation: Mapped[str] = mapped_column(ForeignKey("evaluations.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(String(20), primary_key=True)
    document: Mapped[dict[str, Any]]
    done_at: Mapped[datetime]


class FailureRow(Table):
    """Why a conductor's run ended early."""

    __tablename__ = "failures"

    run: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[dict[str, Any]]
    failed_at: Mapped[datetime]


class AskRow(Table):
    """A gate asked without a valid answer, and why."""

    __tablename__ = "asks"

    evaluation: Mapped[str] = mapped_column(ForeignKey("evaluations.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    gate: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    problem: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]


class RecordRow(Table):
    """A line of the record (审批记录) as it stands; `id` is the order in which lines were written. Never updated, never deleted."""

    __tablename__ = "record"
    __table_args__ = (UniqueConstraint("unit", "chain", "number", name="one_line_of_a_number"), Index("lines_of_a_unit", "unit", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(String(200))
    chain: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    line: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    sm3: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))


class EndRow(Table):
    """Where a chain of the record ends (末尾登记), sealed with the office's key: lines cut off at the end are told by it."""

    __tablename__ = "ends"

    unit: Mapped[str] = mapped_column(String(200), primary_key=True)
    chain: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))


class DecisionRow(Table):
    """A valid decision at a gate, a copy of what the record tells; `approver` is the person's id. Never updated, never deleted."""

    __tablename__ = "decisions"

    evaluation: Mapped[str] = mapped_column(ForeignKey("evaluations.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    gate: Mapped[str] = mapped_column(String(20), primary_key=True)
    approver: Mapped[str] = mapped_column(String(40), primary_key=True)
    unit: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(100))
    verdict: Mapped[str] = mapped_column(String(20))
    content_digest: Mapped[str] = mapped_column(String(64))
    comment: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime]


class SeedRow(Table):
    """The secret of a person's codes, encrypted; `last_step` is the time step of the last code accepted, so that none is twice."""

    __tablename__ = "seeds"

    unit: Mapped[str] = mapped_column(String(200), primary_key=True)
    person: Mapped[str] = mapped_column(String(40), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(24), primary_key=True)
    secret: Mapped[str] = mapped_column(Text)
    last_step: Mapped[int | None]


class BeforeRow(Table):
    """What stood in the store before the record, until the unit takes it over; the unit is empty where units were not told apart yet."""

    __tablename__ = "before"

    unit: Mapped[str] = mapped_column(String(200), primary_key=True)
    content: Mapped[dict[str, Any]]


class SecretRow(Table):
    """A secret of the program itself, encrypted."""

    __tablename__ = "secrets"

    unit: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


_one_open: ExecutableDDLElement = DDL(  # type: ignore[no-untyped-call]
    f"CREATE UNIQUE INDEX one_open_evaluation ON evaluations ({', '.join(_OPEN)}) WHERE outcome IS NULL"
)
event.listen(EvaluationRow.__table__, "after_create", _one_open.execute_if(dialect="postgresql"))
for _row in (RecordRow, DecisionRow):
    for _dialect in ("sqlite", "postgresql"):
        for _statement in append_only(_row.__tablename__, _dialect):
            _ddl: ExecutableDDLElement = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(_row.__table__, "after_create", _ddl.execute_if(dialect=_dialect))

# Where Alembic writes down which schema the tables have.
VERSION = CoreTable("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
