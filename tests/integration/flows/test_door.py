"""The door in front of a stand-in for Prefect, with a stand-in for the office's desk: who gets in, and what gets through."""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from flows.client import Address
from flows.desk import Standing, Started
from flows.door import Closed, Door, Doors
from flows.engine import Engine
from flows.tending import Tending
from perfeval import web
from perfeval.approvals.person import Person
from perfeval.errors import ApprovalError, ConfigurationError, StoreError
from perfeval.model import Evaluation, Gate, Revision, Stage, Status
from perfeval.model.outcomes import Failure

RUN = "0d8c7d0e-1111-4111-8111-111111111111"
ORIGIN = "http://localhost:4200"
MACHINE = {"x-perfeval-machine": "unser"}
NOW = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
PEOPLE = {
    "cookie-p1": Person("p1", "样例甲", ("center",)),
    "cookie-p2": Person("p2", "样例经办人", ("operator",)),
}
OTHER_RUN = "0d8c7d0e-2222-4222-8222-222222222222"
RESUME, SET_STATE = f"/api/flow_runs/{RUN}/resume", f"/api/flow_runs/{RUN}/set_state"
START = f"/api/deployments/{RUN}/create_flow_run"
DEPLOYMENTS = {
    f"/api/deployments/{RUN}": "annual", f"/api/deployments/{OTHER_RUN}": "daily", "/api/deployments/name/self-evaluation/annual": "annual",
}  # fmt: skip
RETRY = b'{"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": true}'
FORM = {"decision": "同意", "approver": "样例甲", "check_code": "0123abcd", "comment": "", "code": "123456"}


@dataclass
class Prefect:
    """As much of Prefect as the door asks: runs with a state, everything else answered with 200 and kept."""

    state: dict[str, Any] = field(default_factory=lambda: suspended("center-r1-0"))
    busy: int = 0
    is_broken: bool = False
    known: bool = True
    pool: str | None = None
    deployment: str = RUN
    serves: bool = True
    early: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._live(receive, send)
            return
        method, path = scope["method"], scope["path"]
        body = (await receive())["body"] if method not in {"GET", "HEAD"} else b""
        if method == "GET" and path == f"/api/flow_runs/{RUN}":
            self.looks += 1
            found = {"id": RUN, "state": self.state, "deployment_id": self.deployment, "work_pool_name": None}
            await self._say(send, 200 if self.state else 404, found)
            return
        if method == "GET" and path in DEPLOYMENTS and self.serves:
            await self._say(send, 200, {"id": RUN, "name": DEPLOYMENTS[path], "work_pool_name": self.pool})
            return
        if method == "GET" and not self.known:
            await self._say(send, 404, {})
            return
        if path == "/api/flow_runs/filter" and b"_TIME_DESC" in body:
            asked = json.loads(body)
            kind = asked["sort"].removesuffix("_DESC").lower()
            await self._say(send, 200, [run for run in self.early if run[kind] >= asked["flow_runs"][kind]["after_"]])
            return
        self.asked.append((method, path, json.loads(body) if body[:1] == b"{" else body))
        if method == "POST" and self.busy:
            self.busy -= 1
            await self._say(send, 503, {"detail": "database is locked"})
            raise RuntimeError  # as Starlette's error middleware does, which answers first
        if path == f"/api/flow_runs/{RUN}/set_state":
            if self.is_broken:
                raise ConnectionError
            self.state = self.asked[-1][2].get("state", self.state)
        await self._say(send, 201 if method == "POST" else 200, {"passed": True, "id": RUN})

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


async def ask(app: Any, method: str, path: str, body: bytes = b"", port: int = 4200, **headers: str) -> Answer:
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
        "server": ("127.0.0.1", port), "client": ("192.0.2.7", 50000),
    }  # fmt: skip
    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, content)


@dataclass
class Desk:
    """The desk, as the door sees it: one run at the first gate, whose answers are kept.

    `problem` is why none is taken, `away` why nobody is known.
    """

    standing_form: str = "center-r1-"
    problem: Exception | None = None
    filled: list[Any] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    unit: str = "样例单位"
    rounds: int = 0
    ended: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    away: Exception | None = None
    failure: Failure | None = None

    def replace_failure(self, _: str, failure: Failure | None) -> Failure | None:
        before, self.failure = self.failure, failure
        return before

    def keep_ended(self, run: str, message: str, started: Started | None = None, *_: object) -> None:
        self.told.append((run, message, started))
        self.failure = self.failure or Failure("运行", "P14", message)

    def has_kept(self, _: str) -> bool:
        return self.failure is not None

    def keep_unbegun(self, year: int, programme: str) -> None:
        self.told.append((year, programme))

    def person(self, cookie: str) -> Person | None:
        if self.away:
            raise self.away
        return None if cookie in self.ended else PEOPLE.get(cookie)

    def log_out(self, cookie: str) -> None:
        self.ended.append(cookie)

    def log_in(self, name: str, code: str, address: str) -> str:
        if (name, code, address) != ("样例甲", "123456", "192.0.2.7"):
            raise ApprovalError("A05", "姓名或动态码不正确", "核对后再试。")
        return "cookie-p1"

    def standing(self, run: str) -> Standing | None:
        evaluation = Evaluation("2022-roads-1", 2022, "公路养护", "样例经办人", NOW)
        status = Status(Stage.WAITING, Revision(evaluation, 1), NOW, Gate("center", "中心审批"))
        return Standing(status, self.standing_form) if run == RUN else None

    def fill_in(self, standing: Standing, person: Person, filled: Mapping[str, object], address: str) -> str:
        assert standing.form == self.standing_form
        if self.problem:
            raise self.problem
        self.filled.append((person.id, filled, address))
        return "中心审批：同意（样例甲）"

    def check_operator(self, person: Person) -> None:
        if "operator" not in person.roles:
            raise ApprovalError("A53", f"“{person.name}”不是经办人")

    def note(self, person: Person, action: str, target: str, run: str = "") -> None:
        assert run in {"", target}
        self.notes.append((person.id, action, target))

    def open_runs(self) -> dict[str, str]:
        self.rounds += 1
        if self.faults:
            raise self.faults.pop()
        return {RUN: self.standing_form}

    def evaluation_of(self, run: str) -> Evaluation | None:
        moment = datetime(2023, 4, 3, tzinfo=UTC)
        return Evaluation("2022-roads-1", 2022, "农村公路", "样例经办人", moment, None, "roads") if run == RUN else None

    def run_of(self, evaluation: str) -> tuple[str, str]:
        return (RUN if evaluation == "2022-roads-1" else ""), self.standing_form

    def form_token(self, cookie: str) -> str:
        return f"token of {cookie}"

    def draft(self, evaluation: str, number: int) -> tuple[Path, str]:
        if (evaluation, number) == ("2022-roads-1", 1):
            return Path(__file__), "2022年度自评报告-第1稿.docx"
        raise StoreError("S09", f"{evaluation} 没有第{number}稿")

    def invitation(self, token: str, origin: str) -> dict[str, str]:
        if token != "good":
            raise ApprovalError("A34", "邀请链接无效")
        return {"name": "样例乙", "origin": origin}


class Review(web.Review):
    """The review pages, as the door sees them: who came is kept, and a form is answered before the run is told to go on."""

    def __init__(self, conducting: web.Conducting) -> None:
        self._conducting = conducting
        self.visitors: list[tuple[str, web.Visitor, bytes]] = []

    async def answer(self, request: Request, body: bytes, visitor: web.Visitor) -> Response:
        self.visitors.append((request.url.path, visitor, body))
        if request.url.path.endswith("/retry"):
            return Response("seen", background=BackgroundTask(self._conducting.retry, RUN, visitor.person.name))
        if request.url.path == "/review/clerk/2022/roads":
            return Response("seen", background=BackgroundTask(self._conducting.start, 2022, "roads", visitor.person.name))
        return Response("seen", background=BackgroundTask(self._conducting.go_on, "2022-roads-1", "同意") if body else None)


class Office:
    """A door with all that stands before and behind it."""

    def __init__(self, origin: str = ORIGIN, deployment: str = "annual") -> None:
        self.prefect, self.desk = Prefect(), Desk()
        address = Address("", origin, MACHINE["x-perfeval-machine"], deployment=deployment)
        engine = Engine(self.prefect)
        door = Door(engine, self.desk, self._opened, address)
        fault = ConfigurationError("F01", "perfeval.yml:16: YAML 写法有误")
        self.door = Doors(engine, {4200: door, 4201: Closed(Path("/offices/b"), fault, door)})

    def _opened(self, conducting: web.Conducting) -> Review:
        self.review = Review(conducting)
        return self.review

    def ask(self, method: str, path: str, body: Any = b"", **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(ask(self.door, method, path, content, **headers))

    def as_person(self, method: str, path: str, body: Any = b"", person: str = "p1", **headers: str) -> Answer:
        """From a page of ours, logged in."""
        return self.ask(method, path, body, **{"cookie": f"perfeval-4200=cookie-{person}", "origin": ORIGIN} | headers)


@pytest.fixture
def office() -> Office:
    return Office()


# ---- who gets in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/dashboard"), ("GET", "/api/admin/version"), ("POST", "/api/flow_runs/filter"), ("OPTIONS", "/api/flow_runs/filter"),
        ("POST", RESUME), ("GET", "/perfeval/drafts/2022-roads-1/1.docx"), ("GET", "/docs"), ("GET", "/ui-settings"),
        ("DELETE", f"/api/flow_runs/{RUN}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cookie", ["", "perfeval-4200=forged", "perfeval-4201=cookie-p1", "perfeval=cookie-p1"])
def test_who_is_not_logged_in_gets_nothing(office: Office, method: str, path: str, cookie: str) -> None:
    answer = office.ask(
        method, path, b"{}", cookie=cookie, origin=ORIGIN, x_perfeval_machine="falsch", authorization="Basic cGVyZmV2YWw6eA=="
    )
    assert answer.status == 401
    assert office.prefect.asked == []


def test_browser_that_is_not_logged_in_is_led_to_the_login_and_back(office: Office) -> None:
    answer = office.ask("GET", "/v2/runs/flow-run/1?tab=Logs", accept="text/html")
    assert (answer.status, answer.headers["location"]) == (303, "/perfeval/login?next=/v2/runs/flow-run/1%3Ftab%3DLogs")


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/review/2022-roads-1/1", "/review/2022-roads-1/1"), ("/review/2022-roads-1/1/correction", "/review/2022-roads-1/1"),
        ("/review/clerk/2022/roads/reason", "/review/clerk/2022/roads"), ("/review/batch", "/review"),
    ],
)  # fmt: skip
def test_form_sent_after_the_session_ended_leads_to_the_login_and_gives_back_what_was_written(office: Office, path: str, back: str) -> None:
    body = urlencode({"token": "t", "comment": "请补充<依据>", "remark_1": "次数不符", "reply_2": " ", "code": "123456"}).encode()
    answer = office.ask("POST", path, body, accept="text/html", origin=ORIGIN)
    page = answer.body.decode()
    assert answer.status == 401
    assert "登录已过期，刚才的内容没有提交" in page
    assert f'name="next" value="{back}"' in page
    assert re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page) == ["请补充&lt;依据&gt;", "次数不符"]
    assert "123456" not in page
    assert office.ask("POST", path, body, accept="*/*", origin=ORIGIN).detail.startswith("没有登录，或登录已过期")
    assert office.ask("POST", path, body, accept="text/html", origin="https://elsewhere.example").status == 403


@pytest.mark.parametrize("path", ["/api/ready", "/api/health"])
def test_anybody_may_ask_whether_the_server_is_up(office: Office, path: str) -> None:
    assert office.ask("GET", path).status == 200
    assert office.ask("POST", path).status == 401


def test_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(office: Office) -> None:
    answer = office.ask("POST", "/perfeval/login", b"name=%E6%A0%B7%E4%BE%8B%E7%94%B2&code=123456&next=/v2/dashboard", origin=ORIGIN)
    assert (answer.status, answer.headers["location"]) == (303, "/v2/dashboard")
    cookie = answer.headers["set-cookie"]
    assert cookie == "perfeval-4200=cookie-p1; HttpOnly; Max-Age=28800; Path=/; SameSite=strict"
    assert office.ask("GET", "/v2/dashboard", cookie=cookie.partition(";")[0]).status == 200


def test_login_over_tls_gives_a_cookie_for_tls_alone() -> None:
    door = Office("https://pingjia.example:4200").door
    body = b"name=%E6%A0%B7%E4%BE%8B%E7%94%B2&code=123456"
    answer = asyncio.run(ask(door, "POST", "/perfeval/login", body, origin="http://localhost:4200"))
    assert "; Secure" in answer.headers["set-cookie"]


def test_wrong_login_is_told_on_the_page_and_gives_no_cookie(office: Office) -> None:
    answer = office.ask("POST", "/perfeval/login", b"name=%3Cb%3E&code=0&next=/x", origin=ORIGIN)
    page = answer.body.decode()
    assert (answer.status, "set-cookie" in answer.headers) == (401, False)
    assert "姓名或动态码不正确" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\n/evil", "", "/perfeval/login", "/é"]
)
def test_login_leads_nowhere_else(office: Office, target: str) -> None:
    body = f"name=%E6%A0%B7%E4%BE%8B%E7%94%B2&code=123456&next={quote(target)}".encode()
    assert office.ask("POST", "/perfeval/login", body, origin=ORIGIN).headers["location"] == "/review/"


def test_logout_ends_the_session_and_copies_of_its_cookie(office: Office) -> None:
    answer = office.as_person("POST", "/perfeval/logout")
    assert answer.headers["set-cookie"].startswith('perfeval-4200=""; HttpOnly; Max-Age=0')
    assert office.as_person("GET", "/v2/dashboard").status == 401
    assert office.as_person("GET", "/v2/dashboard", person="p2").status == 200


# ---- where requests come from --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [RESUME, SET_STATE, START, "/api/flow_runs/filter", "/perfeval/logout", "/perfeval/login"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_write_from_another_sites_page_is_refused(office: Office, path: str, headers: dict[str, str]) -> None:
    assert office.as_person("POST", path, {"run_input": FORM}, **headers).status == 403
    assert (office.desk.filled, office.prefect.asked) == ([], [])


def test_write_that_tells_no_origin_is_refused(office: Office) -> None:
    assert office.ask("POST", RESUME, {"run_input": FORM}, cookie="perfeval-4200=cookie-p1").status == 403


def test_answers_give_other_sites_no_leave_to_read_them(office: Office) -> None:
    for answer in (office.as_person("GET", "/v2/dashboard"), office.ask("GET", "/api/ready"), office.ask("GET", "/perfeval/login")):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "publickey-credentials-get=()" in office.as_person("GET", "/v2/dashboard").headers["permissions-policy"]
    assert "unsafe" not in office.ask("GET", "/perfeval/login").headers["content-security-policy"]


# ---- what people may ask -------------------------------------------------------------------------------------------------

LOOKS = [
    ("POST", "/api/flow_runs/filter"), ("POST", "/api/deployments/get_scheduled_flow_runs"), ("POST", "/api/ui/flows/next-runs"),
    ("POST", "/api/events/count-by/day"), ("POST", "/api/artifacts/latest/filter"), ("GET", "/api/admin/version"), ("GET", "/v2/dashboard"),
    ("HEAD", "/v2/dashboard"), ("GET", f"/api/flow_runs/{RUN}/input/suspended-center-r1-0-schema"),
    ("GET", f"/api/flow_runs/{RUN}/input/suspended-center-r1-0-description"),
]  # fmt: skip
NOT_PEOPLES = [
    ("PATCH", f"/api/deployments/{RUN}"), ("POST", "/api/deployments/"), ("POST", f"/api/deployments/{RUN}/create_flow_run/bulk"),
    ("POST", f"/api/flow_runs/{RUN}/input"), ("POST", f"/api/flow_runs/{RUN}/input/filter"), ("POST", "/api/flow_runs/bulk_set_state"),
    ("POST", "/api/flow_runs/bulk_delete"), ("PATCH", "/api/variables/name/count"), ("POST", "/api/automations/"),
    ("DELETE", f"/api/flow_runs/{RUN}"), ("POST", "/api/flow_runs/x/../y/resume"), ("POST", f"/api/flow_runs/{RUN}/resume/"),
    ("POST", "/api/flow_runs/"), ("POST", "/api/task_runs/0/set_state"), ("OPTIONS", "/api/flow_runs/filter"), ("PUT", RESUME),
    ("TRACE", RESUME), ("POST", "/api/ui//schemas/validate"), ("POST", "/api/ui/x/../schemas/validate"), ("POST", "/api/ui/../admin/clear"),
    ("POST", "/api/flow_runs;x/filter"), ("POST", "/api/flow_runs/\n/filter"), ("POST", "/api//flow_runs/filter"),
    ("POST", "/api/./flow_runs/filter"),
]  # fmt: skip
HIDDEN = [
    f"/api/flow_runs/{RUN}/input", f"/api/flow_runs/{RUN}/input/suspended-center-r1-0-response", f"/api/flow_runs/{RUN}/input/x-schema",
    f"/api/flow_runs/{RUN}/input/suspended-center-r1-0-response/x-schema", "/docs", "/openapi.json", "/redoc",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), LOOKS)
def test_people_may_look(office: Office, method: str, path: str) -> None:
    assert office.as_person(method, path, b"{}" if method == "POST" else b"").status in {200, 201}


@pytest.mark.parametrize(("method", "path"), NOT_PEOPLES)
def test_all_else_is_for_our_processes(office: Office, method: str, path: str) -> None:
    assert office.as_person(method, path, b"{}").status == 403
    assert office.prefect.asked == []
    assert office.ask(method, path, b"{}", **MACHINE).status in {200, 201}
    assert len(office.prefect.asked) == 1


@pytest.mark.parametrize("path", HIDDEN)
def test_people_see_no_answers_and_no_schemes(office: Office, path: str) -> None:
    assert office.as_person("GET", path).status == 404
    assert office.prefect.asked == []


def test_forms_are_found_valid_without_running_a_strangers_pattern(office: Office) -> None:
    body = {"schema": {"properties": {"a": {"pattern": "(a+)+$"}}}, "values": {"a": "a" * 40 + "!"}}
    answer = office.as_person("POST", "/api/ui/schemas/validate", body)
    assert (answer.status, json.loads(answer.body)) == (200, {"valid": True, "errors": []})
    assert office.prefect.asked == []


@pytest.mark.parametrize("path", ["/api/flow_runs/filter", RESUME, SET_STATE, START])
@pytest.mark.parametrize(
    "body", [b"[", b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"[" * 20_000, b"\xff", b"[1]", b'{"a": "\xed\xa0\x80"}'], ids=range(7)
)
def test_body_that_prefect_would_stumble_over_is_refused(office: Office, path: str, body: bytes) -> None:
    answer = office.as_person("POST", path, body)
    assert (answer.status, "JSON" in answer.detail) == (400, True)
    assert office.prefect.asked == []


@pytest.mark.parametrize("path", ["/api/flow_runs/filter", RESUME, "/perfeval/login", "/perfeval/enrol/invitation"])
def test_body_too_long_for_a_person_is_refused(office: Office, path: str) -> None:
    assert office.as_person("POST", path, b"x" * 64_001).status == 413
    assert office.prefect.asked == []


def test_body_too_long_for_a_process_is_refused(office: Office) -> None:
    assert office.ask("POST", "/api/artifacts/", b"x" * 16_000_001, **MACHINE).status == 413


# ---- deciding ------------------------------------------------------------------------------------------------------------


def test_decision_is_taken_before_prefect_hears_of_it_and_of_the_form_it_hears_nothing(office: Office) -> None:
    answer = office.as_person("POST", RESUME, {"run_input": FORM})
    assert (answer.status, json.loads(answer.body)["status"]) == (201, "ACCEPT")
    assert office.desk.filled == [("p1", FORM, "192.0.2.7")]
    ((method, path, told),) = office.prefect.asked
    assert (method, path, told["state"]["name"], told["force"]) == ("POST", SET_STATE, "Resuming", True)
    assert told["state"]["message"] == "中心审批：同意（样例甲）"
    assert "123456" not in str(told)


def test_wrong_answer_is_told_at_once_and_the_run_stays(office: Office) -> None:
    office.desk.problem = ApprovalError("A05", "动态码不正确、已过期或已使用过", "等手机上出现新的6位数字后重新填写。")
    answer = office.as_person("POST", RESUME, {"run_input": FORM})
    assert (answer.status, answer.detail) == (409, "动态码不正确、已过期或已使用过。等手机上出现新的6位数字后重新填写。")
    assert (office.prefect.asked, office.prefect.state["type"]) == ([], "PAUSED")


def test_store_that_is_busy_is_told_as_such(office: Office) -> None:
    office.desk.problem = StoreError("S06", "数据库不可用")
    assert office.as_person("POST", RESUME, {"run_input": FORM}).status == 503


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"run_input": null}', b'{"run_input": [1]}', b'{"run_input": "x"}'])
def test_form_that_is_none_is_an_empty_one(office: Office, body: bytes) -> None:
    office.as_person("POST", RESUME, body)
    assert office.desk.filled == [("p1", {}, "192.0.2.7")]


def test_form_of_a_run_that_waits_for_none_is_refused(office: Office) -> None:
    office.prefect.state = {"type": "RUNNING", "name": "Running"}
    answer = office.as_person("POST", RESUME, {"run_input": FORM})
    assert (answer.status, answer.detail) == (409, "这次运行现在没有需要填写的表单。")
    assert office.as_person("POST", f"/api/flow_runs/{OTHER_RUN}/resume", {"run_input": FORM}).status == 409
    assert office.desk.filled == []


def test_form_that_the_store_has_overtaken_is_refused_and_the_run_moved_on(office: Office) -> None:
    office.desk.standing_form = "bureau-r1-"
    answer = office.as_person("POST", RESUME, {"run_input": FORM})
    assert (answer.status, answer.detail.startswith("这张表单已经过时")) == (409, True)
    assert (office.desk.filled, office.prefect.moved) == ([], ["Resuming"])


def test_run_is_moved_on_however_often_the_database_is_locked(office: Office) -> None:
    office.prefect.busy = 3
    assert office.as_person("POST", RESUME, {"run_input": FORM}).status == 201
    assert office.prefect.moved == ["Resuming"] * 4
    assert office.prefect.state["name"] == "Resuming"


def test_decision_is_answered_while_prefect_finds_no_room(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.engine._TOLD_SECONDS", 0.05)
    office.prefect.busy = 1_000_000
    assert office.as_person("POST", RESUME, {"run_input": FORM}).status == 201


def test_run_that_somebody_has_moved_meanwhile_is_left_alone(office: Office) -> None:
    taken = office.desk.fill_in

    def fill_in(*arguments: Any) -> str:
        office.prefect.state = suspended("bureau-r1-0")
        return taken(*arguments)

    office.desk.fill_in = fill_in  # type: ignore[method-assign]  # a run that is faster than the door
    assert office.as_person("POST", RESUME, {"run_input": FORM}).status == 201
    assert office.prefect.moved == []


def rounds(office: Office, count: int) -> None:
    """Let the door live until it has looked after its runs so often."""

    async def live() -> None:
        ends = asyncio.Event()
        begun: list[Any] = []

        async def receive() -> Any:
            if begun:
                await ends.wait()
            begun.append(1)
            return {"type": "lifespan"}

        async def send(_: Any) -> None:
            pass

        living = asyncio.create_task(office.door({"type": "lifespan"}, receive, send))
        while office.desk.rounds < count:
            await asyncio.sleep(0.01)
        ends.set()
        await living

    asyncio.run(asyncio.wait_for(live(), 30))


@pytest.mark.parametrize(("form", "moved"), [("center-r1-", []), ("bureau-r1-", ["Resuming"]), ("", ["Resuming"])])
def test_run_that_a_dead_server_left_behind_is_moved_on(
    office: Office, monkeypatch: pytest.MonkeyPatch, form: str, moved: list[str]
) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.desk.standing_form = form
    rounds(office, 4)
    assert office.prefect.moved == moved


@pytest.mark.parametrize(
    ("is_lost", "deployment", "pool", "ended"),
    [(True, RUN, None, []), (False, OTHER_RUN, None, ["Cancelled"]), (False, RUN, "perfeval", ["Cancelled"])],
    ids=["unknown", "another deployment's", "in no pool"],
)
def test_run_that_is_served_no_more_is_begun_anew_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, is_lost: bool, deployment: str, pool: str | None, ended: list[str]
) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.prefect.state, office.prefect.deployment = {} if is_lost else suspended("center-r1-0"), deployment
    office.prefect.pool = pool
    rounds(office, 6)
    assert office.prefect.moved == ended
    (asked,) = (asked for _, path, asked in office.prefect.asked if path == START)
    assert asked == {"parameters": {"request": {"year": 2022, "programme": "roads", "prepared_by": "样例经办人"}}}


def test_run_that_another_server_took_over_is_not_begun_against_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers with databases of their own, and one store: each would find the other's run lost, without end."""
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.prefect.state, (evaluation, opened) = {}, (office.desk.evaluation_of(RUN), office.desk.open_runs)

    def open_runs() -> dict[str, str]:
        run, form = next(iter(opened().items()))
        return {f"{run[:-1]}{office.desk.rounds // 4}": form}

    office.desk.open_runs, office.desk.evaluation_of = open_runs, lambda _: evaluation  # type: ignore[method-assign]
    office.prefect.known = False
    rounds(office, 16)
    assert sum(path == START for _, path, _ in office.prefect.asked) == 1


def test_run_that_cannot_be_begun_again_keeps_no_other_waiting() -> None:
    asked: list[str] = []

    class Lost:
        async def ended_early(self) -> dict[str, Any]:
            return {}

        def keep_ended(self, *_: object) -> None:
            raise AssertionError

        async def try_again(self, *_: str) -> None:
            raise AssertionError

        def open_runs(self) -> dict[str, str]:
            return dict.fromkeys(("one", "two", "three"), "center-r1-")

        async def state(self, _: str) -> Mapping[str, Any]:
            return {}

        async def go_on(self, *_: str) -> None:
            raise AssertionError

        async def begin_again(self, run: str) -> bool:
            asked.append(run)
            return run == "two"

    async def live() -> None:
        tending = Tending(Lost(), Lost())
        for _ in range(4):
            await tending.look()

    asyncio.run(live())
    assert "two" in asked


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v2/dashboard"), ("POST", "/api/flow_runs/filter"), ("POST", START), ("POST", RESUME)]
)
def test_nobody_sees_prefects_pages_where_several_offices_are_served(method: str, path: str) -> None:
    shared = Office(deployment="annual-样例单位")
    answer = shared.as_person(method, path, {"run_input": FORM})
    assert (answer.status, "审阅室" in answer.detail, shared.prefect.asked) == (404, True, [])
    assert shared.as_person("GET", "/review/").status == 200
    assert shared.ask("POST", "/api/flow_runs/filter", {}, **{"x-perfeval-machine": "unser"}).status == 201


@pytest.mark.parametrize("fault", [StoreError("S06", "数据库不可用"), RuntimeError("a fault of ours")])
def test_runs_are_looked_after_for_ever_whatever_fails_once(office: Office, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.desk.standing_form, office.desk.faults = "bureau-r1-", [fault]
    rounds(office, 5)
    assert office.prefect.moved == ["Resuming"]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("CRASHED", "进程被终止"),
        ("FAILED", "RuntimeError: Flow run cannot be suspended. Received unexpected state from API: AwaitingRetry('…', type=SCHEDULED)"),
    ],
    ids=["was killed", "was taken for dead"],
)
def test_run_whose_process_is_gone_goes_on_three_times_and_is_then_told_of(
    office: Office, monkeypatch: pytest.MonkeyPatch, kind: str, message: str
) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    crashed, opened = {"type": kind, "message": message}, office.desk.open_runs
    office.prefect.state = crashed

    def open_runs() -> dict[str, str]:
        if office.desk.rounds % 5 == 0:
            office.prefect.state = crashed
        return opened()

    office.desk.open_runs = open_runs  # type: ignore[method-assign]
    rounds(office, 25)
    assert office.prefect.moved == ["AwaitingRetry"] * 3
    assert set(map(str, office.desk.told)) == {str((RUN, message, None))}


def test_run_that_could_not_keep_why_it_failed_is_told_of_and_left_alone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.prefect.state = {"type": "FAILED", "message": "perfeval.yml 有误"}
    rounds(office, 5)
    assert (office.prefect.moved, office.desk.told[0]) == ([], (RUN, "perfeval.yml 有误", None))


def test_run_that_came_to_its_gate_between_its_crashes_goes_on_without_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    opened = office.desk.open_runs

    def open_runs() -> dict[str, str]:
        revision, round_ = divmod(office.desk.rounds, 6)
        office.desk.standing_form = f"center-r{revision}-"
        if round_ == 0:
            office.prefect.state = {"type": "CRASHED", "message": "进程被终止"}
        elif round_ == 3:
            office.prefect.state = suspended(f"center-r{revision}-0")
        return opened()

    office.desk.open_runs = open_runs  # type: ignore[method-assign]
    rounds(office, 33)
    assert (office.prefect.moved, office.desk.told) == (["AwaitingRetry"] * 6, [])


def test_run_whose_retry_died_before_it_was_moved_is_told_of_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.prefect.state = {"type": "FAILED", "message": "perfeval.yml 有误"}
    rounds(office, 5)
    office.desk.failure = None  # as a command does that is killed then
    rounds(office, 15)
    assert office.desk.told == [(RUN, "perfeval.yml 有误", None)] * 2


def test_run_that_is_moved_a_moment_after_why_it_ended_was_taken_away_is_not_told_of(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    office.prefect.state, office.desk.failure = {"type": "FAILED"}, Failure("校验台账", "L00", "台账有 1 处错误")
    rounds(office, 5)

    def has_kept(_: str) -> bool:
        office.prefect.state = {"type": "SCHEDULED"}  # before anything else is asked
        return False

    office.desk.has_kept = has_kept  # type: ignore[method-assign]
    rounds(office, 15)
    assert len(office.desk.told) == 1


@pytest.mark.parametrize("year", [2022, 0])
def test_run_that_fails_before_it_has_an_evaluation_is_told_of_however_late(
    office: Office, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    state = {"type": "FAILED", "message": "perfeval.yml 有误"}
    due = {"expected_start_time": "2022-12-31T16:30:00Z", "parameters": {"request": {"year": year, "programme": "roads"}}}
    office.prefect.early = [{"id": OTHER_RUN, "state": state, "end_time": datetime.now(UTC).isoformat()} | due]
    rounds(office, 6)
    assert office.desk.told == [(OTHER_RUN, "perfeval.yml 有误", Started(2022, "roads"))]


def test_run_that_nobody_serves_is_waited_for_and_then_told_of(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.runs._REGISTERING_SECONDS", 0)
    office.prefect.serves = office.prefect.known = False
    office.as_person("POST", "/review/clerk/2022/roads", b"token=x", person="p2")
    assert (office.prefect.asked, office.desk.told) == ([], [(2022, "roads")])


def test_run_that_stands_where_it_must_is_asked_for_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.tending._PAUSE_SECONDS", 0.01)
    rounds(office, 6)
    assert office.prefect.looks == 1


@pytest.mark.parametrize("path", ["/review/", "/v2/dashboard", "/perfeval/session", "/perfeval/drafts/2022-roads-1/1.docx"])
@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (StoreError("S06", "数据库不可用", "稍后重试。"), 503, "稍后重试。"),
        (RuntimeError("a fault of ours"), 500, ".perfeval/prefect/server.log"),
    ],
)
def test_page_that_cannot_be_answered_says_so_in_chinese(office: Office, path: str, fault: Exception, status: int, told: str) -> None:
    office.desk.away = fault
    answer = office.as_person("GET", path, accept="text/html")
    assert (answer.status, told in answer.body.decode()) == (status, True)
    assert (answer.headers["x-content-type-options"], "content-security-policy" in answer.headers) == ("nosniff", True)


def test_fault_of_ours_is_written_down_and_told_to_scripts_too(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.desk.away = RuntimeError("a fault of ours")
    assert office.as_person("POST", RESUME, {"run_input": FORM}).detail.startswith("服务出错")
    assert "RuntimeError: a fault of ours" in caplog.text


def test_answer_that_has_begun_is_not_begun_again(office: Office) -> None:
    office.prefect.busy = 1
    with pytest.raises(RuntimeError):
        office.ask("POST", "/api/flow_runs/filter", b"{}", **MACHINE)


# ---- other acts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failed", ["FAILED", "CRASHED"])
def test_retry_of_a_failed_run_is_the_doors_own_and_recorded(office: Office, failed: str) -> None:
    office.prefect.state = {"type": failed}
    body = {
        "state": {"type": "SCHEDULED", "name": "X", "state_details": {"pause_key": "x", "run_input_keyset": {"schema": "y"}}},
        "force": True,
    }
    assert office.as_person("POST", SET_STATE, body).status == 409  # an approver's: ledgers half corrected would be taken in
    assert office.as_person("POST", SET_STATE, body, person="p2").status == 201
    ((_, _, told),) = office.prefect.asked
    assert (told["state"]["name"], list(told["state"]["state_details"])) == ("AwaitingRetry", ["scheduled_time"])
    assert office.desk.notes == [("p2", "重试", RUN)]


@pytest.mark.parametrize(
    ("path", "body"), [(SET_STATE, RETRY), ("/review/2022-roads-1/1/retry", b"token=x"), ("/review/2022-roads-1/1", b"decision=x")]
)
@pytest.mark.parametrize("busy", [False, True])
def test_run_that_is_tried_again_is_not_taken_for_failed_as_before(
    office: Office, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, busy: bool
) -> None:
    monkeypatch.setattr("flows.engine._PATIENCE_SECONDS", 0)
    office.prefect.state, office.desk.failure = {"type": "FAILED"}, Failure("校验台账", "L00", "台账有 1 处错误")
    office.prefect.busy = 10 * busy
    office.as_person("POST", path, body, "p2")
    assert (office.desk.failure is not None, office.prefect.state["type"]) == ((True, "FAILED") if busy else (False, "SCHEDULED"))


def test_run_whose_retry_breaks_off_keeps_why_it_ended(office: Office) -> None:
    failure = Failure("校验台账", "L00", "台账有 1 处错误")
    office.prefect.state, office.desk.failure, office.prefect.is_broken = {"type": "FAILED"}, failure, True
    assert office.as_person("POST", SET_STATE, RETRY, "p2").status == 500
    assert (office.desk.failure, office.prefect.state["type"]) == (failure, "FAILED")


def test_run_that_two_retry_at_once_is_moved_once(office: Office) -> None:
    office.prefect.state, who = {"type": "FAILED"}, {"cookie": "perfeval-4200=cookie-p2", "origin": ORIGIN}
    replaced = office.desk.replace_failure

    def replace_failure(run: str, failure: Failure | None) -> Failure | None:
        time.sleep(0.1)  # the store takes its time
        return replaced(run, failure)

    office.desk.replace_failure = replace_failure  # type: ignore[method-assign]

    async def both() -> list[Answer]:
        return await asyncio.gather(*(ask(office.door, "POST", SET_STATE, RETRY, **who) for _ in range(2)))

    assert sorted(answer.status for answer in asyncio.run(both())) == [201, 409]
    assert office.prefect.moved == ["AwaitingRetry"]


@pytest.mark.parametrize("kind", ["PAUSED", "RUNNING", "SCHEDULED", "COMPLETED", "CANCELLED"])
def test_run_that_has_not_failed_is_not_retried(office: Office, kind: str) -> None:
    office.prefect.state = {"type": kind}
    assert office.as_person("POST", SET_STATE, RETRY).status == 409
    assert (office.prefect.asked, office.desk.notes) == ([], [])


@pytest.mark.parametrize("kind", ["PAUSED", "CANCELLING", "CANCELLED", "RUNNING", "COMPLETED", "FAILED", "", None, 3])
def test_people_set_no_other_state(office: Office, kind: Any) -> None:
    office.prefect.state = {"type": "FAILED"}
    assert office.as_person("POST", SET_STATE, {"state": {"type": kind}, "force": True}).status == 409
    assert office.as_person("POST", SET_STATE, {"state": kind}).status == 409
    assert (office.prefect.asked, office.desk.notes) == ([], [])


def test_run_started_from_a_page_is_by_who_is_logged_in(office: Office) -> None:
    request = {"year": 2022, "programme": "roads", "prepared_by": "别人"}
    body = {"parameters": {"request": request}, "job_variables": {"env": {"A": "1"}}, "enforce_parameter_schema": False, "name": "x"}
    assert office.as_person("POST", START, body, "p2").status == 201
    ((_, _, told),) = office.prefect.asked
    assert told == {"parameters": {"request": {"year": 2022, "programme": "roads", "prepared_by": "样例经办人"}}}
    assert office.desk.notes == [("p2", "送审", "2022年度 roads")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"/api/deployments/{RUN}"), ("POST", "/api/deployments/"), ("PATCH", f"/api/flow_runs/{RUN}"),
        ("POST", "/api/flow_runs/"),
        ("POST", "/api/work_pools/"), ("PATCH", "/api/work_pools/perfeval"), ("DELETE", "/api/work_pools/perfeval"),
        ("POST", "/api/work_pools/perfeval/queues"), ("POST", "/api/work_pools/perfeval/get_scheduled_flow_runs/x"),
        ("POST", "/api/variables/"), ("PATCH", "/api/variables/name/a"), ("POST", "/api/block_documents/"), ("POST", "/api/automations/"),
        ("POST", f"/api/deployments/{RUN}/schedules"), ("POST", "/api/concurrency_limits/"),
    ],
)  # fmt: skip
def test_nobody_sets_what_a_runs_process_gets(office: Office, method: str, path: str) -> None:
    body = {"job_variables": {"env": {"PERFEVAL_WORKSPACE": "/elsewhere"}, "command": "sh"}, "base_job_template": {}, "value": "x"}
    assert office.as_person(method, path, body, "p2").status == 403
    assert office.prefect.asked == []


def test_notices_are_not_started_as_an_evaluation(office: Office) -> None:
    answer = office.as_person("POST", START.replace(RUN, OTHER_RUN), b'{"parameters": {"request": {"year": 2022}}}', "p2")
    assert (answer.status, answer.detail) == (409, "在网页上只能开始自评（annual）；通知每天自动发送，也可执行 perfeval remind。")
    assert (office.prefect.asked, office.desk.notes) == ([], [])


def test_run_is_started_by_operators_only(office: Office) -> None:
    answer = office.as_person("POST", START, {"parameters": {"request": {"year": 2022}}}, "p1")
    assert (answer.status, answer.detail) == (409, "“样例甲”不是经办人。")
    assert (office.prefect.asked, office.desk.notes) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        {"parameters": {"request": {"year": "2022"}}},
        {"parameters": {"request": {"year": {"__prefect_kind": "jinja", "template": "{{1}}"}}}},
        {"parameters": {"request": 3}}, {"parameters": {"request": {"year": 2022, "programme": ["x"]}}}, {"parameters": []},
        {"parameters": {"request": {}}, "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}},
    ],
)  # fmt: skip
def test_run_asked_for_in_any_other_way_is_refused(office: Office, body: Any) -> None:
    assert office.as_person("POST", START, body, "p2").status == 409
    assert office.prefect.asked == []


@pytest.mark.parametrize("path", [RESUME, SET_STATE, START])
def test_what_a_process_asks_of_a_run_is_repeated_while_the_database_is_locked(office: Office, path: str) -> None:
    office.prefect.busy = 3
    assert office.ask("POST", path, b'{"a": 1}', **MACHINE).status == 201
    assert [told for _, _, told in office.prefect.asked] == [{"a": 1}] * 4


def test_other_requests_are_passed_on_once(office: Office) -> None:
    office.prefect.busy = 1
    assert office.ask("POST", "/api/artifacts/", b"{}", **MACHINE).status == 503
    assert len(office.prefect.asked) == 1


def test_runner_hears_at_once_of_a_run_that_is_moved_and_else_now_and_then(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    due = ("POST", "/api/deployments/get_scheduled_flow_runs", b"{}")

    async def runner() -> None:
        monkeypatch.setattr("flows.engine._DUE_SECONDS", 60)
        await ask(office.door, *due, **MACHINE)  # of what was moved before the server
        waiting = asyncio.create_task(ask(office.door, *due, **MACHINE))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await ask(office.door, "POST", SET_STATE, b"{}", **MACHINE)
        await waiting
        await ask(office.door, *due, **MACHINE)  # begun after the move, so not held: it alone asks for what is due by then
        monkeypatch.setattr("flows.engine._DUE_SECONDS", 0.01)
        await ask(office.door, *due, **MACHINE)

    asyncio.run(asyncio.wait_for(runner(), 30))
    told = [path.rpartition("/")[2] for _, path, _ in office.prefect.asked]
    assert told == ["get_scheduled_flow_runs", "set_state", *["get_scheduled_flow_runs"] * 3]


# ---- pages of ours -------------------------------------------------------------------------------------------------------


def test_draft_is_handed_out_under_its_chinese_name(office: Office) -> None:
    answer = office.as_person("GET", "/perfeval/drafts/2022-roads-1/1.docx")
    assert (answer.status, answer.body) == (200, Path(__file__).read_bytes())
    assert "2022%E5%B9%B4%E5%BA%A6" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "path",
    [
        "/perfeval/drafts/2022-roads-1/2.docx", "/perfeval/drafts/../../store.db", "/perfeval/drafts/2022-roads-1/0.docx", "/perfeval/x",
        "/perfeval/static/../door.py", "/perfeval/static/", "/perfeval/static/enrol.js/", "/perfeval//etc/passwd",
    ],
)  # fmt: skip
def test_page_that_does_not_exist_is_not_found(office: Office, path: str) -> None:
    assert office.as_person("GET", path).status == 404


@pytest.mark.parametrize("path", ["/", "/perfeval/", "/review", "/review/2022-roads-1/1"])
def test_review_page_is_for_whoever_is_logged_in(office: Office, path: str) -> None:
    assert office.ask("GET", path).status == 401
    assert office.ask("GET", path, accept="text/html").headers["location"] == f"/perfeval/login?next={path}"
    answer = office.as_person("GET", path)
    assert (answer.status, office.review.visitors) == (
        200,
        [(path, web.Visitor(PEOPLE["cookie-p1"], "token of cookie-p1", "192.0.2.7"), b"")],
    )
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; ")


def test_review_page_is_made_with_files_that_anybody_gets(office: Office) -> None:
    assert office.ask("GET", "/review/static/review.css").headers["content-type"] == "text/css; charset=utf-8"
    assert office.as_person("GET", "/review/static/../review.py").body == b"seen"


def test_decision_on_a_review_page_is_answered_and_the_run_told_to_go_on_afterwards(office: Office) -> None:
    assert office.as_person("POST", "/review/2022-roads-1/1", b"decision=x", origin="https://evil.example").status == 403
    assert office.review.visitors == []
    office.desk.standing_form = "bureau-r1-"
    assert office.as_person("POST", "/review/2022-roads-1/1", b"decision=x").body == b"seen"
    assert office.prefect.moved == ["Resuming"]


def test_run_that_the_clerk_starts_on_his_page_is_of_the_deployment(office: Office) -> None:
    office.as_person("POST", "/review/clerk/2022/roads", b"token=x", person="p2")
    request = {"year": 2022, "programme": "roads", "prepared_by": "样例经办人"}
    assert office.prefect.asked[-1] == ("POST", START, {"parameters": {"request": request}})


@pytest.mark.parametrize(
    ("state", "moved"), [("FAILED", ["AwaitingRetry"]), ("CRASHED", ["AwaitingRetry"]), ("RUNNING", []), ("PAUSED", [])]
)
def test_run_is_tried_again_from_the_clerks_page_when_it_has_failed(office: Office, state: str, moved: list[str]) -> None:
    office.prefect.state = {"type": state}
    office.as_person("POST", "/review/2022-roads-1/1/retry", b"token=x", person="p2")
    assert office.prefect.moved == moved


def test_run_that_has_ended_early_goes_on_with_what_was_decided(office: Office) -> None:
    office.prefect.state = {"type": "FAILED"}
    office.as_person("POST", "/review/2022-roads-1/1", b"decision=x")
    assert office.prefect.moved == ["AwaitingRetry"]


def test_run_that_stands_where_it_should_is_left_alone(office: Office) -> None:
    office.as_person("POST", "/review/2022-roads-1/1", b"decision=x")
    assert office.prefect.moved == []


@pytest.mark.parametrize(
    "path", ["/perfeval/logout", "/perfeval/enrol/invitation", "/perfeval/enrol/code", "/perfeval/enrol/passkey/proof"]
)
def test_link_preview_that_opens_a_link_sets_nothing_going(office: Office, path: str) -> None:
    assert office.as_person("GET", path).status == 404
    assert office.as_person("GET", "/v2/dashboard").status == 200


def test_invitation_is_asked_for_by_the_page_and_told_where_it_is_open(office: Office) -> None:
    answer = office.ask("POST", "/perfeval/enrol/invitation", {"token": "good"}, origin=ORIGIN)
    assert (answer.status, json.loads(answer.body)) == (200, {"name": "样例乙", "origin": ORIGIN})
    assert office.ask("POST", "/perfeval/enrol/invitation", {"token": "bad"}, origin=ORIGIN).status == 409
    assert office.ask("POST", "/perfeval/enrol/invitation", b'{"token": "\\ud800"}', origin=ORIGIN).status == 400


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("login.js", "text/javascript"), ("enrol.js", "text/javascript")])
def test_pages_have_their_files_with_or_without_login(office: Office, name: str, kind: str) -> None:
    answer = office.ask("GET", f"/perfeval/static/{name}")
    assert (answer.status, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")


def test_office_that_cannot_be_opened_tells_people_why_and_lets_our_processes_in(office: Office) -> None:
    for path in ("/", "/review/", "/perfeval/login", "/api/flow_runs/filter"):
        answer = asyncio.run(ask(office.door, "GET", path, port=4201))
        assert answer.status == 503, path
        assert answer.body.decode().startswith("本单位的工作区 /offices/b 暂时打不开：\nperfeval.yml:16: YAML 写法有误\n"), path
    assert asyncio.run(ask(office.door, "GET", "/api/ready", port=4201, **MACHINE)).status == 200
