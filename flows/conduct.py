"""Conducting from outside: start a run, move it on, wait until it stands still. The store says where an evaluation stands."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import TaskRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry

from flows.evaluation import DEPLOYMENT, FLOW
from flows.forms import awaited, is_behind
from perfeval import steps
from perfeval.errors import ServerError
from perfeval.model import Evaluation, Status
from perfeval.model.outcomes import Failure
from perfeval.office import Office
from perfeval.workspace import Subject

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Seconds to wait: until a run can be started, until it stands still, between two looks at it."""

    start: float = 120
    run: float = 3600
    look: float = 0.25


@dataclass(frozen=True)
class Position:
    """Where a run stands still: `status` is None when it failed before it had an evaluation; `failure` says why it ended early."""

    run_id: str
    status: Status | None
    failure: Failure | None


class Conductor:
    """A client of the server that is up; `tend` is called while waiting, so that what dies meanwhile is started again.

    `show` is told the name of each step of the run as it begins.
    """

    def __init__(
        self,
        office: Office,
        client: SyncPrefectClient,
        tend: Callable[[], None],
        patience: Patience = Patience(),
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._office = office
        self._client = client
        self._tend = tend
        self._patience = patience
        self._show = show

    def begin(self, subject: Subject, prepared_by: str) -> Position:
        """Start a run of the deployment, once the runner has registered it, and wait until it stands still."""
        deployment = self._until(self._deployment, self._patience.start)
        request = {"year": subject.year, "programme": subject.programme.key, "prepared_by": prepared_by}
        return self._wait(self._client.create_flow_run_from_deployment(deployment.id, parameters={"request": request}), set())

    def go_on(self, evaluation: Evaluation) -> Position:
        """Move an evaluation's run to where the store is: past a form that the store has the answer to, or out of an early end."""
        with self._office.store.reading() as record:
            run = self._find(record.run_of(evaluation))
        if run is None or run.state is None:
            return self.begin(self._office.subject(evaluation), evaluation.prepared_by)
        status, known = steps.status(self._office, evaluation), {task.id for task in self._steps(run)}
        soon = datetime.now(UTC) + timedelta(minutes=1)
        is_put_off = run.state.is_scheduled() and (run.state.state_details.scheduled_time or soon) > soon
        if run.state.is_final() or is_put_off or (run.state.is_paused() and is_behind(run.state.state_details.pause_key, awaited(status))):
            self._client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
        return self._wait(run, known)

    def _wait(self, run: FlowRun, known: set[UUID]) -> Position:
        """Wait until a run stands still; steps that are not known yet are shown."""

        def still() -> FlowRun | None:
            now = self._client.read_flow_run(run.id)
            for task in self._steps(run):
                if task.id not in known:
                    known.add(task.id)
                    self._show(task.name.rpartition("-")[0])
            return now if now.state and (now.state.is_paused() or now.state.is_final()) else None

        state = self._until(still, self._patience.run).state
        with self._office.store.reading() as record:
            evaluation, failure = record.evaluation_of(str(run.id)), record.failure(str(run.id))
        status = steps.status(self._office, evaluation) if evaluation else None
        if state is None or not state.is_final() or (evaluation and evaluation.outcome):
            return Position(str(run.id), status, None)
        # Whatever no person can repair is told as Prefect keeps it.
        return Position(str(run.id), status, failure or Failure("", "P14", state.message or "运行异常终止"))

    def _steps(self, run: FlowRun) -> list[TaskRun]:
        """The steps that a run has begun, oldest first."""
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        return self._client.read_task_runs(flow_run_filter=of_run, sort=TaskRunSort.EXPECTED_START_TIME_ASC)

    def _find(self, run_id: str | None) -> FlowRun | None:
        try:
            return self._client.read_flow_run(UUID(run_id)) if run_id else None
        except ObjectNotFound:
            return None

    def _deployment(self) -> DeploymentResponse | None:
        try:
            return self._client.read_deployment_by_name(f"{FLOW}/{DEPLOYMENT}")
        except ObjectNotFound:
            return None

    def _until(self, ask: Callable[[], T | None], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        while (answer := ask()) is None:
            if time.monotonic() > deadline:
                raise ServerError("P07", "运行长时间没有进展", "用 perfeval serve 打开 Prefect 界面，查看这次运行的日志。")
            self._tend()
            time.sleep(self._patience.look)
        return answer
