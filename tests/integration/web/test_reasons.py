"""Reasons that the clerk writes on his page: into the file as by hand, into the record, and only when and by whom they may be written."""

import hashlib
import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from perfeval import steps
from perfeval.approvals.duties import conduct_of
from perfeval.approvals.events import Reasoned
from perfeval.approvals.record import PEOPLE, read_line
from perfeval.model import Revision
from perfeval.model.outcomes import Failure

CLERK, CENTER, BUREAU = "样例经办人", "样例甲", "样例乙"
WORK = "/review/clerk/2022/zdxm"


@pytest.fixture
def returned(house: Any) -> Any:
    """The draft came back: its reasons can be written again."""
    house.send(CENTER, decision="退回修改", comment="请核对")
    return house


def file_of(house: Any) -> Path:
    return Path(house.office.workspace.root / "explanations" / "2022.yml")


def without(house: Any, key: str) -> str:
    """The file's text, without a reason in it any more."""
    text = re.sub(rf"(?ms)^{key}:.*?\n(?=\S|\Z)", "", file_of(house).read_text("utf-8"))
    file_of(house).write_text(text, encoding="utf-8")
    return text


def write(house: Any, key: str, name: str = CLERK, **parts: str) -> Any:
    client = house.client(name)
    page = client.get(WORK).text
    digest = re.findall('name="digest" value="([0-9a-f]*)"', page)
    with house.office.store.reading() as record:
        token = next(f"token of {person.id}" for person in record.people().persons.values() if person.name == name)
    filled = {"token": token, "digest": digest[0] if digest else "", "key": key} | parts
    return client.post(f"{WORK}/reason", content=urlencode(filled))


def told(house: Any, chain: str) -> list[Reasoned]:
    with house.office.store.reading() as record:
        return [line.what for line in map(read_line, (entry.line for entry in record.entries(chain))) if isinstance(line.what, Reasoned)]


def test_missing_reason_is_written_behind_what_stands_there(returned: Any) -> None:
    before = without(returned, "caught_up")
    page = returned.client(CLERK).get(WORK).text
    assert re.search("还缺 <b[^>]*>1</b> 处说明", page)
    answer = write(
        returned,
        "caught_up",
        reason="施工力量不足：# 全年“投入”没有达到计划\n经调度后仍落后",
        measure="@按月调度",
        evidence="会议纪要\n\n*督办函",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{WORK}?told=caught_up")
    after = file_of(returned).read_text("utf-8")
    assert after.startswith(before)
    assert yaml.safe_load(after) == yaml.safe_load(before) | {
        "caught_up": {
            "reason": "施工力量不足：# 全年“投入”没有达到计划\n经调度后仍落后",
            "measure": "@按月调度",
            "evidence": ["会议纪要", "*督办函"],
        }
    }
    page = returned.client(CLERK).get(f"{WORK}?told=caught_up").text
    assert "自评表经济效益指标“调度过的滞后项目年末赶上计划的比例”的说明已写入。须说明的都已写明" in page
    assert "处都已写明" in page
    assert "经调度后仍落后" in page
    (event,) = told(returned, returned.evaluation.id)
    assert (event.revision, event.key, event.file.path) == (2, "caught_up", "explanations/2022.yml")


@pytest.mark.parametrize(
    "text",
    ["yes", "null", "2023-01-01", "- 一", "{甲: 乙}", "a: b", "'", '"', "\\n", "&甲", "!!bool x", "%YAML", "甲 # 乙", "1_000", "｛％％｝"],
)
def test_words_that_mean_something_to_yaml_are_only_words(returned: Any, text: str) -> None:
    without(returned, "caught_up")
    assert write(returned, "caught_up", reason=text).status_code == 303
    assert yaml.safe_load(file_of(returned).read_text("utf-8"))["caught_up"] == text


def test_given_reason_is_changed_and_nothing_beside_it(returned: Any) -> None:
    file = file_of(returned)
    text = "# 开头\n" + file.read_text("utf-8").replace("meetings:\n", "meetings: # 会议\n").replace("five_ones:", "\n# 五个一\nfive_ones:")
    file.write_text(text, encoding="utf-8")
    page = html.unescape(returned.client(CLERK).get(WORK).text)
    assert "全年集中开工和问题协调任务重，联系县级领导增加了现场调度</textarea>" in page
    assert write(returned, "meetings", reason="改写的原因", measure="编制下一年度绩效目标时按实际需要调高指标值").status_code == 303
    assert file.read_text("utf-8") == re.sub(r"reason: 全年集中开工.*", 'reason: "改写的原因"', text)


def test_judgement_is_written_with_its_grounds(returned: Any) -> None:
    without(returned, "mechanism")
    refused = write(returned, "mechanism", value="90", grounds="好", evidence="考核办法")
    assert "由人评定的，依据要写明凭什么评定，不少于4个字；佐证材料至少一项<" in refused.text
    far = write(returned, "mechanism", value="150", grounds="制度齐全", evidence="考核办法")
    assert '<p class="problem" role="alert">评定：不能大于100</p>' in far.text
    assert '<textarea id="grounds_1" name="grounds" rows="2" maxlength="1000">好</textarea>' in refused.text
    assert write(returned, "mechanism", value="92.5", grounds="制度齐全并执行", evidence="考核办法").status_code == 303
    assert 'name="value" inputmode="decimal" maxlength="10" value="92.5"' in returned.client(CLERK).get(WORK).text


def test_file_that_is_not_there_yet_is_made(returned: Any) -> None:
    file_of(returned).unlink()
    assert write(returned, "meetings", reason="任务重").status_code == 303
    assert file_of(returned).read_text("utf-8") == 'meetings: "任务重"\n'


def test_blank_file_keeps_its_comments_and_its_line_ends(returned: Any) -> None:
    file_of(returned).write_bytes("# 须说明的事项\r\n# 键：\r\n".encode())
    assert write(returned, "goal 3", reason="跨年度实施").status_code == 303
    assert file_of(returned).read_bytes().decode() == '# 须说明的事项\r\n# 键：\r\ngoal 3: "跨年度实施"\r\n'


@pytest.mark.parametrize(
    ("key", "parts", "problem"),
    [
        ("meetings", {"reason": ""}, "缺少原因<"),
        ("meetings", {"reason": "XX年"}, "有未填写的空位"),
        ("meetings", {"reason": "甲\x07"}, "含有不可见字符"),
        ("meetings", {"reason": "长" * 1001}, "不能超过1000字"),
        ("nothing", {"reason": "甲"}, "不认识"),
        ("Z99 资金支出台账!C3", {"reason": "甲"}, "没有代码为 Z99"),
        ("meetings", {"reason": "甲", "value": "90", "grounds": "制度齐全"}, "value"),
        ("meetings", {"reason": "甲", "digest": "0" * 64}, "打开页面之后改动过"),
    ],
)
def test_reason_that_is_none_is_refused_and_nothing_written(returned: Any, key: str, parts: dict[str, str], problem: str) -> None:
    before, heads = file_of(returned).read_bytes(), returned.heads
    answer = write(returned, key, **parts)
    assert (answer.status_code, problem in html.unescape(answer.text)) == (409, True)
    assert (file_of(returned).read_bytes(), returned.heads) == (before, heads)


def test_file_of_another_form_is_left_to_the_hand(returned: Any) -> None:
    text = without(returned, "meetings") + "meetings: &same {reason: 任务重}\nclosing_rate: *same\n"
    file_of(returned).write_text(text, encoding="utf-8")
    assert "本页不能改写" in write(returned, "meetings", reason="任务重", measure="调高指标值").text
    assert file_of(returned).read_text("utf-8") == text


def test_only_the_clerk_writes_reasons_and_from_his_own_page(returned: Any) -> None:
    before = file_of(returned).read_bytes()
    answer = write(returned, "meetings", CENTER, reason="改写")
    assert answer.status_code == 403
    assert returned.client(CLERK).post(f"{WORK}/reason", content=urlencode({"key": "meetings", "reason": "甲"})).status_code == 403
    assert file_of(returned).read_bytes() == before


def test_reasons_of_a_draft_that_lies_before_its_gate_are_shown_and_stay(house: Any) -> None:
    before, page = file_of(house).read_bytes(), house.client(CLERK).get(WORK).text
    assert ("现在不能改" in page, "写入说明" in page, "赶上" in page) == (True, False, True)
    digest = hashlib.sha256(before).hexdigest()
    assert "现在不能写说明" in write(house, "meetings", reason="改写", digest=digest).text
    assert file_of(house).read_bytes() == before


def test_who_writes_a_reason_before_the_evaluation_is_opened_does_not_approve_it(house: Any) -> None:
    steps.close_evaluation(house.office.store, house.evaluation)
    assert write(house, "meetings", reason="任务重").status_code == 303
    assert [event.key for event in told(house, PEOPLE)] == ["meetings"]
    evaluation = steps.open_evaluation(house.office, house.office.workspace.subject(2022), CLERK, "again")
    steps.prepare(house.office, Revision(evaluation, 1))
    with house.office.store.reading() as record:
        lines = [read_line(entry.line) for entry in record.entries(evaluation.id)]
        clerk = next(person.id for person in record.people().persons.values() if person.name == CLERK)
    assert lines[0].what.reasoned == (clerk,)
    assert (1, clerk) in conduct_of(lines).edited


def test_who_wrote_a_reason_for_an_evaluation_that_was_refused_does_not_approve_the_next(returned: Any, welcome: Any) -> None:
    phone = welcome(returned.office, "样例丁", "operator", "center")
    assert write(returned, "meetings", "样例丁", reason="任务重").status_code == 303
    with returned.office.store.reading() as record:
        revision = record.current_revision(returned.evaluation)
    steps.record_correction(returned.office, revision, "已改")
    returned.go_on()
    returned.send(CENTER, decision="不同意", comment="不同意")
    steps.close_evaluation(returned.office.store, returned.evaluation)
    again = steps.open_evaluation(returned.office, returned.office.workspace.subject(2022), CLERK, "again")
    returned.evaluation = again
    returned.phones["样例丁"] = phone
    returned.go_on()
    answer = returned.send("样例丁")
    assert (answer.status_code, "改过这项自评的台账、指标、说明或报告文本" in answer.text) == (409, True)


def test_run_that_stopped_for_a_reason_goes_on_from_the_clerks_page(returned: Any) -> None:
    client = returned.client(CLERK)
    client.post(f"{returned.page}/correction", content=urlencode({"token": "token of p1", "note": "已改"}))
    without(returned, "caught_up")
    with returned.office.store.transaction() as record:
        run = record.run_of(returned.evaluation)
        record.record_failure(run, Failure("计算得分", "R02", "有 1 处缺少说明，不能成稿", None))
    assert "重试" not in client.get(WORK).text.replace("更正后重试", "")
    assert write(returned, "caught_up", reason="施工力量不足").status_code == 303
    assert f'action="{returned.page}/retry"' in client.get(WORK).text
    assert client.post(f"{returned.page}/retry", content="token=token of p1").status_code == 303
    assert returned.told[-1] == (run, CLERK)
