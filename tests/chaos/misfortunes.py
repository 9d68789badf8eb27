"""What may befall an office while it types a command: each a block, after which the cause is gone, though not what it has left.

A misfortune gives the environment variables that the command is typed with meanwhile.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

from cluster import Cluster
from terminal import Strike, Terminal, like

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@dataclass
class Place:
    """An office, and what it stands on: a small disk of its own where one can be mounted, a cluster where its databases are there."""

    terminal: Terminal
    chance: random.Random
    variables: dict[str, str]
    disk: Path | None = None
    cluster: Cluster | None = None
    is_pooled: bool = False
    port: int = 0
    words: tuple[str, ...] = ()
    beside: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """The office's state folder."""
        return self.terminal.folder / ".perfeval"

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command beside the one that is typed."""
        started = self.terminal.start(*words, **self.variables | variables)
        self.beside.append(started)
        return started

    def end_all(self) -> None:
        """A power cut for all that works here."""
        while found := self.terminal.processes() | self.terminal.commands():
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.1)


Misfortune = Callable[[Place], AbstractContextManager[dict[str, str]]]


def forked(found: dict[int, str]) -> list[int]:
    """The processes that a warm one has forked, of runs."""
    warm = like("flows.warm")(found)
    return [process for process in warm if _parent(process) in warm]


def _parent(process: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[1])
    return 0


def killed(name: str, victims: Callable[[dict[int, str]], list[int]]) -> Misfortune:
    """Kill -9 of somebody at some moment of the command."""

    @contextmanager
    def kill(place: Place) -> Iterator[dict[str, str]]:
        with Strike(place.terminal, victims, place.chance.choice([place.chance.uniform(0, 2), place.chance.uniform(0, 8)])):
            yield {}

    kill.__name__ = f"killed_{name}"
    return kill


@contextmanager
def killed_command(place: Place) -> Iterator[dict[str, str]]:
    """The terminal's window is closed."""
    with Strike(place.terminal, like(f"-m flows {place.words[0]} "), place.chance.uniform(0, 6)):
        yield {}


@contextmanager
def power_cut(place: Place) -> Iterator[dict[str, str]]:
    """Everything dies at once, the command too."""
    with Strike(place.terminal, list, place.chance.uniform(0, 8)):
        yield {}


def locked(*parts: str) -> Misfortune:
    """Somebody else holds a database for half a minute."""

    @contextmanager
    def lock(place: Place) -> Iterator[dict[str, str]]:
        file = place.state.joinpath(*parts)
        if not file.exists():  # Prefect's is not made yet
            file = place.state / "store.db"
        connection = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
        end = Timer(30, connection.close)
        end.start()
        yield {}
        end.join()

    lock.__name__ = f"locked_{parts[-1]}"
    return lock


@contextmanager
def disk_full(place: Place) -> Iterator[dict[str, str]]:
    """The disk is full, or nearly."""
    assert place.disk
    filler = place.disk / "filler"
    free = shutil.disk_usage(place.disk).free - place.chance.choice([0, 0, 50_000, 500_000, 2_000_000])
    with suppress(OSError), filler.open("wb", buffering=0) as file:  # the office writes meanwhile: it may be full a little earlier
        for _ in range(max(free, 0) // 4096):
            file.write(bytes(4096))
    yield {}
    filler.unlink()


def read_only(part: str) -> Misfortune:
    """A folder of the workspace takes no writing."""

    @contextmanager
    def refuse(place: Place) -> Iterator[dict[str, str]]:
        folder = place.terminal.folder / part
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield {}
        subprocess.run(["umount", "-l", folder], check=True)

    refuse.__name__ = f"read_only_{part or 'workspace'}"
    return refuse


@contextmanager
def prefect_lost(place: Place) -> Iterator[dict[str, str]]:
    """Prefect's database is gone; the store stands."""
    place.end_all()
    if place.cluster:
        place.cluster.make("prefect")
    shutil.rmtree(place.state / "prefect", ignore_errors=True)
    yield {}


@contextmanager
def store_lost(place: Place) -> Iterator[dict[str, str]]:
    """The store is gone, and comes back from a backup."""
    place.end_all()
    backup = {file: file.read_bytes() for file in place.state.glob("store.db*")}
    for file in backup:
        file.unlink()
    yield {}
    place.end_all()
    for file in place.state.glob("store.db*"):
        file.unlink()
    for file, content in backup.items():
        file.write_bytes(content)


@contextmanager
def artifact_damaged(place: Place) -> Iterator[dict[str, str]]:
    """One of the files that are kept reads otherwise, until it is restored from a backup."""
    files = sorted(path for path in (place.state / "artifacts").glob("*/*") if path.is_file())
    damaged = {file: file.read_bytes() for file in place.chance.sample(files, min(3, len(files)))}
    for file in damaged:
        file.write_bytes(b"damaged")
    yield {}
    for file, content in damaged.items():
        file.write_bytes(content)


def clock(shift: str) -> Misfortune:
    """This machine's clock is wrong."""

    @contextmanager
    def shifted(place: Place) -> Iterator[dict[str, str]]:
        place.end_all()
        yield {"LD_PRELOAD": str(FAKETIME), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        place.end_all()

    shifted.__name__ = f"clock{shift}"
    return shifted


@contextmanager
def typed_twice(place: Place) -> Iterator[dict[str, str]]:
    """Two people type the same command."""
    place.start(*place.words)
    yield {}


@contextmanager
def served_twice(place: Place) -> Iterator[dict[str, str]]:
    """Two people start the server meanwhile."""
    both = [place.terminal.start("serve", "--port", "0", **place.variables) for _ in range(2)]
    time.sleep(place.chance.uniform(0, 5))
    yield {}
    while all(served.poll() is None for served in both):  # one finds that the other is up
        time.sleep(0.1)
    for served in both:
        served.terminate()
    ended = [served.communicate(timeout=60)[1] for served in both]
    # Whoever came second was told of the first.
    assert sorted(served.returncode for served in both) in ([0, 2], [2, 0]), ended
    assert [told for told in ended if "已在运行" in told], ended


def database_gone(*, by_force: bool) -> Misfortune:
    """The database's server is away for some seconds."""

    @contextmanager
    def gone(place: Place) -> Iterator[dict[str, str]]:
        assert place.cluster

        def strike() -> None:
            (place.cluster.kill if by_force else place.cluster.stop)()
            time.sleep(place.chance.uniform(0, 8))
            place.cluster.start()

        end = Timer(place.chance.uniform(0, 6), strike)
        end.start()
        yield {}
        end.join()

    gone.__name__ = "killed_database" if by_force else "stopped_database"
    return gone


EVERYWHERE: tuple[Misfortune, ...] = (
    killed("run", forked),
    killed("stub", like("flows/stub.py")),
    killed("warm", like("flows.warm")),
    killed("runner", like("flows.runner")),
    killed("server", like("flows.door")),
    killed("keeper", like("flows.keeping")),
    killed_command,
    power_cut,
    prefect_lost,
    artifact_damaged,
    typed_twice,
    served_twice,
)
ON_SQLITE: tuple[Misfortune, ...] = (locked("store.db"), locked("prefect", "prefect.db"), store_lost)
ON_A_DISK: tuple[Misfortune, ...] = (disk_full, disk_full, read_only(""), read_only(".perfeval"), read_only("archive"))
ON_CLOCKS: tuple[Misfortune, ...] = (clock("+1d"), clock("-2h"), clock("-3d"))
ON_POSTGRESQL: tuple[Misfortune, ...] = (database_gone(by_force=True), database_gone(by_force=False), database_gone(by_force=True))
IN_A_POOL: tuple[Misfortune, ...] = (
    killed("worker", like(r"flows\.worker")),  # the process, not the command, which begins again
    killed("run", like("prefect.engine")),
    killed("server", like("flows.door")),
    killed("keeper", like("flows serve")),
    killed_command,
    power_cut,
    prefect_lost,
    typed_twice,
    *ON_POSTGRESQL,
)
