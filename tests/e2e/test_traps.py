"""What a suspended Prefect run can be made to do, and that none of it gets an unapproved report archived or a step done twice."""

import shutil
from pathlib import Path

import pytest
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Completed, Failed, Running, Scheduled, Suspended

pytestmark = pytest.mark.e2e


def test_gate_that_timed_out_is_asked_again_after_a_forced_retry(office):
    office.execute()
    office.force(Failed(message="The flow was suspended and never resumed."))
    assert office.retry().name == "Suspended"
    assert office.key == "center-r1"
    assert office.status.key == "waiting-center"


def test_unforced_retry_asks_only_the_gate_that_is_open(office):
    office.execute()
    office.answer("center")
    office.force(Failed())
    assert office.retry(force=False).name == "Suspended"
    assert office.key == "bureau-r1"
    assert office.answer("bureau").name == "已归档"


def test_run_rescheduled_by_force_without_an_answer_is_asked_again(office):
    office.execute()
    office.force(Scheduled())
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1"
    office.force(Running())
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1"
    assert office.status.key == "waiting-center"


def test_run_forced_to_completed_archives_nothing_and_can_go_on(office):
    office.execute()
    office.answer("center")
    office.force(Completed())
    assert office.bags == []
    assert office.status.key == "waiting-bureau"
    assert office.retry().name == "Suspended"
    assert office.answer("bureau").name == "已归档"


def test_form_sent_to_prefect_around_the_door_decides_nothing(office):
    office.execute()
    for form in (office.form("center"), office.form("center", approver="编造的人", code="123456"), office.form("bureau")):
        stands = office.form_key
        assert office.resume(form) is SetStateStatus.ACCEPT
        assert office.execute().name == "Suspended"
        assert (office.key, office.form_key == stands) == ("center-r1", False)
    assert office.status.key == "waiting-center"


def test_answer_forged_in_prefects_database_decides_nothing(office):
    office.execute()
    for value in (office.form("center", role="center"), "同意"):
        office.forge(office.form_key, value)
        office.force(Scheduled())
        assert office.execute().name == "Suspended"
        assert office.key == "center-r1"
    assert office.status.key == "waiting-center"


def test_run_captured_under_a_key_of_somebody_elses_stays_at_the_gate(office):
    office.execute()
    office.force(Suspended(pause_key="bureau-r1-0"))
    assert office.resume({}) is SetStateStatus.ACCEPT
    assert office.execute().name == "Suspended"
    assert (office.key, office.status.key) == ("center-r1", "waiting-center")


def test_results_lost_while_suspended_change_nothing(office, server):
    office.execute()
    before = office.status.draft
    shutil.rmtree(Path(server["PREFECT_HOME"]) / "storage", ignore_errors=True)
    office.answer("center")
    assert office.status.draft == before
    assert office.key == "bureau-r1"


def test_code_edited_while_suspended_repeats_no_step_and_no_gate(office, tmp_path):
    code = office.use_copy_of_code(tmp_path / "code")
    office.execute()
    before = office.status.draft
    tasks = code / "flows" / "tasks.py"
    tasks.write_text(
        tasks.read_text(encoding="utf-8").replace("    return steps.score", "    str()\n    return steps.score"), encoding="utf-8"
    )
    office.answer("center")
    assert office.status.draft == before
    assert office.key == "bureau-r1"
    assert office.answer("bureau").name == "已归档"


def test_process_killed_in_any_step_goes_on_after_a_retry(office):
    assert office.killed_in("ingest_ledgers", "return")
    assert office.killed_in("_snapshots", "return")
    assert office.killed_in("validate_ledgers", "return")
    assert office.killed_in("score_indicators", "return")
    assert office.killed_in("draft_report", "return")
    assert office.retry().name == "Suspended"
    office.decide("center")
    assert office.killed_in("closing", "call")
    assert office.retry().name == "Suspended"
    assert office.key == "bureau-r1"
    office.decide("bureau")
    assert office.killed_in("_package", "return")
    assert office.killed_in("archive_bag", "return")
    assert office.killed_in("archive_report", "return")
    assert office.retry().name == "已归档"
    assert office.bags == ["0000-WS·2022-D30-XMXT-0001"]
