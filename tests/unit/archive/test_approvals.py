"""The door of the archive. All persons are invented."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from perfeval.archive.approvals import Approvals, acts, conflicted, misbound, read_approvals, unapproved, untimely, write_approvals
from perfeval.model import Decision, Gate, Verdict

CENTER = Decision("e1", 2, "center", Verdict.APPROVE, "张样例", "aa", "", datetime(2023, 2, 1, 1, 30, tzinfo=UTC))
BUREAU = Decision("e1", 2, "bureau", Verdict.APPROVE, "李样例", "aa", "", datetime(2023, 2, 2, 2, 0, tzinfo=UTC))
APPROVALS = Approvals(
    "e1", 2, "陈样例", datetime(2023, 1, 31, 8, 0, tzinfo=UTC), datetime(2023, 2, 2, 16, 30, tzinfo=UTC), "aa", "AA",
    (Gate("center", "中心审批"), Gate("bureau", "财政局审批")), (CENTER, BUREAU),
)  # fmt: skip


def test_door_with_both_approvals_has_no_objection() -> None:
    assert (unapproved(APPROVALS), misbound(APPROVALS, "aa"), conflicted(APPROVALS)) == ([], [], [])


@pytest.mark.parametrize(
    ("decisions", "problem"),
    [
        ((CENTER,), "缺少“财政局审批”对第2稿的审批决定"),
        ((CENTER, replace(BUREAU, verdict=Verdict.RETURN)), "“财政局审批”的决定是“退回修改”，不是“同意”"),
        ((CENTER, replace(BUREAU, verdict=Verdict.REFUSE)), "“财政局审批”的决定是“不同意”，不是“同意”"),
        ((CENTER, BUREAU, BUREAU), "“财政局审批”对第2稿有2个审批决定，只应有一个"),
        ((CENTER, replace(BUREAU, revision=1)), "缺少“财政局审批”对第2稿的审批决定"),
        ((CENTER, BUREAU, replace(CENTER, revision=3)), "“张样例”的决定属于 e1 第3稿 center，不属于本件"),
        ((CENTER, BUREAU, replace(CENTER, gate="county")), "“张样例”的决定属于 e1 第2稿 county，不属于本件"),
        ((CENTER, BUREAU, replace(CENTER, evaluation="e2")), "“张样例”的决定属于 e2 第2稿 center，不属于本件"),
    ],
)
def test_unapproved_without_one_approval_at_each_gate_says_what_is_wrong(decisions: tuple[Decision, ...], problem: str) -> None:
    assert unapproved(replace(APPROVALS, decisions=decisions)) == [problem]


def test_unapproved_without_gates_is_an_objection() -> None:
    assert unapproved(replace(APPROVALS, gates=(), decisions=())) == ["没有规定审批环节"]


def test_unapproved_with_an_earlier_return_is_no_objection() -> None:
    returned = replace(CENTER, revision=1, verdict=Verdict.RETURN)
    assert unapproved(replace(APPROVALS, decisions=(returned, CENTER, BUREAU))) == []
    assert unapproved(replace(APPROVALS, decisions=(replace(returned, gate="leader"), CENTER, BUREAU))) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"drafted_at": datetime(2023, 2, 1, 2, 0, tzinfo=UTC)}, ["“张样例”的决定早于成文"]),
        ({"archived_at": datetime(2023, 2, 2, 1, 59, tzinfo=UTC)}, ["“李样例”的决定晚于归档"]),
        ({"archived_at": datetime(2023, 1, 1, tzinfo=UTC)}, ["“张样例”的决定晚于归档", "“李样例”的决定晚于归档", "归档早于成文"]),
        ({}, []),
    ],
)
def test_untimely_when_times_are_out_of_order_says_which(changed: dict[str, datetime], problem: list[str]) -> None:
    assert untimely(replace(APPROVALS, **changed), is_recorded=False) == problem


def test_misbound_to_another_report_names_who_and_both_digests() -> None:
    approvals = replace(APPROVALS, decisions=(CENTER, replace(BUREAU, content_digest="bb" * 32)))
    assert misbound(approvals, "aa") == ["“李样例”批准的不是这份报告（批准的内容摘要 bbbbbbbbbbbb…，报告的内容摘要 aa…）"]


@pytest.mark.parametrize(
    ("decisions", "problem"),
    [
        ((CENTER, replace(BUREAU, approver="张样例")), "“张样例”在不止一个环节作了审批"),
        ((CENTER, replace(BUREAU, approver="张 样例")), "“张样例”在不止一个环节作了审批"),
        ((replace(CENTER, approver="Ｌi"), replace(BUREAU, approver="LI")), "“li”在不止一个环节作了审批"),
        ((CENTER, replace(BUREAU, approver="陈样例")), "送审人“陈样例”审批了自己送审的报告"),
        ((CENTER, BUREAU, replace(CENTER, revision=1, approver="李样例")), "“李样例”在不止一个环节作了审批"),
        ((CENTER, replace(BUREAU, approver=" ")), "有审批决定没有审批人姓名"),
    ],
)
def test_conflicted_when_duties_are_not_separate_names_the_person(decisions: tuple[Decision, ...], problem: str) -> None:
    assert conflicted(replace(APPROVALS, decisions=decisions)) == [problem]


def test_acts_are_told_in_order_in_chinese_time() -> None:
    assert acts(APPROVALS) == [
        ("拟稿", "陈样例", "2023-01-31 16:00:00"),
        ("签发（中心审批）", "张样例", "2023-02-01 09:30:00"),
        ("审核（财政局审批）", "李样例", "2023-02-02 10:00:00"),
        ("归档", "陈样例", "2023-02-03 00:30:00"),
    ]


def test_approvals_written_and_read_are_the_same() -> None:
    assert read_approvals(write_approvals(APPROVALS)) == APPROVALS


@pytest.mark.parametrize("at", [datetime(2023, 1, 31, 8, 0), datetime(1, 1, 1, 0, 0, tzinfo=UTC)])  # noqa: DTZ001  # that is the fault
def test_approvals_at_an_impossible_time_are_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="时间没有时区，或年份不对"):
        replace(APPROVALS, archived_at=at)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe", write_approvals(APPROVALS).replace("同意".encode(), b"yes")]
)
def test_read_approvals_of_something_else_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_approvals(content)
