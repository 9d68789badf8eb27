"""What the list of evaluations costs on its page at 1 and at 1 000 evaluations, 300 of them waiting: CPU seconds of a request, statements.

    python tests/bench/pages.py [--runs N]

Targets: at most 3 times the CPU of an office with one evaluation, and at most 12 statements.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import event
from status import MANY, WAITING
from status import office as made

from flows.client import Address
from flows.desk import Desk
from flows.door import Door
from flows.engine import Engine
from perfeval import persons
from perfeval.approvals.keys import derive_key
from perfeval.approvals.session import seal_session
from perfeval.office import open_office
from perfeval.web import Review

STATEMENTS, RATIO = 12, 3.0
KEY = "an invented key for the bench"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    os.environ["PERFEVAL_KEY"] = KEY
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        (one, _), (many, statements) = (measured(made(Path(temporary) / str(count), count), runs) for count in (1, MANY))
    met = "met" if statements <= STATEMENTS and many <= RATIO * one else "MISSED"
    sys.stdout.write(
        f"page of {MANY}, {WAITING} waiting: {statements} statements; CPU {many * 1000:.1f} ms, of one {one * 1000:.1f} ms: "
        f"{many / one:.2f} ×   targets ≤ {STATEMENTS}, ≤ {RATIO} ×  {met}\n"
    )


def measured(folder: Path, runs: int) -> tuple[float, int]:
    """The median CPU seconds of a request through the door, and how many statements one asks."""
    office = open_office(folder)
    invitation = persons.invite(office, "样例经办人", ["operator"], None)
    offer = persons.offer_code(office, invitation.token)
    enrolled = persons.enrol_code(office, invitation.token, offer.secret, code(offer.secret))
    person = persons.confirm(office, enrolled.person, enrolled.fingerprint, enrolled.person, on_paper=True)
    cookie = seal_session(person, datetime.now(UTC), derive_key(KEY, "session"))
    door: Any = Door(Engine(_nothing), Desk(office), partial(Review, office), Address("", "http://bench:4200", "machine"))
    asked: list[str] = []
    event.listen(office.store._engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    return asyncio.run(_timed(door, {"cookie": f"perfeval-4200={cookie}"}, runs, asked))


async def _timed(door: Any, headers: dict[str, str], runs: int, asked: list[str]) -> tuple[float, int]:
    spent = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://bench:4200") as client:
        (await client.get("/review/", headers=headers)).raise_for_status()
        for _ in range(runs):
            asked.clear()
            begun = time.process_time()
            await client.get("/review/", headers=headers)
            spent.append(time.process_time() - begun)
    return statistics.median(spent), len(asked)


def code(secret: str) -> str:
    """The code of now."""
    import pyotp

    return pyotp.TOTP(secret).now()


async def _nothing(*_: object) -> None:
    """No Prefect is asked."""


if __name__ == "__main__":
    main()
