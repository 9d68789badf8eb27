"""The door: the one port, with Prefect's API and UI behind it and pages of ours beside.

Every request is a person's, by the cookie of his login, or one of our processes', by a header that nobody else has. What a person
decides is judged and recorded here, before Prefect hears of it; Prefect is then told to go on, and of his form it gets nothing.
"""

import asyncio
import hmac
import json
import logging
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from flows.client import DEPLOYMENT, FLOW, MACHINE
from flows.desk import Desk, Standing
from flows.forms import is_behind
from flows.hall import CSP, Hall
from flows.serve import ORIGIN, TLS, end_with_parent
from perfeval import web
from perfeval.approvals.person import Person
from perfeval.errors import PerfevalError, StoreError
from perfeval.office import this_office

T = TypeVar("T")

_RUN = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# SQLite has one writer at a time. It answers "database is locked" at once, whatever its timeout, when somebody wrote
# between a transaction's read and its write; Prefect makes that a 503, and its UI does not ask again. So requests that may
# write go in one by one, and what moves a run is repeated for as long as the store itself would wait.
_READS = re.compile(r"/(filter|count|paginate|history)$")
_REPEATED = re.compile(r"/api/(?:flow_runs/[^/]+/(?:resume|set_state)|deployments/[^/]+/create_flow_run)")
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
# A person who has decided is told so after this long, even where Prefect still finds no room to move the run.
_TOLD_SECONDS = 2.0
_TEND_SECONDS = 10.0
# What the runner asks for again and again. It is answered when a run was moved or started, and now and then for what the clock starts.
_DUE = "/api/deployments/get_scheduled_flow_runs"
_DUE_SECONDS = 0.5
_OK, _CREATED, _BUSY = 200, 201, 503
_ENDED_EARLY = {"FAILED", "CRASHED"}
_OVERTAKEN = "继续到已登记的进度"
_BODY_LIMIT, _PEOPLES_LIMIT = 16_000_000, 64_000

# What people may ask Prefect. Not its forms' answers, and nothing that changes what it runs: any command on this machine.
_SEES = re.compile(r"/api/(?:ui/(?!schemas/).+|.+/(?:filter|count|paginate|history|lateness|get_scheduled_flow_runs|count-by/[a-z-]+))")
_INPUT = re.compile(r"/api/flow_runs/[^/]+/input(?:/.*)?")
_FORM = re.compile(rf"/api/flow_runs/{_RUN}/input/suspended-[a-z0-9-]+-(?:schema|description)")
_ACT = re.compile(
    rf"/api/(?:flow_runs/(?P<run>{_RUN})/(?P<act>resume|set_state)|deployments/(?P<deployment>{_RUN})/(?P<start>create_flow_run))"
)
_VALIDATION = "/api/ui/schemas/validate"
# Answered to anybody: whether the server is up.
_OPEN = {"/api/ready", "/api/health"}
_STREAMS = {"/api/events/out", "/api/logs/out"}
_SCHEMES = {"/docs", "/redoc", "/openapi.json", "/api/docs", "/api/redoc", "/api/openapi.json"}

_PREFECTS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'",
    # These pages run scripts that are not ours: they shall not have a device sign anything.
    "permissions-policy": "publickey-credentials-get=(), publickey-credentials-create=()",
}
_OURS = {"content-security-policy": CSP, "cross-origin-opener-policy": "same-origin", "cache-control": "no-store"}
_REVIEWS = {**_OURS, "content-security-policy": web.CSP}
_ALL = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request by somebody who is logged in, its body read."""

    person: Person
    scope: Scope
    receive: Receive
    body: bytes
    document: Mapping[str, object]


class Door:
    """The outer ASGI application around Prefect's, and the review pages, made with what they need of it.

    `origin` is where people open it, such as https://host:4200.
    """

    def __init__(self, prefect: ASGIApp, desk: Desk, review: Callable[[web.Conducting], web.Review], machine: str, origin: str) -> None:
        self._prefect = prefect
        self._desk = desk
        self._machine = machine.encode()
        self._hall = Hall(desk, origin)
        self._review = review(web.Conducting(self._go_on_with, self._begin, self._try_again))
        self._writing = asyncio.Lock()
        self._moves: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._moved.set()  # whatever was moved before this server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the life cycle, which is Prefect's."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._stream(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        tending: list[asyncio.Task[None]] = []

        async def begin(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                tending.append(asyncio.create_task(self._tend()))
            await send(message)

        try:
            await self._prefect(scope, receive, begin)
        finally:
            for task in tending:
                task.cancel()

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_headers = Headers(scope=scope)
        is_allowed = self._is_machine(request_headers) or (
            scope["path"] in _STREAMS and is_same_origin(request_headers) and await self._hall.person(scope) is not None
        )
        await (self._prefect if is_allowed else WebSocketClose(1008))(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, headers = scope["path"], Headers(scope=scope)
        if self._review.owns(path):
            await self._answer_review(scope, receive, _with(send, _REVIEWS))
            return
        if path.startswith("/perfeval/"):
            await self._answer_ours(scope, receive, _with(send, _OURS))
            return
        send = _with(send, _PREFECTS)
        if self._is_machine(headers):
            await self._pass_on(scope, receive, send)
        elif path in _OPEN and scope["method"] in {"GET", "HEAD"}:
            await self._prefect(scope, receive, send)
        elif (person := await self._hall.person(scope)) is None:
            await _turn_away(scope)(scope, receive, send)
        else:
            await self._serve_person(person, scope, receive, send)

    def _is_machine(self, headers: Headers) -> bool:
        return hmac.compare_digest(headers.get(MACHINE, "").encode(), self._machine)

    # ---- our pages ---------------------------------------------------------------------------------------------------

    async def _answer_ours(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in {"GET", "HEAD"} and not is_same_origin(request.headers):
            response: Response = _refuse("这个请求不是从本页面发出的。", 403)
        else:
            body = await _read_body(receive, _PEOPLES_LIMIT)
            response = _refuse("提交的内容过长。", 413) if body is None else await self._hall.answer(request, body)
        await response(scope, receive, send)

    async def _answer_review(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        visitor = await self._hall.visitor(scope)
        if file := self._review.static(scope["path"]) if request.method in {"GET", "HEAD"} else None:
            response = file
        elif visitor is None:
            response = _turn_away(scope)
        elif request.method not in {"GET", "HEAD"} and not is_same_origin(request.headers):
            response = _refuse("这个请求不是从本页面发出的。", 403)
        else:
            body = await _read_body(receive, _PEOPLES_LIMIT)
            response = _refuse("提交的内容过长。", 413) if body is None else await self._review.answer(request, body, visitor)
        await response(scope, _nothing_more, send)

    # ---- Prefect's pages, for people ---------------------------------------------------------------------------------

    async def _serve_person(self, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method in {"GET", "HEAD"}:
            is_hidden = path in _SCHEMES or (_INPUT.fullmatch(path) and not _FORM.fullmatch(path))
            await (_refuse("没有这个页面。", 404) if is_hidden else self._prefect)(scope, receive, send)
            return
        if not is_same_origin(Headers(scope=scope)):
            await _refuse("这个请求不是从本页面发出的。", 403)(scope, receive, send)
            return
        body = await _read_body(receive, _PEOPLES_LIMIT)
        if body is None:
            await _refuse("提交的内容过长。", 413)(scope, receive, send)
            return
        document = _read_document(body)
        if document is None:
            await _refuse("提交的内容不是JSON，或含有不完整的字符。", 400)(scope, receive, send)
            return
        asked = Asked(person, scope, receive, body, document)
        if method == "POST" and path == _VALIDATION:
            # The form's own rules are looked at when it is sent. Here a stranger's pattern would be run on a stranger's text.
            await JSONResponse({"valid": True, "errors": []})(scope, receive, send)
        elif method == "POST" and (act := _ACT.fullmatch(path)):
            await (await self._act(asked, act))(scope, receive, send)
        elif method == "POST" and _SEES.fullmatch(path) and not _INPUT.fullmatch(path):
            for message in await _ask(self._prefect, scope, body, receive):
                await send(message)
        else:
            text = "这里只能查看、审批、重试和开始自评；其他改动由管理工作区的人用命令完成。"
            await _refuse(text, 403)(scope, receive, send)

    async def _act(self, asked: Asked, act: re.Match[str]) -> Response:
        try:
            if act["start"]:
                return await self._start(asked, act["deployment"])
            if act["act"] == "set_state":
                return await self._retry(asked, act["run"])
            return await self._fill_in(asked, act["run"])
        except StoreError as error:
            return _refuse(error.line, 503)
        except PerfevalError as error:
            return _refuse(error.line, 409)

    async def _fill_in(self, asked: Asked, run: str) -> Response:
        """What Resume sends: decided here, and only then is the run told to go on."""
        standing = await run_in_threadpool(self._desk.standing, run)
        state = await self._state(run)
        if standing is None or state.get("type") != "PAUSED":
            return _refuse("这次运行现在没有需要填写的表单。", 409)
        if is_behind(_key(state), standing.form):
            await self._go_on(run, _key(state), _OVERTAKEN)
            return _refuse(f"这张表单已经过时，自评现在：{standing.status.title}。运行正在继续，请稍后刷新页面。", 409)
        filled = asked.document.get("run_input")
        told = await self._take(asked, standing, filled if isinstance(filled, dict) else {})
        await self._go_on(run, _key(state), told)
        return JSONResponse({"state": None, "status": "ACCEPT", "details": {"type": "accept_details"}}, status_code=201)

    async def _take(self, asked: Asked, standing: Standing, filled: Mapping[str, object]) -> str:
        address = Request(asked.scope).client
        return await run_in_threadpool(self._desk.fill_in, standing, asked.person, filled, address.host if address else "")

    async def _retry(self, asked: Asked, run: str) -> Response:
        """Whatever state somebody asks for, he gets a plain retry, and that of a run that has failed."""
        state = asked.document.get("state")
        is_retry = isinstance(state, dict) and state.get("type") == "SCHEDULED"
        if not is_retry or (await self._state(run)).get("type") not in _ENDED_EARLY:
            return _refuse("只能重试已经失败的运行；不能把运行改成别的状态。", 409)
        await run_in_threadpool(self._desk.note, asked.person, "重试", run, run)
        return await self._repeated(asked, f"/api/flow_runs/{run}/set_state", _next_state("AwaitingRetry", f"{asked.person.name}点击重试"))

    async def _start(self, asked: Asked, deployment: str) -> Response:
        """A run that begins now, of a year and a programme, by whoever is logged in."""
        parameters = asked.document.get("parameters")
        request = parameters.get("request", {}) if isinstance(parameters, dict) else None
        year, programme = (request.get("year", 0), request.get("programme", "")) if isinstance(request, dict) else (None, None)
        if not isinstance(year, int) or not isinstance(programme, str):
            return _refuse("年度应为四位数年份，项目应为项目的 key。", 409)
        state = asked.document.get("state")
        details = state.get("state_details") if isinstance(state, dict) else None
        if isinstance(details, dict) and details.get("scheduled_time"):
            return _refuse("自评只能现在开始；每年的定时启动在设置里。", 409)
        if (await self._read(f"/api/deployments/{deployment}")).get("name") != DEPLOYMENT:
            return _refuse(f"在网页上只能开始自评（{DEPLOYMENT}）；通知每天自动发送，也可执行 perfeval remind。", 409)
        self._desk.check_operator(asked.person)
        await run_in_threadpool(self._desk.note, asked.person, "送审", f"{year or '上'}年度 {programme}".strip())
        given = {"request": {"year": year, "programme": programme, "prepared_by": asked.person.name}}
        return await self._repeated(asked, f"/api/deployments/{deployment}/create_flow_run", {"parameters": given})

    # ---- what the door asks of Prefect by itself ---------------------------------------------------------------------

    async def _tend(self) -> None:
        """Move on every run that the store has overtaken, whatever died between a decision and the run's going on."""
        before: dict[str, str] = {}
        while True:
            behind: dict[str, str] = {}
            try:
                # The store first: what it tells of is older than the run's state.
                for run, form in (await run_in_threadpool(self._desk.open_runs)).items():
                    state = await self._state(run)
                    if state.get("type") == "PAUSED" and is_behind(key := _key(state), form):
                        behind[run] = key
                        # Seen twice: who has just decided in a terminal moves it himself.
                        if before.get(run) == key:
                            await self._go_on(run, key, _OVERTAKEN)
            except Exception:  # the database is busy or away, or worse: the next round asks again
                logging.getLogger(__name__).exception("a round was cut short")
            before = behind
            await asyncio.sleep(_TEND_SECONDS)

    async def _go_on_with(self, evaluation: str, why: str) -> None:
        """Tell the run of an evaluation to go on, where it stands at a form that the store has the answer to."""
        run, form = await run_in_threadpool(self._desk.run_of, evaluation)
        state = await self._state(run) if run else {}
        if state.get("type") == "PAUSED" and is_behind(key := _key(state), form):
            await self._go_on(run, key, why)

    async def _begin(self, year: int, programme: str, prepared_by: str) -> None:
        """Start a run of a programme's year."""
        deployment = (await self._read(f"/api/deployments/name/{FLOW}/{DEPLOYMENT}")).get("id")
        body = json.dumps({"parameters": {"request": {"year": year, "programme": programme, "prepared_by": prepared_by}}}).encode()
        path = f"/api/deployments/{deployment}/create_flow_run"
        status, _ = _joined(await self._written(_scope("POST", path, body), body, _nothing_more))
        if status != _CREATED:
            logging.getLogger(__name__).error("no run was started for %s %s: %s", year, programme, status)

    async def _try_again(self, run: str, name: str) -> None:
        """Retry a run that has failed."""
        if (await self._state(run)).get("type") in _ENDED_EARLY:
            body = json.dumps(_next_state("AwaitingRetry", f"{name}点击重试")).encode()
            await self._written(_scope("POST", f"/api/flow_runs/{run}/set_state", body), body, _nothing_more)

    async def _go_on(self, run: str, key: str, why: str) -> None:
        """Tell a run that is suspended at a key to go on; what is recorded stands, whether Prefect has room for that now or later."""
        task = asyncio.create_task(self._move(run, key, why))
        self._moves.add(task)
        task.add_done_callback(self._moves.discard)
        await asyncio.wait({task}, timeout=_TOLD_SECONDS)

    async def _move(self, run: str, key: str, why: str) -> None:
        path, body = f"/api/flow_runs/{run}/set_state", json.dumps(_next_state("Resuming", why)).encode()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            async with self._writing:  # all that moves a run comes through here: nobody else does meanwhile
                state = await self._state(run)
                if state.get("type") != "PAUSED" or _key(state) != key:
                    return
                answer = await _ask(self._prefect, _scope("POST", path, body), body, _nothing_more)
            if answer[0]["status"] != _BUSY:
                self._moved.set()
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _state(self, run: str) -> dict[str, Any]:
        """A run's state, as Prefect has it; nothing where it does not know the run."""
        return dict((await self._read(f"/api/flow_runs/{run}")).get("state") or {})

    async def _read(self, path: str) -> dict[str, Any]:
        """What Prefect has at a path; nothing where it has nothing."""
        status, body = _joined(await _ask(self._prefect, _scope("GET", path), b"", _nothing_more))
        return dict(json.loads(body)) if status == _OK else {}

    async def _repeated(self, asked: Asked, path: str, document: object) -> Response:
        body = json.dumps(document).encode()
        status, content = _joined(await self._written(_scope("POST", path, body), body, asked.receive))
        return Response(content, status, media_type="application/json")

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What our own processes ask, as they ask it."""
        if scope["path"] == _DUE:
            # It names the time until which runs are due: one that was waiting is too early for what has moved, and the next is not held.
            if self._moved.is_set():
                self._moved.clear()  # before the answer is looked for: what moves from now on is for the next one
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), _DUE_SECONDS)
        if scope["method"] in {"GET", "HEAD"} or (scope["method"] == "POST" and _READS.search(scope["path"])):
            await self._prefect(scope, receive, send)
            return
        body = await _read_body(receive, _BODY_LIMIT)
        if body is None:
            await _refuse("提交的内容过长。", 413)(scope, receive, send)
            return
        for message in await self._written(scope, body, receive):
            await send(message)

    async def _written(self, scope: Scope, body: bytes, receive: Receive) -> list[Message]:
        """A request when no other writes; what moves a run, until the database had room for it."""
        moves = _REPEATED.fullmatch(scope["path"]) is not None
        deadline = time.monotonic() + (_PATIENCE_SECONDS if moves else 0)
        while True:
            async with self._writing:
                answer = await _ask(self._prefect, scope, body, receive)
            if not answer or answer[0]["status"] != _BUSY or time.monotonic() > deadline:
                if moves:
                    self._moved.set()
                return answer
            await asyncio.sleep(_PAUSE_SECONDS)


def is_same_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this server, as browsers tell it; who tells nothing is no browser of ours."""
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    return "origin" in headers and urlsplit(headers["origin"]).netloc == headers.get("host")


def _turn_away(scope: Scope) -> Response:
    """A browser that opens a page is led to the login; all else is told."""
    headers = Headers(scope=scope)
    if scope["method"] == "GET" and "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api/"):
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse(f"/perfeval/login?next={quote(scope['path'] + (f'?{query}' if query else ''))}", 303)
    return _refuse("没有登录，或登录已过期。请打开 /perfeval/login 登录。", 401)


def _refuse(detail: str, status: int) -> Response:
    """An answer that Prefect's pages show as it stands."""
    return JSONResponse({"detail": detail}, status_code=status)


def _next_state(name: str, message: str) -> dict[str, object]:
    details = {"scheduled_time": datetime.now(UTC).isoformat()}
    return {"state": {"type": "SCHEDULED", "name": name, "message": message, "state_details": details}, "force": True}


def _key(state: Mapping[str, Any]) -> str:
    return (state.get("state_details") or {}).get("pause_key") or ""


def _read_document(body: bytes) -> dict[str, object] | None:
    """The JSON object of a body, {} where there is none; None for anything that Prefect, or a database, would stumble over."""
    try:
        document = json.loads(body or b"{}") or {}
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and b"\\u0000" not in body else None


def _scope(method: str, path: str, body: bytes = b"") -> Scope:
    """A request of our own."""
    headers = [(b"host", b"perfeval"), (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers, "client": None, "server": None, "state": {},
    }  # fmt: skip


async def _nothing_more() -> Message:
    await asyncio.Event().wait()  # "disconnect" would make Starlette give up its answer
    raise AssertionError


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


def _joined(messages: list[Message]) -> tuple[int, bytes]:
    return int(messages[0]["status"]), b"".join(message.get("body", b"") for message in messages[1:])


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return body


def _with(send: Send, headers: Mapping[str, str]) -> Send:
    """Answers with these headers, and without leave for other sites' pages to read them."""
    added = [(name.encode(), value.encode()) for name, value in ({**_ALL, **headers}).items()]

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [item for item in message.get("headers", []) if not item[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return guarded


def main() -> None:
    """Serve on the listening socket that the parent hands over as file descriptor."""
    # Out of the environment before Prefect reads its settings from there, which it shows to whoever asks.
    machine = json.loads(os.environ.pop("PREFECT_CLIENT_CUSTOM_HEADERS"))[MACHINE]
    from prefect.server.api.server import create_app

    end_with_parent()
    office = this_office()
    review = partial(web.Review, office, pictures=web.Pictures(office))
    app: Any = Door(create_app(final=True), Desk(office), review, machine, os.environ[ORIGIN])
    certificate = os.environ.get(TLS)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=1, ws_ping_interval=None, proxy_headers=False, server_header=False,
        ssl_certfile=certificate,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
    logging.shutdown()
    os._exit(0)  # all is answered and written; Prefect's threads would be waited for


if __name__ == "__main__":
    main()
