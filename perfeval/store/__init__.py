"""What is kept: evaluations, step outcomes, decisions, the record, secrets and artifacts. The only room that knows SQL.

The store is the truth. Whoever asks or records does so in a transaction, so that what belongs together is written together.
A step's outcome is written once for (evaluation, revision, step); whoever writes second reads the first. Nothing here
decides or computes.
"""

import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Engine, select, union
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from perfeval.errors import StoreError
from perfeval.store.artifacts import Artifacts
from perfeval.store.before import has_before, take_over
from perfeval.store.bucket import URL_VARIABLE as ARTIFACTS_VARIABLE
from perfeval.store.bucket import Bucket, place_of_artifacts, try_artifacts
from perfeval.store.database import (
    URL_VARIABLE,
    connect,
    file_of,
    file_url,
    has_tables,
    is_damage,
    is_on,
    migrate,
    refuse_one_for_both,
    server_address,
    try_database,
    unavailable,
)
from perfeval.store.moving import MOVING, move_store, refuse_half_moved, refuse_longer
from perfeval.store.tables import BeforeRow, EvaluationRow, OutcomeRow, RecordRow
from perfeval.store.transaction import Transaction

__all__ = [
    "ARTIFACTS_VARIABLE",
    "MOVED",
    "MOVING",
    "STORE",
    "URL_VARIABLE",
    "Artifacts",
    "Store",
    "Transaction",
    "file_of",
    "file_url",
    "has_tables",
    "is_damage",
    "move_store",
    "open_store",
    "place_of_artifacts",
    "refuse_one_for_both",
    "server_address",
    "try_artifacts",
    "try_database",
    "units_of",
]

STORE = "store.db"
"""The database in a state folder, where the environment names no other."""
MOVED = f"{STORE}.moved-"
"""How the name of one begins whose rows were moved into another database."""
_FROM_THE_START = "确实要从头开始的，先把它移到别处。"


class Store:
    """The record of one unit's evaluations, on SQLite or PostgreSQL, migrated to the newest schema when opened.

    `key` gives the office's key; it is asked only where something is recorded, or a secret read. `programmes` gives keys by name: what a
    store from before units were told apart holds is taken over under them. `own` is the workspace's file, which may be another one.
    """

    def __init__(
        self,
        url: str | URL,
        artifacts: Path,
        unit: str,
        key: Callable[[], str],
        programmes: Mapping[str, str] | None = None,
        bucket: Bucket | None = None,
        own: Path | None = None,
    ) -> None:
        self._unit = unit
        self._key = key
        self._engine = connect(url)
        # One state for all that is asked in it; SQLite does so by itself.
        one_state = {"isolation_level": "REPEATABLE READ"} if self._engine.dialect.name == "postgresql" else {}
        self._reading = self._engine.execution_options(writes=False, **one_state)
        self._writing = self._engine.execution_options(writes=True)
        self.artifacts = Artifacts(artifacts, bucket, partial(_refuse_gone, self._engine, unit, artifacts))
        # Also where nobody closes it, as at a command's end: what SQLite keeps beside the file belongs in it, or a copy of it lacks that.
        weakref.finalize(self, self._engine.dispose)
        try:
            if own:
                refuse_half_moved(self._engine, own)
            migrate(self._engine, lambda: _refuse_lost(self._engine, artifacts, own))
            if own:
                _refuse_left(self._engine, unit, own)
                _refuse_renamed(self._engine, unit, own)
        except (StoreError, DatabaseError) as error:
            self.close()  # what SQLite keeps beside the file would be played into the one from the backup
            if isinstance(error, StoreError):
                raise
            raise unavailable(error, self._engine) from error
        self._take_over(programmes or {})

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A unit of work: all that is recorded in it, or nothing.

        On SQLite it holds the one right to write from its beginning, so that what it asks still holds when it records.

        Raises: StoreError: the database cannot be reached or refuses.
        """
        with self._session(self._writing) as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Questions only: they see one state of the record and keep nobody from writing."""
        with self._session(self._reading) as transaction:
            yield transaction

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Transaction]:
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield Transaction(session, self._unit, self._key)
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise unavailable(error, self._engine) from error

    def _take_over(self, programmes: Mapping[str, str]) -> None:
        with Session(self._engine) as session:
            waits = has_before(session, self._unit)
        if waits:
            with self.transaction() as transaction:
                take_over(transaction, programmes)

    def close(self) -> None:
        """Give the connections back; the next question opens one again."""
        self._engine.dispose()


def _refuse_lost(engine: Engine, artifacts: Path, own: Path | None) -> None:
    """Begin no new record where there was one."""
    if own:  # once more: the file may have been put aside while its lock was waited for
        refuse_half_moved(engine, own)
    if own and not is_on(engine, own) and has_tables(own):
        raise _not_moved("数据库是空的", own)
    if own and is_on(engine, own) and (moved := _moved(own)):
        told, hint = f"原来的记录已移走，移走时的是 {moved}", f"设置环境变量 {URL_VARIABLE}，写移去的数据库的地址。{_FROM_THE_START}"
    elif any(artifacts.glob("[0-9a-f][0-9a-f]")):
        told = f"{artifacts} 里却有存档文件：数据库可能已丢失，或地址换了"
        hint = "从备份恢复数据库（工作区内的是 store.db）。确实要从头开始的，先把这个文件夹移到别处。"
    else:
        return
    raise StoreError("S15", f"数据库是空的，{told}", hint)


def _moved(own: Path) -> Path | None:
    """The file that a workspace's own became when its record was moved last, if it is still there."""
    return max(own.parent.glob(f"{MOVED}*"), default=None)


def _refuse_left(engine: Engine, unit: str, own: Path) -> None:
    """Go on in no database while the workspace's own file tells of the unit what is not told there."""
    if is_on(engine, own) or not has_tables(own):
        return
    before = connect(file_url(own))
    try:
        if _knows(before, unit):
            if not _knows(engine, unit):
                raise _not_moved("数据库里没有本单位的记录", own)
            with before.connect() as here, engine.connect() as there:
                refuse_longer(own, here, there, {unit})
    finally:
        before.dispose()


def _refuse_renamed(engine: Engine, unit: str, own: Path) -> None:
    """Begin no second record beside the workspace's own, which is under the name that its unit had before."""
    if _knows(engine, unit):
        return
    file = own if has_tables(own) else _moved(own)
    if file and (names := sorted(units_of(file))) and unit not in names:
        told = f"数据库里没有“{unit}”的记录，本工作区的记录在“{'、'.join(names)}”名下"
        hint = f"单位改了名的，在 perfeval.yml 的 unit 里写 key: {' 或 '.join(names)}，或改回原来的名称。"
        raise StoreError("S22", told, f"{hint}用样例试办过，或从别的单位复制来的，先把 {own.parent} 和归档文件夹里的归档包移到别处。")


def units_of(file: Path) -> set[str]:
    """The units that a workspace's own file tells of: it is nobody else's.

    Raises: StoreError: it cannot be read, or is of an older version.
    """
    engine = connect(file_url(file))
    try:
        with Session(engine) as session:
            return set(session.scalars(union(select(RecordRow.unit), select(BeforeRow.unit).where(BeforeRow.unit != ""))))
    except DatabaseError as error:
        raise unavailable(error, engine) from error
    finally:
        engine.dispose()


def _not_moved(told: str, own: Path) -> StoreError:
    return StoreError("S15", f"{told}，{own} 里却有原来的记录", f"把原来的记录移过去：perfeval move。{_FROM_THE_START}")


def _knows(engine: Engine, unit: str) -> bool:
    """Whether anything is told of a unit; a file from before units were told apart is taken for its own."""
    try:
        with Session(engine) as session:
            return session.scalar(select(RecordRow.id).where(RecordRow.unit == unit).limit(1)) is not None
    except DatabaseError as error:
        if "no such" in str(error.orig):
            return True
        raise


def _refuse_gone(engine: Engine, unit: str, artifacts: Path) -> None:
    """See to it that nothing is kept under a share that is away, and lies hidden once it is back."""
    try:
        with Session(engine) as session:
            known = session.scalar(select(OutcomeRow.evaluation).join(EvaluationRow).where(EvaluationRow.unit == unit).limit(1))
    except DatabaseError as error:
        raise unavailable(error, engine) from error
    if known:
        message = f"存档文件夹 {artifacts} 不在或是空的，数据库里却有自评：共享文件夹可能没有挂上，或地址换了"
        lost = "存档文件确已全部丢失的，在它里面建一个名为 00 的文件夹再继续。"
        hint = f"先挂上共享文件夹，或改回环境变量 {ARTIFACTS_VARIABLE}，或从备份恢复。{lost}"
        raise StoreError("S21", message, hint)


def open_store(state: Path, unit: str, key: Callable[[], str], programmes: Mapping[str, str]) -> Store:
    """A unit's store: database and artifacts where the environment says, else in its state folder."""
    refuse_one_for_both()
    own = state / STORE
    artifacts, bucket = place_of_artifacts(state / "artifacts")
    return Store(os.environ.get(URL_VARIABLE) or file_url(own), artifacts, unit, key, programmes, bucket, own)
