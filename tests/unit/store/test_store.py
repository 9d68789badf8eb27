"""The store's promises, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from perfeval.errors import ApprovalError, StoreError
from perfeval.model import Decision, Evaluation, Revision, Verdict
from perfeval.store import Store
from perfeval.store.repository import SCHEMA, upgrade_tables
from perfeval.store.tables import VERSION, Table

KEY = "an invented key for tests"
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        yield Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "artifacts")
        return
    url = request.getfixturevalue("postgresql_url")
    with create_engine(url).begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    yield Store(url, tmp_path / "artifacts")


@pytest.fixture
def evaluation(store: Store) -> Evaluation:
    return store.open_evaluation(2022, "样例项目", "x-1", "填表人", "run-1")


@pytest.fixture
def revision(evaluation: Evaluation) -> Revision:
    return Revision(evaluation, 1)


def test_evaluation_opened_twice_is_one(store: Store, evaluation: Evaluation) -> None:
    assert store.open_evaluation(2022, "样例项目", "x-1", "别人", "run-1") == evaluation


def test_evaluation_opened_by_another_run_is_taken_over(store: Store, evaluation: Evaluation) -> None:
    assert store.open_evaluation(2022, "样例项目", "x-1", "填表人", "run-2") == evaluation
    assert store.run_of(evaluation) == "run-2"


def test_evaluation_opened_after_the_end_is_a_new_one(store: Store, evaluation: Evaluation) -> None:
    store.end_evaluation(evaluation, "refused")
    assert store.open_evaluation(2022, "样例项目", "x-1", "填表人", "run-2").id == "2022-x-1-2"


def test_evaluation_of_a_programme_renamed_has_a_number_of_its_own(store: Store, evaluation: Evaluation) -> None:
    store.end_evaluation(evaluation, "refused")
    assert store.open_evaluation(2022, "样例项目改名", "x-1", "填表人", "run-2").id != evaluation.id


def test_evaluation_opened_again_by_its_own_run_after_the_end_is_the_ended_one(store: Store, evaluation: Evaluation) -> None:
    store.end_evaluation(evaluation, "archived")
    again = store.open_evaluation(2022, "样例项目", "x-1", "填表人", "run-1")
    assert (again.id, again.outcome) == (evaluation.id, "archived")


def test_evaluation_ended_twice_keeps_its_first_outcome(store: Store, evaluation: Evaluation) -> None:
    store.end_evaluation(evaluation, "refused")
    store.end_evaluation(evaluation, "archived")
    assert store.evaluation(evaluation.id).outcome == "refused"


def test_evaluation_opened_at_once_by_many_is_one(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = pool.map(lambda _: store.open_evaluation(2022, "样例项目", "x-1", "填表人", None), range(8))
    assert {evaluation.id for evaluation in opened} == {"2022-x-1-1"}


def test_evaluation_unknown_is_refused_in_chinese(store: Store) -> None:
    with pytest.raises(StoreError, match="没有编号为 nothing 的自评"):
        store.evaluation("nothing")


def test_outcome_saved_twice_keeps_the_first(store: Store, revision: Revision) -> None:
    assert store.save_outcome(revision, "scored", {"total": "97.50"}) == {"total": "97.50"}
    assert store.save_outcome(revision, "scored", {"total": "100.00"}) == {"total": "97.50"}
    assert store.outcome(revision, "scored") == {"total": "97.50"}


def test_revision_after_a_correction_is_the_next(store: Store, revision: Revision) -> None:
    store.save_outcome(revision, "corrected", {"note": "已补会议日期"})
    assert store.current_revision(revision.evaluation).number == 2


def test_ask_recorded_twice_keeps_the_first(store: Store, revision: Revision) -> None:
    store.record_ask(revision, "center", 0, "动态码不正确")
    store.record_ask(revision, "center", 0, "别的原因")
    assert [(ask.number, ask.problem) for ask in store.asks(revision, "center")] == [(0, "动态码不正确")]


def test_decision_recorded_twice_is_refused(store: Store, revision: Revision) -> None:
    store.enrol("甲", "center", "SECRET", KEY)
    approver = store.enrolled("甲", KEY)
    assert approver is not None
    decision = Decision(revision.evaluation.id, 1, "center", Verdict.APPROVE, "甲", "0" * 64, "", MOMENT)
    store.record_decision(decision, approver)
    with pytest.raises(ApprovalError, match="已有审批决定"):
        store.record_decision(decision, approver)
    assert store.decision(revision, "center") == decision


def test_person_enrolled_twice_is_refused_until_revoked(store: Store) -> None:
    store.enrol("甲", "center", "SECRET", KEY)
    with pytest.raises(ApprovalError, match="已登记"):
        store.enrol("甲", "bureau", "SECRET", KEY)
    assert store.revoke("甲") is True
    assert store.revoke("甲") is False
    assert store.enrolled("甲", KEY) is None
    store.enrol("甲", "bureau", "SECRET", KEY)


def test_secret_is_not_readable_without_the_key(store: Store, tmp_path: Path) -> None:
    store.enrol("甲", "center", "JBSWY3DPEHPK3PXP", KEY)
    assert b"JBSWY3DPEHPK3PXP" not in b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    with pytest.raises(StoreError, match="不是同一个"):
        store.enrolled("甲", "another key, also long")


def test_code_spent_once_is_not_accepted_again_nor_an_older_one(store: Store) -> None:
    store.enrol("甲", "center", "SECRET", KEY)
    approver = store.enrolled("甲", KEY)
    assert approver is not None
    assert [store.spend_code(approver, step) for step in (100, 100, 99, 101)] == [True, False, False, True]


def test_program_secret_saved_again_is_replaced(store: Store) -> None:
    store.save_secret("password", "first", KEY)
    store.save_secret("password", "second", KEY)
    assert store.load_secret("password", KEY) == "second"
    assert store.load_secret("nothing", KEY) is None


def test_migrations_of_an_empty_database_leave_the_tables_the_code_makes(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store._engine.begin() as connection:
        for metadata in (Table.metadata, VERSION.metadata):
            metadata.drop_all(connection)
        upgrade_tables(connection)
        migrated = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(migrated, Table.metadata) == []
        assert migrated.get_current_revision() == SCHEMA


def test_store_opened_by_many_at_once_for_the_first_time_is_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as clerks:
        stores = list(clerks.map(lambda _: Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path), range(8)))
    assert [store.evaluations() for store in stores] == [[]] * 8


def test_store_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="数据库不可用"):
        Store(f"sqlite:///{tmp_path / 'no folder' / 'store.db'}", tmp_path)
