"""Prefect's own database, begun with its tables ready made: its 113 migrations on an empty file take longer than a whole run."""

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

# As Prefect's own migrations leave them; tests/integration/flows/test_database.py holds it against them and makes it anew.
TABLES = Path(__file__).with_name("prefect-3.8.8.sql")


def begin_database(file: Path) -> None:
    """Make the database where there is none; with another Prefect than the tables are of, its migrations are left to make it.

    What is newer than the tables, Prefect migrates at its start in any case.
    """
    if file.exists() or TABLES.stem != f"prefect-{version('prefect')}":
        return
    for rest in file.parent.glob(f"{file.name}-*"):  # the log of a database that is gone would be played into the new one
        rest.unlink()
    made = file.with_suffix(".new")
    made.unlink(missing_ok=True)
    with closing(sqlite3.connect(made)) as connection:
        connection.executescript(TABLES.read_text(encoding="utf-8"))
    made.replace(file)
