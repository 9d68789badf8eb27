"""The report (自评报告): narrative, tables and annexes as Word. The only room that knows docx.

Jinja, Markdown and Word are loaded when a report is drafted, not before.
"""

from perfeval.model.digests import content_digest
from perfeval.report.subject import Report, Subject

__all__ = ["Report", "Subject", "content_digest", "draft_report", "read_text"]


def draft_report(subject: Subject, narrative: str, template: bytes) -> Report:
    """Write the report of a subject from its narrative (Markdown + Jinja2), on a Word template.

    The same arguments give the same bytes.

    Raises: ReportError: with every fault as `file:line: message`: a left-over slot, an undefined figure, a figure without
        value, an empty section, or ledgers, annexes and template that do not fit.
    """
    from perfeval.report.document import write_document

    return write_document(subject, narrative, template)


def read_text(document: bytes) -> list[str]:
    """The text of a report, paragraph by paragraph, those in tables too.

    Raises: ReportError: when it is no Word file.
    """
    from perfeval.report.document import read_paragraphs

    return read_paragraphs(document)
