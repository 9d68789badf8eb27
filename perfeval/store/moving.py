"""A store moved (移库): all rows of a workspace's file into another database, in one transaction, in which they are compared."""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select, union
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from perfeval.errors import ServerError, StoreError
from perfeval.store.database import URL_VARIABLE, connect, create_tables, file_url, is_on, migrate, unavailable
from perfeval.store.tables import VERSION, EvaluationRow, RecordRow, Table
from perfeval.store.transaction import Transaction

MOVING = "store.db.moving"
"""How a workspace's file is called while its move is committed."""
_ROWS_AT_ONCE = 200


def move_store(file: Path, url: str, key: Callable[[], str], examine: Callable[[Transaction], object], kept: Path) -> None:
    """Copy a store's file, of the newest schema, into the database of an address; the file is then called `kept`.

    What `examine` says of each unit must be the same here and there. Before the commit the file is put aside: who is killed at it leaves
    no two records that each go on, but one that only the next move opens. Where all is there already, only the name is left to do.

    Raises: ServerError: another process has the file open. StoreError: the database cannot be reached, has the unit already or another
        unit's evaluation of the same number, or holds something else than was copied. Both are then as they were, or the file is put aside
        where it is not known whether the commit was done.
    """
    target = connect(url)
    if is_on(target, file):
        raise _is_there("换一个空的数据库。")
    try:
        with _alone(file) as source:
            units = _units(source)
            told = _examined(source, units, key, examine)
            if is_made := inspect(target).has_table(VERSION.name):
                migrate(target, lambda: None)
            with target.execution_options(writes=True).begin() as connection:
                if not is_made:  # within the transaction: an empty store left behind would be taken for the office's
                    create_tables(connection)
                if not units & _units(connection):
                    _refuse_taken(source, connection)
                    _copy(source, connection)
                    if _examined(connection, units, key, examine) != told:
                        raise StoreError("S20", "移过去的记录与原来的不同，没有移动", "检查数据库服务，再执行一次 perfeval move。")
                elif _examined(connection, units, key, examine) != told:
                    refuse_longer(file, source, connection, units)
                    raise _is_there(f"换一个空的数据库；已经移过、现在用着它的，把 {file} 移到别处保存。")
                # Under the lock: to who waits for it, SQLite then says that the file was moved.
                aside = file.rename(file.with_name(MOVING))
            aside.rename(kept)
    except DatabaseError as error:
        raise unavailable(error, target) from error
    finally:
        target.dispose()


def _is_there(hint: str) -> StoreError:
    return StoreError("S18", f"环境变量 {URL_VARIABLE} 所指的数据库里已有本单位的记录，没有移动", hint)


def refuse_half_moved(engine: Engine, own: Path) -> None:
    """Begin and go on with nothing, here or there, before a move that was killed at its commit is ended.

    Raises: StoreError.
    """
    if (aside := own.with_name(MOVING)).exists() and not is_on(engine, aside):
        hint = f"环境变量 {URL_VARIABLE} 写要移去的数据库的地址，再执行一次 perfeval move。"
        instead = f"不移了的，把它改名为 {own.name}，不再用那个数据库。"
        raise StoreError("S23", f"移库在最后一步中断了，原来的记录在 {aside}", hint + instead)


def refuse_longer(file: Path, here: Connection, there: Connection, units: Collection[str]) -> None:
    """Go on in no database while the workspace's file tells of its units what is not told there.

    Raises: StoreError: which of them has how many lines more.
    """
    ours, theirs = _lines(here, units), _lines(there, units)
    if more := len(ours - theirs):
        fewer = len(theirs - ours)
        message = f"{file} 里有 {more} 条审批记录，环境变量 {URL_VARIABLE} 所指的数据库里没有；数据库里有 {fewer} 条，它没有"
        hint = "以它为准的，不设这个变量，接着用它；或换一个空的数据库，再执行 perfeval move。"
        raise StoreError("S24", message, f"{hint}以数据库为准的，把它移到别处保存，只记在它里面的，重新办理。")


def _lines(connection: Connection, units: Collection[str]) -> set[str]:
    if not inspect(connection).has_table(RecordRow.__tablename__):
        return set()
    return set(connection.scalars(select(RecordRow.sha256).where(RecordRow.unit.in_(units))))


@contextmanager
def _alone(file: Path) -> Iterator[Connection]:
    """A store's file that nobody else has open, nor opens meanwhile; all that SQLite kept beside it is in it."""
    engine = connect(file_url(file))
    try:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            try:
                for mode in ("locking_mode=EXCLUSIVE", "journal_mode=DELETE"):  # refused while others have it open
                    driver.execute(f"PRAGMA {mode}")  # type: ignore[union-attr]  # sqlite3's
            except sqlite3.OperationalError as error:
                message = "工作区的数据库正被另一个 perfeval 命令占用"
                raise ServerError("P06", message, "等它结束后再试。") from error
            yield connection
    finally:
        engine.dispose()


def _units(connection: Connection) -> set[str]:
    told = [select(table.c.unit) for table in Table.metadata.sorted_tables if "unit" in table.c]
    return set(connection.scalars(union(*told)))


def _examined(
    connection: Connection, units: set[str], key: Callable[[], str], examine: Callable[[Transaction], object]
) -> dict[str, object]:
    with Session(connection) as session:
        return {unit: examine(Transaction(session, unit, key)) for unit in units}


def _refuse_taken(source: Connection, target: Connection) -> None:
    """An evaluation's number stands in lines and statements that are signed: it cannot become another."""
    taken = set(source.scalars(select(EvaluationRow.id))) & set(target.scalars(select(EvaluationRow.id)))
    if taken:
        message = f"环境变量 {URL_VARIABLE} 所指的数据库里，别的单位已有编号相同的自评：{'、'.join(sorted(taken))}，没有移动"
        raise StoreError("S19", message, "自评编号写进了审批记录，不能改：为本单位另建一个数据库，分开开服务。")


def _copy(source: Connection, target: Connection) -> None:
    """All rows. Lines of the record are numbered anew in their order, behind those of other units."""
    for table in Table.metadata.sorted_tables:
        columns = [column for column in table.c if column is not RecordRow.__table__.c.id]
        rows = select(*columns).order_by(*table.primary_key).execution_options(yield_per=_ROWS_AT_ONCE)
        for part in source.execute(rows).mappings().partitions():
            target.execute(insert(table), [dict(row) for row in part])
