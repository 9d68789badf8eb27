"""What a report is written from, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from perfeval.explanations import Explanations
from perfeval.model import Facts, Figure, Finding, Ledgers, Scorecard
from perfeval.settings import Document, Duties, Programme, Unit


@dataclass(frozen=True, slots=True, eq=False)
class ReportInput:
    """Everything a report is written from, besides narrative and template: one revision of one programme's year.

    `basis` are the documents the evaluation rests on (评价依据), `duties` the one that gives the unit its work. `report_on` is the
    report's date (成文日期) where no ledger of the evaluation's work tells it. `reasons` are what is recorded of what must be
    explained, by its key, None where a workspace from before they had a file has them in its narrative; `codes` the meaning and
    theme of findings by code, and whether they say nothing without their column; `recorded` what the office records of the year
    besides its ledgers.
    Not `is_strict`, a report of another version is written again, by the rules of which nobody knew then.
    """

    unit: Unit
    bureau: str
    programme: Programme
    basis: tuple[Document, ...]
    duties: Duties
    year: int
    revision: int
    facts: Facts
    card: Scorecard
    ledgers: Ledgers
    report_on: date | None = None
    findings: Sequence[Finding] = ()
    reasons: Explanations | None = None
    codes: Mapping[str, tuple[str, str, bool]] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)
    is_strict: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """The report (自评报告) as Word bytes, the digest that approvals bind, every figure in reading order, and its date (成文日期).

    `places` are the figures', as `Drafted` has them.
    """

    document: bytes
    content_digest: str
    figures: tuple[Figure, ...]
    written_on: date
    places: tuple[tuple[int, int], ...] = ()
