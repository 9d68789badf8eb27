"""The one port: Prefect's API and UI, and around them what Prefect lacks.

Clicks that survive a busy database, people who may answer and not administer, drafts to download behind the same login, and
headers that keep the browser at home.
"""

import asyncio
import base64
import binascii
import hmac
import json
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from flows.serve import MACHINE, end_with_parent
from perfeval.errors import PerfevalError
from perfeval.model import Revision
from perfeval.office import this_office
from perfeval.submission import find_draft

# SQLite has one writer at a time. It answers "database is locked" at once, whatever its timeout, when somebody wrote
# between a transaction's read and its write; Prefect makes that a 503, and its UI does not ask again. So requests that may
# write go in one by one, and a click that met one of Prefect's own services is repeated.
_READS = re.compile(r"/(filter|count|paginate|history)$")
_CLICK = re.compile(r"/api/flow_runs/[^/]+/(resume|set_state)")
_ATTEMPTS = 60
_PAUSE_SECONDS = 0.1
_BODY_LIMIT = 16_000_000

# Prefect has one login for all and lets it change what a deployment runs: any command on this machine, with the key that all
# approvers' secrets are encrypted with. So people may look, answer a form, retry and start a run; the rest is our processes'.
_LOOKS = re.compile(r"/api/(?:ui/.+|.+/(?:filter|count|paginate|history|lateness|get_scheduled_flow_runs|count-by/[a-z-]+))")
_ACTS = re.compile(r"/api/(?:flow_runs/[^/]+/(?:resume|set_state)|deployments/[^/]+/create_flow_run)")
# What people give a run that they start: the parameters, and what finds it again.
_GIVEN = {"parameters", "name", "tags", "idempotency_key", "enforce_parameter_schema", "state"}
_STREAMS = {"/api/events/out", "/api/logs/out"}
_SCHEMES = {"/docs", "/redoc", "/openapi.json"}

_DRAFT = re.compile(r"/perfeval/drafts/(?P<evaluation>[a-z0-9-]{1,64})/(?P<revision>[1-9][0-9]{0,3})\.docx")

_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        b"frame-ancestors 'none'; form-action 'self'; base-uri 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]


class Front:
    """The outer ASGI application around Prefect's."""

    def __init__(self, prefect: ASGIApp, find_draft: Callable[[str, int], tuple[Path, str]], credentials: str, machine: str) -> None:
        self._prefect = prefect
        self._find_draft = find_draft
        self._credentials = credentials.encode()
        self._machine = machine.encode()
        self._writing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; the life cycle is Prefect's."""
        if scope["type"] == "websocket" and scope["path"] not in _STREAMS and not self._is_machine(scope):
            await WebSocketClose(1008)(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._prefect(scope, receive, send)
            return
        guarded = _with_headers(send)
        if scope["path"].startswith("/perfeval/"):
            response = await self._draft(Request(scope))
            await response(scope, receive, guarded)
        elif scope["path"] in _SCHEMES:
            await PlainTextResponse("没有这个页面。", status_code=404)(scope, receive, guarded)
        elif scope["method"] in {"GET", "HEAD", "OPTIONS"} or (scope["method"] == "POST" and _READS.search(scope["path"])):
            await self._prefect(scope, receive, guarded)
        else:
            await self._write(scope, receive, guarded)

    async def _draft(self, request: Request) -> Response:
        if not self._is_authorized(request.headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="perfeval", charset="UTF-8"'}
            return PlainTextResponse("请用 perfeval 的用户名和口令登录。", status_code=401, headers=challenge)
        asked = _DRAFT.fullmatch(request.url.path)
        if asked is None or request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("没有这个页面。", status_code=404)
        try:
            path, name = await run_in_threadpool(self._find_draft, asked["evaluation"], int(asked["revision"]))
        except PerfevalError as error:
            return PlainTextResponse(str(error), status_code=404)
        word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        return FileResponse(path, filename=name, media_type=word, headers={"Cache-Control": "no-store"})

    def _is_authorized(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        try:
            offered = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(offered, self._credentials)

    def _is_machine(self, scope: Scope) -> bool:
        return any(name == MACHINE.encode() and hmac.compare_digest(value, self._machine) for name, value in scope["headers"])

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when no other writes, and a click until the database had room for it."""
        body = await _read_body(receive)
        if body is None:
            await PlainTextResponse("提交的内容过长。", status_code=413)(scope, receive, send)
            return
        if not self._is_machine(scope) and not _is_peoples(scope["method"], scope["path"], body):
            detail = "这里只能查看、审批、重试和开始自评；其他改动由管理工作区的人用命令完成。"
            await JSONResponse({"detail": detail}, status_code=403)(scope, receive, send)
            return
        attempts = _ATTEMPTS if _CLICK.fullmatch(scope["path"]) else 1
        for attempt in range(attempts):
            await asyncio.sleep(_PAUSE_SECONDS if attempt else 0)
            async with self._writing:
                answer = await _ask(self._prefect, scope, body, receive)
            if not answer or answer[0]["status"] != 503:  # noqa: PLR2004  # Service Unavailable
                break
        for message in answer:
            await send(message)


def _is_peoples(method: str, path: str, body: bytes) -> bool:
    """Whether people may ask for this; a run they start begins now and has no more than parameters."""
    if method != "POST" or not (_LOOKS.fullmatch(path) or _ACTS.fullmatch(path)):
        return False
    if not path.endswith("/create_flow_run"):
        return True
    try:
        asked = json.loads(body or b"{}")
        given = {name for name, value in asked.items() if value}
        state = asked.get("state") or {"type": "SCHEDULED"}
        begins_now = state["type"] == "SCHEDULED" and not any((state.get("state_details") or {}).values())
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError):
        return False
    return given <= _GIVEN and begins_now and asked.get("enforce_parameter_schema") is not False


async def _ask(app: ASGIApp, scope: Scope, body: bytes, receive: Receive) -> list[Message]:
    answer: list[Message] = []
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    async def keep(message: Message) -> None:
        answer.append(message)

    try:
        # Middleware writes into the scope: every attempt gets its own.
        await app({**scope, "state": dict(scope.get("state", {}))}, replay, keep)
    except Exception:
        if not answer or answer[-1].get("more_body", False):
            raise  # Starlette's error middleware answers first and raises after; only without an answer it is ours
    return answer


async def _read_body(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > _BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return body


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await send(message)

    return guarded


def _find_draft(evaluation_id: str, number: int) -> tuple[Path, str]:
    office = this_office()
    with office.store.reading() as record:
        evaluation = record.evaluation(evaluation_id)
    return find_draft(office, Revision(evaluation, number))


def main() -> None:
    """Serve on the listening socket that the parent hands over as file descriptor."""
    # Out of the environment before Prefect reads its settings from there, which it shows to whoever asks.
    machine = json.loads(os.environ.pop("PREFECT_CLIENT_CUSTOM_HEADERS"))[MACHINE]
    from prefect.server.api.server import create_app

    end_with_parent()
    app: Any = Front(create_app(final=True), _find_draft, os.environ["PREFECT_SERVER_API_AUTH_STRING"], machine)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3, ws_ping_interval=None)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
