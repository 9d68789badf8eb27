"""The door before a real Prefect: what people's requests come to, and runs that move while others write into Prefect's SQLite."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from perfeval.approvals.keys import derive_key
from perfeval.approvals.person import Person
from perfeval.approvals.session import seal_session

pytestmark = pytest.mark.e2e


@pytest.fixture
def machine(server) -> Iterator[httpx.Client]:
    """One of our processes."""
    headers = json.loads(server["PREFECT_CLIENT_CUSTOM_HEADERS"])
    with httpx.Client(base_url=server["PREFECT_API_URL"], headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def stranger(server) -> Iterator[httpx.Client]:
    """Somebody with a cookie of his own making, on a page of ours."""
    origin = server["PREFECT_API_URL"].removesuffix("/api")
    cookie = seal_session(Person("p1", "样例甲", ("center",)), datetime.now(UTC), derive_key("a key of his own", "session"))
    port = origin.rpartition(":")[2]
    with httpx.Client(base_url=server["PREFECT_API_URL"], headers={"origin": origin, "cookie": f"perfeval-{port}={cookie}"}) as client:
        yield client


@contextmanager
def writers(machine: httpx.Client) -> Iterator[None]:
    """Two of our processes that write ten times a second each."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.1):
            noise = {"key": f"noise-{uuid4()}", "type": "markdown", "data": "x"}
            assert machine.post("/artifacts/", json=noise).status_code == 201

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_run_told_to_go_on_while_others_write_always_does(office, machine):
    office.execute()
    suspended = office.state
    go_on = {"state": {"type": "SCHEDULED", "name": "Resuming"}, "force": True}

    def click() -> int:
        office.force(suspended)
        return machine.post(f"/flow_runs/{office.run}/set_state", json=go_on).status_code

    with writers(machine):
        clicks = [click() for _ in range(40)]
    assert set(clicks) == {201}


def test_stranger_sees_and_does_nothing(stranger, office):
    asked = [
        stranger.get("/admin/version"), stranger.post("/flow_runs/filter", json={}), stranger.get(f"/flow_runs/{office.run}"),
        stranger.post(f"/flow_runs/{office.run}/set_state", json={"state": {"type": "COMPLETED"}}), stranger.get("/../v2/dashboard"),
    ]  # fmt: skip
    assert {answer.status_code for answer in asked} == {401}
    assert {name for answer in asked for name in answer.headers if name.startswith("access-control")} == set()


def test_secrets_are_in_no_answer(machine, server):
    secret = json.loads(server["PREFECT_CLIENT_CUSTOM_HEADERS"])["x-perfeval-machine"]
    shown = [machine.get(f"/admin/{name}") for name in ("settings", "version", "storage")]
    assert [answer.status_code for answer in shown] == [200, 200, 200]
    assert not any(word in answer.text for answer in shown for word in (secret, "an invented key"))
