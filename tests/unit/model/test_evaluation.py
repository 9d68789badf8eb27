"""Where an evaluation stands, from what is recorded of it, and when two names are one person's."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from perfeval.model import Decision, Draft, Evaluation, Gate, Progress, Revision, Verdict
from perfeval.model.evaluation import gate_title, spelling

OPENED, DRAFTED, DECIDED = (datetime(2023, 4, day, tzinfo=UTC) for day in (1, 2, 3))
GATES = (Gate("finance", "财务审核", "审核"), Gate("center", "中心审批", "签发"), Gate("bureau", "财政局审批", "审核"))
EVALUATION = Evaluation("2022-roads-1", 2022, "公路养护", "样例填表人", OPENED)
DRAFT = Draft("2022-roads-1", 2, "a" * 64, "0" * 64, "0123abcd", date(2023, 4, 2))
BEGUN = Progress(Revision(EVALUATION, 2))
WRITTEN = replace(BEGUN, drafted_at=DRAFTED, draft=DRAFT)


def by(gate: str, verdict: Verdict = Verdict.APPROVE) -> Decision:
    return Decision("2022-roads-1", 2, gate, verdict, f"样例{gate}", "0" * 64, "", DECIDED)


@pytest.mark.parametrize(
    ("progress", "key", "title", "since"),
    [
        (BEGUN, "preparing", "编制中", OPENED),
        (WRITTEN, "waiting-finance", "待财务审核", DRAFTED),
        (replace(WRITTEN, decisions=(by("finance"),)), "waiting-center", "待中心审批", DECIDED),
        (replace(WRITTEN, decisions=(by("finance"), by("center", Verdict.RETURN))), "correcting", "已退回，待更正", DECIDED),
        (replace(WRITTEN, decisions=(by("finance", Verdict.REFUSE),)), "refused", "不同意，已终止", DECIDED),
        (replace(WRITTEN, decisions=(by("finance"), by("center"), by("bureau"))), "approved", "已批准，待归档", DECIDED),
    ],
)
def test_progress_tells_where_an_evaluation_stands_and_since_when(progress: Progress, key: str, title: str, since: datetime) -> None:
    status = progress.status(GATES)
    assert (status.key, status.title, status.since, status.draft) == (key, title, since, progress.draft)


def test_progress_of_what_has_ended_tells_how_whatever_the_gates_are_now() -> None:
    ended = replace(WRITTEN, revision=Revision(replace(EVALUATION, outcome="archived"), 2), decisions=(by("center"), by("bureau")))
    assert (ended.status(GATES).key, ended.status(GATES).gate) == ("archived", None)


def test_gate_is_called_by_its_title_and_by_its_key_where_there_is_none() -> None:
    assert (gate_title(GATES, "center"), gate_title(GATES, "county")) == ("中心审批", "county")


@pytest.mark.parametrize("name", ["李四", " 李 四 ", "李·四", "李\u200b四", "李\u3000四", "李.四"])
def test_name_is_one_persons_however_it_is_written(name: str) -> None:
    assert spelling(name) == "李四"


def test_name_in_wide_letters_and_capitals_is_the_same_name() -> None:
    assert spelling("Ｌｉ　Ｓｉ") == spelling("li si") == "lisi"


@pytest.mark.parametrize("name", ["", " ", "··", "\u200b"])
def test_name_of_nothing_that_can_be_seen_is_nobodys(name: str) -> None:
    assert spelling(name) == ""
