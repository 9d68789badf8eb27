"""The narrative of 2022 on the sample ledgers: what is printed, and what changes with a row."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from docx import Document

from perfeval import assessment
from perfeval.indicators import derive_facts, load_indicators, score_facts
from perfeval.ledgers import read_ledgers, receive
from perfeval.model import Ledgers
from perfeval.report import Report, ReportInput, write_report
from perfeval.sample import write_sample
from perfeval.settings import Unit
from perfeval.workspace import Workspace
from schemas import DEFAULT

Drafted = Callable[..., Report]


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Ledgers:
    folder = tmp_path_factory.mktemp("ledgers")
    write_sample(folder)
    return read_ledgers(receive(folder), DEFAULT).ledgers


@pytest.fixture(scope="module")
def drafted(pristine: Path) -> Drafted:
    workspace = Workspace(pristine)
    subject = workspace.subject(2022)
    system = load_indicators(subject.indicators, DEFAULT)

    def draft(ledgers: Ledgers, scored: Ledgers | None = None, unit: Unit = workspace.settings.unit) -> Report:
        facts = derive_facts(system, ledgers)
        card = score_facts(system, facts if scored is None else derive_facts(system, scored))
        office = workspace.settings
        given = (unit, office.bureau, subject.programme, subject.brought.basis, office.duties)
        report_input = ReportInput(*given, 2022, 1, facts, card, ledgers)
        text = subject.narrative.read_text(encoding="utf-8")
        return write_report(report_input, text, workspace.template.read_bytes(), file="2022.md")

    return draft


def changed(ledgers: Ledgers, name: str, frame: pl.DataFrame) -> Ledgers:
    return {**ledgers, name: replace(ledgers[name], rows=frame.lazy())}


def texts(report: Report) -> list[str]:
    return [paragraph.text for paragraph in Document(io.BytesIO(report.document)).paragraphs if paragraph.text]


def test_sample_chapter_four_told_from_the_work_ledger(drafted: Drafted, ledgers: Ledgers) -> None:
    told = texts(drafted(ledgers))
    assert told[told.index("四、绩效评价工作情况") + 3 : told.index("五、绩效评价结果和主要成效")] == [
        "（二）绩效评价工作过程",
        "按照桃财监〔2023〕63号文件要求，中心分步骤开展自评。",
        "1.前期准备",
        "2023年3月6日，项目协调股、办公室共6人在中心会议室部署自评工作：成立自评小组，学习文件，制定自评方案，下发资料清单。",
        "2.实施情况",
        "（1）召开座谈会",
        "2023年3月13日，在中心会议室召开座谈会，中心各股室、部分项目单位和企业共18人参加，听取项目单位和企业对协调服务工作的意见。",
        "（2）收集核查资料",
        "2023年3月16日，项目协调股、财务人员共5人在中心档案室逐笔核对支出凭证、活动方案、申请报告，核对各类台账。"
        "重点核对制度是否健全，资金分配和使用是否合规，拨付手续是否完备，有无截留、挪用。",
        "（3）现场查看",
        "2023年3月21日，自评小组、项目单位共8人到样例产业园区查看产业类项目建设现场，核对进度和帮扶事项。"
        "2023年3月22日，自评小组、责任单位共7人到样例城区和乡镇查看基础设施和社会事业类项目现场。",
        "（4）形成评价结论",
        "2023年4月3日，自评小组共6人在中心会议室汇总评分，形成自评报告初稿并集体讨论。"
        "各项指标的完成值由台账计算，得分按评分规则计算，没有人工填列。",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "因单位于年中成立，年初未安排预算，年度中追加预算17.99万元，全年预算数17.99万元",
        "专题调度会、现场办公会70余次",
        "编发《重点项目建设简报》四期",
        "全年交办任务50余项",
        "公示重点项目进度分色表9期",
        "全年23个在建项目建成竣工，12个项目顺利推进，12个项目落地开工，16个项目正在抓紧开展前期工作",
        "对5个已投产项目落实帮扶措施。全年协调解决项目生产运营中的问题16个",
        "代办审批事项130余项",
    ],
)
def test_sample_published_claims_printed(drafted: Drafted, ledgers: Ledgers, sentence: str) -> None:
    assert sentence in "".join(texts(drafted(ledgers)))


def test_sample_unit_founded_in_an_earlier_year_does_not_excuse_the_budget(pristine: Path, drafted: Drafted, ledgers: Ledgers) -> None:
    unit = Workspace(pristine).settings.unit.model_copy(update={"founded_on": date(2021, 4, 6)})
    told = "".join(texts(drafted(ledgers, unit=unit)))
    assert "2022年项目年初未安排预算，年度中追加预算17.99万元" in told
    assert "年中成立" not in told


def test_sample_budget_of_the_years_start_is_not_asked_for_again(drafted: Drafted, ledgers: Ledgers) -> None:
    told = "".join(texts(drafted(changed(ledgers, "budget", ledgers["budget"].frame.with_columns(source=pl.lit("年初预算"))))))
    assert "2022年项目年初预算17.99万元，全年预算数17.99万元" in told
    assert "列入年初预算统筹安排" not in told


def test_sample_four_meetings_fewer_change_their_sentence_only(drafted: Drafted, ledgers: Ledgers) -> None:
    meetings = ledgers["meetings"].frame
    dropped = meetings.filter(~pl.col("meeting_no").is_in(meetings.filter(pl.col("kind") == "专题调度会")["meeting_no"].head(4).to_list()))
    before, after = texts(drafted(ledgers)), texts(drafted(changed(ledgers, "meetings", dropped)))
    assert [(old[-46:], new[-46:]) for old, new in zip(before, after, strict=True) if old != new] == [
        (
            "协助联系县级领导召开专题调度会、现场办公会70余次，及时掌握工程进度，协调解决推进中的困难。",
            "协助联系县级领导召开专题调度会、现场办公会60余次，及时掌握工程进度，协调解决推进中的困难。",
        )
    ]


def test_sample_open_issues_closed_in_time_leave_no_such_sentence(drafted: Drafted, ledgers: Ledgers) -> None:
    issues = ledgers["issues"].frame.with_columns(
        pl.min_horizontal(pl.col("closed_on").fill_null(date(2022, 12, 9)), "due_on").alias("closed_on")
    )
    told = "".join(texts(drafted(changed(ledgers, "issues", issues))))
    assert "个别问题办理不及时" not in told
    assert "尚未销号" not in told
    assert "至年末全部销号。" in told
    assert "对推进不力的项目，联合县委、县政府督查机构开展专项督查。" in told


def test_sample_operation_issues_all_open_are_not_told_as_none(drafted: Drafted, ledgers: Ledgers) -> None:
    is_open = pl.col("category") == "生产运营"
    issues = ledgers["issues"].frame.with_columns(closed_on=pl.when(~is_open).then(pl.col("closed_on")))
    told = "".join(texts(drafted(changed(ledgers, "issues", issues))))
    assert "全年交办生产运营问题16个，至年末还没有解决。" in told
    assert "全年没有需要协调解决的生产运营问题。" not in told


def test_sample_issues_closed_after_the_year_end_are_open_at_it(drafted: Drafted, ledgers: Ledgers) -> None:
    later = ledgers["issues"].frame.with_columns(pl.col("closed_on").fill_null(date(2023, 3, 20)))
    assert texts(drafted(changed(ledgers, "issues", later))) == texts(drafted(ledgers))


def test_sample_services_without_a_promise_are_not_told_as_in_time(drafted: Drafted, ledgers: Ledgers) -> None:
    promised = pl.when(pl.col("row") > 32).then(pl.max_horizontal("promised_on", "finished_on"))
    services = ledgers["services"].frame.with_columns(promised_on=promised)
    told = "".join(texts(drafted(changed(ledgers, "services", services))))
    assert "代办审批事项130余项，其中30项没有填写承诺时限。" in told
    assert "全部在承诺时限内办结" not in told


@pytest.mark.parametrize(
    ("ledger", "sentence"),
    [
        ("publications", "全年没有编发刊物和制作宣传品。"),
        ("inspections", "全年没有现场巡查督查记录"),
        ("issues", "全年没有需要交办的问题。"),
        ("services", "全年没有受理帮代办事项。"),
    ],
)
def test_sample_empty_ledger_told_in_other_words(drafted: Drafted, ledgers: Ledgers, ledger: str, sentence: str) -> None:
    assert sentence in "".join(texts(drafted(changed(ledgers, ledger, ledgers[ledger].frame.clear()), ledgers)))


def test_sample_same_digest_in_another_process(pristine: Path, tmp_path: Path) -> None:
    subject = Workspace(pristine).subject(2022)
    here = assessment.write_report(subject, 1, assessment.assess(subject, receive(subject.ledgers)))
    script = tmp_path / "draft.py"
    script.write_text(
        "import pathlib, sys\n"
        "from perfeval.assessment import assess, write_report\n"
        "from perfeval.ledgers import receive\n"
        "from perfeval.workspace import Workspace\n"
        "subject = Workspace(pathlib.Path(sys.argv[1])).subject(2022)\n"
        "sys.stdout.write(write_report(subject, 1, assess(subject, receive(subject.ledgers))).content_digest)\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "America/New_York", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, str(script), str(pristine)], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == here.content_digest
