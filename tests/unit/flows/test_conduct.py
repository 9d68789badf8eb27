"""The conductor, with a Prefect that is a dictionary: where it leaves a run, where it moves one on, what it tells of an early end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.client import Deployment, Run
from flows.conduct import Conductor, Patience, Position
from perfeval import steps
from perfeval.approvals.person import Person
from perfeval.errors import ServerError
from perfeval.model import Answer, Evaluation, Revision, Stage, Verdict
from perfeval.model.outcomes import Corrected, Failure
from perfeval.office import Office

RUN = "11111111-1111-4111-8111-111111111111"
NEW = "22222222-2222-4222-8222-222222222222"
CENTER, BUREAU, CORRECTION = (Run("", "PAUSED", f"{name}-r1-0") for name in ("center", "bureau", "correction"))
RUNNING, FAILED, CRASHED, COMPLETED = (Run("", kind) for kind in ("RUNNING", "FAILED", "CRASHED", "COMPLETED"))
DUE = Run("", "SCHEDULED", due_at=datetime(2023, 1, 5, tzinfo=UTC))
AT_ONCE = Patience(start=0, run=0, look=0)


class Prefect:
    """As much of the client as a conductor uses. A run that is started or moved on is `afterwards`, once it has worked."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.afterwards = BUREAU
        self.works: Callable[[str], object] = str
        self.unregistered, self.pool = 0, ""
        self.requests: list[Any] = []
        self.moved: list[str] = []
        self.steps: list[tuple[str, str]] = []

    def find_deployment(self) -> Deployment | None:
        if self.unregistered:
            self.unregistered -= 1
            return None
        return Deployment("annual", self.pool)

    def start_run(self, deployment: str, request: Any) -> Run:
        self.requests.append((deployment, request))
        return self._go(NEW)

    def read_run(self, run: str) -> Run | None:
        return replace(self.runs[run], id=run) if run in self.runs else None

    def read_steps(self, run: str) -> list[tuple[str, str]]:
        return self.steps if run in self.runs else []

    def move(self, run: str) -> None:
        self.moved.append(run)
        self._go(run)

    def cancel(self, run: str) -> None:
        self.runs[run] = Run("", "CANCELLED")

    def _go(self, run: str) -> Run:
        self.works(run)
        self.runs[run] = self.afterwards
        return replace(self.afterwards, id=run)


@pytest.fixture
def prefect() -> Prefect:
    return Prefect()


@pytest.fixture
def conductor(office: Office, prefect: Prefect) -> Conductor:
    return Conductor(office, prefect, lambda: None, Patience(look=0))


Deciding = Callable[..., None]


@pytest.fixture
def decided(office: Office, revision: Revision, welcome: Callable[..., Any]) -> Deciding:
    """Decide at the first gate."""
    phone = welcome(office, "样例甲", "center")

    def deciding(verdict: Verdict = Verdict.APPROVE) -> None:
        answer = Answer(verdict, "样例甲", phone.code(), "0123abcd", "理由")
        steps.decide(office, revision, office.workspace.gates[0], answer)

    return deciding


def corrected(office: Office, revision: Revision) -> None:
    with office.store.transaction() as record:
        record.save_outcome(revision, Corrected("已补会议日期"))


def stands(position: Position) -> str | None:
    return position.status and position.status.key


# ---- begin ---------------------------------------------------------------------------------------------------------------


def test_begin_starts_a_run_of_the_programmes_year(office: Office, prefect: Prefect, conductor: Conductor) -> None:
    position = conductor.begin(office.workspace.subject(2022), "样例经办人")
    assert prefect.requests == [("annual", {"year": 2022, "programme": "roads", "prepared_by": "样例经办人"})]
    assert position == Position(NEW, None, None)


def test_begin_tells_where_the_run_that_it_started_stands(
    office: Office, operator: Person, revision: Revision, prefect: Prefect, conductor: Conductor
) -> None:
    def opens(run: str) -> None:
        with office.store.transaction() as record:
            record.open_evaluation(2022, "roads", "公路养护", operator, run)

    prefect.works = opens
    assert stands(conductor.begin(office.workspace.subject(2022), "")) == "waiting-center"


def test_begin_waits_until_the_deployment_is_registered(office: Office, prefect: Prefect) -> None:
    prefect.unregistered = 3
    tended: list[int] = []
    patient = Conductor(office, prefect, lambda: tended.append(prefect.unregistered), Patience(look=0))
    patient.begin(office.workspace.subject(2022), "")
    assert (tended, len(prefect.requests)) == ([2, 1, 0], 1)


def test_begin_gives_up_on_a_deployment_that_is_never_registered(office: Office, prefect: Prefect) -> None:
    prefect.unregistered = 1000
    with pytest.raises(ServerError, match="运行长时间没有进展") as fault:
        Conductor(office, prefect, lambda: None, AT_ONCE).begin(office.workspace.subject(2022), "")
    assert (fault.value.code, prefect.requests) == ("P07", [])


def test_begin_beside_a_run_that_was_begun_at_the_same_moment_goes_on_with_that_one(
    office: Office, operator: Person, prefect: Prefect, conductor: Conductor
) -> None:
    prefect.runs[RUN] = CENTER

    def works(run: str) -> None:
        prefect.afterwards = FAILED if run == NEW else CENTER
        if run == NEW:
            with office.store.transaction() as record:
                record.open_evaluation(2022, "roads", "公路养护", operator, RUN)
                record.record_failure(run, Failure("开始自评", "P04", "2022年度的自评正在进行"))

    prefect.works = works
    position = conductor.begin(office.workspace.subject(2022), "")
    assert (position.run_id, stands(position), position.failure) == (RUN, "preparing", None)


def test_begin_beside_a_run_that_has_come_to_its_end_by_then_tells_of_that_end(
    office: Office, operator: Person, prefect: Prefect, conductor: Conductor
) -> None:
    def works(run: str) -> None:
        with office.store.transaction() as record:
            evaluation = record.open_evaluation(2022, "roads", "公路养护", operator, RUN)
            record.record_failure(run, Failure("开始自评", "P04", "2022年度的自评正在进行"))
            record.end_evaluation(evaluation, Stage.REFUSED, datetime(2023, 1, 5, tzinfo=UTC))

    prefect.works, prefect.afterwards = works, FAILED
    position = conductor.begin(office.workspace.subject(2022), "样例经办人")
    assert (stands(position), position.failure, prefect.moved) == ("refused", None, [])


# ---- go_on ---------------------------------------------------------------------------------------------------------------


def test_run_at_the_gate_that_the_store_waits_for_is_left_alone(revision: Revision, prefect: Prefect, conductor: Conductor) -> None:
    prefect.runs[RUN] = CENTER
    assert stands(conductor.go_on(revision.evaluation)) == "waiting-center"
    assert (prefect.moved, prefect.requests) == ([], [])


def test_run_at_a_form_that_the_store_has_the_answer_to_is_moved_past_it(
    revision: Revision, prefect: Prefect, conductor: Conductor, decided: Deciding
) -> None:
    prefect.runs[RUN] = CENTER
    decided()
    assert stands(conductor.go_on(revision.evaluation)) == "waiting-bureau"
    assert prefect.moved == [RUN]


def test_run_that_waits_for_the_correction_is_left_alone_until_it_is_in(
    office: Office, revision: Revision, prefect: Prefect, conductor: Conductor, decided: Deciding
) -> None:
    prefect.runs[RUN] = CORRECTION
    decided(Verdict.RETURN)
    assert stands(conductor.go_on(revision.evaluation)) == "correcting"
    assert prefect.moved == []
    corrected(office, revision)
    assert stands(conductor.go_on(revision.evaluation)) == "preparing"
    assert prefect.moved == [RUN]


def test_run_at_a_gate_that_was_returned_is_moved_to_the_correction(
    revision: Revision, prefect: Prefect, conductor: Conductor, decided: Deciding
) -> None:
    prefect.runs[RUN], prefect.afterwards = CENTER, CORRECTION
    decided(Verdict.RETURN)
    assert stands(conductor.go_on(revision.evaluation)) == "correcting"
    assert prefect.moved == [RUN]


@pytest.mark.parametrize("end", [FAILED, CRASHED, COMPLETED])
def test_run_that_ended_early_is_moved_on(revision: Revision, prefect: Prefect, conductor: Conductor, end: Run) -> None:
    prefect.runs[RUN], prefect.afterwards = end, CENTER
    assert stands(conductor.go_on(revision.evaluation)) == "waiting-center"
    assert prefect.moved == [RUN]


def test_run_put_off_by_somebody_is_not_waited_for(revision: Revision, prefect: Prefect, conductor: Conductor) -> None:
    prefect.runs[RUN] = replace(DUE, due_at=datetime.now(UTC) + timedelta(hours=1))
    conductor.go_on(revision.evaluation)
    assert prefect.moved == [RUN]


@pytest.mark.parametrize("state", [RUNNING, DUE, Run("", "SCHEDULED")])
def test_run_that_is_under_way_is_waited_for(office: Office, revision: Revision, prefect: Prefect, state: Run) -> None:
    prefect.runs[RUN] = state
    arrives = Conductor(office, prefect, lambda: prefect.runs.update({RUN: CENTER}), Patience(look=0))
    assert stands(arrives.go_on(revision.evaluation)) == "waiting-center"
    assert prefect.moved == []


def test_run_that_never_stands_still_is_given_up(office: Office, revision: Revision, prefect: Prefect) -> None:
    prefect.runs[RUN] = RUNNING
    with pytest.raises(ServerError) as fault:
        Conductor(office, prefect, lambda: None, AT_ONCE).go_on(revision.evaluation)
    assert fault.value.code == "P07"


def test_run_that_no_process_takes_is_told_of(office: Office, revision: Revision, prefect: Prefect) -> None:
    prefect.runs[RUN] = DUE
    shown: list[str] = []
    with pytest.raises(ServerError, match="perfeval worker") as told:
        Conductor(office, prefect, lambda: None, Patience(look=0, told=0, taken=0), shown.append).go_on(revision.evaluation)
    assert (told.value.code, shown) == ("P24", ["等待执行：还没有进程接收这次运行"])


def test_run_that_somebody_has_cancelled_half_is_told_of_within_a_minute_and_another_begun_when_asked_again(
    office: Office, revision: Revision, prefect: Prefect
) -> None:
    conductor = Conductor(office, prefect, lambda: None, Patience(look=0, cancelling=0))
    prefect.runs[RUN] = FAILED
    prefect.afterwards = Run("", "CANCELLING")
    with pytest.raises(ServerError, match=r"正在取消.*\n执行 perfeval run") as told:
        conductor.go_on(revision.evaluation)
    assert (told.value.code, Patience().cancelling < 60) == ("P23", True)
    prefect.afterwards = CENTER
    conductor.go_on(revision.evaluation)
    assert (prefect.runs[RUN].type, [request["programme"] for _, request in prefect.requests]) == ("CANCELLED", ["roads"])


def test_run_that_prefect_lost_is_begun_anew(revision: Revision, prefect: Prefect, conductor: Conductor) -> None:
    assert conductor.go_on(revision.evaluation).run_id == NEW
    assert prefect.requests == [("annual", {"year": 2022, "programme": "roads", "prepared_by": "样例填表人"})]


@pytest.mark.parametrize(
    ("pool", "stands_in", "is_another"),
    [
        ("perfeval", "", True),
        ("perfeval-kubernetes", "perfeval", True),
        ("perfeval", "perfeval", False),
        ("", "perfeval", False),  # a runner takes whatever is of its deployment
        ("", "", False),
    ],
)
def test_run_that_stands_where_no_worker_takes_it_is_ended_and_begun_anew(
    revision: Revision, prefect: Prefect, conductor: Conductor, pool: str, stands_in: str, is_another: bool
) -> None:
    prefect.pool, prefect.runs[RUN] = pool, replace(CENTER, deployment="annual", pool=stands_in)
    assert conductor.go_on(revision.evaluation).run_id == (NEW if is_another else RUN)
    assert prefect.runs[RUN].type == ("CANCELLED" if is_another else "PAUSED")


def test_run_without_a_state_is_begun_anew(revision: Revision, prefect: Prefect, conductor: Conductor) -> None:
    prefect.runs[RUN] = Run("")
    assert conductor.go_on(revision.evaluation).run_id == NEW


def test_evaluation_that_had_no_run_gets_one(office: Office, operator: Person, prefect: Prefect, conductor: Conductor) -> None:
    with office.store.transaction() as record:
        evaluation = record.open_evaluation(2022, "roads", "公路养护", operator, None)
    assert conductor.go_on(evaluation).run_id == NEW


# ---- how it ended --------------------------------------------------------------------------------------------------------


def test_run_that_failed_over_what_somebody_can_repair_tells_it_from_the_store(
    office: Office, evaluation: Evaluation, prefect: Prefect, conductor: Conductor
) -> None:
    failure = Failure("校验台账", "L00", "台账有 1 处错误", "a" * 64)

    def fails(run: str) -> None:
        with office.store.transaction() as record:
            record.record_failure(run, failure)

    prefect.runs[RUN], prefect.works, prefect.afterwards = FAILED, fails, replace(FAILED, message="Task run failed")
    position = conductor.go_on(evaluation)
    assert (stands(position), position.failure) == ("preparing", failure)


@pytest.mark.parametrize("ends", [ServerError("P02", "服务没有答复"), KeyboardInterrupt()])
def test_run_that_is_moved_on_is_not_taken_for_failed_as_before(
    office: Office, evaluation: Evaluation, prefect: Prefect, conductor: Conductor, ends: BaseException
) -> None:
    failure = Failure("校验台账", "L00", "台账有 1 处错误")
    with office.store.transaction() as record:
        record.record_failure(RUN, failure)
    prefect.runs[RUN], prefect.afterwards = FAILED, replace(FAILED, message="设置有误")
    now = conductor.go_on(evaluation).failure
    assert now
    assert now.code == "P14"

    def breaks(_: str) -> None:
        raise ends

    with office.store.transaction() as record:
        record.record_failure(RUN, failure)
    prefect.works = breaks
    with pytest.raises(type(ends)):
        conductor.go_on(evaluation)
    with office.store.reading() as record:
        assert record.failure(RUN) == failure


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Process exited with status code: -9. Process exited due to a SIGKILL signal. Typically caused by the operating system …",
            "运行异常终止：进程被系统强制终止（常因内存不足）",
        ),
        ("Process exited with status code: 143. Process received SIGTERM.", "运行异常终止：进程被要求结束（常因服务停止）"),
        ("Process exited with status code: 1. Process exited with a general error.", "运行异常终止：进程意外结束（退出码 1）"),
        (
            "Flow run encountered an exception: ConfigurationError: perfeval.yml:55: YAML 写法有误",
            "运行异常终止：perfeval.yml:55: YAML 写法有误",
        ),
        ("Flow run encountered an exception: StoreError: 存档文件缺失\n从备份恢复。", "运行异常终止：存档文件缺失\n从备份恢复。"),
        ("Flow run encountered an exception: KeyError: 'x'", "运行异常终止"),
        ("Flow run encountered an exception: FileNotFoundError: [Errno 2] No such file or directory: '/桃江县/drafts'", "运行异常终止"),
        ("Flow run process could not be started:\nPermissionError(13, 'Permission denied: /桃江县')", "运行异常终止"),
        ("Flow run could not start: no such file", "运行异常终止"),
        ("由新的运行接着办理", "运行异常终止：由新的运行接着办理"),
        ("", "运行异常终止"),
    ],
)
def test_run_that_crashed_tells_in_chinese_what_prefect_knows(
    evaluation: Evaluation, prefect: Prefect, conductor: Conductor, message: str, told: str
) -> None:
    prefect.runs[RUN], prefect.afterwards = FAILED, replace(CRASHED, message=message)
    failure = conductor.go_on(evaluation).failure
    assert failure
    assert (failure.code, failure.message.rpartition("\n")[0]) == ("P14", told)
    assert ("perfeval run" in failure.message, "Prefect" in failure.message) == (True, False)


def test_run_that_failed_before_it_had_an_evaluation_has_no_status(office: Office, prefect: Prefect, conductor: Conductor) -> None:
    prefect.afterwards = replace(FAILED, message="Flow run encountered an exception: ConfigurationError: 不认识的设置")
    position = conductor.begin(office.workspace.subject(2022), "")
    assert (position.run_id, position.status) == (NEW, None)
    assert position.failure
    assert position.failure.message.splitlines()[0] == "运行异常终止：不认识的设置"


@pytest.mark.parametrize(("state", "outcome"), [(COMPLETED, Stage.ARCHIVED), (COMPLETED, Stage.REFUSED), (FAILED, Stage.ARCHIVED)])
def test_run_whose_evaluation_has_ended_has_not_failed(
    office: Office, revision: Revision, prefect: Prefect, conductor: Conductor, state: Run, outcome: Stage
) -> None:
    def ends(_run: str) -> None:
        with office.store.transaction() as record:
            record.end_evaluation(revision.evaluation, outcome)

    prefect.runs[RUN], prefect.works, prefect.afterwards = FAILED, ends, state
    position = conductor.go_on(revision.evaluation)
    assert (stands(position), position.failure) == (outcome.value, None)


def test_steps_are_told_by_their_names_as_they_begin(office: Office, prefect: Prefect) -> None:
    told: list[str] = []

    def works(run: str) -> None:
        prefect.steps += [(name, f"{name}-a1f") for name in ("接收台账", "校验台账")]

    prefect.works = works
    Conductor(office, prefect, lambda: None, Patience(look=0), told.append).begin(office.workspace.subject(2022), "样例经办人")
    assert told == ["接收台账", "校验台账"]


def test_steps_that_a_run_comes_through_again_are_not_told_again(
    office: Office, evaluation: Evaluation, prefect: Prefect, decided: Deciding
) -> None:
    prefect.runs[RUN] = CENTER
    prefect.steps = [("1", "计算得分-a1f"), ("2", "编写报告-a1f")]
    told: list[str] = []

    def works(run: str) -> None:
        prefect.steps = [*prefect.steps, ("3", "计算得分-b2e"), ("4", "编写报告-b2e"), ("5", "归档-c3d")]

    prefect.works = works
    decided()
    Conductor(office, prefect, lambda: None, Patience(look=0), told.append).go_on(evaluation)
    assert told == ["归档"]
