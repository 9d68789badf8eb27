"""Gates, with forms that come back from a list: what is an answer, what is not, and who has the last word."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from prefect.input import RunInput
from pydantic import ValidationError

from flows.gates import CorrectionForm, DecisionForm, await_correction, await_decision
from perfeval.errors import StoreError
from perfeval.model import Decision, Draft, Execution, FailedAttempt, Gate, Revision, Scorecard, Verdict
from perfeval.model.outcomes import Corrected
from perfeval.office import Office
from perfeval.submission import Submission

CENTER, BUREAU = Gate("center", "中心审批", "签发"), Gate("bureau", "财政局审批", "审核")
CARD = Scorecard((), Execution(Decimal(0), Decimal(200), Decimal(100), Decimal(50), Decimal(10), Decimal(5), "", {}), Decimal(93), "优")
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
RETURNED = Decision("2022-roads-1", 1, "center", Verdict.RETURN, "样例甲", "0" * 64, "补会议日期", MOMENT)


class Suspended(Exception):  # noqa: N818  # what a suspended run's process ends by
    """Nobody has answered yet."""


class Forms:
    """The forms that a run is suspended for: what comes back for each, in order; a callable acts first. Then nobody answers."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.keys: list[str] = []
        self.texts: list[str] = []

    def __call__(self, key: str, form: Callable[[], type[RunInput]]) -> object:
        self.keys.append(key)
        self.texts.append(str(form()._description))
        if not self.answers:
            raise Suspended
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer


@pytest.fixture
def submission(revision: Revision) -> Submission:
    return Submission(revision, CARD, (), Draft(revision.evaluation.id, 1, "a" * 64, "0" * 64, "0123abcd", date(2023, 4, 3)))


@pytest.fixture
def phone(office: Office, operator: None, welcome: Callable[..., Any]) -> Any:
    """The phone of the approver at the first gate."""
    return welcome(office, "样例甲", "center")


def form(phone: Any, decision: str = "同意", **changes: str) -> dict[str, str]:
    return {"decision": decision, "approver": "样例甲", "code": phone.code(), "check_code": "0123abcd", "comment": "理由", **changes}


def attempts(office: Office, revision: Revision, gate: str = "center") -> list[str]:
    with office.store.reading() as record:
        return [attempt.problem for attempt in record.failed_attempts(revision, gate)]


def test_answer_by_the_right_person_is_the_gates_decision(office: Office, submission: Submission, phone: Any) -> None:
    forms, shown = Forms(form(phone)), []
    decision = await_decision(CENTER, submission, forms, shown.append)
    assert (decision.gate, decision.verdict, decision.approver, decision.comment) == ("center", Verdict.APPROVE, "样例甲", "理由")
    assert (forms.keys, shown, attempts(office, submission.revision)) == (["center-r1-0"], [submission], [])
    assert forms.texts[0].startswith("### 中心审批：2022年度“公路养护”自评报告 第1稿")


def test_answer_that_is_no_decision_is_asked_for_again_under_the_next_key(office: Office, submission: Submission, phone: Any) -> None:
    forms, shown = Forms(form(phone, code="000000"), form(phone)), []
    assert await_decision(CENTER, submission, forms, shown.append).verdict is Verdict.APPROVE
    assert (forms.keys, shown) == (["center-r1-0", "center-r1-1"], [submission])
    assert forms.texts[1].startswith("**上次填写无效：动态码不正确、已过期或已使用过")
    assert len(attempts(office, submission.revision)) == 1


@pytest.mark.parametrize("filled", [None, "同意", {}, {"decision": "同意"}, {"decision": "通过", "approver": "样例甲"}, 3])
def test_form_that_is_forged_or_incomplete_decides_nothing(office: Office, submission: Submission, filled: object) -> None:
    forms = Forms(filled)
    with pytest.raises(Suspended):
        await_decision(CENTER, submission, forms, print)
    assert forms.keys == ["center-r1-0", "center-r1-1"]
    assert attempts(office, submission.revision) == ["没有收到填写完整的表单"]


def test_answer_with_a_field_too_long_for_the_form_decides_nothing(office: Office, submission: Submission, phone: Any) -> None:
    with pytest.raises(Suspended):
        await_decision(CENTER, submission, Forms(form(phone, comment="长" * 2001)), print)
    assert attempts(office, submission.revision) == ["没有收到填写完整的表单"]


def test_form_that_nobody_has_answered_is_no_attempt(office: Office, submission: Submission) -> None:
    with pytest.raises(Suspended):
        await_decision(CENTER, submission, Forms(), print)
    assert attempts(office, submission.revision) == []


def test_run_that_comes_back_to_a_gate_asks_under_the_key_of_the_open_ask(office: Office, submission: Submission) -> None:
    with office.store.transaction() as record:
        record.record_failed_attempt(submission.revision, "center", FailedAttempt(0, "动态码不正确"))
        record.record_failed_attempt(submission.revision, "bureau", FailedAttempt(0, "别的环节"))
    forms = Forms()
    with pytest.raises(Suspended):
        await_decision(CENTER, submission, forms, print)
    assert forms.keys == ["center-r1-1"]


def test_gate_that_the_store_has_the_decision_of_asks_nobody(office: Office, submission: Submission, phone: Any) -> None:
    await_decision(CENTER, submission, Forms(form(phone)), print)
    forms = Forms()
    assert await_decision(CENTER, submission, forms, print).approver == "样例甲"
    assert forms.keys == []


def test_decision_given_elsewhere_meanwhile_is_the_one_whatever_the_form_says(office: Office, submission: Submission, phone: Any) -> None:
    def decides() -> object:
        await_decision(CENTER, submission, Forms(form(phone, "退回修改")), print)
        return {"decision": "同意"}

    forms = Forms(decides)
    assert await_decision(CENTER, submission, forms, print).verdict is Verdict.RETURN
    assert forms.keys == ["center-r1-0"]


def test_gate_behind_the_first_does_not_show_everything_again(submission: Submission) -> None:
    shown: list[Submission] = []
    with pytest.raises(Suspended):
        await_decision(BUREAU, submission, Forms(), shown.append)
    assert shown == []


def test_gate_before_another_has_approved_takes_no_answer(office: Office, submission: Submission, welcome: Callable[..., Any]) -> None:
    phone = welcome(office, "样例乙", "bureau")
    with pytest.raises(Suspended):
        await_decision(BUREAU, submission, Forms(form(phone, approver="样例乙")), print)
    assert [problem.splitlines()[0] for problem in attempts(office, submission.revision, "bureau")] == [
        "“中心审批”尚未同意，不能进行“财政局审批”"
    ]


def test_draft_damaged_meanwhile_stops_the_run_and_is_no_attempt(office: Office, submission: Submission, phone: Any) -> None:
    path = office.store.artifacts.path(hashlib.sha256(b"a document").hexdigest())
    path.chmod(0o600)
    path.write_bytes(b"another document")
    with pytest.raises(StoreError):
        await_decision(CENTER, submission, Forms(form(phone)), print)
    assert attempts(office, submission.revision) == []


def test_correction_is_in_when_the_clerk_says_what_was_corrected(office: Office, revision: Revision) -> None:
    forms = Forms({"note": " 已补会议日期 "})
    await_correction(revision, RETURNED, forms)
    assert forms.keys == ["correction-r1-0"]
    assert "样例甲：补会议日期" in forms.texts[0]
    with office.store.reading() as record:
        assert record.corrections(revision.evaluation) == {1: "已补会议日期"}
        assert record.current_revision(revision.evaluation).number == 2


def test_correction_without_a_word_is_asked_for_again(office: Office, revision: Revision) -> None:
    forms = Forms({"note": " "}, {"note": "已补"})
    await_correction(revision, RETURNED, forms)
    assert forms.keys == ["correction-r1-0", "correction-r1-1"]
    assert attempts(office, revision, "correction") == ["没有收到填写完整的表单"]


def test_correction_that_the_store_knows_of_is_not_asked_for(office: Office, revision: Revision) -> None:
    with office.store.transaction() as record:
        record.save_outcome(revision, Corrected("在终端说明"))
    forms = Forms()
    await_correction(revision, RETURNED, forms)
    assert forms.keys == []


def test_form_of_a_decision_has_chinese_words_and_no_decision_to_begin_with() -> None:
    schema = DecisionForm.model_json_schema()
    assert schema["properties"]["decision"] == {"enum": ["同意", "退回修改", "不同意"], "title": "审批决定", "type": "string"}
    assert [field["title"] for field in schema["properties"].values()] == ["审批决定", "审批人", "动态码", "核对码", "审批意见"]
    assert schema["required"] == ["decision", "approver", "code", "check_code"]


def test_form_of_a_correction_needs_its_note() -> None:
    assert CorrectionForm.model_json_schema()["properties"]["note"]["title"] == "更正说明"
    with pytest.raises(ValidationError):
        CorrectionForm(note="")
