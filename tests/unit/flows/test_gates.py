"""Gates, with a Prefect that does what a test says while it has the run suspended: only the store is believed."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from prefect.input import RunInput
from pydantic import ValidationError

from flows.gates import CorrectionForm, DecisionForm, await_correction, await_decision
from perfeval import steps
from perfeval.approvals.events import Decided
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import PEOPLE
from perfeval.approvals.statement import state
from perfeval.model import Answer, Decision, Draft, Execution, Gate, Remark, Revision, Scorecard, Verdict
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
    """The forms that a run is suspended for: what happens while it waits at each, in order. Then nothing does."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        self.happenings = list(happenings)
        self.keys: list[str] = []
        self.texts: list[str] = []
        self.forms: list[type[RunInput]] = []

    def __call__(self, key: str, form: Callable[[], type[RunInput]]) -> object:
        self.keys.append(key)
        self.forms.append(form())
        self.texts.append(str(self.forms[-1]._description))
        if not self.happenings:
            raise Suspended
        return self.happenings.pop(0)()

    @property
    def asked(self) -> list[str]:
        """The keys without what makes each another."""
        return [re.sub("-[0-9a-f]{8}$", "", key) for key in self.keys]


@pytest.fixture
def submission(revision: Revision) -> Submission:
    return Submission(revision, CARD, (), Draft(revision.evaluation.id, 1, "a" * 64, "0" * 64, "0123abcd", date(2023, 4, 3)))


@pytest.fixture
def decide(office: Office, revision: Revision, welcome: Callable[..., Any]) -> Callable[[Verdict], None]:
    """Decide at the first gate, as the door does."""
    phone = welcome(office, "样例甲", "center")

    def decided(verdict: Verdict = Verdict.APPROVE) -> None:
        steps.decide(office, revision, CENTER, Answer(verdict, "样例甲", phone.code(), "0123abcd", "理由"))

    return decided


def test_gate_asks_until_the_store_has_its_decision(submission: Submission, decide: Callable[..., None]) -> None:
    forms, shown = Forms(decide), []
    decision = await_decision(CENTER, submission, forms, shown.append)
    assert (decision.gate, decision.verdict, decision.approver, decision.comment) == ("center", Verdict.APPROVE, "样例甲", "理由")
    assert (forms.asked, shown) == (["center-r1"], [submission])
    assert forms.texts[0].startswith("### 中心审批：2022年度“公路养护”自评报告 第1稿")


@pytest.mark.parametrize(
    "filled",
    [None, "同意", {}, {"decision": "同意"}, {"decision": "同意", "approver": "样例甲", "code": "123456", "check_code": "0123abcd"}, 3],
)
def test_whatever_comes_back_through_prefect_decides_nothing(submission: Submission, filled: object) -> None:
    forms = Forms(lambda: filled)
    with pytest.raises(Suspended):
        await_decision(CENTER, submission, forms, print)
    assert forms.asked == ["center-r1", "center-r1"]
    assert len(set(forms.keys)) == 2


def test_gate_that_the_store_has_the_decision_of_asks_nobody(submission: Submission, decide: Callable[..., None]) -> None:
    decide(Verdict.RETURN)
    forms = Forms()
    assert await_decision(CENTER, submission, forms, print).verdict is Verdict.RETURN
    assert forms.keys == []


def test_gate_behind_the_first_does_not_show_everything_again(submission: Submission) -> None:
    shown: list[Submission] = []
    with pytest.raises(Suspended):
        await_decision(BUREAU, submission, Forms(), shown.append)
    assert shown == []


def test_correction_is_asked_for_until_the_store_has_it(office: Office, revision: Revision, decide: Callable[..., None]) -> None:
    decide(Verdict.RETURN)
    forms = Forms(lambda: {"note": "已补"}, lambda: steps.record_correction(office, revision, "已补会议日期"))
    await_correction(revision, RETURNED, forms)
    assert forms.asked == ["correction-r1", "correction-r1"]
    assert "样例甲：补会议日期" in forms.texts[0]


def test_correction_asks_for_a_reply_to_each_remark(office: Office, revision: Revision) -> None:
    with office.store.transaction() as record:
        wanted = [Remark("total", "补说明"), Remark("第3段", "删去")]
        statement = state(replace(RETURNED, evaluation=revision.evaluation.id), "p1", record.head(revision.evaluation.id), wanted)
        proof = Proof(ProofKind.CODE, {"step": "1"})
        told = Decided(revision=1, gate="center", statement=statement, proof=proof, people=record.head(PEOPLE))
        record.append(revision.evaluation.id, told, "p1")
    forms = Forms()
    with pytest.raises(Suspended):
        await_correction(revision, RETURNED, forms)
    assert "1. total：补说明\n2. 第3段：删去" in forms.texts[0].replace("\\", "")
    fields = forms.forms[0].model_json_schema()["properties"]
    assert [(name, field["title"], field.get("description")) for name, field in fields.items()][1:] == [
        ("reply_1", "答复第1条", "total：补说明"),
        ("reply_2", "答复第2条", "第3段：删去"),
    ]


def test_correction_that_the_store_knows_of_is_not_asked_for(office: Office, revision: Revision) -> None:
    with office.store.transaction() as record:
        record.save_outcome(revision, Corrected("在终端说明"))
    forms = Forms()
    await_correction(revision, RETURNED, forms)
    assert forms.keys == []


def test_form_of_a_decision_has_chinese_words_no_decision_to_begin_with_and_the_code_last() -> None:
    schema = DecisionForm.model_json_schema()
    assert schema["properties"]["decision"] == {"enum": ["同意", "退回修改", "不同意"], "title": "审批决定", "type": "string"}
    assert [field["title"] for field in schema["properties"].values()] == ["审批决定", "审批人", "核对码", "审批意见", "动态码"]
    assert schema["required"] == ["decision", "approver", "check_code", "code"]


def test_form_of_a_correction_needs_its_note() -> None:
    assert CorrectionForm.model_json_schema()["properties"]["note"]["title"] == "更正说明"
    with pytest.raises(ValidationError):
        CorrectionForm(note="")
