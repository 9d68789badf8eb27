"""The report (自评报告): narrative, tables and annexes as Word. The only room that knows docx.

Jinja, Markdown and Word are loaded when a report is written, not before.
"""

from perfeval.report.input import Report, ReportInput

__all__ = ["Report", "ReportInput", "read_text", "write_report"]


def write_report(report_input: ReportInput, narrative: str, template: bytes, *, file: str) -> Report:
    """Write the report from its narrative (Markdown + Jinja2), on a Word template; `file` is the narrative's name, for faults.

    The same arguments give the same bytes.

    Raises: ReportError: with every fault as `file:line: message`: a left-over slot, an undefined figure, a figure without
        value, an empty section, or ledgers, annexes and template that do not fit.
    """
    from perfeval.report import document

    return document.write_report(report_input, narrative, template, file=file)


def read_text(report: bytes) -> list[str]:
    """The text of a report, paragraph by paragraph, those in tables too.

    Raises: ReportError: when it is no Word file.
    """
    from perfeval.report import document

    return document.read_text(report)
