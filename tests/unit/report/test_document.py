"""The Word file: form, order, determinism, validity, and what stops it besides the narrative."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Twips
from lxml import etree

from perfeval.errors import ReportError
from perfeval.model.digests import content_digest
from perfeval.report import Report, ReportInput, write_report

Draft = Callable[..., Report]
Faults = Callable[..., list[str]]


def opened(report: Report) -> Any:
    return Document(io.BytesIO(report.document))


def margins(section: Any) -> list[int]:
    return [side.twips for side in (section.top_margin, section.right_margin, section.bottom_margin, section.left_margin)]


def repacked(package: bytes, **replaced: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(target, "w") as written:
        for name in reversed(source.namelist()):
            written.writestr(name, replaced.get(Path(name).stem, source.read(name)))
    return target.getvalue()


def test_draft_twice_same_bytes(draft: Draft) -> None:
    assert draft("文\n").document == draft("文\n").document


def test_draft_package_sorted_dated_and_anonymous(draft: Draft) -> None:
    infos = zipfile.ZipFile(io.BytesIO(draft("文\n").document)).infolist()
    assert [info.filename for info in infos] == [
        "[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "docProps/core.xml", "word/_rels/document.xml.rels", "word/document.xml",
        "word/fontTable.xml", "word/footer1.xml", "word/footer2.xml", "word/settings.xml", "word/styles.xml", "word/theme/theme1.xml",
        "word/turned1.xml", "word/turned2.xml",
    ]  # fmt: skip
    assert {(info.date_time, info.create_system) for info in infos} == {((1980, 1, 1, 0, 0, 0), 0)}


def test_draft_core_properties_from_data(draft: Draft) -> None:
    properties = opened(draft("文\n", revision=3)).core_properties
    assert properties.title == "样例县重点项目建设事务中心2022年度自评报告"
    assert (properties.author, properties.last_modified_by) == ("样例县重点项目建设事务中心", "样例县重点项目建设事务中心")
    assert properties.created == properties.modified == datetime(2023, 4, 3, tzinfo=UTC)
    assert (properties.language, properties.revision) == ("zh-CN", 3)


def test_content_digest_repacked_unchanged_edited_changed(draft: Draft) -> None:
    report = draft("文\n")
    assert report.content_digest == content_digest(report.document)
    assert content_digest(repacked(report.document)) == report.content_digest
    assert content_digest(repacked(report.document, document=b"<x/>")) != report.content_digest


def test_draft_order_of_parts_as_the_standard_wants(draft: Draft) -> None:
    texts = [(paragraph.style.style_id, paragraph.text) for paragraph in opened(draft("文\n")).paragraphs if paragraph.text]
    assert texts == [
        ("Title", "样例县重点项目建设事务中心"),
        ("Title", "2022年度自评报告"),
        ("BodyText", "文"),
        ("AnnexNote", "附件：1. 项目支出绩效自评表"),
        ("AnnexNote", "2. 资金支出明细"),
        ("AnnexNote", "3. 重点项目进度分色表"),
        ("Signature", "样例县重点项目建设事务中心"),
        ("Date", "2023年4月3日"),
        ("AnnexMark", "附件1"),
        ("AnnexTitle", "项目支出绩效自评表"),
        ("AnnexCaption", "（2022年度）"),
        ("TableNote", "填表人：样例经办人　　填报日期：2023年4月3日　　联系电话："),
        ("TableNote", "单位负责人（签字）："),
        ("AnnexMark", "附件2"),
        ("AnnexTitle", "资金支出明细"),
        ("AnnexCaption", "（2022年度，经费补助）"),
        ("TableNote", "注：据资金支出台账逐笔列示，合计与项目支出绩效自评表的全年执行数一致。"),
        ("AnnexMark", "附件3"),
        ("AnnexTitle", "重点项目进度分色表"),
        ("AnnexCaption", "（2022年度）"),
        (
            "TableNote",
            "注：按2022年最后一个填报月份评价。实际进度达到计划的为“正常”（绿色）；落后不足10个百分点的为“滞后”（黄色）；"
            "落后10个百分点及以上的为“严重滞后”（红色）。标准来源：考核办法。",
        ),
    ]


def test_draft_signature_never_alone_on_a_page(draft: Draft) -> None:
    paragraphs = opened(draft("甲\n\n乙\n")).paragraphs
    kept = [paragraph.text for paragraph in paragraphs if paragraph._p.find(".//" + qn("w:keepNext")) is not None]
    assert kept[:8] == [
        "乙",
        "",
        "附件：1. 项目支出绩效自评表",
        "2. 资金支出明细",
        "3. 重点项目进度分色表",
        "",
        "",
        "样例县重点项目建设事务中心",
    ]


def test_draft_sections_portrait_then_landscape_with_footers(draft: Draft) -> None:
    report, annexes = opened(draft("文\n")).sections
    assert [report.page_width, report.page_height] == [Twips(11906), Twips(16838)]
    assert [side.twips for side in (report.top_margin, report.right_margin, report.bottom_margin, report.left_margin)] == [
        2098,
        1474,
        1984,
        1587,
    ]
    assert [annexes.page_width, annexes.page_height] == [Twips(16838), Twips(11906)]
    assert [side.twips for side in (annexes.top_margin, annexes.right_margin, annexes.bottom_margin, annexes.left_margin)] == [
        1587,
        2098,
        1474,
        1984,
    ]
    assert [len(section._sectPr.findall(qn("w:footerReference"))) for section in (report, annexes)] == [2, 2]
    assert [section._sectPr.find(qn("w:docGrid")).get(qn("w:linePitch")) for section in (report, annexes)] == ["579", "579"]


def test_draft_page_numbers_of_landscape_pages_stand_where_the_upright_pages_have_them(draft: Draft) -> None:
    report, annexes = opened(draft("文\n")).sections
    upright, turned = ([section.even_page_footer._element, section.footer._element] for section in (report, annexes))
    assert [len(footer.findall(f".//{qn('w:tbl')}")) for footer in (*upright, *turned)] == [0, 0, 1, 1]
    assert [footer.find(f".//{qn('w:textDirection')}").get(qn("w:val")) for footer in turned] == ["tbRl", "tbRl"]
    place = turned[0].find(f".//{qn('w:tblpPr')}")
    assert [place.get(qn(f"w:{name}")) for name in ("horzAnchor", "tblpX", "tblpY")] == ["page", "1027", "1587"]
    numbers = [next(etree.tostring(paragraph) for paragraph in footer.iter(qn("w:p"))) for footer in (*upright, *turned)]
    assert numbers[:2] == numbers[2:]


def test_draft_page_numbers_run_on_through_turned_sections(draft: Draft) -> None:
    annexes = "[{kind: payments}, {kind: self_evaluation}]"
    sections = opened(draft("文\n", f"---\ntitle: [甲]\nannexes: {annexes}\n---\n")).sections
    assert [section._sectPr.find(qn("w:pgNumType")) is not None for section in sections] == [True, False, False]


def test_draft_ledger_text_illegal_in_xml_printed_without_it(draft: Draft, report_input: ReportInput) -> None:
    projects = report_input.ledgers["projects"]
    frame = projects.frame.with_columns(project_name=pl.Series(["甲\x00<项目>&\x0b", "乙\n项目", "丙\ufffe"]))
    report = draft("文\n", ledgers={**report_input.ledgers, "projects": replace(projects, rows=frame.lazy())})
    assert [row.cells[1].text for row in opened(report).tables[-1].rows[1:]] == ["甲<项目>&", "乙\n项目", "丙"]


@pytest.mark.parametrize(
    ("ledger", "column", "text", "fault"),
    [
        ("expenditure", "summary", "XX年经费", "资金支出台账.xlsx!资金支出台账!F3: “XX年经费”"),
        ("projects", "project_name", "甲\ufdd0项目", "重点项目台账.xlsx!重点项目台账!B3: “甲项目”"),
    ],
)
def test_draft_ledger_text_unprintable_stopped_at_its_cell(
    faults: Faults, report_input: ReportInput, ledger: str, column: str, text: str, fault: str
) -> None:
    changed = report_input.ledgers[ledger]
    frame = changed.frame.with_columns(pl.when(pl.col("row") == 3).then(pl.lit(text)).otherwise(pl.col(column)).alias(column))
    (told,) = faults("文\n", ledgers={**report_input.ledgers, ledger: replace(changed, rows=frame.lazy())})
    assert told.startswith(fault)


def test_draft_ledger_of_an_annex_missing_stopped(faults: Faults, report_input: ReportInput) -> None:
    ledgers = {name: ledger for name, ledger in report_input.ledgers.items() if name != "projects"}
    assert faults("文\n", ledgers=ledgers) == ["2022.md:3: 附件3：没有台账 projects，可用：expenditure、progress、goals、evaluation_work"]


def test_draft_office_with_money_ledgers_alone_drafted(draft: Draft, report_input: ReportInput) -> None:
    ledgers = {"expenditure": report_input.ledgers["expenditure"]}
    report = draft("文\n", "---\ntitle: [甲]\n---\n", ledgers=ledgers, report_on=date(2023, 3, 31))
    texts = [paragraph.text for paragraph in opened(report).paragraphs]
    assert [text for text in texts if text.startswith("附件")] == ["附件：1. 项目支出绩效自评表", "附件1", "附件2"]
    assert [cell.text for cell in opened(report).tables[0].rows[-1].cells[1:]] == [
        *["保障协调服务工作。"] * 3,
        *["各项绩效指标的完成情况见下表"] * 4,
    ]


def test_draft_sole_annex_has_no_number(draft: Draft) -> None:
    report = draft("文\n", "---\ntitle: [甲]\nannexes: [{kind: self_evaluation}]\n---\n")
    texts = [paragraph.text for paragraph in opened(report).paragraphs]
    assert [text for text in texts if text.startswith("附件")] == ["附件：项目支出绩效自评表", "附件"]


def test_draft_ledger_that_nothing_prints_not_looked_at(draft: Draft, report_input: ReportInput) -> None:
    projects = report_input.ledgers["projects"]
    unfit = replace(projects, rows=projects.rows.with_columns(project_name=pl.lit("XX项目")))
    assert draft("文\n", "---\ntitle: [甲]\n---\n", ledgers={**report_input.ledgers, "projects": unfit})


@pytest.mark.parametrize("text", ["XX001", "小学XX001食堂", "图号GXX"])
def test_draft_code_with_letters_of_a_slot_is_printed(draft: Draft, report_input: ReportInput, text: str) -> None:
    work = report_input.ledgers["evaluation_work"]
    coded = replace(work, rows=work.rows.with_columns(place=pl.lit(text)))
    assert draft(
        "{% for step in rows.evaluation_work %}{{ step.place }}{% endfor %}文\n", ledgers={**report_input.ledgers, "evaluation_work": coded}
    )


@pytest.mark.parametrize(
    "text", ["XX会议室", "XXX会议室", "20XX年会议室", "\ufdd0meetings\ufdd199\ufdd1次\ufdd199\ufdd2", "\ufdd499999\ufdd2"]
)
def test_draft_ledger_text_of_the_narrative_unprintable_stopped_at_its_cell(faults: Faults, report_input: ReportInput, text: str) -> None:
    work = report_input.ledgers["evaluation_work"]
    unfit = replace(work, rows=work.rows.with_columns(place=pl.lit(text)))
    told = faults(
        "{% for step in rows.evaluation_work %}{{ step.place }}{% endfor %}文\n", ledgers={**report_input.ledgers, "evaluation_work": unfit}
    )
    assert [fault.partition(": ")[0] for fault in told if "xlsx" in fault] == [
        "评价工作台账.xlsx!评价工作台账!C3",
        "评价工作台账.xlsx!评价工作台账!C4",
    ]


def test_draft_without_report_step_stopped(faults: Faults, report_input: ReportInput) -> None:
    work = report_input.ledgers["evaluation_work"]
    ledgers = {**report_input.ledgers, "evaluation_work": replace(work, rows=work.rows.head(1))}
    assert faults("文\n", ledgers=ledgers) == ["评价工作台账.xlsx: 评价工作台账中没有“形成报告”步骤，成文日期无从确定"]


def test_draft_without_report_step_dated_as_given(draft: Draft, report_input: ReportInput) -> None:
    work = report_input.ledgers["evaluation_work"]
    ledgers = {**report_input.ledgers, "evaluation_work": replace(work, rows=work.rows.head(1))}
    assert draft("文\n", ledgers=ledgers, report_on=date(2023, 3, 31)).written_on == date(2023, 3, 31)


def test_draft_with_report_step_dated_by_it(draft: Draft) -> None:
    assert draft("文\n", report_on=date(2023, 3, 31)).written_on == date(2023, 4, 3)


def test_draft_payments_unlike_execution_stopped(faults: Faults, report_input: ReportInput) -> None:
    paid = report_input.ledgers["expenditure"]
    ledgers = {**report_input.ledgers, "expenditure": replace(paid, rows=paid.rows.head(2))}
    assert faults("文\n", ledgers=ledgers) == ["附件2: 资金支出明细合计 3000.5 元，与自评表全年执行数 3600.5 元不一致"]
    sole = "---\ntitle: [甲]\nannexes: [{kind: self_evaluation}]\n---\n"
    assert faults("文\n", sole, ledgers=ledgers) == ["资金支出台账合计 3000.5 元，与自评表全年执行数 3600.5 元不一致"]


@pytest.mark.parametrize("template", [b"", b"PK\x03\x04", b"not a zip"])
def test_draft_template_no_word_file_stopped(report_input: ReportInput, narrative: str, template: bytes) -> None:
    with pytest.raises(ReportError, match=r"template\.docx: 不是 Word 文件"):
        write_report(report_input, narrative, template, file="2022.md")


def test_draft_template_lacking_a_style_stopped(report_input: ReportInput, template: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(template)) as package:
        styles = package.read("word/styles.xml").replace(b'w:styleId="TableHead"', b'w:styleId="Other"')
    narrative = "---\ntitle: [甲]\nprogress: {slow_pct: 10, source: 办法}\n---\n文\n"
    with pytest.raises(ReportError, match=r"template\.docx: 缺少样式 TableHead"):
        write_report(report_input, narrative, repacked(template, styles=styles), file="2022.md")


def test_draft_fault_named_after_the_narrative_file(report_input: ReportInput, template: bytes) -> None:
    with pytest.raises(ReportError) as caught:
        write_report(report_input, "---\ntitle: [甲]\nprogress: {slow_pct: 10, source: 办法}\n---\n待补\n", template, file="roads-2022.md")
    assert caught.value.faults == ("roads-2022.md:5: 有未填写的空位“待补”",)


def test_template_purged_of_foreign_leftovers(template: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(template)) as package:
        text = b"".join(package.read(name) for name in package.namelist()).decode()
    assert 'w:eastAsia="zh-CN"' in text
    assert '<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/>' in text
    assert "ja-JP" not in text
    assert "rsid" not in text


def test_draft_valid_by_the_schemas(draft: Draft, tmp_path: Path) -> None:
    audit = pytest.importorskip("openxml_audit")
    file = tmp_path / "report.docx"
    file.write_bytes(draft("# 甲\n## 乙\n### 丙\n#### 丁\n文\n").document)
    assert audit.OpenXmlValidator().validate(file).errors == []
