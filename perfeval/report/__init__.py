"""The report (自评报告) and the approval sheet (审批表): narrative, tables and annexes as Word. The only room that knows docx.

Jinja, Markdown and Word are loaded when a report is written, not before.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from perfeval.report.input import Report, ReportInput

if TYPE_CHECKING:
    from perfeval.approvals.record import Entry
    from perfeval.report.comparing import Printed
    from perfeval.report.reading import Grid, Passage

__all__ = ["Report", "ReportInput", "name_paragraphs", "read_layout", "read_printed", "read_text", "write_approval_sheet", "write_report"]


def write_report(report_input: ReportInput, narrative: str, template: bytes, *, file: str) -> Report:
    """Write the report from its narrative (Markdown + Jinja2), on a Word template; `file` is the narrative's name, for faults.

    The same arguments give the same bytes.

    Raises: ReportError: with every fault as `file:line: message`: a left-over slot, an undefined figure, a figure without
        value, an empty section, or ledgers, annexes and template that do not fit.
    """
    from perfeval.report import document

    return document.write_report(report_input, narrative, template, file=file)


def write_approval_sheet(unit: str, entries: "Sequence[Entry]", people: "Sequence[Entry]", template: bytes) -> bytes:
    """Write the 审批表 of an evaluation: every decision of its record, and the heads of both chains, to be printed and signed.

    `unit` is the unit's name. The same arguments give the same bytes, and later versions write it in the same words.

    Raises: ReportError: the template does not fit.
    """
    from perfeval.report import approval_sheet

    return approval_sheet.write_approval_sheet(unit, entries, people, template)


def read_printed(document: bytes) -> "Printed":
    """What a Word file of ours prints.

    Raises: ReportError: when it is no Word file.
    """
    from perfeval.report import comparing

    return comparing.read_printed(document)


def read_text(document: bytes) -> list[str]:
    """The text of a Word file of ours, paragraph by paragraph, those in tables too.

    Raises: ReportError: when it is no Word file.
    """
    return list(read_printed(document).paragraphs)


def read_layout(document: bytes) -> "list[Passage | Grid]":
    """What a Word file of ours is made of: paragraphs, numbered as the places of figures are, and tables, in order.

    Raises: ReportError: when it is no Word file.
    """
    from perfeval.report import reading

    return reading.read_layout(document)


def name_paragraphs(parts: "Iterable[Passage | Grid]") -> "dict[str, Passage]":
    """The paragraphs outside tables that say something, by the name that remarks call them by: 第1段, 第2段 and so on."""
    from perfeval.report import reading

    return reading.name_paragraphs(parts)
