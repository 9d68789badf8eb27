"""The database behind the store: how it is reached, and its tables made or brought up to date."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DatabaseError

from perfeval.errors import ConfigurationError, StoreError
from perfeval.store.tables import VERSION, Table

SCHEMA = "0005"
URL_VARIABLE, PREFECT_VARIABLE = "PERFEVAL_DATABASE_URL", "PERFEVAL_PREFECT_DATABASE_URL"
_POSTGRESQL = re.compile(r"postgres(?:ql(?:\+[a-z0-9]+)?)?://")
_ENCODINGS = ("UTF8", "SQL_ASCII")  # the latter keeps what it is given
_LEAST_FREE = 1_000_000
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


def try_database(url: str) -> None:
    """Ask a database server for a connection, or the folder of SQLite's file for room; nothing is written, and no file made.

    Raises: ConfigurationError: no usable address, or its driver is absent. StoreError: no connection, or it can keep no tables of ours.
        OSError: no such folder, or one in the file's place.
    """
    if file := file_of(url):
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        with tempfile.TemporaryFile(dir=file.parent):
            return
    engine = connect(url)
    try:
        with engine.connect() as connection:
            encoding = connection.scalar(text("SHOW server_encoding"))
            is_ours = inspect(connection).has_table(VERSION.name)
            may_begin = is_ours or connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
        if encoding not in _ENCODINGS:
            hint = "另建一个库：createdb -E UTF8 -T template0 库名。"
            raise StoreError("S06", f"数据库不可用：它的编码是 {encoding}，存不了中文", hint)
        if not may_begin:
            hint = "请数据库管理员把库的所有者改成它：ALTER DATABASE 库名 OWNER TO 用户名。"
            raise StoreError("S06", f"数据库不可用：用户 {engine.url.username or ''} 无权在库里建表", hint)
    except DatabaseError as error:
        raise unavailable(error, engine) from error
    finally:
        engine.dispose()


def file_of(url: str) -> Path | None:
    """The file of an SQLite database; None of one on a server.

    Raises: ConfigurationError: no usable address, or its driver is absent.
    """
    engine = connect(url)
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def server_address(url: str, driver: str, variable: str) -> str:
    """The address of a PostgreSQL server that an environment's variable names, with this driver.

    Raises: ConfigurationError: it is none.
    """
    if not _POSTGRESQL.match(url):
        hint = "写成 postgresql://用户@主机/库名；不设置则用工作区内的 SQLite。"
        raise ConfigurationError("F12", f"环境变量 {variable} 不是可用的数据库地址", hint)
    return _POSTGRESQL.sub(f"postgresql+{driver}://", url)


def refuse_one_for_both() -> None:
    """See to it that Prefect's database is another: both note the version of their tables under the same name.

    Raises: ConfigurationError: the environment's two addresses are of one database.
    """
    ours, prefects = (_place(os.environ.get(name, "")) for name in (URL_VARIABLE, PREFECT_VARIABLE))
    if ours and ours == prefects:
        hint = f"两者须是不同的库：给 Prefect 另建一个库，把 {PREFECT_VARIABLE} 改成它的地址。"
        raise ConfigurationError("F14", f"环境变量 {URL_VARIABLE} 和 {PREFECT_VARIABLE} 指的是同一个数据库", hint)


def _place(url: str) -> tuple[str, str, str] | None:
    """Host, port and name of the PostgreSQL database that an address is of, whoever asks and however; None for any other."""
    with suppress(ArgumentError, ValueError):
        address = _with_driver(make_url(url))
        if address.get_backend_name() == "postgresql":
            host, port = address.query.get("host", address.host or ""), address.query.get("port", address.port or 5432)
            name = address.query.get("dbname", address.database or address.username)
            return "localhost" if host in _LOCAL else str(host).lower(), str(port), str(name)
    return None


def unavailable(error: DatabaseError, engine: Engine) -> StoreError:
    """What is told of a database that cannot be used."""
    if is_damage(error.orig) or "no such table" in str(error.orig):
        hint = "把现有的数据库文件（工作区内的是 store.db，连同旁边的 -wal、-shm）移到别处保存，再从备份恢复；不要从头再来。"
        return StoreError("S16", f"数据库文件已损坏：{error.orig}", hint)
    reason = " ".join(str(error.orig).split())
    hint = f"检查数据库服务、环境变量 {URL_VARIABLE} 里的地址和用户的权限，稍后重试。"
    if engine.dialect.name == "sqlite":
        hint = f"检查磁盘空间、环境变量 {URL_VARIABLE} 和状态文件夹的权限，稍后重试。"
    if _is_full(error.orig, folder := Path(engine.url.database or "").parent):
        reason, hint = f"磁盘空间不足（{folder}）", "腾出空间后再试一次；已登记的审批决定不用重来。"
    return StoreError("S06", f"数据库不可用：{reason}", hint)


def is_damage(error: BaseException | None) -> bool:
    """Whether it is SQLite's for a file that is no whole database."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))


def _is_full(error: BaseException | None, folder: Path) -> bool:
    """Whether it is SQLite's for want of room: where it could not even make the file beside its own, it tells of a fault of the disk."""
    name = getattr(error, "sqlite_errorname", "")
    with suppress(OSError):
        return name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and shutil.disk_usage(folder).free < _LEAST_FREE)
    return False


def connect(url: str | URL) -> Engine:
    """An engine for an address; its connections are kept within the process.

    Raises: ConfigurationError: no usable address, or its driver is absent.
    """
    try:
        address = _with_driver(make_url(url))
        # Else the server's is taken: of a database made in the C locale the driver gives bytes, and in another it refuses Chinese itself.
        arguments = {"client_encoding": "utf8"} if address.get_backend_name() == "postgresql" else {}
        engine = create_engine(address, pool_pre_ping=bool(arguments), connect_args=arguments)
    except (ArgumentError, ImportError, ValueError) as error:  # the last: a port that is no number
        hint = "不设置则用工作区内的 SQLite；或写成 postgresql://用户@主机/库名。"
        raise ConfigurationError("F05", f"环境变量 {URL_VARIABLE} 不是可用的数据库地址", hint) from error
    if engine.dialect.name == "sqlite":
        if not Path(engine.url.database or "").is_absolute():
            message = f"环境变量 {URL_VARIABLE} 里的 SQLite 地址没有写明完整路径，换个文件夹执行就是另一个库"
            raise ConfigurationError("F05", message, "写成 sqlite:////完整路径/store.db；不设置则用工作区内的 SQLite。")
        _prepare(engine)
    return engine


def file_url(file: Path) -> URL:
    """The address of a store's file; its path may hold signs that end one in a text."""
    return URL.create("sqlite", database=str(file))


def is_on(engine: Engine, file: Path) -> bool:
    """Whether an engine's database is that file, however its path is written."""
    return engine.dialect.name == "sqlite" and Path(engine.url.database or "").resolve() == file.resolve()


def has_tables(file: Path) -> bool:
    """Whether a store's file is there and was begun: a command that was refused leaves one without tables."""
    if not file.is_file():
        return False
    engine = connect(file_url(file))
    try:
        return _schema(engine) is not None
    finally:
        engine.dispose()


def _with_driver(url: URL) -> URL:
    """An address as psql or Prefect has it, with the driver that is used here."""
    if url.get_backend_name() in ("postgres", "postgresql"):
        ssl = {"sslmode" if name == "ssl" else name: value for name, value in url.query.items()}  # asyncpg's word, and psycopg's
        return url.set(drivername="postgresql+psycopg", query=ssl)
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ArgumentError(url.drivername)
    return url


def _prepare(engine: Engine) -> None:
    @event.listens_for(engine, "do_connect")
    def protect(_: object, __: object, arguments: list[Any], ___: object) -> None:
        # SQLite would make the file as the umask says; what it makes beside it takes over the file's own permissions. One that is there is
        # not opened: to close it would give up all locks of this process on it, and another would take the log away from under it.
        with suppress(OSError):
            os.close(os.open(arguments[0], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with suppress(OSError):
            if os.path.isfile(arguments[0]):  # noqa: PTH113  # an address may name a folder by mistake, and others need to enter that
                os.chmod(arguments[0], 0o600)  # noqa: PTH101  # one that an earlier program made

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:  # noqa: ANN401  # the driver's own connection
        connection.isolation_level = None  # the driver would begin at the first write only, after questions were answered
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate(engine: Engine, begin: Callable[[], None]) -> None:
    """Bring the tables to the newest schema; two processes may try at once, and the second waits for the first.

    `begin` is told before the first tables of a database are made, and may refuse.

    Raises: StoreError: the database cannot be reached, or a newer program made it.
    """
    if _schema(engine) == SCHEMA:
        return
    try:
        with engine.execution_options(writes=True).connect() as connection, _unbound(connection), connection.begin():
            version = connection.scalar(select(VERSION.c.version_num)) if engine.dialect.has_table(connection, VERSION.name) else None
            if version is None:
                begin()
                create_tables(connection)
            elif version != SCHEMA:
                upgrade_tables(connection)
    except DatabaseError as error:
        if _schema(engine) != SCHEMA:  # else another process migrated at the same moment
            raise unavailable(error, engine) from error


@contextmanager
def _unbound(connection: Connection) -> Iterator[None]:
    """On SQLite without foreign keys: a migration may make a table anew, and drops the old one while rows refer to it."""
    driver = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
    if driver:
        driver.execute("PRAGMA foreign_keys=OFF")  # before the transaction, in which it would do nothing
    try:
        yield
    finally:
        if driver:
            driver.execute("PRAGMA foreign_keys=ON")


def _schema(engine: Engine) -> str | None:
    """The schema's version as Alembic writes it down; None where it cannot be told."""
    with suppress(DatabaseError), engine.connect() as connection:
        return connection.scalar(select(VERSION.c.version_num))
    return None


def create_tables(connection: Connection) -> None:
    """Make a new store's tables as they are now, without Alembic, whose import costs as much as a county's report."""
    Table.metadata.create_all(connection)
    VERSION.metadata.create_all(connection)
    connection.execute(insert(VERSION).values(version_num=SCHEMA))


def upgrade_tables(connection: Connection, schema: str = SCHEMA) -> None:
    """Bring an older store's tables to a schema, by default the newest, by the migrations."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, schema)
    except CommandError as error:
        raise StoreError("S07", "数据库的版本不是本程序所知道的", "它可能由更新的程序建立：请升级本程序。") from error
