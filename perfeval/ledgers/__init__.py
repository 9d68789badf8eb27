"""Sheets become ledgers (台账): header → cleaning → validation → rows and findings, and marked copies for the clerk.

Here belongs how clerks write; not how files are opened (`perfeval.spreadsheets`), what the columns are (`schemas`), nor rules
over several cells (`perfeval.checks`).
"""

from collections.abc import Sequence
from pathlib import Path

from perfeval.ledgers.reader import Reading, read_ledgers
from perfeval.ledgers.receiving import list_files, receive
from perfeval.model import Finding, ReceivedFile

__all__ = ["Reading", "annotate", "list_files", "read_ledgers", "receive"]


def annotate(files: Sequence[ReceivedFile], findings: Sequence[Finding], folder: Path) -> list[Path]:
    """Write a marked copy (标注副本) of every file that has findings and can be opened, into `folder`; returns the copies."""
    from perfeval.ledgers.marking import write_copies

    return write_copies(files, findings, folder)
