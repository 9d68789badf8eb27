"""What logged-in people ask of a served office: what they may not do acts on nothing, and no click that was accepted is ever lost."""

import itertools
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from terminal import Strike, like

from flows.forms import awaited
from perfeval import persons
from perfeval.approvals.record import PEOPLE
from perfeval.audit import audit
from perfeval.model import Stage, Status
from perfeval.office import Office, open_office
from perfeval.reperformance import verify_archive
from perfeval.steps import statuses

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

KEY = "an invented key for tests"
KILLS = int(os.environ.get("PERFEVAL_TESTS_KILLS", "10"))
VICTIMS = {"server": "flows.door", "runner": "flows.runner", "flow": "prefect.engine", "warm": "flows.warm"}
OK, ACCEPTED, MOVED, REFUSED, CLOSED = 200, 201, 303, 409, 401


class Person:
    """Somebody logged in, who asks what his browser would."""

    def __init__(self, url: str, name: str, code: str) -> None:
        self.name = name
        self.client = httpx.Client(base_url=url, headers={"origin": url}, timeout=60, trust_env=False)
        answer = self.client.post("/perfeval/login", data={"name": name, "code": code})
        assert answer.status_code == MOVED, answer.text

    def post(self, path: str, document: Any) -> httpx.Response:
        return self.client.post(path, json=document)

    def resume(self, run: str, form: dict[str, Any]) -> httpx.Response:
        return self.post(f"/api/flow_runs/{run}/resume", {"run_input": form})

    def state(self, run: str) -> dict[str, Any]:
        return dict(self.client.get(f"/api/flow_runs/{run}").json()["state"])


class Served:
    """An office whose server is up, and what its store holds."""

    def __init__(self, terminal: Any, url: str) -> None:
        self.terminal, self.url = terminal, url
        self.office: Office = open_office(terminal.folder)

    def log_in(self, role: str, name: str = "") -> Person:
        return Person(self.url, name or role, self.terminal.code(role))

    @property
    def status(self) -> Status:
        (status,) = statuses(self.office)
        return status

    @property
    def run(self) -> str:
        with self.office.store.reading() as record:
            (run,) = record.runs().values()
        return run

    @property
    def heads(self) -> list[str]:
        """The ends of all chains: whatever is told to the record changes one."""
        with self.office.store.reading() as record:
            return [record.head(chain) for chain in (PEOPLE, *(item.revision.evaluation.id for item in statuses(self.office)))]

    def form(self, role: str, decision: str, code: str = "", **changes: str) -> dict[str, str]:
        draft = self.status.draft
        assert draft
        answer = {"decision": decision, "approver": role, "check_code": draft.check_code, "comment": "请核对支出明细"}
        return answer | {"code": code or self.terminal.code(role)} | changes

    def await_form(self, person: Person, form: str = "") -> None:
        """Wait until the run stands at a form, the one the store waits for; one that crashed is retried, as its operator does."""
        deadline = time.monotonic() + 120
        while True:
            with suppress(httpx.TransportError, KeyError):
                state, key = person.state(self.run), form or awaited(self.status)
                if key and state["type"] == "PAUSED" and (state["state_details"]["pause_key"] or "").startswith(key):
                    return
                if state["type"] in {"FAILED", "CRASHED"}:
                    person.post(f"/api/flow_runs/{self.run}/set_state", {"state": {"type": "SCHEDULED"}})
            assert time.monotonic() < deadline, (form, person.state(self.run), self.status)
            time.sleep(0.25)


@pytest.fixture
def served(terminal: Any) -> Iterator[Served]:
    """A served office whose evaluation waits for the centre."""
    server, url = terminal.serve()
    code, waiting = terminal.run(PERFEVAL_KEY=KEY)
    assert (code, waiting["state"]) == (0, "waiting-center")
    yield Served(terminal, url)
    server.terminate()
    server.communicate(timeout=60)


def test_people_move_no_run_past_a_gate_and_see_nobodys_answer(served: Served) -> None:
    center, run = served.log_in("center"), served.run
    stands, heads = center.state(run), served.heads
    key = stands["state_details"]["pause_key"]
    mine = {"schema": "suspended-mine-schema", "response": "suspended-mine-response", "description": "suspended-mine-description"}
    states = [{"type": kind} for kind in ("CANCELLING", "CANCELLED", "RUNNING", "COMPLETED", "PENDING", "SCHEDULED", "FAILED", "CRASHED")]
    captured = {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_key": "mine", "run_input_keyset": mine}}
    for state in (*states, captured):
        assert center.post(f"/api/flow_runs/{run}/set_state", {"state": state, "force": True}).status_code == REFUSED
    assert center.client.get(f"/api/flow_runs/{run}/input/suspended-{key}-response").status_code == 404
    assert center.post(f"/api/flow_runs/{run}/input/filter", {"prefix": "suspended"}).status_code == 403
    assert center.post(f"/api/flow_runs/{run}/input", {"key": f"suspended-{key}-response", "value": "{}"}).status_code == 403
    assert center.client.patch(f"/api/flow_runs/{run}", json={"parameters": {"request": {"year": 2021}}}).status_code == 403
    assert center.client.delete(f"/api/flow_runs/{run}").status_code == 403
    assert (center.state(run), served.heads) == (stands, heads)
    # Whoever waits for the run meanwhile is told where it stands.
    code, waiting = served.terminal.run(PERFEVAL_KEY=KEY)
    assert (code, waiting["state"]) == (0, "waiting-center")


def test_forms_that_decide_nothing_are_told_at_once_and_the_right_one_decides(served: Served) -> None:
    center, bureau, clerk = served.log_in("center"), served.log_in("bureau"), served.log_in("operator", "样例经办人")
    run, stands = served.run, center.state(served.run)
    asked = [
        (center, served.form("center", "同意", "000000"), "动态码不正确"),
        (center, served.form("bureau", "同意", "123456"), "登录的是“center”，表单上的审批人是“bureau”"),
        (center, served.form("center", "同意", "123456", approver="编造的人"), "登录的是“center”"),
        (center, served.form("center", "也许", "123456"), "审批决定应为"),
        (center, {"decision": {"__prefect_kind": "jinja", "template": "{{ range(99999999) | list }}"}}, "没有填写"),
        (center, {"__prefect_kind": "jinja", "template": "{{ 'x' * 10**9 }}"}, "没有填写"),
        (bureau, served.form("bureau", "同意"), ""),
        (clerk, served.form("center", "同意", "123456", approver="样例经办人"), ""),
    ]
    for person, form, told in asked:
        answer = person.resume(run, form)
        assert (answer.status_code, told in answer.json()["detail"]) == (REFUSED, True), answer.text
    surrogate = center.client.post(f"/api/flow_runs/{run}/resume", content=b'{"run_input": {"comment": "\\ud800"}}')
    assert surrogate.status_code == 400
    pattern = {"json_schema": {"properties": {"a": {"pattern": "^(a+)+$"}}}, "values": {"a": "a" * 60 + "!"}}
    assert center.post("/api/ui/schemas/validate", pattern).json() == {"valid": True, "errors": []}
    assert (center.state(run), served.status.key) == (stands, "waiting-center")

    form = served.form("center", "退回修改")
    assert center.resume(run, form).json()["status"] == "ACCEPT"
    assert served.status.key == "correcting"
    # The same form, sent once more by somebody who has seen it, meets a run that has gone on.
    assert center.resume(run, form | {"decision": "同意"}).status_code == REFUSED
    served.await_form(clerk, "correction-r1")
    with served.office.store.reading() as record:
        texts = [entry.line for chain in (PEOPLE, served.status.revision.evaluation.id) for entry in record.entries(chain)]
    assert not [line for line in texts if re.search(rf"(?<![0-9a-f]){form['code']}(?![0-9a-f])", line)]


def test_link_preview_that_opens_every_link_changes_nothing(served: Served) -> None:
    center, run = served.log_in("center"), served.run
    stands, heads = center.state(run), served.heads
    pages = ["/", "/perfeval/", "/review/2022-zdxm-1/1", "/perfeval/login", "/perfeval/enrol", "/perfeval/session", "/perfeval/logout"]
    links = {link for page in pages for link in re.findall(r'(?:href|src|action)="(/[^"]*)"', center.client.get(page).text)}
    acts = [f"/api/flow_runs/{run}/resume", f"/api/flow_runs/{run}/set_state", "/perfeval/enrol/code/proof", f"/v2/runs/flow-run/{run}"]
    assert len(links) > 5
    for link in (*sorted(links), *acts):
        assert center.client.get(link, headers={"accept": "text/html"}).status_code < 500
        assert center.client.head(link).status_code < 500
    assert (center.state(run), served.heads) == (stands, heads)
    assert center.client.get("/api/admin/version").status_code == OK


def test_clicks_accepted_around_the_death_of_any_process_are_all_kept(served: Served) -> None:
    chance = random.Random(8)  # noqa: S311  # repeatable deaths
    clerk, run = served.log_in("operator", "样例经办人"), served.run
    for name in ("center-2", "center-3", "center-4"):  # one phone gives a code in half a minute
        served.terminal.enrol(name, "center")
    approvers = itertools.cycle([served.log_in(name) for name in ("center", "center-2", "center-3", "center-4")])
    accepted, killed, number = [], [], 0
    while len(killed) < KILLS or set(killed) != set(VICTIMS):  # a run is not always there to be hit
        number += 1
        before = served.status
        if before.stage is Stage.CORRECTING:
            person, form = clerk, {"note": f"第{number}次点击"}
        else:
            person = next(approvers)
            form = served.form(person.name, "退回修改", comment=f"第{number}次点击")
        victim, delay = chance.choice(list(VICTIMS)), chance.choice([chance.uniform(0, 0.2), chance.uniform(0, 5)])
        with Strike(served.terminal, like(VICTIMS[victim]), delay) as strike:
            answer = None
            with suppress(httpx.TransportError):
                answer = person.resume(run, form)
        killed += [victim] if strike.has_hit else []
        after = served.status
        is_taken = (after.stage, after.revision) != (before.stage, before.revision)
        if answer is not None and answer.status_code == ACCEPTED:
            assert is_taken, (victim, before, after)
        accepted += [form.get("comment") or form["note"]] if is_taken else []
        served.await_form(clerk)

    evaluation = served.status.revision.evaluation
    with served.office.store.reading() as record:
        kept = [item.comment for item in record.decisions(evaluation)] + list(record.corrections(evaluation).values())
    assert sorted(kept) == sorted(accepted)
    if served.status.stage is Stage.CORRECTING:
        assert clerk.resume(run, {"note": "最后一次"}).status_code == ACCEPTED
        served.await_form(clerk, "center-")
    bureau = served.log_in("bureau")
    for person, key in ((next(approvers), "bureau-"), (bureau, "")):
        assert person.resume(run, served.form(person.name, "同意")).status_code == ACCEPTED
        if key:
            served.await_form(clerk, key)
    served.terminal.await_stage("archived")
    (bag,) = served.office.workspace.archive_folder.iterdir()
    assert [check for check in verify_archive(bag) if not check.ok] == []
    with served.office.store.reading() as record:
        assert audit(record).faults == ()


def test_cookie_is_worthless_once_its_person_is_revoked(served: Served) -> None:
    center = served.log_in("center")
    assert center.client.get("/api/admin/version").status_code == OK
    with served.office.store.reading() as record:
        people = record.people()
    revoked, operator = persons.find(people, "center"), persons.find(people, "样例经办人")
    assert revoked
    assert operator
    persons.revoke(served.office, revoked.id, operator.id, "调离", code=served.terminal.code("operator"))
    assert center.client.get("/api/admin/version").status_code == CLOSED
    assert center.resume(served.run, served.form("center", "同意", "123456")).status_code == CLOSED
