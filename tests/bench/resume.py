"""How long a click on Resume waits: for its answer, and until the run is Running again; and how long `decide` takes.

    python tests/bench/resume.py [--revisions N]

A sample year on the real server and runner, returned and corrected again and again, by clicks as a browser sends them. Targets: a
median of at most 300 milliseconds for an answer, and of at most 3 seconds from the answer to Running, by the states' own times.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pyotp

from flows.serve import conducting
from perfeval import persons, steps
from perfeval.approvals.codes import STEP_SECONDS
from perfeval.model import Answer, Draft, Evaluation, Stage, Verdict
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.workspace import KEY_VARIABLE

ANSWER_SECONDS, RUNNING_SECONDS = 0.3, 3.0
CLERK = "样例经办人"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revisions", type=int, default=8)
    revisions = parser.parse_args().revisions
    os.environ[KEY_VARIABLE] = "an invented key for measuring"
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        folder = Path(temporary) / "office"
        create_workspace(folder, sample="taojiang-2022")
        office = open_office(folder)
        clerk = enrol(office, CLERK, "operator")
        # A phone gives one code in half a minute: every revision is returned by somebody else.
        approvers = {name: enrol(office, name, "center") for name in (f"样例审批人{number}" for number in range(revisions + 1))}
        with conducting(office) as (conductor, _):
            position = conductor.begin(office.workspace.subject(2022), CLERK)
            assert position.status
            evaluation, clicks = position.status.revision.evaluation, []
            pages = log_in(CLERK, clerk)
            for name, phone in list(approvers.items())[:-1]:
                form = returning(office, evaluation, name)
                clicks.append(clicked(log_in(name, phone), position.run_id, form | {"code": next_code(phone)}))
                conductor.go_on(evaluation)
                clicks.append(clicked(pages, position.run_id, {"note": "已核对"}))
                conductor.go_on(evaluation)
            waits = waited(UUID(position.run_id))
        name, phone = list(approvers.items())[-1]
        decided = timed_decision(office, evaluation, name, phone)
    tell("click → answer", clicks, ANSWER_SECONDS)
    tell("answer → running", waits, RUNNING_SECONDS)
    sys.stdout.write(f"decide, within its process: {decided * 1000:.0f} ms\n")


def enrol(office: Office, name: str, role: str) -> pyotp.TOTP:
    """Invite, enrol and confirm somebody; the first is the operator."""
    with office.store.reading() as record:
        first = next(iter(record.people().persons), None)
    invitation = persons.invite(office, name, [role], first)
    offer = persons.offer_code(office, invitation.token)
    phone = pyotp.TOTP(offer.secret)
    left = STEP_SECONDS - time.time() % STEP_SECONDS
    time.sleep(left if left < 1 else 0)  # a code of the half minute before would expire on its way
    made = persons.enrol_code(office, invitation.token, offer.secret, phone.at(time.time() - STEP_SECONDS))
    persons.confirm(office, made.person, made.fingerprint, first or made.person, on_paper=True)
    return phone


def log_in(name: str, phone: pyotp.TOTP) -> httpx.Client:
    """A browser in which somebody is logged in."""
    origin = os.environ["PREFECT_API_URL"].removesuffix("/api")
    client = httpx.Client(base_url=origin, headers={"origin": origin}, timeout=60, trust_env=False)
    client.post("/perfeval/login", data={"name": name, "code": phone.now()})
    return client


def next_code(phone: pyotp.TOTP) -> str:
    """A code that was not used for the login."""
    return phone.at(time.time() + STEP_SECONDS)


def draft_of(office: Office, evaluation: Evaluation) -> Draft:
    draft = steps.status(office, evaluation).draft
    assert draft
    return draft


def returning(office: Office, evaluation: Evaluation, name: str) -> dict[str, Any]:
    """A form that returns the draft."""
    code = draft_of(office, evaluation).check_code
    return {"decision": "退回修改", "approver": name, "check_code": code, "comment": "请核对支出明细"}


def clicked(pages: httpx.Client, run: str, form: dict[str, Any]) -> float:
    """Seconds until a filled-in form is answered."""
    began = time.monotonic()
    answer = pages.post(f"/api/flow_runs/{run}/resume", json={"run_input": form})
    seconds = time.monotonic() - began
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return seconds


def timed_decision(office: Office, evaluation: Evaluation, name: str, phone: pyotp.TOTP) -> float:
    """Seconds that deciding takes where no server is asked."""
    status = steps.status(office, evaluation)
    assert status.stage is Stage.WAITING
    assert status.gate
    answer = Answer(Verdict.APPROVE, name, phone.now(), draft_of(office, evaluation).check_code, "")
    began = time.monotonic()
    steps.decide(office, status.revision, status.gate, answer)
    return time.monotonic() - began


def waited(run: UUID) -> list[float]:
    """Seconds from each click to the Running that follows it."""
    from prefect import get_client  # reads the environment that conducting has set

    with get_client(sync_client=True) as client:
        states = sorted(client.read_flow_run_states(run), key=lambda state: state.timestamp)
    resumed = [after.timestamp for before, after in pairwise(states) if before.is_paused()]
    running = [state.timestamp for state in states if state.is_running()][1:]
    return [(after - before).total_seconds() for before, after in zip(resumed, running, strict=True)]


def tell(what: str, seconds: Sequence[float], target: float) -> None:
    middle = statistics.median(seconds)
    met = "met" if middle <= target else "MISSED"
    told = f"{what}: median {middle:.2f} s, {min(seconds):.2f}-{max(seconds):.2f} s in {len(seconds)} clicks"
    sys.stdout.write(f"{told}   target ≤ {target:.1f} s  {met}\n")


if __name__ == "__main__":
    main()
