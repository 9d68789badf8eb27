"""The approval sheet: every decision as the record has it, with what it is proved by, and both heads."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from chains import Chains, Device

from perfeval.approvals.events import Substituted
from perfeval.approvals.record import head
from perfeval.errors import ReportError
from perfeval.model import Verdict
from perfeval.report import read_printed, read_text, write_approval_sheet

Sheet = Callable[..., bytes]


@pytest.fixture
def chains() -> Chains:
    """A return at the centre by code, then both gates: the centre by a device, the bureau by a substitute."""
    made, device = Chains(), Device()
    made.welcome("operator", "操作员", "operator")
    made.welcome("p1", "填表人", "clerk")
    made.welcome("p2", "甲", "center", device)
    made.welcome("p3", "乙", "bureau")
    made.welcome("p5", "丁", "clerk")
    made.tell(Substituted(person="p5", absent="p3", gate="bureau", from_on=date(2023, 4, 1), to_on=date(2023, 4, 30)))
    made.open()
    made.draft()
    made.decide("center", "p2", device, verdict=Verdict.RETURN, comment="补充材料")
    made.draft(2, digest="e" * 64)
    made.decide("center", "p2", device, revision=2, content_digest="e" * 64, comment="")
    made.decide("bureau", "p5", revision=2, content_digest="e" * 64, comment="同意\n拨付", absent="p3")
    return made


@pytest.fixture
def sheet(chains: Chains, template: bytes) -> bytes:
    return write_approval_sheet("样例县中心", chains.entries, chains.people, template)


def test_sheet_tells_what_was_decided_on_and_by_whom(sheet: bytes, chains: Chains) -> None:
    printed = read_printed(sheet)
    for row in (
        {"单位", "样例县中心", "年度", "2022年度"},
        {"预算项目", "样例项目", "稿次", "第2稿"},
        {"送审人", "填表人", "核对码", "EEEEEEEE"},
        {"内容摘要", "e" * 64},
        {"环节", "中心审批（签发）", "稿次", "第1稿"},
        {"审批人", "甲", "时间", "2023-04-03 16:48:00"},
        {"决定", "退回修改", "凭证", f"设备签名，公钥指纹 {fingerprint(chains)}"},
        {"意见", "补充材料"},
        {"链头", f"第3条 {chains.entries[2].sha256[:24]}", "签字", ""},
        {"环节", "财政局审批（审核）", "稿次", "第2稿"},
        {"审批人", "丁（代乙）", "时间", "2023-04-03 16:51:00"},
        {"决定", "同意", "凭证", "动态码（动态码由程序当时核验，事后不能独立验证）"},
        {"意见", "同意拨付"},
    ):
        assert printed.has_row(row), row
    assert len(printed.rows) == 4 + 3 * 5


def fingerprint(chains: Chains) -> str:
    from perfeval.approvals.people import people_of
    from perfeval.approvals.record import read_line

    people, _ = people_of([read_line(entry.line) for entry in chains.people], [entry.line for entry in chains.people])
    return people.persons["p2"].confirmed[0].fingerprint


def test_sheet_tells_the_heads_of_both_chains(sheet: bytes, chains: Chains) -> None:
    text = read_text(sheet)
    assert f"审批记录共6条，链头 {head(chains.entries)}" in text
    assert f"人员记录共{len(chains.people)}条，链头 {head(chains.people)}" in text
    assert any("动态码由程序当时核验，事后不能独立验证" in line for line in text)


def test_sheet_twice_same_bytes(sheet: bytes, chains: Chains, template: bytes) -> None:
    assert write_approval_sheet("样例县中心", chains.entries, chains.people, template) == sheet


def test_sheet_of_odd_words_is_printed_without_what_no_page_can_show(chains: Chains, template: bytes) -> None:
    chains.decide("bureau", "p3", revision=2, content_digest="e" * 64, comment="<w:p>\ufdd0\u202e&\n=1+1")
    write_approval_sheet("样\ufdd0例", chains.entries, chains.people, template)


@pytest.mark.parametrize("typed", ["=cmd|'/c calc'!A0", "+1+1", "@SUM(1+1)", "{{ 7 * 7 }}", "<w:instrText>DDEAUTO</w:instrText>"])
def test_opinion_that_begins_like_a_formula_or_a_field_is_printed_as_typed(chains: Chains, template: bytes, typed: str) -> None:
    chains.entries.pop()
    chains.decide("bureau", "p3", revision=2, content_digest="e" * 64, comment=typed)
    sheet = write_approval_sheet("样例县中心", chains.entries, chains.people, template)
    assert typed in read_text(sheet)
    with zipfile.ZipFile(io.BytesIO(sheet)) as parts:
        assert not re.search(rb"<w:(instrText|fldSimple)", parts.read("word/document.xml"))


def test_sheet_on_a_template_without_its_styles_is_refused(chains: Chains, template: bytes) -> None:
    with pytest.raises(ReportError, match="不是 Word 文件"):
        write_approval_sheet("样例县中心", chains.entries, chains.people, b"")


def test_sheet_valid_by_the_schemas(sheet: bytes, tmp_path: Path) -> None:
    audit: Any = pytest.importorskip("openxml_audit")
    file = tmp_path / "sheet.docx"
    file.write_bytes(sheet)
    assert audit.OpenXmlValidator().validate(file).errors == []
