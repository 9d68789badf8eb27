"""What a suspended Prefect run can be made to do, and that none of it gets an unapproved report archived or a step done twice."""

import shutil
from pathlib import Path

import pytest
from prefect.states import Completed, Failed, Running, Scheduled

pytestmark = pytest.mark.e2e


def test_gate_that_timed_out_is_asked_again_after_a_forced_retry(office):
    office.execute()
    office.force(Failed(message="The flow was suspended and never resumed."))
    assert office.retry().name == "Suspended"
    assert office.key == "center-r1-1"
    assert office.status.key == "waiting-center"


def test_unforced_retry_asks_only_the_gate_that_is_open(office):
    office.execute()
    office.answer(office.form("center"))
    office.force(Failed())
    assert office.retry(force=False).name == "Suspended"
    assert office.key == "bureau-r1-1"
    assert office.answer(office.form("bureau")).name == "已归档"


def test_run_rescheduled_by_force_without_an_answer_is_asked_again(office):
    office.execute()
    office.force(Scheduled())
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1-1"
    office.force(Running())
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1-2"
    assert office.status.key == "waiting-center"


def test_run_forced_to_completed_archives_nothing_and_can_go_on(office):
    office.execute()
    office.answer(office.form("center"))
    office.force(Completed())
    assert office.bags == []
    assert office.status.key == "waiting-bureau"
    assert office.retry().name == "Suspended"
    assert office.answer(office.form("bureau")).name == "已归档"


def test_input_forged_past_the_form_is_an_ask_without_a_decision(office):
    office.execute()
    office.forge("center-r1-0", office.form("center", role="center"))
    office.force(Scheduled())
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1-1"
    office.forge("center-r1-1", "同意")
    office.force(Scheduled())
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1-2"
    assert office.asks("center") == ["没有收到填写完整的表单", "没有收到填写完整的表单"]
    assert office.status.key == "waiting-center"


def test_answer_replayed_by_a_retry_is_not_accepted_twice(office):
    office.execute()
    form = office.form("center", check_code="00000000")
    office.answer(form)
    office.forge("center-r1-1", form | {"check_code": office.status.draft.check_code})
    office.force(Scheduled())
    assert office.execute().name == "Suspended"
    assert office.asks("center")[1].startswith("动态码不正确、已过期或已使用过")


def test_results_lost_while_suspended_change_nothing(office, server):
    office.execute()
    before = office.status.draft
    shutil.rmtree(Path(server["PREFECT_HOME"]) / "storage", ignore_errors=True)
    office.answer(office.form("center"))
    assert office.status.draft == before
    assert office.key == "bureau-r1-0"


def test_code_edited_while_suspended_repeats_no_step_and_no_gate(office, tmp_path):
    code = office.use_copy_of_code(tmp_path / "code")
    office.execute()
    before = office.status.draft
    tasks = code / "flows" / "tasks.py"
    tasks.write_text(
        tasks.read_text(encoding="utf-8").replace("    return steps.score", "    str()\n    return steps.score"), encoding="utf-8"
    )
    office.answer(office.form("center"))
    assert office.status.draft == before
    assert office.key == "bureau-r1-0"
    assert office.answer(office.form("bureau")).name == "已归档"


def test_process_killed_in_any_step_goes_on_after_a_retry(office):
    assert office.killed_in("ingest_ledgers", "return")
    assert office.killed_in("_snapshots", "return")
    assert office.killed_in("validate_ledgers", "return")
    assert office.killed_in("score_indicators", "return")
    assert office.killed_in("draft_report", "return")
    assert office.retry().name == "Suspended"
    form = office.form("center")
    office.resume(form)
    # Between the two transactions of `decide`: the code is spent, and there is no decision.
    assert office.killed_in("check_answer", "call")
    assert office.retry().name == "Suspended"
    assert office.key == "center-r1-1"
    office.resume(office.form("center"))
    assert office.killed_in("decide", "return")
    assert office.retry().name == "Suspended"
    assert office.key == "bureau-r1-0"
    office.resume(office.form("bureau"))
    assert office.killed_in("_package", "return")
    assert office.killed_in("archive_bag", "return")
    assert office.killed_in("archive_report", "return")
    assert office.retry().name == "已归档"
    assert office.bags == ["0000-WS·2022-D30-XMXT-0001"]
