"""The door: an office's one port, with Prefect's API and UI behind it and pages of ours beside.

Every request is a person's, by the cookie of his login, or one of our processes', by a header that nobody else has. What a person
decides is judged and recorded here, before Prefect hears of it; Prefect is then told to go on, and of his form it gets nothing.

Where one server serves several offices each has a door at a port of its own, and nobody is shown Prefect's pages: they know no offices.
"""

import hmac
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from flows.client import DEPLOYMENT, MACHINE, Address
from flows.desk import SERVER_LOG, Desk, Standing
from flows.engine import Engine, key_of, nothing_more, writes
from flows.forms import is_behind
from flows.hall import CSP, Hall
from flows.offices import folders, named
from flows.runs import Runs
from flows.serve import ORIGIN, TLS, UNOPENED, end_with_parent
from flows.tending import OVERTAKEN, Tending
from perfeval import web
from perfeval.approvals.person import Person
from perfeval.errors import PerfevalError, StoreError, fault_of
from perfeval.office import open_office

_RUN = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_BODY_LIMIT, _PEOPLES_LIMIT = 16_000_000, 64_000

# What people may ask Prefect. Not its forms' answers, and nothing that changes what it runs: any command on this machine.
_PART = r"[^/.;\s\\][^/;\s\\]*"  # of a path that says the same to whoever reads it
_SEES = re.compile(
    rf"/api/(?:ui/(?!schemas/){_PART}(?:/{_PART})*"
    rf"|(?:{_PART}/)+(?:filter|count|paginate|history|lateness|get_scheduled_flow_runs|count-by/[a-z-]+))"
)
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
_LOOK_UP = f"请重新打开页面，看刚才的操作是否已完成；仍然出错的，请管理服务的人查看{SERVER_LOG}。"


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

    `address` is where people open it, the secret of our processes, and what the office's runs are started of.
    """

    def __init__(self, engine: Engine, desk: Desk, review: Callable[[web.Conducting], web.Review], address: Address) -> None:
        self._engine = engine
        self._desk = desk
        self._address = address
        self._hall = Hall(desk, address.origin)
        self._runs = Runs(engine, desk, address.deployment)
        self.tending = Tending(desk, self._runs)
        self._review = review(web.Conducting(self._runs.go_on_with, self._runs.begin, self._runs.retry, has_pages=not address.is_shared))

    def close(self) -> None:
        """Nobody comes any more."""
        self._desk.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            await self._stream(scope, receive, send)
            return
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._serve(scope, receive, begin)
        except Exception as fault:
            if has_begun:
                raise
            await _tell(fault, scope)(scope, nothing_more, _with(send, _OURS))

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_headers = Headers(scope=scope)
        is_allowed = self.is_machine(request_headers) or (
            scope["path"] in _STREAMS
            and not self._address.is_shared
            and is_same_origin(request_headers)
            and await self._hall.person(scope) is not None
        )
        await (self._engine.app if is_allowed else WebSocketClose(1008))(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, headers = scope["path"], Headers(scope=scope)
        if self._review.owns(path):
            await self._answer_review(scope, receive, _with(send, _REVIEWS))
            return
        if path.startswith("/perfeval/"):
            await self._answer_ours(scope, receive, _with(send, _OURS))
            return
        send = _with(send, _PREFECTS)
        if self.is_machine(headers):
            await self._pass_on(scope, receive, send)
        elif path in _OPEN and scope["method"] in {"GET", "HEAD"}:
            await self._engine.app(scope, receive, send)
        elif (person := await self._hall.person(scope)) is None:
            await _turn_away(scope)(scope, receive, send)
        elif self._address.is_shared:
            await _refuse("几个单位共用这个服务，不开放 Prefect 的页面；办理都在审阅室（/review/）。", 404)(scope, receive, send)
        else:
            await self._serve_person(person, scope, receive, send)

    def is_machine(self, headers: Headers) -> bool:
        """Whether a request is one of our processes'."""
        return hmac.compare_digest(headers.get(MACHINE, "").encode(), self._address.machine.encode())

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
        elif visitor is None and not _is_form(request):
            response = _turn_away(scope)
        elif request.method not in {"GET", "HEAD"} and not is_same_origin(request.headers):
            response = _refuse("这个请求不是从本页面发出的。", 403)
        elif (body := await _read_body(receive, _PEOPLES_LIMIT)) is None:
            response = _refuse("提交的内容过长。", 413)
        else:
            response = await self._review.answer(request, body, visitor) if visitor else self._hall.log_in_again(scope["path"], body)
        await response(scope, nothing_more, send)

    # ---- Prefect's pages, for people ---------------------------------------------------------------------------------

    async def _serve_person(self, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method in {"GET", "HEAD"}:
            is_hidden = path in _SCHEMES or (_INPUT.fullmatch(path) and not _FORM.fullmatch(path))
            await (_refuse("没有这个页面。", 404) if is_hidden else self._engine.app)(scope, receive, send)
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
            for message in await self._engine.ask(scope, body, receive):
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
        state = await self._engine.state(run)
        if standing is None or state.get("type") != "PAUSED":
            return _refuse("这次运行现在没有需要填写的表单。", 409)
        if is_behind(key_of(state), standing.form):
            await self._engine.go_on(run, key_of(state), OVERTAKEN)
            return _refuse(f"这张表单已经过时，自评现在：{standing.status.title}。运行正在继续，请稍后刷新页面。", 409)
        filled = asked.document.get("run_input")
        told = await self._take(asked, standing, filled if isinstance(filled, dict) else {})
        await self._engine.go_on(run, key_of(state), told)
        return JSONResponse({"state": None, "status": "ACCEPT", "details": {"type": "accept_details"}}, status_code=201)

    async def _take(self, asked: Asked, standing: Standing, filled: Mapping[str, object]) -> str:
        address = Request(asked.scope).client
        return await run_in_threadpool(self._desk.fill_in, standing, asked.person, filled, address.host if address else "")

    async def _retry(self, asked: Asked, run: str) -> Response:
        """Whatever state somebody asks for, he gets a plain retry, and that of a run that has failed."""
        state = asked.document.get("state")
        refused = _refuse("只能重试已经失败的运行；不能把运行改成别的状态。", 409)
        is_retry = isinstance(state, dict) and state.get("type") == "SCHEDULED"
        if not is_retry or not await self._runs.has_failed(run):
            return refused
        self._desk.check_operator(asked.person)
        await run_in_threadpool(self._desk.note, asked.person, "重试", run, run)
        answer = await self._runs.try_again(run, f"{asked.person.name}点击重试")
        return _passed(*answer) if answer else refused

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
        if (await self._engine.read(f"/api/deployments/{deployment}")).get("name") != DEPLOYMENT:
            return _refuse(f"在网页上只能开始自评（{DEPLOYMENT}）；通知每天自动发送，也可执行 perfeval remind。", 409)
        self._desk.check_operator(asked.person)
        await run_in_threadpool(self._desk.note, asked.person, "送审", f"{year or '上'}年度 {programme}".strip())
        given = {"year": year, "programme": programme, "prepared_by": asked.person.name}
        return _passed(*await self._engine.start(deployment, given, asked.receive))

    # ---- our processes -----------------------------------------------------------------------------------------------

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What our own processes ask, as they ask it."""
        await self._engine.await_moves(scope["path"])
        if not writes(scope):
            await self._engine.app(scope, receive, send)
            return
        body = await _read_body(receive, _BODY_LIMIT)
        if body is None:
            await _refuse("提交的内容过长。", 413)(scope, receive, send)
            return
        for message in await self._engine.written(scope, body, receive):
            await send(message)


class Closed:
    """The door of an office that cannot be opened, one of several: people are told why, and our processes come in by another."""

    def __init__(self, folder: Path, fault: PerfevalError, another: Door) -> None:
        self._folder, self._fault, self._another = folder, fault, another

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._another.is_machine(Headers(scope=scope)):
            await self._another(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        else:
            told = f"本单位的工作区 {self._folder} 暂时打不开：\n{self._fault}\n请告诉管理工作区的人：改好后重新启动 perfeval serve。"
            await PlainTextResponse(told, 503)(scope, receive, _with(send, _OURS))


class Doors:
    """The doors of a server, by the port that people come to."""

    def __init__(self, engine: Engine, doors: Mapping[int, Door | Closed]) -> None:
        self._engine, self._doors = engine, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the life cycle, which is Prefect's."""
        if scope["type"] == "lifespan":
            await self._engine.live(scope, receive, send, self._tending())
        else:
            await self._doors[scope["server"][1]](scope, receive, send)

    def close(self) -> None:
        """Nobody comes any more."""
        for door in self._doors.values():
            if isinstance(door, Door):
                door.close()

    def _tending(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        return [door.tending.keep_looking for door in self._doors.values() if isinstance(door, Door)]


def is_same_origin(headers: Headers) -> bool:
    """Whether a request comes from a page of this server, as browsers tell it; who tells nothing is no browser of ours."""
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    return "origin" in headers and urlsplit(headers["origin"]).netloc == headers.get("host")


def _is_form(request: Request) -> bool:
    """Whether a browser has sent a page's form, and will show what is answered."""
    return request.method == "POST" and "text/html" in request.headers.get("accept", "")


def _turn_away(scope: Scope) -> Response:
    """A browser that opens a page is led to the login; all else is told."""
    headers = Headers(scope=scope)
    if scope["method"] == "GET" and "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api/"):
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse(f"/perfeval/login?next={quote(scope['path'] + (f'?{query}' if query else ''))}", 303)
    return _refuse("没有登录，或登录已过期。请打开 /perfeval/login 登录。", 401)


def _passed(status: int, content: bytes) -> Response:
    """An answer of Prefect's."""
    return Response(content, status, media_type="application/json")


def _refuse(detail: str, status: int) -> Response:
    """An answer that Prefect's pages show as it stands."""
    return JSONResponse({"detail": detail}, status_code=status)


def _tell(fault: Exception, scope: Scope) -> Response:
    """The answer where none came to be: uvicorn would give an English one."""
    if isinstance(fault, StoreError):
        told, status = fault.line, 503
    else:
        logging.getLogger(__name__).error("%s %s", scope["method"], scope["path"], exc_info=fault)
        told, status = f"服务出错，没有答复。{_LOOK_UP}", 500
    return PlainTextResponse(told, status) if "text/html" in Headers(scope=scope).get("accept", "") else _refuse(told, status)


def _read_document(body: bytes) -> dict[str, object] | None:
    """The JSON object of a body, {} where there is none; None for anything that Prefect, or a database, would stumble over."""
    try:
        document = json.loads(body or b"{}") or {}
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and b"\\u0000" not in body else None


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


def _doors(engine: Engine, machine: str, ports: Sequence[int]) -> dict[int, Door | Closed]:
    """The offices' doors, by their ports; of several, one that cannot be opened keeps no other shut."""
    opened, faults = dict[str, web.Overseen](), dict[int, tuple[Path, PerfevalError]]()
    places = list(zip(folders().items(), os.environ[ORIGIN].split(), ports, strict=True))
    for (label, folder), origin, port in places:
        try:
            opened[label] = web.Overseen(open_office(folder), origin)
        except (PerfevalError, OSError) as error:
            faults[port] = folder, fault_of(error)
    unopened = json.loads(os.environ.get(UNOPENED, "{}")) | {str(folder): fault.line for folder, fault in faults.values()}
    doors = dict[int, Door]()
    for (label, _), _, port in places:
        if here := opened.get(label):
            address = Address("", here.url, machine, deployment=named(DEPLOYMENT, label))
            overseen = web.overseen_by(here.office, list(opened.values()))
            review = partial(web.Review, here.office, overseen=overseen, pictures=web.Pictures(here.office), unopened=unopened)
            doors[port] = Door(engine, Desk(here.office), review, address)
    if not doors:
        raise next(fault for _, fault in faults.values())
    return {**doors, **{port: Closed(folder, fault, next(iter(doors.values()))) for port, (folder, fault) in faults.items()}}


def main() -> None:
    """Serve on the listening sockets that the parent hands over as file descriptors, one for each office."""
    # Out of the environment before Prefect reads its settings from there, which it shows to whoever asks.
    machine = json.loads(os.environ.pop("PREFECT_CLIENT_CUSTOM_HEADERS"))[MACHINE]
    from prefect.server.api.server import create_app

    end_with_parent()
    engine, sockets = Engine(create_app(final=True)), [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    ports = [int(listener.getsockname()[1]) for listener in sockets]
    app: Any = Doors(engine, _doors(engine, machine, ports))
    certificate = os.environ.get(TLS)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=1, ws_ping_interval=None, proxy_headers=False, server_header=False,
        ssl_certfile=certificate,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # uvicorn hands on what has ended it
        uvicorn.Server(config).run(sockets=sockets)
    app.close()
    logging.shutdown()
    os._exit(0)  # all is answered and written; Prefect's threads would be waited for


if __name__ == "__main__":
    main()
