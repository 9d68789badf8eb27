"""The narrative of 2022 on the sample ledgers: what is printed, and what changes with a row."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from docx import Document

from perfeval import assessment
from perfeval.indicators import derive_facts, load_indicators, score_facts
from perfeval.ledgers import read_ledgers, receive
from perfeval.model import Finding, Judgement, Ledgers, Severity
from perfeval.report import Report, ReportInput, write_report
from perfeval.sample import write_sample
from perfeval.settings import Unit
from perfeval.workspace import Workspace
from schemas import DEFAULT

Drafted = Callable[..., Report]
JUDGED = {"mechanism": Judgement(Decimal(90), "制度有文件、有执行", ("考核办法",))}
CODES = {
    "X05": ("支出手续不全", "papers", False),
    "X07": ("支出超过活动方案预算", "money", False),
    "X08": ("活动方案未经财政审核", "papers", False),
}


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

    def draft(
        ledgers: Ledgers,
        scored: Ledgers | None = None,
        unit: Unit = workspace.settings.unit,
        findings: Sequence[Finding] = (),
        *,
        is_recorded: bool = True,
    ) -> Report:
        facts = derive_facts(system, ledgers, judgements=JUDGED)
        card = score_facts(system, facts if scored is None else derive_facts(system, scored, judgements=JUDGED))
        office = workspace.settings
        given = (unit, office.bureau, subject.programme, subject.brought.basis, office.duties)
        recorded = subject.brought.recorded if is_recorded else {}
        report_input = ReportInput(*given, 2022, 1, facts, card, ledgers, findings=findings, codes=CODES, recorded=recorded)
        text = subject.narrative.read_text(encoding="utf-8")
        return write_report(report_input, text, workspace.template.read_bytes(), file="2022.md")

    return draft


@pytest.fixture
def office_report(pristine: Path, drafted: Drafted) -> Callable[..., str]:
    """The text of a report on all ledgers of the sample, with findings of the given codes."""
    ledgers = read_ledgers(receive(pristine / "ledgers" / "2022"), Workspace(pristine).catalogue).ledgers

    def tell(*codes: str) -> str:
        return "".join(texts(drafted(ledgers, findings=[Finding(code, Severity.WARNING, "") for code in codes])))

    return tell


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
        "2023年3月13日，在中心会议室召开座谈会，项目单位、县财政局、企业代表和中心各股室共18人参加，听取对项目资金使用和协调服务工作的意见。",
        "（2）收集核查资料",
        "2023年3月16日，项目协调股、财务人员共5人在中心档案室逐笔核对支出凭证、活动方案、申请报告，核对各类台账。"
        "台账核对没有发现支出超过预算、凭证或者发票重复、支出手续不全的情况。",
        "（3）现场查看",
        "2023年3月21日，自评小组、项目单位共8人到样例产业园区查看产业类项目建设现场，核对进度和帮扶事项。"
        "2023年3月22日，自评小组、责任单位共7人到样例城区和乡镇查看基础设施和社会事业类项目现场。",
        "（4）形成评价结论",
        "2023年4月3日，自评小组共6人在中心会议室汇总评分，形成自评报告初稿并集体讨论。",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "中心于2022年4月6日成立，年初没有安排预算，年度中追加预算17.99万元，全年预算数17.99万元",
        "专题调度会、现场办公会70余次",
        "编发《重点项目建设简报》四期",
        "全年交办任务50余项",
        "公示重点项目进度分色表9期",
        "全年建成竣工项目23个，继续在建12个，落地开工12个，正在开展前期工作16个",
        "全年协调解决项目生产运营中的问题16个，涉及已投产的项目5个",
        "代办审批事项130余项（其中社会投资类项目56项）",
    ],
)
def test_sample_published_claims_printed(drafted: Drafted, ledgers: Ledgers, sentence: str) -> None:
    assert sentence in "".join(texts(drafted(ledgers)))


def test_sample_unit_founded_in_an_earlier_year_does_not_excuse_the_budget(pristine: Path, drafted: Drafted, ledgers: Ledgers) -> None:
    unit = Workspace(pristine).settings.unit.model_copy(update={"founded_on": date(2021, 4, 6)})
    told = "".join(texts(drafted(ledgers, unit=unit)))
    assert "2022年项目年初没有安排预算，年度中追加预算17.99万元" in told
    assert "日成立" not in told


def test_sample_budget_of_the_years_start_is_not_asked_for_again(drafted: Drafted, ledgers: Ledgers) -> None:
    told = "".join(texts(drafted(changed(ledgers, "budget", ledgers["budget"].frame.with_columns(source=pl.lit("年初预算"))))))
    assert "2022年项目年初预算17.99万元，全年预算数17.99万元" in told
    assert "列入年初预算统筹安排" not in told


def test_sample_four_meetings_fewer_change_their_sentence_only(drafted: Drafted, ledgers: Ledgers) -> None:
    meetings = ledgers["meetings"].frame
    again = meetings.filter(pl.col("project_no").is_duplicated(), pl.col("kind") == "专题调度会").unique("project_no", maintain_order=True)
    dropped = meetings.filter(~pl.col("meeting_no").is_in(again["meeting_no"].head(4).to_list()))
    before, after = texts(drafted(ledgers)), texts(drafted(changed(ledgers, "meetings", dropped)))
    assert [(old[-28:], new[-28:]) for old, new in zip(before, after, strict=True) if old != new] == [
        ("调度会9次，召开重点项目专题调度会、现场办公会70余次。", "调度会9次，召开重点项目专题调度会、现场办公会60余次。")
    ]


def test_sample_open_issues_closed_in_time_leave_no_such_sentence(drafted: Drafted, ledgers: Ledgers) -> None:
    issues = ledgers["issues"].frame.with_columns(
        pl.min_horizontal(pl.col("closed_on").fill_null(date(2022, 12, 9)), "due_on").alias("closed_on")
    )
    told = "".join(texts(drafted(changed(ledgers, "issues", issues))))
    assert "部分问题办理不及时" not in told
    assert "尚未销号" not in told
    assert "至年末全部销号。" in told
    assert "对推进不力的项目，联合县委、县政府督查机构开展专项督查。" in told


def test_sample_operation_issues_all_open_are_not_told_as_none(drafted: Drafted, ledgers: Ledgers) -> None:
    is_open = pl.col("category") == "生产运营"
    issues = ledgers["issues"].frame.with_columns(closed_on=pl.when(~is_open).then(pl.col("closed_on")))
    told = "".join(texts(drafted(changed(ledgers, "issues", issues))))
    assert "全年交办生产运营问题16个，至年末还没有解决。" in told
    assert "全年没有登记生产运营方面的问题。" not in told


def test_sample_issues_closed_after_the_year_end_are_open_at_it(drafted: Drafted, ledgers: Ledgers) -> None:
    later = ledgers["issues"].frame.with_columns(pl.col("closed_on").fill_null(date(2023, 3, 20)))
    assert texts(drafted(changed(ledgers, "issues", later))) == texts(drafted(ledgers))


def test_sample_services_without_a_promise_are_not_told_as_in_time(drafted: Drafted, ledgers: Ledgers) -> None:
    promised = pl.when(pl.col("row") > 32).then(pl.max_horizontal("promised_on", "finished_on"))
    services = ledgers["services"].frame.with_columns(promised_on=promised)
    told = "".join(texts(drafted(changed(ledgers, "services", services))))
    assert "代办审批事项130余项（其中社会投资类项目56项），其中30项没有填写承诺时限。" in told
    assert "全部在承诺时限内办结" not in told


@pytest.mark.parametrize(
    ("ledger", "sentence"),
    [
        ("publications", "全年没有编发刊物和制作宣传品的记录。"),
        ("inspections", "全年没有现场巡查督查记录"),
        ("issues", "全年没有交办问题的记录。"),
        ("services", "全年没有受理帮代办事项的记录。"),
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


def without(ledgers: Ledgers, name: str, is_gone: pl.Expr) -> Ledgers:
    return changed(ledgers, name, ledgers[name].frame.filter(~is_gone))


def found(code: str) -> Finding:
    return Finding(code, Severity.WARNING, "请补登。", "资金支出台账", "支出.xlsx", "支出", 5, "审批人", "O5")


PROMISED = pl.col("promised_on")
GUARDS: list[tuple[str, str, str, Callable[[Ledgers], Ledgers]]] = [
    ("goal", "以上目标任务全部完成。", "没有一项全部完成", lambda all_: goals(all_, "未完成")),
    ("goals", "以上目标任务全部完成。", "年度目标任务没有全部完成", lambda all_: goals(all_, "部分完成")),
    ("plans", "都经财政部门审核", "没有财政审核日期或者审核人的12个", lambda all_: column(all_, "plans", reviewed_on=None)),
    ("five_ones", "尚不齐备的是", "列入台账的项目全部明确了", lambda all_: column(all_, "projects", plan_title="方案")),
    ("rounds", "现场巡查、周碰头、月调度相结合", "没有现场巡查督查记录", lambda all_: column(all_, "inspections")),
    ("letters", "、督办函9份", "下达交办单53份。", lambda all_: column(all_, "issues", instrument="交办单")),
    ("recipients", "报送范围", "简报》四期。", lambda all_: column(all_, "publications", recipients=None)),
    ("started", "落地开工的12个项目都由中心代办过", "落地开工12个", lambda all_: column(all_, "services", project_no="无")),
    ("private", "（其中社会投资类项目56项）", "130余项，", lambda all_: column(all_, "projects", investor="政府投资")),
    ("helped", "的问题16个，涉及已投产的项目5个", "的问题16个。", lambda all_: column(all_, "issues", project_no="ZD2022-060")),
    ("surveys", "收回问卷120份", "本年没有开展满意度调查。", lambda all_: column(all_, "surveys")),
    ("travel", "本项目没有列支因公出国", "本项目列支“三公”经费", lambda all_: column(all_, "expenditure", economic_code="30217")),
    ("late", "部分项目进度滞后", "进度达到计划", lambda all_: column(all_, "progress", actual_pct=pl.col("planned_pct"))),
    ("delayed", "部分帮代办事项超过承诺时限", "全部在承诺时限内办结", lambda all_: column(all_, "services", finished_on=PROMISED)),
]


def column(ledgers: Ledgers, name: str, **values: object) -> Ledgers:
    """A ledger with columns set in every row, or without rows."""
    frame = ledgers[name].frame
    set_ = {key: value if isinstance(value, pl.Expr) else pl.lit(value).cast(frame.schema[key]) for key, value in values.items()}
    return changed(ledgers, name, frame.with_columns(**set_) if values else frame.clear())


def goals(ledgers: Ledgers, status: str) -> Ledgers:
    return column(ledgers, "goals", status=status, completed_on=None)


@pytest.mark.parametrize(("before", "after", "change"), [row[1:] for row in GUARDS], ids=[row[0] for row in GUARDS])
def test_sample_sentence_stands_only_where_the_ledger_supports_it(
    drafted: Drafted, ledgers: Ledgers, before: str, after: str, change: Callable[[Ledgers], Ledgers]
) -> None:
    as_is, flipped = ("".join(texts(drafted(each, ledgers))) for each in (ledgers, change(ledgers)))
    assert (before in as_is, before in flipped, after in flipped) == (True, False, True)


def test_sample_compliance_is_not_told_beside_findings_that_deny_it(drafted: Drafted, ledgers: Ledgers) -> None:
    clean = "各笔支出的活动方案、申请报告、附件和审批记录齐全"
    none = "台账核对没有发现支出超过预算、凭证或者发票重复、支出手续不全的情况"
    told = "".join(texts(drafted(ledgers)))
    assert (clean in told, none in told, "核对中发现的问题" in told) == (True, True, False)
    told = "".join(texts(drafted(ledgers, findings=[found("X05"), found("X05"), found("X07")])))
    assert (clean in told, none in told, "请补登" in told) == (False, False, False)
    assert "核对台账发现：资金支出台账中支出手续不全，2处；资金支出台账中支出超过活动方案预算，1处。" in told
    assert "补全支出手续" in told
    assert "有的活动支出超过方案预算" in told


def test_sample_what_nobody_recorded_is_not_told(drafted: Drafted, ledgers: Ledgers) -> None:
    told = "".join(texts(drafted(ledgers, is_recorded=False)))
    assert [word for word in ("考核办法", "大厅挂图", "影子项目") if word in told] == []


def test_sample_money_unspent_and_targets_met_are_told_together(drafted: Drafted, ledgers: Ledgers) -> None:
    more = changed(
        ledgers, "budget", ledgers["budget"].frame.with_columns(amount_yuan=pl.lit(Decimal("1000000.00")).cast(pl.Decimal(18, 2)))
    )
    doubt = Finding("C27", Severity.WARNING, "预算执行率只有17.99%，产出指标却得了分值的99.14%：预算偏大，或指标值偏低")
    words = "预算安排偏大或者指标值偏低"
    assert [words in "".join(texts(drafted(more, findings=given))) for given in ([], [doubt])] == [False, True]


def test_sample_targets_are_said_to_be_the_approved_ones_only_where_they_are(office_report: Callable[..., str]) -> None:
    words = "各项绩效指标的指标值和分值与批复的（样例财绩〔2022〕4号）一致"
    assert [words in office_report(*codes) for codes in ([], ["T07"], ["T08"], ["T10"])] == [True, False, False, False]
