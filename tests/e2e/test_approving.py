"""A year through both gates, on a real server, each stretch in a process of its own."""

import pytest
from prefect.client.schemas.responses import SetStateStatus

from perfeval.model import Stage
from perfeval.reperformance import verify_archive

pytestmark = pytest.mark.e2e


def test_run_approved_at_both_gates_is_archived_once_even_when_retried_by_force(office):
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1-0"
    assert office.client.read_flow_run(office.run).name == "2022 经费补助缺口 第1稿"
    assert office.answer(office.form("center")).name == "Suspended"
    assert office.key == "bureau-r1-0"
    assert len(office.artifacts("scores")) == 1
    assert office.answer(office.form("bureau")).name == "已归档"
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
    office.answer(office.form("center"))
    assert office.answer(office.form("bureau", "退回修改")).name == "Suspended"
    assert office.status.stage is Stage.CORRECTING
    assert office.key == "correction-r1-0"
    assert office.answer({"note": " \n "}).name == "Suspended"
    assert office.key == "correction-r1-1"
    assert office.answer({"note": "已核对，补齐附件"}).name == "Suspended"
    assert office.key == "center-r2-0"
    assert office.client.read_flow_run(office.run).name == "2022 经费补助缺口 第2稿"
    assert office.answer(office.form("center")).name == "Suspended"
    assert office.key == "bureau-r2-0"
    assert office.answer(office.form("bureau")).name == "已归档"
    assert office.status.revision.number == 2


def test_run_refused_is_kept_and_not_archived(office):
    office.execute()
    state = office.answer(office.form("center", "不同意"))
    assert (state.name, state.is_completed()) == ("不同意", True)
    assert office.status.stage is Stage.REFUSED
    assert office.bags == []
    assert office.status.draft


def test_gate_answered_wrongly_is_asked_again_under_a_new_key(office):
    office.execute()
    assert office.answer(office.form("center", code="000000")).name == "Suspended"
    assert office.key == "center-r1-1"
    assert office.answer(office.form("center", check_code="00000000")).name == "Suspended"
    assert office.key == "center-r1-2"
    assert [problem.splitlines()[0] for problem in office.asks("center")] == [
        "动态码不正确、已过期或已使用过",
        "核对码与本稿不符，您看到的可能不是这一稿",
    ]
    assert office.answer(office.form("center")).name == "Suspended"
    assert office.key == "bureau-r1-0"


def test_form_missing_extra_or_impossible_fields_is_rejected_by_prefect(office):
    office.execute()
    form = office.form("center")
    assert office.resume(form | {"decision": "通过"}) is SetStateStatus.REJECT
    assert office.resume(form | {"role": "center"}) is SetStateStatus.REJECT
    assert office.resume({"decision": "同意"}) is SetStateStatus.REJECT
    assert office.resume({}) is SetStateStatus.REJECT
    assert office.state.name == "Suspended"


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
    assert office.key == "center-r1-0"


def test_gate_shows_scores_findings_and_the_draft(office):
    office.execute()
    (scores,) = office.artifacts("scores")
    assert scores[-1]["三级指标"] == "预算执行率"
    assert len(office.artifacts("findings")) == 1
    assert office.artifacts("draft") == ["[下载 2022 经费补助缺口 第1稿（Word）](/perfeval/drafts/2022-zdxm-1/1.docx)"]
