"""What people see and do on the review pages."""

import html
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from perfeval.approvals.events import AnsweredWrongly
from perfeval.approvals.record import read_line

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
