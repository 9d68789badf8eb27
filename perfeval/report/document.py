"""The report as a Word document in the form of GB/T 9704-2012: text, 附件说明, signature, annexes."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, time
from typing import Any, cast

import polars as pl
from docx import Document
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from lxml import etree

from perfeval.configuration import Positions
from perfeval.model import Ledger
from perfeval.model.digests import content_digest
from perfeval.model.numbers import plain, written_day
from perfeval.report.annexes import Annex, payments_annex, printed_payments, self_evaluation_annex, total_yuan
from perfeval.report.context import build_context
from perfeval.report.earlier import PROGRESS
from perfeval.report.figures import MARKS
from perfeval.report.input import Report, ReportInput
from perfeval.report.listed_table import table_annex
from perfeval.report.listing import Listing, list_rows, misfits
from perfeval.report.narrative import PARAGRAPH, TITLE, Block, Front, proofread, read_front, render_line, write_narrative
from perfeval.report.package import pack_parts, report_error
from perfeval.report.sandbox import Faults
from perfeval.report.turned_footers import turn_footers
from perfeval.report.wordml import KEEP, Body, halves
from perfeval.texts import CODES, SLOTS

STYLES = ("Normal", "Title", "BodyText", *(f"Heading{level}" for level in range(1, 5)), "AnnexNote", "Signature", "Date",
          "AnnexMark", "AnnexTitle", "AnnexCaption", "TableText", "TableHead", "TableNote")  # fmt: skip
TEMPLATE_LIMIT = 20_000_000
# Two tables need a paragraph between them; this one is too thin to be seen.
HAIRLINE = '<w:snapToGrid w:val="0"/><w:spacing w:before="0" w:after="0" w:line="2" w:lineRule="exact"/>'
CHARACTER = 320  # twips of a 16 pt character


def write_report(report_input: ReportInput, narrative: str, template: bytes, *, file: str) -> Report:
    """See `perfeval.report.write_report`."""
    narrative = narrative.removeprefix("\ufeff").replace("\r\n", "\n")
    _refuse(_misconfigured(report_input))
    front, positions, found = read_front(narrative, file)
    if front is None:
        raise report_error(_placed(found, file))
    _refuse(_placed(_misfits(report_input, front, positions), file))
    written_on = _written_on(report_input)
    tables = [annex for annex in front.declared if annex.kind == "ledger"]
    listings = {annex.name: list_rows(annex, report_input.ledgers, report_input.year) for annex in tables}
    asked = set[str]()
    context = build_context(report_input, listings, asked)
    if front.progress:
        context[PROGRESS] = context["annexes"][PROGRESS]
    blocks, found = write_narrative(narrative, front, positions, context)
    if report_input.is_strict:
        found += proofread(narrative, front)
    annexes = list(_annexes(report_input, front, positions, written_on, listings, context, found))
    word, missing = open_template(template)
    _refuse([*_placed(found, file), *missing, *_unprintable(report_input, front, asked), *_unreconciled(report_input, front)])
    body = Body()
    _write_text(body, blocks)
    _write_ending(body, annexes, report_input.unit.name, written_on)
    _write_annexes(body, annexes, word)
    _describe(word, report_input, "".join(block.text for block in blocks if block.level == TITLE), written_on)
    document = pack(word, body)
    return Report(document, content_digest(document), tuple(body.figures), written_on, tuple(body.places))


def pack(word: WordDocument, body: Body) -> bytes:
    """The template with that body, as a Word file."""
    saved = io.BytesIO()
    word.save(saved)
    return pack_parts(saved.getvalue(), {word.part.partname.lstrip("/"): body.document()})


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise report_error(faults)


def _placed(faults: Faults, file: str) -> list[str]:
    return [f"{file}:{line}: {message}" for line, message in sorted(set(faults))]


def _misconfigured(report_input: ReportInput) -> list[str]:
    """Texts of the office and of the rules with characters that the renderer needs for itself."""
    configured = (
        report_input.bureau,
        *(value.model_dump_json() for value in (report_input.unit, report_input.programme, report_input.duties, *report_input.basis)),
        *map(str, report_input.card.scores),
        *map(str, (report_input.reasons or {}).values()),
        *report_input.recorded.values(),
        *(f"{fact.unit}{fact.reason}" for fact in report_input.facts.values()),
    )
    return ["工作区设置或指标体系含有程序保留的控制字符" for text in configured if MARKS.search(text)]


def _misfits(report_input: ReportInput, front: Front, positions: Positions) -> Faults:
    """Reasons that stand in the wrong file, and declared annexes that do not fit the ledgers."""
    reasons = {"deviations": front.deviations, "exceeded": front.exceeded} if report_input.reasons is not None else {}
    moved = f"偏差原因写在 explanations/{report_input.year}.yml，不写在底稿里"
    faults = [(positions.line((name,)), f"{name}：{moved}") for name, written in reasons.items() if written]
    return faults + [
        (positions.line(("annexes" if front.annexes else PROGRESS, position, *path)), f"附件{position + 1}：{message}")
        for position, annex in enumerate(front.declared)
        if annex.kind == "ledger"
        for path, message in misfits(annex, report_input.ledgers)
    ]


def _annexes(
    report_input: ReportInput,
    front: Front,
    positions: Positions,
    written_on: date,
    listings: Mapping[str, Listing],
    context: Mapping[str, Any],
    faults: Faults,
) -> Iterator[Annex]:
    for position, annex in enumerate(front.declared):
        if annex.kind == "self_evaluation":
            yield self_evaluation_annex(report_input, front, written_on)
        elif annex.kind == "payments":
            yield payments_annex(report_input)
        else:
            lines = [positions.line(("annexes", position, text)) for text in ("title", "note")]
            title, note = (render_line(text, line, context, faults) for text, line in zip((annex.title, annex.note), lines, strict=True))
            yield table_annex(listings[annex.name], title, note)


def _unprintable(report_input: ReportInput, front: Front, asked: set[str]) -> list[str]:
    """Texts of printed ledgers with left-over slots or with characters that the renderer needs for itself."""
    ledgers = report_input.ledgers
    names = asked.union(*(annex.lists for annex in front.declared))
    frames = {name: ledgers[name].frame for name in sorted(names) if name in ledgers}
    if any(annex.kind == "payments" for annex in front.declared):
        frames.setdefault("expenditure", printed_payments(ledgers["expenditure"].rows))
    return [fault for name, frame in frames.items() for fault in _unfit(ledgers[name], frame)]


def _unfit(ledger: Ledger, frame: pl.DataFrame) -> Iterator[str]:
    place = "!".join(part for part in (ledger.file, ledger.sheet) if part)
    unfit = pl.col(pl.String).str.contains(f"{SLOTS.pattern}|{MARKS.pattern}")
    for row in frame.filter(pl.any_horizontal(unfit)).to_dicts():
        for column, text in row.items():
            if isinstance(text, str) and (SLOTS.search(CODES.sub("", text)) or MARKS.search(text)):
                yield f"{place}!{ledger.letters.get(column, '')}{row['row']}: “{MARKS.sub('', text)}”有未填写的空位或程序保留的字符"


def _written_on(report_input: ReportInput) -> date:
    """The report's date (成文日期): the day of step 形成报告, else the one given."""
    ledger = report_input.ledgers.get("evaluation_work")
    days = [] if ledger is None else ledger.frame.filter(pl.col("step") == "形成报告")["done_on"].drop_nulls().to_list()
    written_on = cast("date | None", max(days, default=report_input.report_on))
    if written_on and report_input.is_strict and (early := _too_early(report_input, written_on)):
        raise report_error([f"成文日期{written_day(written_on)}早于{early}，不能成稿"])
    if written_on is None:
        given = f"years/{report_input.year}.yml: 没有评价工作台账，也没有写 report_on"
        raise report_error([f"{given if ledger is None else f'{ledger.file}: {ledger.title}中没有“形成报告”步骤'}，成文日期无从确定"])
    return written_on


def _too_early(report_input: ReportInput, written_on: date) -> str:
    """What the report cannot have been written before: the year's end, and the documents that it rests on, of which the year is known."""
    if written_on <= date(report_input.year, 12, 31):
        return f"{report_input.year}年年末"
    later = [document for document in report_input.basis if int(document.number.partition("〔")[2][:4]) > written_on.year]
    return f"评价依据{later[0].number}的年份" if later else ""


def _unreconciled(report_input: ReportInput, front: Front) -> list[str]:
    total = total_yuan(report_input.ledgers["expenditure"].rows.select("amount_yuan").collect())
    executed = report_input.card.execution.executed
    if total == executed:
        return []
    numbers = [number for number, annex in enumerate(front.declared, start=1) if annex.kind == "payments"]
    place = f"附件{numbers[0]}: 资金支出明细" if numbers else "资金支出台账"
    return [f"{place}合计 {plain(total)} 元，与自评表全年执行数 {plain(executed)} 元不一致"]


def open_template(template: bytes) -> tuple[WordDocument, list[str]]:
    """Open the template and say which styles it lacks.

    Raises: ReportError: when it is no Word file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as package:
            size = sum(part.file_size for part in package.infolist())
        if size > TEMPLATE_LIMIT:
            raise report_error([f"template.docx: 解压后 {size} 字节，超过 {TEMPLATE_LIMIT}"])
        word = Document(io.BytesIO(template))
    except (zipfile.BadZipFile, KeyError, ValueError, etree.XMLSyntaxError) as error:
        raise report_error(["template.docx: 不是 Word 文件"]) from error
    present = {style.style_id for style in word.styles}
    missing = [f"template.docx: 缺少样式 {style}" for style in STYLES if style not in present]
    section = word.element.body.sectPr
    if section is None or section.find(qn("w:pgSz")) is None or section.find(qn("w:pgMar")) is None:
        missing.append("template.docx: 缺少页面设置（纸张和页边距）")
    return word, missing


def _write_text(body: Body, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if block.level == TITLE:
            body.paragraph("Title", block.text)
    body.paragraph("Normal")
    text = [block for block in blocks if block.level != TITLE]
    for block in text:
        style = "BodyText" if block.level == PARAGRAPH else f"Heading{block.level}"
        # The signature never stands alone on a page: the last paragraph goes with it.
        body.paragraph(style, block.text, KEEP if block is text[-1] else "")


def _write_ending(body: Body, annexes: Sequence[Annex], unit: str, written_on: date) -> None:
    """附件说明, two lines for the seal, unit above date; the date 4 characters from the right, the unit centred on it."""
    body.paragraph("Normal", "", KEEP)
    for number, annex in enumerate(annexes, start=1):
        first = f'{KEEP}<w:ind w:firstLineChars="500" w:firstLine="1600"/>' if number > 1 else KEEP
        counted = f"{number}. " if len(annexes) > 1 else ""  # a sole annex has no number
        body.paragraph("AnnexNote", f"{'' if number > 1 else '附件：'}{counted}{annex.title}", first)
    body.paragraph("Normal", "", KEEP)
    body.paragraph("Normal", "", KEEP)
    day = written_day(written_on)
    unit_width, day_width = halves(unit), halves(day)
    day_right = max(8, (unit_width - day_width) // 2)
    body.paragraph("Signature", unit, KEEP + _right(day_right + (day_width - unit_width) // 2))
    body.paragraph("Date", day, _right(day_right))


def _right(halves: int) -> str:
    return f'<w:ind w:rightChars="{halves * 50}" w:right="{halves * CHARACTER // 2}"/>'


def _write_annexes(body: Body, annexes: Sequence[Annex], word: WordDocument) -> None:
    """Each annex on a new page, wide ones in landscape sections."""
    section = word.element.body.sectPr
    footers = turn_footers(word, section) if any(annex.landscape for annex in annexes) else {}
    landscape, starts = False, True
    for number, annex in enumerate(annexes, start=1):
        if annex.landscape != landscape:
            body.end_section(_section(section, footers if landscape else {}, landscape=landscape, starts=starts))
            landscape, starts = annex.landscape, False
        body.paragraph("AnnexMark", f"附件{number if len(annexes) > 1 else ''}")
        body.paragraph("Normal", "", KEEP)
        body.paragraph("AnnexTitle", annex.title)
        body.paragraph("AnnexCaption", annex.caption)
        if annex.note:
            body.paragraph("TableNote", annex.note)
        for position, table in enumerate(annex.tables):
            if position:
                body.paragraph("TableText", "", HAIRLINE)
            body.table(table)
        for line in annex.signing:
            body.paragraph("TableNote", line)
        if not annex.signing:  # sections and documents end with a paragraph
            body.paragraph("TableText", "", HAIRLINE)
    body.parts.append(_section(section, footers if landscape else {}, landscape=landscape, starts=starts))


def _section(section: Any, footers: Mapping[str, str], *, landscape: bool, starts: bool) -> str:  # noqa: ANN401  # python-docx's own
    """The template's section, or the same turned: page, margins and the grid's direction; `footers` stand instead of its own."""
    turned = deepcopy(section)
    for reference in turned.findall(qn("w:footerReference")):
        reference.set(qn("r:id"), footers.get(reference.get(qn("r:id")), reference.get(qn("r:id"))))
    if landscape:
        page, margins = turned.find(qn("w:pgSz")), turned.find(qn("w:pgMar"))
        width, height = page.get(qn("w:w")), page.get(qn("w:h"))
        page.set(qn("w:w"), height)
        page.set(qn("w:h"), width)
        page.set(qn("w:orient"), "landscape")
        sides = ("top", "right", "bottom", "left")
        old = [margins.get(qn(f"w:{side}")) for side in sides]
        # Turned to the left: what was the left edge, where the report is bound, is on top.
        for side, value in zip(sides, (old[3], old[0], old[1], old[2]), strict=True):
            margins.set(qn(f"w:{side}"), value)
        margins.set(qn("w:footer"), "850")
    # Page numbers run on from the first section.
    for start in () if starts else turned.findall(qn("w:pgNumType")):
        turned.remove(start)
    return etree.tostring(turned, encoding="unicode")


def _describe(word: WordDocument, report_input: ReportInput, title: str, written_on: date) -> None:
    """Core properties, from data only."""
    properties, unit = word.core_properties, report_input.unit.name
    moment = datetime.combine(written_on, time(), UTC)
    properties.title, properties.subject = title, report_input.programme.name
    properties.author = properties.last_modified_by = unit
    properties.created = properties.modified = moment
    properties.language = "zh-CN"
    # A draft outside the approval process has number 0, and Word counts from 1.
    properties.revision = max(1, report_input.revision)
