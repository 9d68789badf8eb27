"""What becomes of the worker's command when its process ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from flows import cli
from flows.client import Client


def ends_with(monkeypatch: pytest.MonkeyPatch, folder: Path, ending: str) -> None:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{ending}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.parametrize(("ending", "has_failed"), [("exit 0", None), ("exit 1", True), ("kill -9 $$", False)])
def test_process_that_fails_is_told_from_one_that_was_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str, has_failed: bool | None
) -> None:
    ends_with(monkeypatch, tmp_path, ending)
    assert cli._works({}) is has_failed


def test_process_that_cannot_work_with_these_settings_is_not_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ends_with(monkeypatch, tmp_path, "exit 2")
    with pytest.raises(typer.Exit) as ended:
        cli._works({})
    assert ended.value.exit_code == 2


@pytest.fixture
def office(tmp_path: Path, pristine: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "office"))


def test_process_that_fails_again_and_again_ends_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, office: Path) -> None:
    ends_with(monkeypatch, tmp_path, f"echo >> {tmp_path}/starts; exit 1")
    monkeypatch.setattr(Client, "is_ready", lambda _: True)
    with pytest.raises(typer.Exit):
        cli.worker("http://127.0.0.1:1", None, [office])
    assert len((tmp_path / "starts").read_text().splitlines()) == 6


def test_process_that_ends_without_a_server_has_not_failed_and_waits_for_it_without_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, office: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends_with(monkeypatch, tmp_path, f"echo >> {tmp_path}/starts; [ $(wc -l < {tmp_path}/starts) -gt 8 ]")
    monkeypatch.setattr(cli, "_SERVER_SECONDS", 0)
    answers = [True, *[False, False, True] * 8]
    monkeypatch.setattr(Client, "is_ready", lambda _: answers.pop(0) if answers else True)
    monkeypatch.setattr(cli.time, "sleep", lambda _: None)
    cli.worker("http://127.0.0.1:1", None, [office])
    assert len((tmp_path / "starts").read_text().splitlines()) == 9
    assert capsys.readouterr().err.splitlines()[1:] == ["服务暂时没有回应，等它恢复后接着执行。按 Ctrl-C 结束。"] * 8


def test_process_whose_temporary_folder_is_cleaned_up_is_started_again_with_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, office: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first has its folder taken away and goes on; the second, in another, ends.
    told = f'[ "$TMPDIR" = "$PREFECT_HOME" ] && echo "$TMPDIR" >> {tmp_path}/homes'
    ends_with(monkeypatch, tmp_path, f'{told}; [ $(wc -l < {tmp_path}/homes) -gt 1 ] && exit 0; rm -r "$TMPDIR"; read line')
    monkeypatch.setattr(Client, "is_ready", lambda _: True)
    cli.worker("http://127.0.0.1:1", None, [office])
    first, second = (tmp_path / "homes").read_text().split()
    assert first != second
    assert not Path(second).exists()
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"临时文件夹 {first} 被清理了，执行运行的进程不能再用它。",
        "执行运行的进程意外结束，重新启动。",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_worker_that_is_told_to_end_leaves_no_process_and_no_folder(tmp_path: Path, office: Path, number: signal.Signals) -> None:
    (tmp_path / "temporary").mkdir()
    # Its process ends with its standard input; what that has started does not.
    ends = f"sleep 600 & echo $! > {tmp_path}/left; touch {tmp_path}/up; read line"
    (tmp_path / "python").write_text(f"#!/bin/sh\n{ends}\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    script = (
        "import signal, sys\nfrom pathlib import Path\nfrom flows import cli\nfrom flows.client import Client\n"
        "Client.is_ready = lambda _: True\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # whoever tests
        f"sys.executable = {str(tmp_path / 'python')!r}\ncli.worker('http://127.0.0.1:1', None, [Path({str(office)!r})])\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, start_new_session=True) as command:
        deadline = time.monotonic() + 60
        while not (tmp_path / "up").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(command.pid, number)  # as a terminal does
        assert command.wait(60) == 0
    assert list((tmp_path / "temporary").iterdir()) == []
    left = Path("/proc", (tmp_path / "left").read_text().strip())
    assert not left.exists() or ") Z " in (left / "stat").read_text()
