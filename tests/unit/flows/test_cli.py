"""The commands that need Prefect, as far as they are refused before they ask it anything."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import cli
from flows.batch import _read, items_of
from flows.cli import app
from flows.conduct import Position
from perfeval import steps
from perfeval.console import answer
from perfeval.model import Answer, Evaluation, Revision, Verdict
from perfeval.office import Office

Running = Callable[..., tuple[int, list[str]]]
Batch = Callable[..., tuple[int, list[str], list[str]]]
DECIDE = ("--decision", "approve", "--as", "样例甲", "--code", "000000", "--check-code", "0123abcd")


@pytest.fixture
def run(office: Office, capsys: pytest.CaptureFixture[str]) -> Running:
    """Type a command in the office; exit code and talk."""

    def running(*arguments: str) -> tuple[int, list[str]]:
        with pytest.raises(SystemExit) as stop:
            answer(app, [*arguments, "-w", str(office.workspace.root)])
        return int(stop.value.code or 0), capsys.readouterr().err.splitlines()

    return running


def rename_gate(office: Office, key: str) -> None:
    """Call a gate otherwise in the settings, under another key."""
    file = office.workspace.config_file
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    gate = next(gate for gate in settings["gates"] if gate["key"] == key)
    gate |= {"key": "county", "title": "县级审批"}
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def batch(capsys: pytest.CaptureFixture[str]) -> Batch:
    """Run 2022 of offices; exit code, table and talk."""

    def running(*folders: Path) -> tuple[int, list[str], list[str]]:
        with pytest.raises(SystemExit) as stop:
            answer(app, ["batch", "--year", "2022", *map(str, folders)])
        told = capsys.readouterr()
        return int(stop.value.code or 0), told.out.splitlines(), told.err.splitlines()

    return running


def test_run_of_a_year_that_is_archived_is_refused(office: Office, evaluation: Evaluation, run: Running) -> None:
    with office.store.transaction() as record:
        record.end_evaluation(evaluation, "archived")
    assert run("run", "--year", "2022") == (2, ["2022年度的自评已归档：2022-roads-1", "用 perfeval verify 核验归档包。"])


@pytest.mark.parametrize(
    ("as_json", "told"), [(False, "2022-roads-1  第1稿  待中心审批\n"), (True, '"draft": null,\n  "digest": "0123abcd')]
)
def test_run_whose_copy_of_the_draft_cannot_be_written_tells_where_it_stands(
    office: Office, revision: Revision, capsys: pytest.CaptureFixture[str], *, as_json: bool, told: str
) -> None:
    drafts = office.workspace.root / "drafts"
    drafts.touch()
    cli._report(office, Position("", steps.status(office, revision.evaluation), None), None, as_json=as_json)
    out, err = capsys.readouterr()
    assert told in out
    assert err.splitlines() == [
        f"报告没有写入 drafts 文件夹：同名文件已存在（{drafts}）　核对码：0123abcd",
        "检查 drafts 文件夹的权限和磁盘空间，再执行一次 perfeval run；也可以从审阅室下载。",
    ]


def test_worker_without_a_server_waits_no_longer_than_for_one_that_starts(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_SERVER_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    code, said = run("worker", "--server", url)
    assert (code, said[0]) == (1, f"连不上服务：{url}")


def test_run_after_a_return_asks_what_was_corrected(office: Office, revision: Revision, run: Running, welcome: Callable[..., Any]) -> None:
    code = welcome(office, "样例甲", "center").code()
    steps.decide(office, revision, office.workspace.gates[0], Answer(Verdict.RETURN, "样例甲", code, "0123abcd", "补会议日期"))
    assert run("run", "--year", "2022", "--note", " ") == (
        2,
        ["第1稿已退回修改：补会议日期", "更正台账后，用 --note 说明更正了什么，再运行。"],
    )


def test_decision_at_a_gate_that_is_not_there_names_those_that_are(revision: Revision, run: Running) -> None:
    code, said = run("decide", revision.evaluation.id, "--gate", "county", *DECIDE)
    assert (code, said) == (2, ["没有“county”这一审批环节", "可用：center（中心审批）、bureau（财政局审批）"])


def test_decision_is_taken_at_the_gates_of_the_draft_though_the_settings_have_others(
    office: Office, revision: Revision, run: Running, welcome: Callable[..., Any]
) -> None:
    welcome(office, "样例甲", "bureau")
    rename_gate(office, "bureau")
    code, said = run("decide", revision.evaluation.id, "--gate", "bureau", *DECIDE)
    assert (code, said[0]) == (1, "动态码不正确、已过期或已使用过")
    code, said = run("decide", revision.evaluation.id, "--gate", "county", *DECIDE)
    assert (code, said[1]) == (2, "可用：center（中心审批）、bureau（财政局审批）")


def test_decision_on_what_is_not_drafted_is_refused(evaluation: Evaluation, run: Running) -> None:
    code, said = run("decide", evaluation.id, "--gate", "center", *DECIDE)
    assert (code, said[0]) == (2, "2022-roads-1 还没有可审批的报告")


def test_decision_on_an_evaluation_that_is_not_there_is_refused(run: Running) -> None:
    code, said = run("decide", "2021-roads-1", "--gate", "center", *DECIDE)
    assert (code, said[0]) == (1, "没有编号为 2021-roads-1 的自评")


def test_decision_by_nobody_enrolled_is_refused_before_a_server_is_started(revision: Revision, run: Running) -> None:
    code, said = run("decide", revision.evaluation.id, "--gate", "center", *DECIDE)
    assert (code, said[0]) == (1, "没有登记审批人“样例甲”")


def test_batch_does_an_office_once_however_often_it_is_written(office: Office, evaluation: Evaluation, batch: Batch) -> None:
    with office.store.transaction() as record:
        record.end_evaluation(evaluation, "archived")
    folder = office.workspace.root
    (link := folder.with_name("link")).symlink_to(folder)
    code, table, said = batch(folder, folder / ".." / folder.name, link, folder)
    assert (code, [row.split() for row in table]) == (0, [["office", "roads", "2022-roads-1", "已归档"]])
    assert said == ["写了几次的工作区只做一次。", "[1/1] office roads：已归档", "共1项，1项已送审或已归档，0项没有成功。"]


def test_batch_tells_offices_of_one_name_by_the_paths_that_were_written(
    office: Office, evaluation: Evaluation, batch: Batch, tmp_path: Path
) -> None:
    with office.store.transaction() as record:
        record.end_evaluation(evaluation, "archived")
    office.store.close()
    folders = [Path(shutil.copytree(office.workspace.root, tmp_path / name / "2022自评")) for name in ("甲", "乙")]
    _, table, said = batch(*folders, office.workspace.root)
    assert [row.split()[0] for row in table] == [str(folders[0]), str(folders[1]), "office"]
    assert sorted(line.split()[1] for line in said[:3]) == sorted([str(folders[0]), str(folders[1]), "office"])


def test_batch_tells_whose_each_hint_is_and_the_number_of_what_was_returned(
    office: Office, revision: Revision, batch: Batch, welcome: Callable[..., Any], tmp_path: Path
) -> None:
    code = welcome(office, "样例甲", "center").code()
    steps.decide(office, revision, office.workspace.gates[0], Answer(Verdict.RETURN, "样例甲", code, "0123abcd", "补会议日期"))
    missing = tmp_path / "没有这个"
    _, table, said = batch(office.workspace.root, missing)
    assert table[0].split() == ["office", "roads", "2022-roads-1", "第1稿已退回修改：补会议日期"]
    assert said == [
        f"[1/2] {missing}：{missing} 不是工作区：缺少 perfeval.yml",
        "[2/2] office roads：第1稿已退回修改：补会议日期",
        "office roads：更正台账后，用 --note 说明更正了什么，再运行。",
        f"{missing}：用 perfeval init 目录 新建工作区，或用 -w 指定工作区目录。",
        "共2项，0项已送审或已归档，2项没有成功。",
    ]


def test_batch_tells_the_gate_of_the_draft_though_the_settings_have_another(
    office: Office, revision: Revision, capsys: pytest.CaptureFixture[str]
) -> None:
    rename_gate(office, "center")
    cli._report(office, Position("", steps.status(office, revision.evaluation), None), None, as_json=True)
    (item,) = items_of([office.workspace.root])
    said = capsys.readouterr().out
    assert _read(2022, item, said).told == "待中心审批"
    office.workspace.config_file.write_text("unit: [", encoding="utf-8")
    assert _read(2022, item, said).told == "waiting-center"


def test_batch_tells_of_a_folder_that_cannot_be_read_and_does_the_others(office: Office, evaluation: Evaluation, batch: Batch) -> None:
    with office.store.transaction() as record:
        record.end_evaluation(evaluation, "archived")
    refused = office.workspace.root.with_name("x" * 300)
    code, table, said = batch(refused, office.workspace.root)
    assert (code, table[1].split()[:3]) == (1, ["office", "roads", "2022-roads-1"])
    assert said[0] == f"[1/2] {refused}：读写文件失败：文件名过长（{refused / 'perfeval.yml'}）"
