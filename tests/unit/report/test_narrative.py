"""What a narrative may say, and each fault with its place; the body starts at line 5."""

import io
import re
from collections.abc import Callable
from datetime import date

import pytest
from docx import Document

from perfeval.model import Figure, Finding, Severity
from perfeval.report import Report, ReportInput, read_text
from perfeval.settings import Document as Basis

Draft = Callable[..., Report]
Faults = Callable[..., list[str]]


def paragraphs(report: Report, style: str) -> list[str]:
    document = Document(io.BytesIO(report.document))
    return [paragraph.text for paragraph in document.paragraphs if paragraph._p.style == style]


def test_title_front_matter_printed_line_by_line(draft: Draft) -> None:
    assert paragraphs(draft("文\n"), "Title") == ["样例县重点项目建设事务中心", "2022年度自评报告"]


def test_headings_four_levels_numbered_and_restarted(draft: Draft) -> None:
    report = draft("# 甲\n## 乙\n### 丙\n#### 丁\n文\n#### 戊\n文\n# 己\n## 庚\n文\n## 辛\n文\n")
    assert paragraphs(report, "Heading1") == ["一、甲", "二、己"]
    assert paragraphs(report, "Heading2") == ["（一）乙", "（一）庚", "（二）辛"]
    assert paragraphs(report, "Heading3") == ["1.丙"]
    assert paragraphs(report, "Heading4") == ["（1）丁", "（2）戊"]


def test_paragraph_broken_over_lines_and_tags_joined(draft: Draft) -> None:
    report = draft("召开会议\n{% if facts.meetings %}\n{{ facts.meetings | about }}次\n{% endif %}\n，成效好。\n\n第二段\n")
    assert paragraphs(report, "BodyText") == ["召开会议70余次，成效好。", "第二段"]


def test_paragraph_after_a_loop_kept_apart(draft: Draft) -> None:
    report = draft("目标：\n{% for goal in rows.goals %}\n{{ loop.index | ordinal }}是{{ goal.goal | clause }}；\n{% endfor %}\n\n后文\n")
    assert paragraphs(report, "BodyText") == ["目标：一是推动项目开工；二是管好项目库；", "后文"]


def test_figures_every_printing_reported_in_reading_order(draft: Draft) -> None:
    report = draft("{{ facts.spent | wan }}万元，{{ facts.meetings | number }}次，{{ facts.meetings | about }}次\n")
    assert [(figure.id, figure.text) for figure in report.figures[:3]] == [("spent", "0.36"), ("meetings", "73"), ("meetings", "70余")]


def test_date_fact_printed_as_day(draft: Draft) -> None:
    report = draft("{{ facts.last | day }}\n")
    assert paragraphs(report, "BodyText") == ["2022年12月5日"]
    assert report.figures[0] == Figure("last", "2022年12月5日", None, "")


def test_unit_founded_in_the_year_told_and_dated(draft: Draft, report_input: ReportInput) -> None:
    unit = report_input.unit.model_copy(update={"founded_on": date(2022, 4, 6)})
    body = "{% if unit.founded_this_year %}单位于{{ unit.founded_on | day }}成立{% else %}单位早已成立{% endif %}\n"
    assert paragraphs(draft(body, unit=unit), "BodyText") == ["单位于2022年4月6日成立"]
    assert paragraphs(draft(body, unit=unit, year=2023, is_strict=False), "BodyText") == ["单位早已成立"]
    assert paragraphs(draft(body), "BodyText") == ["单位早已成立"]


def test_ledger_row_text_cannot_write_markdown(draft: Draft) -> None:
    report = draft("{% for step in rows.evaluation_work if step.place %}\n{{ step.content }}\n{% endfor %}\n")
    assert paragraphs(report, "BodyText") == ["听取# 意见建议"]


def test_narrative_of_windows_with_comment_read(draft: Draft) -> None:
    report = draft("{#\r\n- 说明\r\n#}\r\n# 甲\r\n文\r\n续\r\n")
    assert paragraphs(report, "BodyText") == ["文续"]


def test_ledger_row_figures_named_by_row(draft: Draft) -> None:
    report = draft("{% for step in rows.evaluation_work if step.headcount %}{{ step.headcount | number }}人{% endfor %}\n")
    assert report.figures[0].id == "evaluation_work_r3_headcount"


def test_lost_points_listed_from_scores(draft: Draft) -> None:
    report = draft(
        "{{ card.missed_count | number }}个：{% for row in card.missed %}{{ row.name | quoted }}{{ row.score | number }}分{% endfor %}\n"
    )
    assert paragraphs(report, "BodyText") == ["1个：“分色表期数”15分"]


def test_findings_of_one_code_are_told_with_every_ledger_that_they_stand_in(draft: Draft) -> None:
    found = [
        Finding("X26", Severity.WARNING, "x", ledger=ledger, count=2)
        for ledger in ("预算指标台账", "批复绩效目标台账", "预算指标台账", None)
    ]
    body = "{% for item in findings.told %}{{ item.ledger }}：{{ item.meaning }}，{{ item.count | number }}处{% endfor %}\n"
    printed = draft(body, findings=tuple(found), codes={"X26": ("文号的年份不符", "days", False)})
    assert "预算指标台账、批复绩效目标台账：文号的年份不符，8处" in "".join(read_text(printed.document))


def test_findings_of_a_code_of_many_columns_are_told_with_the_columns(draft: Draft) -> None:
    found = [Finding("X11", Severity.WARNING, "x", ledger="问题交办台账", column=header) for header in ("督查日期", "办结时限", "督查日期")]
    body = "{% for item in findings.told %}{{ item.ledger }}的{{ item.meaning }}{% endfor %}\n"
    printed = draft(body, findings=tuple(found), codes={"X11": ("应填的没有填", "register", True)})
    assert "问题交办台账的应填的没有填（督查日期、办结时限）" in "".join(read_text(printed.document))


def test_progress_counted_by_colour(draft: Draft) -> None:
    report = draft("{{ progress.green | number }}{{ progress.yellow | number }}{{ progress.red | number }}{{ progress.none | number }}\n")
    assert paragraphs(report, "BodyText") == ["1011"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("文\n\n《XX年办法》\n", "2022.md:7: 有未填写的空位“XX”"),
        ("文××\n", "2022.md:5: 有未填写的空位“××”"),
        ("文\n待补\n", "2022.md:6: 有未填写的空位“待补”"),
        ("文\n{{ facts.meetings | about \n", "2022.md:"),
        ("文 }} 字\n", "2022.md:5: 有未填写的空位“}}”"),
        (
            "{% if facts.tasks %}\n{{ facts.nothing | about }}\n{% endif %}\n文\n",
            "2022.md:6: nothing 没有数值：指标体系的 facts 和 indicators 中没有这一项",
        ),
        ("文\n{{ facts.satisfaction | percent }}\n", "2022.md:6: satisfaction 没有数值：没有问卷"),
        ("文\n{% if facts.satisfaction > 90 %}好{% endif %}\n", "2022.md:6: satisfaction 没有数值：没有问卷"),
        ("文\n{{ unit.nick }}\n", "2022.md:6: 未定义的名称 nick"),
        ("文\n{{ nobody | about }}\n", "2022.md:6: 未定义的名称 nobody"),
        ("{{ unit.founded_on | day }}\n", "2022.md:5: unit_founded_on 没有数值：perfeval.yml 的 unit 没有写 founded_on"),
        ("{% for row in nobody %}{% endfor %}文\n", "2022.md:5: 未定义的名称 nobody"),
        ("文{{ 73 }}\n", "2022.md:5: “73”不是由台账算出的数字"),
        ("文{{ facts.meetings | wan }}\n", "2022.md:5: meetings 的单位是“次”，不是“元”"),
        ("文{{ facts.spent | percent }}\n", "2022.md:5: spent 的单位是“元”，不是“%”"),
        ("文{{ facts.meetings.value }}\n", "2022.md:5: “73”不是由台账算出的数字"),
        ("文{{ rows.goals | length }}\n", "2022.md:5: “2”不是由台账算出的数字"),
        ("{% for s in rows.evaluation_work %}\n{{ s.place }}文\n{% endfor %}\n", "2022.md:6: 这里要打印的台账单元格没有填写"),
        ("# 甲\n\n# 乙\n文\n", "2022.md:5: “甲”下面没有内容"),
        ("# 甲\n{% if facts.tasks %}\n文\n{% endif %}\n", "2022.md:5: “甲”下面没有内容"),
        ("# 甲\n## 乙\n文\n## 丙\n# 丁\n文\n", "2022.md:8: “丙”下面没有内容"),
        ("# 甲\n### 乙\n文\n", "2022.md:6: 标题“乙”跳级"),
        ("# 一、甲\n文\n", "2022.md:5: 标题“一、甲”不要写编号"),
        ("- 甲\n", "2022.md:5: 不支持的 Markdown 写法"),
        ("#标题\n文\n", "2022.md:5: 不支持的 Markdown 写法"),
        ("##### 标题\n文\n", "2022.md:5: 不支持的 Markdown 写法"),
        ("文**重点**\n", "2022.md:5: 不支持的 Markdown 写法"),
        ("文\ufdd0\n", "2022.md:5: 含有程序保留的控制字符"),
        ('文{{ "\\ufdd0x" }}\n', "2022.md:5: 引号内含有程序保留的控制字符"),
        ("", "2022.md:1: 正文没有内容"),
    ],
)
def test_draft_faulty_body_stopped_at_its_place(faults: Faults, body: str, fault: str) -> None:
    assert any(told.startswith(fault) for told in faults(body)), faults(body)


def test_reasons_in_the_narrative_beside_their_own_file_are_refused(faults: Faults) -> None:
    front = "---\ntitle: [甲]\nprogress: {slow_pct: 10, source: 办法}\ndeviations:\n  tables: 原因\n---\n"
    assert faults("文\n", front, reasons={}) == ["2022.md:4: deviations：偏差原因写在 explanations/2022.yml，不写在底稿里"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("争取资金8888万元", ["8888"]),
        ("召开会议七十余次", ["七十余"]),
        ("交办一百二十项，占百分之九十五", ["一百二十项", "百分之九十五"]),
        ("新增两个项目{% if year %}、12个{% endif %}", ["12", "两个"]),
        ('{{ "９９分" }}', ["９９"]),
        ("推行“五个一”机制", ["五个"]),
        ("投入捌仟万元，比上年翻一番", ["捌仟万", "翻一番"]),
        ("投入两万用于宣传，十几家企业、半数项目受益", ["两万", "十几家", "半数"]),
        ("共①项、⒓个、㈡类，用时½天、第Ⅲ批", ["½", "Ⅲ", "①", "⒓", "㈡"]),
        ("俩项目、廿个村，三分之二的群众受益", ["三分之二", "俩", "廿"]),
        ("上万人次参加，近百个项目，成百上千户受益", ["上万人", "成百上千", "近百个"]),
        ("全年零投诉、零事故，延误零次", ["零事故", "零投诉", "零次"]),
        ("新增项目（12）个，（8）项落地", ["12", "8"]),
        ("排名全市第一，获第二名", ["排名全市第一", "第二名"]),
    ],
)
def test_number_typed_by_hand_is_refused_as_unbound(faults: Faults, text: str, numbers: list[str]) -> None:
    told = [re.match("2022.md:5: “(.*?)”是手写的数（unbound）", fault) for fault in faults(f"{text}\n")]
    assert [match[1] for match in told if match] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "2022年，《三年行动计划（2021—2023）》（桃政发〔2013〕25号），推行一个项目一套班子，一是抓早，见附件1和第六部分",
        "落实中央八项规定精神，经县政府第12次常务会议研究，G319国道和X012线施工",
        "（1）加强领导；（2）落实责任",
        "2021—2023年分步推进，千方百计，服务零距离，更换零件，第一时间到场",
        "{{ facts.meetings | number }}次，共{{ facts.spent | wan }}万元",
    ],
)
def test_years_numbers_of_documents_and_figures_are_not_unbound(draft: Draft, text: str) -> None:
    assert draft(f"{text}\n").document


def test_number_that_the_office_excepts_with_a_reason_is_let_through(draft: Draft) -> None:
    front = "---\ntitle: [甲]\nexceptions: {五个一: 机制的名称}\n---\n"
    assert "推行“五个一”机制" in paragraphs(draft("推行“五个一”机制\n", front), "BodyText")


def test_annex_named_that_is_not_there_is_told(faults: Faults) -> None:
    assert faults("见附件3。\n见附件4。\n") == ["2022.md:6: 没有附件4，共有3个附件"]


def test_report_dated_before_what_it_tells_of_is_refused(faults: Faults) -> None:
    assert faults("文\n", year=2023) == ["成文日期2023年4月3日早于2023年年末，不能成稿"]
    basis = (Basis(title="通知", number="样财监〔2024〕6号"),)
    assert faults("文\n", basis=basis) == ["成文日期2023年4月3日早于评价依据样财监〔2024〕6号的年份，不能成稿"]


def test_draft_several_faults_all_told_at_once(faults: Faults) -> None:
    assert faults("# 甲\n# 乙\nXX年\n{{ facts.x | about }}\n{{ facts.satisfaction | about }}\n") == [
        "2022.md:5: “甲”下面没有内容",
        "2022.md:7: 有未填写的空位“XX”",
        "2022.md:8: x 没有数值：指标体系的 facts 和 indicators 中没有这一项",
        "2022.md:9: satisfaction 没有数值：没有问卷",
    ]


@pytest.mark.parametrize(
    ("front", "fault"),
    [
        ("文\n", "2022.md:1: 缺少开头的 --- 设置段"),
        ("---\nannexes: [{kind: payments}]\n---\n", "2022.md:1: title：缺少这一项"),
        ('---\ntitle: [甲]\ndeviations:\n  tables: "\\ufdd0x"\n---\n', "2022.md:4: 含有程序保留的控制字符"),
        ("---\ntitle: [XX年度报告]\n---\n", "2022.md:2: 有未填写的空位“XX”"),
        ("---\ntitle: [甲]\nprogress: {slow_pct: 多, source: 办法}\n---\n", "2022.md:3: progress.slow_pct：应为数字"),
        ("---\ntitle: [甲\n---\n", "2022.md:3: YAML 写法有误"),
        ("---\ntitle: ['{{ unit.nick }}']\nprogress: {slow_pct: 10, source: 办法}\n---\n", "2022.md:2: 未定义的名称 nick"),
        (
            "---\ntitle: [甲]\nprogress: {slow_pct: 10, source: 办法}\ndeviations:\n  nobody: 原因\n---\n",
            "2022.md:5: deviations 中的 nobody 不是指标编号",
        ),
        (
            "---\ntitle: [甲]\nprogress: {slow_pct: 10, source: 办法}\ndeviations:\n  tables: 原因××\n---\n",
            "2022.md:5: 有未填写的空位“××”",
        ),
    ],
)
def test_draft_faulty_front_matter_stopped_at_its_place(faults: Faults, front: str, fault: str) -> None:
    assert any(told.startswith(fault) for told in faults("文\n", front)), faults("文\n", front)


@pytest.mark.parametrize(
    "expression",
    [
        "facts.meetings.__class__",
        "facts.meetings.id.__class__.__mro__",
        "rows.__class__.__init__.__globals__",
        "rows._ledgers",
        "unit.__init__",
        "'%s' | format(facts)",
        "self.__init__",
        "lipsum",
        "cycler",
        "facts | attr('__class__')",
        "facts.meetings.id.format(1)",
        "rows.keys()",
        "range(9)",
        "'文' * 100000000",
        "facts.meetings + 1",
        "-facts.meetings",
        "unit.update({'name': '乙'})",
    ],
)
def test_sandbox_escape_or_arithmetic_stops_the_draft(faults: Faults, expression: str) -> None:
    assert faults("文{{ %s }}\n" % expression)  # noqa: UP031  # braces are the template's


@pytest.mark.parametrize("tag", ["{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{% extends 'x' %}"])
def test_sandbox_other_files_stop_the_draft(faults: Faults, tag: str) -> None:
    assert faults(f"文{tag}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ unit.name | nosuch }}", "没有过滤器 nosuch"),
        ("{% foo %}", "没有标签 foo，或它没有相应的开头"),
        ("{% if year %}甲", "if 没有结束"),
        ("{{ year", "括号没有结束"),
        ("{# 甲", "括号没有结束"),
        ("{% if %}甲{% endif %}", "没有写完"),
        ("{{ unit | }}", "没有写完"),
        ("{{ year unit }}", "多出 unit"),
        ("{{ year ? }}", "不该有字符 ?"),
    ],
)
def test_template_that_cannot_be_read_is_told_in_chinese(faults: Faults, text: str, told: str) -> None:
    assert [fault.partition("：")[2] for fault in faults(text + "\n")] == [told]
