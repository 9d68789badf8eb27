"""What reading costs, by this work tree and, in turn, by the commit before reading learnt what Excel, WPS and exports really write.

    python tests/bench/reading.py [--runs N] [--before COMMIT]

`ledgers` are the sample's 13 workbooks, `csv` is one ledger of 300 000 payments. CPU seconds of all threads for reading, cleaning and
validating, each the median of some readings in a process that has read the same before. Both trees take turns, so that a busy machine
hurts them alike; the ratio should be 1.00 at most.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "e8ee90a"
ROWS = 300_000
LEDGERS = (
    "budget", "expenditure", "plans", "projects", "progress", "meetings", "issues", "services", "publications", "inspections", "surveys",
    "goals", "evaluation_work",
)  # fmt: skip
READINGS = {"ledgers": 15, "csv": 3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--once", type=Path, help="the folders of the cases, read by the tree that PYTHONPATH names; as JSON")
    asked = parser.parse_args()
    if asked.once:
        sys.stdout.write(json.dumps({case: cost(asked.once / case, count) for case, count in READINGS.items()}) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        trees, cases = {"before": Path(temporary) / "before", "now": ROOT}, Path(temporary) / "cases"
        write_cases(cases)
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(trees["before"]), asked.before], check=True)
        try:
            rounds = [{name: round_of(tree, cases) for name, tree in trees.items()} for _ in range(asked.runs)]
        finally:
            subprocess.run([*git, "remove", "--force", str(trees["before"])], check=True)
    for case in READINGS:
        before, now = (statistics.median(done[tree][case] for done in rounds) for tree in trees)
        ratio = statistics.median(done["now"][case] / done["before"][case] for done in rounds)
        met = "met" if ratio <= 1 else "MISSED"
        sys.stdout.write(f"{case:8} before {before:6.3f} s   now {now:6.3f} s   {ratio:4.2f} ×   target ≤ 1.00  {met}\n")


def round_of(tree: Path, cases: Path) -> dict[str, float]:
    """What each case costs a tree, in a process that imports that tree."""
    command = [sys.executable, __file__, "--once", str(cases)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(tree)}).stdout
    return dict(json.loads(told))


def cost(folder: Path, count: int) -> float:
    """The median CPU of reading a folder's ledgers so many times."""
    import schemas
    from perfeval.ledgers import read_ledgers, receive

    # Before, the ledgers that an office keeps were no choice.
    kept = (schemas.Catalogue({name: schemas.BUILT_IN[name] for name in LEDGERS}),) if hasattr(schemas, "Catalogue") else ()
    files, costs = receive(folder), []
    for _ in range(count + 1):
        began = time.process_time()
        reading = read_ledgers(files, *kept)
        costs.append(time.process_time() - began)
        assert reading.ledgers, reading.findings
    return statistics.median(costs[1:])


def write_cases(folder: Path) -> None:
    """The cases, written by this tree."""
    from cases import payments_of

    from perfeval.sample import write_sample
    from schemas import BUILT_IN

    kept = {BUILT_IN[name].ledger_title() for name in LEDGERS}
    for path in write_sample(folder / "ledgers"):
        if path.stem not in kept:
            path.unlink()
    (folder / "csv").mkdir()
    payments_of(ROWS).write_csv(folder / "csv" / "资金支出台账.csv")


if __name__ == "__main__":
    main()
