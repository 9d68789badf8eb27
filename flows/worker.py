"""Workers (工作进程): where one machine is outgrown, runs stand in a pool of Prefect's, and any number of workers take them from it.

A worker is told the server's address. What else it needs, key, database and artifacts, comes from its own environment: nothing of it
travels through Prefect, and no person can set what a run's process gets (the door passes on no job variables).
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from flows.runner import deployments
from flows.serve import end_with_parent
from perfeval.office import this_office

POOL = "perfeval"
# With a command of its own a worker need not find out in further processes what to start.
_COMMAND = "python -m prefect.engine"


async def register() -> None:
    """Make the pool and its deployments, as the workspace's settings say."""
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    for deployment in await deployments(this_office().workspace, active=True):
        deployment.work_pool_name, deployment.job_variables = POOL, {"command": _COMMAND}
        await deployment.aapply()


async def work() -> None:
    """Take runs from the pool until cancelled."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    await ProcessWorker(work_pool_name=POOL, name=f"{socket.gethostname()}-{os.getpid()}").start()


if __name__ == "__main__":
    if sys.argv[1:] == ["register"]:
        asyncio.run(register())
    else:
        end_with_parent()
        with suppress(KeyboardInterrupt):
            asyncio.run(work())
