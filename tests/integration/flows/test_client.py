"""What commands ask of Prefect, of a stand-in for its server that answers as it is told to."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from flows import client
from flows.client import Address, Client, Deployment, Run
from perfeval.errors import ServerError

RUN = {
    "id": "r1", "name": "x", "state": {
        "type": "PAUSED", "message": None, "state_details": {"pause_key": "center-r1-0", "scheduled_time": "2023-01-05T09:00:00.000000Z"},
    },
}  # fmt: skip


class Prefect(ThreadingHTTPServer):
    """A server that keeps what it is asked and gives the next of its answers; a status of 0 is no answer at all."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, Any, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Prefect

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((self.command, self.path, body and json.loads(body), self.headers.get("x-perfeval-machine")))
        status, document = self.server.answers.pop(0)
        if status:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

    do_POST = do_GET  # noqa: N815  # as the library calls it

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    with Prefect() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def asking(prefect: Prefect, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client in an office behind a proxy, which does not lead to this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(client, "_PAUSE_SECONDS", 0.01)
    return Client(Address(f"http://127.0.0.1:{prefect.server_port}", "", "secret"))


def test_run_is_read_as_far_as_a_command_needs_it(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(200, RUN), (200, {"id": "r2", "state": None}), (404, {})]
    assert asking.read_run("r1") == Run("r1", "PAUSED", "center-r1-0", datetime(2023, 1, 5, 9, tzinfo=UTC))
    assert asking.read_run("r2") == Run("r2")
    assert asking.read_run("r3") is None
    assert prefect.asked[0] == ("GET", "/api/flow_runs/r1", b"", "secret")


def test_run_is_started_once_however_often_the_server_is_asked(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [
        (503, {"detail": "database is locked"}),
        (500, {"exception_message": "Internal Server Error"}),
        (0, None),
        (201, RUN),
    ]
    assert asking.start_run("d1", {"year": 2022}).id == "r1"
    (once,) = {json.dumps(asked) for asked in prefect.asked}
    assert json.loads(once)[1] == "/api/deployments/d1/create_flow_run"
    assert json.loads(once)[2]["parameters"] == {"request": {"year": 2022}}
    assert len(json.loads(once)[2]["idempotency_key"]) == 32


def test_run_is_moved_on_and_its_steps_are_read(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(201, {}), (200, [{"id": "t1", "name": "接收台账-a1f", "state": {}}])]
    asking.move("r1")
    assert asking.read_steps("r1") == [("t1", "接收台账-a1f")]
    (_, path, moved, _), (_, _, filtered, _) = prefect.asked
    assert (path, moved["state"]["type"], moved["force"]) == ("/api/flow_runs/r1/set_state", "SCHEDULED", True)
    assert filtered["flow_runs"] == {"id": {"any_": ["r1"]}}


def test_deployment_that_is_not_registered_yet_is_none(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(404, {}), (200, {"id": "d1"})]
    assert (asking.find_deployment(), asking.find_deployment()) == (None, Deployment("d1"))


def test_server_that_refuses_is_told_at_once_and_nobody_is_shown_what_it_says(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(422, {"detail": "no such field"})]
    with pytest.raises(ServerError) as fault:
        asking.read_run("r1")
    assert (fault.value.code, fault.value.message) == ("P18", "与服务的连接中断：服务不接受这个请求（422）")


@pytest.mark.parametrize("status", [500, 503])
def test_server_that_stays_busy_is_given_up(prefect: Prefect, asking: Client, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(client, "_PATIENCE_SECONDS", 0)
    prefect.answers = [(status, {"detail": "database is locked"})] * 9
    with pytest.raises(ServerError) as fault:
        asking.read_run("r1")
    assert fault.value.message == f"与服务的连接中断：服务一直忙，或它的数据库没有应答（{status}）"


def test_server_that_does_not_answer_is_given_up(prefect: Prefect, asking: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE_SECONDS", 0)
    prefect.answers = [(0, None)] * 9
    with pytest.raises(ServerError) as fault:
        asking.read_run("r1")
    assert fault.value.message == "与服务的连接中断：服务没有应答"


def test_server_whose_database_is_away_is_told_from_one_that_is_gone(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(200, {}), (503, {}), (200, True), (0, None), (0, None), (500, {}), (502, {})]
    assert [asking.lacks_database() for _ in range(4)] == [False, True, False, False]
    assert [asked[1] for asked in prefect.asked[:3]] == ["/api/ready", "/api/ready", "/api/health"]


def test_server_that_has_ended_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    ended = Client(Address(f"http://127.0.0.1:{port}", "", "secret"))
    assert not ended.is_ready()
    with pytest.raises(ServerError) as fault:
        ended.read_run("r1")
    assert (fault.value.code, fault.value.message) == ("P18", "与服务的连接中断：服务已经结束")
    assert "perfeval run" in fault.value.hint


def test_server_says_of_whoever_has_another_key_that_it_does_not_know_him(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(200, "3.8.8"), (401, {"detail": "没有登录"}), (0, None), (500, {}), (503, {})]
    assert [asking.takes_us() for _ in range(5)] == [True, False, True, True, True]


def test_units_of_others_are_told_where_none_of_ours_is_there(prefect: Prefect, asking: Client) -> None:
    prefect.answers = [(200, [{"tags": ["甲"]}]), (200, []), (200, [{"tags": ["丙"]}, {"tags": ["乙"]}])]
    assert (asking.find_others(["甲"]), asking.find_others(["甲"])) == ([], ["丙", "乙"])
    assert prefect.asked[0][2]["deployments"] == {"tags": {"any_": ["甲"]}}
