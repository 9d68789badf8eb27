"""The runner: registers the deployment with its yearly schedule and starts a process for every run that is due."""

import asyncio
import signal

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.flows import EntrypointType
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.states import AwaitingRetry

from flows.evaluation import DEPLOYMENT, self_evaluation
from flows.serve import end_with_parent
from flows.workplace import open_workplace


async def serve_deployment() -> None:
    """Serve the yearly deployment until cancelled."""
    schedule = open_workplace()[0].settings.schedule
    deployment = await self_evaluation.ato_deployment(
        DEPLOYMENT,
        schedule=Cron(schedule.cron, timezone=schedule.timezone),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    runner = Runner(name="perfeval", pause_on_shutdown=False)
    deployment_id = await runner.aadd_deployment(deployment)
    await _reschedule_orphans(deployment_id)
    await runner.start()


async def _reschedule_orphans(deployment_id) -> None:
    """Start again what was running when the last runner ended.

    No process of an earlier runner outlives it, and steps are idempotent: going on is safe, and nobody has to notice first.
    """
    async with get_client() as client:
        orphans = await client.read_flow_runs(...)
        for run in orphans:
            await client.set_flow_run_state(run.id, AwaitingRetry(message="上次服务中断，继续执行"), force=True)


def main() -> None:
    end_with_parent()
    asyncio.run(serve_deployment())


if __name__ == "__main__":
    main()
