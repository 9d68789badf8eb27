"""Who keeps the server of a workspace, and what its processes are told."""

import json
import multiprocessing
import socket
from pathlib import Path

import pytest

from flows import serve
from perfeval.errors import StoreError, UsageError
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.workspace import Workspace


@pytest.fixture
def office(tmp_path: Path) -> Office:
    create_workspace(tmp_path / "office")
    return open_office(tmp_path / "office")


@pytest.fixture
def place(office: Office) -> Workspace:
    return office.workspace


def test_password_is_made_once_and_kept_encrypted(office, place, monkeypatch):
    first, is_new = serve.kept_access(office)
    assert is_new
    assert serve.kept_access(office) == (first, False)
    written = (place.state / "store.db").read_bytes()
    assert first.password.encode() not in written
    assert first.machine.encode() not in written
    monkeypatch.setenv("PERFEVAL_KEY", "another key of 16 characters")
    with pytest.raises(StoreError):
        serve.kept_access(office)


def test_environment_keeps_everything_in_the_workspace_and_drops_the_callers_prefect(place, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api")
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_invented")
    monkeypatch.setenv("NO_PROXY", "example.org")
    variables = serve.environment(place, "http://127.0.0.1:4200", serve.Access())
    assert variables["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert "PREFECT_API_KEY" not in variables
    assert variables["PREFECT_HOME"] == str(place.state / "prefect")
    assert variables["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert variables["DO_NOT_TRACK"] == "1"
    assert variables["NO_PROXY"] == "example.org,127.0.0.1,localhost"


def test_port_in_use_is_named_with_what_to_do(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as fault:
            serve.Server(place, serve.Access(), port=port)
    assert str(fault.value).startswith(f"不能在 127.0.0.1:{port} 上启动服务")
    assert "--port" in fault.value.hint


def test_note_of_a_server_that_was_killed_is_not_believed(place):
    note = place.state / "server.json"
    note.write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1}))
    with serve._claim(place) as url:
        assert url is None
        assert not note.exists()


def _hold(place: Workspace, held: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    with serve._claim(place):
        held.set()
        done.wait(60)


def test_second_command_waits_until_the_first_lets_go(place, monkeypatch):
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(place, held, done))
    other.start()
    held.wait(60)
    monkeypatch.setattr(serve, "_STARTUP_SECONDS", 0.1)
    with pytest.raises(serve.ServerError, match="正被另一个 perfeval 命令占用"), serve._claim(place):
        pass
    done.set()
    other.join()
    with serve._claim(place) as url:
        assert url is None
