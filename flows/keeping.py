"""Who keeps a workspace's server, and how it is found: `perfeval serve` for people; for commands a keeper, which stays some idle minutes.

Whoever keeps one holds `server.lock` and leaves its address in the note; a command holds `server.users` as long as it uses it. Both
locks are the kernel's and end with their process: a note left by one that was killed is never believed.
"""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from flows.client import DEPLOYMENT, Address, Client
from flows.database import URL_VARIABLE
from flows.offices import labelled
from flows.serve import HOST, SCHEDULE, Server, has_room, make_room, what_to_do
from perfeval.errors import PerfevalError, ServerError, UsageError
from perfeval.office import WORKSPACE_VARIABLE, Office, has_keeper, this_office
from perfeval.version import source_digest, version
from perfeval.workspace import Workspace

if TYPE_CHECKING:
    from flows.conduct import Conductor
    from perfeval.certificate import Certificate

IDLE = "PERFEVAL_IDLE_MINUTES"
_IDLE_MINUTES = "10"
_STARTUP_SECONDS = 180
_LOOK_SECONDS = 0.1
_TEND_SECONDS = 0.5
_FULL_SECONDS = 30
_ENDING_SECONDS = 5.0


class ServedError(UsageError):
    """Another keeps a server for this workspace."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a keeper leaves for others: where its server is, and for whom it is: all, or commands of one program alone.

    `keeper` is the process that ends when it is told to; 0 where none does.
    """

    address: Address
    keeper: int
    program: str


@contextmanager
def conducting(office: Office, show: Callable[[str], None] = lambda _: None) -> Iterator[tuple["Conductor", Address]]:
    """A conductor on the server that is up, and its address; else on one that a keeper starts, which has none for people.

    `show` is told each step's name as it begins.

    Raises: UsageError: the office's key is not there, without which nothing can be recorded. ServerError: no server starts.
    """
    from flows.conduct import Conductor

    _ = office.key  # asked for before a server is started, which would end for want of it again and again
    with (office.workspace.state / "server.users").open("a") as users:
        address, tend = _join(office.workspace, users)
        try:
            yield Conductor(office, Client(address), tend, show=show), address
        except ServerError as error:
            tend(_ENDING_SECONDS)  # why its keeper gives up says more than that nobody answers
            if not has_room(office.workspace.state):  # whatever a server without room answers
                error.hint = make_room(office.workspace.state)
            raise


@contextmanager
def keeping(
    offices: Sequence[Office],
    host: str,
    port: int,
    certificate: "Certificate | None" = None,
    *,
    for_people: bool = True,
    makes_room: bool = True,
    pooled: bool = False,
    unopened: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server that others find, for as long as the block lasts; else than `for_people`, commands of this program alone.

    `makes_room`: what keeps a server for commands alone is told to end first; with it, one for commands can itself not be
    told. `pooled` is for workers; those `unopened` are told of, by folder with why.

    Raises: ServedError: when one is up already. UsageError: the port is taken, or two are the same unit. StoreError: the key is another.
    """
    for office in offices:
        office.refuse_other_key()
    labelled([office.workspace for office in offices])  # who is there twice would wait for itself
    with ExitStack() as stack:
        # In one order, whatever they are typed in: two who name the same would else each wait for what the other holds.
        for workspace in sorted((office.workspace for office in offices), key=lambda item: item.root):
            stack.enter_context(_claim(workspace, makes_room=makes_room))
        server = Server([office.workspace for office in offices], host, port, certificate, pooled=pooled, unopened=unopened)
        if for_people:
            server.environment[SCHEDULE] = "on"
        stack.enter_context(server)
        for office, address in zip(offices, server.addresses, strict=True):
            shown = {"program": "", "origin": address.origin} if for_people else {"program": _program(office.workspace), "origin": ""}
            ends = for_people or not makes_room
            # It holds the processes' secret, which is of no use once this server has ended.
            with os.fdopen(os.open(office.server_note, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                json.dump(asdict(address) | {"keeper": os.getpid() if ends else 0} | shown, file)
            stack.callback(office.server_note.unlink, missing_ok=True)
        yield server


def kept(workspace: Workspace) -> Note | None:
    """What the keeper of this workspace's server has left, if that server answers."""
    note = _read_note(workspace) if has_keeper(workspace) else None
    return note if note and Client(note.address).is_ready() else None


def kept_for_people(workspace: Workspace) -> bool:
    """Whether people have a server for this workspace."""
    note = kept(workspace)
    return note is not None and not note.program


def _join(workspace: Workspace, users: IO[str]) -> tuple[Address, Callable[..., None]]:
    """Use the server that is up, or start a keeper: its address, and what tells, while it is used, why it is not worth waiting."""
    log, program = workspace.state / "prefect" / "keeper.log", _program(workspace)
    keeper: subprocess.Popen[bytes] | None = None
    had_room_at = time.monotonic()

    def tend(seconds: float = 0) -> None:
        nonlocal had_room_at
        if keeper and _ended(keeper, seconds):
            raise _told(log)
        if has_room(workspace.state):
            had_room_at = time.monotonic()
        elif time.monotonic() > had_room_at + _FULL_SECONDS:  # what nobody can write down, nobody can wait for
            raise ServerError("P25", "磁盘空间不足，运行停住了", make_room(workspace.state))

    deadline = time.monotonic() + _STARTUP_SECONDS
    while True:
        fcntl.flock(users, fcntl.LOCK_SH)  # nobody ends it now
        note = kept(workspace)
        if note and note.program in {"", program}:
            return note.address, tend
        fcntl.flock(users, fcntl.LOCK_UN)
        if time.monotonic() > deadline:
            raise _occupied(workspace)
        tend()
        if note:
            _end(note)
        elif keeper is None or keeper.poll() == 0:  # which another's keeper had come before
            keeper = _start_keeper(workspace, log)
        time.sleep(_LOOK_SECONDS)


def _program(workspace: Workspace) -> str:
    """What a server was started with. After an upgrade, or with another key, database or setting, a command needs another one."""
    passing = {IDLE, WORKSPACE_VARIABLE, "PERFEVAL_JSON"}
    given = sorted(item for item in os.environ.items() if item[0].startswith(("PERFEVAL_", "AWS_")) and item[0] not in passing)
    told = [str(version()), source_digest(), sys.executable, workspace.config_file.read_text(encoding="utf-8"), given]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _start_keeper(workspace: Workspace, log: Path) -> "subprocess.Popen[bytes]":
    log.parent.mkdir(mode=0o700, exist_ok=True)
    variables = os.environ | {WORKSPACE_VARIABLE: str(workspace.root), "PYTHONSAFEPATH": "1"}
    with log.open("wb") as told:
        return subprocess.Popen(  # our own module
            [sys.executable, "-m", "flows.keeping"],
            env=variables, stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True,
        )  # fmt: skip


def _ended(keeper: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether it has given up, or does so in this time."""
    try:
        return keeper.wait(seconds) != 0
    except subprocess.TimeoutExpired:
        return False


def _told(log: Path) -> ServerError:
    """Why a keeper gave up."""
    try:
        return ServerError(*json.loads(log.read_text(encoding="utf-8").splitlines()[-1]))
    except (OSError, ValueError, TypeError, IndexError):
        return ServerError("P20", "管理服务的进程意外结束", what_to_do(log))


def _occupied(workspace: Workspace) -> ServerError:
    """Why nobody gets in: the server that is kept has lost its database, or another command goes on."""
    note = _read_note(workspace) if has_keeper(workspace) else None
    if note and Client(note.address).lacks_database():
        hint = f"检查启动服务时环境变量 {URL_VARIABLE} 所指的数据库是否开着；恢复后服务自己接着办理，再执行一次。"
        return ServerError("P34", "本工作区的服务连不上 Prefect 的数据库", hint)
    return ServerError("P06", "本工作区正被另一个 perfeval 命令占用", "等它结束后再试。")


def _end(note: Note) -> None:
    """Tell a keeper to end, once no command uses its server; a batch's goes on to its end."""
    if note.keeper:
        with suppress(ProcessLookupError):
            os.kill(note.keeper, signal.SIGTERM)


@contextmanager
def _claim(workspace: Workspace, *, makes_room: bool) -> Iterator[None]:
    """Hold this workspace's server lock; who `makes_room` has a keeper that commands alone use end.

    Raises: ServedError: another keeps a server. ServerError: another holds it without end.
    """
    with (workspace.state / "server.lock").open("a") as lock:
        deadline = time.monotonic() + _STARTUP_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            note = kept(workspace)
            if note and note.program and makes_room:
                if not note.keeper:
                    raise _occupied(workspace)
                _end(note)
            elif note:
                message = f"本工作区的服务已在运行：{note.address.origin}"
                raise ServedError("P05", message, "直接在浏览器打开；如需重启，先结束原来的 perfeval serve。")
            if time.monotonic() > deadline:
                raise _occupied(workspace)
            time.sleep(_LOOK_SECONDS)
        _note(workspace).unlink(missing_ok=True)
        yield


def _note(workspace: Workspace) -> Path:
    return workspace.state / "server.json"


def _read_note(workspace: Workspace) -> Note | None:
    try:
        told = json.loads(_note(workspace).read_text(encoding="utf-8"))
        url, origin, machine, root = (told[name] for name in ("url", "origin", "machine", "root"))
        address = Address(url, origin, machine, root, told.get("deployment", DEPLOYMENT))
        return Note(address, told.get("keeper", 0), told.get("program", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(office: Office, idle_seconds: float, is_told_to_end: Callable[[], bool]) -> None:
    """Keep a server until no command has used it for so long, or none uses it and it is told to end."""
    with (
        keeping([office], HOST, 0, for_people=False, makes_room=False) as server,
        (office.workspace.state / "server.users").open("a") as users,
    ):
        used_at = time.monotonic()
        while True:
            server.tend()
            time.sleep(_TEND_SECONDS)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                used_at = time.monotonic()
                continue
            if is_told_to_end() or time.monotonic() - used_at >= idle_seconds:
                office.server_note.unlink(missing_ok=True)  # whoever comes now starts another
                return
            fcntl.flock(users, fcntl.LOCK_UN)


def main() -> None:
    """Keep a server for commands; why that fails is told in the last line."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        minutes = os.environ.get(IDLE) or _IDLE_MINUTES
        if not minutes.isdecimal():
            raise UsageError("P19", f"环境变量 {IDLE} 应为整数，现在是“{minutes}”", "写服务空闲几分钟后结束，如 10；不设置就是 10。")
        keep(this_office(), int(minutes) * 60, lambda: bool(told))
    except ServedError:
        return  # by whom the command will find it
    except PerfevalError as error:
        sys.stdout.write(json.dumps([error.code, error.message, error.hint]) + "\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
