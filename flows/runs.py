"""The runs of one office's evaluations (运行), as the door has Prefect begin them, go on with them and try them again."""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.client import FLOW, GONE_ON_IN_ANOTHER, Deployment, read_deployment
from flows.desk import Desk, Started
from flows.engine import CREATED, Engine, key_of
from flows.forms import is_behind
from perfeval.model.clock import CHINA

ENDED_EARLY = {"FAILED", "CRASHED"}
_REGISTERING_SECONDS = 60
_FEW = 20
_UNENDED = {"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"}


class Runs:
    """Prefect's runs of one deployment, beside what the office's store says of them."""

    def __init__(self, engine: Engine, desk: Desk, deployment: str) -> None:
        self._engine, self._desk, self._deployment = engine, desk, deployment
        self._begun: set[str] = set()
        self._trying = asyncio.Lock()

    async def state(self, run: str) -> Mapping[str, Any]:
        """A run's state; nothing where Prefect does not know it, or where nobody takes it up any more."""
        found, served = await self._engine.read(f"/api/flow_runs/{run}"), await self._served()
        return {} if served and not _is_taken_up(found, served) else found.get("state") or {}

    async def ended_early(self) -> dict[str, tuple[Mapping[str, Any], Started]]:
        """The last few runs that have ended early within a day, whenever they were due: their states, and what they were started for."""
        if (served := await self._served()) is None:
            return {}
        since = datetime.now(UTC) - timedelta(days=1)
        lately = {"state": {"type": {"any_": sorted(ENDED_EARLY)}}, "end_time": {"after_": since.isoformat()}}
        asked = {"deployments": {"id": {"any_": [served.id]}}, "flow_runs": lately, "limit": _FEW, "sort": "END_TIME_DESC"}
        found = await self._engine.find("/api/flow_runs/filter", asked)
        return {run["id"]: (run.get("state") or {}, _started(run)) for run in found}

    async def has_failed(self, run: str) -> bool:
        """Whether a run has ended early by itself."""
        return (await self._engine.state(run)).get("type") in ENDED_EARLY

    async def begin(self, year: int, programme: str, prepared_by: str) -> bool:
        """Start a run of a programme's year, once there is a deployment; whether there is one now, which the pages tell too."""
        request = {"year": year, "programme": programme, "prepared_by": prepared_by}
        deadline = time.monotonic() + _REGISTERING_SECONDS
        while (served := await self._served()) is None and time.monotonic() < deadline:
            await asyncio.sleep(1)
        status, _ = await self._engine.start(served.id, request) if served else (0, b"")
        if status != CREATED:
            logging.getLogger(__name__).error("no run was started for %s %s: %s", year, programme, status or "nothing is served")
            await asyncio.to_thread(self._desk.keep_unbegun, year, programme)
        return status == CREATED

    async def begin_again(self, run: str) -> bool:
        """Begin a run in the place of one that is lost, once there is a deployment; its steps are done where the store has them done.

        Once for an evaluation: what is lost again has another server begun, with a database of its own, which would find ours lost.
        """
        evaluation = await asyncio.to_thread(self._desk.evaluation_of, run)
        if evaluation is None or evaluation.outcome or evaluation.id in self._begun:
            return False
        found, served = await self._engine.read(f"/api/flow_runs/{run}"), await self._served()
        if not served or (_is_taken_up(found, served) if found else not await self._engine.has_lost(run)):
            return False
        if (found.get("state") or {}).get("type") in _UNENDED:
            ended = {"state": {"type": "CANCELLED", "name": "Cancelled", "message": GONE_ON_IN_ANOTHER}, "force": True}
            await self._engine.write(f"/api/flow_runs/{run}/set_state", ended)
        is_begun = await self.begin(evaluation.year, evaluation.programme_key, evaluation.prepared_by)
        self._begun |= {evaluation.id} if is_begun else set()
        return is_begun

    async def go_on(self, run: str, key: str, why: str) -> None:
        """Tell a run that is suspended at a key to go on, and why in words."""
        await self._engine.go_on(run, key, why)

    async def go_on_with(self, evaluation: str, why: str) -> None:
        """Tell the run of an evaluation to go on, where it stands at a form that the store has the answer to."""
        run, form = await asyncio.to_thread(self._desk.run_of, evaluation)
        state = await self._engine.state(run) if run else {}
        if state.get("type") == "PAUSED" and is_behind(key := key_of(state), form):
            await self._engine.go_on(run, key, why)
        else:
            await self.try_again(run, why)

    async def retry(self, run: str, name: str) -> None:
        """Retry a run that has failed, as somebody of this name wants it; one that is lost is begun again."""
        if not await self.try_again(run, f"{name}点击重试") and not await self.state(run):
            evaluation = await asyncio.to_thread(self._desk.evaluation_of, run)
            self._begun -= {evaluation.id} if evaluation else set()
            await self.begin_again(run)

    async def try_again(self, run: str, why: str) -> tuple[int, bytes] | None:
        """Have a run go on, and why in words, if it has ended early: status and content of Prefect's answer.

        Why it ended is forgotten, or the next end would be taken for this one; but not where Prefect does not take it.
        """
        async with self._trying:  # who comes second finds it going on: moved once more, it would be done by two processes
            if not await self.has_failed(run):
                return None
            failure = await asyncio.to_thread(self._desk.replace_failure, run, None)
            is_taken = False
            try:
                answer = await self._engine.retry(run, why)
                is_taken = answer[0] == CREATED
            finally:
                if failure and not is_taken:
                    await asyncio.to_thread(self._desk.replace_failure, run, failure)
            return answer

    async def _served(self) -> Deployment | None:
        """The deployment, once there is one."""
        return read_deployment(await self._engine.read(f"/api/deployments/name/{FLOW}/{self._deployment}"))


def _started(run: Mapping[str, Any]) -> Started:
    request = (run.get("parameters") or {}).get("request") or {}
    due = datetime.fromisoformat(run["expected_start_time"]).astimezone(CHINA)
    return Started(request.get("year") or due.year - 1, request.get("programme") or "")


def _is_taken_up(run: Mapping[str, Any], served: Deployment) -> bool:
    return served.takes_up(run.get("deployment_id") or "", run.get("work_pool_name") or "")
