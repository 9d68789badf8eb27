"""What a run leaves on Prefect's pages, with lists in the place of the pages."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from flows.display import show_errors, show_submission
from perfeval.errors import LedgerError
from perfeval.model import Draft, Evaluation, Execution, Finding, Revision, Scorecard, Severity
from perfeval.submission import Submission

REVISION = Revision(Evaluation("2022-roads-1", 2022, "公路*养护*", "样例填表人", datetime(2023, 4, 3, tzinfo=UTC)), 2)
EXECUTION = Execution(Decimal(0), Decimal(200), Decimal(100), Decimal(50), Decimal(10), Decimal(5), "执行一半", {})
DRAFT = Draft("2022-roads-1", 2, "a" * 64, "0" * 64, "0123abcd", date(2023, 4, 3))
ERROR = Finding("V01", Severity.ERROR, "必填，不能为空。", "资金支出台账", "支出.xlsx", "Sheet1", 3, "日期", "B3")
SUBMISSION = Submission(REVISION, Scorecard((), EXECUTION, Decimal(93), "优"), (ERROR,), DRAFT)


class Page:
    """What was put on a page: the thing itself, and what is said of it."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self.said: list[dict[str, str]] = []

    def __call__(self, thing: object, **said: str) -> None:
        self.things.append(thing)
        self.said.append(said)


@pytest.fixture
def tables() -> Page:
    return Page()


def test_submission_leaves_scores_findings_and_the_way_to_the_draft(tables: Page) -> None:
    links = Page()
    show_submission(SUBMISSION, tables, links)
    assert [rows[-1].get("三级指标") or rows[-1]["问题"] for rows in tables.things] == ["预算执行率", "必填，不能为空。"]
    assert tables.said == [
        {"key": "2022-roads-1-r2-scores", "description": r"2022 公路\*养护\* 第2稿 得分表：总分 93，等级 优"},
        {"key": "2022-roads-1-r2-findings", "description": r"2022 公路\*养护\* 第2稿 台账疑点表"},
    ]
    assert links.things == ["/perfeval/drafts/2022-roads-1/2.docx"]
    assert links.said == [
        {
            "key": "2022-roads-1-r2-draft",
            "link_text": r"下载 2022 公路\*养护\* 第2稿（Word）",
            "description": r"2022 公路\*养护\* 第2稿 自评报告",
        }
    ]


def test_errors_leave_every_finding_and_what_to_do(tables: Page) -> None:
    show_errors(REVISION, LedgerError("L00", "台账有 1 处错误", findings=[ERROR, replace(ERROR, row=4)]), tables)
    assert [len(rows) for rows in tables.things] == [2]
    assert tables.said == [{"key": "2022-roads-1-r2-errors", "description": "台账有 1 处错误。请更正台账文件后点击 Retry（重试）。"}]


def test_errors_tell_where_the_marked_copies_are(tables: Page) -> None:
    error = LedgerError("L00", "台账有 1 处错误", findings=[ERROR])
    error.context["copies"] = ["/office/marked/支出[1].xlsx", "/office/marked/收入.xlsx"]
    show_errors(REVISION, error, tables)
    assert tables.said[0]["description"].endswith(r"已标注的副本：/office/marked/支出\[1\].xlsx、/office/marked/收入.xlsx")
