"""The runner: registers the deployments, yearly and daily, and starts a process for every run that is due."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.states import AwaitingRetry
from prefect.types.entrypoint import EntrypointType

from flows.client import DEPLOYMENT
from flows.evaluation import self_evaluation
from flows.offices import folders, named
from flows.reminders import DAILY, EVERY_MORNING, send_reminders
from flows.serve import SCHEDULE, end_with_parent
from flows.warm import write_stub
from perfeval.errors import PerfevalError, fault_of
from perfeval.workspace import Workspace

# A click on Resume is seen within half a second; each question costs the server some 15 ms.
_POLL_SECONDS = 0.5
_PAGE = 200
_WATCH_SECONDS = 5
_RUN = b"PREFECT__FLOW_RUN_ID="
_PROCESSES = Path("/proc/self/task")


async def yearly(workspace: Workspace, label: str = "", *, active: bool) -> RunnerDeployment:
    """The deployment; its schedules, one for each programme, are active on a server that stays.

    One that a command starts for a minute must not begin last January's evaluation beside the one that the command is about.
    """
    settings = workspace.settings
    cron, zone = settings.schedule.cron, settings.schedule.timezone
    requests = {item.key: {"year": 0, "programme": item.key, "prepared_by": settings.unit.drafter} for item in workspace.programmes}
    schedules = [Cron(cron, timezone=zone, active=active, parameters={"request": request}, slug=key) for key, request in requests.items()]
    return await self_evaluation.ato_deployment(
        named(DEPLOYMENT, label),
        parameters={"request": next(iter(requests.values()))},
        schedules=schedules,
        tags=[workspace.unit],
        paused=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


async def daily(workspace: Workspace, label: str = "", *, active: bool) -> RunnerDeployment:
    """The deployment that sends reminders every morning."""
    every_morning = Cron(EVERY_MORNING, timezone=workspace.settings.schedule.timezone, active=active)
    return await send_reminders.ato_deployment(
        named(DAILY, label),
        schedules=[every_morning],
        tags=[workspace.unit],
        paused=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


async def register(serve: Callable[[str, RunnerDeployment], Awaitable[object]], *, active: bool) -> None:
    """Have the yearly and the daily deployment of every office served, each with the office's label, and no others.

    Of several offices, one whose settings are wrong or cannot be read is left as it is, and keeps no other waiting.
    """
    served = set[str]()
    for label, folder in folders().items():
        served |= {named(kind, label) for kind in (DEPLOYMENT, DAILY)}
        try:
            workspace = Workspace(folder)
            deployments = await yearly(workspace, label, active=active), await daily(workspace, label, active=active)
        except (PerfevalError, OSError) as error:
            if not label:
                raise
            fault = fault_of(error)
            logging.getLogger(__name__).error("%s: %s", folder, fault.line)  # noqa: TRY400  # all is told by its line
            continue
        for deployment in deployments:
            await serve(label, deployment)
    await _rest_others(served)


async def serve_deployment() -> None:
    """Serve the deployments until cancelled."""
    sys.executable = write_stub(Path(os.environ["PREFECT_HOME"])) or sys.executable  # what Prefect starts for a run
    runner = Runner(name="perfeval", pause_on_shutdown=False, query_seconds=_POLL_SECONDS)
    ours = list[str]()

    async def serve(_: str, deployment: RunnerDeployment) -> None:
        id_ = await runner.aadd_deployment(deployment)
        await continue_orphans({"deployment_id": {"any_": [id_]}})  # no run outlives its runner
        ours.append(str(id_))

    await register(serve, active=SCHEDULE in os.environ)
    watching = asyncio.create_task(watch(Lost({"deployment_id": {"any_": ours}}).look))
    await runner.start()
    watching.cancel()


async def _rest_others(ours: Collection[str]) -> None:
    """Have the clock start nothing of deployments that are served no more."""
    async with get_client() as client:
        for offset in count(step=_PAGE):
            page = await client.read_deployments(limit=_PAGE, offset=offset)
            for deployment in page:
                if deployment.name not in ours and not deployment.paused:
                    await client.pause_deployment(deployment.id)
            if len(page) < _PAGE:
                return


async def continue_orphans(where: Mapping[str, object], is_left: Callable[[FlowRun], bool] = lambda _: True) -> None:
    """Start again what is running, as Prefect knows, in processes that are gone.

    The steps are idempotent: going on is safe, and nobody has to notice first.
    """
    orphans = FlowRunFilter.model_validate({**where, "state": {"type": {"any_": [StateType.RUNNING, StateType.PENDING]}}})
    async with get_client() as client:
        for run in await client.read_flow_runs(flow_run_filter=orphans):
            if is_left(run):
                await client.set_flow_run_state(run.id, AwaitingRetry(message="服务中断后继续"), force=True)


class Lost:
    """Runs that are running, as Prefect knows, in a process of ours that is gone: it could not tell its end to a database that was full."""

    def __init__(self, where: Mapping[str, object], is_ours: Callable[[FlowRun], bool] = lambda _: True) -> None:
        self._where, self._is_ours = where, is_ours
        self._seen = set[UUID]()

    async def look(self) -> None:
        """Continue what is in the same state as at the last look, and had no process then: one that begins or ends now is let be."""
        if not _PROCESSES.is_dir():  # no process could be seen
            return
        found, here = set[UUID](), under_way()

        def is_left(run: FlowRun) -> bool:
            state = run.state.id if run.state and self._is_ours(run) and str(run.id) not in here else None
            found.update({state} if state else ())
            return state in self._seen

        await continue_orphans(self._where, is_left)
        self._seen = found


def under_way() -> set[str]:
    """The runs that a process is started for: those of the children of this one."""
    found = set[str]()
    for child in " ".join(task.read_text() for task in _PROCESSES.glob("*/children")).split():
        with suppress(OSError):  # it has ended
            variables = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            found |= {item.removeprefix(_RUN).decode() for item in variables if item.startswith(_RUN)}
    return found


async def watch(look: Callable[[], Coroutine[None, None, None]]) -> None:
    """Look again and again."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        try:
            await look()
        except httpx.HTTPError as error:  # the server is away or busy: the next round asks again
            logging.getLogger(__name__).warning("a round was cut short: %s", str(error).partition("\n")[0])
        except Exception:
            logging.getLogger(__name__).warning("a round was cut short", exc_info=True)


if __name__ == "__main__":
    end_with_parent()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve_deployment())
