"""Several evaluations approved with one proof: only what was opened, each in its own record, and nothing twice."""

import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from chains import Device
from sqlalchemy import text

from perfeval import persons, steps
from perfeval.approvals import events
from perfeval.approvals.batch import is_in_batch
from perfeval.approvals.judging import judge
from perfeval.approvals.passkey import from_base64
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof, Proved, Unproved
from perfeval.approvals.record import ACCESS, PEOPLE, read_line
from perfeval.approvals.statement import challenge
from perfeval.audit import audit
from perfeval.model import Revision
from perfeval.model.documents import document_digest, dump
from perfeval.model.outcomes import Drafted, Scored, Validated
from perfeval.office import open_office

CLERK, CENTER, BUREAU = "样例经办人", "样例甲", "样例乙"
OTHERS = ("roads", "bridges")
MANY = tuple(f"road{number}" for number in range(1, 7))
DEVICE = Device(rp_id="localhost", origin="http://localhost")


@pytest.fixture
def several(house: Any) -> Any:
    """Three programmes of the office wait at its first gate, each with a draft like the first's."""
    return begin(house, OTHERS)


def begin(house: Any, keys: Sequence[str], proofs: tuple[str, ...] = ()) -> Any:
    """Begin further programmes; with `proofs`, their gates take these alone."""
    settings = house.office.workspace.root / "perfeval.yml"
    added = "".join(f"  - {{key: {key}, name: 项目{key}, codes: [{key}-1], goal: 目标。}}\n" for key in keys)
    settings.write_text(settings.read_text("utf-8").replace("programmes:\n", f"programmes:\n{added}"), encoding="utf-8")
    house.office.store.close()
    house.office = open_office(house.office.workspace.root)
    house.__post_init__()
    with house.office.store.transaction() as record:
        clerk = next(person for person in record.people().persons.values() if person.name == CLERK)
        first = Revision(house.evaluation, 1)
        kept = [record.outcome(first, kind) for kind in (Validated, Scored, Drafted)]
        lines = [line.what for line in lines_of(record, house.evaluation.id)]
        frozen, told = (next(what for what in lines if isinstance(what, kind)) for kind in (events.Frozen, events.Drafted))
        if proofs:
            kept[2] = replace(kept[2], gates=tuple(replace(gate, proofs=proofs) for gate in kept[2].gates))
            told = replace(told, gates=tuple(replace(gate, proofs=tuple(map(ProofKind, proofs))) for gate in told.gates))
        for key in keys:
            revision = Revision(record.open_evaluation(2022, key, f"项目{key}", clerk, None), 1)
            record.save_outcome(revision, kept[0], frozen)
            record.save_outcome(revision, kept[1])
            drafted = replace(kept[2], draft=replace(kept[2].draft, evaluation=revision.evaluation.id))
            done = record.recorded_steps(revision)
            done["drafted"] = events.RecordedStep(Drafted.step, document_digest(dump(Drafted, drafted)))
            record.save_outcome(revision, drafted, replace(told, steps=tuple(done.values())))
    return house


def lines_of(record: Any, chain: str) -> list[Any]:
    return [read_line(entry.line) for entry in record.entries(chain)]


def ids(house: Any) -> list[str]:
    with house.office.store.reading() as record:
        return sorted(item.id for item in record.evaluations())


def token(house: Any, name: str) -> str:
    with house.office.store.reading() as record:
        return f"token of {persons.find(record.people(), name).id}"


def digest(house: Any) -> str:
    with house.office.store.reading() as record:
        return str(record.progress(house.evaluation).draft.content_digest)


def open_page(house: Any, evaluation: str, name: str = CENTER, **changes: str) -> Any:
    """What the page's script tells when somebody has it before his eyes."""
    filled = {"token": token(house, name), "digest": digest(house)} | changes
    return house.client(name).post(f"/review/{evaluation}/1/seen", content=urlencode(filled))


def form(house: Any, picked: list[str], name: str = CENTER, **changes: str) -> dict[str, str]:
    return {"token": token(house, name)} | {f"pick_{item}": digest(house) for item in picked} | changes


def approve(house: Any, picked: list[str], name: str = CENTER, **changes: str) -> Any:
    return house.client(name).post("/review/batch", content=urlencode(form(house, picked, name, **changes)))


def text_of(answer: Any) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.text))


def stages(house: Any) -> dict[str, str]:
    return {status.revision.evaluation.id: status.key for status in steps.statuses(house.office)}


def judged(house: Any, evaluation: str) -> Any:
    with house.office.store.reading() as record:
        return judge(record.entries(evaluation), record.entries(PEOPLE))


def untouched(house: Any) -> bool:
    with house.office.store.reading() as record:
        return [fault.message for fault in audit(record).faults] == []


@pytest.fixture
def opened(several: Any) -> Any:
    """All were opened by the centre's approver."""
    for evaluation in ids(several):
        assert open_page(several, evaluation).status_code == 204
    return several


@pytest.fixture
def with_device(opened: Any) -> Any:
    """The centre's approver has a device too."""
    return give_device(opened)


def give_device(opened: Any) -> Any:
    """Enrol a device for the centre's approver."""
    with opened.office.store.reading() as record:
        people = record.people()
        clerk, center = (persons.find(people, name) for name in (CLERK, CENTER))
    invitation = persons.invite(opened.office, CENTER, center.roles, clerk.id)
    line = persons.offer_passkey(opened.office, invitation.token, DEVICE.passkey)
    signed = Proof(ProofKind.PASSKEY, DEVICE.evidence(challenge(line)))
    made = persons.enrol_passkey(opened.office, invitation.token, line, signed)
    persons.confirm(opened.office, made.person, made.fingerprint, clerk.id, on_paper=True, code=opened.phones[CLERK].code())
    return opened


def listed(house: Any, picked: list[str], **changes: str) -> Any:
    return house.client(CENTER).post("/review/batch/statement", content=urlencode(form(house, picked, **changes)))


def signed(house: Any, picked: list[str], **changes: str) -> dict[str, str]:
    """What the page's script sends back: the list, its time, and the device's signature."""
    offered = listed(house, picked, **changes).json()
    evidence = DEVICE.evidence(from_base64(offered["challenge"]))
    return dict(offered["fields"]) | {"signed": json.dumps(evidence)} | changes


def test_only_what_was_opened_can_be_ticked_and_the_page_says_why(several: Any) -> None:
    first, *_ = ids(several)
    assert open_page(several, first).status_code == 204
    page = several.client(CENTER).get("/review/").text
    assert len(re.findall(r'name="pick_[a-z0-9-]+" value="[0-9a-f]{64}" disabled', page)) == 2
    assert f'name="pick_{first}" value="{digest(several)}">' in page
    assert page.count("还没有打开过这一稿，不能选") == 2
    assert "pick_" not in several.client(BUREAU).get("/review/").text
    assert "pick_" not in several.client(CLERK).get("/review/").text


def test_opening_is_told_once_by_who_may_decide_and_of_the_draft_that_he_sees(several: Any) -> None:
    first, *_ = ids(several)
    for name, changes in ((CENTER, {}), (CENTER, {}), (BUREAU, {}), (CLERK, {}), (CENTER, {"digest": "0" * 64})):
        assert open_page(several, first, name, **changes).status_code == 204
    assert open_page(several, first, token="").status_code == 403
    with several.office.store.reading() as record:
        seen = [(line.who, line.what.revision) for line in lines_of(record, first) if isinstance(line.what, events.Seen)]
        center = persons.find(record.people(), CENTER).id
    assert seen == [(center, 1)]


def test_one_code_approves_all_that_is_ticked_each_in_its_own_record(opened: Any) -> None:
    picked = ids(opened)
    answer = approve(opened, picked, code=opened.phones[CENTER].code(), comment="同意，请归档")
    assert (answer.status_code, "已同意 3 项" in answer.text) == (200, True)
    assert set(stages(opened).values()) == {"waiting-bureau"}
    assert opened.told == [(item, "中心审批：同意（样例甲）") for item in picked]
    batches = set()
    for evaluation in picked:
        (decision,) = judged(opened, evaluation).decisions
        assert (decision.statement.evaluation, decision.statement.comment) == (evaluation, "同意，请归档")
        assert isinstance(decision.verification, Unproved)
        with opened.office.store.reading() as record:
            (event,) = (line.what for line in lines_of(record, evaluation) if isinstance(line.what, events.Decided))
        assert is_in_batch(event.proof.evidence["batch"], event.statement)
        batches.add((event.proof.evidence["batch"], event.proof.evidence["step"]))
    assert len(batches) == 1
    assert untouched(opened)


def test_code_of_a_batch_is_spent_and_a_wrong_one_approves_nothing(opened: Any) -> None:
    first, *others = ids(opened)
    code = opened.phones[CENTER].code()
    assert approve(opened, [first], code=code).status_code == 200
    for spent in (code, "000000", ""):
        answer = approve(opened, others, code=spent, comment="写过的意见")
        assert answer.status_code == 409
        assert "写过的意见</textarea>" in answer.text
        assert {stages(opened)[item] for item in others} == {"waiting-center"}
    again = approve(opened, [first], code=opened.phones[CENTER].code())
    assert "没有同意 1 项" in again.text
    assert len(judged(opened, first).decisions) == 1
    with opened.office.store.reading() as record:
        tried = [line.what.is_right for line in lines_of(record, ACCESS) if isinstance(line.what, events.Attempted)]
    assert tried[-3:] == [True, False, False]


def test_one_that_was_not_opened_is_left_out_and_told_and_the_others_pass(several: Any) -> None:
    first, second, third = ids(several)
    for evaluation in (first, second):
        open_page(several, evaluation)
    answer = approve(several, [first, second, third], code=several.phones[CENTER].code())
    assert ("已同意 2 项" in answer.text, "您还没有打开过，不能一并同意" in text_of(answer)) == (True, True)
    assert stages(several)[third] == "waiting-center"
    assert untouched(several)


def test_one_whose_draft_is_another_now_is_left_out(opened: Any) -> None:
    first, second, _ = ids(opened)
    answer = approve(opened, [first], code=opened.phones[CENTER].code(), **{f"pick_{second}": "0" * 64})
    assert "您看到的不是现在送审的这一稿" in text_of(answer)
    assert (stages(opened)[first], stages(opened)[second]) == ("waiting-bureau", "waiting-center")


@pytest.mark.parametrize("changes", [{}, {"pick_nothing-1": "0" * 64}, {"comment": "长" * 2001}])
def test_batch_of_nothing_or_of_what_is_not_is_refused(opened: Any, changes: dict[str, str]) -> None:
    picked = ids(opened) if "comment" in changes else []
    assert approve(opened, picked, code=opened.phones[CENTER].code(), **changes).status_code in {404, 409}
    assert set(stages(opened).values()) == {"waiting-center"}


def test_list_sent_again_says_that_it_was_approved_and_its_address_leads_home(opened: Any) -> None:
    assert "已同意 3 项" in approve(opened, ids(opened), code=opened.phones[CENTER].code()).text
    again = text_of(approve(opened, ids(opened), code=opened.phones[CENTER].code()))
    assert (again.count("您已经同意过这一稿，不用再办。"), "已在另一环节" in again) == (3, False)
    answer = opened.client(CENTER).get("/review/batch", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review/")


def test_who_has_no_seat_approves_nothing_together(opened: Any) -> None:
    answer = approve(opened, ids(opened), BUREAU, code=opened.phones[BUREAU].code())
    assert "没有同意 3 项" in answer.text
    assert set(stages(opened).values()) == {"waiting-center"}
    assert approve(opened, ids(opened), token="").status_code == 403


def test_one_signature_approves_all_and_each_record_proves_it(with_device: Any) -> None:
    picked = ids(with_device)
    answer = approve(with_device, picked, **signed(with_device, picked))
    assert "已同意 3 项" in answer.text
    for evaluation in picked:
        (decision,) = judged(with_device, evaluation).decisions
        assert isinstance(decision.verification, Proved)
    assert untouched(with_device)


def test_what_a_page_sends_beside_a_signature_is_not_kept(with_device: Any) -> None:
    picked = ids(with_device)[:1]
    sent = signed(with_device, picked)
    evidence = json.loads(sent["signed"]) | {"people": "ab", "kind": "confirmed"}
    assert "已同意 1 项" in approve(with_device, picked, **(sent | {"signed": json.dumps(evidence)})).text
    with with_device.office.store.reading() as record:
        (event,) = (line.what for line in lines_of(record, picked[0]) if isinstance(line.what, events.Decided))
    assert set(event.proof.evidence) == {"credential", "authenticator_data", "client_data", "signature", "batch"}


def test_signed_list_decides_nothing_that_changed_meanwhile_and_nothing_twice(with_device: Any) -> None:
    first, second, third = ids(with_device)
    sent = signed(with_device, [first, second, third])
    with with_device.office.store.transaction() as record:
        record.append(second, events.Acted(action="重试", target="run"))
    answer = approve(with_device, [first, second, third], **sent)
    assert "已同意 2 项" in answer.text
    assert "又有了新的记录" in text_of(answer)
    assert stages(with_device)[second] == "waiting-center"
    again = approve(with_device, [first, second, third], **sent)
    assert "已同意" not in again.text
    assert [len(judged(with_device, item).decisions) for item in (first, second, third)] == [1, 0, 1]
    assert untouched(with_device)


def test_signature_is_for_its_list_alone(with_device: Any) -> None:
    first, second, third = ids(with_device)
    sent = signed(with_device, [first])
    wider = signed(with_device, [first, second, third])
    wrong_ones = (
        wider | {"signed": sent["signed"]},
        sent,
        sent | {"comment": "另一段意见"},
        sent | {"at": "2000-01-01T00:00:00+00:00"},
        sent | {"batch": "perfeval batch 1"},
    )
    for changes in wrong_ones:
        answer = approve(with_device, [second, third], **changes)
        assert "没有同意 2 项" in answer.text
    assert set(stages(with_device).values()) == {"waiting-center"}
    with with_device.office.store.reading() as record:
        wrong = [line for line in lines_of(record, ACCESS) if isinstance(line.what, events.Attempted) and not line.what.is_right]
    assert len(wrong) == len(wrong_ones)  # a list that proves nothing is one wrong proof, however many it was meant for


def test_list_does_not_pass_for_the_proof_of_a_single_decision(with_device: Any) -> None:
    first = with_device.evaluation.id
    sent = signed(with_device, [first])
    evidence = DEVICE.evidence(hashlib.sha256(sent["batch"].encode()).digest()) | {"batch": sent["batch"]}
    client = with_device.client(CENTER)
    filled = {"token": token(with_device, CENTER), "digest": digest(with_device), "decision": "同意", "comment": ""}
    line = client.post(f"/review/{first}/1/statement", content=urlencode(filled)).json()["fields"]["statement"]
    answer = client.post(f"/review/{first}/1", content=urlencode(filled | {"statement": line, "signed": json.dumps(evidence)}))
    assert "设备签名核验不通过" in answer.text
    assert stages(with_device)[first] == "waiting-center"


def test_gate_that_takes_signatures_alone_is_approved_together_by_one(house: Any) -> None:
    several = give_device(begin(house, OTHERS, ("passkey",)))
    picked = [item for item in ids(several) if item != several.evaluation.id]
    for evaluation in picked:
        open_page(several, evaluation)
    assert "不认动态码" in text_of(approve(several, picked, code=several.phones[CENTER].code()))
    answer = approve(several, picked, **signed(several, picked))
    assert "已同意 2 项" in answer.text
    assert untouched(several)


def test_what_changed_since_the_list_is_no_wrong_proof_and_locks_nobody(house: Any) -> None:
    several = give_device(begin(house, MANY))
    picked = ids(several)
    for evaluation in picked:
        open_page(several, evaluation)
    sent = signed(several, picked)
    with several.office.store.transaction() as record:
        for evaluation in picked[:5]:
            record.append(evaluation, events.Acted(action="重试", target="run"))
    answer = approve(several, picked, **sent)
    assert text_of(answer).count("又有了新的记录") == 5
    assert "已同意 2 项" in answer.text
    assert untouched(several)


@pytest.mark.parametrize("by", ["code", "device"])
def test_one_whose_record_is_damaged_keeps_no_other_waiting(with_device: Any, by: str) -> None:
    first, second, third = ids(with_device)
    picked = [first, second, third]
    sent = signed(with_device, picked) if by == "device" else {"code": with_device.phones[CENTER].code()}
    with with_device.office.store.transaction() as record:
        record.session.execute(text("DROP TRIGGER record_no_update"))
        record.session.execute(text("UPDATE record SET mac = '0' WHERE chain = :chain AND number = 2"), {"chain": second})
    answer = approve(with_device, picked, **sent)
    assert ("已同意 2 项" in answer.text, "没有同意 1 项" in answer.text) == (True, True)
    assert "被改动" in text_of(answer)
    assert [item for item, _ in with_device.told] == [first, third]
