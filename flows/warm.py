"""The warm process: has imported once what a run needs, and forks every run's process, which saves the importing: 2 to 3 seconds of each.

It has one thread, or a fork could hang; so nothing of Polars is loaded, which starts some, and no database is open. What the forked
processes need besides they import themselves. With other code on the disk than it has loaded it forks no more, and ends.
"""

import ctypes
import gc
import json
import os
import runpy
import select
import shlex
import signal
import socket
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.__main__ import spare_collecting

_ROOT = Path(__file__).parent.parent
# Libraries that the steps load together with Polars, and that start no thread themselves.
_BEFOREHAND = ("docx", "jinja2.sandbox", "lxml.etree", "markdown_it")
_ORDER_SECONDS = 5.0
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def meeting(home: Path) -> Path:
    """The socket at which the warm process takes orders; in Prefect's home, which is the owner's alone."""
    return home / "warm.sock"


def write_stub(home: Path) -> str | None:
    """Write the program that stands for Python where a run is started; None where files in Prefect's home cannot be executed."""
    program, stub = home / "python", Path(__file__).with_name("stub.py")
    words = shlex.join([sys.executable, "-I", "-S", str(stub), sys.executable, str(meeting(home))])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    return str(program) if os.access(program, os.X_OK) else None


@dataclass(frozen=True)
class Order:
    """What a stub lends the process that it stands for."""

    folder: str
    environment: dict[str, str]
    files: list[int]


class Warm:
    """What forks: each process that is under way, with the stub that stands for it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._wakes, self._awakens = socket.socketpair()
        for end in (self._wakes, self._awakens):
            end.settimeout(0)
        self._code, self._is_old = _code(), False
        self._runs: dict[int, socket.socket] = {}

    def serve(self) -> Order | None:
        """Fork a process for every order, until standard input ends or the code is another; in a forked one, its order is returned."""
        signal.set_wakeup_fd(self._awakens.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            watched: list[Any] = [0, self._wakes, *self._runs.values(), *([] if self._is_old else [self._listener])]
            ready, _, _ = select.select(watched, [], [])
            if self._wakes in ready:
                self._wakes.recv(1024)
                self._tell_ended()
            for process, stub in self._runs.items():
                if stub in ready:  # one that is gone was killed: so is what it stood for
                    os.kill(process, signal.SIGTERM if _received(stub) == b"T" else signal.SIGKILL)
            if self._listener in ready and _code() != self._code:
                self._is_old = True  # what is under way is let finish
                self._listener.close()
            elif self._listener in ready and (order := self._fork()):
                return order
            if 0 in ready or (self._is_old and not self._runs):
                return None

    def _tell_ended(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                with self._runs.pop(ended[0]) as stub, suppress(OSError):
                    stub.send(os.waitstatus_to_exitcode(ended[1]).to_bytes(2, "big", signed=True))

    def _fork(self) -> Order | None:
        stub, warm = self._listener.accept()[0], os.getpid()
        if (order := _read_order(stub)) is None:
            stub.close()
        elif process := os.fork():
            self._runs[process] = stub
            for file in order.files:
                os.close(file)
        else:
            ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)  # nobody would look after it
            if os.getppid() != warm:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            stub.send(b"S")
            for other in (*self._runs.values(), stub, self._listener, self._wakes, self._awakens):
                other.close()
            return order
        return None


def _read_order(stub: socket.socket) -> Order | None:
    """A stub's order; None of one that was killed before it had given it."""
    stub.settimeout(_ORDER_SECONDS)
    files, text = list[int](), b""
    try:
        head, files, _, _ = socket.recv_fds(stub, 4, 3)
        while (missing := int.from_bytes(head, "big") - len(text)) and (more := stub.recv(missing)):
            text += more
        told = json.loads(text)
        return Order(told["folder"], told["environment"], files)
    except (OSError, ValueError):
        for file in files:
            os.close(file)
        return None


def _received(stub: socket.socket) -> bytes:
    try:
        return stub.recv(1)
    except OSError:
        return b""


def _code() -> dict[str, int]:
    """When each file of the program was written."""
    return {str(path): path.stat().st_mtime_ns for room in ("flows", "perfeval", "schemas") for path in (_ROOT / room).rglob("*.py")}


def _is_alone() -> bool:
    """Whether this process has one thread, as far as it can be told."""
    threads = Path("/proc/self/task")
    return threads.is_dir() and len(list(threads.iterdir())) == 1


def become(order: Order) -> None:
    """Become the process that was ordered: its files, its folder, its environment."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for descriptor, file in enumerate(order.files):
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)
    sys.argv = ["prefect.engine"]


def main() -> None:
    """Import, then fork a process for every order; a forked one goes on as `python -m prefect.engine`."""
    spare_collecting()
    place = meeting(Path(os.environ["PREFECT_HOME"]))
    place.unlink(missing_ok=True)
    os.chdir(place.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place.name)
        listener.listen()
        import prefect.flow_engine
        import prefect.task_engine  # noqa: F401

        import flows.evaluation  # noqa: F401
        import perfeval.steps
        import perfeval.store  # noqa: F401

        for library in _BEFOREHAND:
            import_module(library)
        if not _is_alone():
            listener.close()  # runs are started cold
            os.read(0, 1)
            return
        gc.freeze()
        order = Warm(listener).serve()
    if order:
        become(order)
        warnings.filterwarnings("ignore", "'prefect.engine' found in sys.modules", RuntimeWarning)
        runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
