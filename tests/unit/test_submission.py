"""What an approver sees, wherever he sees it: texts that cannot be made to say something else, and the draft under its name."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from perfeval.approvals.people import People
from perfeval.approvals.person import Means, Person, ProofKind
from perfeval.errors import StoreError
from perfeval.model import (
    Decision,
    Draft,
    Evaluation,
    Execution,
    Finding,
    Gate,
    Revision,
    Score,
    Scorecard,
    Severity,
    Verdict,
)
from perfeval.model.outcomes import Drafted
from perfeval.office import Office, open_office
from perfeval.submission import (
    Submission,
    describe_objection,
    describe_submission,
    escaped,
    find_draft,
    finding_rows,
    save_draft,
    score_rows,
)

MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
CENTER = Gate("center", "中心审批", "签发")
REVISION = Revision(Evaluation("2022-roads-1", 2022, "公路养护", "样例填表人", MOMENT), 2)
CARD = Scorecard(
    (Score("m", "产出指标", "数量指标", "养护|里程", Decimal(90), "≥60公里", "73公里", Decimal(88), "达到指标值"),),
    Execution(Decimal(0), Decimal(200), Decimal(100), Decimal(50), Decimal(10), Decimal(5), "执行一半", {}),
    Decimal(93),
    "优",
)
DRAFT = Draft("2022-roads-1", 2, "a" * 64, "0123abcd" + "0" * 56, "0123abcd", date(2023, 4, 3))
WARNING = Finding("X05", Severity.WARNING, "与预算*不符*", "资金支出台账", "支出.xlsx", "Sheet1", 3, "金额（元）", "F3", "12")
NOTE = replace(WARNING, code="L16", severity=Severity.NOTE, message="未使用的栏")
CODE = Means(ProofKind.CODE, "f" * 24, MOMENT, confirmed_at=MOMENT, confirmed_by="p1", is_on_paper=True)
KEY = replace(CODE, kind=ProofKind.PASSKEY, confirmed_by="p2", is_on_paper=False, is_proved=True)
PERSONS = [
    Person("p1", "样例填表人", ("operator",), (CODE,)),
    Person("p2", "样例主任", ("center",), (CODE, KEY)),
    Person("p3", "样例财政", ("bureau",), (CODE,)),
    Person("p4", "样例副主任", ("center",), (CODE,), revoked_at=MOMENT),
    Person("p5", "样例新人", ("center",), (replace(CODE, confirmed_at=None),)),
]
PEOPLE = People({person.id: person for person in PERSONS})
SUBMISSION = Submission(REVISION, CARD, (WARNING, NOTE), DRAFT)


def described(submission: Submission = SUBMISSION) -> list[str]:
    return describe_submission(CENTER, submission, PEOPLE).splitlines()


def test_submission_tells_scores_doubts_and_where_the_draft_is() -> None:
    assert described() == [
        "### 中心审批：2022年度“公路养护”自评报告 第2稿",
        "**总分 93　等级 优**　送审人 样例填表人",
        "",
        "[下载报告（Word）](/perfeval/drafts/2022-roads-1/2.docx)，通读后审批；核对码在下载的文件名末尾。"
        "也可以到[审阅室](/review/2022-roads-1/2)查看每个数字的来源，在那里审批。",
        "",
        "| 三级指标 | 年度指标值 | 实际完成值 | 分值 | 得分 |",
        "| --- | --- | --- | --- | --- |",
        r"| 养护\|里程 | ≥60公里 | 73公里 | 90 | 88 |",
        "| 预算执行率 | 100% | 50% | 10 | 5 |",
        "",
        "**台账疑点 1 条**",
        r"- 支出.xlsx\!Sheet1\!F3　与预算\*不符\*",
        "",
        "**本环节登记的审批人**（有您不认识的人或您没有登记过的凭证，不要审批，告诉财政部门）",
        "- 样例主任：动态码，样例填表人凭纸质登记单确认；设备签名，样例主任出示动态码确认",
    ]


def test_submission_does_not_tell_the_check_code_that_stands_in_the_drafts_name() -> None:
    assert [line for line in described() if "0123abcd" in line] == []


def test_submission_with_many_doubts_lists_twenty_and_says_where_the_others_are() -> None:
    told = described(replace(SUBMISSION, findings=(WARNING,) * 21))
    assert "**台账疑点 21 条**" in told
    assert len([line for line in told if line.startswith("- 支出")]) == 20
    assert "- 其余见本次运行附件（Artifacts）中的疑点表" in told


def test_submission_of_names_that_are_markdown_shows_them_and_obeys_nothing() -> None:
    evaluation = replace(REVISION.evaluation, programme="[点击](http://x)\n# 已同意", prepared_by="<script>")
    submission = replace(SUBMISSION, revision=Revision(evaluation, 1))
    told = described(submission)
    assert told[0] == r"### 中心审批：2022年度“\[点击\]\(http://x\) \# 已同意”自评报告 第1稿"
    assert told[1] == r"**总分 93　等级 优**　送审人 \<script\>"
    assert submission.name == r"2022 \[点击\]\(http://x\) \# 已同意 第1稿"


@pytest.mark.parametrize("sign", list("\\`*_{}[]<>()#+!|~&"))
def test_sign_that_markdown_obeys_is_escaped(sign: str) -> None:
    assert escaped(f"甲{sign}乙") == f"甲\\{sign}乙"


def test_text_of_several_lines_is_escaped_into_one() -> None:
    assert escaped(" 甲\n\n- 乙\t丙 ") == "甲 - 乙 丙"


def test_objection_tells_the_clerk_who_wants_what() -> None:
    objection = Decision("2022-roads-1", 2, "center", Verdict.RETURN, "甲_乙", "aa", "补会议日期", MOMENT)
    told = describe_objection(objection).splitlines()
    assert told[:3] == ["### 第2稿已退回修改", r"甲\_乙：补会议日期", ""]


def test_score_rows_end_with_the_execution_rate() -> None:
    assert score_rows(CARD)[-1] == {
        "一级指标": "预算执行",
        "二级指标": "预算执行率",
        "三级指标": "预算执行率",
        "年度指标值": "100%",
        "实际完成值": "50%",
        "分值": "10",
        "得分": "5",
        "说明": "执行一半",
    }


def test_finding_rows_tell_place_value_and_code() -> None:
    assert finding_rows([WARNING]) == [
        {
            "级别": "提醒",
            "台账": "资金支出台账",
            "位置": "支出.xlsx!Sheet1!F3",
            "原值": "12",
            "问题": "与预算*不符*",
            "代码": "X05",
        }
    ]


def test_finding_rows_are_no_more_than_a_page_shows() -> None:
    assert len(finding_rows(WARNING for _ in range(3001))) == 3000


@pytest.fixture
def office(make_folder: Callable[..., Path]) -> Iterator[Office]:
    office = open_office(make_folder())
    yield office
    office.store.close()


def drafted(office: Office, programme: str = "公路养护") -> Revision:
    digest = office.store.artifacts.put(b"a document")
    with office.store.transaction() as record:
        revision = Revision(record.open_evaluation(2022, "roads", programme, Person("p1", "样例填表人", ("operator",)), None), 1)
        record.save_outcome(revision, Drafted({}, replace(DRAFT, revision=1, digest=digest), ()))
    return revision


def test_draft_is_found_under_a_name_that_ends_with_its_check_code(office: Office) -> None:
    path, name = find_draft(office, drafted(office))
    assert (path.read_bytes(), name) == (b"a document", "2022年度公路养护自评报告-第1稿-核对码0123abcd.docx")


@pytest.mark.parametrize(("programme", "called"), [('养护/<一>: "甲"\t?', "养护-一-甲-"), ("长" * 50, "长" * 40)])
def test_draft_of_a_programme_that_is_no_file_name_gets_one(office: Office, programme: str, called: str) -> None:
    assert find_draft(office, drafted(office, programme))[1] == f"2022年度{called}自评报告-第1稿-核对码0123abcd.docx"


def test_draft_that_is_not_written_yet_is_told_as_missing(office: Office) -> None:
    evaluation = drafted(office).evaluation
    with pytest.raises(StoreError, match="2022-roads-1 没有第2稿"):
        find_draft(office, Revision(evaluation, 2))


def test_draft_damaged_since_it_was_written_is_handed_to_nobody(office: Office) -> None:
    revision = drafted(office)
    path = office.store.artifacts.path(hashlib.sha256(b"a document").hexdigest())
    path.chmod(0o600)
    path.write_bytes(b"another document")
    with pytest.raises(StoreError):
        find_draft(office, revision)


def test_draft_is_left_where_the_office_can_open_it(office: Office) -> None:
    file = save_draft(office, drafted(office))
    assert file == office.workspace.root / "drafts" / "2022年度公路养护自评报告-第1稿-核对码0123abcd.docx"
    assert file.read_bytes() == b"a document"
