"""Prefect behind the doors: its application, asked and told one write at a time, and the runner told when something moved.

One for all doors of a server: what would meet in the database waits here.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# SQLite has one writer at a time. It answers "database is locked" at once, whatever its timeout, when somebody wrote
# between a transaction's read and its write; Prefect makes that a 503, and its UI does not ask again. So requests that may
# write go in one by one, and what moves a run is repeated for as long as the store itself would wait.
_READS = re.compile(r"/(filter|count|paginate|history)$")
_REPEATED = re.compile(r"/api/(?:flow_runs/[^/]+/(?:resume|set_state)|deployments/[^/]+/create_flow_run)")
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
# A person who has decided is told so after this long, even where Prefect still finds no room to move the run.
_TOLD_SECONDS = 2.0
# What the runner asks for again and again. It is answered when a run was moved or started, and now and then for what the clock starts.
_DUE = "/api/deployments/get_scheduled_flow_runs"
_DUE_SECONDS = 0.5
_OK, CREATED, _MISSING, _BUSY = 200, 201, 404, 503


class Engine:
    """Prefect's application, as doors use it."""

    def __init__(self, prefect: ASGIApp) -> None:
        self.app = prefect
        self._writing = asyncio.Lock()
        self._moves: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._moved.set()  # whatever was moved before this server

    async def live(self, scope: Scope, receive: Receive, send: Send, tending: Sequence[Callable[[], Coroutine[None, None, None]]]) -> None:
        """The life cycle, which is Prefect's; what tends the runs begins when Prefect is up, and ends with it."""
        tasks: list[asyncio.Task[None]] = []

        async def begin(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                tasks.extend(asyncio.create_task(tend()) for tend in tending)
            await send(message)

        try:
            await self.app(scope, receive, begin)
        finally:
            for task in tasks:
                task.cancel()

    async def state(self, run: str) -> dict[str, Any]:
        """A run's state, as Prefect has it; nothing where it does not know the run."""
        return dict((await self.read(f"/api/flow_runs/{run}")).get("state") or {})

    async def has_lost(self, run: str) -> bool:
        """Whether Prefect says that there is no such run."""
        return (await self.answer(_scope("GET", f"/api/flow_runs/{run}"), b""))[0] == _MISSING

    async def read(self, path: str) -> dict[str, Any]:
        """What Prefect has at a path; nothing where it has nothing."""
        status, body = await self.answer(_scope("GET", path), b"")
        return dict(json.loads(body)) if status == _OK else {}

    async def find(self, path: str, document: object) -> list[dict[str, Any]]:
        """What Prefect finds at a path by a filter."""
        body = json.dumps(document).encode()
        status, found = await self.answer(_scope("POST", path, body), body)
        return list(json.loads(found)) if status == _OK else []

    async def answer(self, scope: Scope, body: bytes) -> tuple[int, bytes]:
        """Prefect's answer to a question of ours: status and content."""
        return _joined(await self.ask(scope, body, nothing_more))

    async def write(self, path: str, document: object, receive: Receive | None = None) -> tuple[int, bytes]:
        """Post a document of ours: status and content of the answer."""
        body = json.dumps(document).encode()
        return _joined(await self.written(_scope("POST", path, body), body, receive or nothing_more))

    async def start(self, deployment: str, request: Mapping[str, object], receive: Receive | None = None) -> tuple[int, bytes]:
        """Start a run of a deployment, by its id: status and content of the answer."""
        return await self.write(f"/api/deployments/{deployment}/create_flow_run", {"parameters": {"request": request}}, receive)

    async def retry(self, run: str, why: str) -> tuple[int, bytes]:
        """Have a run go on that has ended early, and why in words: status and content of the answer."""
        return await self.write(f"/api/flow_runs/{run}/set_state", next_state("AwaitingRetry", why))

    async def go_on(self, run: str, key: str, why: str) -> None:
        """Tell a run that is suspended at a key to go on; what is recorded stands, whether Prefect has room for that now or later."""
        task = asyncio.create_task(self._move(run, key, why))
        self._moves.add(task)
        task.add_done_callback(self._moves.discard)
        await asyncio.wait({task}, timeout=_TOLD_SECONDS)

    async def _move(self, run: str, key: str, why: str) -> None:
        path, body = f"/api/flow_runs/{run}/set_state", json.dumps(next_state("Resuming", why)).encode()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            async with self._writing:  # all that moves a run comes through here: nobody else does meanwhile
                state = await self.state(run)
                if state.get("type") != "PAUSED" or key_of(state) != key:
                    return
                status, _ = await self.answer(_scope("POST", path, body), body)
            if status != _BUSY:
                self._moved.set()
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def await_moves(self, path: str) -> None:
        """Hold the runner's question for what is due until something has moved, or for half a second."""
        if path != _DUE:
            return
        # It names the time until which runs are due: one that was waiting is too early for what has moved, and the next is not held.
        if self._moved.is_set():
            self._moved.clear()  # before the answer is looked for: what moves from now on is for the next one
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), _DUE_SECONDS)

    async def written(self, scope: Scope, body: bytes, receive: Receive) -> list[Message]:
        """A request when no other writes; what moves a run, until the database had room for it."""
        moves = _REPEATED.fullmatch(scope["path"]) is not None
        deadline = time.monotonic() + (_PATIENCE_SECONDS if moves else 0)
        while True:
            async with self._writing:
                answer = await self.ask(scope, body, receive)
            if not answer or answer[0]["status"] != _BUSY or time.monotonic() > deadline:
                if moves:
                    self._moved.set()
                return answer
            await asyncio.sleep(_PAUSE_SECONDS)

    async def ask(self, scope: Scope, body: bytes, receive: Receive) -> list[Message]:
        """A request whose body is read, and the messages of its answer."""
        answer: list[Message] = []
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        async def keep(message: Message) -> None:
            answer.append(message)

        try:
            # Middleware writes into the scope: every attempt gets its own.
            await self.app({**scope, "state": dict(scope.get("state", {}))}, replay, keep)
        except Exception:
            if not answer or answer[-1].get("more_body", False):
                raise  # Starlette's error middleware answers first and raises after; only without an answer it is ours
        return answer


def writes(scope: Scope) -> bool:
    """Whether a request may write."""
    return not (scope["method"] in {"GET", "HEAD"} or (scope["method"] == "POST" and _READS.search(scope["path"])))


def next_state(name: str, message: str) -> dict[str, object]:
    """The state of a run that goes on now, of its own accord or for a reason told in words."""
    details = {"scheduled_time": datetime.now(UTC).isoformat()}
    return {"state": {"type": "SCHEDULED", "name": name, "message": message, "state_details": details}, "force": True}


def key_of(state: Mapping[str, Any]) -> str:
    """The key of the form that a run stands at."""
    return (state.get("state_details") or {}).get("pause_key") or ""


def _scope(method: str, path: str, body: bytes = b"") -> Scope:
    """A request of our own."""
    headers = [(b"host", b"perfeval"), (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers, "client": None, "server": None, "state": {},
    }  # fmt: skip


async def nothing_more() -> Message:
    """A request of which everything has been read; "disconnect" would make Starlette give up its answer."""
    await asyncio.Event().wait()
    raise AssertionError


def _joined(messages: list[Message]) -> tuple[int, bytes]:
    return int(messages[0]["status"]), b"".join(message.get("body", b"") for message in messages[1:])
