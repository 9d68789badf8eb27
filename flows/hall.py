"""The pages of our own (门厅): logging in and out, drafts to download, enrolment. A GET changes nothing."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Scope

from flows import pages
from flows.desk import Desk
from perfeval.approvals.person import Person
from perfeval.approvals.session import LASTS
from perfeval.errors import ApprovalError, PerfevalError, StoreError
from perfeval.web import Visitor
from perfeval.web.filled import read_form

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HOME, LOGIN, ENROL = "/review/", "/perfeval/login", "/perfeval/enrol"
_DRAFT = re.compile(r"/perfeval/drafts/(?P<evaluation>[a-z0-9-]{1,64})/(?P<revision>[1-9][0-9]{0,3})\.docx")
_STATIC = {"style.css": "text/css", "login.js": "text/javascript", "enrol.js": "text/javascript"}
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# What the review pages' forms are sent to, beside the page that they stand on; and the fields in which people write sentences.
_DEED = re.compile("/(?:batch|correction|reason|retry)$")
_TYPED = re.compile("comment|note|reason|measure|grounds|evidence|(?:remark|reply)_[0-9]+")
# A path on this server, and nothing that a browser takes for another's.
_NEXT = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class Hall:
    """What is answered below /perfeval/. `origin` is where people open it."""

    def __init__(self, desk: Desk, origin: str) -> None:
        self._desk = desk
        self._origin = origin
        self._answers: Mapping[tuple[str, str], Callable[[Request, bytes], Awaitable[Response]]] = {
            ("GET", LOGIN): self._login,
            ("POST", LOGIN): self._log_in,
            ("POST", "/perfeval/logout"): self._log_out,
            ("GET", "/perfeval/session"): self._session,
            ("GET", ENROL): self._enrol,
            ("POST", f"{ENROL}/invitation"): self._json(lambda told: self._desk.invitation(_text(told, "token"), self._origin)),
            ("POST", f"{ENROL}/code"): self._json(lambda told: self._desk.offer_code(_text(told, "token"))),
            ("POST", f"{ENROL}/code/proof"): self._json(
                lambda told: self._desk.enrol_code(*(_text(told, name) for name in ("token", "secret", "code")))
            ),
            ("POST", f"{ENROL}/passkey"): self._json(
                lambda told: self._desk.offer_passkey(_text(told, "token"), _texts(told, "made"), self._origin)
            ),
            ("POST", f"{ENROL}/passkey/proof"): self._json(
                lambda told: self._desk.enrol_passkey(_text(told, "token"), _text(told, "enrolment"), _texts(told, "signed"))
            ),
        }

    async def answer(self, request: Request, body: bytes) -> Response:
        """The answer to a request of which the body is read."""
        path = request.url.path
        method = "GET" if request.method == "HEAD" else request.method
        try:
            if found := self._answers.get((method, path)):
                return await found(request, body)
            if method == "GET" and (asked := _DRAFT.fullmatch(path)):
                return await self._draft(request, asked["evaluation"], int(asked["revision"]))
        except StoreError as error:
            return _plain(str(error), 404 if error.code in {"S05", "S09"} else 503)
        name = path.removeprefix("/perfeval/static/")
        if method == "GET" and name in _STATIC:
            content = files("flows").joinpath("static", name).read_bytes()
            return Response(content, media_type=f"{_STATIC[name]}; charset=utf-8")
        return _plain("没有这个页面。", 404)

    async def person(self, scope: Scope) -> Person | None:
        """Who is logged in with a request."""
        cookie = _cookies(scope).get(_cookie_name(scope), "")
        return await run_in_threadpool(self._desk.person, cookie) if cookie else None

    async def visitor(self, scope: Scope) -> Visitor | None:
        """Who is logged in with a request, as the review pages see him."""
        person, cookie = await self.person(scope), _cookies(scope).get(_cookie_name(scope), "")
        client = Request({**scope, "type": "http"}).client
        return Visitor(person, await run_in_threadpool(self._desk.form_token, cookie), client.host if client else "") if person else None

    # ---- logging in and out ------------------------------------------------------------------------------------------

    async def _login(self, request: Request, _: bytes) -> Response:
        return HTMLResponse(pages.login(self._desk.unit, _next(request.query_params.get("next", ""))))

    async def _log_in(self, request: Request, body: bytes) -> Response:
        try:
            filled = {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=10, errors="strict").items()}
        except ValueError:
            filled = {}
        name, code, target = filled.get("name", "").strip(), filled.get("code", ""), _next(filled.get("next", ""))
        address = request.client.host if request.client else ""
        try:
            cookie = await run_in_threadpool(self._desk.log_in, name, code, address)
        except ApprovalError as error:
            return HTMLResponse(pages.login(self._desk.unit, target, name, str(error)), 401)
        response = RedirectResponse(target, 303)
        self._set_cookie(request, response, cookie, int(LASTS.total_seconds()))
        return response

    def log_in_again(self, path: str, body: bytes) -> Response:
        """For a form that was sent when its session had ended: nothing is done, and what was written is not lost."""
        filled = read_form(body).fields
        typed = [text for name, text in filled.items() if _TYPED.fullmatch(name) and text.strip()]
        problem = "登录已过期，刚才的内容没有提交。\n请重新登录，再填写一次。"
        return HTMLResponse(pages.login(self._desk.unit, _next(_DEED.sub("", path)), problem=problem, typed=typed), 401)

    async def _log_out(self, request: Request, _: bytes) -> Response:
        if cookie := request.cookies.get(_cookie_name(request.scope)):
            await run_in_threadpool(self._desk.log_out, cookie)
        response = RedirectResponse(LOGIN, 303)
        self._set_cookie(request, response, "", 0)
        return response

    def _set_cookie(self, request: Request, response: Response, value: str, seconds: int) -> None:
        is_secure = self._origin.startswith("https:")
        response.set_cookie(_cookie_name(request.scope), value, seconds, path="/", secure=is_secure, httponly=True, samesite="strict")

    async def _session(self, request: Request, _: bytes) -> Response:
        """Who is logged in: a page opened by a link from elsewhere comes without the cookie, and its own request with it."""
        person = await self.person(request.scope)
        return JSONResponse({"name": person.name} if person else {})

    # ---- for people who are logged in --------------------------------------------------------------------------------

    async def _draft(self, request: Request, evaluation: str, revision: int) -> Response:
        if await self.person(request.scope) is None:
            is_page = "text/html" in request.headers.get("accept", "")
            return RedirectResponse(f"{LOGIN}?next={request.url.path}", 303) if is_page else _plain("请先登录。", 401)
        path, name = await run_in_threadpool(self._desk.draft, evaluation, revision)
        return FileResponse(path, filename=name, media_type=_WORD)

    # ---- enrolment ---------------------------------------------------------------------------------------------------

    async def _enrol(self, _: Request, __: bytes) -> Response:
        return HTMLResponse(pages.enrol(self._desk.unit))

    def _json(self, act: Callable[[Mapping[str, object]], object]) -> Callable[[Request, bytes], Awaitable[Response]]:
        """What the enrolment page's script asks, in JSON."""

        async def answer(_: Request, body: bytes) -> Response:
            try:
                told = json.loads(body)
                json.dumps(told, ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                told = None
            if not isinstance(told, dict):
                return JSONResponse({"detail": "提交的内容不是JSON，或含有不完整的字符。"}, 400)
            try:
                return JSONResponse(await run_in_threadpool(act, told))
            except PerfevalError as error:
                return JSONResponse({"detail": str(error)}, 503 if isinstance(error, StoreError) else 409)

        return answer


def _next(path: str) -> str:
    is_ours = _NEXT.fullmatch(path) and not urlsplit(path).netloc and not path.startswith((LOGIN, "/perfeval/logout"))
    return path if is_ours else HOME


def _cookie_name(scope: Scope) -> str:
    # Browsers give a host's cookies to all its ports: two offices on one machine would log each other out.
    return f"perfeval-{(scope.get('server') or ('', 0))[1]}"


def _cookies(scope: Scope) -> Mapping[str, str]:
    return Request({**scope, "type": "http"}).cookies


def _text(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _texts(told: Mapping[str, object], name: str) -> dict[str, str]:
    value = told.get(name)
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status)
