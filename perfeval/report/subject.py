"""What a report is about, and what comes of it."""

from dataclasses import dataclass
from datetime import date

from perfeval.model import Facts, Figure, Ledgers, Scorecard
from perfeval.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One revision of one year (评价对象): everything the report is written from, besides narrative and template."""

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
