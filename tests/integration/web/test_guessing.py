"""Masses of guesses at the door, on a real office: none is heard while it is locked, the record stays short, and the right people get in.

PERFEVAL_TESTS_GUESSES says how many: 10 000 when somebody looks closely. With -s it is told how long the first and the last ones took.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from flows.client import Address
from flows.desk import Desk
from flows.door import Door
from flows.engine import Engine
from perfeval import persons, proving, steps
from perfeval.approvals.events import AnsweredWrongly, Attempted, Locked
from perfeval.approvals.locking import FREE, LONGEST_DELAY
from perfeval.approvals.record import ACCESS, read_line
from perfeval.audit import audit
from perfeval.errors import ApprovalError
from perfeval.model import Answer, Verdict
from perfeval.web import Review

GUESSES = int(os.environ.get("PERFEVAL_TESTS_GUESSES", "300"))
RUN = "11111111-1111-4111-8111-111111111111"
CLERK, CENTER, BUREAU = "样例经办人", "样例甲", "样例乙"
PEOPLE = (CLERK, CENTER, BUREAU)
STRANGERS = ("无此人", "样例甲1", "", "admin", "样例丁")
DESK = "192.0.2.7"
# Five for nothing, five more until the delay is longest, and one for each hour of a day.
HEARD_A_DAY = FREE + 6 + 24


class Clock:
    """The clock of the office's machine, turned on by hand; in the hours that a test goes through, nobody waits."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self, zone: tzinfo = UTC) -> datetime:
        return datetime.now(zone) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for room in ("perfeval.persons", "perfeval.steps", "perfeval.store.record", "flows.desk"):
        monkeypatch.setattr(f"{room}.datetime", clock)
    return clock


async def prefect(scope: Scope, receive: Receive, send: Send) -> None:
    """As much of Prefect as the door asks: the run is suspended at the first gate."""
    await receive() if scope["method"] != "GET" else None
    state = {"type": "PAUSED", "state_details": {"pause_key": "center-r1-0"}}
    await send({"type": "http.response.start", "status": 200 if scope["method"] == "GET" else 201, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps({"id": RUN, "state": state}).encode()})


class Besieged:
    """An office behind its door, which is tried from everywhere."""

    def __init__(self, house: Any, clock: Clock) -> None:
        self.house, self.clock = house, clock
        address = Address("", "http://localhost", "unser")
        self._door = Door(Engine(prefect), Desk(house.office), partial(Review, house.office), address)
        self.took: dict[str, list[float]] = defaultdict(list)

    def post(self, address: str, path: str, cookie: str = "", **sent: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._door, client=(address, 50000))
            headers = {"origin": "http://localhost", "cookie": cookie}
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
                return await client.post(path, **sent)

        started = time.perf_counter()
        answer = asyncio.run(ask())
        self.took[path.rpartition("/")[2]].append(time.perf_counter() - started)
        return answer

    def log_in(self, name: str, code: str, address: str) -> str:
        """The cookie, or nothing."""
        answer = self.post(address, "/perfeval/login", content=urlencode({"name": name, "code": code}))
        assert answer.status_code in {303, 401}
        return answer.headers.get("set-cookie", "").partition(";")[0]

    def right(self, name: str) -> str:
        return str(self.house.phones[name].shows(self.clock.now().timestamp()))

    def wrong(self, name: str, chance: random.Random) -> str:
        """Six digits that are not the person's."""
        now, phone = self.clock.now().timestamp(), self.house.phones.get(name)
        shown = {phone.shows(now + 30 * step) for step in (-1, 0, 1)} if phone else set()
        return next(code for code in iter(lambda: f"{chance.randrange(10**6):06}", "") if code not in shown)

    def told(self, chain: str, kind: type[Any]) -> list[Any]:
        with self.house.office.store.reading() as record:
            return [line for line in (read_line(entry.line) for entry in record.entries(chain)) if isinstance(line.what, kind)]

    def check_the_record(self) -> None:
        """Nobody was heard more often than the locks allow, and nothing in the record is amiss."""
        heard = Counter(line.what.person for line in self.told(ACCESS, Attempted) if not line.what.is_right)
        assert max(heard.values()) <= HEARD_A_DAY
        with self.house.office.store.reading() as record:
            assert audit(record).faults == ()
        for path, took in self.took.items():
            part = -(-len(took) // 10)
            first, last = (median(times) * 1000 for times in (took[:part], took[-part:]))
            print(f"\n{path}: {len(took)} asked; median of the first tenth {first:.0f} ms, of the last {last:.0f} ms", end="")  # noqa: T201
        print(f"\nheard {dict(heard)}, {len(self.told(ACCESS, object))} lines of access")  # noqa: T201


@pytest.fixture
def besieged(house: Any, clock: Clock) -> Besieged:
    return Besieged(house, clock)


def refused(act: Callable[..., object], *given: Any, **more: Any) -> str:
    try:
        act(*given, **more)
    except ApprovalError as error:
        return error.code
    return ""


def test_masses_of_wrong_logins_in_a_day_from_everywhere(besieged: Besieged) -> None:
    chance = random.Random(8)  # noqa: S311  # the same each time
    clock = besieged.clock
    cookie = besieged.log_in(CENTER, besieged.right(CENTER), DESK)
    assert cookie
    let_in = []
    for number in range(GUESSES):
        clock.ahead = timedelta(days=1) * number / GUESSES
        name, address = chance.choice(PEOPLE + STRANGERS), f"10.0.{chance.randrange(4)}.{chance.randrange(250)}"
        assert besieged.log_in(name, besieged.wrong(name, chance), address) == ""
        # One who is attacked gets in where he is known, and nowhere else while he is locked.
        if number % (GUESSES // 6) == GUESSES // 7:
            is_locked = besieged.log_in(BUREAU, besieged.wrong(BUREAU, chance), "10.9.9.9") == "" and _is_locked(besieged, BUREAU)
            let_in.append((is_locked, bool(besieged.log_in(BUREAU, besieged.right(BUREAU), f"10.8.{number % 251}.{number % 241}"))))
            assert besieged.log_in(CENTER, besieged.right(CENTER), DESK)
    besieged.check_the_record()
    assert (True, True) not in let_in
    locks = [line for line in besieged.told(ACCESS, Locked) if line.what.person]
    delays = [line.what.until_at - line.at for line in locks]
    assert (min(delays) < timedelta(minutes=2), max(delays) <= LONGEST_DELAY) == (True, True)


def _is_locked(besieged: Besieged, name: str) -> bool:
    with besieged.house.office.store.reading() as record:
        person = persons.find(record.people(), name)
        return bool(refused(proving.check_attempts, record, person, "10.8.8.8", besieged.clock.now()))


def test_everybody_attacked_gets_in_where_he_is_known_or_is_unlocked_at_the_terminal(besieged: Besieged) -> None:
    assert besieged.log_in(CENTER, besieged.right(CENTER), DESK)
    besieged.clock.ahead += timedelta(minutes=2)
    for name in PEOPLE:
        for number in range(FREE):
            assert besieged.log_in(name, "none", f"10.0.0.{number}") == ""
    assert [besieged.log_in(name, besieged.right(name), "10.0.1.1") for name in PEOPLE] == ["", "", ""]
    assert besieged.log_in(CENTER, besieged.right(CENTER), DESK)
    persons.unlock(besieged.house.office, "p3", "p1", besieged.right(CLERK))
    assert besieged.log_in(BUREAU, besieged.right(BUREAU), "10.0.1.1")
    besieged.clock.ahead += timedelta(minutes=1)
    assert besieged.log_in(CLERK, besieged.right(CLERK), "10.0.1.1")


def test_masses_of_wrong_decisions_in_a_session_and_at_the_terminal(besieged: Besieged) -> None:
    chance = random.Random(8)  # noqa: S311  # the same each time
    clock, office = besieged.clock, besieged.house.office
    cookie = besieged.log_in(CENTER, besieged.right(CENTER), DESK)
    token = Desk(office).form_token(cookie.partition("=")[2])
    with office.store.reading() as record:
        draft = record.progress(besieged.house.evaluation).draft
        revision = record.current_revision(besieged.house.evaluation)
    assert draft
    gate, form = office.workspace.gates[0], {"decision": "同意", "check_code": draft.check_code, "comment": ""}

    def by_form(name: str, code: str, address: str) -> None:
        answer = besieged.post(address, f"/api/flow_runs/{RUN}/resume", cookie, json={"run_input": form | {"approver": name, "code": code}})
        assert answer.status_code == 409

    def on_the_page(_: str, code: str, address: str) -> None:
        signed = {} if chance.random() < 0.5 else {"statement": "{}", "signed": '{"signature": "AAAA"}'}
        filled = form | {"token": token, "digest": draft.content_digest, "code": code} | signed
        assert besieged.post(address, f"{besieged.house.page}", cookie, content=urlencode(filled)).status_code == 409

    def at_the_terminal(name: str, code: str, _: str) -> None:
        assert refused(steps.decide, office, revision, gate, Answer(Verdict.APPROVE, name, code, draft.check_code, ""))

    for number in range(GUESSES):
        clock.ahead = timedelta(hours=7) * number / GUESSES
        name, address = chance.choice(PEOPLE + STRANGERS), chance.choice([DESK, f"10.0.0.{chance.randrange(250)}"])
        chance.choice([*[by_form, at_the_terminal] * 10, on_the_page])(name, besieged.wrong(name, chance), address)
    besieged.check_the_record()
    told = besieged.told(besieged.house.evaluation.id, AnsweredWrongly)
    assert len(told) <= 4 * (FREE + 6 + 7)
    clock.ahead += LONGEST_DELAY
    cookie = besieged.log_in(CENTER, besieged.right(CENTER), DESK)
    clock.ahead += timedelta(seconds=30)
    filled = form | {"approver": CENTER, "code": besieged.right(CENTER)}
    answer = besieged.post(DESK, f"/api/flow_runs/{RUN}/resume", cookie, json={"run_input": filled})
    assert answer.status_code == 201, answer.text
