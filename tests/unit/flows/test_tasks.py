"""Steps as tasks, called as plain functions: which faults are kept for whoever started the run, and which run may begin."""

import errno
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, Running, Suspended

from flows import tasks
from flows.tasks import refuse_second_run, revisions, step
from perfeval.approvals.person import Person
from perfeval.errors import LedgerError, StoreError, UsageError
from perfeval.model import Evaluation, Finding, Gate, Revision, Severity
from perfeval.model.documents import load_json
from perfeval.model.outcomes import Corrected, Failure
from perfeval.office import Office, this_office

RUN = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
FLOW = "33333333-3333-4333-8333-333333333333"
FINDING = Finding("V01", Severity.ERROR, "必填，不能为空。", "资金支出台账", "支出.xlsx", "Sheet1", 3, "日期", "B3")


@step("样例步骤")
def raising(error: Exception) -> None:
    """Raise."""
    raise error


@pytest.fixture(autouse=True)
def _run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", RUN)


def failure(office: Office, run: str = RUN) -> Failure | None:
    with office.store.reading() as record:
        return record.failure(run)


def test_step_that_refuses_ledgers_keeps_why_and_every_finding(office: Office) -> None:
    with pytest.raises(LedgerError):
        raising.fn(LedgerError("L00", "台账有 1 处错误", "更正。", findings=[FINDING]))
    kept = failure(office)
    assert kept is not None
    assert (kept.step, kept.code, kept.message) == ("样例步骤", "L00", "台账有 1 处错误\n更正。")
    assert load_json(list[Finding], office.store.artifacts.read(str(kept.findings))) == [FINDING]


def test_step_that_is_refused_keeps_why(office: Office) -> None:
    with pytest.raises(UsageError):
        raising.fn(UsageError("U05", "已归档", "用 perfeval verify 核验归档包。"))
    assert failure(office) == Failure("样例步骤", "U05", "已归档\n用 perfeval verify 核验归档包。", None)


def test_step_whose_file_the_system_refuses_keeps_why_in_chinese(office: Office) -> None:
    with pytest.raises(OSError, match="No space"):
        raising.fn(OSError(errno.ENOSPC, "No space left on device", "/x/report.docx"))
    kept = failure(office)
    assert kept is not None
    assert (kept.code, kept.message.splitlines()[0]) == ("F04", "读写文件失败：磁盘已满（/x/report.docx）")


def test_step_that_passes_at_its_next_try_forgets_why_it_failed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = [OSError(errno.EBUSY, "in use", "/x/支出.xlsx")]

    @step("样例步骤")
    def passing() -> str:
        if tries:
            raise tries.pop()
        return "done"

    with pytest.raises(OSError, match="in use"):
        passing.fn()
    assert failure(office)
    monkeypatch.setenv("PREFECT__RUNTIME__TASK_RUN__RUN_COUNT", "2")
    assert passing.fn() == "done"
    assert failure(office) is None


def test_step_with_a_bug_keeps_nothing(office: Office) -> None:
    with pytest.raises(ZeroDivisionError):
        raising.fn(ZeroDivisionError())
    assert failure(office) is None


def test_step_that_fails_as_the_store_is_away_fails_by_its_own_fault(office: Office) -> None:
    office.store.close()
    for path in office.workspace.state.glob("store.db*"):
        path.unlink()
    (office.workspace.state / "store.db").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match="已归档"):
        raising.fn(UsageError("U05", "已归档"))


@pytest.mark.parametrize(
    ("error", "is_repeated"),
    [
        (PermissionError(), True),
        (StoreError("S06", "数据库不可用"), True),
        (StoreError("S05", "没有这一稿"), False),
        (LedgerError("L00", "台账有 1 处错误"), False),
        (ZeroDivisionError(), False),
    ],
)
def test_step_is_repeated_by_itself_only_where_nobody_has_to_correct_anything(error: Exception, is_repeated: bool) -> None:
    condition: Any = raising.retry_condition_fn
    assert (condition(raising, None, Failed(data=error)), raising.retries) == (is_repeated, 2)


# ---- which run may begin -------------------------------------------------------------------------------------------------


@pytest.fixture
def beginning(office: Office, operator: None) -> Office:
    """The office with what a year must have to be opened."""
    (office.workspace.root / "ledgers" / "2022").mkdir(parents=True)
    (office.workspace.root / "indicators").mkdir()
    (office.workspace.root / "indicators" / "2022.yml").touch()
    return office


def test_run_that_begins_forgets_how_it_ended_last_time(beginning: Office) -> None:
    with beginning.store.transaction() as record:
        record.record_failure(RUN, Failure("校验台账", "L00", "台账有 1 处错误"))
    evaluation = tasks.open_evaluation.fn(2022, "roads", " 样例 填表人")
    assert failure(beginning) is None
    assert (evaluation.id, evaluation.prepared_by) == ("2022-roads-1", "样例填表人")
    with beginning.store.reading() as record:
        assert record.evaluation_of(RUN) == evaluation


def test_run_that_names_nobody_is_the_drafters(beginning: Office) -> None:
    assert tasks.open_evaluation.fn(2022, "", "").prepared_by == "样例填表人"


def test_run_that_names_no_year_is_about_the_one_before_its_new_year_here(beginning: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_run, "scheduled_start_time", datetime(2022, 12, 31, 16, tzinfo=UTC))  # Prefect's own
    assert tasks.open_evaluation.fn(0, "", "").year == 2022


def test_run_that_goes_on_is_about_what_it_has_begun_whatever_the_settings_and_the_clock_say_by_now(
    beginning: Office, monkeypatch: pytest.MonkeyPatch, make_folder: Callable[..., Path], two_programmes: list[Any]
) -> None:
    monkeypatch.setattr(flow_run, "scheduled_start_time", datetime(2023, 1, 5, tzinfo=UTC))  # Prefect's own
    begun = tasks.open_evaluation.fn(0, "", "")
    make_folder(programmes=two_programmes)
    beginning.store.close()
    this_office.cache_clear()
    monkeypatch.setattr(flow_run, "scheduled_start_time", datetime(2024, 1, 5, tzinfo=UTC))
    assert tasks.open_evaluation.fn(0, "", "") == begun


def test_run_refused_at_its_beginning_keeps_why(beginning: Office) -> None:
    with pytest.raises(UsageError):
        tasks.open_evaluation.fn(2021, "", "")
    kept = failure(beginning)
    assert kept is not None
    assert (kept.step, kept.code) == ("开始自评", "U06")


def found(state: Any) -> Any:
    return lambda run: FlowRun(id=run, flow_id=FLOW, name="2022 公路养护 第1稿", state=state)


def opened_by(office: Office, run: str) -> Evaluation:
    with office.store.transaction() as record:
        return record.open_evaluation(2022, "roads", "公路养护", Person("p1", "样例填表人", ("operator",)), run)


@pytest.mark.parametrize("state", [Running(), Suspended()])
def test_run_beside_one_that_is_under_way_is_refused(office: Office, state: Any) -> None:
    opened_by(office, OTHER)
    with pytest.raises(UsageError, match="2022年度的自评正在进行：2022 公路养护 第1稿") as fault:
        refuse_second_run(office, office.workspace.subject(2022), found(state))
    assert fault.value.code == "P04"


def test_run_after_one_that_ended_or_is_lost_may_take_its_evaluation_over(office: Office) -> None:
    opened_by(office, OTHER)
    refuse_second_run(office, office.workspace.subject(2022), found(Completed()))
    refuse_second_run(office, office.workspace.subject(2022), lambda _: None)


def test_run_that_finds_its_own_evaluation_or_none_asks_nobody(office: Office) -> None:
    asked: list[str] = []
    refuse_second_run(office, office.workspace.subject(2022), asked.append)
    opened_by(office, RUN)
    refuse_second_run(office, office.workspace.subject(2022), asked.append)
    assert asked == []


# ---- revisions and the end -----------------------------------------------------------------------------------------------


def test_revisions_go_on_with_the_next_after_a_correction_and_name_the_run(office: Office, evaluation: Evaluation) -> None:
    names: list[str] = []
    numbers = revisions(evaluation, names.append)
    assert [next(numbers).number, next(numbers).number] == [1, 1]
    with office.store.transaction() as record:
        record.save_outcome(Revision(evaluation, 1), Corrected("已补会议日期"))
    assert next(numbers).number == 2
    assert names == ["2022 公路养护 第1稿", "2022 公路养护 第1稿", "2022 公路养护 第2稿"]


def test_gates_are_those_that_the_draft_was_made_under(revision: Revision) -> None:
    assert tasks.gates(revision) == (Gate("center", "中心审批", "签发"), Gate("bureau", "财政局审批", "审核"))


def test_evaluation_refused_is_ended_and_told_so(office: Office, evaluation: Evaluation) -> None:
    assert tasks.close_evaluation.fn(evaluation) == "审批意见为不同意，自评终止；材料保留，不归档。"
    with office.store.reading() as record:
        assert record.evaluation(evaluation.id).outcome == "refused"


@pytest.mark.parametrize(
    ("fault", "tries", "told"),
    [
        (OSError(errno.EBUSY, "in use", "/x/支出.xlsx"), "1", []),
        (OSError(errno.EBUSY, "in use", "/x/支出.xlsx"), "3", [RUN]),
        (StoreError("S06", "数据库不可用"), "2", []),
        (StoreError("S06", "数据库不可用"), "3", [RUN]),
        (StoreError("S02", "已损坏"), "1", [RUN]),
    ],
)
def test_clerk_is_told_of_what_might_pass_by_itself_once_it_is_tried_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch, fault: Exception, tries: str, told: list[str]
) -> None:
    noticed: list[str] = []
    monkeypatch.setattr("perfeval.reminding.notify_of_failure", lambda _, run: noticed.append(run))
    monkeypatch.setenv("PREFECT__RUNTIME__TASK_RUN__RUN_COUNT", tries)
    with pytest.raises(type(fault)):
        raising.fn(fault)
    assert (noticed, failure(office) is not None) == (told, True)


def test_year_that_cannot_begin_is_told_by_year_and_programme_until_it_has_begun(
    office: Office, operator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "refuse_second_run", lambda *_: None)
    for run in (OTHER, RUN):  # the clock tried, then somebody; the ledgers of 2022 are not there
        monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", run)
        with pytest.raises(UsageError) as fault:
            tasks.open_evaluation.fn(2022, "", "")
    with office.store.reading() as record:
        (stuck,) = record.stuck()
    assert (stuck.year, stuck.programme, stuck.evaluation, stuck.failure.code) == (2022, "roads", "", fault.value.code)
    assert stuck.failure.reason.startswith("开始自评：")
    with office.store.transaction() as record:
        record.open_evaluation(2022, "roads", "公路养护", operator, FLOW)
        assert record.stuck() == []
        record.record_failure(FLOW, Failure("校验台账", "L00", "台账有 1 处错误"))
        assert [(item.evaluation, item.failure.code) for item in record.stuck()] == [("2022-roads-1", "L00")]
        record.record_failure(FLOW, None)
        assert record.stuck() == []


def test_run_refused_beside_another_leaves_nothing_to_repair(office: Office, evaluation: Evaluation) -> None:
    with pytest.raises(UsageError):
        raising.fn(UsageError("P04", "正在进行", begins=(office.workspace.unit, evaluation.year, evaluation.programme_key)))
    with office.store.reading() as record:
        assert [item for item in record.stuck() if not item.evaluation] == []
