"""The store's promises, on SQLite and on PostgreSQL."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, insert, text

from perfeval.errors import ApprovalError, StoreError
from perfeval.model import Decision, Draft, Evaluation, FailedAttempt, Revision, Verdict
from perfeval.model.outcomes import Archived, Corrected, Drafted, Failure, Sealing
from perfeval.store import Store
from perfeval.store.database import SCHEMA, upgrade_tables
from perfeval.store.tables import VERSION, DecisionRow, EvaluationRow, OutcomeRow, Table

KEY = "an invented key for tests"
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
DIGEST = "a" * 64


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    store = Store(url, tmp_path / "artifacts", "样例单位")
    yield store
    store.close()


@pytest.fixture
def evaluation(store: Store) -> Evaluation:
    return opened(store)


@pytest.fixture
def revision(evaluation: Evaluation) -> Revision:
    return Revision(evaluation, 1)


def opened(store: Store, run: str | None = "run-1", key: str = "x-1", prepared_by: str = "填表人") -> Evaluation:
    with store.transaction() as record:
        return record.open_evaluation(2022, key, "样例项目", prepared_by, run)


def ended(store: Store, evaluation: Evaluation, outcome: str) -> None:
    with store.transaction() as record:
        record.end_evaluation(evaluation, outcome)


def test_evaluation_opened_twice_is_one(store: Store, evaluation: Evaluation) -> None:
    assert opened(store, prepared_by="别人") == evaluation


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


def test_units_on_one_database_do_not_see_each_other(store: Store, url: str, tmp_path: Path) -> None:
    other = Store(url, tmp_path / "other", "另一单位")
    mine, theirs = opened(store), opened(other)
    assert (mine.id, theirs.id) == ("2022-x-1-1", "2022-x-1-2")
    with store.transaction() as record, pytest.raises(StoreError, match="没有编号为"):
        record.evaluation(theirs.id)
    with store.transaction() as record:
        record.enrol("甲", "center", "SECRET", KEY)
        record.save_secret("password", "mine", KEY)
        record.save_outcome(Revision(mine, 1), Sealing(7, MOMENT))
    with other.transaction() as record:
        assert (record.people(), record.load_secret("password", KEY), record.evaluation_of("run-1")) == ([], None, theirs)
        assert record.next_item_number(theirs) == 1
        record.enrol("甲", "bureau", "SECRET", KEY)
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
        record._session.execute(text("UPDATE outcomes SET document = '{\"rubbish\": 1}'"))
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


def test_failure_of_a_run_is_replaced_and_forgotten(store: Store) -> None:
    with store.transaction() as record:
        record.record_failure("run-1", Failure("校验台账", "L00", "台账有 1 处错误"))
        record.record_failure("run-1", Failure("编写报告", "R01", "不能成稿"))
    with store.transaction() as record:
        assert record.failure("run-1") == Failure("编写报告", "R01", "不能成稿")
        record.record_failure("run-1", None)
        assert record.failure("run-1") is None


def test_failed_attempt_recorded_twice_keeps_the_first(store: Store, revision: Revision) -> None:
    with store.transaction() as record:
        record.record_failed_attempt(revision, "center", FailedAttempt(0, "动态码不正确"))
        record.record_failed_attempt(revision, "center", FailedAttempt(0, "别的原因"))
        assert record.failed_attempts(revision, "center") == [FailedAttempt(0, "动态码不正确")]


def test_decision_recorded_twice_is_refused(store: Store, revision: Revision) -> None:
    decision = Decision(revision.evaluation.id, 1, "center", Verdict.APPROVE, "甲", DIGEST, "", MOMENT)
    with store.transaction() as record:
        record.enrol("甲", "center", "SECRET", KEY)
        approver = record.enrolled("甲", KEY)
        assert approver is not None
        record.record_decision(decision, approver)
        with pytest.raises(ApprovalError, match="已有审批决定"):
            record.record_decision(decision, approver)
        assert record.decision(revision, "center") == decision


def test_person_enrolled_twice_is_refused_until_revoked(store: Store) -> None:
    with store.transaction() as record:
        record.enrol("甲", "center", "SECRET", KEY)
        with pytest.raises(ApprovalError, match="已登记"):
            record.enrol("甲", "bureau", "SECRET", KEY)
        assert record.revoke("甲") is True
        assert record.revoke("甲") is False
        assert record.enrolled("甲", KEY) is None
        record.enrol("甲", "bureau", "SECRET", KEY)


def test_secret_is_not_readable_without_the_key(store: Store, tmp_path: Path) -> None:
    with store.transaction() as record:
        record.enrol("甲", "center", "JBSWY3DPEHPK3PXP", KEY)
    assert b"JBSWY3DPEHPK3PXP" not in b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    with pytest.raises(StoreError, match="不是同一个"), store.reading() as record:
        record.enrolled("甲", "another key, also long")


def test_code_spent_once_is_not_accepted_again_nor_an_older_one(store: Store) -> None:
    with store.transaction() as record:
        record.enrol("甲", "center", "SECRET", KEY)
        approver = record.enrolled("甲", KEY)
        assert approver is not None
        assert [record.spend_code(approver, step) for step in (100, 100, 99, 101)] == [True, False, False, True]


def test_program_secret_saved_again_is_replaced(store: Store) -> None:
    with store.transaction() as record:
        record.save_secret("password", "first", KEY)
        record.save_secret("password", "second", KEY)
        assert record.load_secret("password", KEY) == "second"
        assert record.load_secret("nothing", KEY) is None


def test_progress_of_a_thousand_evaluations_takes_as_many_questions_as_that_of_one(store: Store) -> None:
    with store.transaction() as record:
        record.enrol("甲", "center", "SECRET", KEY)
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


def fill(store: Store, count: int) -> None:
    """So many evaluations, each drafted, every third approved at the first gate."""
    draft = Draft("", 1, DIGEST, DIGEST, "AAAAAAAA", date(2023, 4, 3))
    document = {"configuration": {}, "draft": {**vars_of(draft)}, "figures": []}
    with store._engine.execution_options(writes=True).begin() as connection:
        ids = [f"2022-p{number:04}-1" for number in range(count)]
        base = {"unit": "样例单位", "year": 2022, "programme": "样例项目", "prepared_by": "填表人", "opened_at": MOMENT}
        connection.execute(insert(EvaluationRow), [{**base, "id": id_, "programme_key": id_, "run": id_} for id_ in ids])
        done = {"revision": 1, "step": Drafted.step, "document": document, "done_at": MOMENT}
        connection.execute(insert(OutcomeRow), [{**done, "evaluation": id_} for id_ in ids])
        given = {
            "revision": 1,
            "gate": "center",
            "verdict": "同意",
            "approver": 1,
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
    store = Store(url, tmp_path, "样例单位", {"样例项目": "x-1"})
    with store.reading() as record:
        (evaluation,) = record.evaluations()
        assert (evaluation.id, evaluation.programme_key, record.run_of(evaluation)) == ("2022-a-1", "x-1", "run-1")
        assert [person.name for person in record.people()] == ["甲"]
        assert [decision.approver for decision in record.decisions(evaluation)] == ["甲"]
    assert opened(store).id == "2022-a-1"
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
        stores = list(clerks.map(lambda _: Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, "样例单位"), range(8)))
    for store in stores:
        with store.reading() as record:
            assert record.evaluations() == []
        store.close()


def test_store_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, "样例单位")
    opened(store)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("store.db*")} == {0o600}
    store.close()


def test_store_file_that_an_earlier_program_made_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch(0o644)
    store = Store(f"sqlite:///{path}", tmp_path, "样例单位")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()


def test_store_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="数据库不可用"):
        Store(f"sqlite:///{tmp_path / 'no folder' / 'store.db'}", tmp_path, "样例单位")
