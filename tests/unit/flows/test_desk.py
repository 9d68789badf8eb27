"""The desk in front of a real store: who gets a cookie, what a form comes to, and what is kept of those that come to nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from flows.desk import Desk, Standing, Started
from perfeval import persons, steps
from perfeval.approvals.events import Acted, AnsweredWrongly, Decided, Locked, LoggedOut
from perfeval.approvals.people import People
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import ACCESS, OPENINGS, PEOPLE, read_line
from perfeval.approvals.statement import state
from perfeval.errors import ApprovalError, StoreError
from perfeval.model import Decision, Evaluation, Remark, Revision, Stage, Verdict
from perfeval.model.outcomes import Failure
from perfeval.office import Office, open_office
from perfeval.store import Store
from perfeval.store.record import Record

RUN = "11111111-1111-4111-8111-111111111111"
# As Prefect tells of a fault of ours.
ENDED = "Flow run encountered an exception: ConfigurationError"
HERE, THERE = "192.0.2.7", "192.0.2.8"


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


@pytest.fixture
def phone(revision: Revision, office: Office, welcome: Callable[..., Any]) -> Any:
    """The centre's approver's."""
    return welcome(office, "样例甲", "center")


@pytest.fixture
def approver(phone: Any, office: Office) -> Person:
    return found(office, "样例甲")


@pytest.fixture
def standing(approver: Person, desk: Desk) -> Standing:
    standing = desk.standing(RUN)
    assert standing
    return standing


def found(office: Office, name: str) -> Person:
    with office.store.reading() as record:
        person = persons.find(record.people(), name)
    assert person
    return person


def people(office: Office) -> People:
    with office.store.reading() as record:
        return record.people()


def told(office: Office, chain: str, kind: type[Any]) -> list[Any]:
    """What a chain tells of a kind."""
    with office.store.reading() as record:
        return [line.what for line in (read_line(entry.line) for entry in record.entries(chain)) if isinstance(line.what, kind)]


def form(phone: Any, **changes: object) -> dict[str, object]:
    filled = {"decision": "同意", "approver": "样例甲", "check_code": "0123abcd", "comment": "", "code": phone.code()}
    return filled | changes


def problem(act: Callable[..., object], *arguments: object) -> str:
    """The code of the refusal that an act ends by."""
    with pytest.raises(ApprovalError) as refused:
        act(*arguments)
    return refused.value.code


# ---- logging in ----------------------------------------------------------------------------------------------------------


def test_cookie_is_its_persons_until_he_is_revoked(desk: Desk, office: Office, operators_phone: Any, phone: Any, approver: Person) -> None:
    cookie = desk.log_in("样例甲", phone.code(), HERE)
    assert desk.person(cookie) == approver
    persons.revoke(office, approver.id, "p1", "调离", code=operators_phone.code())
    assert desk.person(cookie) is None


def test_cookie_opens_nothing_while_the_record_of_people_is_touched(desk: Desk, office: Office, phone: Any, approver: Person) -> None:
    cookie = desk.log_in("样例甲", phone.code(), HERE)
    with office.store.transaction() as record:
        record.session.execute(text("DROP TRIGGER record_no_update"))
        record.session.execute(text("UPDATE record SET line = replace(line, 'center', 'operator') WHERE chain = 'people'"))
    Record._known_people.clear()
    with pytest.raises(StoreError, match="被改动过"):
        desk.person(cookie)


def test_code_opens_once_and_only_to_its_person(desk: Desk, phone: Any, operator: Person) -> None:
    code = phone.code()
    desk.log_in("样例甲", code, HERE)
    assert problem(desk.log_in, "样例甲", code, HERE) == "A25"
    assert problem(desk.log_in, operator.name, phone.code(), HERE) == "A25"


def test_session_that_was_ended_stays_ended_after_a_restart_however_its_cookie_is_copied(
    desk: Desk, office: Office, operator: Person, operators_phone: Any, phone: Any, approver: Person
) -> None:
    cookie, other = desk.log_in("样例甲", phone.code(), HERE), desk.log_in("样例甲", phone.code(), THERE)
    for _ in range(2):
        desk.log_out(cookie)
    desk.log_out("no cookie of ours")
    office.store.close()
    restarted = Desk(open_office(office.workspace.root))
    assert [restarted.person(item) for item in (cookie, other)] == [None, approver]
    assert len(told(office, ACCESS, LoggedOut)) == 1
    persons.unlock(office, approver.id, operator.id, operators_phone.code())
    assert [restarted.person(item) for item in (cookie, other)] == [None, approver]


def test_name_unknown_and_code_wrong_are_answered_alike(desk: Desk, phone: Any) -> None:
    texts = []
    for name in ("样例甲", "无此人", ""):
        with pytest.raises(ApprovalError) as refused:
            desk.log_in(name, "000000", HERE)
        texts.append(str(refused.value))
    assert len(set(texts)) == 1


def test_wrong_codes_lock_the_person_and_the_address_until_somebody_unlocks(
    desk: Desk, office: Office, operator: Person, operators_phone: Any, phone: Any, approver: Person
) -> None:
    assert [problem(desk.log_in, "样例甲", "000000", HERE) for _ in range(8)] == ["A25"] * 5 + ["A24"] * 3
    right = phone.code()
    assert problem(desk.log_in, "样例甲", right, THERE) == "A24"
    assert problem(desk.log_in, "无此人", "000000", HERE) == "A24"
    (lock,) = told(office, ACCESS, Locked)
    assert (lock.person, lock.address, lock.wrong) == (approver.id, HERE, 5)
    persons.unlock(office, approver.id, operator.id, operators_phone.code())
    assert problem(desk.log_in, "样例甲", right, HERE) == "A24"
    assert desk.person(desk.log_in("样例甲", right, THERE)) == approver


# ---- deciding ------------------------------------------------------------------------------------------------------------


def test_form_filled_in_rightly_is_a_decision(desk: Desk, office: Office, standing: Standing, approver: Person, phone: Any) -> None:
    assert desk.fill_in(standing, approver, form(phone), HERE) == "中心审批：同意（样例甲）"
    with office.store.reading() as record:
        decision = record.decision(standing.status.revision, "center")
    assert decision
    assert (decision.verdict, decision.approver) == (Verdict.APPROVE, "样例甲")


def test_same_form_sent_twice_decides_once(desk: Desk, standing: Standing, approver: Person, phone: Any) -> None:
    filled = form(phone)
    desk.fill_in(standing, approver, filled, HERE)
    assert problem(desk.fill_in, standing, approver, filled, HERE) == "A05"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approver": "样例填表人"}, "A51"), ({"approver": "编造的人"}, "A51"), ({"decision": "也许"}, "A50"), ({"decision": None}, "A50"),
        ({"code": ""}, "A50"), ({"check_code": {"__prefect_kind": "jinja", "template": "{{ 7 * 7 }}"}}, "A50"),
        ({"comment": "长" * 20_000}, "A50"), ({"code": "000000"}, "A05"), ({"check_code": "ffffffff"}, "A07"),
        ({"decision": "退回修改"}, "A11"),
    ],
)  # fmt: skip
def test_form_filled_in_wrongly_decides_nothing(
    desk: Desk, office: Office, standing: Standing, approver: Person, phone: Any, changes: dict[str, object], code: str
) -> None:
    assert problem(desk.fill_in, standing, approver, form(phone, **changes), HERE) == code
    status = desk.standing(RUN)
    assert status
    assert (status.status.stage, status.form) == (Stage.WAITING, "center-r1-")


@pytest.mark.parametrize("name", ["样例填表人", "编造的人\u202e"])
def test_form_in_the_name_of_another_is_kept_with_who_sent_it(
    desk: Desk, office: Office, standing: Standing, approver: Person, phone: Any, name: str
) -> None:
    problem(desk.fill_in, standing, approver, form(phone, approver=name), HERE)
    (kept,) = told(office, standing.status.revision.evaluation.id, AnsweredWrongly)
    assert (kept.code, kept.gate, kept.problem.startswith("登录的是“样例甲”")) == ("A51", "center", True)
    assert kept.name.startswith(name[:4])
    assert "\u202e" not in kept.name


def test_forms_in_the_names_of_others_lock_and_leave_few_lines(desk: Desk, office: Office, standing: Standing, approver: Person) -> None:
    filled = {"decision": "同意", "approver": "样例填表人", "check_code": "0123abcd", "comment": "", "code": "000000"}
    codes = [problem(desk.fill_in, standing, approver, filled, HERE) for _ in range(50)]
    assert codes == ["A51"] * 5 + ["A24"] * 45
    assert len(told(office, standing.status.revision.evaluation.id, AnsweredWrongly)) == 5


def test_correction_is_the_operators_and_is_told_as_his(
    desk: Desk, office: Office, standing: Standing, approver: Person, operator: Person, phone: Any, evaluation: Evaluation
) -> None:
    desk.fill_in(standing, approver, form(phone, decision="退回修改", comment="请核对"), HERE)
    waiting = desk.standing(RUN)
    assert waiting
    assert waiting.form == "correction-r1-"
    assert problem(desk.fill_in, waiting, approver, {"note": "已改"}, HERE) == "A53"
    assert problem(desk.fill_in, waiting, operator, {"note": " "}, HERE) == "A50"
    assert problem(desk.fill_in, waiting, operator, {"note": "长" * 20_000}, HERE) == "A50"
    assert desk.fill_in(waiting, operator, {"note": "已改"}, HERE) == "更正已提交（样例填表人）"
    with office.store.reading() as record:
        assert record.corrections(evaluation) == {1: "已改"}


def test_replies_of_the_form_are_taken_in_the_order_of_the_remarks(
    desk: Desk, office: Office, standing: Standing, approver: Person, operator: Person, phone: Any, evaluation: Evaluation
) -> None:
    decided = Decision(evaluation.id, 1, "center", Verdict.RETURN, approver.name, "0" * 64, "", datetime.now(UTC))
    wanted = [Remark("total", f"第{number}处") for number in range(1, 12)]
    with office.store.transaction() as record:
        statement = state(decided, approver.id, record.head(evaluation.id), wanted)
        proof = Proof(ProofKind.CODE, {"step": "1"})
        event = Decided(revision=1, gate="center", statement=statement, proof=proof, people=record.head(PEOPLE))
        record.record_decision(decided, approver.id, event)
    waiting = desk.standing(RUN)
    assert waiting
    replies: dict[str, object] = {f"reply_{number}": f"改了{number}" for number in range(11, 0, -1)}
    assert problem(desk.fill_in, waiting, operator, {"note": "已改"} | replies | {"reply_7": " "}, HERE) == "A58"
    desk.fill_in(waiting, operator, {"note": "已改"} | replies, HERE)
    assert [item.reply for item in steps.remarks(office, evaluation)] == [f"改了{number}" for number in range(1, 12)]


def test_act_is_noted_with_the_evaluation_of_its_run(desk: Desk, office: Office, operator: Person, evaluation: Evaluation) -> None:
    desk.note(operator, "重试", RUN, RUN)
    desk.note(operator, "送审", "2022年度 roads")
    assert [item.action for item in told(office, evaluation.id, Acted)] == ["重试"]
    assert [item.target for item in told(office, OPENINGS, Acted)] == [evaluation.id, "2022年度 roads"]


def test_runs_under_way_are_told_with_the_form_they_must_stand_at(desk: Desk, standing: Standing) -> None:
    assert desk.open_runs() == {RUN: "center-r1-"}
    assert desk.standing("another run") is None


# ---- enrolment -----------------------------------------------------------------------------------------------------------


def test_device_keeps_apart_the_persons_of_two_offices_at_one_host(office: Office, tmp_path: Path) -> None:
    """Else the second enrolment on a device takes away the key of the first, where both persons have one number."""
    users = dict[str, str]()
    for unit in ("样例单位", "另一单位"):
        data = office.workspace.config_file.read_text("utf-8").replace("name: 样例单位", f"name: {unit}", 1)
        (folder := tmp_path / unit).mkdir()
        (folder / "perfeval.yml").write_text(data, encoding="utf-8")
        here = open_office(folder)
        invited = persons.invite(here, "样例乙", ["operator"])
        assert (here.workspace.unit, invited.person) == (unit, "p1")
        users[unit] = Desk(here).invitation(invited.token, "http://localhost:4200")["user"]
        here.store.close()
    assert len(set(users.values())) == 2


def test_link_that_was_used_tells_so_before_anything_else(desk: Desk, office: Office, operator: Person) -> None:
    token = persons.invite(office, "样例乙", ["bureau"], operator.id).token
    assert desk.invitation(token, "https://office.example:4200")["used"] == ""
    secret = desk.offer_code(token)["secret"]
    desk.enrol_code(token, secret, pyotp.TOTP(secret).now())
    assert desk.invitation(token, "https://office.example:4200")["used"] == "code"
    # Where no device can be enrolled, nothing is left to be made with it.
    with pytest.raises(ApprovalError, match="登记链接无效、已用过或已过期"):
        desk.invitation(token, "http://192.0.2.7:4200")


# ---- runs that ended early -----------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def noticed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs of which the clerk was told."""
    told: list[str] = []
    monkeypatch.setattr("flows.desk.notify_of_failure", lambda _, run: told.append(run))
    return told


def stuck(office: Office) -> list[tuple[str, int, str, str]]:
    with office.store.reading() as record:
        return [(item.evaluation, item.year, item.programme, item.failure.reason) for item in record.stuck()]


def test_run_that_ended_early_is_told_of_once_by_what_is_known_first(
    desk: Desk, office: Office, evaluation: Evaluation, noticed: list[str]
) -> None:
    assert not desk.has_kept(RUN)
    desk.keep_ended(RUN, f"{ENDED}: 内存不足")
    desk.keep_ended(RUN, "又一次")
    assert (noticed, desk.has_kept(RUN)) == ([RUN], True)
    assert stuck(office) == [(evaluation.id, 2022, "roads", "运行：运行异常终止：内存不足")]


def test_what_prefect_says_of_a_killed_run_is_written_down_and_told_in_chinese(
    desk: Desk, office: Office, evaluation: Evaluation, caplog: pytest.LogCaptureFixture
) -> None:
    desk.keep_ended(RUN, "Process exited with status code: -9. Process exited due to a SIGKILL signal.")
    assert stuck(office) == [(evaluation.id, 2022, "roads", "运行：运行异常终止：进程被系统强制终止（常因内存不足）")]
    assert "SIGKILL" in caplog.text


def test_run_that_kept_why_it_could_not_begin_but_not_whose_it_is_is_told_of(
    desk: Desk, office: Office, evaluation: Evaluation, noticed: list[str]
) -> None:
    first, second = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
    with office.store.transaction() as record:
        record.record_failure(first, Failure("开始自评", "F04", "读写文件失败"))
        record.record_failure(second, Failure("开始自评", "U05", "不能开始", None, office.workspace.unit, 2022, "roads"))
    for _ in range(2):
        desk.keep_ended(first, "OSError", Started(2021, "roads"))
    assert (noticed, stuck(office)) == ([first], [("", 2021, "roads", "开始自评：读写文件失败")])
    desk.keep_ended(second, "UsageError", Started(2022, "roads"), [RUN])  # begun for that one, which is lost
    assert (noticed, stuck(office)[0]) == ([first, RUN], (evaluation.id, 2022, "roads", "开始自评：不能开始"))


def test_run_without_an_evaluation_that_ended_early_is_told_of_by_its_year(desk: Desk, office: Office) -> None:
    desk.keep_ended(RUN, f"{ENDED}: 设置有误", Started(2021, "roads"))
    assert stuck(office) == [("", 2021, "roads", "运行：运行异常终止：设置有误")]
    desk.keep_unbegun(2020, "roads")
    assert stuck(office)[0] == ("", 2020, "roads", "送审：没有进程来执行这次送审")


def test_units_on_one_database_keep_each_its_own_year_that_no_run_was_started_for(desk: Desk, office: Office, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{office.workspace.state / 'store.db'}", tmp_path, "别的单位", lambda: "another key")
    other: Any = SimpleNamespace(workspace=SimpleNamespace(unit="别的单位"), store=store, key="another key")
    for one in (Desk(other), desk):
        one.keep_unbegun(2020, "roads")
    assert [len(stuck(one)) for one in (other, office)] == [1, 1]
    store.close()


def test_run_begun_for_a_lost_one_that_ended_early_is_told_of_at_its_evaluation(desk: Desk, office: Office, evaluation: Evaluation) -> None:
    desk.keep_ended("33333333-3333-4333-8333-333333333333", "别人的", Started(2022, "roads"))  # its own run stands
    assert stuck(office) == []
    desk.keep_ended("22222222-2222-4222-8222-222222222222", f"{ENDED}: 设置有误", Started(2022, ""), [RUN])
    assert stuck(office) == [(evaluation.id, 2022, "roads", "运行：运行异常终止：设置有误")]
