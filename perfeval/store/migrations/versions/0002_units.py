"""Units are told apart, programmes have keys, and a run's failure is kept.

What a store from before holds gets the unit '' and its programme's name for a key; the unit that opens it next takes it over.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add units, keys and failures."""
    op.drop_index("one_open_evaluation", "evaluations")
    _add("evaluations", sa.Column("unit", sa.String(200), nullable=False, server_default=""))
    _add("evaluations", sa.Column("programme_key", sa.String(100), nullable=False, server_default=""))
    evaluations = sa.table("evaluations", sa.column("programme"), sa.column("programme_key"))
    op.execute(evaluations.update().values(programme_key=sa.func.substr(evaluations.c.programme, 1, 100)))
    unfinished = sa.text("outcome IS NULL")
    op.create_index(
        "one_open_evaluation", "evaluations", ["unit", "programme_key", "year"], unique=True, sqlite_where=unfinished,
        postgresql_where=unfinished,
    )  # fmt: skip
    op.drop_index("one_active_person", "people")
    _add("people", sa.Column("unit", sa.String(200), nullable=False, server_default=""))
    active = sa.text("revoked_at IS NULL")
    op.create_index("one_active_person", "people", ["unit", "name"], unique=True, sqlite_where=active, postgresql_where=active)
    op.rename_table("secrets", "secrets_before")
    op.create_table(
        "secrets",
        sa.Column("unit", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO secrets (unit, name, value) SELECT '', name, value FROM secrets_before")
    op.drop_table("secrets_before")
    op.create_table(
        "failures",
        sa.Column("run", sa.String(64), primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
    )


def _add(table: str, column: sa.Column[str]) -> None:
    """Add a column that rows from before have empty; the tables as they are now know no default."""
    with op.batch_alter_table(table) as batch:
        batch.add_column(column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, server_default=None)
