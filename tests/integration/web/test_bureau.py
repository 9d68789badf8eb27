"""局端总览: the bureau's people see every unit that names theirs as its bureau, and nobody else does."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from sqlalchemy import event

from perfeval import steps
from perfeval.model import Revision
from perfeval.model.clock import CHINA
from perfeval.model.outcomes import Failure
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.web import Overseen, overseen_by
from perfeval.web.bureau import look_over_all, year_to_show

from .conftest import House

BUREAU = "桃江县财政局"
HARM = '=HYPERLINK("http://evil.example";"看")'


def renamed(folder: Path, name: str, **changes: str) -> Path:
    """The workspace of a unit of another name."""
    file = folder / "perfeval.yml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["unit"] |= {"name": name} | changes
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return folder


@pytest.fixture
def bureau(house: House, tmp_path: Path, pristine: Path, welcome: Callable[..., Any]) -> Iterator[tuple[House, Office, Office]]:
    """The bureau's house; the projects' office, whose draft waits; an office of a harmful name, whose ledgers are faulty."""
    seat = open_office(renamed(Path(shutil.copytree(pristine, tmp_path / "bureau")), BUREAU))
    faulty = renamed(Path(shutil.copytree(pristine, tmp_path / "faulty")), HARM)
    (faulty / "ledgers" / "2022" / "调度会议台账.xlsx").unlink()
    other = open_office(faulty)
    for office in (seat, other):
        welcome(office, "样例经办人", "operator")
    for name, role in (("样例总览", "overseer"), ("样例审批", "bureau")):
        welcome(seat, name, role)
    offices = [house.office, other, seat]
    overseen = [Overseen(office, f"http://localhost:{4200 + place}") for place, office in enumerate(offices)]
    assert overseen_by(seat, overseen) == overseen
    run = "22222222-2222-4222-8222-222222222222"
    evaluation = steps.open_evaluation(other, other.workspace.subject(2022), "样例经办人", run)
    with pytest.raises(Exception, match="台账") as fault:
        steps.prepare(other, Revision(evaluation, 1))
    with other.store.transaction() as record:
        record.record_failure(run, steps.failure_of(other.store, "校验台账", fault.value))  # type: ignore[arg-type]  # ours
    yield House(seat, {}, evaluation, overseen=overseen), house.office, other
    for office in (seat, other):
        office.store.close()


def test_overview_lists_every_unit_with_its_stage_points_who_waits_and_what_is_wrong(bureau: tuple[House, Office, Office]) -> None:
    page = bureau[0].client("样例总览").get("/review/bureau").text
    shown = (
        "桃江县重点项目建设事务中心",
        "待中心审批",
        "98.68",
        "样例甲",
        "没有完成：校验台账：",
        "未送审",
        "错误 1，提醒 0",
        "调度会议台账",
    )
    assert [name for name in shown if name not in page] == []
    assert f'href="http://localhost:4200/review/{bureau[0].evaluation.id}/1"' in page
    assert "=HYPERLINK(&#34;" in page


@pytest.mark.parametrize("name", ["样例审批", "样例经办人"])
def test_overview_is_for_those_who_have_the_role_at_the_bureau(bureau: tuple[House, Office, Office], name: str) -> None:
    for path in ("/review/bureau", "/review/bureau.xlsx"):
        answer = bureau[0].client(name).get(path)
        assert (answer.status_code, "98.68" in answer.text) == (403, False)
    assert "/review/bureau" not in bureau[0].client(name).get("/review/").text


def test_overseer_with_nothing_to_do_is_led_to_the_overview(bureau: tuple[House, Office, Office]) -> None:
    assert '看<a href="/review/bureau">总览</a>' in bureau[0].client("样例总览").get("/review/").text


def test_overseer_of_a_unit_that_is_no_bureau_sees_no_other(house: House, welcome: Callable[..., Any]) -> None:
    welcome(house.office, "样例总览", "overseer")
    assert house.client("样例总览").get("/review/bureau").status_code == 403


@pytest.mark.parametrize(
    ("asked", "units"),
    [
        ("stage=waiting", ["桃江县重点项目建设事务中心"]),
        ("stage=not-begun", [BUREAU]),
        ("stage=late", []),
        ("q=样例甲", ["桃江县重点项目建设事务中心"]),
        ("q=没有完成", [HARM]),
        ("order=total", ["桃江县重点项目建设事务中心", HARM, BUREAU]),
        ("order=unit", ["桃江县重点项目建设事务中心", HARM, BUREAU]),
        ("order=since&stage=", [BUREAU, "桃江县重点项目建设事务中心", HARM]),
        ("order=nothing&stage=none&year=x", []),
        ("year=2001", ["桃江县重点项目建设事务中心", HARM, BUREAU]),
    ],
)
def test_export_holds_what_is_asked_for_in_its_order_and_no_formula(
    bureau: tuple[House, Office, Office], asked: str, units: list[str]
) -> None:
    answer = bureau[0].client("样例总览").get(f"/review/bureau.xlsx?{asked}")
    sheet = openpyxl.load_workbook(BytesIO(answer.content)).worksheets[0]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == units
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"inlineStr", "s", "n", "d"}
    assert all(cell.quotePrefix for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str))


def test_year_that_could_not_be_begun_again_after_a_refusal_says_so(bureau: tuple[House, Office, Office]) -> None:
    office = bureau[1]
    with office.store.transaction() as record:
        (evaluation,) = record.evaluations(2022)
        record.end_evaluation(evaluation, "refused")
        record.record_failure("run-2", Failure("运行", "P14", "设置有误", None, office.workspace.unit, 2022, evaluation.programme_key))
    assert "没有开始：运行：设置有误" in bureau[0].client("样例总览").get("/review/bureau").text


def test_overview_asks_each_store_a_fixed_number_of_questions(
    bureau: tuple[House, Office, Office], tmp_path: Path, welcome: Callable[..., Any]
) -> None:
    asked: list[str] = []
    offices = [Overseen(office, "") for office in (bureau[0].office, bureau[1], bureau[2])]
    for item in offices:
        event.listen(item.office.store._engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    look_over_all(offices, 2022)
    once = len(asked)
    look_over_all(offices, 2022)
    assert (once / 3, len(asked) - once) <= (13, once)


def test_clerk_finds_what_stands_still_on_his_first_page_and_nobody_else_does(
    bureau: tuple[House, Office, Office], welcome: Callable[..., Any]
) -> None:
    welcome(bureau[2], "样例审批", "center")
    house = House(bureau[2], {}, bureau[0].evaluation)
    assert "没有完成" in house.client("样例经办人").get("/review/").text
    assert f'href="/review/{bureau[0].evaluation.id}"' in house.client("样例经办人").get("/review/").text
    assert "没有完成" not in house.client("样例审批").get("/review/").text


def test_office_that_could_not_be_opened_has_a_row_that_says_why(bureau: tuple[House, Office, Office]) -> None:
    rows = look_over_all(bureau[0].overseen, 2022, {"丙中心": "perfeval.yml:16: YAML 写法有误"})
    assert (rows[-1].unit, rows[-1].problem) == ("丙中心", "没有打开：perfeval.yml:16: YAML 写法有误")
    seat = House(bureau[0].office, {}, bureau[0].evaluation, overseen=bureau[0].overseen, unopened={"丙中心": "perfeval.yml:16: 写法有误"})
    assert "没有打开：perfeval.yml:16" in seat.client("样例总览").get("/review/bureau").text


def test_list_keeps_what_it_is_given(tmp_path: Path) -> None:
    create_workspace(tmp_path / "office")  # an office that names another bureau is not overseen
    roads = tmp_path / "roads"
    create_workspace(roads, pack="rural-roads")
    seat, others = open_office(renamed(tmp_path / "office", BUREAU)), open_office(roads)
    served = [Overseen(office, "") for office in (seat, others)]
    assert overseen_by(seat, served) == served[:1]


def test_overview_counts_by_stage_and_shows_an_office_whose_store_cannot_be_read(bureau: tuple[House, Office, Office]) -> None:
    page = bureau[0].client("样例总览").get("/review/bureau?stage=waiting").text
    assert [name for name in ("全部（3）", "未送审（1）", "编制中（1）", "待审批（1）", "已归档（0）") if name not in page] == []
    store = bureau[1].workspace.state / "store.db"
    store.write_bytes(b"nothing of ours" * 1000)
    for beside in store.parent.glob("store.db-*"):
        beside.unlink()
    bureau[1].store.close()
    page = bureau[0].client("样例总览").get("/review/bureau").text
    assert [name for name in ("桃江县重点项目建设事务中心", "读不出：数据库", "没有完成：") if name not in page] == []


@pytest.mark.parametrize(("known", "shown"), [([0, -1, -3], -1), ([0, -3], 0), ([-4, -3], -3), ([], -1)])
def test_overview_opens_at_last_year(known: list[int], shown: int) -> None:
    this = datetime.now(CHINA).year
    assert year_to_show([this + ago for ago in known]) == this + shown


def test_office_that_calls_itself_the_bureau_beside_it_sees_nothing(bureau: tuple[House, Office, Office], tmp_path: Path) -> None:
    house, projects, _ = bureau
    pretender = open_office(
        renamed(
            Path(shutil.copytree(projects.workspace.root, tmp_path / "pretender", ignore=shutil.ignore_patterns(".perfeval"))),
            f" {BUREAU} ",
            key="x",
        )
    )
    served = [Overseen(office, "") for office in (house.office, projects, pretender)]
    assert [overseen_by(office, served) for office in (house.office, pretender)] == [[], []]
