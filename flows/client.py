"""Prefect's public REST API, as far as a command asks it: to import Prefect would take longer than all the asking."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from perfeval.errors import ServerError

# The code of a run's failure that was begun beside another one of the same year.
SECOND_RUN = "P04"
# What the server says of one that it has begun another for.
GONE_ON_IN_ANOTHER = "由新的运行接着办理"
FLOW, DEPLOYMENT = "self-evaluation", "annual"
MACHINE = "x-perfeval-machine"
_PATIENCE_SECONDS, _PAUSE_SECONDS, _ANSWER_SECONDS, _READY_SECONDS = 10.0, 0.2, 60.0, 2.0
_FEW = 3
# A server whose database is away answers 500, or 503 as one that is busy.
_OK, _BAD, _STRANGER, _MISSING, _BUSY = 200, 400, 401, 404, {429, 500, 502, 503}
_FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: `url` for our own processes, which prove themselves by the secret `machine`; `origin` for people's browsers.

    `root` is the certificate that the processes trust, where the server speaks TLS; `deployment` what the office's runs are of.
    """

    url: str
    origin: str
    machine: str
    root: str = ""
    deployment: str = DEPLOYMENT

    @property
    def is_shared(self) -> bool:
        """Whether several offices are served; then people are not shown Prefect's pages, which know no offices."""
        return self.deployment != DEPLOYMENT


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is served, by its id in Prefect; and the pool that workers take its runs from, none where the server has a runner.

    `tags` holds the unit that it is of.
    """

    id: str
    pool: str = ""
    tags: tuple[str, ...] = ()

    def takes_up(self, deployment: str, pool: str) -> bool:
        """Whether a run of a deployment, in a pool or in none, is taken up."""
        return deployment == self.id and self.pool in {"", pool}


@dataclass(frozen=True, slots=True)
class Run:
    """A run (运行) as Prefect has it: its state's type, the key of the form it stands at, when it is to go on, what Prefect says of it.

    `deployment` is the id of the one it is of, `pool` the name of the pool it stands in.
    """

    id: str
    type: str = ""
    key: str = ""
    due_at: datetime | None = None
    message: str = ""
    deployment: str = ""
    pool: str = ""

    @property
    def stands(self) -> bool:
        """Whether it waits for a form, or has ended."""
        return self.type == "PAUSED" or self.is_final

    @property
    def is_final(self) -> bool:
        """Whether it has ended, well or not."""
        return self.type in _FINAL


class Client:
    """What a server is asked by our own processes; never by way of the office's proxy, which does not lead to this machine."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def is_ready(self) -> bool:
        """Whether Prefect answers and reaches its database."""
        return self._is_well("/ready")

    def lacks_database(self) -> bool:
        """Whether Prefect answers and does not reach its database."""
        return not self.is_ready() and self._is_well("/health")

    def takes_us(self) -> bool:
        """Whether the server takes us for one of its own processes, or does not say at this moment."""
        try:
            return self._send("GET", "/admin/version", None, _READY_SECONDS)[0] != _STRANGER
        except (OSError, HTTPException):
            return True

    def find_deployment(self) -> Deployment | None:
        """The deployment, once it is registered."""
        return read_deployment(self._ask("GET", f"/deployments/name/{FLOW}/{quote(self._address.deployment)}") or {})

    def find_others(self, units: Sequence[str]) -> list[str]:
        """The units, the first few, whose deployments Prefect has where it has none of these."""
        if self._ask("POST", "/deployments/filter", {"deployments": {"tags": {"any_": units}}, "limit": 1}):
            return []
        others = self._ask("POST", "/deployments/filter", {"deployments": {"tags": {"is_null_": False}}, "limit": _FEW})
        return sorted({unit for document in others or () for unit in document["tags"]})

    def start_run(self, deployment: str, request: Mapping[str, object]) -> Run:
        """Start a run of the deployment: one, however often the server has to be asked."""
        asked = {"parameters": {"request": request}, "idempotency_key": secrets.token_hex(16)}
        return _run(self._ask("POST", f"/deployments/{deployment}/create_flow_run", asked))

    def read_run(self, run: str) -> Run | None:
        """A run; None where Prefect does not know it."""
        found = self._ask("GET", f"/flow_runs/{run}")
        return found and _run(found)

    def read_steps(self, run: str) -> list[tuple[str, str]]:
        """The steps that a run has begun, oldest first: id and name of each."""
        asked = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return [(step["id"], step["name"]) for step in self._ask("POST", "/task_runs/filter", asked) or ()]

    def move(self, run: str) -> None:
        """Move a run on, whatever its state; it goes through its steps again, which ask the store."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
        self._ask("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def cancel(self, run: str) -> None:
        """End a run, whatever its state; what is recorded stands."""
        self._ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLED", "name": "Cancelled"}, "force": True})

    def _ask(self, method: str, path: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """An answer; None for what is not there. All that is asked here may be asked again, and is while the server is busy.

        Raises: ServerError: it does not answer, or not so.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                status, content = self._send(method, path, document, _ANSWER_SECONDS)
            except ConnectionRefusedError as error:  # nobody holds the port any more
                raise _broken("服务已经结束") from error
            except (OSError, HTTPException):  # a server that died is started again
                status, content = 0, b""
            if status == _MISSING:
                return None
            if _OK <= status < _BAD:
                return json.loads(content)
            if status and status not in _BUSY:
                raise _broken(f"服务不接受这个请求（{status}）")
            if time.monotonic() > deadline:
                raise _broken(f"服务一直忙，或它的数据库没有应答（{status}）" if status else "服务没有应答")
            time.sleep(_PAUSE_SECONDS)

    def _is_well(self, path: str) -> bool:
        try:
            return self._send("GET", path, None, _READY_SECONDS)[0] == _OK
        except (OSError, HTTPException):
            return False

    def _send(self, method: str, path: str, document: object, seconds: float) -> tuple[int, bytes]:
        parts = urlsplit(self._address.url)
        host, port = parts.hostname or "", parts.port
        if self._address.root:
            import ssl

            context = ssl.create_default_context(cafile=self._address.root)
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=seconds, context=context)
        else:
            connection = HTTPConnection(host, port, timeout=seconds)
        try:
            body = None if document is None else json.dumps(document).encode()
            connection.request(method, f"/api{path}", body, {MACHINE: self._address.machine, "content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def read_deployment(document: Mapping[str, Any]) -> Deployment | None:
    """A deployment as Prefect tells it; None where it tells of none."""
    return Deployment(document["id"], document.get("work_pool_name") or "", tuple(document.get("tags") or ())) if document else None


def _run(document: Mapping[str, Any]) -> Run:
    state = document.get("state") or {}
    details = state.get("state_details") or {}
    due = details.get("scheduled_time")
    due_at = datetime.fromisoformat(due) if due else None
    kind, key, message = (text or "" for text in (state.get("type"), details.get("pause_key"), state.get("message")))
    deployment, pool = (document.get(name) or "" for name in ("deployment_id", "work_pool_name"))
    return Run(document["id"], kind, key, due_at, message, deployment, pool)


def _broken(told: str) -> ServerError:
    return ServerError("P18", f"与服务的连接中断：{told}", "执行 perfeval run，会从中断处接着进行。")
