"""The outer application around Prefect's, with a stand-in for Prefect's."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.server import Front
from perfeval.errors import StoreError


def busy(refusals: int, bodies: list[bytes]) -> ASGIApp:
    """Prefect answering 503 so many times, raising after it as Starlette's error middleware does, and then 201."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        bodies.append(body)
        status = 503 if len(bodies) <= refusals else 201
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})
        if status == 503:
            raise RuntimeError

    return app


def answering(status: int, bodies: list[bytes]) -> ASGIApp:
    """Prefect answering once."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Prefect raising without an answer."""
    raise RuntimeError


def find_draft(evaluation: str, revision: int) -> tuple[Path, str]:
    if evaluation == "2022-zdxm-1" and revision == 1:
        return Path(__file__), "2022年度自评报告-第1稿.docx"
    raise StoreError("S09", f"{evaluation} 没有第{revision}稿")


def ask(app: Any, method: str, path: str, body: bytes = b"", login: str = "", machine: str = "") -> tuple[int, dict[str, str], bytes]:
    front = Front(app, find_draft, "perfeval:geheim", "unser")
    headers = [(b"authorization", b"Basic " + base64.b64encode(login.encode()))] if login else []
    headers += [(b"x-perfeval-machine", machine.encode())] if machine else []
    parts = [{"type": "http.request", "body": body[:3], "more_body": True}, {"type": "http.request", "body": body[3:], "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0) if parts else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b"", "root_path": ""}
    asyncio.run(front(scope, receive, send))
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, content


@pytest.mark.parametrize("action", ["resume", "set_state"])
def test_click_on_a_busy_database_is_repeated_until_it_succeeds(action):
    bodies: list[bytes] = []
    status, _, body = ask(busy(3, bodies), "POST", f"/api/flow_runs/0d8c7d0e/{action}", b'{"run_input": {}}')
    assert (status, body) == (201, b'{"run_input": {}}')
    assert bodies == [b'{"run_input": {}}'] * 4


def test_other_requests_are_passed_on_once():
    bodies: list[bytes] = []
    status, headers, _ = ask(answering(503, bodies), "PATCH", "/api/flow_runs/0d8c7d0e/labels", b"{}", machine="unser")
    assert (status, len(bodies)) == (503, 1)
    assert "connect-src 'self'" in headers["content-security-policy"]


PEOPLES = [
    ("POST", "/api/flow_runs/filter", b"{}"),
    ("POST", "/api/deployments/get_scheduled_flow_runs", b"{}"),
    ("POST", "/api/ui/flows/next-runs", b"{}"),
    ("POST", "/api/events/count-by/day", b"{}"),
    ("POST", "/api/flow_runs/0d8c7d0e/resume", b'{"run_input": {}}'),
    ("POST", "/api/flow_runs/0d8c7d0e/set_state", b'{"state": {"type": "SCHEDULED"}}'),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b'{"parameters": {}, "job_variables": null}'),
]
NOT_PEOPLES = [
    ("PATCH", "/api/deployments/0d8c7d0e", b'{"pull_steps": []}'),
    ("POST", "/api/deployments/", b"{}"),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b'{"job_variables": {"env": {"A": "1"}}}'),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b'{"empirical_policy": {"retries": 9999}}'),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b'{"state": {"type": "COMPLETED"}}'),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b'{"state": {"type": "SCHEDULED", "state_details": {"a": 1}}}'),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b'{"enforce_parameter_schema": false}'),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run", b"["),
    ("POST", "/api/deployments/0d8c7d0e/create_flow_run/bulk", b"[]"),
    ("POST", "/api/flow_runs/0d8c7d0e/input", b"{}"),
    ("POST", "/api/flow_runs/bulk_set_state", b"{}"),
    ("PATCH", "/api/variables/name/count", b"{}"),
    ("POST", "/api/automations/", b"{}"),
    ("DELETE", "/api/flow_runs/0d8c7d0e", b""),
]


@pytest.mark.parametrize(("method", "path", "body"), PEOPLES)
def test_people_may_look_answer_retry_and_start(method, path, body):
    assert ask(answering(200, []), method, path, body)[0] == 200


@pytest.mark.parametrize(("method", "path", "body"), NOT_PEOPLES)
def test_all_else_is_for_our_processes(method, path, body):
    bodies: list[bytes] = []
    assert ask(answering(200, bodies), method, path, body)[0] == 403
    assert ask(answering(200, bodies), method, path, body, machine="falsch")[0] == 403
    assert bodies == []
    assert ask(answering(200, bodies), method, path, body, machine="unser")[0] == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_schemes_of_the_api_are_not_shown(path):
    assert ask(silent, "GET", path)[0] == 404


def test_click_that_prefect_cannot_answer_is_raised():
    with pytest.raises(RuntimeError):
        ask(silent, "POST", "/api/flow_runs/0d8c7d0e/resume", b"{}")


def test_click_with_a_huge_body_is_refused():
    bodies: list[bytes] = []
    assert ask(busy(0, bodies), "POST", "/api/flow_runs/0d8c7d0e/resume", b"x" * 16_000_001)[0] == 413
    assert bodies == []


@pytest.mark.parametrize("login", ["", "perfeval:falsch", "geheim"])
def test_draft_without_login_is_refused(login):
    status, headers, _ = ask(silent, "GET", "/perfeval/drafts/2022-zdxm-1/1.docx", login=login)
    assert status == 401
    assert headers["www-authenticate"].startswith("Basic")


def test_draft_with_login_is_handed_out_under_its_chinese_name():
    status, headers, body = ask(silent, "GET", "/perfeval/drafts/2022-zdxm-1/1.docx", login="perfeval:geheim")
    assert status == 200
    assert "2022%E5%B9%B4%E5%BA%A6" in headers["content-disposition"]
    assert body == Path(__file__).read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/perfeval/drafts/2022-zdxm-1/2.docx", "/perfeval/drafts/../../store.db", "/perfeval/drafts/2022-zdxm-1/0.docx", "/perfeval/"],
)
def test_draft_that_does_not_exist_is_not_found(path):
    assert ask(silent, "GET", path, login="perfeval:geheim")[0] == 404
