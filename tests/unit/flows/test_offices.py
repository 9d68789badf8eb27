"""Which offices a process works for: one by its folder, several by the deployments of their runs."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect.runtime import flow_run

from flows import batch, cli, door, offices
from flows.client import DEPLOYMENT
from flows.engine import Engine
from flows.serve import ORIGIN, Server
from perfeval.errors import FileError, UsageError
from perfeval.office import Office, open_office
from perfeval.workspace import Workspace


@pytest.fixture
def two(make_folder: Callable[..., Path], settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Workspace]:
    """Two offices that this process works for."""
    unit = settings["unit"] | {"name": "乙县 公路/养护中心"}
    first = Workspace(Path(shutil.copytree(make_folder(), tmp_path / "first")))
    workspaces = [first, Workspace(make_folder(unit=unit))]
    for name, value in offices.told(workspaces).items():
        monkeypatch.setenv(name, value)
    return workspaces


def test_office_alone_has_deployments_without_a_label(make_folder: Callable[..., Path]) -> None:
    workspace = Workspace(make_folder())
    assert list(offices.labelled([workspace])) == [""]
    assert offices.named("annual", "") == "annual"
    assert offices.told([workspace]) == {"PERFEVAL_WORKSPACE": str(workspace.root), "PERFEVAL_OFFICES": ""}


def test_run_works_for_the_office_of_its_deployment(two: list[Workspace], monkeypatch: pytest.MonkeyPatch) -> None:
    for label, workspace in offices.labelled(two).items():
        monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__NAME", offices.named("annual", label))
        assert offices.this_office().workspace.root == workspace.root
    assert label == "乙县 公路-养护中心"


@pytest.mark.parametrize("name", ["annual", "annual-另一单位", ""])
def test_run_of_an_office_that_is_not_here_is_refused(two: list[Workspace], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__NAME", name)
    with pytest.raises(UsageError) as fault:
        offices.this_office()
    assert fault.value.code == "P31"


@pytest.mark.parametrize("name", ["annual", "daily"])
def test_run_of_an_office_alone_on_its_server_is_done_in_its_workspace_beside_others(
    two: list[Workspace], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__NAME", name)
    for workspace in two:
        monkeypatch.setitem(flow_run.FIELDS, "tags", lambda unit=workspace.unit: ["auto-scheduled", unit])
        assert offices.this_office().workspace.root == workspace.root
    monkeypatch.setitem(flow_run.FIELDS, "tags", lambda: ["丙县"])
    with pytest.raises(UsageError, match="属于另一个单位：丙县"):
        offices.this_office()


@pytest.mark.parametrize(
    ("tags", "is_refused"),
    [(["丙县"], True), (["auto-scheduled", "丙县"], True), (["UNIT"], False), (["auto-scheduled"], False), ([], False)],
    ids=["another's", "another's by the clock", "its own", "by the clock before it told", "before it told"],
)
def test_run_of_another_unit_is_not_done_in_the_workspace_of_one_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch, tags: list[str], is_refused: bool
) -> None:
    told = [office.workspace.unit if tag == "UNIT" else tag for tag in tags]
    monkeypatch.setitem(flow_run.FIELDS, "tags", lambda: told)
    if is_refused:
        with pytest.raises(UsageError, match="属于另一个单位：丙县"):
            offices.this_office()
    else:
        assert offices.this_office() is office


def test_office_whose_store_is_damaged_keeps_no_other_shut(
    two: list[Workspace], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (two[1].state / "store.db").write_bytes(b"no database" * 1000)
    opened, left = cli._opened([item.root for item in two])
    assert [office.workspace.root for office in opened] == [two[0].root]
    assert list(left) == [str(two[1].root)]
    assert f"没有打开 {two[1].root}，改好后重新启动：数据库文件已损坏" in capsys.readouterr().err
    monkeypatch.setenv(ORIGIN, "http://a.example http://b.example")
    opened = door._doors(Engine(nothing), "secret", [1, 2])
    assert {port: type(item) for port, item in opened.items()} == {1: door.Door, 2: door.Closed}


def is_a_file(office: Workspace) -> None:
    shutil.rmtree(state := office.state)
    state.touch()


def is_elsewhere(office: Workspace) -> None:
    office.root.rename(office.root.with_name("elsewhere"))


def has_no_settings(office: Workspace) -> None:
    (office.root / "perfeval.yml").unlink()


@pytest.mark.parametrize("spoil", [is_a_file, is_elsewhere, has_no_settings])
def test_office_whose_folder_cannot_be_read_keeps_no_other_shut(
    two: list[Workspace], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spoil: Callable[[Workspace], None]
) -> None:
    spoil(two[1])
    opened, left = cli._opened([item.root for item in two])
    assert ([office.workspace.root for office in opened], list(left)) == ([two[0].root], [str(two[1].root)])
    assert f"没有打开 {two[1].root}，改好后重新启动：" in capsys.readouterr().err
    monkeypatch.setenv(ORIGIN, "http://a.example http://b.example")
    opened_doors = door._doors(Engine(nothing), "secret", [1, 2])
    assert {port: type(item) for port, item in opened_doors.items()} == {1: door.Door, 2: door.Closed}


def test_office_alone_that_cannot_be_opened_is_told_as_the_fault_itself(two: list[Workspace], capsys: pytest.CaptureFixture[str]) -> None:
    is_a_file(two[1])
    with pytest.raises(FileError):
        cli._opened([two[1].root])
    assert capsys.readouterr().err == ""


def test_office_of_several_with_another_key_keeps_no_other_from_being_served(
    two: list[Workspace], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], welcome: Callable[..., Any]
) -> None:
    with monkeypatch.context() as before:
        before.setenv("PERFEVAL_KEY", "the key of another office")
        welcome(open_office(two[1].root), "样例经办人", "operator")
    folders = [item.root for item in two]
    opened, left = cli._opened(folders)
    assert ([office.workspace.root for office in opened], list(left)) == ([two[0].root], [str(two[1].root)])
    assert f"没有打开 {two[1].root}，改好后重新启动：PERFEVAL_KEY" in capsys.readouterr().err
    assert [office.workspace.root for office in batch._unserved(folders)] == [two[0].root]


def test_office_left_of_several_keeps_its_door_and_its_runs(two: list[Workspace], monkeypatch: pytest.MonkeyPatch) -> None:
    (two[0].state / "store.db").write_bytes(b"no database" * 1000)
    offices.keep_doors(two, [0, 1])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = free.getsockname()[1] - 1
    kept = list[Server]()

    @contextmanager
    def keeping(served: list[Office], host: str, port: int, _: None, **options: bool) -> Iterator[Server]:
        kept.append(Server([office.workspace for office in served], host, port, **options))
        raise UsageError("P00", "只看它怎样开始", "")
        yield

    monkeypatch.setattr("flows.keeping.keeping", keeping)
    with pytest.raises(UsageError, match="只看"):
        cli.serve(port=first, offices=[item.root for item in two])
    label = offices.label_of(two[1])
    (address,) = kept[0].addresses
    assert (address.url, address.deployment) == (f"http://127.0.0.1:{first + 1}", offices.named(DEPLOYMENT, label))
    assert json.loads(kept[0].environment["PERFEVAL_OFFICES"]) == {label: str(two[1].root)}
    kept[0].__exit__(None, None, None)


async def nothing(*_: Any) -> None:
    """Prefect, which is asked nothing."""


def test_unit_that_is_there_twice_is_told_with_both_folders(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    one, other = Workspace(make_folder()), Workspace(Path(shutil.copytree(make_folder(), tmp_path / "other")))
    with pytest.raises(UsageError) as fault:
        offices.labelled([one, other])
    assert (fault.value.code, str(one.root) in fault.value.message, str(other.root) in fault.value.message) == ("P30", True, True)


def test_office_keeps_its_door_whoever_is_served_beside_it(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    first, second, third, fourth = (Workspace(Path(shutil.copytree(make_folder(), tmp_path / f"{number}"))) for number in range(4))
    for workspace in (first, second, third, fourth):
        workspace.state.mkdir(exist_ok=True)

    def served(*workspaces: Workspace) -> list[int]:
        numbers = offices.doors(workspaces)
        offices.keep_doors(workspaces, numbers)
        return numbers

    assert served(first, second) == [0, 1]
    assert served(third, second, first) == [2, 1, 0]
    assert served(third, first) == [2, 0]
    (fourth.state / "door").write_text("2")  # it was on a server of others
    assert served(first, fourth, third) == [0, 2, 3]
    (first.state / "door").write_text("damaged")
    assert served(second, first) == [1, 2]


def test_door_that_stays_is_not_written_and_one_that_cannot_be_written_stays(make_folder: Callable[..., Path]) -> None:
    workspace = Workspace(make_folder())
    (kept := workspace.state / "door").write_text("3 ")
    offices.keep_doors([workspace], [3])
    assert kept.read_text() == "3 "
    (workspace.state / "door.new").mkdir()  # stands for a full disk
    with pytest.raises(OSError, match=r"door\.new"):
        offices.keep_doors([workspace], [4])
    assert kept.read_text() == "3 "
    (workspace.state / "door.new").rmdir()
    offices.keep_doors([workspace], [4])
    assert [path.name for path in workspace.state.iterdir() if "door" in path.name] == ["door"]
    assert offices.doors([workspace]) == [4]
