"""Who keeps the server of a workspace, and how the next one finds it: locks and notes, with a stand-in for the server."""

import json
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from flows import keeping, serve
from flows.client import Address
from perfeval import persons
from perfeval.errors import ServerError, StoreError, UsageError
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace

CONTEXT = multiprocessing.get_context("fork")


class Ready(BaseHTTPRequestHandler):
    """A server that is ready, or whose database is away."""

    away = False

    def do_GET(self) -> None:
        self.send_response(503 if self.away and self.path == "/api/ready" else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server:
    """As much of a server as a keeper needs."""

    def __init__(self, places: Any = (None,), *_: object, **__: object) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Ready)
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.address = Address(url, url, "secret")
        self.addresses = [self.address for _ in places]
        self.environment: dict[str, str] = {}

    def __enter__(self) -> "Server":
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()  # else its thread would ask a closed socket without end
        self._server.server_close()

    def tend(self) -> None:
        """Nothing dies."""


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    create_workspace(tmp_path / "office")
    monkeypatch.setattr(keeping, "Server", Server)
    monkeypatch.setattr(keeping, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(keeping, "_TEND_SECONDS", 0.01)
    return open_office(tmp_path / "office")


def note(office: Office) -> Path:
    return office.workspace.state / "server.json"


@contextmanager
def elsewhere(office: Office, *arguments: Any) -> Iterator[Any]:
    """A keeper in another process: that process, once its server is up."""
    up = CONTEXT.Event()

    def run(up: Event) -> None:
        Thread(target=lambda: (_until(lambda: note(office).exists() and note(office).read_text()), up.set()), daemon=True).start()
        keeping.keep(office, *arguments)

    process = CONTEXT.Process(target=run, args=(up,))
    process.start()
    assert up.wait(60)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _until(holds: Any) -> None:
    while not holds():
        pass


def used(office: Office) -> str:
    """The address that a command finds."""
    with (office.workspace.state / "server.users").open("a") as users:
        return keeping._join(office.workspace, users)[0].url


def never() -> bool:
    return False


def test_server_that_a_keeper_keeps_is_used_and_is_nothing_for_people(office: Office) -> None:
    with elsewhere(office, 60, never):
        told = json.loads(note(office).read_text())
        assert used(office) == told["url"]
        assert (told["origin"], office.url) == ("", None)
        assert stat.S_IMODE(note(office).stat().st_mode) == 0o600


def test_keeper_ends_when_nobody_has_used_its_server_for_so_long(office: Office) -> None:
    with elsewhere(office, 0.2, never) as keeper:
        with (office.workspace.state / "server.users").open("a") as users:
            keeping._join(office.workspace, users)
            keeper.join(0.6)
            assert keeper.is_alive()
        keeper.join(10)
        assert (keeper.exitcode, note(office).exists()) == (0, False)


def test_keeper_told_to_end_lets_a_command_finish(office: Office) -> None:
    told = CONTEXT.Event()
    with elsewhere(office, 60, told.is_set) as keeper:
        with (office.workspace.state / "server.users").open("a") as users:
            keeping._join(office.workspace, users)
            told.set()
            keeper.join(0.5)
            assert keeper.is_alive()
        keeper.join(10)
        assert keeper.exitcode == 0


def test_note_of_a_keeper_that_was_killed_is_not_believed(office: Office) -> None:
    with elsewhere(office, 60, never) as keeper, Server() as alive:
        keeper.kill()
        keeper.join()
        note(office).write_text(note(office).read_text().replace(json.loads(note(office).read_text())["url"], alive.address.url))
        assert keeping.kept(office.workspace) is None


def test_address_of_a_server_that_was_killed_is_told_nobody(office: Office) -> None:
    with elsewhere(office, 60, never) as keeper:
        note(office).write_text(json.dumps(json.loads(note(office).read_text()) | {"origin": "http://localhost:4200"}))
        assert office.url == "http://localhost:4200"
        keeper.kill()
        keeper.join()
        assert (note(office).exists(), office.url) == (True, None)


def test_address_of_a_server_is_told_where_nobody_may_write_and_none_where_nobody_may_look(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Path.open
    with keeping.keeping([office], "127.0.0.1", 0) as server:

        def refused(path: Path, mode: str = "r", **options: Any) -> Any:
            if path.name == "server.lock" and mode in refusing:
                raise PermissionError(13, "Permission denied", str(path))
            return look(path, mode, **options)

        monkeypatch.setattr(Path, "open", refused)
        refusing = {"a"}
        assert office.url == server.address.origin
        refusing = {"a", "r", "rb"}
        assert office.url is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}', '{"url": "http://127.0.0.1:1", "origin": "", "machine": "x", "root": ""}'])
def test_note_that_leads_nowhere_is_none(office: Office, text: str) -> None:
    with keeping._claim(office.workspace, makes_room=True):
        note(office).write_text(text)
        assert keeping.kept(office.workspace) is None


def test_keeper_of_another_program_is_told_to_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(keeping, "_end", lambda note: asked.append(note.keeper))
    monkeypatch.setattr(keeping, "_STARTUP_SECONDS", 0.2)
    with elsewhere(office, 60, never) as keeper:
        for name, value in (("PERFEVAL_DATABASE_URL", "postgresql://elsewhere/x"), ("PERFEVAL_KEY", "another key of an office")):
            monkeypatch.setenv(name, value)
            with pytest.raises(ServerError, match="占用"):
                used(office)
            monkeypatch.delenv(name)
        assert set(asked) == {keeper.pid}


def test_server_for_people_is_used_by_any_command_and_stays_alone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with keeping.keeping([office], "127.0.0.1", 0) as server:
        monkeypatch.setenv("PERFEVAL_DATABASE_URL", "postgresql://elsewhere/x")
        assert used(office) == server.address.url
        assert office.url == server.address.origin
        assert json.loads(note(office).read_text())["keeper"] == os.getpid()
        with pytest.raises(UsageError) as fault, keeping.keeping([office], "127.0.0.1", 0):
            pass
        assert (fault.value.code, server.address.origin in fault.value.message) == ("P05", True)
    assert not note(office).exists()


def test_people_get_their_server_in_place_of_one_for_commands(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    told = CONTEXT.Event()
    monkeypatch.setattr(keeping, "_end", lambda _: told.set())
    with elsewhere(office, 60, told.is_set), keeping.keeping([office], "127.0.0.1", 0) as server:
        assert office.url == server.address.origin


def test_second_keeper_of_a_program_leaves_it_to_the_first(office: Office) -> None:
    with elsewhere(office, 60, never), pytest.raises(keeping.ServedError):
        keeping.keep(office, 60, never)


def test_lock_that_is_held_without_a_server_is_told_after_a_while(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_STARTUP_SECONDS", 0.1)
    with (
        keeping._claim(office.workspace, makes_room=True),
        pytest.raises(ServerError, match="正被另一个 perfeval 命令占用"),
        keeping._claim(office.workspace, makes_room=True),
    ):
        pass


def test_server_whose_database_is_away_is_told_after_a_while(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_STARTUP_SECONDS", 0.1)
    monkeypatch.setattr(keeping, "_start_keeper", lambda *_: subprocess.Popen([sys.executable, "-c", ""]))
    with keeping.keeping([office], "127.0.0.1", 0):
        monkeypatch.setattr(Ready, "away", True)
        with pytest.raises(ServerError) as typed:
            used(office)
        with pytest.raises(ServerError) as served, keeping.keeping([office], "127.0.0.1", 0):
            pass
    assert [fault.value.code for fault in (typed, served)] == ["P34", "P34"]
    assert "PERFEVAL_PREFECT_DATABASE_URL" in typed.value.hint


def test_why_a_keeper_gave_up_is_told_by_the_command(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (log := tmp_path / "keeper.log").write_text('some warning\n["P02", "服务进程反复退出", "查看日志"]\n', encoding="utf-8")
    assert (keeping._told(log).code, keeping._told(log).hint) == ("P02", "查看日志")
    log.write_text("Traceback\nMemoryError\n", encoding="utf-8")
    assert keeping._told(log).code == "P20"
    monkeypatch.setenv("PERFEVAL_IDLE_MINUTES", "soon")
    with pytest.raises(ServerError) as fault:
        used(office)
    assert (fault.value.code, "soon" in fault.value.message) == ("P19", True)


def test_command_whose_server_is_gone_is_told_why_its_keeper_gave_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps(["P02", "服务进程反复退出", "查看日志"])
    started: list[Any] = []

    def start(_: Any, log: Path) -> Any:
        log.parent.mkdir(exist_ok=True)
        log.write_text(told, encoding="utf-8")
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5); exit(1)"]))
        return started[0]

    monkeypatch.setattr(keeping, "_start_keeper", start)
    notes = iter([None, keeping.Note(Address("http://127.0.0.1:1", "", "secret"), 0, "")])
    monkeypatch.setattr(keeping, "kept", lambda _: next(notes))
    with pytest.raises(ServerError) as fault, keeping.conducting(office):
        raise ServerError("P18", "与服务的连接中断：Connection refused", "执行 perfeval run，会从中断处接着进行。")
    assert (fault.value.code, fault.value.hint) == ("P02", "查看日志")
    assert started[0].wait() == 1


def test_command_that_waits_on_a_full_disk_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_FULL_SECONDS", 0)
    with elsewhere(office, 60, never), keeping.conducting(office) as (conductor, _):
        conductor._tend()
        monkeypatch.setattr(serve, "_LEAST_FREE", shutil.disk_usage(office.workspace.state).total)
        with pytest.raises(ServerError, match="磁盘空间不足") as told:
            conductor._tend()
        assert (told.value.code, "腾出空间后执行 perfeval run" in told.value.hint) == ("P25", True)


def test_whatever_a_server_on_a_full_disk_answers_room_is_asked_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere(office, 60, never):
        with pytest.raises(ServerError) as told, keeping.conducting(office):
            raise ServerError("P18", "与服务的连接中断：500", "执行 perfeval run，会从中断处接着进行。")
        assert "腾出空间" not in told.value.hint
        monkeypatch.setattr(serve, "_LEAST_FREE", shutil.disk_usage(office.workspace.state).total)
        with pytest.raises(ServerError) as told, keeping.conducting(office):
            raise ServerError("P18", "与服务的连接中断：500", "执行 perfeval run，会从中断处接着进行。")
        assert "腾出空间" in told.value.hint


def test_key_that_people_were_not_enrolled_with_starts_no_server(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    persons.invite(office, "样例经办人", ["operator"], None)
    monkeypatch.setenv("PERFEVAL_KEY", "another key of an office")
    with pytest.raises(StoreError) as fault, keeping.keeping([open_office(office.workspace.root)], "127.0.0.1", 0):
        pass
    assert fault.value.code == "S04"


def test_office_that_is_named_twice_is_told_at_once(office: Office) -> None:
    with pytest.raises(UsageError) as fault, keeping.keeping([office, office], "127.0.0.1", 0):
        pass
    assert fault.value.code == "P30"


def test_offices_are_claimed_in_one_order_however_they_are_typed(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_workspace(tmp_path / "another")
    settings = tmp_path / "another" / "perfeval.yml"
    settings.write_text(settings.read_text("utf-8").replace("桃江县重点项目建设事务中心", "另一单位"), encoding="utf-8")
    another, claimed, claim = open_office(tmp_path / "another"), list[str](), keeping._claim

    def claiming(workspace: Any, **options: bool) -> Any:
        claimed.append(workspace.root.name)
        return claim(workspace, **options)

    monkeypatch.setattr(keeping, "_claim", claiming)
    for typed in ([office, another], [another, office]):
        with keeping.keeping(typed, "127.0.0.1", 0) as server:
            assert [item.url for item in typed] == [address.origin for address in server.addresses]
    assert claimed == ["another", "office"] * 2
