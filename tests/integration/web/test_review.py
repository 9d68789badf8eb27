"""What people see and do on the review pages."""

import html
import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import openpyxl
import pytest
from sqlalchemy import event

from perfeval import steps
from perfeval.approvals.events import AnsweredWrongly
from perfeval.approvals.record import read_line
from perfeval.model import Finding, Revision, Severity
from perfeval.model.clock import CHINA
from perfeval.model.documents import dump_json
from perfeval.model.outcomes import Failure
from perfeval.office import open_office

CLERK, CENTER, BUREAU = "样例经办人", "样例甲", "样例乙"


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


# ---- what waits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/perfeval/", "/review", "/review/"])
def test_what_waits_for_the_reader_comes_first(house: Any, path: str) -> None:
    assert 'class="task" href="/review/2022-zdxm-1/1"' in house.client(CENTER).get(path).text
    others = house.client(BUREAU).get(path).text
    assert "没有等您办理的事项" in others
    assert "待中心审批" in others


def test_list_asks_a_fixed_number_of_questions(house: Any) -> None:
    client, asked = house.client(CLERK), []
    client.get("/review/")
    event.listen(house.office.store._engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert "2022-zdxm-1" in client.get("/review/").text
    assert 0 < len(asked) <= 9  # who is logged in takes the door three more


def test_search_is_the_servers(house: Any) -> None:
    client = house.client(BUREAU)
    assert "2022-zdxm-1" in client.get("/review/", params={"q": "2022年度 待中心"}).text
    page = client.get("/review/", params={"q": '2023"><b>'}).text
    assert "没有找到“2023&#34;&gt;&lt;b&gt;”" in page
    assert "2022-zdxm-1" not in page


# ---- a revision ----------------------------------------------------------------------------------------------------------


def test_revision_shows_points_report_ledgers_and_record(house: Any) -> None:
    page = house.client(BUREAU).get(house.page).text
    assert 'href="/review/2022-zdxm-1/1/figure/score_total">98.68</a>' in page
    told = text_of(page)
    for words in (
        "实际90.57%，未达到指标值“≥95%”",
        "少数前期手续、用地问题办理周期长",
        "一、",
        "立项",
        "送中心审批（样例甲）",
        "资金支出台账.xlsx",
    ):
        assert words in told
    assert 'name="decision"' not in page


def test_times_are_chinas_wherever_the_server_stands(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with house.office.store.reading() as record:
        since = record.progress(house.evaluation).status(house.office.workspace.gates).since
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    pages = [house.client(CENTER).get(path).text for path in ("/review/", house.page)]
    monkeypatch.undo()
    time.tzset()
    for page in pages:
        assert f"自 {since.astimezone(CHINA):%Y-%m-%d %H:%M}" in page


def test_reason_stands_where_the_report_prints_it_and_nowhere_else(house: Any) -> None:
    file = house.office.workspace.root / "explanations" / "2022.yml"
    file.write_text(file.read_text("utf-8") + "\nclosing_rate: 早已更正的偏差\n", encoding="utf-8")
    house.send(CENTER, decision="退回修改", comment="请改")
    house.client(CLERK).post(f"{house.page}/correction", content=urlencode({"token": "token of p1", "note": "已改"}))
    house.go_on()
    page = house.client(CENTER).get(house.page).text
    assert house.page.endswith("/2")
    assert "早已更正的偏差" not in page
    assert "少数前期手续、用地问题办理周期长" in page[page.index('id="scores"') : page.index('id="findings"')]


def test_ledger_is_handed_out_as_it_was_received(house: Any) -> None:
    client = house.client(BUREAU)
    links = re.findall(r'href="(/review/2022-zdxm-1/1/ledgers/\d+)">([^<]+)', client.get(house.page).text)
    assert len(links) == 14
    for link, name in links:
        assert client.get(link).content == (house.office.workspace.root / "ledgers" / "2022" / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/review/2022-zdxm-2/1", "/review/2022-zdxm-1/2", "/review/2022-zdxm-1/1/figure/nothing", "/review/2022-zdxm-1/1/ledgers/99",
        "/review/2022-zdxm-1/0", "/review/x/../../etc", "/review/2022-zdxm-1/1/statement", "/review/2022-zdxm-1/1/figure/spent_subtotal_99",
    ],
)  # fmt: skip
def test_page_that_does_not_exist_is_not_found(house: Any, path: str) -> None:
    assert house.client(CENTER).get(path).status_code == 404


def test_evaluation_without_a_number_leads_to_the_revision_in_work(house: Any) -> None:
    assert house.client(CENTER).get("/review/2022-zdxm-1").headers["location"] == "/review/2022-zdxm-1/1"


def test_getting_every_link_changes_nothing(house: Any) -> None:
    heads, client = house.heads, house.client(CENTER)
    pages, seen = ["/review/"], set()
    while pages:
        page = pages.pop()
        seen.add(page)
        links = set(re.findall(r'(?:href|src|action)="(/review/[^"#]*)"', client.get(page).text))
        pages += sorted(link for link in links if link not in seen and "/static/" not in link and "/figure/" not in link)[:20]
    assert len(seen) > 10
    assert house.heads == heads
    assert house.told == []


# ---- deciding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", sorted(files("perfeval.web").joinpath("templates").iterdir(), key=str), ids=lambda item: item.name)
def test_no_attribute_is_written_as_text_which_would_be_escaped(template: Any) -> None:
    assert re.findall(r"""\{\{ *' [a-z-]+="|\{\{ *" [a-z-]+='""", template.read_text("utf-8")) == []


def test_archived_draft_shows_its_number_and_where_its_sheet_is(house: Any) -> None:
    house.send(CENTER)
    house.send(BUREAU)
    bag = steps.archive_report(house.office, Revision(house.evaluation, 1))
    assert f"档号 {bag.name}。审批表是归档包里的 data/审批表.docx；打印，核对链头" in house.client(CLERK).get(house.page).text
    assert "由经办人打印、移交" in house.client(BUREAU).get(house.page).text


def test_decision_with_a_code_is_recorded_and_the_conductor_told(house: Any) -> None:
    answer = house.send(CENTER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review/2022-zdxm-1/1?told=recorded")
    assert house.stage == "waiting-bureau"
    assert house.told == [("2022-zdxm-1", "中心审批：同意（样例甲）")]
    page = text_of(house.client(CENTER).get(answer.headers["location"]).text)
    assert "已登记" in page
    assert "第1稿 中心审批 样例甲" in page


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"code": "000000"}, "动态码不正确"), ({"code": ""}, "没有填写动态码"), ({"decision": ""}, "没有选择审批决定"),
        ({"decision": "也许"}, "没有选择审批决定"), (
            {"decision": "退回修改", "comment": ""}, "必须填写审批意见"), ({"digest": "0" * 64}, "不是现在送审的这一稿"),
        ({"decision": "不同意", "comment": "长" * 2001}, "超过2000字"), ({"statement": "{}", "signed": "[]"}, "决定书读不出"),
    ],
)  # fmt: skip
def test_wrong_answer_comes_back_with_what_was_typed_but_the_code(house: Any, changes: dict[str, str], problem: str) -> None:
    filled = {"decision": "同意", "comment": '意见"<script>alert(1)</script>'} | changes
    answer = house.send(CENTER, **filled)
    assert (answer.status_code, house.stage, house.told) == (409, "waiting-center", [])
    assert problem in text_of(answer.text)
    assert "<script>alert" not in answer.text
    assert html.escape(filled["comment"], quote=False) in answer.text.replace("&#34;", '"')
    assert 'name="code"' in answer.text
    assert not re.search(r'name="code"[^>]*value=', answer.text)
    assert (" checked" in answer.text) == (filled["decision"] in {"同意", "退回修改", "不同意"})


def test_form_without_its_token_is_refused(house: Any) -> None:
    heads = house.heads
    for changes in ({"token": ""}, {"token": "token of p9"}):
        assert house.send(CENTER, **changes).status_code == 403
    assert house.client(CENTER).post(house.page, content="").status_code == 403
    assert house.heads == heads


@pytest.mark.parametrize(("name", "code", "problem"), [(BUREAU, "A06", "不是“中心审批”的审批人"), (CLERK, "A10", "不能审批自己送审的报告")])
def test_who_has_no_seat_at_the_gate_decides_nothing_and_is_told_why(house: Any, name: str, code: str, problem: str) -> None:
    with house.office.store.reading() as record:
        draft = record.progress(house.evaluation).draft
        person = next(person for person in record.people().persons.values() if person.name == name)
    filled = {"token": f"token of {person.id}", "digest": draft.content_digest, "decision": "同意", "code": house.phones[name].code()}
    answer = house.client(name).post(house.page, content=urlencode(filled))
    assert (answer.status_code, house.stage) == (409, "waiting-center")
    assert problem in answer.text
    with house.office.store.reading() as record:
        events = [read_line(entry.line).what for entry in record.entries(house.evaluation.id)]
    assert [item.code for item in events if isinstance(item, AnsweredWrongly)] == [code]


def test_clerk_hands_in_the_correction_of_a_returned_draft(house: Any) -> None:
    house.send(CENTER, decision="退回修改", comment="请核对<b>支出</b>明细")
    assert house.stage == "correcting"
    assert "提交更正" not in house.client(CENTER).get(house.page).text
    client, token = house.client(CLERK), "token of p1"
    page = client.get(house.page).text
    assert "请核对&lt;b&gt;支出&lt;/b&gt;明细" in page
    assert client.post(f"{house.page}/correction", content=urlencode({"token": token, "note": " "})).status_code == 409
    assert client.post(f"{house.page}/correction", content=urlencode({"token": token, "note": "已核对"})).status_code == 303
    assert house.told[-1] == ("2022-zdxm-1", "更正已提交（样例经办人）")
    assert house.page.endswith("/2")
    house.go_on()
    assert "已被第2稿取代" in client.get("/review/2022-zdxm-1/1").text


def test_revision_that_could_not_be_made_tells_why(house: Any) -> None:
    house.send(CENTER, decision="退回修改", comment="请改")
    client = house.client(CLERK)
    client.post(f"{house.page}/correction", content=urlencode({"token": "token of p1", "note": "已改"}))
    assert "正在校验台账……" in client.get(house.page).text
    with house.office.store.transaction() as record:
        run = record.run_of(house.evaluation)
        found = Finding("V01", Severity.ERROR, "“金额”<i>没有填写", "资金支出台账", "资金支出台账.xlsx", "资金支出台账", 3, "金额", "I3")
        kept = house.office.store.artifacts.put(dump_json(list[Finding], [found]))
        record.record_failure(run, Failure("校验台账", "L00", "台账有 1 处错误\n请更正", kept))
    page = client.get(house.page).text
    assert "校验台账没有完成" in page
    assert "台账有 1 处错误<br>请更正" in page
    assert "“金额”&lt;i&gt;没有填写<small>资金支出台账.xlsx!资金支出台账!I3" in page
    assert f'href="/v2/runs/flow-run/{run}"' in page
    assert "重试" not in house.client(CENTER).get(house.page).text
    assert house.client(CENTER).post(f"{house.page}/retry", content="token=token of p2").status_code == 409
    assert client.post(f"{house.page}/retry", content="token=token of p1").headers["location"].startswith(f"{house.page}?told=retried&at=")
    assert house.told[-1] == (run, CLERK)


def test_page_of_a_retry_waits_until_it_has_failed_again_and_not_for_ever(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client, failure = house.client(CLERK), Failure("运行", "P14", "运行异常终止")
    house.send(CENTER, decision="同意")

    def fail() -> None:
        with house.office.store.transaction() as record:
            record.record_failure(record.run_of(house.evaluation), failure)

    def shown(path: str) -> tuple[bool, bool, bool]:
        page = client.get(path).text
        return "已开始重试" in page, "again.js" in page, "<button>重试</button>" in page

    fail()
    retried = client.post(f"{house.page}/retry", content="token=token of p1").headers["location"]
    assert shown(retried) == (True, True, False)
    for typed in ("", "&at=", "&at=x", "&at=0", "&at=99999999999999"):
        assert shown(f"{house.page}?told=retried{typed}") == (False, False, True)
    with monkeypatch.context() as later:
        later.setattr("perfeval.web.review._RETRY_SECONDS", 0)
        assert shown(retried) == (False, False, True)
    fail()
    assert shown(retried) == (False, False, True)


def test_evaluation_that_could_not_go_on_behind_a_gate_tells_why_and_is_tried_again(house: Any) -> None:
    house.send(CENTER, decision="同意")
    with house.office.store.transaction() as record:
        run = record.run_of(house.evaluation)
        record.record_failure(run, Failure("运行", "P14", "运行异常终止：内存不足\n再试一次"))
    client = house.client(CLERK)
    page = client.get(house.page).text
    assert ("运行没有完成" in page, "内存不足" in page, "重试" in text_of(page)) == (True, True, True)
    assert client.post(f"{house.page}/retry", content="token=token of p1").status_code == 303
    assert house.told[-1] == (run, CLERK)


# ---- remarks, and what became of them ------------------------------------------------------------------------------------

REMARKS = {"place_1": "meetings", "remark_1": "次数<i>偏多</i>", "place_2": "", "remark_2": "", "place_4": "第12段", "remark_4": "写明依据"}


def test_remarks_go_with_a_return_and_are_replied_to_one_by_one(house: Any) -> None:
    assert house.send(CENTER, decision="退回修改", comment="请改", **REMARKS).status_code == 303
    client, page = house.client(CLERK), house.page
    form = client.get(page).text
    assert form.count('name="reply_') == 2
    assert "协助召开重点项目专题调度会、现场办公会次数（meetings）：次数&lt;i&gt;偏多&lt;/i&gt;" in form
    filled = {"token": "token of p1", "note": "已改", "reply_1": "删去一次", "reply_2": ""}
    answer = client.post(f"{page}/correction", content=urlencode(filled))
    assert "修改意见没有逐条答复" in answer.text
    assert ">删去一次</textarea>" in answer.text
    assert client.post(f"{page}/correction", content=urlencode(filled | {"reply_2": "已写明"})).status_code == 303


def test_returned_draft_tells_the_clerk_on_top_what_is_wanted_and_where(house: Any) -> None:
    house.send(CENTER, decision="退回修改", comment="请核对", **REMARKS)
    page = house.client(CLERK).get(house.page).text
    top = page[: page.index('class="summary"')]
    assert '<a class="button" href="#correct">去更正</a>' in top
    assert "请核对" in top
    for place in ("meetings", quote("第12段")):
        assert f'href="#at-{place}"' in top
    assert re.search('<tr id="at-meetings" class="[^"]*remarked"', page)
    assert re.search('id="at-第12段"[^>]*class="[^"]*remarked"', page)
    assert "去更正" not in house.client(CENTER).get(house.page).text


def test_places_that_remarks_name_can_be_read_off_the_page(house: Any) -> None:
    page = house.client(CENTER).get(house.page).text
    with house.office.store.reading() as record:
        revision = record.current_revision(house.evaluation)
    places = steps.places(house.office, revision)
    numbered = re.findall(r'id="at-第([0-9]+)段" data-n="([0-9]+)"[^>]*>(.*?)</(?:p|h[0-9])>', page)
    assert len(numbered) > 50
    for name, shown, text in numbered:
        assert name == shown
        assert html.unescape(re.sub("<a class=.place.*?</a>|<[^>]+>", "", text)).strip() == places[f"第{name}段"].strip()
    assert "<code>meetings</code>" in page


def test_remark_that_is_not_taken_comes_back_as_it_was_typed(house: Any) -> None:
    page = house.send(CENTER, decision="同意", place_1="meetings", remark_1="次数偏多", place_2="九", remark_2="x").text
    assert "只有退回修改才有人答复" in page
    assert '<option value="meetings" selected>' in page
    assert '<option value="九" selected>' in page
    assert ">次数偏多</textarea>" in page


def test_second_revision_shows_what_changed_beside_what_was_asked(house: Any) -> None:
    house.send(CENTER, decision="退回修改", comment="请改", **REMARKS)
    path = house.office.workspace.root / "ledgers" / "2022" / "调度会议台账.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    row = next(row for row in range(3, sheet.max_row) if "现场办公会" in [cell.value for cell in sheet[row]])
    sheet.delete_rows(row)
    sheet["F4"].value = '<img src=x onerror="alert(1)">'
    book.save(path)
    filled = {"token": "token of p1", "note": "删去重复的一次", "reply_1": "已删", "reply_2": "已写明"}
    house.client(CLERK).post(f"{house.page}/correction", content=urlencode(filled))
    house.go_on()
    page = house.client(CENTER).get(house.page).text
    changes = page[page.index('id="changes"') : page.index('class="charts"')]
    assert "<del>70余、73次</del>" in changes
    assert f'href="{house.page}/figure/meetings">70余、72次</a>' in changes
    assert re.search(rf"<del>原第{row}行　\S", changes)
    assert "由 108 行变为 107 行" in changes
    assert changes.count("<ins>现第") == 1
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in changes
    cells = house.client(CENTER).get(f"{house.page}/figure/monthly_meetings").text
    assert "&lt;img src=x" in cells
    assert "<img" not in page + cells
    assert "<del>73</del><ins>72</ins>次" in changes
    assert re.search(r"<small>项目支出绩效自评表 › [^<]*专题调度会[^<]*</small><del>73</del>", changes)
    assert "<small><code>weekly_meetings</code></small>" in page + house.client(CENTER).get(f"{house.page}/figure/weekly_meetings").text
    assert not re.search(r'data-label="数字">[a-z_0-9]*<', changes)
    for words in ("删去重复的一次", "次数&lt;i&gt;偏多&lt;/i&gt;", "已写明"):
        assert words in changes


def test_decision_is_signed_by_the_approvers_own_device(house: Any) -> None:
    client, hidden = house.client(CENTER), {"token": "token of p2"}
    with house.office.store.reading() as record:
        digest = record.progress(house.evaluation).draft.content_digest
    wanted = hidden | {"digest": digest, "decision": "退回修改", "comment": "请改"} | REMARKS
    heads = house.heads
    offered = client.post(f"{house.page}/statement", content=urlencode(wanted)).json()
    assert [(item["place"], item["text"]) for item in json.loads(offered["fields"]["statement"])["remarks"]] == [
        ("meetings", "次数<i>偏多</i>"),
        ("第12段", "写明依据"),
    ]
    refused = client.post(f"{house.page}/statement", content=urlencode(wanted | {"comment": "", "remark_1": ""}))
    assert (refused.status_code, "没有写要改什么" in refused.json()["detail"]) == (409, True)
    assert house.heads == heads


# ---- the clerk -----------------------------------------------------------------------------------------------------------

WORK = "/review/clerk/2022/zdxm"


def test_clerks_page_is_the_clerks(house: Any) -> None:
    assert house.client(CENTER).get(WORK).status_code == 403
    client = house.client(CLERK)
    assert client.get("/review/clerk").headers["location"] == WORK
    page = client.get(WORK).text
    assert "待中心审批" in page
    assert "开始自评" not in page
    assert client.get("/review/clerk/2022/nothing").status_code == 409


def test_clerk_is_told_what_must_still_be_explained(house: Any) -> None:
    file = house.office.workspace.root / "explanations" / "2022.yml"
    file.write_text(re.sub(r"(?ms)^caught_up:.*?\n(?=\S)", "", file.read_text("utf-8")), encoding="utf-8")
    page = text_of(house.client(CLERK).get(WORK).text)
    assert re.search("还缺 *1 *处说明", page)
    assert "caught_up" in page


def test_clerk_is_told_what_is_wrong_with_the_ledgers(house: Any) -> None:
    path = house.office.workspace.root / "ledgers" / "2022" / "调度会议台账.xlsx"
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["B3"].value = None
    book.save(path)
    page = text_of(house.client(CLERK).get(WORK).text)
    assert re.search("台账有 *1 *处错误", page)
    assert "调度会议台账.xlsx!调度会议台账!B3" in page


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that nobody can read")
@pytest.mark.parametrize("name", ["ledgers/2022/调度会议台账.xlsx", "indicators/2022.yml"])
def test_clerk_is_told_which_file_cannot_be_read(house: Any, name: str) -> None:
    path = house.office.workspace.root / name
    path.unlink()
    path.symlink_to("/proc/self/mem")  # as one that another program holds on a share
    answer = house.client(CLERK).get(WORK)
    assert answer.status_code == 503
    assert "读写文件失败：" in answer.text
    assert "检查文件是否被别的程序占用" in answer.text


def test_clerk_starts_a_run_when_nothing_is_in_the_way(house: Any) -> None:
    client, filled = house.client(CLERK), urlencode({"token": "token of p1"})
    assert client.post(WORK, content=filled).status_code == 200
    assert house.told == []
    steps.close_evaluation(house.office.store, house.evaluation)
    assert "开始自评，送审" in client.get(WORK).text
    assert house.client(CENTER).post(WORK, content=urlencode({"token": "token of p2"})).status_code == 403
    assert client.post(WORK, content=filled).headers["location"] == "/review/?told=started&about=2022%2Fzdxm"
    assert house.told == [("2022 zdxm", CLERK)]


def test_who_has_just_started_is_not_told_that_there_is_nothing(
    house: Any, tmp_path: Path, pristine: Path, welcome: Callable[..., Any]
) -> None:
    office = open_office(Path(shutil.copytree(pristine, tmp_path / "empty")))
    welcome(office, CLERK, "operator")
    client = type(house)(office, {}, house.evaluation).client(CLERK)
    assert "还没有自评" in client.get("/review/").text
    started = client.get("/review/?told=started&about=2022/zdxm").text
    assert ("again.js" in started, "还没有自评" in started) == (True, False)
    evaluation = steps.open_evaluation(office, office.workspace.subject(2022), CLERK, "33333333-3333-4333-8333-333333333333")
    revision, page = Revision(evaluation, 1), f"/review/{evaluation.id}/1"

    def shown(path: str) -> tuple[bool, str]:
        text = client.get(path).text
        return "again.js" in text, "".join(re.findall("正在(.+?)……", text))

    assert shown(page) == (True, "校验台账")
    steps.validate_ledgers(office, revision, steps.ingest_ledgers(office, revision))
    assert shown(page) == (True, "计算得分")
    steps.score_indicators(office, revision)
    assert shown(page) == (True, "编写报告")
    assert shown("/review/?told=started&about=2022/zdxm") == (True, "")
    steps.draft_report(office, revision)
    assert [shown(path) for path in (page, "/review/?told=started&about=2022/zdxm", "/review/")] == [(False, "")] * 3
    office.store.close()
