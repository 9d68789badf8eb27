"""Tables that only grow (只增不改): the database itself refuses to update or delete their rows.

Whoever may change the database's schema can take the triggers away; the record's chain then tells what was done.
"""


def append_only(table: str, dialect: str) -> list[str]:
    """The statements that make a table append-only on SQLite or PostgreSQL."""
    refusal = f"{table}: rows are never changed"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            for act in ("UPDATE", "DELETE")
        ]
    return [
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION {table}_refuse()",
    ]
