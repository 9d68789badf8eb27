"""What the review pages cost in an office with one evaluation and in one with 1 000, 300 of them waiting: CPU seconds of a request.

    python tests/bench/pages.py [--runs N]

Targets: at 1 000 at most 3 times the CPU of the same request at one; the list asks at most 12 statements. Decisions are measured on
copies of the office, for a code is good once.
"""

import argparse
import asyncio
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyotp
from sqlalchemy import event
from status import MANY, WAITING
from status import office as made

from flows.client import Address
from flows.desk import Desk
from flows.door import Door
from flows.engine import Engine
from perfeval import persons, steps
from perfeval.approvals.codes import STEP_SECONDS
from perfeval.approvals.keys import derive_key
from perfeval.approvals.session import seal_session
from perfeval.model import Revision
from perfeval.office import Office, open_office
from perfeval.web import Review

STATEMENTS, RATIO = 12, 3.0
KEY = "an invented key for the bench"
URL, YEAR, COPIES = "http://bench:4200", 2022, 5
CLERK, CENTER = "样例经办人", "样例审批人"


@dataclass(frozen=True)
class House:
    """An office with a real draft at its first gate among the invented ones; its people, and the approver's phone."""

    folder: Path
    people: Mapping[str, Any]
    secret: str
    page: str
    digest: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    os.environ["PERFEVAL_KEY"] = KEY
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        one, many = (built(made(Path(temporary) / str(count), count)) for count in (1, MANY))
        sys.stdout.write(f"{MANY} evaluations, {WAITING} waiting; targets ≤ {RATIO} ×, the list ≤ {STATEMENTS} statements\n")
        for title, who, path in (
            ("the list", CLERK, "/review/"), ("待办 of an approver, with ticks", CENTER, "/review/"), ("a revision", CENTER, one.page),
            ("a figure", CENTER, f"{one.page}/figure/execution_rate"), ("the clerk's", CLERK, f"/review/clerk/{YEAR}/zdxm"),
        ):  # fmt: skip
            (small, _), (large, asked) = (looked_at(house, who, path, runs) for house in (one, many))
            tell(title, small, large, asked)
        for title, form in (("a decision", decision), ("several together", together)):
            small, large = (decided(house, form, Path(temporary) / "copy") for house in (one, many))
            tell(title, small, large)


def tell(title: str, small: float, large: float, asked: int = 0) -> None:
    met = "met" if large <= RATIO * small and asked <= (STATEMENTS if title == "the list" else asked) else "MISSED"
    counted = f", {asked} statements" if asked else ""
    sys.stdout.write(f"  {title}: CPU {large * 1000:.1f} ms, of one {small * 1000:.1f} ms: {large / small:.2f} ×{counted}  {met}\n")


def built(folder: Path) -> House:
    """The office with its people and the draft of its real programme."""
    office = open_office(folder)
    secrets = {CLERK: welcomed(office, CLERK, "operator")}
    secrets[CENTER] = welcomed(office, CENTER, "center", secrets[CLERK])
    evaluation = steps.open_evaluation(office, office.workspace.subject(YEAR), CLERK)
    draft = steps.prepare(office, revision := Revision(evaluation, 1))
    steps.ask(office, revision, office.workspace.gates[0])
    with office.store.reading() as record:
        people = {name: persons.find(record.people(), name) for name in secrets}
    steps.note_seen(office, revision, draft.content_digest, people[CENTER].id)
    office.store.close()
    return House(folder, people, secrets[CENTER], f"/review/{evaluation.id}/1", draft.content_digest)


def welcomed(office: Office, name: str, role: str, clerk: str = "") -> str:
    """Invite, enrol and confirm somebody on paper, by the clerk with his code; the secret of his codes."""
    with office.store.reading() as record:
        by = next(iter(record.people().persons), None)
    invitation = persons.invite(office, name, [role], by)
    offer = persons.offer_code(office, invitation.token)
    earlier = pyotp.TOTP(offer.secret).at(time.time() - STEP_SECONDS)
    enrolled = persons.enrol_code(office, invitation.token, offer.secret, earlier)
    shown = pyotp.TOTP(clerk).now() if clerk else ""
    persons.confirm(office, enrolled.person, enrolled.fingerprint, by or enrolled.person, on_paper=True, code=shown)
    return offer.secret


def looked_at(house: House, who: str, path: str, runs: int) -> tuple[float, int]:
    """The median CPU seconds of a page through the door, and how many statements one asks."""
    office = open_office(house.folder)
    asked: list[str] = []
    event.listen(office.store._engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    async def look() -> tuple[float, int]:
        async with visitor(office, house, who) as client:
            (await client.get(path)).raise_for_status()
            spent = []
            for _ in range(runs):
                asked.clear()
                begun = time.process_time()
                (await client.get(path)).raise_for_status()
                spent.append(time.process_time() - begun)
        return statistics.median(spent), len(asked)

    found = asyncio.run(look())
    office.store.close()
    return found


def decided(house: House, form: Callable[[House], tuple[str, dict[str, str]]], place: Path) -> float:
    """The median CPU seconds of a decision, each on a copy of the office."""
    spent = []
    for _ in range(COPIES):
        office = open_office(Path(shutil.copytree(house.folder, place)))

        async def decide(office: Office = office) -> float:
            async with visitor(office, house, CENTER) as client:
                page = (await client.get("/review/")).text
                path, filled = form(house)
                token = re.findall('name="token" value="([^"]+)"', page) or re.findall(
                    'name="token" value="([^"]+)"', (await client.get(house.page)).text
                )
                code = pyotp.TOTP(house.secret).now()
                headers = {"origin": URL, "content-type": "application/x-www-form-urlencoded"}
                begun = time.process_time()
                answer = await client.post(path, data=filled | {"token": token[0], "code": code}, headers=headers)
                assert answer.status_code in {200, 303}, answer.text
                assert "没有同意" not in answer.text
                return time.process_time() - begun

        spent.append(asyncio.run(decide()))
        office.store.close()
        shutil.rmtree(place)
    return statistics.median(spent)


def decision(house: House) -> tuple[str, dict[str, str]]:
    """The form on a revision's page."""
    return house.page, {"digest": house.digest, "decision": "同意", "comment": ""}


def together(house: House) -> tuple[str, dict[str, str]]:
    """The form on 待办."""
    return "/review/batch", {f"pick_{house.page.split('/')[2]}": house.digest, "comment": ""}


def visitor(office: Office, house: House, who: str) -> httpx.AsyncClient:
    """Somebody's browser, logged in."""
    cookie = seal_session(house.people[who], datetime.now(UTC), derive_key(KEY, "session"))
    door: Any = Door(Engine(_nothing), Desk(office), partial(Review, office), Address("", URL, "machine"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url=URL, headers={"cookie": f"perfeval-4200={cookie}"})


async def _nothing(scope: Any, _receive: Any, send: Any) -> None:
    """No Prefect is there: it knows of nothing."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


if __name__ == "__main__":
    main()
