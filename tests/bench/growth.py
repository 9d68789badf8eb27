"""What one evaluation costs among 10 and among 1 000 others, three in ten waiting: CPU and statements, on each database.

    python tests/bench/growth.py [--many N] [--runs N]

The others are opened, drafted, decided on and ended by the store's own transactions, with what one evaluation really left; those that are
measured go the whole way. A list's cost is that of the whole list by its length. Target: at most 1.2 times.
"""

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event

sys.path.insert(0, str(Path(__file__).parents[1]))  # what the tests have too: a device that signs, a cluster

import pyotp
from chains import Device
from cluster import Cluster

from perfeval import persons, steps
from perfeval.approvals import events
from perfeval.approvals.codes import STEP_SECONDS
from perfeval.approvals.proof import Proof, ProofKind
from perfeval.approvals.statement import challenge
from perfeval.model import Answer, Evaluation, Gate, Revision, Stage, Verdict
from perfeval.model.documents import document_digest, dump
from perfeval.model.outcomes import Archived, Drafted, Scored, Sealing, Validated
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.web.submitted import look_at

FEW, MANY, RATIO = 10, 1000, 1.2
CLERK, APPROVERS = "样例经办人", {"center": "样例中心负责人", "bureau": "样例财政审核人"}


@dataclass
class Cost:
    """What was spent on an act: CPU seconds, and how many statements were asked."""

    seconds: float
    statements: int


class Bench:
    """Offices of one unit on one store, each with a programme of its own, so that each may go a year's whole way."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made, self._filled = folder, 0, 0
        self.office = self._another()
        people = {CLERK: "operator", **{name: gate for gate, name in APPROVERS.items()}}
        self._devices = {name: Device(credential=f"{role}aa") for name, role in people.items()}
        codes: Iterator[str] = iter(())
        for name, role in people.items():
            invitation = persons.invite(self.office, name, [role], None if name == CLERK else "p1")
            if name == CLERK:
                offer = persons.offer_code(self.office, invitation.token)
                codes = iter([pyotp.TOTP(offer.secret).at(time.time() + STEP_SECONDS * step) for step in (-1, 0, 1)])
                made = persons.enrol_code(self.office, invitation.token, offer.secret, next(codes))
            else:
                line = persons.offer_passkey(self.office, invitation.token, self._devices[name].passkey)
                made = persons.enrol_passkey(self.office, invitation.token, line, self._signed(line, name))
            persons.confirm(self.office, made.person, made.fingerprint, "p1", on_paper=True, code="" if name == CLERK else next(codes))
        evaluation = self._begun(self.office)
        self._revision = Revision(evaluation, 1)
        steps.prepare(self.office, self._revision)

    def _another(self) -> Office:
        self._made += 1
        folder = self._folder / str(self._made)
        create_workspace(folder, sample="taojiang-2022")
        settings = folder / "perfeval.yml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("key: zdxm", f"key: m{self._made}"), encoding="utf-8")
        return open_office(folder)

    def _begun(self, office: Office) -> Evaluation:
        return steps.open_evaluation(office, office.workspace.subject(2022), CLERK, str(uuid.uuid4()))

    def _signed(self, line: str, name: str) -> Proof:
        return Proof(ProofKind.PASSKEY, self._devices[name].evidence(challenge(line)))

    def fill(self, count: int) -> None:
        """Have so many evaluations in the store: three in ten wait at the first gate, the others are archived."""
        with self.office.store.reading() as record:
            validated, scored = (record.outcome(self._revision, kind) for kind in (Validated, Scored))
            drafted = record.outcome(self._revision, Drafted)
            told = next(line.what for line in steps._lines(record, self._revision.evaluation.id) if isinstance(line.what, events.Drafted))
        assert validated
        assert scored
        assert drafted
        while self._filled < count:
            self._filled += 1
            with self.office.store.transaction() as record:
                clerk = record.people().persons["p1"]
                evaluation = record.open_evaluation(2022, f"f{self._filled}", "样例项目", clerk, str(uuid.uuid4()))
                revision = Revision(evaluation, 1)
                record.save_outcome(revision, validated, events.Frozen(revision=1, ledgers=()))
                record.save_outcome(revision, scored)
                mine = replace(drafted, draft=replace(drafted.draft, evaluation=evaluation.id))
                done = record.recorded_steps(revision)
                done[Drafted.step] = events.RecordedStep(Drafted.step, document_digest(dump(Drafted, mine)))
                record.save_outcome(revision, mine, replace(told, steps=tuple(item for _, item in sorted(done.items()))))
            steps.ask(self.office, revision, self.office.workspace.gates[0])
            if self._filled % 10 >= 3:
                self._end(revision)

    def _end(self, revision: Revision) -> None:
        for gate in self.office.workspace.gates:
            self.decide(self.office, revision, gate)
        with self.office.store.transaction() as record:
            sealing = Sealing(record.next_item_number(revision.evaluation), record.now(), 1, 1)
            record.save_outcome(revision, sealing)
            archived = events.Archived(revision=1, archive_no=revision.evaluation.id, bag="0", manifest="0" * 64, steps=())
            record.save_outcome(revision, Archived("0"), archived)
            record.end_evaluation(revision.evaluation, Stage.ARCHIVED, datetime.now(UTC))

    def decide(self, office: Office, revision: Revision, gate: Gate) -> None:
        """Decide as the gate's approver, on whose device the statement is signed."""
        code = steps.status(office, revision.evaluation).draft
        assert code
        answer = Answer(Verdict.APPROVE, APPROVERS[gate.key], "", code.check_code)
        statement = steps.offer_statement(office, revision, gate, answer)
        steps.decide(office, revision, gate, replace(answer, statement=statement, proof=self._signed(statement, answer.name)))

    def measure(self, runs: int) -> dict[str, Cost]:
        """The least cost of each act of evaluations that go the whole way."""
        found: dict[str, list[Cost]] = {}
        gc.collect()
        gc.freeze()  # what filling has left here is no server's, and is not to be looked through during an act
        for _ in range(runs):
            office = self._another()
            for act, cost in self._way(office):
                found.setdefault(act, []).append(cost)
            office.store.close()
        return {act: min(costs, key=lambda item: item.seconds) for act, costs in found.items()}

    def _way(self, office: Office) -> Iterator[tuple[str, Cost]]:
        steps.statuses(office)  # a connection is open
        gates, asked = office.workspace.gates, []
        event.listen(office.store._engine, "before_cursor_execute", lambda *about: asked.append(about[2]))

        def cost(act: Callable[[], object]) -> Cost:
            asked.clear()
            begun = time.process_time()
            act()
            return Cost(time.process_time() - begun, len(asked))

        opened: list[Evaluation] = []
        yield "open an evaluation", cost(lambda: opened.append(self._begun(office)))
        revision = Revision(opened[0], 1)
        yield "check, score, draft", cost(lambda: steps.prepare(office, revision))
        yield "ask a gate", cost(lambda: steps.ask(office, revision, gates[0]))
        listed = cost(lambda: steps.statuses(office))
        yield "list, by one", Cost(listed.seconds / len(steps.statuses(office)), listed.statements)
        with office.store.reading() as record:
            person = record.people().persons["p2"]
        yield "look at a draft", cost(lambda: look_at(office, revision.evaluation.id, 1, person))
        for gate in gates:
            yield f"decide ({gate.key})", cost(lambda gate=gate: self.decide(office, revision, gate))
        yield "archive", cost(lambda: steps.archive_report(office, revision))


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """The addresses of a store: in the workspace, and on PostgreSQL where its programs are."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    cluster = Cluster(programs[-1]) if programs else None
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as folder:
        try:
            yield {"SQLite": f"sqlite:///{folder}/store.db"} | ({"PostgreSQL": cluster.make("growth")} if cluster else {})
        finally:
            if cluster:
                cluster.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    os.environ["PERFEVAL_KEY"] = "an invented key for measuring"
    with databases() as addresses:
        for name, address in addresses.items():
            folder = Path(tempfile.mkdtemp(prefix="perfeval-bench-"))
            os.environ |= {"PERFEVAL_DATABASE_URL": address, "PERFEVAL_ARTIFACTS_URL": str(folder / "artifacts")}
            bench = Bench(folder)
            found, memory = [], []
            for count in (FEW, options.many):
                bench.fill(count)
                found.append(bench.measure(options.runs))
                memory.append(resident())
            bench.office.store.close()
            shutil.rmtree(folder)
            show(name, options.many, *found)
            sys.stdout.write(f"{name:10} memory of the process that did all this: {memory[0]} MB, at {options.many} {memory[1]} MB\n")


def resident() -> int:
    """Megabytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def show(name: str, many: int, few: dict[str, Cost], more: dict[str, Cost]) -> None:
    """Print what each act costs among few and among many."""
    for act, one in few.items():
        now, ratio = more[act], more[act].seconds / one.seconds
        sys.stdout.write(
            f"{name:10} {act:20} {one.seconds * 1000:7.1f} ms {one.statements:3} statements   among {many}: {now.seconds * 1000:7.1f} ms "
            f"{now.statements:3}   {ratio:5.2f} ×   target ≤ {RATIO}  {'met' if ratio <= RATIO else 'MISSED'}\n"
        )


if __name__ == "__main__":
    main()
