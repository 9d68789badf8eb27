"""One port, one command: the server and the runner as two child processes of whoever needs them.

`perfeval serve` keeps them until it is told to end, a keeper as long as commands need them (flows.keeping). Everything they write lies in
the workspace's state folder.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from flows.client import DEPLOYMENT, MACHINE, Address, Client
from flows.database import URL_VARIABLE, begin_database, database_address
from flows.offices import doors, keep_doors, labelled, named, told
from perfeval.approvals.keys import derive_key
from perfeval.errors import ServerError, UsageError, refusal
from perfeval.office import WORKSPACE_VARIABLE
from perfeval.workspace import Workspace, secret_key

if TYPE_CHECKING:
    from perfeval.certificate import Certificate

HOST = "127.0.0.1"
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  # compared, not bound
SCHEDULE = "PERFEVAL_SCHEDULE"
ORIGIN = "PERFEVAL_ORIGIN"
UNOPENED = "PERFEVAL_UNOPENED"
TLS = "PERFEVAL_TLS"
_STARTUP_SECONDS = 180
_STOP_SECONDS = 10
_LOOK_SECONDS = 0.1
# A child that ends so often without having lived so long is not started again.
RESTARTS = 5
_LIVED_SECONDS = 60
_LEAST_FREE = 20_000_000
# A server lives for years, and what its database does not answer for a day fills a log. The end is what tells why.
_LOG_BYTES, _LOG_END_BYTES = 20_000_000, 1_000_000
_TRIM_SECONDS = 60
POOL_TYPE, PROCESSES = "PERFEVAL_POOL_TYPE", "process"
# Each of Prefect's clients loads the authorities that it would trust over TLS, also where there is none: all the world's take 18 ms and
# 0.8 MB, that of nobody next to nothing.
_NOBODY = Path(__file__).with_name("nobody.pem")


def pool_type() -> str:
    """Of which kind the workers' pool is, as the environment says."""
    return os.environ.get(POOL_TYPE) or PROCESSES


def environment(workspace: Workspace, address: Address) -> dict[str, str]:
    """The environment of everything that talks to this workspace's Prefect.

    PREFECT_ variables of the caller are dropped: somebody's cloud profile must not receive a county's ledgers.
    """
    home = workspace.state / "prefect"
    # Prefect's database is the server's alone: everything else asks the server.
    dropped = ("PREFECT_", URL_VARIABLE)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped) and not _is_socks(name, value)}
    kept |= _without_proxy(address.url)
    # A pool's worker hands on to its jobs where the file lies, and on another machine it lies elsewhere.
    is_plain = not address.url.startswith("https:") and pool_type() == PROCESSES
    if authorities := address.root or (str(_NOBODY) if is_plain else ""):
        kept["PREFECT_API_SSL_CERT_FILE"] = authorities
    return kept | {
        WORKSPACE_VARIABLE: str(workspace.root),
        ORIGIN: address.origin,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"{address.url}/api",
        # The door knows who asks; behind it Prefect asks nobody.
        "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps({MACHINE: address.machine}),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        "DO_NOT_TRACK": "1",
        "SQLITE_TMPDIR": str(home),  # of all disks only that of the workspace must have room
        "PYTHONSAFEPATH": "1",  # a random.py in the folder the command is typed in is not ours
    }


def _without_proxy(url: str) -> dict[str, str]:
    """The variables that keep an office's proxy out of the way to our own server; where both are set, the lower-case one counts."""
    told = [name.strip() for variable in ("NO_PROXY", "no_proxy") for name in os.environ.get(variable, "").split(",")]
    names = dict.fromkeys(filter(None, [*told, HOST, "localhost", "::1", urlsplit(url).hostname]))
    text = "*" if "*" in names else ",".join(names)  # a star among others says nothing to some programs
    return {"NO_PROXY": text, "no_proxy": text}


def _is_socks(name: str, value: str) -> bool:
    """Whether a variable names a proxy that Prefect's client cannot even be started with."""
    return name.lower().endswith("_proxy") and value.lower().startswith("socks")


def end_with_parent() -> None:
    """End this process when its parent is gone: the parent holds the other end of our standard input."""

    def wait() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGINT)
        # Prefect's server waits without end for a database that is gone, and holds the port meanwhile.
        time.sleep(_STOP_SECONDS)
        os._exit(1)

    # A shell starts background jobs with the signal ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=wait, daemon=True).start()


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process that ends with its parent, and whatever it started: it leads a process group."""
    if process.stdin:
        process.stdin.close()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    finally:  # also where we are told once more
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_when_told() -> None:
    """Have what a service manager says, and a terminal that is closed, end a command as Ctrl-C does; not one that shall outlive it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


class _Child:
    """A child process with its own log, in a process group of its own: Ctrl-C reaches us and not them.

    One that ends while what it needs `is_there` no more has not failed, and is started again when that is back.
    """

    def __init__(
        self,
        module: str,
        environment: dict[str, str],
        log: Path,
        listeners: Sequence[socket.socket] = (),
        *,
        is_needed: bool = True,
        is_there: Callable[[], bool] = lambda: True,
    ) -> None:
        self._is_needed, self._is_there = is_needed, is_there
        self._files = [listener.fileno() for listener in listeners]
        self._command = [sys.executable, "-m", module, *map(str, self._files)]
        self._environment = environment
        self._log = log
        self._starts = 0
        log.unlink(missing_ok=True)
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                self._command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
                start_new_session=True, pass_fds=self._files,
            )  # fmt: skip
        self._starts += 1
        self._started = time.monotonic()

    def revive(self) -> None:
        """Start the child again if it has ended.

        Raises: ServerError: when it ends again and again.
        """
        if self._process.poll() is None:
            return
        if not self._is_there():
            self._starts = 0
            return
        if not has_failed(self._process.returncode, time.monotonic() - self._started):
            self._starts = 0
        if self._starts > RESTARTS and not self._is_needed:
            return
        if self._starts > RESTARTS:
            raise ServerError("P02", "服务进程反复退出", what_to_do(self._log))
        self.stop()
        self.start()

    def trim(self) -> None:
        """Leave of a log that has grown too long its end; the child appends, and goes on behind that."""
        with suppress(OSError), self._log.open("r+b") as log:  # no log is worth a server
            if log.seek(0, os.SEEK_END) > _LOG_BYTES:
                log.seek(-_LOG_END_BYTES, os.SEEK_END)
                end = log.read().partition(b"\n")[2]
                log.seek(0)
                log.write(end)
                log.truncate()

    def stop(self) -> None:
        """End the child and whatever it started."""
        end_group(self._process)


class Server:
    """Prefect's server and runner for one workspace or several, as children of this process; with a certificate it speaks TLS.

    Each workspace has a door of its own, at the ports from `port` on, which stays its own whoever is served beside it; what
    Prefect keeps lies in the first. `pooled` has no runner: workers take the runs from a pool, wherever they are. Beside those that
    are `unopened`, by folder with why, one alone stays one of several.
    """

    def __init__(
        self,
        workspaces: Sequence[Workspace],
        host: str = HOST,
        port: int = 0,
        certificate: "Certificate | None" = None,
        *,
        pooled: bool = False,
        unopened: Mapping[str, str] | None = None,
    ) -> None:
        shared = bool(unopened) or len(workspaces) > 1
        if certificate and host not in {HOST, *EVERYWHERE}:
            raise UsageError("P16", f"--tls 时 --host 不能写 {host}", "只给本机用不写 --host；给其他电脑用写 --host 0.0.0.0。")
        self._home = workspaces[0].state / "prefect"
        labels = list(labelled(workspaces, shared=shared))
        self._listeners = _listen(host, port, workspaces, shared=shared)
        scheme = "https" if certificate else "http"
        local = HOST if host in EVERYWHERE else host
        shown = certificate.host if certificate else _shown(host)
        root = str(certificate.root) if certificate else ""
        machine = machine_secret() if pooled else secrets.token_urlsafe(24)
        self.addresses = [
            Address(f"{scheme}://{_bracketed(local)}:{number}", f"{scheme}://{_bracketed(shown)}:{number}", machine, root, deployment)
            for number, deployment in zip(map(_number, self._listeners), (named(DEPLOYMENT, label) for label in labels), strict=True)
        ]
        self._pooled, self._units = pooled, [workspace.unit for workspace in workspaces]
        origins = " ".join(address.origin for address in self.addresses)
        self.environment = environment(workspaces[0], self.address) | told(workspaces, shared=shared)
        self.environment |= {ORIGIN: origins, UNOPENED: json.dumps(unopened or {})}
        if certificate:
            self.environment[TLS] = str(certificate.server)
        self._children: list[_Child] = []
        self._trimmed_at = time.monotonic()

    @property
    def address(self) -> Address:
        """That of the first office."""
        return self.addresses[0]

    def __enter__(self) -> Self:
        """Start all and wait until the server answers.

        Raises: ServerError: when it does not.
        """
        home = self._home
        home.mkdir(mode=0o700, exist_ok=True)
        begin_database(home / "prefect.db")
        try:
            # We hold the listening socket: who comes too early waits, and a restarted server finds its port.
            server = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database_address(home / "prefect.db")}
            # Its many threads would each keep memory of their own from the C library, which grows for weeks.
            server["MALLOC_ARENA_MAX"] = "2"
            self._children.append(_Child("flows.door", self.environment | server, home / "server.log", self._listeners))
            if os.environ.get(URL_VARIABLE):
                self._await_health(home)
                self._refuse_anothers_database()
            if not self._pooled:
                self._children.append(_Child("flows.warm", self.environment, home / "warm.log", is_needed=False))
                # Prefect's runner gives up soon while Prefect's database is away; Prefect's server stays, and is not ready.
                is_ready = Client(self.address).is_ready
                self._children.append(_Child("flows.runner", self.environment, home / "runner.log", is_there=is_ready))
            self._await_health(home)
            if self._pooled:
                self._register(home / "worker.log")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End all, the runner first."""
        for child in reversed(self._children):
            child.stop()
        for listener in self._listeners:
            listener.close()

    def _await_health(self, home: Path) -> None:
        deadline = time.monotonic() + _STARTUP_SECONDS
        client = Client(self.address)
        while not client.is_ready():
            self.tend()
            time.sleep(_LOOK_SECONDS)
            if time.monotonic() > deadline:
                raise ServerError("P03", f"服务在 {_STARTUP_SECONDS} 秒内没有启动", what_to_do(home / "server.log"))

    def _refuse_anothers_database(self) -> None:
        """Other units' runner would do our runs in its own workspace, where the deployments have the same name; and ours rests theirs."""
        others = Client(self.address).find_others(self._units)
        for address, unit in zip(self.addresses, self._units, strict=True):
            served = Client(address).find_deployment()
            if served and served.tags and unit not in served.tags:
                others += served.tags
        if others:
            hint = f"一个服务用一个库：另建一个空库，写到 {URL_VARIABLE}。单位改过名称的也这样做，各项自评从审批记录接着进行。"
            raise ServerError("P33", f"Prefect 的数据库已由另一个单位使用：{'、'.join(dict.fromkeys(others))}", hint)

    def _register(self, log: Path) -> None:
        with log.open("wb") as output:
            command = [sys.executable, "-m", "flows.worker", "register"]
            done = subprocess.run(command, check=False, env=self.environment, stdout=output, stderr=output)  # noqa: S603  # our own module
        if done.returncode:
            raise ServerError("P21", "工作池没有建成", what_to_do(log))

    def tend(self) -> None:
        """Start again what has died, and keep the logs short."""
        for child in self._children:
            child.revive()
        if time.monotonic() > self._trimmed_at + _TRIM_SECONDS:
            self._trimmed_at = time.monotonic()
            for child in self._children:
                child.trim()


def has_failed(code: int, seconds: float) -> bool:
    """Whether a process that ended so after this time has failed by itself: not who was killed, nor who had lived long."""
    return code != -signal.SIGKILL and seconds <= _LIVED_SECONDS


def has_room(folder: Path) -> bool:
    """Whether a server can still write into its folder."""
    return shutil.disk_usage(folder).free >= _LEAST_FREE


def make_room(folder: Path) -> str:
    """What to do where a folder's disk is full."""
    return f"磁盘空间不足（{folder}）：腾出空间后执行 perfeval run，会从中断处接着进行。"


def what_to_do(log: Path) -> str:
    """What is told of a server that does not stay up. Most of the time its disk is full, of which no log may tell then."""
    if not has_room(log.parent):
        return make_room(log.parent)
    if os.environ.get(URL_VARIABLE):
        return f"检查环境变量 {URL_VARIABLE}：所指的数据库是否开着，地址和口令是否正确。然后执行 perfeval run，会从中断处接着进行。"
    moved = f"把文件夹 {log.parent} 移到别处，再执行一次，各项自评从审批记录接着进行，不会丢失"
    return f"执行 perfeval run，会从中断处接着进行；仍不行的，Prefect 的数据库可能已损坏：{moved}。日志：{log}。"


def machine_secret() -> str:
    """By what workers on other machines prove themselves to the server: who has the office's key can make it.

    Raises: UsageError: the environment has no key.
    """
    return derive_key(secret_key(), "machine").hex()


def _listen(host: str, port: int, workspaces: Sequence[Workspace], *, shared: bool) -> list[socket.socket]:
    """Sockets at the ports from `port` on, where they are `shared` each at its door's; at any free ones where it is 0."""
    numbers = doors(workspaces) if shared and port else [0] * len(workspaces)
    with ExitStack() as stack:
        listeners = [stack.enter_context(_listen_at(host, port and port + number)) for number in numbers]
        stack.pop_all()
    if shared and port:
        keep_doors(workspaces, numbers)
    return listeners


def _number(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _listen_at(host: str, port: int) -> socket.socket:
    if not host:
        raise UsageError("P15", "--host 不能为空", "写本机地址，如 127.0.0.1；所有地址写 0.0.0.0。")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = refusal(error) if isinstance(error, OSError) else "端口最大是65535"
        raise UsageError(
            "P01", f"不能在 {host}:{port} 上启动服务：{reason}", "用 --port 换一个端口，例如 --port 4201；--host 应为本机地址。"
        ) from error
    listener.listen(128)
    return listener


def _shown(host: str) -> str:
    # Only under this name does a browser without certificate let a device sign.
    return "localhost" if host in {HOST, "::1", "localhost"} else socket.gethostname() if host in EVERYWHERE else host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
