"""Decisions that come late, at once, in masses or beside the point: exactly one counts, and the rest leaves little."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from perfeval import persons, steps
from perfeval.approvals.events import AnsweredWrongly, Attempted, Reminded
from perfeval.approvals.locking import FREE
from perfeval.approvals.record import ACCESS, read_line
from perfeval.archive import verify_bag
from perfeval.audit import audit
from perfeval.errors import ApprovalError, PerfevalError
from perfeval.model import Answer, Evaluation, Gate, Revision, Verdict
from perfeval.model.clock import china_day
from perfeval.office import Office, open_office

OPERATOR, FIRST, SECOND, BUREAU = "样例经办人", "样例甲", "样例乙", "样例财政"


class Gates:
    """An office at its first gate, for which two may decide, and one at the second."""

    def __init__(self, folder: Path, welcome: Callable[..., Any]) -> None:
        self.office = open_office(folder)
        roles = {OPERATOR: "operator", FIRST: "center", SECOND: "center", BUREAU: "bureau"}
        self.phones = {name: welcome(self.office, name, role) for name, role in roles.items()}
        self.evaluation = steps.open_evaluation(self.office, self.office.workspace.subject(2022), OPERATOR, "run-1")
        self.revision = Revision(self.evaluation, 1)
        self.check_code = steps.prepare(self.office, self.revision).check_code

    def gate(self, key: str) -> Gate:
        return next(item for item in self.office.workspace.gates if item.key == key)

    def answer(self, name: str, code: str = "", verdict: Verdict = Verdict.APPROVE) -> Answer:
        return Answer(verdict, name, code or self.phones[name].code(), self.check_code, "样例意见")

    def decide(self, key: str, answer: Answer, office: Office | None = None) -> str:
        """The code of the refusal, or nothing."""
        try:
            steps.decide(office or self.office, self.revision, self.gate(key), answer)
        except PerfevalError as refused:
            return refused.code
        return ""

    def told(self, kind: type[Any], chain: str = "") -> list[Any]:
        with self.office.store.reading() as record:
            lines = [read_line(entry.line) for entry in record.entries(chain or self.evaluation.id)]
        return [line.what for line in lines if isinstance(line.what, kind)]


@pytest.fixture(scope="module")
def drafted(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> Gates:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", "an invented key for tests")
        return Gates(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("drafted") / "office")), welcome)


@pytest.fixture
def gates(drafted: Gates, tmp_path: Path) -> Iterator[Gates]:
    copy = object.__new__(Gates)
    copy.__dict__ |= drafted.__dict__
    drafted.office.store.close()
    copy.office = open_office(Path(shutil.copytree(drafted.office.workspace.root, tmp_path / "office")))
    yield copy
    copy.office.store.close()


def test_answer_after_the_reminder_of_the_deadline_counts(gates: Gates) -> None:
    steps.ask(gates.office, gates.revision, gates.gate("center"))
    with gates.office.store.transaction() as record:
        record.append(gates.evaluation.id, Reminded(revision=1, gate="center", reminded=("p2", "p3"), about="late"))
    assert gates.decide("center", gates.answer(FIRST)) == ""
    with gates.office.store.reading() as record:
        assert audit(record).faults == ()


def test_two_processes_that_decide_at_one_gate_at_once_make_one_decision(gates: Gates) -> None:
    offices = [open_office(gates.office.workspace.root) for _ in range(4)]
    answers = [gates.answer(FIRST), gates.answer(SECOND), gates.answer(FIRST), gates.answer(SECOND)]
    with ThreadPoolExecutor(4) as clerks:
        told = list(clerks.map(lambda place: gates.decide("center", answers[place], offices[place]), range(4)))
    for office in offices:
        office.store.close()
    with gates.office.store.reading() as record:
        assert (len(record.decisions(gates.evaluation)), audit(record).faults) == (1, ())
    assert (told.count(""), set(told) <= {"", "A23", "A20", "A05"}) == (1, True)


def test_decisions_while_the_archive_is_made_are_refused_and_the_bag_is_sound(gates: Gates) -> None:
    assert [gates.decide("center", gates.answer(FIRST)), gates.decide("bureau", gates.answer(BUREAU))] == ["", ""]
    answer, refused, ended = gates.answer(SECOND, "000000", Verdict.REFUSE), list[str](), threading.Event()

    def insist() -> None:
        office = open_office(gates.office.workspace.root)
        while not ended.is_set():
            refused.append(gates.decide("center", answer, office))
            ended.wait(0.02)
        office.store.close()

    insisting = threading.Thread(target=insist)
    insisting.start()
    try:
        bag = steps.archive_report(gates.office, gates.revision)
    finally:
        ended.set()
        insisting.join()
    refused.append(gates.decide("center", gates.answer(SECOND)))
    assert (len(refused) > FREE, "" in refused) == (True, False)
    assert [check for check in verify_bag(bag) if not check.ok] == []


def test_masses_of_wrong_answers_leave_as_many_lines_as_are_looked_at(gates: Gates) -> None:
    answer = gates.answer(FIRST, "000000")
    codes = [gates.decide("center", answer) for _ in range(200)]
    assert codes == ["A05"] * FREE + ["A24"] * (200 - FREE)
    wrong = [item for item in gates.told(Attempted, ACCESS) if not item.is_right]
    assert (len(gates.told(AnsweredWrongly)), len(wrong)) == (FREE, FREE)
    assert gates.decide("center", gates.answer(SECOND)) == ""


def test_person_at_the_wrong_gate_decides_nothing(gates: Gates) -> None:
    assert gates.decide("center", gates.answer(BUREAU)) == "A06"
    assert gates.decide("bureau", gates.answer(BUREAU)) == "A12"


def test_check_code_of_an_older_revision_and_the_older_revision_itself_are_refused(gates: Gates) -> None:
    assert gates.decide("center", gates.answer(FIRST, verdict=Verdict.RETURN)) == ""
    steps.record_correction(gates.office, gates.revision, "已更正")
    ledger = gates.office.workspace.root / "report/2022.md"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace("。", "。 ", 1).replace("我中心", "本中心"), encoding="utf-8")
    older, gates.revision = gates.revision, Revision(gates.evaluation, 2)
    newer = steps.prepare(gates.office, gates.revision).check_code
    assert newer != gates.check_code
    assert gates.decide("center", gates.answer(FIRST)) == "A07"
    gates.revision = older
    assert gates.decide("center", gates.answer(SECOND)) == "A28"


def test_decision_for_another_evaluation_is_refused(gates: Gates) -> None:
    other = Evaluation("2022-zdxm-9", 2022, "别的项目", OPERATOR, datetime.now(UTC))
    gates.revision = replace(gates.revision, evaluation=other)
    assert gates.decide("center", gates.answer(FIRST)) in {"S05", "A28"}


@pytest.mark.parametrize(("from_in", "to_in", "code"), [(1, 5, "A18"), (-5, -1, "A18"), (0, 0, "")])
def test_substitute_decides_on_his_days_alone(gates: Gates, from_in: int, to_in: int, code: str) -> None:
    today = china_day(datetime.now(UTC))
    days = (today + timedelta(days=from_in), today + timedelta(days=to_in))
    persons.substitute(gates.office, "p4", "p2", "center", *days, "p1", gates.phones[OPERATOR].code())
    assert gates.decide("center", gates.answer(BUREAU)) == code


def test_code_two_steps_old_decides_nothing(gates: Gates) -> None:
    phone = gates.phones[FIRST]
    old = phone._totp.at(datetime.now(UTC) - timedelta(seconds=75))
    assert gates.decide("center", gates.answer(FIRST, old)) == "A05"
    with pytest.raises(ApprovalError, match="姓名或动态码不对"):
        persons.log_in(gates.office, FIRST, old, "")
