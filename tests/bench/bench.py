"""Time and memory of the whole job (ledgers → checks → facts → scores → Word → kept) against two others doing the same.

    python tests/bench/bench.py --rival .bench-venv/bin/python [--runs N] [--rows 1000000] [--json FILE]

ours      the steps of perfeval with a store of their own
straight  a Polars script that does the same by hand
stack     what a unit would take instead: pandas, openpyxl, pandera[pandas], docxtpl, in the interpreter `--rival`

Every run is a fresh process; the three take turns, so that a busy machine hurts all alike. Medians of CPU seconds (user and
system) and of peak memory. Facts, scores and the rows of every finding must be equal, else the exit code is 1.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Run:
    """One finished process: CPU seconds, peak memory in MiB, and what it found."""

    cpu: float
    memory: float
    result: dict[str, Any]


# ru_maxrss of a child begins with what this process holds, so nothing large is imported here.
def run(python: Path, script: str, workspace: Path, scratch: Path) -> Run:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    result = scratch / "result.json"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    with (scratch / "log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603
            [python, HERE / script, workspace, scratch / "work", result], env=environment, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{script} failed:\n{(scratch / 'log').read_text(encoding='utf-8')[-4000:]}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, json.loads(result.read_text(encoding="utf-8")))


def compare(case: str, results: dict[str, dict[str, Any]]) -> list[str]:
    """What differs between the contestants' results, value by value."""
    ours = results["ours"]
    return [
        f"{case}: {part}.{key}: ours {ours[part].get(key)}, {name} {other[part].get(key)}"
        for name, other in results.items()
        for part in ("facts", "scores", "findings")
        for key in sorted(ours[part].keys() | other[part].keys())
        if ours[part].get(key) != other[part].get(key)
    ]


def measure(case: Path, contestants: dict[str, tuple[Path, str]], runs: int, scratch: Path) -> dict[str, list[Run]]:
    for python, script in contestants.values():
        run(python, script, case, scratch)  # fills the page cache and the byte code caches
    measured: dict[str, list[Run]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, (python, script) in contestants.items():
            measured[name].append(run(python, script, case, scratch))
    return measured


@dataclass(frozen=True)
class Target:
    """A ratio that should be held: of `of` to `to` in CPU or memory, at least or at most `limit`."""

    case: str
    what: str
    of: str
    to: str
    limit: float
    at_least: bool

    def told(self, medians: dict[str, dict[str, dict[str, float]]]) -> str:
        value = medians[self.case][self.of][self.what] / medians[self.case][self.to][self.what]
        is_met = value >= self.limit if self.at_least else value <= self.limit
        sign = "≥" if self.at_least else "≤"
        return f"  {self.case:7} {self.what:6} {self.of} / {self.to:9} {value:6.2f}  target {sign} {self.limit:.2f}  {'met' if is_met else 'MISSED'}"


TARGETS = (
    Target("county", "cpu", "stack", "ours", 3.5, at_least=True),
    Target("long", "cpu", "stack", "ours", 4.5, at_least=True),
    Target("long", "cpu", "ours", "straight", 1.2, at_least=False),
    Target("long", "memory", "ours", "stack", 0.75, at_least=False),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rival", type=Path, default=ROOT / ".bench-venv" / "bin" / "python", help="interpreter with the stack")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the long csv")
    parser.add_argument("--case", choices=("county", "long"), help="only this case")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    ours = Path(sys.executable)
    # The venv's own python, not what its link points to: that would run without the venv's packages.
    rival = options.rival.absolute()
    contestants = {"ours": (ours, "ours.py"), "straight": (ours, "straight.py"), "stack": (rival, "stack.py")}
    medians: dict[str, dict[str, dict[str, float]]] = {}
    every: dict[str, Any] = {}
    differences: list[str] = []
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        folder = Path(temporary)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run([ours, HERE / "cases.py", folder, str(options.rows)], check=True, env=environment)  # noqa: S603
        for case in (options.case,) if options.case else ("county", "long"):
            measured = measure(folder / case, contestants, options.runs, folder / "scratch")
            differences += compare(case, {name: runs[-1].result for name, runs in measured.items()})
            medians[case] = {
                name: {what: statistics.median(getattr(one, what) for one in runs) for what in ("cpu", "memory")}
                for name, runs in measured.items()
            }
            every[case] = {name: [{"cpu": one.cpu, "memory": one.memory} for one in runs] for name, runs in measured.items()}
            show(case, medians[case], measured)
    targets = [target for target in TARGETS if target.case in medians]
    tell("\n".join(["", "targets", *(target.told(medians) for target in targets)]))
    tell("\n".join(["", "results differ:", *differences[:40]]) if differences else "\nresults equal: every fact, score and finding's rows")
    if options.json:
        options.json.write_text(json.dumps({"medians": medians, "runs": every, "differences": differences}, indent=1), encoding="utf-8")
    return 1 if differences else 0


def show(case: str, medians: dict[str, dict[str, float]], measured: dict[str, list[Run]]) -> None:
    ours = medians["ours"]
    tell(f"\n{case}   (medians of {len(measured['ours'])} runs)")
    tell(f"  {'':9} {'CPU s':>8} {'spread':>15} {'of ours':>8} {'peak MiB':>9} {'of ours':>8}")
    for name, values in medians.items():
        times = [one.cpu for one in measured[name]]
        tell(
            f"  {name:9} {values['cpu']:8.2f} {min(times):7.2f}-{max(times):.2f} {values['cpu'] / ours['cpu']:8.2f}"
            f" {values['memory']:9.0f} {values['memory'] / ours['memory']:8.2f}"
        )


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
