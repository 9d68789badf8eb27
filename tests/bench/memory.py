"""Whether what stays up grows with the runs that it starts: memory of server, runner or worker, and the warm process, after each of many.

    python tests/bench/memory.py [--runs N]

One run of an office is made to go on again and again from its gate, a process for each time; once with the server's own runner, once with
a worker that takes runs from a pool. Target: at most 1.2 times of what stood after the first ten.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from waits import CLERK, enrolled, until, working

from flows.client import Address, Client

FEW, RATIO = 10, 1.2
STAYING = ("flows.door", "flows.runner", "flows.worker", "flows.warm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    asked = parser.parse_args()
    os.environ |= {"PERFEVAL_KEY": "an invented key for measuring"}
    for name, options in (("runner", ["serve"]), ("worker", ["serve", "--no-worker"])):
        with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as folder, office(Path(folder) / name, options) as client:
            few, many = go_on(Path(folder) / name, client, asked.runs)
        for process, one in few.items():
            ratio = many[process] / one
            met = "met" if ratio <= RATIO else "MISSED"
            sys.stdout.write(
                f"{name:7} {process:13} after {FEW} runs {one:6.1f} MB   after {asked.runs} {many[process]:6.1f} MB   "
                f"{ratio:4.2f} ×   target ≤ {RATIO}  {met}\n"
            )


@contextmanager
def office(folder: Path, options: Sequence[str]) -> Iterator[Client]:
    """A new sample office, served; where its server has no runner, with a worker."""
    enrolled(folder)
    note = folder / ".perfeval" / "server.json"
    with typed(folder, *options, "--port", "0") as server:
        until(note.exists)
        told = json.loads(note.read_text())
        client = Client(Address(told["url"], told["url"], told["machine"]))
        with typed(folder, *(["worker", "--server", told["url"]] if "--no-worker" in options else ["status"])) as worker:
            try:
                yield client
            finally:
                worker.terminate()
                server.terminate()


def typed(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    """A command in an office."""
    return subprocess.Popen([sys.executable, "-m", "flows", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def go_on(folder: Path, client: Client, runs: int) -> tuple[dict[str, float], dict[str, float]]:
    """The memory of what stays up after a few of so many runs, and after all."""
    until(lambda: client.find_deployment() is not None)
    deployment = client.find_deployment()
    assert deployment
    run = client.start_run(deployment.id, {"year": 2022, "programme": "zdxm", "prepared_by": CLERK})
    few: dict[str, float] = {}
    for count in range(1, runs + 1):
        until(lambda: (found := client.read_run(run.id)) is not None and found.type == "PAUSED")
        if count == FEW:
            few = resident(folder)
        if count < runs:
            client.move(run.id)
    time.sleep(1)
    return few, resident(folder)


def resident(folder: Path) -> dict[str, float]:
    """Megabytes of memory that each process which stays up has."""
    states = working(folder)
    words = {process: Path(f"/proc/{process}/cmdline").read_text().split("\0") for process in states}
    found: dict[str, float] = {}
    for process, state in states.items():
        for name in STAYING:
            if name in words[process] and name not in words.get(int(state[1]), []):  # what was forked of it has its name too
                found[name] = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return found


if __name__ == "__main__":
    main()
