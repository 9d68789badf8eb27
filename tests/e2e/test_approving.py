"""A year through both gates, on a real server, each stretch in a process of its own."""

import pytest

from perfeval.errors import ApprovalError
from perfeval.model import Stage
from perfeval.reperformance import verify_archive

pytestmark = pytest.mark.e2e


def test_run_approved_at_both_gates_is_archived_once_even_when_retried_by_force(office):
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1"
    assert office.client.read_flow_run(office.run).name == "2022 经费补助缺口 第1稿"
    assert office.answer("center").name == "Suspended"
    assert office.key == "bureau-r1"
    assert len(office.artifacts("scores")) == 1
    assert office.answer("bureau").name == "已归档"
    assert office.status.stage is Stage.ARCHIVED
    assert office.bags == ["0000-WS·2022-D30-XMXT-0001"]
    bag = office.place.archive_folder / office.bags[0]
    assert all(check.ok for check in verify_archive(bag))
    written = [path.stat().st_mtime_ns for path in sorted(bag.rglob("*"))]
    assert office.retry().name == "已归档"
    assert office.bags == [bag.name]
    assert [path.stat().st_mtime_ns for path in sorted(bag.rglob("*"))] == written
    assert office.status.stage is Stage.ARCHIVED


def test_run_returned_and_corrected_passes_both_gates_again_as_second_revision(office):
    office.execute()
    office.answer("center")
    assert office.answer("bureau", "退回修改").name == "Suspended"
    assert office.status.stage is Stage.CORRECTING
    assert office.key == "correction-r1"
    office.correct("已核对，补齐附件")
    assert office.retry().name == "Suspended"
    assert office.key == "center-r2"
    assert office.client.read_flow_run(office.run).name == "2022 经费补助缺口 第2稿"
    assert office.answer("center").name == "Suspended"
    assert office.key == "bureau-r2"
    assert office.answer("bureau").name == "已归档"
    assert office.status.revision.number == 2


def test_run_refused_is_kept_and_not_archived(office):
    office.execute()
    state = office.answer("center", "不同意")
    assert (state.name, state.is_completed()) == ("不同意", True)
    assert office.status.stage is Stage.REFUSED
    assert office.bags == []
    assert office.status.draft


def test_wrong_answers_are_kept_and_leave_the_run_where_it_is(office):
    office.execute()
    stands = office.form_key
    for changes in ({"code": "000000"}, {"check_code": "00000000"}, {"approver": "无此人"}):
        with pytest.raises(ApprovalError):
            office.decide("center", **changes)
    assert office.wrong_answers("center") == ["A05", "A07", "A04"]
    assert office.form_key == stands
    assert office.answer("center").name == "Suspended"
    assert office.key == "bureau-r1"


def test_faulty_ledgers_fail_the_run_and_a_retry_reads_them_afresh(office):
    sound = office.spoil("资金支出台账", "金额（元）", "一千")
    state = office.execute()
    assert state.is_failed()
    assert "台账有 1 处错误" in state.message
    (errors,) = office.artifacts("errors")
    assert [row["位置"] for row in errors if row["级别"] == "错误"] == ["资金支出台账.xlsx!资金支出台账!I3"]
    assert (office.place.root / "marked" / "2022-r1").is_dir()
    office.ledger("资金支出台账").write_bytes(sound)
    assert office.retry().name == "Suspended"
    assert office.key == "center-r1"


def test_gate_shows_scores_findings_and_the_draft(office):
    office.execute()
    (scores,) = office.artifacts("scores")
    assert scores[-1]["三级指标"] == "预算执行率"
    assert len(office.artifacts("findings")) == 1
    assert office.artifacts("draft") == ["[下载 2022 经费补助缺口 第1稿（Word）](/perfeval/drafts/2022-zdxm-1/1.docx)"]
