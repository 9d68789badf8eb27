"""Several offices on one server: each with its own door, people, store and numbers; a year of each goes through its gates."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from perfeval import steps
from perfeval.model.outcomes import Stuck
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace

from .conftest import KEY, OPERATOR, Terminal, Welcome

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PROJECTS, ROADS = ("2022", "2022-zdxm-1"), ("2024", "2024-maintenance-1")


@pytest.fixture
def terminals(pristine: Path, tmp_path: Path, welcome: Welcome) -> Iterator[tuple[Terminal, Terminal]]:
    """Two offices of different units, with a terminal in each."""
    create_workspace(tmp_path / "roads", sample="rural-roads-2024")
    two = Terminal(Path(shutil.copytree(pristine, tmp_path / "projects")), welcome), Terminal(tmp_path / "roads", welcome)
    yield two
    for terminal in two:
        terminal.end()


def served(first: Terminal, *others: Terminal, pooled: bool = False, **variables: str) -> "tuple[subprocess.Popen[str], list[str]]":
    """Type `perfeval serve` for all of them: its process and where each is opened, in the order of the terminals."""
    all_ = [first, *others]
    words = ["serve", "--port", "0", *(["--no-worker"] if pooled else []), *(str(terminal.folder) for terminal in all_)]
    process = first.start(*words, PERFEVAL_KEY=KEY, **variables)
    offices, deadline = [open_office(terminal.folder) for terminal in all_], time.monotonic() + 240
    while not all(office.url for office in offices):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate(timeout=10)  # noqa: PT018  # one talk
        time.sleep(0.1)
    return process, [str(office.url) for office in offices]


def run(terminal: Terminal, year: str) -> dict[str, Any]:
    """Type `perfeval run`: where it stands."""
    code, out, err = terminal.type("run", "--year", year, "--json", PERFEVAL_KEY=KEY)
    assert code == 0, (out, err)
    return dict(json.loads(out))


def approve(terminal: Terminal, evaluation: str, gate: str, check_code: str) -> dict[str, Any]:
    """Type `perfeval decide`: where it stands then."""
    code, out, err = terminal.type(
        "decide", evaluation, "--gate", gate, "--decision", "approve", "--as", gate, "--check-code", check_code,
        "--code", terminal.code(gate), "--json", PERFEVAL_KEY=KEY,
    )  # fmt: skip
    assert code == 0, (out, err)
    return dict(json.loads(out))


@contextmanager
def logged_in(terminal: Terminal, url: str, name: str, phone: str = "") -> Iterator[httpx.Client]:
    """A browser of somebody who is logged in."""
    with httpx.Client(base_url=url, headers={"origin": url, "accept": "text/html"}, trust_env=False, timeout=60) as browser:
        assert browser.post("/perfeval/login", data={"name": name, "code": terminal.code(phone or name)}).status_code == 303
        yield browser


def approve_on_the_page(browser: httpx.Client, terminal: Terminal, evaluation: str, gate: str) -> None:
    """Fill in the form below a revision."""
    page = browser.get(f"/review/{evaluation}/1").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token, page
    filled = {"token": token[1], "decision": "同意", "comment": "", "code": terminal.code(gate)}
    digest = re.search(r'name="digest" value="([^"]+)"', page)
    answer = browser.post(f"/review/{evaluation}/1", data=filled | ({"digest": digest[1]} if digest else {}))
    assert answer.status_code == 303, answer.text


def stages(office: Office) -> list[str]:
    """Where the office's evaluations stand."""
    return [status.key for status in steps.statuses(office)]


def until(office: Office, *stage: str) -> None:
    """Wait until the office's evaluations stand there."""
    deadline = time.monotonic() + 120
    while stages(office) != [*stage]:
        assert time.monotonic() < deadline, stages(office)
        time.sleep(0.2)


def test_two_offices_go_through_their_gates_on_one_server_and_see_nothing_of_each_other(terminals: tuple[Terminal, Terminal]) -> None:
    projects, roads = terminals
    offices = [open_office(terminal.folder) for terminal in terminals]
    serving, (here, there) = served(projects, roads)
    waiting = [run(projects, "2022"), run(roads, "2024")]
    assert [(item["evaluation"], item["state"]) for item in waiting] == [(PROJECTS[1], "waiting-center"), (ROADS[1], "waiting-center")]
    assert waiting[1]["url"] == f"{there}/review/{ROADS[1]}/1"
    assert not (roads.folder / ".perfeval" / "prefect").exists()

    with logged_in(roads, there, "center") as browser:
        assert ROADS[1] in browser.get("/review/").text
        assert PROJECTS[1] not in browser.get("/review/").text
        for path in (f"/review/{PROJECTS[1]}/1", f"/perfeval/drafts/{PROJECTS[1]}/1.docx", "/v2/dashboard", "/api/flow_runs/filter"):
            assert browser.get(path).status_code == 404, path
        (name, cookie) = next(iter(browser.cookies.items()))
        stranger = {"cookie": f"perfeval-{here.rpartition(':')[2]}={cookie}; {name}={cookie}"}
        with httpx.Client(base_url=here, headers=stranger, trust_env=False) as other:
            assert [other.get(path).status_code for path in ("/review/", f"/review/{PROJECTS[1]}/1")] == [401, 401]
        approve_on_the_page(browser, roads, ROADS[1], "center")
        until(offices[1], "waiting-bureau")
    assert stages(offices[0]) == ["waiting-center"]

    serving.kill()
    for process in projects.processes():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    serving.communicate(timeout=30)
    approve(projects, *(PROJECTS[1], "center"), waiting[0]["check_code"])  # with a server of its own: the office is alone, and was not
    until(offices[0], "waiting-bureau")
    # The first is another: its Prefect knows none of the runs, which are made again from the store.
    serving, _ = served(roads, projects)
    approve(roads, ROADS[1], "bureau", waiting[1]["check_code"])
    approve(projects, PROJECTS[1], "bureau", waiting[0]["check_code"])
    bags = [next((terminal.folder / "archive").iterdir()) for terminal in terminals]
    assert [stages(office) for office in offices] == [["archived"], ["archived"]]
    assert [bag.name.rpartition("-")[2] for bag in bags] == ["0001", "0001"]
    for terminal, bag in zip(terminals, bags, strict=True):
        code, _, err = terminal.type("verify", str(bag), PERFEVAL_KEY=KEY)
        assert code == 0, err
    serving.terminate()
    serving.communicate(timeout=60)


def test_clock_begins_each_offices_year_and_tells_what_is_in_its_way(terminals: tuple[Terminal, Terminal]) -> None:
    for terminal in terminals:
        settings = terminal.folder / "perfeval.yml"
        settings.write_text(re.sub(r'cron: "[^"]+"', 'cron: "* * * * *"', settings.read_text(encoding="utf-8")), encoding="utf-8")
    offices = [open_office(terminal.folder) for terminal in terminals]
    serving, (_, there) = served(*terminals)
    deadline = time.monotonic() + 180
    while not all(map(stuck, offices)):  # last year has neither rules nor ledgers
        assert time.monotonic() < deadline
        time.sleep(0.5)
    year = datetime.now(UTC).year - 1
    assert [{(item.year, item.programme) for item in stuck(office)} for office in offices] == [{(year, "zdxm")}, {(year, "maintenance")}]
    assert [stages(office) for office in offices] == [[], []]
    with logged_in(terminals[1], there, OPERATOR, "operator") as browser:
        page = browser.get("/review/").text
        assert f"{year}年度 农村公路养护经费：没有开始" in page
        assert "经费补助缺口" not in page
    serving.terminate()
    serving.communicate(timeout=60)


def test_worker_of_one_of_several_offices_takes_its_runs(terminals: tuple[Terminal, Terminal]) -> None:
    _, roads = terminals
    serving, (there, _) = served(*terminals, pooled=True)
    roads.keep("worker", "--server", there, str(roads.folder), PERFEVAL_KEY=KEY)
    code, _, err = roads.type("run", "--year", "2024", PERFEVAL_KEY=KEY)
    assert code == 0, err
    assert stages(open_office(roads.folder)) == ["waiting-center"]
    serving.terminate()
    serving.communicate(timeout=60)


def stuck(office: Office) -> list[Stuck]:
    """What stands still for want of something in an office."""
    with office.store.reading() as record:
        return record.stuck()


def test_batch_that_is_broken_off_begins_no_more_and_is_ended_by_nobody_else(pristine: Path, tmp_path: Path, welcome: Welcome) -> None:
    folders = [Path(shutil.copytree(pristine, tmp_path / name)) for name in ("first", "second", "third")]
    for folder in folders:
        settings = folder / "perfeval.yml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("桃江县重点项目", f"桃江县{folder.name}"), encoding="utf-8")
    terminals = [Terminal(folder, welcome) for folder in folders]
    offices = [open_office(folder) for folder in folders]
    command = ("batch", "--year", "2022", "--jobs", "1", *map(str, folders))
    batch = terminals[0].start(*command, PERFEVAL_KEY=KEY)
    deadline = time.monotonic() + 240
    while not offices[0].server_note.exists():
        assert batch.poll() is None and time.monotonic() < deadline, batch.communicate(timeout=10)  # noqa: PT018  # one talk
        time.sleep(0.1)
    code, _, err = terminals[0].type("serve", "--port", "0", PERFEVAL_KEY=KEY)
    assert (code, "另一个 perfeval 命令" in err) == (1, True), err
    until(offices[0], "waiting-center")
    assert batch.poll() is None
    batch.send_signal(signal.SIGINT)
    out, err = batch.communicate(timeout=60)
    assert (batch.returncode, out, err.splitlines()[-1]) == (130, "", "已中断"), err
    assert stages(offices[2]) == []

    code, out, err = terminals[0].type(*command, PERFEVAL_KEY=KEY)
    assert (code, [line.split() for line in out.splitlines()]) == (
        0,
        [[folder.name, "zdxm", "2022-zdxm-1", "待中心审批"] for folder in folders],
    ), err
    for terminal in terminals:
        terminal.end()
