"""Prefect's own database, begun with its tables ready made: its 113 migrations on an empty file take longer than a whole run."""

import os
import re
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

# As Prefect's own migrations leave them; tests/integration/flows/test_database.py holds it against them and makes it anew.
TABLES = Path(__file__).with_name("prefect-3.8.8.sql")
URL_VARIABLE = "PERFEVAL_PREFECT_DATABASE_URL"


def database_address(file: Path) -> str:
    """The address of Prefect's database: on PostgreSQL, where the environment says so, else that file.

    Raises: ConfigurationError: the environment's is no address.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        # As the address of a file: a path may hold signs that end one in Prefect's own address, and the rest would lie elsewhere.
        return f"sqlite+aiosqlite:///file:{quote(str(file))}?uri=true"
    from perfeval.store import server_address

    return re.sub(r"(?<=[?&])sslmode=", "ssl=", server_address(url, "asyncpg", URL_VARIABLE))  # psql's word, and asyncpg's


def begin_database(file: Path) -> None:
    """Make the database where there is none, or none that can be read: the store has runs begun again, and what was there is kept beside.

    With another Prefect than the tables are of, its migrations are left to make it. What is newer than the tables, Prefect migrates at
    its start in any case.
    """
    if os.environ.get(URL_VARIABLE):
        return
    if file.exists() and _is_damaged(file):
        file.replace(file.with_suffix(".damaged"))
    if file.exists() or TABLES.stem != f"prefect-{version('prefect')}":
        return
    for rest in file.parent.glob(f"{file.name}-*"):  # the log of a database that is gone would be played into the new one
        rest.unlink()
    made = file.with_suffix(".new")
    made.unlink(missing_ok=True)
    with closing(sqlite3.connect(made)) as connection:
        connection.executescript(TABLES.read_text(encoding="utf-8"))
    made.replace(file)


def _is_damaged(file: Path) -> bool:
    """Whether SQLite takes it for no database of its own; what is locked or may not be read is left to Prefect."""
    from perfeval.store import is_damage

    try:
        with closing(sqlite3.connect(file, timeout=0)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        return is_damage(error)
    return False
