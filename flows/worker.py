"""Workers (工作进程): where one machine is outgrown, runs stand in a pool of Prefect's, and any number of workers take them from it.

A worker is told the server's address. What else it needs, key, database and artifacts, comes from its own environment: nothing of it
travels through Prefect, and no person can set what a run's process gets (the door passes on no job variables).

Of which kind the pool is, processes or another that Prefect has workers for, the environment says, with the template of its jobs; a
sample for Kubernetes is config/kubernetes.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker

from flows.offices import folders, label_of
from flows.runner import Lost, continue_orphans, register, watch
from flows.serve import POOL_TYPE, PROCESSES, end_with_parent, pool_type
from flows.warm import write_stub
from perfeval.errors import UsageError
from perfeval.workspace import Workspace

POOL, POOL_TEMPLATE = "perfeval", "PERFEVAL_POOL_TEMPLATE"
# The queue that Prefect makes with a pool.
_DEFAULT, _POOL_SECONDS = "default", 1
# With a command of its own a worker need not find out in further processes what to start.
_COMMAND = "python -m prefect.engine"
# Prefect takes a worker for gone that it has not heard of three times. We wait longer: one whose questions have failed for some time,
# as all do while the database is away, asks but every 40 seconds.
_HEARTBEAT_SECONDS, _GONE_SECONDS = 5, 60
_WORKER = "prefect.worker.name"
# Prefect's worker takes a run first and gives it its name a few questions later: in a second; in far more only where it died between.
_NAMELESS_SECONDS = 60


async def make_pool() -> None:
    """Make the pool and its deployments, as the workspace's settings say."""
    template = os.environ.get(POOL_TEMPLATE)
    jobs = json.loads(Path(template).read_text(encoding="utf-8")) if template else None
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=pool(), type=pool_type()))
        if jobs:
            await client.update_work_pool(pool(), WorkPoolUpdate(base_job_template=jobs))

    async def serve(label: str, deployment: RunnerDeployment) -> None:
        deployment.work_pool_name, deployment.work_queue_name = pool(), _queue(label, folders()[label])
        deployment.job_variables = {"command": _COMMAND}
        await deployment.aapply()

    await register(serve, active=True)


def pool() -> str:
    """The pool's name: of what kind a pool is cannot be changed."""
    return POOL if pool_type() == PROCESSES else f"{POOL}-{pool_type()}"


def worker_class() -> type[BaseWorker[Any, Any, Any]]:
    """What takes runs from a pool of this kind.

    Raises: UsageError: no such worker is installed.
    """
    if (kind := pool_type()) == PROCESSES:  # to look for others takes seconds
        return ProcessWorker
    if found := BaseWorker.get_worker_class_from_type(kind):
        return found
    raise UsageError("P32", f"没有安装 {kind} 类型的 worker", f"如 pip install prefect-{kind}；不设置 {POOL_TYPE} 则在本机执行。")


def _queue(label: str, folder: Path) -> str:
    """Where an office's runs stand, alone on its server or not: a worker takes those of the offices whose workspaces it has."""
    return label or label_of(Workspace(folder))


async def _queues() -> list[str]:
    """The queues of the offices here, and for one alone the pool's own, where its runs stood before.

    They are made: a worker takes nothing at all while one is not there, and the server may know fewer offices than it.
    """
    known = folders()
    queues = [_queue(label, folder) for label, folder in known.items()]
    async with get_client() as client:
        for queue in queues:
            while not await _has_made(client, queue):  # the server that is up is about to make its pool
                await asyncio.sleep(_POOL_SECONDS)
    return [*queues, _DEFAULT] if "" in known else queues


async def _has_made(client: PrefectClient, queue: str) -> bool:
    """Whether there is a queue now: not before there is a pool."""
    try:
        await client.create_work_queue(name=queue, work_pool_name=pool())
    except ObjectAlreadyExists:
        return True
    except ObjectNotFound:
        return False
    return True


async def work() -> None:
    """Take runs from the pool until cancelled, and look after those that others have left."""
    os.environ["PATH"] = _path(Path(os.environ["PREFECT_HOME"]))
    name = f"{socket.gethostname()}-{os.getpid()}"
    takes = worker_class()
    worker = takes(work_pool_name=pool(), work_queues=await _queues(), name=name, heartbeat_interval_seconds=_HEARTBEAT_SECONDS)
    lost = Lost({}, lambda run: run.work_pool_name == POOL and run.labels.get(_WORKER) == name)
    async with asyncio.TaskGroup() as tasks:
        # Elsewhere a run outlives its worker, and is forked by nobody.
        beside = [watch(Left(name).look), watch(lost.look), _keep_warm()] if pool_type() == PROCESSES else []
        begun = [tasks.create_task(each) for each in beside]
        await worker.start()
        for task in begun:
            task.cancel()


def _path(home: Path) -> str:
    """Where a run's `python` is looked for: the stub, and where a temporary folder has been cleaned up meanwhile, our own."""
    places = [write_stub(home) or sys.executable, sys.executable]
    return os.pathsep.join([*(str(Path(place).parent) for place in places), os.environ.get("PATH", "")])


async def _keep_warm() -> None:
    """Keep a process that forks those of the runs; while there is none, they start cold."""
    while True:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "flows.warm", stdin=asyncio.subprocess.PIPE)
        await process.wait()
        await asyncio.sleep(_HEARTBEAT_SECONDS)


class Left:
    """Runs that are under way, as Prefect knows, with workers that are gone: not heard of at any look for a minute, while ours was.

    A server that was too busy to note us, or away, has not noted the others either: nobody's silence says anything then.
    """

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._missed: dict[str, datetime] = {}

    async def look(self) -> None:
        """Start again what is left."""
        missed, self._missed = self._missed, {}
        async with get_client() as client:
            alive = {worker.name for worker in await client.read_workers_for_work_pool(POOL) if worker.status is WorkerStatus.ONLINE}
        now = datetime.now(UTC)

        def is_gone(name: str) -> bool:
            if name in alive:
                return False
            since = self._missed[name] = missed.get(name, now)
            return (now - since).total_seconds() > _GONE_SECONDS

        if self._ours in alive:
            await continue_orphans({}, lambda run: is_left(run, is_gone, now))


def is_left(run: FlowRun, is_gone: Callable[[str], bool], now: datetime) -> bool:
    """Whether a run of the pool that is under way stands with a worker that is gone."""
    if run.work_pool_name != POOL or run.state is None:
        return False
    age = (now - run.state.timestamp).total_seconds()
    if name := run.labels.get(_WORKER):
        # One that a worker has just taken still carries the name of the worker before.
        return is_gone(str(name)) and age > 3 * _HEARTBEAT_SECONDS
    return run.state.is_pending() and age > _NAMELESS_SECONDS


if __name__ == "__main__":
    if sys.argv[1:] == ["register"]:
        asyncio.run(make_pool())
    else:
        end_with_parent()
        try:
            worker_class()
        except UsageError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        with suppress(KeyboardInterrupt):
            asyncio.run(work())
