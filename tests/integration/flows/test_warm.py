"""The warm process and the stubs that stand for what it forks: whoever of them is killed, nothing is left behind, and runs start cold."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.warm import meeting, write_stub
from perfeval.packs import create_workspace

ROOT = Path(__file__).parents[3]


class Warm:
    """A warm process of a copy of the program, and how a runner starts runs with it."""

    def __init__(self, folder: Path, silent: socket.socket) -> None:
        self._silent = silent
        for room in ("flows", "perfeval", "schemas", "config"):
            shutil.copytree(ROOT / room, folder / "code" / room)
        create_workspace(folder / "office")
        self.code, home = folder / "code", folder / "home"
        home.mkdir()
        self.program = write_stub(home)
        self.environment = os.environ | {
            "PERFEVAL_WORKSPACE": str(folder / "office"), "PYTHONPATH": str(self.code), "PYTHONSAFEPATH": "1",
            "PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/api",
        }  # fmt: skip
        self.process = subprocess.Popen([sys.executable, "-m", "flows.warm"], env=self.environment, stdin=subprocess.PIPE)
        until(meeting(home).exists)

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        assert self.program
        environment = self.environment | variables
        return subprocess.Popen([self.program, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def hang(self) -> "subprocess.Popen[str]":
        """Start a run whose server never answers, and wait until it asks."""
        run = self.start("-m", "prefect.engine", PREFECT__FLOW_RUN_ID="11111111-1111-4111-8111-111111111111")
        self._silent.accept()[0].detach()
        return run

    def forked(self) -> list[int]:
        """The processes that it has forked."""
        return [int(word) for word in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(process: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        yield listener


@pytest.fixture
def warm(tmp_path: Path, silent: socket.socket) -> Iterator[Warm]:
    warm = Warm(tmp_path, silent)
    yield warm
    warm.process.kill()
    warm.process.communicate()


def test_run_is_executed_by_a_fork_as_if_python_had_been_started(warm: Warm) -> None:
    run = warm.start("-m", "prefect.engine", PREFECT__FLOW_RUN_ID="none")
    said, _ = run.communicate(timeout=60)
    assert (run.returncode, "Invalid flow run id" in said, "found in sys.modules" in said) == (1, True, False)
    assert warm.process.poll() is None
    warm.process.communicate(timeout=60)  # its keeper is gone
    assert warm.process.returncode == 0


def test_request_to_end_reaches_the_run(warm: Warm) -> None:
    run = warm.hang()
    (forked,) = warm.forked()
    run.terminate()
    run.communicate(timeout=60)
    assert run.returncode != 0
    until(lambda: is_gone(forked))


def test_killed_stub_takes_its_run_along(warm: Warm) -> None:
    run = warm.hang()
    (forked,) = warm.forked()
    run.kill()
    until(lambda: is_gone(forked) and warm.forked() == [])
    assert warm.process.poll() is None


def test_killed_run_ends_its_stub_alike(warm: Warm) -> None:
    run = warm.hang()
    os.kill(*warm.forked(), signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL


def test_killed_warm_process_takes_its_runs_along_and_the_next_starts_cold(warm: Warm) -> None:
    run = warm.hang()
    (forked,) = warm.forked()
    warm.process.kill()
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL
    until(lambda: is_gone(forked))
    cold = warm.start("-c", "print('cold')")
    assert (cold.communicate(timeout=60)[0], cold.returncode) == ("cold\n", 0)


def test_other_code_is_never_run_by_an_old_process_and_what_is_under_way_is_let_finish(warm: Warm) -> None:
    run = warm.hang()
    (warm.code / "perfeval" / "steps.py").touch()
    cold = warm.start("-c", "print('cold')")
    assert cold.communicate(timeout=60)[0] == "cold\n"
    assert (run.poll(), warm.process.poll()) == (None, None)
    run.kill()
    assert warm.process.wait(60) == 0
