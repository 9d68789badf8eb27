"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("programme", sa.String(200), nullable=False),
        sa.Column("prepared_by", sa.String(100), nullable=False),
        sa.Column("opened_at", _time, nullable=False),
        sa.Column("run", sa.String(64)),
        sa.Column("outcome", sa.String(20)),
        sa.Column("ended_at", _time),
    )
    unfinished = sa.text("outcome IS NULL")
    op.create_index(
        "one_open_evaluation", "evaluations", ["year", "programme"], unique=True, sqlite_where=unfinished, postgresql_where=unfinished
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("enrolled_at", _time, nullable=False),
        sa.Column("revoked_at", _time),
        sa.Column("last_step", sa.Integer),
    )
    active = sa.text("revoked_at IS NULL")
    op.create_index("one_active_person", "people", ["name"], unique=True, sqlite_where=active, postgresql_where=active)
    op.create_table(
        "outcomes",
        *_revision_key(),
        sa.Column("step", sa.String(20), primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("done_at", _time, nullable=False),
    )
    op.create_table(
        "asks",
        *_revision_key(),
        sa.Column("gate", sa.String(20), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("asked_at", _time, nullable=False),
    )
    op.create_table(
        "decisions",
        *_revision_key(),
        sa.Column("gate", sa.String(20), primary_key=True),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("approver", sa.Integer, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("decided_at", _time, nullable=False),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _revision_key() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("evaluation", sa.String(64), sa.ForeignKey("evaluations.id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    )
