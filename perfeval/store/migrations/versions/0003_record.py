"""The record, people by their chain, decisions by several people at one gate.

What tells of people and decisions from before is put aside, per unit, without their secrets; the unit that opens the store next takes it
over and says so in its record. Secrets are not taken over: the clerk has seen them, and whoever approves enrols anew.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from perfeval.store.appending import append_only

revision = "0003"
down_revision = "0002"

_time = sa.DateTime(timezone=True)
_LEFT = {
    "people": "SELECT unit, id, name, role, enrolled_at, revoked_at FROM people ORDER BY id",
    "evaluations": (
        "SELECT unit, id, year, programme, programme_key, prepared_by, opened_at, outcome, ended_at FROM evaluations ORDER BY id"
    ),
    "decisions": (
        "SELECT e.unit, d.evaluation, d.revision, d.gate, d.verdict, d.approver, p.name, d.content_digest, d.comment, d.decided_at "
        "FROM decisions d JOIN people p ON p.id = d.approver JOIN evaluations e ON e.id = d.evaluation "
        "ORDER BY d.evaluation, d.revision, d.decided_at"
    ),
}


def upgrade() -> None:
    """Put aside what is replaced, and make the new tables."""
    left = _left()
    op.create_table("before", sa.Column("unit", sa.String(200), primary_key=True), sa.Column("content", sa.JSON, nullable=False))
    before = sa.table("before", sa.column("unit"), sa.column("content", sa.JSON))
    if left:
        op.bulk_insert(before, [{"unit": unit, "content": content} for unit, content in left.items()])
    op.drop_table("decisions")
    op.drop_table("people")
    op.execute("DELETE FROM secrets")
    with op.batch_alter_table("evaluations") as batch:
        batch.add_column(sa.Column("preparer", sa.String(40), nullable=False, server_default=""))
    with op.batch_alter_table("evaluations") as batch:
        batch.alter_column("preparer", server_default=None)
    _make_tables()
    for table in ("record", "decisions"):
        for statement in append_only(table, op.get_bind().dialect.name):
            op.execute(statement)


def _make_tables() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("unit", sa.String(200), nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("sm3", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.UniqueConstraint("unit", "chain", "number", name="one_line_of_a_number"),
    )
    op.create_table(
        "decisions",
        sa.Column("evaluation", sa.String(64), sa.ForeignKey("evaluations.id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("gate", sa.String(20), primary_key=True),
        sa.Column("approver", sa.String(40), primary_key=True),
        sa.Column("unit", sa.String(200), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("decided_at", _time, nullable=False),
    )
    op.create_table(
        "seeds",
        sa.Column("unit", sa.String(200), primary_key=True),
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("fingerprint", sa.String(24), primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("last_step", sa.Integer),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("unit", sa.String(200), nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("result", sa.String(10), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("address", sa.String(100), nullable=False),
    )
    op.create_index("attempts_by_time", "attempts", ["unit", "at"])


def _left() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The rows of each unit, as a JSON document; times in UTC."""
    left: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: {name: [] for name in _LEFT})
    for name, query in _LEFT.items():
        for row in op.get_bind().execute(sa.text(query)).mappings():
            left[row["unit"]][name].append({key: _plain(value) for key, value in row.items() if key != "unit"})
    plain: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(json.dumps(left))
    return plain


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value
