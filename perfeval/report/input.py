"""What a report is written from, and what comes of it."""

from dataclasses import dataclass
from datetime import date

from perfeval.model import Facts, Figure, Ledgers, Scorecard
from perfeval.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class ReportInput:
    """Everything a report is written from, besides narrative and template: one revision of one year."""

    settings: Settings
    year: int
    revision: int
    facts: Facts
    card: Scorecard
    ledgers: Ledgers


@dataclass(frozen=True, slots=True)
class Report:
    """The report (自评报告) as Word bytes, the digest that approvals bind, every figure in reading order, and its date (成文日期)."""

    document: bytes
    content_digest: str
    figures: tuple[Figure, ...]
    written_on: date
