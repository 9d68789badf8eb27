"""Where one machine is outgrown: store and Prefect on PostgreSQL, artifacts in a bucket, runs taken by workers that are killed."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cluster import Cluster
from terminal import APPROVERS, KEY, Terminal, Welcome

from perfeval import steps
from perfeval.office import open_office
from perfeval.packs import create_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.postgresql, pytest.mark.timeout(600)]


@pytest.fixture
def shared(cluster: Cluster, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What every process has in its environment: two databases of a cluster, a bucket, the key."""
    addresses = {
        "PERFEVAL_KEY": KEY,
        "PERFEVAL_DATABASE_URL": cluster.make("outgrown"),
        "PERFEVAL_PREFECT_DATABASE_URL": cluster.make("prefect").replace("+psycopg", ""),
        "PERFEVAL_ARTIFACTS_URL": s3_url,
    }
    for name, value in addresses.items():
        monkeypatch.setenv(name, value)
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return addresses | aws | {"NO_PROXY": "127.0.0.1"}


@pytest.fixture
def terminal(pristine: Path, tmp_path: Path, welcome: Welcome, shared: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(Path(shutil.copytree(pristine, tmp_path / "office")), welcome)
    yield terminal
    terminal.end()


def approve_at_all_gates(terminal: Terminal, check_code: str, shared: Mapping[str, str]) -> None:
    """Type `perfeval decide` at one gate after the other."""
    for gate in APPROVERS:
        decided = (
            "decide", "2022-zdxm-1", "--gate", gate, "--decision", "approve", "--as", gate, "--check-code", check_code,
            "--code", terminal.code(gate),
        )  # fmt: skip
        code, _, err = terminal.type(*decided, **shared)
        assert code == 0, err


def test_year_goes_through_both_gates_by_a_worker_that_is_killed_and_begins_again(terminal: Terminal, shared: dict[str, str]) -> None:
    serving = terminal.start("serve", "--no-worker", "--port", "0", **shared)
    office, deadline = open_office(terminal.folder), time.monotonic() + 240
    while not (url := office.url):
        assert serving.poll() is None and time.monotonic() < deadline, serving.communicate(timeout=10)  # noqa: PT018  # one talk
        time.sleep(0.1)
    terminal.keep("worker", "--server", url, **shared)
    running = terminal.start("run", "--year", "2022", "--json", **shared)
    while not steps.statuses(office):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for process, command in terminal.processes().items():  # the worker, and the run that it has begun
        if "flows.worker" in command or "prefect.engine" in command:
            os.kill(process, signal.SIGKILL)
    out, err = running.communicate(timeout=240)
    assert running.returncode == 0, err
    waiting = json.loads(out)
    assert waiting["state"] == "waiting-center"
    assert not (terminal.folder / ".perfeval" / "store.db").exists()
    assert not (terminal.folder / ".perfeval" / "prefect" / "prefect.db").exists()
    shutil.rmtree(terminal.folder / ".perfeval" / "artifacts")  # as on another machine, whose cache is empty
    approve_at_all_gates(terminal, waiting["check_code"], shared)
    assert [status.key for status in steps.statuses(office)] == ["archived"]
    (bag,) = (terminal.folder / "archive").iterdir()
    code, _, err = terminal.type("verify", str(bag), **shared)
    assert code == 0, err
    office.store.close()


def test_office_that_waits_at_a_gate_is_moved_and_goes_on(
    pristine: Path, tmp_path: Path, welcome: Welcome, shared: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", "")
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", "")
    terminal = Terminal(Path(shutil.copytree(pristine, tmp_path / "office")), welcome)
    _, waiting = terminal.run(PERFEVAL_KEY=KEY)
    terminal.await_quiet()
    code, out, err = terminal.type("status", **shared)
    assert (code, "perfeval move" in err) == (1, True), err
    code, out, err = terminal.type("move", "--json", **shared)
    assert code == 0, err
    assert Path(json.loads(out)["kept"]).exists()
    shutil.rmtree(terminal.folder / ".perfeval" / "artifacts")
    approve_at_all_gates(terminal, waiting["check_code"], shared)
    code, out, err = terminal.type("audit", **shared)
    assert code == 0, out
    assert len(list((terminal.folder / "archive").iterdir())) == 1
    terminal.end()


def test_two_offices_share_databases_bucket_and_two_workers_one_of_which_is_killed(
    terminal: Terminal, tmp_path: Path, welcome: Welcome, shared: dict[str, str]
) -> None:
    create_workspace(tmp_path / "roads", sample="rural-roads-2024")
    roads = Terminal(tmp_path / "roads", welcome)
    folders = [str(item.folder) for item in (terminal, roads)]
    serving = terminal.start("serve", "--no-worker", "--port", "0", *folders, **shared)
    offices, deadline = [open_office(item.folder) for item in (terminal, roads)], time.monotonic() + 240
    while not all(office.url for office in offices):
        assert serving.poll() is None and time.monotonic() < deadline, serving.communicate(timeout=10)  # noqa: PT018  # one talk
        time.sleep(0.1)
    workers = [terminal.keep("worker", "--server", str(offices[0].url), *folders, **shared) for _ in range(2)]
    wanted = {terminal: ("2022", "2022-zdxm-1"), roads: ("2024", "2024-maintenance-1")}
    running = [item.start("run", "--year", year, "--json", **shared) for item, (year, _) in wanted.items()]
    while not any(map(steps.statuses, offices)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for process in [*descendants(workers[0].pid), workers[0].pid]:  # the worker, and the run that it may have begun
        os.kill(process, signal.SIGKILL)
    waiting = [json.loads(process.communicate(timeout=300)[0]) for process in running]
    assert [item["state"] for item in waiting] == ["waiting-center"] * 2
    for item, (_, evaluation), drafted in zip(wanted, wanted.values(), waiting, strict=True):
        for gate in APPROVERS:
            decided = (
                "decide", evaluation, "--gate", gate, "--decision", "approve", "--as", gate, "--check-code", drafted["check_code"],
                "--code", item.code(gate),
            )  # fmt: skip
            code, _, err = item.type(*decided, **shared)
            assert code == 0, err
    for item, office, (_, evaluation) in zip(wanted, offices, wanted.values(), strict=True):
        assert [(status.revision.evaluation.id, status.key) for status in steps.statuses(office)] == [(evaluation, "archived")]
        (bag,) = (item.folder / "archive").iterdir()
        assert bag.name.endswith("-0001")
        office.store.close()
    roads.end()


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children = [int(number) for task in Path(f"/proc/{process}/task").glob("*/children") for number in task.read_text().split()]
    return [*children, *(below for child in children for below in descendants(child))]


def test_worker_that_is_told_no_address_says_so(terminal: Terminal, shared: dict[str, str]) -> None:
    code, _, err = terminal.type("worker", "--server", "pingjia", **shared)
    assert (code, err.splitlines()[0]) == (2, "--server 不是服务的地址：pingjia")


def test_address_of_prefects_database_that_is_none_is_refused_without_its_text(terminal: Terminal, shared: dict[str, str]) -> None:
    code, _, err = terminal.type("serve", "--port", "0", **shared | {"PERFEVAL_PREFECT_DATABASE_URL": "mysql://secret"})
    assert (code, "secret" in err) == (2, False)
    assert "PERFEVAL_PREFECT_DATABASE_URL 不是可用的数据库地址" in err
