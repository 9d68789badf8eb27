"""Conducting from outside: start a run, move it on, wait until it stands still. The store says where an evaluation stands."""

import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse, SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry

from flows.evaluation import DEPLOYMENT, FLOW
from flows.gates import CORRECTION
from perfeval.errors import ServerError
from perfeval.model import Stage, Standing, Verdict

_WAIT_SECONDS = 3600
_START_SECONDS = 120
_POLL_SECONDS = 0.25

T = TypeVar("T")


class Conductor:
    """A client of the server that is up; `tend` is called while waiting, so that what dies meanwhile is started again."""

    def __init__(self, client: SyncPrefectClient, tend: Callable[[], None]) -> None:
        self._client = client
        self._tend = tend

    def start(self, year: int, prepared_by: str) -> FlowRun:
        """Create a run of the deployment, once the runner has registered it."""
        deployment = self._until(self._deployment, _START_SECONDS)
        request = {"year": year, "prepared_by": prepared_by}
        return self._client.create_flow_run_from_deployment(deployment.id, parameters={"request": request})

    def find(self, run_id: str | None) -> FlowRun | None:
        """A run, if Prefect still knows it."""
        try:
            return self._client.read_flow_run(UUID(run_id)) if run_id else None
        except ObjectNotFound:
            return None

    def move(self, run: FlowRun, standing: Standing) -> None:
        """Move a run on that stands behind the store: hand in a form that the store has the answer to, retry what ended early."""
        if run.state is None or not (run.state.is_paused() or run.state.is_final()):
            return
        if run.state.is_final():
            self._client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
            return
        form = CORRECTION if standing.stage is Stage.CORRECTING else standing.gate and standing.gate.key
        key = run.state.state_details.pause_key or ""
        if not key.startswith(f"{form}-r{standing.revision.number}-"):
            self.submit(run, {"note": "已记录"} if key.startswith(CORRECTION) else _RECORDED)

    def submit(self, run: FlowRun, form: dict[str, str]) -> None:
        """Answer the form a run is suspended at, as its Resume button does."""

        def accepted() -> bool | None:
            # Just after suspending, Prefect has not stored the form yet and rejects every answer.
            return self._client.resume_flow_run(run.id, run_input=form).status is SetStateStatus.ACCEPT or None

        self._until(accepted, _START_SECONDS)

    def wait(self, run: FlowRun) -> FlowRun:
        """Wait until the run is suspended or ended."""

        def still() -> FlowRun | None:
            now = self._client.read_flow_run(run.id)
            return now if now.state and (now.state.is_paused() or now.state.is_final()) else None

        return self._until(still, _WAIT_SECONDS)

    def _deployment(self) -> DeploymentResponse | None:
        try:
            return self._client.read_deployment_by_name(f"{FLOW}/{DEPLOYMENT}")
        except ObjectNotFound:
            return None

    def _until(self, ask: Callable[[], T | None], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        while (answer := ask()) is None:
            if time.monotonic() > deadline:
                raise ServerError("V07", "运行长时间没有进展", "在 Prefect 界面查看这次运行的日志。")
            self._tend()
            time.sleep(_POLL_SECONDS)
        return answer


# What is handed in when the store has the decision already; the gate asks the store first and never looks at it.
_RECORDED = {"decision": Verdict.APPROVE, "approver": "已记录", "code": "已记录", "check_code": "已记录"}
