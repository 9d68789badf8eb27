"""A year under misfortunes: whatever befalls an office at its commands, it goes on by what it is told, and all is there exactly once.

    pytest tests/chaos --chaos 100

Each seed leads a new office through a year by three commands, and something befalls it at each: on SQLite, on PostgreSQL, or with
workers. A command that fails must say what to do; what an office then types, this types.
"""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster
from terminal import APPROVERS, KEY, Terminal, Welcome

from perfeval.audit import audit
from perfeval.codes import ERRORS
from perfeval.model import Status
from perfeval.office import open_office
from perfeval.reperformance import verify_archive
from perfeval.steps import statuses

from .misfortunes import EVERYWHERE, FAKETIME, IN_A_POOL, ON_A_DISK, ON_CLOCKS, ON_POSTGRESQL, ON_SQLITE, Misfortune, Place, typed_twice

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

# What a command may take at most, whatever befalls it: a lock of half a minute, a server that is started again and again, a worker that
# is taken for gone after a minute and a half.
COMMAND_SECONDS = 240
ATTEMPTS = 5
KINDS = ("sqlite", "sqlite", "sqlite", "sqlite", "postgresql", "workers")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("chaos")))


@pytest.fixture(scope="session")
def can_mount(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether a small disk can be mounted here; that takes root, and leave."""
    folder = tmp_path_factory.mktemp("mount")
    return _mount(folder) and subprocess.run(["umount", folder], check=True).returncode == 0


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]
    return os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def place(
    seed: int, pristine: Path, tmp_path: Path, welcome: Welcome, can_mount: bool, request: pytest.FixtureRequest, monkeypatch: Any
) -> Iterator[Place]:
    """A new office on what the seed says."""
    kind, disk, cluster = KINDS[seed % len(KINDS)], None, None
    variables = {"PERFEVAL_KEY": KEY, "PERFEVAL_IDLE_MINUTES": "1"}
    if kind == "sqlite" and can_mount:
        (disk := tmp_path / "disk").mkdir()
        assert _mount(disk)
    if kind != "sqlite":
        cluster = request.getfixturevalue("cluster")
        assert isinstance(cluster, Cluster)
        variables["PERFEVAL_DATABASE_URL"] = cluster.make("store")
        variables["PERFEVAL_PREFECT_DATABASE_URL"] = cluster.make("prefect").replace("+psycopg", "")
        monkeypatch.setenv("PERFEVAL_DATABASE_URL", variables["PERFEVAL_DATABASE_URL"])
    folder = Path(shutil.copytree(pristine, (disk or tmp_path) / "office"))
    terminal = Terminal(folder, welcome)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield Place(terminal, random.Random(seed), variables, disk, cluster, kind == "workers", port)  # noqa: S311  # repeatable
    terminal.end()
    if disk:
        subprocess.run(["umount", "-l", disk], check=True)


def test_year_under_misfortunes_ends_with_one_archive_and_each_decision_once(seed: int, place: Place, can_mount: bool) -> None:
    happened = []
    for stage, misfortune in zip(("run", *APPROVERS), misfortunes(seed, can_mount=can_mount), strict=False):
        for attempt in range(ATTEMPTS):
            place.words = next_words(place, stage)
            if not place.words:
                break
            happened.append((misfortune.__name__ if attempt == 0 else "", *place.words[:4]))
            print(happened[-1])  # noqa: T201  # what led to a failure
            keep_up(place)
            if attempt:
                type_words(place, {})
            else:
                with misfortune(place) as variables:
                    type_words(place, variables)
            for process in place.beside:
                told(process, *process.communicate(timeout=COMMAND_SECONDS))
            place.beside.clear()
        assert not next_words(place, stage), happened
    office = open_office(place.terminal.folder)
    (bag,) = office.workspace.archive_folder.iterdir()
    assert [check for check in verify_archive(bag) if not check.ok] == []
    with office.store.reading() as record:
        (evaluation,) = record.evaluations()
        assert [decision.gate for decision in record.decisions(evaluation)] == list(APPROVERS)
        assert audit(record).faults == ()
    office.store.close()


def test_small_disk_and_wrong_clock_are_at_hand(can_mount: bool) -> None:
    missing = ["a small disk cannot be mounted: run as root"] * (not can_mount) + ["faketime is not installed"] * (not FAKETIME.exists())
    if missing:
        pytest.skip("; ".join(missing))


def misfortunes(seed: int, *, can_mount: bool) -> Sequence[Misfortune]:
    """Three that a seed draws; from the first seed on each is drawn once before any is drawn again."""
    kind = KINDS[seed % len(KINDS)]
    number = sum(KINDS[other % len(KINDS)] == kind for other in range(seed))
    on_sqlite = (*EVERYWHERE, *ON_SQLITE, *(ON_A_DISK if can_mount else ()), *(ON_CLOCKS if FAKETIME.exists() else ()))
    deck = {"sqlite": on_sqlite, "postgresql": (*EVERYWHERE, *ON_POSTGRESQL), "workers": IN_A_POOL}[kind]
    drawn: list[Misfortune] = []
    chance = random.Random(kind)  # noqa: S311  # repeatable
    while len(drawn) < 3 * (number + 1):
        drawn += chance.sample(deck, len(deck))
    return drawn[3 * number :][:3]


def stands(place: Place) -> Status | None:
    """Where the evaluation stands."""
    office = open_office(place.terminal.folder)
    found = statuses(office)
    office.store.close()
    assert len(found) <= 1
    return found[0] if found else None


def next_words(place: Place, stage: str) -> tuple[str, ...]:
    """What an office types next, by where the evaluation stands; nothing once the stage is behind it."""
    status = stands(place)
    if stage == "run":
        return () if status and status.gate else ("run", "--year", "2022", "--json")
    assert status
    assert status.draft
    if status.gate and status.gate.key == stage:
        code = place.terminal.code(stage)
        answer = ("--as", stage, "--code", code, "--check-code", status.draft.check_code, "--json")
        return ("decide", status.revision.evaluation.id, "--gate", stage, "--decision", "approve", *answer)
    return () if status.gate or status.key == "archived" else ("run", "--year", "2022", "--json")


def type_words(place: Place, variables: dict[str, str]) -> None:
    """Type a command, which must end in time, and have been told where it does not succeed."""
    process = place.terminal.start(*place.words, **place.variables | variables)
    try:
        out, err = process.communicate(timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"still waiting: {process.communicate()}")
    told(process, out, err)


def told(process: "subprocess.Popen[str]", out: str, err: str) -> None:
    """A command that was not killed has succeeded, or said in Chinese what is wrong and what to do."""
    print(process.returncode, out[:600], err[-600:])  # noqa: T201  # what led to a failure
    if process.returncode in {0, -9}:
        return
    assert process.returncode in {1, 2}, err
    assert "Traceback" not in err
    document = json.loads(out)
    fault = document.get("error", document)
    assert fault.get("code", "P14") in ERRORS
    text = "\n".join([fault["message"], fault.get("hint", "")])
    assert re.search("[一-鿿]", text.partition("\n")[0]), text
    assert re.search("[一-鿿]", text.strip().partition("\n")[2]), f"nobody is told what to do: {text}"


def keep_up(place: Place) -> None:
    """With workers somebody keeps the server and two workers up, as a machine's service manager does."""
    if not place.is_pooled:
        return
    typed = list(place.terminal.commands().values())
    if not [command for command in typed if " serve " in command]:
        place.terminal.keep("serve", "--no-worker", "--port", str(place.port), **place.variables)
    office, deadline = open_office(place.terminal.folder), time.monotonic() + COMMAND_SECONDS
    while not (url := office.url):  # a keeper that a command has started makes room first
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for _ in range(2 - len([command for command in typed if " worker " in command])):
        place.terminal.keep("worker", "--server", url, **place.variables)
    office.store.close()


def test_every_kind_of_misfortune_is_drawn_within_a_round() -> None:
    drawn = {misfortune.__name__ for seed in range(12) for misfortune in misfortunes(seed, can_mount=True)}
    assert typed_twice.__name__ in drawn
    assert len(drawn) > 20
