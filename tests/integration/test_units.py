"""Units, programmes and gates are values: two units on one database, two programmes in one workspace, a third gate."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree

from perfeval import steps
from perfeval.assessment import assess, check_files, own_rows
from perfeval.errors import StoreError, UsageError
from perfeval.ledgers import receive
from perfeval.model import Answer, Revision, Verdict
from perfeval.office import Office, open_office
from perfeval.reperformance import verify_archive
from perfeval.workspace import Subject, Workspace

SECOND = """
  - key: bridges
    name: 桥涵维护
    codes: [QH-2022-001]
    goal: 保障桥涵安全。
"""


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "office"))


def edited(folder: Path, old: str, new: str) -> Path:
    path = folder / "perfeval.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.fixture
def archived(welcome: Callable[..., Any]) -> Callable[..., Path]:
    """Run a programme's year to its archive in a plain loop."""

    def run(office: Office, key: str = "") -> Path:
        preparer, seats = f"{key}样例经办人", {gate.key: f"{key}样例{gate.key}" for gate in office.workspace.gates}
        welcome(office, preparer, "operator")
        phones = {gate: welcome(office, name, gate) for gate, name in seats.items()}
        revision = Revision(steps.open_evaluation(office, office.workspace.subject(2022, key), preparer), 1)
        draft = steps.prepare(office, revision)
        for gate in office.workspace.gates:
            answer = Answer(Verdict.APPROVE, seats[gate.key], phones[gate.key].code(), draft.check_code)
            steps.decide(office, revision, gate, answer)
        return steps.archive_report(office, revision)

    return run


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_two_units_on_one_database_run_their_own_years(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    database: str,
    archived: Callable[..., Path],
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}" if database == "sqlite" else request.getfixturevalue("empty_postgresql_url")
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", url)
    second = edited(Path(shutil.copytree(folder, tmp_path / "second")), "name: 桃江县重点项目建设事务中心", "name: 样例县重点项目服务中心")
    offices = [open_office(place) for place in (folder, second)]
    bags = [archived(office) for office in offices]
    assert [bag.name for bag in bags] == ["0000-WS·2022-D30-XMXT-0001"] * 2
    assert [[status.revision.evaluation.id for status in steps.statuses(office)] for office in offices] == [
        ["2022-zdxm-1"],
        ["2022-zdxm-2"],
    ]
    assert all(check.ok for bag in bags for check in verify_archive(bag))
    with pytest.raises(StoreError, match="没有编号为 2022-zdxm-2 的自评"), offices[0].store.reading() as record:
        record.evaluation("2022-zdxm-2")
    for office in offices:
        office.store.close()


def test_unit_renamed_keeps_its_evaluations_under_its_key(folder: Path, welcome: Callable[..., Any]) -> None:
    office = open_office(folder)
    welcome(office, "样例经办人", "operator")
    steps.open_evaluation(office, Workspace(folder).subject(2022), "样例经办人")
    edited(folder, "  name: 桃江县重点项目建设事务中心", "  key: 桃江县重点项目建设事务中心\n  name: 桃江县重点项目服务中心")
    assert [status.revision.evaluation.id for status in steps.statuses(open_office(folder))] == ["2022-zdxm-1"]


def test_gate_before_the_centre_leaves_the_signing_to_the_centre(folder: Path, archived: Callable[..., Path]) -> None:
    edited(folder, "gates:", "gates:\n  - {key: finance, title: 单位财务审核, act: 审核}\n#")
    path = folder / "perfeval.yml"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    office = open_office(folder)
    assert [gate.key for gate in office.workspace.gates] == ["finance", "center", "bureau"]
    bag = archived(office)
    acts = [item.findtext("行为") for item in etree.parse(bag / "metadata.xml").iterfind("业务行为")]
    assert acts == ["拟稿", "审核（单位财务审核）", "签发（中心审批）", "审核（财政局审批）", "归档"]
    assert all(check.ok for check in verify_archive(bag))


@pytest.fixture
def two(folder: Path) -> Path:
    """An office with two programmes, whose rows stand in the same ledgers."""
    edited(
        folder,
        "    goal: 保障单位正常运转，完成重点项目协调、调度、督办、宣传和帮代办服务工作。",
        "    goal: 保障协调服务。" + SECOND.rstrip(),
    )
    for room, kind in (("indicators", "yml"), ("report", "md"), ("explanations", "yml")):
        path = folder / room / f"2022.{kind}"
        for key in ("zdxm", "bridges"):
            shutil.copy(path, path.with_name(f"2022-{key}.{kind}"))
        path.unlink()
    add(folder, "预算指标台账", "指标文号", {"预算项目编码": "QH-2022-001", "金额（元）": 50000, "指标文号": "桃财预〔2022〕99号"})
    add(
        folder,
        "资金支出台账",
        "凭证号",
        {"预算项目编码": "QH-2022-001", "金额（元）": 40000, "凭证号": "记-900", "发票号码": "99900001", "活动方案编号": None},
    )
    return folder


def add(folder: Path, title: str, first: str, changes: dict[str, object]) -> None:
    """Copy a ledger's first row to its end, changed, before the total."""
    path = folder / "ledgers" / "2022" / f"{title}.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    headers = [cell.value for cell in sheet[2]]
    row = [changes.get(str(header), cell.value) for header, cell in zip(headers, sheet[3], strict=True)]
    if sheet.cell(sheet.max_row, 1).value == "合计":
        sheet.delete_rows(sheet.max_row)
    sheet.append(row)
    book.save(path)


def test_programmes_share_ledgers_and_count_their_own_rows(two: Path) -> None:
    workspace = Workspace(two)
    files = receive(two / "ledgers" / "2022")
    mine, other = (assess(workspace.subject(2022, key), files) for key in ("zdxm", "bridges"))
    assert str(mine.card.execution.executed) == "179900.00"
    assert (str(other.card.execution.annual), str(other.card.execution.executed)) == ("50000.00", "40000.00")
    assert str(mine.card.total) == "98.68"
    assert own_rows(workspace.subject(2022, "bridges"), other.ledgers)["expenditure"].count_rows() == 1


def test_programme_hears_of_the_others_rows_only_where_they_are_errors(two: Path) -> None:
    workspace = Workspace(two)
    files = receive(two / "ledgers" / "2022")
    codes = {
        key: {finding.code for finding in check_files(workspace.subject(2022, key), files).findings if finding.severity != "note"}
        for key in ("zdxm", "bridges")
    }
    assert codes == {"zdxm": set(), "bridges": {"X05", "C42"}}


def test_programmes_are_archived_under_numbers_of_their_own_unit(
    two: Path, archived: Callable[..., Path], explain_all: Callable[[Subject], None]
) -> None:
    office = open_office(two)
    for key in ("zdxm", "bridges"):
        explain_all(office.workspace.subject(2022, key))
    bags = [archived(office, key) for key in ("zdxm", "bridges")]
    assert [bag.name[-4:] for bag in bags] == ["0001", "0002"]
    assert [status.revision.evaluation.id for status in steps.statuses(office)] == ["2022-zdxm-1", "2022-bridges-1"]
    assert [(check.name, check.detail) for bag in bags for check in verify_archive(bag) if not check.ok] == []
    assert etree.parse(bags[1] / "metadata.xml").findtext("预算项目") == "桥涵维护"


def test_programme_not_named_where_there_are_several_is_asked_for(two: Path) -> None:
    with pytest.raises(UsageError, match="本单位有2个项目") as fault:
        Workspace(two).subject(2022)
    assert fault.value.hint == "用 --programme 指定：zdxm（经费补助缺口）、bridges（桥涵维护）"
    with pytest.raises(UsageError, match="没有 key 为“roads”的项目"):
        Workspace(two).subject(2022, "roads")
