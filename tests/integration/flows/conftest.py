"""A stand-in for Prefect behind the door, and a browser in front of it."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send

RUN = "0d8c7d0e-1111-4111-8111-111111111111"
ORIGIN = "http://localhost:4200"
MACHINE = {"x-perfeval-machine": "unser"}


@dataclass
class Prefect:
    """As much of Prefect as the door asks: runs with a state, everything else answered with 200 and kept."""

    state: dict[str, Any] = field(default_factory=lambda: suspended("center-r1-0"))
    busy: int = 0
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._live(receive, send)
            return
        method, path = scope["method"], scope["path"]
        body = (await receive())["body"] if method not in {"GET", "HEAD"} else b""
        if method == "GET" and path == f"/api/flow_runs/{RUN}":
            await self._say(send, 200, {"id": RUN, "state": self.state})
            return
        self.asked.append((method, path, json.loads(body) if body[:1] == b"{" else body))
        if method == "POST" and self.busy:
            self.busy -= 1
            await self._say(send, 503, {"detail": "database is locked"})
            raise RuntimeError  # as Starlette's error middleware does, which answers first
        if path == f"/api/flow_runs/{RUN}/set_state":
            self.state = self.asked[-1][2]["state"]
        await self._say(send, 201 if method == "POST" else 200, {"passed": True})

    async def _say(self, send: Send, status: int, document: object) -> None:
        headers = [*self.headers, (b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()

    @property
    def moved(self) -> list[str]:
        """The states that the run was set to."""
        return [asked["state"]["name"] for _, path, asked in self.asked if path.endswith("/set_state")]


def suspended(key: str) -> dict[str, Any]:
    """A run's state at a form."""
    return {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_key": key}}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> str:
        """What Prefect's pages show."""
        return str(json.loads(self.body)["detail"])


async def ask(app: Any, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """Send a request in two pieces; the answer."""
    parts = [{"type": "http.request", "body": body[:3], "more_body": True}, {"type": "http.request", "body": body[3:], "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Any:
        return parts.pop(0) if parts else await asyncio.Event().wait()

    async def send(message: Message) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    named = {"host": "localhost:4200"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "server": ("127.0.0.1", 4200), "client": ("192.0.2.7", 50000),
    }  # fmt: skip
    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, content)
