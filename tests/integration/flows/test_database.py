"""The tables that Prefect's database begins with are those of the Prefect that is installed.

When Prefect changes, rename the file to its version and make it anew: PYTHONPATH=. python tests/integration/flows/test_database.py
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flows import database
from flows.database import TABLES, begin_database


def dump(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return "".join(f"{line}\n" for line in connection.iterdump())


def tables(file: Path) -> list[str]:
    """What a database consists of. Migrations write a table's constraints in any order, each time another."""
    return sorted(line.strip().rstrip(", ") for line in dump(file).splitlines())


def migrated(folder: Path) -> Path:
    """A database as Prefect's migrations make it."""
    variables = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "PREFECT_HOME": str(folder), "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/made.db",
    }  # fmt: skip
    subprocess.run([sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"], env=variables, check=True)
    return folder / "made.db"


def test_tables_are_those_that_prefects_migrations_make(tmp_path: Path) -> None:
    assert TABLES.stem == f"prefect-{version('prefect')}"
    begin_database(tmp_path / "prefect.db")
    assert tables(tmp_path / "prefect.db") == tables(migrated(tmp_path))


def test_database_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as connection:
        connection.execute("CREATE TABLE runs (id)")
        connection.execute("BEGIN EXCLUSIVE")  # somebody writes
        before = (tmp_path / "prefect.db").read_bytes()
        begin_database(tmp_path / "prefect.db")
    assert (tmp_path / "prefect.db").read_bytes() == before


@pytest.mark.parametrize("damage", ["garbage", "cut", "holed"])
def test_database_that_cannot_be_read_is_put_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "prefect.db"
    begin_database(file)
    whole, made = file.read_bytes(), tables(file)
    spoilt = {"garbage": b"an office's runs" * 1000, "cut": whole[:5000], "holed": whole[:200] + bytes(40_000) + whole[40_200:]}[damage]
    file.write_bytes(spoilt)
    begin_database(file)
    assert (tables(file), (tmp_path / "prefect.damaged").read_bytes()) == (made, spoilt)


def test_log_of_a_database_that_is_gone_is_not_played_into_the_new_one(tmp_path: Path) -> None:
    for name in ("prefect.db-wal", "prefect.db-shm", "prefect.new"):
        (tmp_path / name).write_bytes(b"of another")
    begin_database(tmp_path / "prefect.db")
    assert [path.name for path in tmp_path.iterdir()] == ["prefect.db"]


def test_another_prefect_makes_its_tables_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "TABLES", TABLES.with_name("prefect-3.0.0.sql"))
    begin_database(tmp_path / "prefect.db")
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        TABLES.write_text(dump(migrated(Path(temporary))), encoding="utf-8")
