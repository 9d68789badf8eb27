"""Whatever is rewritten in the store is named: which line, which row; and nothing is decided or archived on it."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from perfeval import persons, steps
from perfeval.approvals.events import Acted
from perfeval.approvals.locking import FREE, Attempt, Result
from perfeval.archive import sealed_bag
from perfeval.audit import audit
from perfeval.errors import ApprovalError, ArchiveError, PerfevalError, StoreError
from perfeval.model import Answer, Evaluation, Revision, Verdict
from perfeval.office import Office, open_office
from perfeval.store import Transaction, transaction
from perfeval.store.record import Record

OPERATOR, CENTER, BUREAU = "样例经办人", "样例中心", "样例财政"


class Year:
    """An office whose year stands before its archive: returned once, then approved at both gates."""

    def __init__(self, folder: Path, welcome: Callable[..., Any]) -> None:
        self.office = open_office(folder)
        self.phones = {
            name: welcome(self.office, name, role) for name, role in ((OPERATOR, "operator"), (CENTER, "center"), (BUREAU, "bureau"))
        }
        subject = self.office.workspace.subject(2022)
        self.evaluation = steps.open_evaluation(self.office, subject, OPERATOR, "run-1")
        self.decide("center", CENTER, Verdict.RETURN)
        steps.record_correction(self.office, self.revision, "已核对")
        self.decide("center", CENTER)
        self.decide("bureau", BUREAU)

    @property
    def revision(self) -> Any:
        with self.office.store.reading() as record:
            return record.current_revision(self.evaluation)

    def decide(self, gate: str, name: str, verdict: Verdict = Verdict.APPROVE) -> None:
        draft = steps.prepare(self.office, self.revision)
        rule = next(item for item in self.office.workspace.gates if item.key == gate)
        answer = Answer(verdict, name, self.phones[name].code(), draft.check_code, "样例意见")
        steps.decide(self.office, self.revision, rule, answer)


NOT_OURS = "末尾登记被改动，或是另一个单位的"


@pytest.fixture(scope="module")
def approved(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> Path:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", "an invented key for tests")
        year = Year(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("approved") / "office")), welcome)
        year.office.store.close()
        return year.office.workspace.root


@pytest.fixture
def office(approved: Path, tmp_path: Path) -> Office:
    return open_office(Path(shutil.copytree(approved, tmp_path / "office")))


def rewrite(office: Office, *statements: str) -> None:
    """As somebody does who may do everything in the database."""
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement


def faults(office: Office) -> list[tuple[str, int, str]]:
    with office.store.reading() as record:
        return [(item.chain, item.number, item.message) for item in audit(record).faults]


def evaluation_of(office: Office) -> Evaluation:
    with office.store.reading() as record:
        return record.evaluation("2022-zdxm-1")


def number_of(office: Office, kind: str, place: int = 0) -> int:
    with office.store.reading() as record:
        kinds = [json.loads(entry.line)["what"]["kind"] for entry in record.entries("2022-zdxm-1")]
    return [number for number, found in enumerate(kinds, start=1) if found == kind][place]


def test_record_that_nobody_touched_is_whole_and_tells_the_year(office: Office) -> None:
    assert faults(office) == []
    with office.store.reading() as record:
        kinds = [json.loads(entry.line)["what"]["kind"] for entry in record.entries("2022-zdxm-1")]
        found = audit(record)
    assert kinds == [
        "opened", "frozen", "drafted", "decided", "returned", "corrected", "frozen", "drafted", "decided", "decided",
    ]  # fmt: skip
    assert (found.events, len(found.head)) == (10 + 9 + 1 + 1 + 6, 64)


ROWS = [
    ("UPDATE decisions SET verdict = '不同意' WHERE gate = 'bureau'", ("decided", 2), "数据库里的决定被改为“不同意”"),
    ("UPDATE decisions SET verdict = '同意' WHERE revision = 1", ("decided", 0), "数据库里的决定被改为“同意”"),
    ("UPDATE decisions SET name = '某领导' WHERE gate = 'bureau'", ("decided", 2), "数据库里的姓名被改为“某领导”"),
    ("UPDATE decisions SET comment = '' WHERE gate = 'bureau'", ("decided", 2), "数据库里的意见被改为“”"),
    ("UPDATE decisions SET approver = 'p1' WHERE gate = 'bureau'", ("decided", 2), "这一行被删去或改动"),
    ("UPDATE decisions SET decided_at = '2023-01-01 00:00:00.000000' WHERE gate = 'bureau'", ("decided", 2), "时间被改动"),
    ("UPDATE decisions SET unit = '别的单位' WHERE gate = 'bureau'", ("decided", 2), "单位被改动"),
    ("UPDATE decisions SET content_digest = 'x' WHERE gate = 'bureau'", ("decided", 2), "内容摘要被改为“x”"),
    ("DELETE FROM decisions WHERE revision = 1", ("decided", 0), "这一行被删去或改动"),
    ("UPDATE evaluations SET prepared_by = '别人'", ("opened", 0), "送审人被改为“别人”"),
    ("UPDATE evaluations SET preparer = 'p2'", ("opened", 0), "送审人编号被改为“p2”"),
    ("UPDATE evaluations SET programme = '别的项目'", ("opened", 0), "项目名称被改为“别的项目”"),
    (
        "UPDATE outcomes SET document = json_set(document, '$.draft.content_digest', 'x') WHERE step = 'drafted' AND revision = 2",
        ("drafted", 1),
        "第2稿的报告被改动",
    ),
    (
        "UPDATE outcomes SET document = json_set(document, '$.gates[1].needs', 0) WHERE step = 'drafted' AND revision = 2",
        ("drafted", 1),
        "第2稿的审批环节被改动",
    ),
    (
        "UPDATE outcomes SET document = json_remove(document, '$.gates[1]') WHERE step = 'drafted' AND revision = 2",
        ("drafted", 1),
        "第2稿的审批环节被改动",
    ),
    (
        "UPDATE outcomes SET document = json_set(document, '$.card.total', '100.00') WHERE step = 'scored' AND revision = 2",
        ("drafted", 1),
        "第2稿的scored 与成文时的不同",
    ),
    (
        "UPDATE outcomes SET document = json_set(document, '$.findings', 'x') WHERE step = 'validated' AND revision = 1",
        ("drafted", 0),
        "第1稿的validated 与成文时的不同",
    ),
    (
        "UPDATE outcomes SET document = json_set(document, '$.draft.check_code', '00000000') WHERE step = 'drafted' AND revision = 2",
        ("drafted", 1),
        "第2稿的drafted 与成文时的不同",
    ),
    ("DELETE FROM outcomes WHERE step = 'scored' AND revision = 1", ("drafted", 0), "第1稿的这一步（scored）被删去"),
    (
        "UPDATE outcomes SET done_at = '2023-01-01 00:00:00' WHERE step = 'drafted' AND revision = 2",
        ("drafted", 1),
        "这一步（drafted）的时间被改动",
    ),
    ("UPDATE outcomes SET done_at = '2023-01-01 00:00:00' WHERE step = 'scored' AND revision = 2", ("drafted", 1), "scored 的时间被改动"),
    ("UPDATE outcomes SET done_at = '2023-01-01 00:00:00' WHERE step = 'corrected'", ("corrected", 0), "这一步（corrected）的时间被改动"),
    ("UPDATE evaluations SET opened_at = '2023-01-01 00:00:00'", ("opened", 0), "立项时间被改动"),
    ("DELETE FROM outcomes WHERE step = 'corrected'", ("corrected", 0), "第1稿的这一步（corrected）被删去"),
    ("UPDATE outcomes SET document = '{\"note\": \"x\"}' WHERE step = 'corrected'", ("corrected", 0), "第1稿的更正说明被改动"),
]


@pytest.mark.parametrize(("change", "line", "told"), ROWS)
def test_row_of_a_table_rewritten_is_named_by_its_line_of_the_record(office: Office, change: str, line: tuple[str, int], told: str) -> None:
    number = number_of(office, *line)
    rewrite(office, change)
    assert [(chain, place) for chain, place, message in faults(office) if told in message] == [("2022-zdxm-1", number)]


LINES = [
    ("UPDATE record SET line = replace(line, '不同意', '同意') || ' ' WHERE chain = '2022-zdxm-1' AND number = 9", 9, "被改动"),
    ("UPDATE record SET mac = '' WHERE chain = '2022-zdxm-1' AND number = 9", 9, "没有校验码"),
    ("DELETE FROM record WHERE chain = '2022-zdxm-1' AND number = 4", 4, "缺少第4条"),
    ("UPDATE record SET number = 40 WHERE chain = '2022-zdxm-1' AND number = 5", 5, "第5条"),
    (
        "INSERT INTO record (unit, chain, number, line, sha256, sm3, mac) SELECT unit, chain, 11, line, sha256, sm3, mac FROM record "
        "WHERE chain = '2022-zdxm-1' AND number = 10",
        10,
        "有2条",
    ),
]


@pytest.mark.parametrize(("change", "number", "told"), LINES)
def test_line_of_the_record_rewritten_is_named_and_nothing_more_is_decided(office: Office, change: str, number: int, told: str) -> None:
    rewrite(office, change)
    assert [place for chain, place, message in faults(office) if chain == "2022-zdxm-1" and told in message][:1] == [number]
    with office.store.transaction() as record, pytest.raises(StoreError, match="被改动过"):
        record.sound_entries("2022-zdxm-1")


def test_record_cut_off_at_its_end_is_told_by_the_rows_left(office: Office) -> None:
    rewrite(office, "DELETE FROM record WHERE chain = '2022-zdxm-1' AND number = 10")
    assert [(number, message) for _, number, message in faults(office)] == [(10, "第10条被删去：末尾登记写明共10条")]


def test_record_cut_off_at_its_end_together_with_its_row_is_named_and_not_continued(office: Office) -> None:
    rewrite(office, "DELETE FROM record WHERE chain = '2022-zdxm-1' AND number >= 9", "DELETE FROM decisions WHERE revision = 2")
    assert faults(office) == [("2022-zdxm-1", 9, "第9条至第10条被删去：末尾登记写明共10条")]
    with office.store.transaction() as record, pytest.raises(StoreError, match="被改动过"):
        record.append("2022-zdxm-1", Acted(action="重试", target="run"))


def test_record_cut_off_behind_its_decisions_keeps_the_archive_shut(office: Office) -> None:
    steps.note_act(office, "重试", "run", "p1", "2022-zdxm-1")
    rewrite(office, "DELETE FROM record WHERE chain = '2022-zdxm-1' AND number = 11")
    with pytest.raises(ArchiveError, match="第11条被删去：末尾登记写明共11条"):
        steps.archive_report(office, Revision(evaluation_of(office), 2))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETE FROM ends WHERE chain = 'people'", "末尾登记被删去，不知道末尾有没有被截去"),
        ("UPDATE ends SET number = number - 1 WHERE chain = 'people'", NOT_OURS),
        ("UPDATE ends SET sha256 = (SELECT sha256 FROM ends WHERE chain = 'access') WHERE chain = 'people'", NOT_OURS),
    ],
)
def test_note_of_an_end_rewritten_is_told_and_nobody_is_invited(office: Office, change: str, told: str) -> None:
    rewrite(office, change)
    assert faults(office) == [("people", 0, told)]
    with pytest.raises(StoreError, match="被改动过"):
        persons.invite(office, "丁", ["center"], "p1")


def test_ends_that_nothing_here_proves_are_said_to_be_so(office: Office) -> None:
    with office.store.reading() as record:
        assert [text[:20] for text in audit(record).unproved] == ["各份记录的末尾未与外部凭证对照：数据库整"]
        witness = record.head("2022-zdxm-1")[:24]
        assert audit(record, witness).unproved == ("2022-zdxm-1 到第10条为止与外部凭证相同；其后的和其他各份记录的末尾，未与外部凭证对照",)
        assert [item.message[:15] for head in ("f" * 24, witness[:8]) for item in audit(record, head).faults] == [
            "没有一条记录的链头是 " + "f" * 4,
            "没有一条记录的链头是 " + witness[:4],
        ]
    rewrite(office, "UPDATE ends SET mac = '' WHERE chain = 'access'")
    with office.store.reading() as record:
        assert audit(record).unproved[0] == "access 的末尾登记没有校验码（升级前写的），末尾有没有被截去，未证明"


ACCESS_ROWS = [
    ("UPDATE seeds SET last_step = 1 WHERE person = 'p3'", 6, "“样例财政”（p3）的动态码上次用在第"),
    ("UPDATE seeds SET last_step = NULL WHERE person = 'p2'", 5, "“样例中心”（p2）的动态码上次用在第"),
    ("DELETE FROM record WHERE chain = 'access' AND number = 5", 5, "缺少第5条"),
    ("DELETE FROM record WHERE chain = 'access' AND number = 6", 6, "第6条被删去"),
    ("UPDATE record SET line = replace(line, 'true', 'false') WHERE chain = 'access' AND number = 4", 4, "第4条被改动"),
    (
        "INSERT INTO record (unit, chain, number, line, sha256, sm3, mac) SELECT unit, chain, 7, line, sha256, sm3, mac FROM record "
        "WHERE chain = 'access' AND number = 6",
        6,
        "有2条",
    ),
]


@pytest.mark.parametrize(("change", "number", "told"), ACCESS_ROWS)
def test_proofs_that_were_looked_at_rewritten_are_named(office: Office, change: str, number: int, told: str) -> None:
    rewrite(office, change)
    assert [(chain, place) for chain, place, message in faults(office) if told in message][:1] == [("access", number)]


def test_lock_whose_lines_were_rewritten_is_not_passed(office: Office) -> None:
    for _ in range(FREE):
        with pytest.raises(ApprovalError, match="姓名或动态码不对"):
            persons.log_in(office, CENTER, "000000", "10.0.0.1")
    rewrite(office, "UPDATE record SET line = replace(line, 'false', 'true') WHERE chain = 'access' AND number >= 7")
    with pytest.raises(StoreError, match="被改动过"):
        persons.log_in(office, CENTER, "000000", "10.0.0.1")


def test_evaluation_or_its_whole_record_deleted_is_told(office: Office) -> None:
    rewrite(office, "DELETE FROM record WHERE chain = '2022-zdxm-1'")
    assert [(chain, number) for chain, number, _ in faults(office)] == [("2022-zdxm-1", 0), ("2022-zdxm-1", 1), ("openings", 1)]
    rewrite(office, *(f"DELETE FROM {table}" for table in ("decisions", "outcomes", "evaluations")))
    assert [message for _, _, message in faults(office)] == [
        "共10条，整份被删去", "立项记录第1条立项的自评 2022-zdxm-1 没有审批记录：整份被删去",
    ]  # fmt: skip


def test_evaluation_deleted_with_what_told_of_its_opening_is_told_by_the_next_one(office: Office) -> None:
    with office.store.transaction() as record:
        clerk = record.people().persons["p1"]
        second = record.open_evaluation(2022, "roads", "样例道路", clerk, None)
    rewrite(
        office,
        *(f"DELETE FROM {table} WHERE chain IN ('2022-zdxm-1', 'openings')" for table in ("record", "ends")),
        *(f"DELETE FROM {table} WHERE evaluation = '2022-zdxm-1'" for table in ("decisions", "outcomes")),
        "DELETE FROM evaluations WHERE id = '2022-zdxm-1'",
    )
    told = f"自评 {second.id} 立项时，立项记录还有别的条目：末尾被截去，或整份被改写"
    assert faults(office) == [("openings", 0, told)]


def test_secret_copied_onto_another_is_told_and_opens_nothing(office: Office) -> None:
    rewrite(office, "UPDATE seeds SET secret = (SELECT secret FROM seeds WHERE person = 'p2') WHERE person = 'p3'")
    assert [message for _, _, message in faults(office)] == ["“样例财政”（p3）的动态码密钥被改动，或换成了别人的"]
    with pytest.raises(PerfevalError):
        persons.log_in(office, BUREAU, "000000", "10.0.0.1")


def test_people_rewritten_are_told_and_nobody_is_invited_or_heard(office: Office) -> None:
    rewrite(office, "UPDATE record SET line = replace(line, '样例财政', '样例局长') WHERE chain = 'people'")
    assert {chain for chain, _, _ in faults(office)} >= {"people"}
    with pytest.raises(StoreError, match="被改动过"):
        persons.invite(office, "丁", ["center"], "p1")
    with pytest.raises(StoreError, match="被改动过"):
        persons.log_in(office, CENTER, "000000", "10.0.0.1")


def test_people_rewritten_and_put_back_are_not_remembered(office: Office) -> None:
    Record._known_people.clear()
    rewrite(office, "UPDATE record SET line = replace(line, '样例财政', '样例局长') WHERE chain = 'people'")
    with office.store.reading() as record:
        assert "样例局长" in {person.name for person in record.people().persons.values()}
        with pytest.raises(StoreError, match="被改动过"):
            record.sound_people()
    rewrite(office, "UPDATE record SET line = replace(line, '样例局长', '样例财政') WHERE chain = 'people'")
    with office.store.reading() as record:
        assert "样例局长" not in {person.name for person in record.people().persons.values()}
    assert faults(office) == []


@pytest.mark.parametrize("taken", [(0, 2), (2,), (1, 2), (0, 3)], ids=str)
def test_access_taken_away_for_a_moment_and_put_back_is_not_forgotten(office: Office, taken: tuple[int, ...]) -> None:
    now, lasting = datetime.now(UTC), timedelta(hours=12)
    with office.store.transaction() as record:
        for _ in range(5):
            record.note_attempt(Attempt(now, Result.WRONG, "p3", "10.0.0.9"))
        record.end_session("d" * 64, "p3")
        for _ in range(2):
            record.note_attempt(Attempt(now, Result.WRONG, "p2", "10.0.0.8"))
        before = record.attempts(now, "p3", "10.0.0.9"), record.ended_sessions(now, lasting)
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        rows = database.execute("SELECT * FROM record WHERE chain = 'access' ORDER BY number DESC").fetchall()
    gone = [rows[place] for place in taken]
    rewrite(office, *(f"DELETE FROM record WHERE id = {row[0]}" for row in gone))
    with suppress(StoreError), office.store.reading() as record:
        record.ended_sessions(now, lasting)
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        database.executemany(f"INSERT INTO record VALUES ({','.join('?' * len(gone[0]))})", gone)
    with office.store.reading() as record:
        assert (record.attempts(now, "p3", "10.0.0.9"), record.ended_sessions(now, lasting)) == before
    assert faults(office) == []


def test_rows_rewritten_and_put_back_are_not_shown_for_long(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[Any]:
        with office.store.reading() as record:
            return record.all_progress()

    now, before = monotonic(), told()
    Transaction._known_progress.clear()
    rewrite(office, "UPDATE decisions SET verdict = '不同意' WHERE gate = 'bureau'")
    assert told() != before
    rewrite(office, "UPDATE decisions SET verdict = '同意' WHERE gate = 'bureau'")
    monkeypatch.setattr(transaction, "monotonic", lambda: now + 301)
    assert (told(), faults(office)) == (before, [])


def test_refusal_deleted_and_decided_again_is_told(office: Office) -> None:
    rewrite(
        office,
        "DELETE FROM decisions WHERE gate = 'bureau'",
        "INSERT INTO decisions (evaluation, revision, gate, approver, unit, name, verdict, content_digest, comment, decided_at) "
        "SELECT evaluation, revision, 'bureau', 'p9', unit, name, verdict, content_digest, comment, decided_at FROM decisions "
        "WHERE revision = 2",
    )
    assert sorted(number for _, number, _ in faults(office)) == [0, 10]


def test_outcome_of_no_kind_is_told(office: Office) -> None:
    rewrite(office, "UPDATE evaluations SET outcome = 'x'")
    assert [message for _, _, message in faults(office)] == ["自评表里的结果被改为“x”"]


def test_record_moved_to_another_unit_is_told_there(office: Office) -> None:
    for table in ("record", "ends", "evaluations", "decisions"):
        rewrite(office, f"UPDATE {table} SET unit = '别的单位'")
    with office.store.reading() as record:
        record.unit = "别的单位"
        told = {item.chain: item.message for item in audit(record).faults}
    assert {chain: told.get(chain) for chain in record.chains()} == dict.fromkeys(record.chains(), NOT_OURS)


def test_past_that_somebody_invents_for_the_store_is_not_taken_over(office: Office) -> None:
    evaluation = "'id', '2022-zdxm-1', 'outcome', 'archived'"
    decided = "'evaluation', '2022-zdxm-1', 'revision', 2, 'gate', 'bureau', 'approver', 'x', 'name', '某人', 'verdict', '同意'"
    told = f"json_array(json_object({evaluation})), 'decisions', json_array(json_object({decided}))"
    rewrite(office, f"INSERT INTO before SELECT unit, json_object('people', json_array(), 'evaluations', {told}) FROM evaluations")
    with pytest.raises(StoreError, match="待接管的旧数据，而审批记录早已开始"):
        open_office(office.workspace.root).store.close()


@pytest.mark.parametrize(
    ("change", "number", "told"),
    [
        ("UPDATE asks SET problem = '另一原因'", 11, "第11条无效答复：无效答复表里的原因被改动"),
        ("UPDATE asks SET asked_at = '2023-01-01 00:00:00'", 11, "第11条无效答复：无效答复表里的时间被改动"),
        ("DELETE FROM asks", 11, "第11条无效答复：无效答复表里的这一行被删去"),
        (
            "INSERT INTO asks SELECT evaluation, 1, gate, number, problem, asked_at FROM asks",
            0,
            "无效答复表里有第1稿 center 的第1次，审批记录里没有：是插入的",
        ),
    ],
)
def test_wrong_answer_rewritten_or_invented_is_named(office: Office, change: str, number: int, told: str) -> None:
    with office.store.transaction() as record:
        record.record_wrong_answer(Revision(evaluation_of(office), 2), "center", "某人", ApprovalError("A05", "动态码不正确", "再试"))
    assert faults(office) == []
    rewrite(office, change)
    assert faults(office) == [("2022-zdxm-1", number, told)]
    with pytest.raises(ArchiveError, match=told):
        steps.archive_report(office, Revision(evaluation_of(office), 2))
    assert not list(office.workspace.root.glob("archive/*"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE outcomes SET document = json_set(document, '$.number', 7) WHERE step = 'sealing'", "sealing 与归档时的不同"),
        ("UPDATE outcomes SET done_at = '2023-01-01 00:00:00' WHERE step = 'archived'", "这一步（archived）的时间被改动"),
        ("UPDATE evaluations SET ended_at = '2023-01-01 00:00:00'", "自评表里的结束时间被改动"),
    ],
)
def test_rows_of_the_archive_rewritten_are_named(office: Office, change: str, told: str) -> None:
    steps.archive_report(office, Revision(evaluation_of(office), 2))
    rewrite(office, change)
    ((chain, number, message),) = faults(office)
    assert (chain, number, told in message) == ("2022-zdxm-1", number_of(office, "archived"), True)


INVENTED = "INSERT INTO outcomes SELECT evaluation, {}, '{}', document, done_at FROM outcomes WHERE step = 'scored' AND revision = 2"


@pytest.mark.parametrize(("revision", "step"), [(3, "scored"), (3, "sealing"), (2, "another"), (2, "corrected"), (3, "validated")])
def test_outcome_that_nothing_leaves_room_for_is_told(office: Office, revision: int, step: str) -> None:
    rewrite(office, INVENTED.format(revision, step))
    assert ("2022-zdxm-1", 0, f"步骤成果表里第{revision}稿的 {step}，审批记录里没有：是插入的") in faults(office)


def test_order_of_writing_changed_is_named(office: Office) -> None:
    rewrite(office, "UPDATE record SET id = id + 1000 WHERE chain = 'people' AND number = 3")
    assert faults(office) == [("people", 3, "第3条写入的次序被改动")]


def test_access_taken_away_whole_is_told_of_each_secret(office: Office) -> None:
    rewrite(office, "DELETE FROM record WHERE chain = 'access'", "DELETE FROM ends WHERE chain = 'access'")
    assert [(chain, message[-14:]) for chain, _, message in faults(office)] == [("access", "的动态码的使用记录：已被删去")] * 3


def test_archive_written_into_the_table_alone_is_told(office: Office) -> None:
    rewrite(office, "UPDATE evaluations SET outcome = 'archived'")
    assert [message for _, _, message in faults(office)] == ["自评表里写着已归档，审批记录里没有归档"]


def test_old_backup_put_in_the_place_of_the_database_is_told_by_the_bags_beside_it(office: Office) -> None:
    revision = Revision(evaluation_of(office), 2)
    office.store.close()
    database = office.workspace.state / "store.db"
    backup = database.read_bytes()
    bag = steps.archive_report(office, revision)
    sealed = {bag.name: sealed_bag(bag), "no bag": sealed_bag(bag / "data")}
    with office.store.reading() as record:
        assert audit(record, sealed=sealed).faults == ()
    office.store.close()
    database.write_bytes(backup)
    with office.store.transaction() as record:  # and somebody goes on with it
        assert audit(record).faults == ()
        record.append("2022-zdxm-1", Acted(action="样例", target="样例"), "p1")
        record.append("people", Acted(action="样例", target="样例"), "p1")
    ends = {chain: replace(end, number=end.number + 1, sha256="f" * 64) for chain, end in sealed_bag(bag).ends.items()}
    cut = {bag.name: replace(sealed_bag(bag), ends=ends)}
    with office.store.reading() as record:
        found = audit(record, sealed=sealed)
        told = audit(record, sealed=cut).faults
    # The bag is of before the archive's line: until there all is the same.
    assert (found.faults, next(text for text in found.unproved if bag.name in text)[:20]) == ((), f"归档包 {bag.name}"[:20])
    assert [(item.chain, bag.name in item.message) for item in told] == [("2022-zdxm-1", True), ("people", True)]
