"""Clicks of the Prefect UI, which asks once, while others write into Prefect's SQLite."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def browser(server) -> Iterator[httpx.Client]:
    """A logged-in browser with its CSRF token."""
    user, password = server["PREFECT_API_AUTH_STRING"].split(":", 1)
    with httpx.Client(base_url=server["PREFECT_API_URL"], auth=(user, password), timeout=60) as client:
        token = client.get("/csrf-token", params={"client": "test"}).json()["token"]
        client.headers.update({"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"})
        yield client


@contextmanager
def writers(browser: httpx.Client, server) -> Iterator[None]:
    """Two of our processes that write ten times a second each."""
    done = threading.Event()
    machine = json.loads(server["PREFECT_CLIENT_CUSTOM_HEADERS"])

    def write() -> None:
        while not done.wait(0.1):
            noise = {"key": f"noise-{uuid4()}", "type": "markdown", "data": "x"}
            assert browser.post("/artifacts/", json=noise, headers=machine).status_code == 201

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_resume_clicked_while_others_write_never_fails(office, browser, server):
    office.execute()
    suspended = office.state
    form = {"run_input": {"decision": "同意", "approver": "某人", "code": "000000", "check_code": "00000000"}}

    def click() -> int:
        office.force(suspended)
        answer = browser.post(f"/flow_runs/{office.run}/resume", json=form)
        office.client.delete_flow_run_input(office.run, "suspended-center-r1-0-response")
        return answer.status_code

    with writers(browser, server):
        clicks = [click() for _ in range(40)]
    assert set(clicks) == {201}


def test_csrf_token_is_required_to_write(office, browser):
    del browser.headers["Prefect-Csrf-Token"]
    assert browser.post(f"/flow_runs/{office.run}/resume", json={}).status_code == 403


def test_people_cannot_change_what_a_deployment_runs(office, browser):
    steps = [{"prefect.deployments.steps.run_shell_script": {"script": "id"}}]
    deployment = office.client.read_flow_run(office.run).deployment_id
    assert browser.patch(f"/deployments/{deployment}", json={"pull_steps": steps}).status_code == 403
    assert not office.client.read_deployment(deployment).pull_steps


def test_secret_of_our_processes_is_in_no_answer(browser, server):
    secret = json.loads(server["PREFECT_CLIENT_CUSTOM_HEADERS"])["x-perfeval-machine"]
    password = server["PREFECT_API_AUTH_STRING"].partition(":")[2]
    shown = [browser.get(f"/admin/{name}") for name in ("settings", "version", "storage")]
    assert [answer.status_code for answer in shown] == [200, 200, 200]
    assert not any(word in answer.text for answer in shown for word in (secret, password, "an invented key"))


def test_api_is_closed_without_the_password(server):
    assert httpx.get(f"{server['PREFECT_API_URL']}/deployments/count").status_code in {401, 405}
    assert httpx.post(f"{server['PREFECT_API_URL']}/flow_runs/filter", json={}).status_code in {401, 403}
