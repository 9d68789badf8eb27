"""What `perfeval status` costs at 1 and at 1 000 evaluations, 300 of them waiting: statements, and CPU seconds of the whole command.

    python tests/bench/status.py [--runs N]

Targets: at most 12 statements, and at most 1.5 times the CPU.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import event, insert

from perfeval import steps
from perfeval.model import Draft, Figure
from perfeval.model.documents import dump
from perfeval.model.outcomes import Archived, Drafted
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.store.tables import DecisionRow, EvaluationRow, OutcomeRow

ROOT = Path(__file__).resolve().parents[2]
MANY, WAITING = 1000, 300
STATEMENTS, RATIO = 12, 1.5
DIGEST = "a" * 64
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        folders = [office(Path(temporary) / str(count), count) for count in (1, MANY)]
        statements = len(list(asked(open_office(folders[1]))))
        spent = list(zip(*([seconds(folder) for folder in folders] for _ in range(runs)), strict=True))
    one, many = map(statistics.median, spent)
    met = "met" if statements <= STATEMENTS and many <= RATIO * one else "MISSED"
    sys.stdout.write(
        f"status of {MANY}, {WAITING} waiting: {statements} statements; CPU {many:.2f} s, of one {one:.2f} s: {many / one:.2f} ×"
        f"   targets ≤ {STATEMENTS}, ≤ {RATIO} ×  {met}\n"
    )


def office(folder: Path, count: int) -> Path:
    """A sample office with so many evaluations: three in ten wait at the first gate, the others are archived."""
    create_workspace(folder, sample="taojiang-2022")
    place = open_office(folder)
    store, gates = place.store, place.workspace.gates
    figures = tuple(Figure(f"fact_{n}", "70余", Decimal(73), "次") for n in range(150))
    waits = [count == 1 or number * WAITING // count != (number + 1) * WAITING // count for number in range(count)]
    with store._engine.execution_options(writes=True).begin() as connection:
        for number, is_waiting in enumerate(waits):
            id_, at = f"2022-p{number}-1", MOMENT + timedelta(minutes=number)
            draft = Draft(id_, 1, DIGEST, DIGEST, "AAAAAAAA", date(2023, 4, 3))
            drafted = Drafted({"perfeval.yml": DIGEST}, draft, figures, DIGEST, gates)
            evaluation = {
                "id": id_, "unit": store._unit, "year": 2022, "programme_key": f"p{number}", "programme": "样例项目", "prepared_by": "样例",
                "preparer": "p1", "opened_at": at, "run": id_, "outcome": None if is_waiting else "archived",
            }  # fmt: skip
            connection.execute(insert(EvaluationRow), [evaluation])
            done = {"evaluation": id_, "revision": 1, "done_at": at}
            outcomes = [{**done, "step": Drafted.step, "document": dump(Drafted, drafted)}]
            outcomes += [] if is_waiting else [{**done, "step": Archived.step, "document": {"bag": id_}}]
            connection.execute(insert(OutcomeRow), outcomes)
            decision = {
                "evaluation": id_, "revision": 1, "unit": store._unit, "verdict": "同意", "content_digest": DIGEST, "comment": "",
                "decided_at": at,
            }  # fmt: skip
            given = [] if is_waiting else [{**decision, "gate": gate.key, "approver": gate.key, "name": gate.title} for gate in gates]
            if given:
                connection.execute(insert(DecisionRow), given)
    store.close()
    return folder


def asked(place: Office) -> Iterator[str]:
    """The statements of one look at all evaluations, in a process that has a connection."""
    statements: list[str] = []
    event.listen(place.store._engine, "before_cursor_execute", lambda *about: statements.append(str(about[2])))
    steps.statuses(place)
    yield from statements


def seconds(folder: Path) -> float:
    """CPU seconds of `perfeval status` as a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "flows", "status", "--json", "-w", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
