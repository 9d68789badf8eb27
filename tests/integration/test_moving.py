"""An office that outgrows its machine: its record and its files are moved whole, or stay as they were."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from flows.cli import app
from perfeval import steps
from perfeval.approvals.record import PEOPLE
from perfeval.audit import Audit, audit
from perfeval.console import answer
from perfeval.errors import PerfevalError
from perfeval.model import Answer, Revision, Verdict
from perfeval.moving import Moved, move
from perfeval.office import Office, open_office
from perfeval.store import move_store
from perfeval.workspace import Workspace

KEY = "an invented key for tests"
OPERATOR, CENTER, BUREAU = "样例经办人", "样例中心", "样例财政"
NAMES = ((OPERATOR, "operator"), (CENTER, "center"), (BUREAU, "bureau"))
Phones = dict[str, Any]


def begun(folder: Path, welcome: Callable[..., Any]) -> Phones:
    """An office with its people, whose evaluation waits at the first gate."""
    office = open_office(folder)
    phones = {name: welcome(office, name, role) for name, role in NAMES}
    revision = Revision(steps.open_evaluation(office, office.workspace.subject(2022), OPERATOR, "run-1"), 1)
    steps.prepare(office, revision)
    steps.ask(office, revision, office.workspace.gates[0])
    office.store.close()
    return phones


@pytest.fixture(scope="module")
def waiting(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> tuple[Path, Phones]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", KEY)
        folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("waiting") / "office"))
        return folder, begun(folder, welcome)


@pytest.fixture(autouse=True)
def _without_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", "")


@pytest.fixture
def workspace(waiting: tuple[Path, Phones], tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(waiting[0], tmp_path / "office")))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that is empty; in the environment."""
    url = f"sqlite:///{tmp_path / 'shared.db'}" if request.param == "sqlite" else request.getfixturevalue("empty_postgresql_url")
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    return url


@pytest.fixture
def second(pristine: Path, tmp_path: Path, welcome: Callable[..., Any], url: str) -> Iterator[Office]:
    """Another unit, at work on that database; its evaluations are called otherwise."""
    folder = Path(shutil.copytree(pristine, tmp_path / "second"))
    edit(folder, "name: 桃江县重点项目建设事务中心", "name: 样例县重点项目服务中心")
    edit(folder, "key: zdxm", "key: other")
    begun(folder, welcome)
    office = open_office(folder)
    yield office
    office.store.close()


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "perfeval.yml"
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


def execute(url: str, *statements: str) -> list[Any]:
    """As somebody does who may do everything in the database: what the last one finds."""
    engine = create_engine(url)
    with engine.begin() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        found = list(results[-1]) if results[-1].returns_rows else []
    engine.dispose()
    return found


def told(office: Office) -> tuple[list[Any], Audit, list[Any]]:
    """What status and audit tell, and who is there."""
    with office.store.reading() as record:
        return steps.statuses(office), audit(record), sorted(record.people().persons.values(), key=lambda person: person.id)


def told_at(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str = "") -> tuple[list[Any], Audit, list[Any]]:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    office = open_office(folder)
    try:
        return told(office)
    finally:
        office.store.close()


def refused(workspace: Workspace) -> PerfevalError:
    with pytest.raises(PerfevalError) as caught:
        move(workspace)
    return caught.value


def test_office_moved_tells_the_same_and_goes_on(
    workspace: Workspace, waiting: tuple[Path, Phones], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told_at(workspace.root, monkeypatch)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    moved = move(workspace)
    assert (moved.events, moved.artifacts) == (before[1].events, None)
    assert not list(workspace.state.glob("store.db-*"))
    assert [path.name.startswith("store.db.moved-") for path in workspace.state.glob("store.db*")] == [True]
    assert told_at(workspace.root, monkeypatch, url) == before
    assert before[1].faults == ()
    office = open_office(workspace.root)
    (status,) = steps.statuses(office)
    for gate, name in (("center", CENTER), ("bureau", BUREAU)):
        asked = next(item for item in office.workspace.gates if item.key == gate)
        assert status.draft
        steps.decide(office, status.revision, asked, Answer(Verdict.APPROVE, name, waiting[1][name].code(), status.draft.check_code))
    steps.archive_report(office, status.revision)
    assert [item.key for item in steps.statuses(office)] == ["archived"]
    assert told(office)[1].faults == ()
    office.store.close()


def test_office_is_moved_beside_another_unit_and_both_go_on(
    workspace: Workspace, second: Office, url: str, welcome: Callable[..., Any]
) -> None:
    other = told(second)
    move(workspace)
    office = open_office(workspace.root)
    for place in (office, second):
        welcome(place, "后来的人", "center")
        assert told(place)[1].faults == ()
    assert [status.revision.evaluation.id for status in steps.statuses(office)] == ["2022-zdxm-1"]
    assert told(second)[0] == other[0]
    ids = execute(url, "SELECT count(*), count(DISTINCT id) FROM record")[0]
    assert ids[0] == ids[1] == told(office)[1].events + told(second)[1].events
    office.store.close()


def test_evaluation_whose_number_another_unit_has_is_refused(workspace: Workspace, second: Office, url: str) -> None:
    execute(url, "UPDATE evaluations SET outcome = 'refused'", "INSERT INTO evaluations SELECT '2022-zdxm-1', unit, year, programme_key, "
            "programme, prepared_by, preparer, opened_at, run, outcome, ended_at FROM evaluations")  # fmt: skip
    fault = refused(workspace)
    assert (fault.code, "2022-zdxm-1" in fault.message) == ("S19", True)
    assert execute(url, f"SELECT count(*) FROM record WHERE unit = '{workspace.unit}'") == [(0,)]
    assert (workspace.state / "store.db").exists()


def test_move_broken_off_in_the_middle_leaves_both_as_they_were_and_is_typed_again(
    workspace: Workspace, second: Office, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if url.startswith("sqlite"):
        refuse, allow = "CREATE TRIGGER full BEFORE INSERT ON outcomes BEGIN SELECT RAISE(ABORT, 'full'); END", "DROP TRIGGER full"
    else:
        refuse, allow = "ALTER TABLE outcomes ADD CONSTRAINT disk CHECK (false) NOT VALID", "ALTER TABLE outcomes DROP CONSTRAINT disk"
    before = told_at(workspace.root, monkeypatch)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    execute(url, refuse)
    assert refused(workspace).code == "S06"
    assert execute(url, f"SELECT count(*) FROM record WHERE unit = '{workspace.unit}'") == [(0,)]
    assert told_at(workspace.root, monkeypatch) == before
    execute(url, allow)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    move(workspace)
    assert told_at(workspace.root, monkeypatch, url) == before


def test_copy_that_tells_something_else_leaves_the_database_empty(workspace: Workspace, url: str, tmp_path: Path) -> None:
    file, answers = workspace.state / "store.db", iter(["whole", "another"])
    with pytest.raises(PerfevalError) as caught:
        move_store(file, url, lambda: KEY, lambda _: next(answers), tmp_path / "kept")
    assert caught.value.code == "S20"
    assert file.exists()
    with pytest.raises(PerfevalError, match="perfeval move"):  # and not an office without a record
        open_office(workspace.root)


def test_move_that_ended_before_its_file_was_renamed_is_typed_again(
    workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = move(workspace).kept
    assert kept
    before = told_at(workspace.root, monkeypatch, url)
    kept.rename(workspace.state / "store.db")
    again = move(workspace)
    assert (again.events, again.kept is not None) == (before[1].events, True)
    assert told_at(workspace.root, monkeypatch, url) == before


class _KilledError(BaseException):
    """A process that ends here."""


def killed_at(name: str, workspace: Workspace) -> None:
    """A move whose process ends where it would give the file of this name another."""
    rename = Path.rename

    def renamed(file: Path, to: Path) -> Path:
        if file.name == name:
            raise _KilledError
        return rename(file, to)

    with pytest.MonkeyPatch.context() as killing:
        killing.setattr(Path, "rename", renamed)
        with pytest.raises(_KilledError):
            move(workspace)


def test_move_killed_before_its_commit_has_moved_nothing(workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = told_at(workspace.root, monkeypatch)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    killed_at("store.db", workspace)
    assert told_at(workspace.root, monkeypatch) == before
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    move(workspace)
    assert told_at(workspace.root, monkeypatch, url) == before


def test_move_killed_after_its_commit_is_ended_before_anything_else_is_recorded(
    workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told_at(workspace.root, monkeypatch)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    killed_at("store.db.moving", workspace)
    for address in ("", url):
        with pytest.raises(PerfevalError) as caught:
            told_at(workspace.root, monkeypatch, address)
        assert (caught.value.code, "perfeval move" in caught.value.hint) == ("S23", True)
    assert move(workspace).kept
    assert [path.name.startswith("store.db.moved-") for path in workspace.state.glob("store.db*")] == [True]
    assert told_at(workspace.root, monkeypatch, url) == before


def test_file_that_tells_what_the_database_does_not_is_told(
    workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch, welcome: Callable[..., Any]
) -> None:
    kept = move(workspace).kept
    assert kept
    kept.rename(file := workspace.state / "store.db")
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", "")
    office = open_office(workspace.root)
    welcome(office, "后来的人", "center")
    office.store.close()
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    with pytest.raises(PerfevalError) as caught:
        open_office(workspace.root)
    assert caught.value.code == "S24"
    fault = refused(workspace)
    assert (fault.code, fault.message) == ("S24", caught.value.message)
    assert fault.message.endswith("；数据库里有 0 条，它没有")
    assert file.exists()
    file.rename(kept)
    office = open_office(workspace.root)
    assert [status.key for status in steps.statuses(office)] == ["waiting-center"]
    office.store.close()


def test_database_that_has_the_unit_already_is_refused(workspace: Workspace, url: str, welcome: Callable[..., Any]) -> None:
    kept = move(workspace).kept
    assert kept
    office = open_office(workspace.root)
    welcome(office, "后来的人", "center")
    office.store.close()
    kept.rename(workspace.state / "store.db")
    assert refused(workspace).code == "S18"
    assert (workspace.state / "store.db").exists()


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment says that the record goes: an empty file."""
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", f"sqlite:///{tmp_path / 'there.db'}")
    return tmp_path / "there.db"


def test_nowhere_to_move_to_is_said(workspace: Workspace) -> None:
    fault = refused(workspace)
    assert (fault.code, fault.exit_code) == ("U22", 2)
    assert "PERFEVAL_DATABASE_URL" in fault.message


def test_workspace_without_a_store_has_nothing_to_move(pristine: Path, tmp_path: Path, there: Path) -> None:
    fault = refused(Workspace(Path(shutil.copytree(pristine, tmp_path / "office"))))
    assert (fault.code, "store.db 不存在" in fault.message) == ("U23", True)
    assert not there.exists()


def test_workspace_without_files_has_none_to_move(
    workspace: Workspace, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(workspace.artifacts)
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", str(tmp_path / "shared"))
    assert refused(workspace).code == "S21"
    assert (there.exists(), (workspace.state / "store.db").exists()) == (False, True)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", "")
    assert refused(workspace).code == "U23"


def test_database_that_is_prefects_is_nowhere_to_move_to(workspace: Workspace, there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PERFEVAL_DATABASE_URL", "PERFEVAL_PREFECT_DATABASE_URL"):
        monkeypatch.setenv(variable, "postgresql://perfeval@db/one")
    assert refused(workspace).code == "F14"


def test_own_store_is_nowhere_to_move_to(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", f"sqlite:///{workspace.state / 'store.db'}")
    fault = refused(workspace)
    assert (fault.code, fault.hint) == ("S18", "换一个空的数据库。")


@pytest.mark.parametrize("name", ["server.lock", "server.users"])
def test_office_that_is_served_is_not_moved(workspace: Workspace, there: Path, name: str) -> None:
    with (workspace.state / name).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert refused(workspace).code == "P06"
    assert not there.exists()


def test_store_that_another_command_has_open_is_not_moved(workspace: Workspace, there: Path) -> None:
    with closing(sqlite3.connect(workspace.state / "store.db")) as other:
        other.execute("SELECT count(*) FROM record").fetchone()
        assert refused(workspace).code == "P06"
    assert move(workspace).kept


def test_record_of_another_key_is_not_moved(workspace: Workspace, there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_KEY", "another invented key")
    assert refused(workspace).code == "S04"


def test_record_that_was_touched_is_not_moved(workspace: Workspace, there: Path) -> None:
    with closing(sqlite3.connect(workspace.state / "store.db")) as database, database:
        database.execute("UPDATE evaluations SET prepared_by = '别人'")
    fault = refused(workspace)
    assert fault.code == "S10"
    assert len(fault.faults) == 1
    assert not there.exists()


def test_empty_database_beside_the_office_store_says_how_to_move(workspace: Workspace, there: Path) -> None:
    with pytest.raises(PerfevalError) as caught:
        open_office(workspace.root)
    assert caught.value.code == "S15"
    assert caught.value.hint.startswith("把原来的记录移过去：perfeval move。")


def test_office_that_was_not_moved_beside_another_is_not_begun_anew(workspace: Workspace, second: Office) -> None:
    with pytest.raises(PerfevalError) as caught:
        open_office(workspace.root)
    assert (caught.value.code, "perfeval move" in caught.value.hint) == ("S15", True)
    move(workspace)
    office = open_office(workspace.root)
    assert [status.revision.evaluation.id for status in steps.statuses(office)] == ["2022-zdxm-1"]
    office.store.close()


def test_unit_renamed_after_its_move_is_not_begun_anew(workspace: Workspace, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    move(workspace)
    edit(workspace.root, "name: 桃江县重点项目建设事务中心", "name: 桃江县重点项目服务中心")
    with pytest.raises(PerfevalError) as caught:
        open_office(workspace.root)
    assert (caught.value.code, "key: 桃江县重点项目建设事务中心" in caught.value.hint) == ("S22", True)


def test_unit_renamed_is_not_begun_anew_in_a_database_of_others(workspace: Workspace, second: Office) -> None:
    edit(workspace.root, "name: 桃江县重点项目建设事务中心", "name: 桃江县重点项目服务中心")
    with pytest.raises(PerfevalError) as caught:
        open_office(workspace.root)
    assert (caught.value.code, "key: 桃江县重点项目建设事务中心" in caught.value.hint) == ("S22", True)
    assert refused(Workspace(workspace.root)).code == "S22"
    edit(workspace.root, "  name: 桃江", "  key: 桃江县重点项目建设事务中心\n  name: 桃江")
    move(Workspace(workspace.root))
    office = open_office(workspace.root)
    assert [status.revision.evaluation.id for status in steps.statuses(office)] == ["2022-zdxm-1"]
    office.store.close()


def test_files_follow_a_record_that_was_moved_though_a_command_was_refused_between(
    workspace: Workspace, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(workspace)
    with monkeypatch.context() as without:
        without.setenv("PERFEVAL_DATABASE_URL", "")
        with pytest.raises(PerfevalError):
            open_office(workspace.root)
    assert (workspace.state / "store.db").exists()
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", str(tmp_path / "shared"))
    assert move(workspace).artifacts


def test_office_moved_away_begins_no_record_anew_without_the_address(
    workspace: Workspace, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(workspace)
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", "")
    for _ in range(2):
        with pytest.raises(PerfevalError) as caught:
            open_office(workspace.root)
        assert (caught.value.code, "PERFEVAL_DATABASE_URL" in caught.value.hint) == ("S15", True)


def test_command_says_what_was_moved_and_what_comes_next(
    workspace: Workspace, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", str(tmp_path / "shared"))
    with pytest.raises(SystemExit) as stop:
        answer(app, ["move", "-w", str(workspace.root)])
    out, err = capsys.readouterr()
    assert not stop.value.code
    assert [line.partition("：")[0] for line in out.splitlines()] == [
        "记录已移到 PERFEVAL_DATABASE_URL 所指的数据库",
        f"移走时的记录留在 {next(workspace.state.glob('store.db.moved-*'))}，不再使用，可移到别处保存",
        "存档文件已放到 PERFEVAL_ARTIFACTS_URL 所指的存储",
    ]
    assert err.startswith("下一步：")


def test_artifacts_go_over_and_what_was_broken_off_goes_on(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, here = tmp_path / "shared", sorted(path.name for path in workspace.artifacts.glob("??/*"))
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", str(shared))
    place = workspace.artifacts / here[-1][:2] / here[-1]
    whole = place.read_bytes()
    place.write_bytes(b"touched")
    assert refused(workspace).code == "S02"
    assert sorted(path.name for path in shared.glob("??/*")) == here[:-1]
    place.write_bytes(whole)
    assert move(workspace) == Moved(None, len(here))
    assert sorted(path.name for path in shared.glob("??/*")) == here
    assert (workspace.state / "store.db").exists()


def test_artifacts_go_into_a_bucket_with_the_record(
    workspace: Workspace, there: Path, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", s3_url)
    here = len(list(workspace.artifacts.glob("??/*")))
    assert move(workspace).artifacts == here
    shutil.rmtree(workspace.artifacts)  # as on another machine
    office = open_office(workspace.root)
    (status,) = steps.statuses(office)
    with office.store.reading() as record:
        assert record.head(PEOPLE)
    assert steps.prepare(office, status.revision) == status.draft
    assert (moved := move(workspace)).events is moved.kept is None  # the files alone, once the record is there
    office.store.close()


def has_open(process: int, file: Path) -> bool:
    with suppress(OSError):  # it opens and closes meanwhile
        return any(handle.readlink() == file for handle in Path(f"/proc/{process}/fd").iterdir())
    return False


def test_command_that_waits_for_the_file_meanwhile_writes_nothing_into_the_backup(
    workspace: Workspace, there: Path, tmp_path: Path
) -> None:
    code = "import sys; from pathlib import Path; from perfeval.office import open_office; open_office(Path(sys.argv[1]))"
    environment = os.environ | {"PERFEVAL_DATABASE_URL": ""}
    file, others = workspace.state / "store.db", list[subprocess.Popen[str]]()

    def begin(_: object) -> str:
        if not others:
            others.append(
                subprocess.Popen([sys.executable, "-c", code, str(workspace.root)], env=environment, stderr=subprocess.PIPE, text=True)
            )
            while not has_open(others[0].pid, file):
                time.sleep(0.01)  # until it has come to the file
        return ""

    move_store(file, f"sqlite:///{there}", lambda: KEY, begin, tmp_path / "kept")
    _, err = others[0].communicate(timeout=60)
    assert others[0].returncode == 1
    assert "StoreError" in err
    assert not list(tmp_path.glob("kept-*"))
