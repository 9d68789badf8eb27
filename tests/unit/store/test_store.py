"""The store's promises, on SQLite and on PostgreSQL."""

import hmac
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, event, insert, text
from sqlalchemy.exc import DatabaseError, DBAPIError

from perfeval.approvals import events
from perfeval.approvals.events import Acted, Decided, Invited, Migrated, Unlocked
from perfeval.approvals.keys import derive_key
from perfeval.approvals.locking import Attempt, Result, lock_of
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import ACCESS, OPENINGS, PEOPLE, End, Entry, append, check, read_line
from perfeval.errors import ApprovalError, StoreError, UsageError
from perfeval.model import Decision, Draft, Evaluation, FailedAttempt, Revision, Verdict
from perfeval.model.outcomes import Archived, Corrected, Drafted, Failure, Sealing
from perfeval.store import Store, Transaction, database
from perfeval.store.access import Access
from perfeval.store.database import SCHEMA, connect, upgrade_tables
from perfeval.store.record import Record
from perfeval.store.tables import VERSION, DecisionRow, EvaluationRow, OutcomeRow, RecordRow, Table
from perfeval.workspace import secret_key

KEY = "an invented key for tests"
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
DIGEST = "a" * 64
FINGERPRINT = "f" * 24
CLERK, LEADER = Person("p1", "填表人", ("operator",)), Person("p2", "甲", ("center",))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    store = Store(url, tmp_path / "artifacts", "样例单位", lambda: KEY)
    yield store
    store.close()


@pytest.fixture
def evaluation(store: Store) -> Evaluation:
    return opened(store)


@pytest.fixture
def revision(evaluation: Evaluation) -> Revision:
    return Revision(evaluation, 1)


def opened(store: Store, run: str | None = "run-1", key: str = "x-1", preparer: Person = CLERK) -> Evaluation:
    with store.transaction() as record:
        return record.open_evaluation(2022, key, "样例项目", preparer, run)


def invited(record: Transaction) -> None:
    record.append(PEOPLE, Invited(person="p2", name="甲", roles=("center",), link="1" * 64, expires_at=MOMENT), "p1")


def decided(revision: Revision) -> tuple[Decision, str, Decided]:
    decision = Decision(revision.evaluation.id, 1, "center", Verdict.APPROVE, "甲", DIGEST, "", MOMENT)
    proof = Proof(ProofKind.CODE, {"step": "1"})
    return decision, "p2", Decided(revision=1, gate="center", statement="{}", proof=proof, people=DIGEST)


def ended(store: Store, evaluation: Evaluation, outcome: str) -> None:
    with store.transaction() as record:
        record.end_evaluation(evaluation, outcome)


def test_evaluation_opened_twice_is_one(store: Store, evaluation: Evaluation) -> None:
    assert opened(store, preparer=Person("p9", "别人", ("operator",))) == evaluation


def test_evaluation_taken_by_another_run_since_one_looked_is_not_taken_over(store: Store, evaluation: Evaluation) -> None:
    with store.transaction() as record:
        assert record.open_evaluation(2022, "x-1", "样例项目", CLERK, "run-2", instead_of="run-1") == evaluation
    for looked in ("run-1", ""):
        with pytest.raises(BlockingIOError), store.transaction() as record:
            record.open_evaluation(2022, "x-1", "样例项目", CLERK, "run-3", instead_of=looked)
    with store.reading() as record:
        assert record.run_of(evaluation) == "run-2"


OTHER_PROCESS = """
import sys
from pathlib import Path
from perfeval.model.outcomes import Failure
from perfeval.store import Store
store = Store(sys.argv[1], Path(sys.argv[2]), "样例单位", lambda: "")
with store.transaction() as record:
    record.record_failure(sys.argv[3], Failure("校验台账", "L01", "样例"))
store.close()
"""


def test_process_that_opens_the_store_once_more_keeps_its_hold_on_it(store: Store, url: str, tmp_path: Path) -> None:
    with store.transaction() as record:
        record.record_failure("run-1", Failure("校验台账", "L01", "样例"))
    again = Store(url, tmp_path / "artifacts", "样例单位", lambda: KEY)
    for run in ("run-8", "run-9"):  # the first might take the log along at its end, and the second begin another
        subprocess.run([sys.executable, "-c", OTHER_PROCESS, url, tmp_path / "artifacts", run], check=True)
        for one in (store, again):
            with one.reading() as record:
                assert record.failure(run)
    again.close()


def test_folder_of_artifacts_that_is_away_is_not_begun_anew_once_anything_was_kept(
    store: Store, url: str, revision: Revision, tmp_path: Path
) -> None:
    store.artifacts.put(b"hello")
    with store.transaction() as record:
        record.save_outcome(revision, Corrected("已改"))
    shared = tmp_path / "artifacts"
    shared.rename(tmp_path / "unmounted")
    with pytest.raises(StoreError) as refused:
        store.artifacts.put(b"hello")
    assert (refused.value.code, str(shared) in refused.value.message, shared.exists()) == ("S21", True, False)
    shared.mkdir()  # as a share's is
    with pytest.raises(StoreError):
        store.artifacts.put(b"hello")
    assert list(shared.iterdir()) == []
    shared.rmdir()
    other = Store(url, tmp_path / "others", "另一单位", lambda: KEY)
    other.artifacts.put(b"hello")
    other.close()
    (tmp_path / "unmounted").rename(shared)
    store.artifacts.put(b"hallo")
    shutil.rmtree(shared)
    (shared / "00").mkdir(parents=True)  # as the hint says, where all is lost
    store.artifacts.put(b"hallo")


def test_evaluation_opened_by_another_run_is_taken_over(store: Store, evaluation: Evaluation) -> None:
    assert opened(store, "run-2") == evaluation
    with store.reading() as record:
        assert record.run_of(evaluation) == "run-2"
        assert (record.evaluation_of("run-2"), record.evaluation_of("run-1")) == (evaluation, None)


def test_evaluation_opened_after_the_end_is_a_new_one(store: Store, evaluation: Evaluation) -> None:
    ended(store, evaluation, "refused")
    assert opened(store, "run-2").id == "2022-x-1-2"


def test_evaluations_of_two_programmes_are_two(store: Store, evaluation: Evaluation) -> None:
    assert opened(store, "run-2", "x-2").id == "2022-x-2-1"
    with store.reading() as record:
        assert [item.id for item in record.evaluations()] == ["2022-x-1-1", "2022-x-2-1"]
        assert record.evaluations(2022, "x-1") == [evaluation]


def test_evaluation_opened_again_by_its_own_run_after_the_end_is_the_ended_one(store: Store, evaluation: Evaluation) -> None:
    ended(store, evaluation, "archived")
    again = opened(store)
    assert (again.id, again.outcome) == (evaluation.id, "archived")


def test_evaluation_ended_twice_keeps_its_first_outcome(store: Store, evaluation: Evaluation) -> None:
    ended(store, evaluation, "refused")
    ended(store, evaluation, "archived")
    with store.reading() as record:
        assert record.evaluation(evaluation.id).outcome == "refused"


def test_evaluation_opened_at_once_by_many_is_one(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        evaluations = pool.map(lambda _: opened(store, None), range(8))
    assert {evaluation.id for evaluation in evaluations} == {"2022-x-1-1"}


def test_evaluation_unknown_is_refused_in_chinese(store: Store) -> None:
    with pytest.raises(StoreError, match="没有编号为 nothing 的自评"), store.reading() as record:
        record.evaluation("nothing")


def test_chain_of_another_unit_with_the_same_key_is_not_taken_for_ones_own(store: Store, url: str, tmp_path: Path) -> None:
    """Whoever is somebody in one office of a server would be somebody in the other."""
    with store.transaction() as record:
        invited(record)
        for table, columns in (("record", "chain, number, line, sha256, sm3, mac"), ("ends", "chain, number, sha256, mac")):
            record.session.execute(text(f"INSERT INTO {table} (unit, {columns}) SELECT '另一单位', {columns} FROM {table}"))
    other = Store(url, tmp_path / "artifacts", "另一单位", lambda: KEY)
    with other.reading() as record, pytest.raises(StoreError, match="被改动过") as told:
        record.sound_entries(PEOPLE)
    assert "另一个单位" in str(told.value)
    with other.transaction() as record, pytest.raises(StoreError, match="被改动过"):
        invited(record)
    other.close()


def test_end_noted_before_units_shared_a_key_is_still_one(store: Store) -> None:
    with store.transaction() as record:
        invited(record)
        told = record.ends()[PEOPLE]
        line = f'{{"chain":"people","number":1,"sha256":"{told.sha256}"}}'.encode()
        mac = hmac.digest(derive_key(KEY, "record"), line, "sha256").hex()
        record.session.execute(text("UPDATE ends SET mac = :mac"), {"mac": mac})
    with store.transaction() as record:
        invited(record)
        assert len(record.sound_entries(PEOPLE)) == 2


def test_units_on_one_database_do_not_see_each_other(store: Store, url: str, tmp_path: Path) -> None:
    other = Store(url, tmp_path / "other", "另一单位", lambda: KEY)
    mine, theirs = opened(store), opened(other)
    assert (mine.id, theirs.id) == ("2022-x-1-1", "2022-x-1-2")
    with store.transaction() as record, pytest.raises(StoreError, match="没有编号为"):
        record.evaluation(theirs.id)
    with store.transaction() as record:
        invited(record)
        record.save_seed(LEADER, FINGERPRINT, "SECRET", 0)
        record.save_secret("password", "mine")
        record.save_outcome(Revision(mine, 1), Sealing(7, MOMENT))
    with other.transaction() as record:
        assert (record.people().persons, record.load_secret("password"), record.evaluation_of("run-1")) == ({}, None, theirs)
        assert (record.seed(LEADER, FINGERPRINT), record.entries(mine.id)) == (None, [])
        assert record.next_item_number(theirs) == 1
        record.save_seed(LEADER, FINGERPRINT, "OTHER", 0)
    other.close()


def test_outcome_saved_twice_keeps_the_first(store: Store, revision: Revision) -> None:
    with store.transaction() as record:
        assert record.save_outcome(revision, Archived("bag")) == Archived("bag")
        assert record.save_outcome(revision, Archived("other")) == Archived("bag")
    with store.transaction() as record:
        assert record.save_outcome(revision, Archived("other")) == Archived("bag")
        assert record.outcome(revision, Archived) == Archived("bag")


def test_outcome_damaged_in_the_database_is_told_as_damage(store: Store, revision: Revision) -> None:
    with store.transaction() as record:
        record.save_outcome(revision, Archived("bag"))
        record.session.execute(text("UPDATE outcomes SET document = '{\"rubbish\": 1}'"))
    with pytest.raises(StoreError, match="已损坏"), store.reading() as record:
        record.outcome(revision, Archived)


def test_transaction_that_fails_records_nothing(store: Store, revision: Revision) -> None:
    with pytest.raises(StoreError), store.transaction() as record:  # noqa: PT012  # the record before the fault is what is tried
        record.save_outcome(revision, Archived("bag"))
        record.evaluation("nothing")
    with store.reading() as record:
        assert record.outcome(revision, Archived) is None


def test_revision_after_a_correction_is_the_next(store: Store, revision: Revision) -> None:
    with store.transaction() as record:
        record.save_outcome(revision, Corrected("已补会议日期"))
        assert record.current_revision(revision.evaluation).number == 2
        assert record.corrections(revision.evaluation) == {1: "已补会议日期"}


def test_runs_are_told_with_their_evaluations(store: Store, evaluation: Evaluation) -> None:
    opened(store, None, "y-1")
    with store.reading() as record:
        assert record.runs() == {evaluation.id: "run-1"}


def test_failure_of_a_run_is_replaced_and_forgotten(store: Store) -> None:
    with store.transaction() as record:
        record.record_failure("run-1", Failure("校验台账", "L00", "台账有 1 处错误"))
        record.record_failure("run-1", Failure("编写报告", "R01", "不能成稿"))
    with store.transaction() as record:
        assert record.failure("run-1") == Failure("编写报告", "R01", "不能成稿")
        record.record_failure("run-1", None)
        assert record.failure("run-1") is None


def test_what_kept_a_year_from_being_begun_is_forgotten_once_it_is(store: Store) -> None:
    with store.transaction() as record:
        for run, unit, year in (("2022 x-1", "样例单位", 2022), ("run-0", "别的单位", 2022), ("run-9", "样例单位", 2021)):
            record.record_failure(run, Failure("送审", "P24", "没有进程", None, unit, year, "x-1"))
        record.open_evaluation(2022, "x-1", "样例项目", CLERK, "run-1")
        assert [run for run in ("2022 x-1", "run-0", "run-9") if record.failure(run)] == ["run-0", "run-9"]


def test_year_that_cannot_be_begun_again_after_a_refusal_is_told_of(store: Store, evaluation: Evaluation) -> None:
    with store.transaction() as record:
        record.record_failure("run-2", Failure("开始自评", "P04", "正在进行", None, "样例单位", 2022, "x-1"))
        record.end_evaluation(evaluation, "refused")
        assert record.stuck() == []
        record.record_failure("run-3", Failure("运行", "P14", "设置有误", None, "样例单位", 2022, "x-1"))
        assert [(item.evaluation, item.failure.message) for item in record.stuck()] == [("", "设置有误")]
        record.open_evaluation(2022, "x-1", "样例项目", CLERK, "run-4")
        assert record.stuck() == []


def test_failed_attempt_recorded_twice_keeps_the_first(store: Store, revision: Revision) -> None:
    with store.transaction() as record:
        record.record_failed_attempt(revision, "center", FailedAttempt(0, "动态码不正确"), MOMENT)
        record.record_failed_attempt(revision, "center", FailedAttempt(0, "别的原因"), MOMENT)
        assert record.failed_attempts(revision, "center") == [FailedAttempt(0, "动态码不正确")]


def test_decision_recorded_twice_is_refused(store: Store, revision: Revision) -> None:
    with store.transaction() as record:
        record.record_decision(*decided(revision))
        with pytest.raises(ApprovalError, match="已有审批决定"):
            record.record_decision(*decided(revision))
        assert record.decision(revision, "center") == decided(revision)[0]
        assert [read_line(entry.line).what.kind for entry in record.entries(revision.evaluation.id)] == ["opened", "decided"]


def test_secret_is_not_readable_without_the_key(store: Store, url: str, tmp_path: Path) -> None:
    with store.transaction() as record:
        record.save_seed(LEADER, FINGERPRINT, "JBSWY3DPEHPK3PXP", 0)
        assert record.seed(LEADER, FINGERPRINT) == "JBSWY3DPEHPK3PXP"
    assert b"JBSWY3DPEHPK3PXP" not in b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    other = Store(url, tmp_path, "样例单位", lambda: "another key, also long")
    with pytest.raises(StoreError, match="不是同一个"), other.reading() as record:
        record.seed(LEADER, FINGERPRINT)
    other.close()


@pytest.mark.parametrize("other", [Person("p3", "乙", ("center",)), Person("p2", "甲", ("bureau",))])
def test_secret_copied_to_another_person_or_role_opens_nothing(store: Store, other: Person) -> None:
    with store.transaction() as record:
        record.save_seed(LEADER, FINGERPRINT, "SECRET", 0)
    with store.transaction() as record:
        record.session.execute(text("UPDATE seeds SET person = :other"), {"other": other.id})
    with pytest.raises(StoreError, match="密文已被改动"), store.reading() as record:
        record.seed(other, FINGERPRINT)


def test_code_spent_once_is_not_accepted_again_nor_an_older_one(store: Store) -> None:
    with store.transaction() as record:
        record.save_seed(LEADER, FINGERPRINT, "SECRET", 98)
        assert [record.spend_code("p2", FINGERPRINT, step, 102) for step in (98, 100, 100, 99, 101)] == [False, True, False, False, True]
        assert record.spend_code("p3", FINGERPRINT, 102, 102) is False


def test_code_spent_while_the_clock_ran_ahead_locks_nobody_out_afterwards(store: Store) -> None:
    with store.transaction() as record:
        record.save_seed(LEADER, FINGERPRINT, "SECRET", 9000)
        assert [record.spend_code("p2", FINGERPRINT, step, 101) for step in (100, 100, 101)] == [True, False, True]


@pytest.mark.parametrize("seed", range(5))
def test_wrong_proofs_lock_as_by_all_lines_of_a_day(store: Store, seed: int) -> None:
    some, people, places = random.Random(seed), ("p1", "p2", ""), ("", "10.0.0.1", "10.0.0.2")  # noqa: S311  # repeatable
    everything = list[Attempt]()
    for _ in range(40):
        person, address, result = some.choice(people), some.choice(places), some.choice([*Result, Result.WRONG])
        with store.transaction() as record:
            now = datetime.now(UTC)
            if result is Result.UNLOCKED:
                record.append(ACCESS, Unlocked(person=person or None, address=address))
            else:
                record.note_attempt(Attempt(now, result, person, address))
        everything.append(Attempt(now, result, person, address))
        with store.reading() as record:
            for who, where in product(people, places):
                expected = lock_of(everything, who, where, now + timedelta(seconds=1))
                told = lock_of(record.attempts(now, who, where), who, where, now + timedelta(seconds=1))
                assert (told and told.wrong) == (expected and expected.wrong)


def test_right_proofs_of_a_day_are_not_looked_through_again(store: Store) -> None:
    with store.transaction() as record:
        for _ in range(20):
            record.note_attempt(Attempt(datetime.now(UTC), Result.RIGHT, "p1", "10.0.0.1"))
        assert record.attempts(datetime.now(UTC), "p1", "10.0.0.1") == []
    with store.reading() as record:
        assert record.attempts(datetime.now(UTC), "p1", "10.0.0.1") == []


def test_address_written_for_prefect_asks_for_tls_by_the_word_of_our_driver() -> None:
    engine = connect("postgresql+asyncpg://perfeval@db/store?ssl=require")
    assert str(engine.url) == "postgresql+psycopg://perfeval@db/store?sslmode=require"


@pytest.mark.parametrize("clock", ["ahead for a while", "of another machine behind", "of another machine behind, all read anew"])
def test_clocks_that_disagree_end_no_lock_and_no_logout(store: Store, monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    now, lasting = datetime.now(UTC), timedelta(hours=12)
    with store.transaction() as record:
        for _ in range(5):
            record.note_attempt(Attempt(now, Result.WRONG, "p1", "10.0.0.1"))
        record.end_session("d" * 64, "p1")
        assert len(record.attempts(now, "p1", "")) == 5
    with store.transaction() as record:
        if clock == "ahead for a while":
            assert record.attempts(now + timedelta(days=2), "p1", "") == []
        else:
            monkeypatch.setattr(Record, "now", lambda _: now - timedelta(hours=25))
            record.note_attempt(Attempt(now, Result.WRONG, "p2", "10.0.0.2"))
            monkeypatch.undo()
        if clock.endswith("anew"):
            Access._known.clear()
        assert len(record.attempts(now, "p1", "")) == 5
        assert record.ended_sessions(now, lasting) == {"d" * 64}


def test_program_secret_saved_again_is_replaced(store: Store) -> None:
    with store.transaction() as record:
        record.save_secret("password", "first")
        record.save_secret("password", "second")
        assert record.load_secret("password") == "second"
        assert record.load_secret("nothing") is None


@pytest.mark.parametrize(
    "change",
    ["UPDATE record SET line = '{}'", "DELETE FROM record", "UPDATE decisions SET verdict = '不同意'", "DELETE FROM decisions"],
)
def test_record_and_decisions_are_refused_to_be_changed_by_the_database_itself(store: Store, revision: Revision, change: str) -> None:
    with store.transaction() as record:
        record.record_decision(*decided(revision))
    with pytest.raises(DBAPIError, match="rows are never changed"), store._engine.begin() as connection:
        connection.execute(text(change))


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["record", "decisions"])
def test_tables_that_only_grow_are_not_emptied_at_once_either(empty_postgresql_url: str, tmp_path: Path, table: str) -> None:
    store = Store(empty_postgresql_url, tmp_path, "样例单位", lambda: KEY)
    opened(store)
    with pytest.raises(DBAPIError, match="rows are never changed"), store._engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {table} CASCADE"))
    store.close()


def test_record_of_a_transaction_that_fails_has_no_line_of_it(store: Store, revision: Revision) -> None:
    with pytest.raises(StoreError), store.transaction() as record:  # noqa: PT012  # the line before the fault is what is tried
        record.append(revision.evaluation.id, Acted(action="retry", target="校验台账"), "p1")
        record.evaluation("nothing")
    with store.reading() as record:
        assert len(record.entries(revision.evaluation.id)) == 1


def test_record_appended_at_once_by_many_is_one_chain(store: Store, evaluation: Evaluation) -> None:
    def act(number: int) -> None:
        with store.transaction() as record:
            record.append(evaluation.id, Acted(action="retry", target=str(number)), "p1")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(12)))
    with store.reading() as record:
        entries = record.entries(evaluation.id)
        assert (len(entries), check(evaluation.id, entries, record.record_key)) == (13, [])


def test_record_is_neither_continued_nor_believed_with_another_key(url: str, evaluation: Evaluation, tmp_path: Path) -> None:
    other = Store(url, tmp_path, "样例单位", lambda: "another key, also long")
    with pytest.raises(StoreError, match="不是同一个"), other.transaction() as record:
        record.append(evaluation.id, Acted(action="retry", target=""), "p1")
    with pytest.raises(StoreError, match="不是同一个"), other.transaction() as record:
        record.sound_entries(evaluation.id)
    other.close()


@pytest.mark.parametrize(("ahead_by", "is_in_order"), [(timedelta(seconds=40), True), (timedelta(days=3), False)])
def test_clock_that_ran_ahead_shifts_no_later_times_but_for_seconds(
    store: Store, monkeypatch: pytest.MonkeyPatch, ahead_by: timedelta, is_in_order: bool
) -> None:
    ahead = SimpleNamespace(now=lambda zone: datetime.now(zone) + ahead_by)
    with store.transaction() as record:
        with monkeypatch.context() as clock:
            clock.setattr("perfeval.store.record.datetime", ahead)
            invited(record)
        first = record.open_evaluation(2022, "x-1", "样例项目", CLERK, None)
        times = [read_line(entry.line).at for chain in (PEOPLE, OPENINGS, first.id) for entry in record.entries(chain)]
    assert len(times) == 3
    assert (times == sorted(times)) is is_in_order


def test_progress_of_a_thousand_evaluations_takes_as_many_questions_as_that_of_one(store: Store) -> None:
    fill(store, 1000)
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *about: statements.append(str(about[2])))
    with store.reading() as record:
        progress = record.all_progress()
    assert len(progress) == 1000
    assert (progress[0].revision.number, len(progress[0].decisions), progress[7].draft and progress[7].draft.check_code) == (
        1,
        1,
        "AAAAAAAA",
    )
    assert len(statements) <= 8


def test_progress_of_what_has_changed_is_asked_anew_and_of_the_rest_is_known(store: Store) -> None:
    fill(store, 3)
    with store.transaction() as record:
        first, second, third = (item.revision.evaluation for item in record.all_progress())
        record.record_wrong_answer(Revision(second, 1), "center", "甲", ApprovalError("A05", "动态码不正确"))
        record.end_evaluation(third, "refused")
        told = record.all_progress()
        assert told == [record.progress(item) for item in (first, second, third)]
    assert ([item.revision.evaluation.outcome for item in told], bool(told[1].problems)) == ([None, None, "refused"], True)


@pytest.mark.postgresql
def test_change_that_is_seen_after_a_later_line_is_not_missed(empty_postgresql_url: str, tmp_path: Path) -> None:
    store = Store(empty_postgresql_url, tmp_path / "artifacts", "样例单位", lambda: KEY)
    evaluation = opened(store)
    with store.transaction() as slow:
        slow.save_outcome(Revision(evaluation, 1), Corrected("已核对"), events.Corrected(revision=1, note="已核对", replies=()), "p1")
        with store.transaction() as fast:
            fast.note_attempt(Attempt(datetime.now(UTC), Result.RIGHT, "p1", "10.0.0.1"))
        with store.reading() as record:
            assert record.all_progress()[0].revision.number == 1
    with store.reading() as record:
        assert record.all_progress() == [record.progress(evaluation)]
    store.close()


def test_questions_of_one_reading_see_one_state(store: Store) -> None:
    with store.reading() as record:
        before = record.people()
        with store.transaction() as other:
            invited(other)
        assert record.people() == before
    with store.reading() as record:
        assert record.sound_people() != before


@pytest.mark.postgresql
def test_line_written_while_its_chain_is_checked_is_no_touching(
    empty_postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(empty_postgresql_url, tmp_path / "artifacts", "样例单位", lambda: KEY)
    with store.transaction() as record:
        invited(record)

    def meanwhile(self: Record, entries: list[Entry]) -> None:
        monkeypatch.undo()
        with store.transaction() as other:
            other.append(PEOPLE, Acted(action="送审", target="2022年度"), "p1")

    monkeypatch.setattr(Record, "refuse_other_key", meanwhile)
    with store.transaction() as record:
        assert len(record.sound_entries(PEOPLE)) == 1
    store.close()


def fill(store: Store, count: int) -> None:
    """So many evaluations, each drafted, every third approved at the first gate."""
    draft = Draft("", 1, DIGEST, DIGEST, "AAAAAAAA", date(2023, 4, 3))
    document = {"configuration": {}, "draft": {**vars_of(draft)}, "figures": []}
    with store._engine.execution_options(writes=True).begin() as connection:
        ids = [f"2022-p{number:04}-1" for number in range(count)]
        base = {"unit": "样例单位", "year": 2022, "programme": "样例项目", "prepared_by": "填表人", "preparer": "p1", "opened_at": MOMENT}
        connection.execute(insert(EvaluationRow), [{**base, "id": id_, "programme_key": id_, "run": id_} for id_ in ids])
        done = {"revision": 1, "step": Drafted.step, "document": document, "done_at": MOMENT}
        connection.execute(insert(OutcomeRow), [{**done, "evaluation": id_} for id_ in ids])
        given = {
            "revision": 1,
            "gate": "center",
            "verdict": "同意",
            "approver": "p2",
            "unit": "样例单位",
            "name": "甲",
            "content_digest": DIGEST,
            "comment": "",
            "decided_at": MOMENT,
        }
        connection.execute(insert(DecisionRow), [{**given, "evaluation": id_} for id_ in ids[::3]])


def vars_of(draft: Draft) -> dict[str, object]:
    return {
        "evaluation": draft.evaluation, "revision": draft.revision, "digest": draft.digest, "content_digest": draft.content_digest,
        "check_code": draft.check_code, "written_on": draft.written_on.isoformat(),
    }  # fmt: skip


@pytest.mark.postgresql
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_database_in_another_encoding_keeps_chinese_or_says_why_not(postgresql_url: str, tmp_path: Path, encoding: str) -> None:
    with create_engine(postgresql_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {encoding} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'"))
        url = connection.engine.url.set(database=encoding.lower()).render_as_string(hide_password=False)
    if encoding == "LATIN1":
        with pytest.raises(StoreError, match="编码是 LATIN1，存不了中文"):
            database.try_database(url)
        return
    database.try_database(url)
    store = Store(url, tmp_path / "artifacts", "样例单位", lambda: KEY)
    assert opened(store).programme == "样例项目"
    store.close()


@pytest.mark.postgresql
def test_database_in_which_one_may_make_no_tables_says_so(empty_postgresql_url: str) -> None:
    with create_engine(empty_postgresql_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE ROLE guest LOGIN"))
        url = connection.engine.url.set(username="guest").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="用户 guest 无权在库里建表"):
        database.try_database(url)


def test_store_from_before_units_is_taken_over_by_the_unit_that_opens_it(url: str, tmp_path: Path) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade_tables(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO evaluations (id, year, programme, prepared_by, opened_at, run) "
                "VALUES ('2022-a-1', 2022, '样例项目', '填表人', '2023-01-05 01:00:00', 'run-1')"
            )
        )
        connection.execute(text("INSERT INTO secrets (name, value) VALUES ('password', 'sealed')"))
        connection.execute(
            text("INSERT INTO people (id, name, role, secret, enrolled_at) VALUES (1, '甲', 'center', 's', '2023-01-05 01:00:00')")
        )
        connection.execute(
            text(
                "INSERT INTO decisions (evaluation, revision, gate, verdict, approver, content_digest, comment, decided_at) "
                "VALUES ('2022-a-1', 1, 'center', '同意', 1, 'd', '', '2023-01-05 01:00:00')"
            )
        )
    engine.dispose()
    store = Store(url, tmp_path, "样例单位", lambda: KEY, {"样例项目": "x-1"})
    with store.reading() as record:
        (evaluation,) = record.evaluations()
        assert (evaluation.id, evaluation.programme_key, record.run_of(evaluation)) == ("2022-a-1", "x-1", "run-1")
        assert (record.people().persons, record.decisions(evaluation)) == ({}, [])
        (people,), (told,) = ([read_line(entry.line).what for entry in record.entries(chain)] for chain in (PEOPLE, "2022-a-1"))
    assert isinstance(people, Migrated)
    assert isinstance(told, Migrated)
    assert '"name":"甲"' in people.content
    assert '"verdict":"同意"' in told.content
    assert opened(store).id == "2022-a-1"
    with store.reading() as record:
        assert (record.preparer_of(evaluation), record.evaluation("2022-a-1").prepared_by) == ("p1", "填表人")
        assert [read_line(entry.line).what.kind for entry in record.entries("2022-a-1")] == ["migrated", "opened"]
    store.close()


AT = "'2023-01-05 01:00:00'"
OLD_PERSON = f"INSERT INTO people (id, unit, name, role, secret, enrolled_at) VALUES (7, '样例单位', '甲', 'center', 's3cret', {AT})"


def test_store_from_before_keeps_what_is_ended_and_drops_the_draft_in_work(url: str, tmp_path: Path) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade_tables(connection, "0002")
        connection.execute(text(OLD_PERSON))
        for key, outcome, verdict in (("a", "'archived'", "同意"), ("b", "NULL", "同意"), ("c", "NULL", "不同意")):
            for row in (
                "evaluations (id, unit, year, programme, programme_key, prepared_by, opened_at, outcome) "
                f"VALUES ('2022-{key}-1', '样例单位', 2022, '样例', '{key}', '填表人', {AT}, {outcome})",
                f"outcomes (evaluation, revision, step, document, done_at) VALUES ('2022-{key}-1', 1, 'drafted', '{{}}', {AT})",
                "decisions (evaluation, revision, gate, verdict, approver, content_digest, comment, decided_at) "
                f"VALUES ('2022-{key}-1', 1, 'center', '{verdict}', 7, 'd', '', {AT})",
            ):
                connection.exec_driver_sql(f"INSERT INTO {row}")
    engine.dispose()
    store = Store(url, tmp_path, "样例单位", lambda: KEY)
    with store.reading() as record:
        ended, in_work, refused = record.evaluations()
        assert [(item.approver, item.decided_at.hour) for item in record.decisions(ended)] == [("甲", 1)]
        assert (record.decisions(in_work), record.outcome_time(Revision(in_work, 1), Drafted)) == ([], None)
        assert (refused.outcome, [item.verdict for item in record.decisions(refused)]) == ("refused", ["不同意"])
        assert record.chains() == ["2022-a-1", "2022-b-1", "2022-c-1", "people"]
        assert "s3cret" not in "".join(entry.line for chain in record.chains() for entry in record.entries(chain))
    store.close()


def test_store_from_before_is_not_taken_over_without_the_key(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade_tables(connection, "0002")
        connection.execute(text(OLD_PERSON))
    engine.dispose()
    monkeypatch.delenv("PERFEVAL_KEY")
    with pytest.raises(UsageError, match="PERFEVAL_KEY 未设置"):
        Store(url, tmp_path, "样例单位", secret_key)
    store = Store(url, tmp_path, "样例单位", lambda: KEY)
    with store.reading() as record:
        assert len(record.entries(PEOPLE)) == 1
    store.close()


def test_store_from_before_ends_were_noted_goes_on_and_notes_them(url: str, tmp_path: Path) -> None:
    key = derive_key(KEY, "record")
    first = append(PEOPLE, None, Acted(action="立项", target="x"), "p1", MOMENT, key)
    last = append(PEOPLE, first, Acted(action="立项", target="y"), "p1", MOMENT, key)
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade_tables(connection, "0003")
        for entry in (first, last):
            values = {"unit": "样例单位", "chain": PEOPLE, "number": entry.number, "line": entry.line}
            connection.execute(insert(RecordRow).values(**values, sha256=entry.sha256, sm3=entry.sm3, mac=entry.mac))
    engine.dispose()
    store = Store(url, tmp_path, "样例单位", lambda: KEY)
    with store.transaction() as record:
        assert record.ends() == {PEOPLE: End(2, last.sha256, "")}
        record.append(PEOPLE, Acted(action="立项", target="z"))
        assert (record.ends()[PEOPLE].number, record.ends()[PEOPLE].mac != "") == (3, True)
        assert len(record.sound_entries(PEOPLE)) == 3
    store.close()


def test_migrations_of_an_empty_database_leave_the_tables_the_code_makes(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store._engine.execution_options(writes=True).begin() as connection:
        for metadata in (Table.metadata, VERSION.metadata):
            metadata.drop_all(connection)
        upgrade_tables(connection)
        migrated = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(migrated, Table.metadata) == []
        assert migrated.get_current_revision() == SCHEMA


def test_store_opened_by_many_at_once_for_the_first_time_is_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as clerks:
        stores = list(clerks.map(lambda _: Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, "样例单位", lambda: KEY), range(8)))
    for store in stores:
        with store.reading() as record:
            assert record.evaluations() == []
        store.close()


def test_store_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, "样例单位", lambda: KEY)
    opened(store)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("store.db*")} == {0o600}
    store.close()


def test_store_file_that_an_earlier_program_made_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch(0o644)
    store = Store(f"sqlite:///{path}", tmp_path, "样例单位", lambda: KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()


def test_folder_named_for_the_database_stays_open_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(StoreError, match="数据库不可用"):
        Store(f"sqlite:///{tmp_path}", tmp_path / "artifacts", "样例单位", lambda: KEY)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_store_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="数据库不可用"):
        Store(f"sqlite:///{tmp_path / 'no folder' / 'store.db'}", tmp_path, "样例单位", lambda: KEY)


@pytest.mark.parametrize(
    ("name", "free", "told"),
    [
        ("SQLITE_FULL", 10**9, "数据库不可用：磁盘空间不足（{}）"),
        ("SQLITE_IOERR_SHMSIZE", 0, "数据库不可用：磁盘空间不足（{}）"),
        ("SQLITE_IOERR_WRITE", 10**9, "数据库不可用：told by SQLite"),
        ("SQLITE_BUSY", 0, "数据库不可用：told by SQLite"),
    ],
)
def test_database_fault_on_a_full_disk_asks_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, free: int, told: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    error = sqlite3.OperationalError("told by SQLite")
    error.sqlite_errorname = name
    fault = database.unavailable(DatabaseError("", {}, error), connect(f"sqlite:///{tmp_path / 'store.db'}"))
    assert (fault.code, fault.message) == ("S06", told.format(tmp_path))


def test_store_that_has_no_room_for_more_says_so(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, "样例单位", lambda: KEY)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # as many as there are
    with pytest.raises(StoreError, match="磁盘空间不足") as told:
        opened(store, "r" * 100_000)
    assert told.value.hint == "腾出空间后再试一次；已登记的审批决定不用重来。"
    with store.reading() as record:
        assert record.evaluations() == []
    store.close()
