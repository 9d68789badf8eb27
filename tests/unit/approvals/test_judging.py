"""A whole record judged again from its lines: what stands, how far it is proved, and which entry does not stand."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from perfeval.approvals.events import Archived, Asked, Corrected, Decided, Frozen, Migrated, Returned, Revoked, Substituted
from perfeval.approvals.judging import Judgement, judge
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof, Proved, Unproved
from perfeval.approvals.record import check, head, out_of_order, read_line
from perfeval.approvals.statement import challenge
from perfeval.model import Verdict


def judged(chains: Any) -> Judgement:
    assert check(chains.evaluation, chains.entries) == []
    return judge(chains.entries, chains.people)


def faults(chains: Any) -> list[str]:
    return [fault.message for fault in judged(chains).faults]


def test_record_of_two_approvals_stands(opened: Any, device: Any) -> None:
    opened.decide("center", "p2", device)
    opened.decide("bureau", "p3")
    opened.note(Archived(revision=1, archive_no="1", bag="b", manifest="a" * 64))
    found = judged(opened)
    assert (found.faults, found.open, found.is_migrated) == ((), (), False)
    assert [(item.number, item.name, item.kind, item.verification) for item in found.decisions] == [
        (3, "甲", ProofKind.PASSKEY, Proved(device.passkey.fingerprint)),
        (4, "乙", ProofKind.CODE, Unproved("动态码由程序当时核验，事后不能独立验证")),
    ]


def test_record_of_a_return_and_the_next_revision_stands(opened: Any, device: Any) -> None:
    opened.decide("center", "p2", device, verdict=Verdict.RETURN)
    opened.note(Returned(revision=1, gate="center"))
    opened.note(Corrected(revision=1, note="已更正"), "p1")
    opened.draft(2, digest="e" * 64)
    opened.decide("center", "p2", device, revision=2, content_digest="e" * 64)
    found = judged(opened)
    assert (found.faults, found.open, len(found.decisions)) == ((), ("财政局审批",), 2)


def test_return_or_correction_of_a_revision_that_nobody_returned_does_not_stand(opened: Any, device: Any) -> None:
    opened.decide("center", "p2", device)
    opened.note(Returned(revision=1, gate="center"))
    opened.note(Corrected(revision=1, note="已更正"), "p1")
    assert faults(opened) == ["第4条不成立：第1稿没有被退回", "第5条不成立：第1稿没有被退回"]


def test_gates_that_have_not_approved_are_open(opened: Any) -> None:
    assert judged(opened).open == ("中心审批", "财政局审批")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"content_digest": "e" * 64}, "批准的不是成文的报告"),
        ({"evaluation": "2022-y-1"}, "决定书说的是另一项自评、另一稿或另一环节"),
        ({"revision": 2}, "第2稿不是当时送审的一稿"),
        ({"previous": "e" * 64}, "决定书不是接着这份记录作的"),
        ({"people": "e" * 64}, "所依据的人员记录不在人员链上"),
        ({"who": "p1"}, "没有这个环节或审批人，或记录人不是审批人"),
        ({"absent": "p3"}, "代理的席位与记录的不同"),
    ],
)
def test_decision_that_says_something_else_does_not_stand(opened: Any, device: Any, changed: dict[str, Any], reason: str) -> None:
    opened.decide("center", "p2", device, **changed)
    assert faults(opened) == [f"第3条不成立：{reason}"]
    assert judged(opened).open == ("中心审批", "财政局审批")


def test_decision_at_an_impossible_time_does_not_stand(opened: Any, device: Any) -> None:
    opened.decide("center", "p2", device, decided_at=opened.now - timedelta(seconds=1))
    opened.decide("center", "p2", device, decided_at=opened.now + timedelta(hours=1))
    assert faults(opened) == ["第3条不成立：决定的时间早于成文，或晚于记录", "第4条不成立：决定的时间早于成文，或晚于记录"]


def test_decision_after_a_draft_that_a_clock_running_ahead_has_dated_stands(opened: Any, device: Any) -> None:
    opened.now -= timedelta(days=2)
    opened.decide("center", "p2", device)
    assert faults(opened) == []
    assert out_of_order([read_line(entry.line) for entry in opened.entries]) == [
        "第1条的时间（2023-04-03 16:43:00）晚于其后的第3条（2023-04-01 16:45:00）",
        "第2条的时间（2023-04-03 16:44:00）晚于其后的第3条（2023-04-01 16:45:00）",
    ]


def test_decision_with_a_forged_signature_does_not_stand(opened: Any, other_device: Any, device: Any) -> None:
    line = opened.statement("center", "p2")
    evidence = other_device.evidence(challenge(line)) | {"credential": device.credential}
    proof = Proof(ProofKind.PASSKEY, evidence)
    opened.note(Decided(revision=1, gate="center", statement=line, proof=proof, people=head(opened.people)), "p2")
    assert faults(opened) == ["第3条不成立：签名不是已登记设备对这份内容作的"]


def test_decision_replayed_does_not_stand(opened: Any, device: Any) -> None:
    opened.decide("center", "p2", device, verdict=Verdict.RETURN)
    replayed = read_line(opened.entries[-1].line).what
    opened.draft(2)
    opened.note(replace(replayed, revision=2), "p2")
    assert faults(opened) == ["第5条不成立：决定书说的是另一项自评、另一稿或另一环节"]


def test_decision_by_code_of_somebody_who_enrolled_a_device_does_not_stand(opened: Any) -> None:
    opened.decide("center", "p2")
    assert faults(opened) == ["第3条不成立：“甲”没有经确认的动态码登记"]


def test_decision_by_the_preparer_an_editor_or_a_stranger_does_not_stand(opened: Any, device: Any) -> None:
    opened.welcome("p4", "丙", "center")
    opened.note(Frozen(revision=1, ledgers=()), "p2")
    opened.decide("center", "p1")
    opened.decide("center", "p2", device)
    opened.decide("center", "p9")
    opened.decide("center", "p3")
    opened.decide("center", "p4")
    assert faults(opened) == [
        "第4条不成立：“填表人”是送审人，不能审批自己送审的报告",
        "第5条不成立：“甲”改过这项自评的台账、指标、说明或报告文本，不能审批",
        "第6条不成立：没有这个环节或审批人，或记录人不是审批人",
        "第7条不成立：“乙”不是“中心审批”的审批人",
    ]


def test_decision_out_of_turn_or_after_the_gate_was_closed_does_not_stand(opened: Any, device: Any) -> None:
    opened.decide("bureau", "p3")
    opened.decide("center", "p2", device, verdict=Verdict.REFUSE)
    opened.decide("center", "p2", device)
    opened.draft(2)
    assert faults(opened) == [
        "第3条不成立：“中心审批”尚未同意，不能进行“财政局审批”",
        "第5条不成立：“中心审批”对第1稿已有决定：不同意",
        "第6条不成立：不同意之后又成文",
    ]


def test_decision_of_somebody_revoked_does_not_stand_even_by_the_people_as_they_were(opened: Any, device: Any) -> None:
    before = head(opened.people)
    opened.tell(Revoked(person="p2", reason="调离"))
    opened.decide("center", "p2", device)
    opened.decide("center", "p2", device, people=before)
    assert faults(opened) == ["第3条不成立：审批人“甲”已停用", "第4条不成立：依据的不是当时最新的人员记录"]


def test_decision_stands_when_its_approver_is_revoked_later(opened: Any, device: Any) -> None:
    opened.decide("center", "p2", device)
    opened.tell(Revoked(person="p2", reason="调离"))
    assert faults(opened) == []


def test_decision_of_a_substitute_stands_in_the_absent_persons_seat(opened: Any, device: Any) -> None:
    opened.welcome("p5", "丁", "clerk")
    opened.tell(Substituted(person="p5", absent="p3", gate="bureau", from_on=date(2023, 4, 1), to_on=date(2023, 4, 30)))
    opened.decide("center", "p2", device)
    opened.decide("bureau", "p5", absent="p3")
    found = judged(opened)
    assert (found.faults, found.open, found.decisions[1].absent) == ((), (), "p3")


def test_decision_after_the_archive_and_archive_before_a_decision_do_not_stand(opened: Any, device: Any) -> None:
    archived = Archived(revision=1, archive_no="1", bag="b", manifest="a" * 64)
    opened.decide("center", "p2", device)
    opened.now -= timedelta(hours=1)
    opened.note(archived)
    opened.now += timedelta(hours=1)
    opened.note(archived)
    opened.decide("bureau", "p3")
    assert faults(opened) == ["第4条不成立：归档早于审批", "第6条不成立：归档之后的决定"]


def test_second_draft_of_a_revision_does_not_stand(opened: Any, device: Any) -> None:
    opened.draft(digest="e" * 64)
    opened.decide("center", "p2", device)
    assert faults(opened) == ["第3条不成立：第1稿成文两次"]


def test_opening_on_people_nobody_knows_does_not_stand(opened: Any, device: Any) -> None:
    first = read_line(opened.entries[0].line).what
    opened.entries.clear()
    opened.note(replace(first, people="e" * 64), "p1")
    opened.draft()
    opened.decide("center", "p2", device)
    assert faults(opened) == ["第1条不成立：所依据的人员记录不在人员链上"]


def test_record_that_begins_with_something_else_does_not_stand(opened: Any) -> None:
    first = read_line(opened.entries[0].line).what
    opened.note(first, "p1")
    assert faults(opened) == ["第3条不成立：立项不是第一条"]
    opened.entries.clear()
    opened.note(Asked(revision=1, gate="center"), "p1")
    assert faults(opened) == ["第1条不成立：立项不是第一条"]


def test_record_taken_over_from_an_older_store_says_so(opened: Any) -> None:
    first = read_line(opened.entries[0].line).what
    opened.entries.clear()
    opened.note(Migrated(schema_version="0002", content="{}"))
    opened.note(first, "p1")
    opened.draft()
    found = judged(opened)
    assert (found.faults, found.is_migrated) == ((), True)


def test_past_that_is_told_after_the_beginning_does_not_stand(opened: Any) -> None:
    opened.note(Migrated(schema_version="0002", content="{}"))
    assert faults(opened) == ["第3条不成立：接管不是第一条"]
