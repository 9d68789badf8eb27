"""The unit's newest line is found without a look at all others."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Index the lines of the record by unit, in the order in which they were written."""
    op.create_index("lines_of_a_unit", "record", ["unit", "id"])
