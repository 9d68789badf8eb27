"""Workers (工作进程): where one machine is outgrown, runs stand in a pool of Prefect's, and any number of workers take them from it.

A worker is told the server's address. What else it needs, key, database and artifacts, comes from its own environment: nothing of it
travels through Prefect, and no person can set what a run's process gets (the door passes on no job variables).
"""

import asyncio
import logging
import os
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from flows.offices import folders
from flows.runner import continue_orphans, deployments, rest_others
from flows.serve import end_with_parent
from flows.warm import write_stub

POOL = "perfeval"
# With a command of its own a worker need not find out in further processes what to start.
_COMMAND = "python -m prefect.engine"
# A worker that has not been heard of three times is gone.
_HEARTBEAT_SECONDS = 5
_WORKER = "prefect.worker.name"


async def register() -> None:
    """Make the pool and its deployments, as the workspace's settings say."""
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    ours = set[str]()
    async for label, deployment in deployments(active=True):
        deployment.work_pool_name, deployment.work_queue_name = POOL, _queue(label)
        deployment.job_variables = {"command": _COMMAND}
        await deployment.aapply()
        ours.add(deployment.name)
    await rest_others(ours)


def _queue(label: str) -> str:
    """Where an office's runs stand: a worker takes those of the offices whose workspaces it has."""
    return label or "default"


async def work() -> None:
    """Take runs from the pool until cancelled, and look after those that others have left."""
    python = write_stub(Path(os.environ["PREFECT_HOME"])) or sys.executable
    os.environ["PATH"] = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    name = f"{socket.gethostname()}-{os.getpid()}"
    queues = list(map(_queue, folders()))
    worker = ProcessWorker(work_pool_name=POOL, work_queues=queues, name=name, heartbeat_interval_seconds=_HEARTBEAT_SECONDS)
    async with asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(_watch()), tasks.create_task(_keep_warm())]
        await worker.start()
        for task in beside:
            task.cancel()


async def _keep_warm() -> None:
    """Keep a process that forks those of the runs; while there is none, they start cold."""
    while True:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "flows.warm", stdin=asyncio.subprocess.PIPE)
        await process.wait()
        await asyncio.sleep(_HEARTBEAT_SECONDS)


async def _watch() -> None:
    while True:
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        try:
            await _continue_left()
        except Exception:  # the server is away or busy: the next round asks again
            logging.getLogger(__name__).warning("a round was cut short", exc_info=True)


async def _continue_left() -> None:
    """Start again what was running on workers that are gone."""
    # One that a worker has just taken still carries the name of the worker before.
    long_ago = datetime.now(UTC) - timedelta(seconds=3 * _HEARTBEAT_SECONDS)
    async with get_client() as client:
        alive = {worker.name for worker in await client.read_workers_for_work_pool(POOL) if worker.status is WorkerStatus.ONLINE}

    def is_left(run: FlowRun) -> bool:
        is_settled = run.state is not None and run.state.timestamp < long_ago
        return is_settled and run.work_pool_name == POOL and run.labels.get(_WORKER, "") not in {"", *alive}

    await continue_orphans({}, is_left)


if __name__ == "__main__":
    if sys.argv[1:] == ["register"]:
        asyncio.run(register())
    else:
        end_with_parent()
        with suppress(KeyboardInterrupt):
            asyncio.run(work())
