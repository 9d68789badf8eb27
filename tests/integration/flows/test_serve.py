"""What the processes of a workspace's server are told, and where it listens."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from flows import serve
from flows.client import Address, Deployment
from flows.database import URL_VARIABLE, database_address
from perfeval.certificate import make_certificate
from perfeval.errors import ConfigurationError, ServerError, UsageError
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.workspace import Workspace

LOCAL = Address("http://127.0.0.1:4200", "http://localhost:4200", "secret")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    create_workspace(tmp_path / "office")
    return open_office(tmp_path / "office")


@pytest.fixture
def place(office: Office) -> Workspace:
    return office.workspace


def test_environment_keeps_everything_in_the_workspace_and_drops_the_callers_prefect(place, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api")
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_invented")
    variables = serve.environment(place, LOCAL)
    assert variables["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert "PREFECT_API_KEY" not in variables
    assert variables["PREFECT_HOME"] == str(place.state / "prefect")
    assert variables["SQLITE_TMPDIR"] == variables["PREFECT_HOME"]  # a full /tmp stops no database
    assert variables["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert variables["DO_NOT_TRACK"] == "1"
    assert not [name for name in variables if "AUTH_STRING" in name]


@pytest.mark.parametrize(
    ("callers", "expected"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "example.org"}, "example.org,127.0.0.1,localhost,::1"),
        ({"no_proxy": "example.org, 127.0.0.1", "NO_PROXY": "example.com"}, "example.com,example.org,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
    ids=["none", "upper case", "both cases", "all"],
)
def test_own_server_is_reached_without_the_offices_proxy(place, monkeypatch, callers, expected):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HTTP_PROXY": "http://127.0.0.1:9", "all_proxy": "socks5://127.0.0.1:9", **callers}.items():
        monkeypatch.setenv(name, value)
    variables = serve.environment(place, LOCAL)
    assert (variables["NO_PROXY"], variables["no_proxy"]) == (expected, expected)
    assert (variables["HTTP_PROXY"], "all_proxy" in variables) == ("http://127.0.0.1:9", False)


def test_server_on_an_address_of_the_network_is_reached_without_proxy(place, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "example.org")
    variables = serve.environment(place, Address("http://192.168.1.5:4200", "http://192.168.1.5:4200", "secret"))
    assert variables["no_proxy"].endswith(",192.168.1.5")


def test_database_of_a_workspace_whose_name_holds_signs_of_an_address_lies_in_it(tmp_path):
    create_workspace(tmp_path / "a?b#c%41")
    place = open_office(tmp_path / "a?b#c%41").workspace
    (place.state / "prefect").mkdir()
    url = database_address(place.state / "prefect" / "prefect.db")
    with create_engine(url.replace("+aiosqlite", "")).connect() as connection:
        connection.execute(text("CREATE TABLE kept (id INTEGER)"))
    assert (place.state / "prefect" / "prefect.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["a?b#c%41"]


def test_address_of_prefects_database_reaches_the_server_alone(place, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, "postgresql+psycopg://perfeval:secret@db/prefect")
    assert database_address(place.state / "prefect.db") == "postgresql+asyncpg://perfeval:secret@db/prefect"
    assert [name for name, value in serve.environment(place, LOCAL).items() if "secret@db" in value] == []
    monkeypatch.setenv(URL_VARIABLE, "postgresql://db/prefect?a=b&sslmode=require")
    assert database_address(place.state / "prefect.db") == "postgresql+asyncpg://db/prefect?a=b&ssl=require"
    monkeypatch.setenv(URL_VARIABLE, "sqlite:///secret")
    with pytest.raises(ConfigurationError) as fault:
        database_address(place.state / "prefect.db")
    assert (fault.value.code, "secret" in str(fault.value)) == ("F12", False)


def test_secret_of_workers_is_that_of_the_office(place, monkeypatch):
    monkeypatch.setenv("PERFEVAL_KEY", "an invented key for tests")
    with_key = [serve.Server([place], pooled=pooled) for pooled in (True, True, False)]
    for server in with_key:
        server.__exit__(None, None, None)
    first, second, own = (server.address.machine for server in with_key)
    assert first == second == serve.machine_secret() != own
    assert "an invented key" not in first


def test_port_in_use_is_named_with_what_to_do(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as fault:
            serve.Server([place], port=port)
    assert str(fault.value).startswith(f"不能在 127.0.0.1:{port} 上启动服务")
    assert "--port" in fault.value.hint


@pytest.mark.parametrize(
    ("host", "tls", "url", "origin"),
    [
        ("127.0.0.1", False, "http://127.0.0.1", "http://localhost"),
        ("0.0.0.0", True, "https://127.0.0.1", "https://pingjia.example"),  # noqa: S104  # as an office types it
        ("127.0.0.1", True, "https://127.0.0.1", "https://pingjia.example"),
        ("127.0.0.2", False, "http://127.0.0.2", "http://127.0.0.2"),
    ],
)
def test_server_tells_its_processes_and_people_where_it_is(place, host, tls, url, origin):
    server = serve.Server([place], host, 0, make_certificate(place.tls, "pingjia.example") if tls else None)
    address = server.address
    server.__exit__(None, None, None)
    assert [text.rpartition(":")[0] for text in (address.url, address.origin)] == [url, origin]
    trusted = Path(server.environment["PREFECT_API_SSL_CERT_FILE"])
    assert bool(address.root) is tls
    assert trusted.read_text().count("BEGIN CERTIFICATE") == 1
    assert (trusted == Path(serve.__file__).with_name("nobody.pem")) is not tls


def test_jobs_on_other_machines_are_told_of_no_file_that_lies_on_this_one(place, monkeypatch):
    address = Address("http://pingjia:4200", "http://pingjia:4200", "secret")
    monkeypatch.setenv("PERFEVAL_POOL_TYPE", "process")
    assert "PREFECT_API_SSL_CERT_FILE" in serve.environment(place, address)
    monkeypatch.setenv("PERFEVAL_POOL_TYPE", "kubernetes")
    assert "PREFECT_API_SSL_CERT_FILE" not in serve.environment(place, address)


def test_server_with_a_certificate_listens_where_the_certificate_holds(place):
    with pytest.raises(UsageError) as fault:
        serve.Server([place], "127.0.0.2", 0, make_certificate(place.tls, "pingjia.example"))
    assert fault.value.code == "P16"


def test_child_that_is_killed_is_started_as_often_as_it_is_and_one_that_fails_is_not(tmp_path):
    child = serve._Child("code", {"PATH": ""}, tmp_path / "child.log")  # waits for its standard input
    for _ in range(8):
        os.killpg(child._process.pid, signal.SIGKILL)
        child._process.wait()
        child.revive()
    assert child._process.poll() is None
    child.stop()

    failing = serve._Child("nothing.of.this.name", {"PATH": ""}, tmp_path / "failing.log")

    def tend() -> None:
        for _ in range(8):
            failing._process.wait()
            failing.revive()

    with pytest.raises(ServerError, match="服务进程反复退出"):
        tend()


@pytest.mark.parametrize(
    ("tags", "others", "is_refused"),
    [(("另一个单位",), [], True), (("UNIT",), [], False), ((), [], False), (None, [], False), (None, ["另一个单位"], True)],
)
def test_database_of_prefects_that_serves_another_unit_is_refused(place, monkeypatch, tags, others, is_refused):
    found = None if tags is None else Deployment("d1", tags=tuple(place.unit if tag == "UNIT" else tag for tag in tags))
    monkeypatch.setattr(serve.Client, "find_deployment", lambda _: found)
    monkeypatch.setattr(serve.Client, "find_others", lambda *_: list(others))
    server = serve.Server([place])
    try:
        server._refuse_anothers_database()
        fault = None
    except ServerError as error:
        fault = error
    server.__exit__(None, None, None)
    assert (fault and fault.code) == ("P33" if is_refused else None)
    assert fault is None or "另一个单位" in fault.message


def test_child_that_ends_while_what_it_needs_is_away_is_started_once_that_is_back(tmp_path):
    answers = [*[False] * 8, True]
    child = serve._Child("nothing.of.this.name", {"PATH": ""}, tmp_path / "child.log", is_there=lambda: answers.pop(0))
    ended = child._process
    ended.wait()
    for _ in range(8):
        child.revive()
    assert (child._process is ended, answers) == (True, [True])
    child.revive()
    assert child._process is not ended
    child.stop()


def test_child_that_lives_asks_nobody(tmp_path):
    asked = []
    child = serve._Child("code", {"PATH": ""}, tmp_path / "child.log", is_there=lambda: bool(asked.append(1)))
    child.revive()
    child.stop()
    assert asked == []


def test_log_of_a_server_that_lives_long_keeps_its_end_and_the_child_goes_on_behind_it(place, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "_TRIM_SECONDS", -1)
    (tmp_path / "echo.py").write_text("import sys\nsys.stdout.write(sys.stdin.read())\n")
    log = tmp_path / "child.log"
    server = serve.Server([place])
    server._children = [serve._Child("echo", {"PATH": "", "PYTHONPATH": str(tmp_path)}, log)]
    with log.open("ab") as told:
        told.write(b"a line of a log\n" * 1_300_000 + b"why\n")
    server.tend()
    kept = log.read_bytes()
    assert (len(kept) <= 1_000_000, kept.startswith(b"a line of a log\n"), kept.endswith(b"\nwhy\n")) == (True, True, True)
    server._children[0]._process.stdin.write(b"further\n")
    server.__exit__(None, None, None)
    assert log.read_bytes() == kept + b"further\n"


def test_process_that_does_not_end_by_itself_ends_after_its_parent_all_the_same() -> None:
    script = (
        "import signal, time\nfrom flows import serve\nserve._STOP_SECONDS = 0.2\nserve.end_with_parent()\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "up\n"
        process.stdin.close()
        assert process.wait(timeout=60) == 1


def test_server_that_does_not_stay_up_is_told_with_the_database_that_it_may_lack(place, monkeypatch):
    (place.state / "prefect").mkdir()
    told = serve.what_to_do(place.state / "prefect" / "server.log")
    assert f"把文件夹 {place.state / 'prefect'} 移到别处" in told
    monkeypatch.setenv("PERFEVAL_PREFECT_DATABASE_URL", "postgresql://u:secret@db/prefect")
    told = serve.what_to_do(place.state / "server.log")
    assert ("PERFEVAL_PREFECT_DATABASE_URL" in told, "secret" in told) == (True, False)
