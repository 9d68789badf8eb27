"""Time and memory of the whole job (ledgers → checks → facts → scores → Word → kept) against two others doing the same.

    python tests/bench/bench.py [--rival PYTHON] [--runs N] [--rows 1000000] [--case county|long] [--json FILE]

ours      the steps of perfeval, with a store of their own
core      perfeval's functions without the store, as `check`, `score` and `draft` call them, and what the steps keep
straight  a Polars script that does the same by hand
stack     what a unit would take instead: pandas, openpyxl, pandera[pandas], docxtpl, in the interpreter `--rival`

`county` is a unit with 13 small workbooks, `long` the same with a long expenditure csv. Every run is a fresh process; all take
turns, so that a busy machine hurts them alike. Medians of CPU seconds (user and system) of the whole process and of the work
after loading, and of peak memory. Facts, scores and the rows of every finding that all look for must be equal, or nothing is timed
and the exit code is 1. Rules and narrative are the bench's own and frozen (`workspace/`), so that figures of two days can be held
against each other; perfeval is timed with all its checks, of which the others do some.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONTESTANTS = {"ours": ("ours.py",), "core": ("ours.py", "core"), "straight": ("straight.py",), "stack": ("stack.py",)}
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PERFEVAL_KEY": "an invented key for measuring"}
COMPARED = ("facts", "scores", "findings")
Medians = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Run:
    """One finished process: CPU seconds, those after loading, peak memory in MiB."""

    cpu: float
    work: float
    memory: float


@dataclass(frozen=True)
class Target:
    """A ratio that should hold: of `of` to `to` in CPU or memory, at least or at most `limit`."""

    case: str
    what: str
    of: str
    to: str
    limit: float
    at_least: bool

    def told(self, medians: Medians) -> str:
        if self.of not in medians or self.to not in medians:
            return f"  {self.case:7} {self.what:6} {self.of} / {self.to}: not measured"
        value = medians[self.of][self.what] / medians[self.to][self.what]
        is_met = value >= self.limit if self.at_least else value <= self.limit
        told = f"target {'≥' if self.at_least else '≤'} {self.limit:.2f}  {'met' if is_met else 'MISSED'}"
        return f"  {self.case:7} {self.what:6} {self.of + ' / ' + self.to:16} {value:6.2f}   {told}"


TARGETS = (
    Target("county", "cpu", "ours", "straight", 2.0, at_least=False),
    Target("county", "cpu", "stack", "ours", 1.3, at_least=True),
    Target("long", "cpu", "ours", "straight", 1.1, at_least=False),
    Target("long", "cpu", "stack", "ours", 3.2, at_least=True),
    Target("long", "memory", "ours", "straight", 0.4, at_least=False),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rival", type=Path, default=ROOT / ".bench-venv" / "bin" / "python", help="interpreter with the stack")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the long csv")
    parser.add_argument("--case", choices=("county", "long"), help="only this case")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    # Not resolved: a venv's python is a link, and behind it there are no packages.
    pythons = dict.fromkeys(CONTESTANTS, Path(sys.executable)) | {"stack": options.rival.absolute()}
    every: dict[str, Any] = {}
    problems: list[str] = []
    targets: list[str] = []
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        folder = Path(temporary)
        subprocess.run([sys.executable, HERE / "cases.py", folder, str(options.rows)], check=True, env=ENVIRONMENT)
        for case in (options.case,) if options.case else ("county", "long"):
            measured, found = measure(folder / case, pythons, options.runs, folder / "scratch")
            problems += [f"{case}: {problem}" for problem in found]
            if found:
                continue
            medians = {
                name: {what: statistics.median(getattr(one, what) for one in runs) for what in ("cpu", "work", "memory")}
                for name, runs in measured.items()
            }
            show(case, medians, measured)
            targets += [target.told(medians) for target in TARGETS if target.case == case]
            every[case] = {"medians": medians, "runs": {name: [asdict(one) for one in runs] for name, runs in measured.items()}}
    tell("\n".join(["", "targets", *targets]))
    tell("\n".join(["", "PROBLEMS", *problems[:40]]) if problems else "\nequal in all: every fact, score and finding's rows")
    if options.json:
        options.json.write_text(json.dumps({**every, "problems": problems}, indent=1, ensure_ascii=False), encoding="utf-8")
    return 1 if problems else 0


def measure(case: Path, pythons: dict[str, Path], runs: int, scratch: Path) -> tuple[dict[str, list[Run]], list[str]]:
    """Run all contestants in turn, once their results are found to be equal; else what differs, and who failed."""
    results: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for name, python in pythons.items():  # one run each to fill the caches of pages and byte code
        try:
            _, results[name] = run(python, CONTESTANTS[name], case, scratch)
        except ChildProcessError as error:
            problems.append(str(error))
    if problems := problems + compare(results):
        return {}, problems
    measured: dict[str, list[Run]] = {name: [] for name in results}
    for _ in range(runs):
        for name, some in measured.items():
            some.append(run(pythons[name], CONTESTANTS[name], case, scratch)[0])
    return measured, []


# A child's ru_maxrss begins with what its parent holds, so this process imports nothing large.
def run(python: Path, command: tuple[str, ...], workspace: Path, scratch: Path) -> tuple[Run, dict[str, Any]]:
    """One process from start to end, and what it found.

    Raises: ChildProcessError: with the end of what it said.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    result, log = scratch / "result.json", scratch / "log"
    with log.open("wb") as said:
        child = subprocess.Popen(
            [python, HERE / command[0], workspace, scratch / "work", result, *command[1:]],
            env=ENVIRONMENT,
            stdout=said,
            stderr=said,
        )
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ChildProcessError(f"{' '.join(command)} failed: {log.read_text(encoding='utf-8', errors='replace')[-600:]}")
    found = json.loads(result.read_text(encoding="utf-8"))
    return Run(usage.ru_utime + usage.ru_stime, found["work"], usage.ru_maxrss / 1024), found


def compare(results: dict[str, dict[str, Any]]) -> list[str]:
    """What differs from the straight script's results, value by value."""
    base = results.get("straight")
    if base is None:
        return []  # it failed, which is told already
    return [
        f"{part} {key}: straight {base[part].get(key)}, {name} {other[part].get(key)}"
        for name, other in results.items()
        for part in COMPARED
        for key in sorted(base[part].keys() | other[part].keys())
        if base[part].get(key) != other[part].get(key)
    ]


def show(case: str, medians: Medians, measured: dict[str, list[Run]]) -> None:
    base = next(iter(medians.values()))
    tell(f"\n{case}   (medians of {len(next(iter(measured.values())))} runs; ratios to the first line)")
    tell(f"  {'':9} {'CPU s':>7} {'ratio':>6}   {'spread':11} {'work s':>7} {'ratio':>6} {'peak MiB':>9} {'ratio':>6}")
    for name, values in medians.items():
        times = [one.cpu for one in measured[name]]
        tell(
            f"  {name:9} {values['cpu']:7.2f} {values['cpu'] / base['cpu']:6.2f}   {f'{min(times):.2f}-{max(times):.2f}':11}"
            f" {values['work']:7.2f} {values['work'] / base['work']:6.2f} {values['memory']:9.0f} {values['memory'] / base['memory']:6.2f}"
        )


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
