"""The core without a store: what `check`, `score` and `draft` do, and every step of an evaluation too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from perfeval.checks import OF_ANY_COLUMN, THEMES, check_ledgers, load_classification, load_limits, unmet_goals
from perfeval.configuration import load_yaml, read_text
from perfeval.errors import LedgerError, ReportError, UsageError
from perfeval.explanations import Explanations, Need, find_missing, find_needs, load_explanations, read_explanations, reason_of
from perfeval.indicators import (
    IndicatorSystem,
    derive_facts,
    find_day_doubts,
    find_doubts,
    find_evidence_doubts,
    find_goal_doubts,
    find_growth_doubts,
    find_target_doubts,
    load_indicators,
    score_facts,
)
from perfeval.ledgers import Reading, read_ledgers, receive
from perfeval.model import Facts, Finding, Judgement, Ledger, Ledgers, ReceivedFile, Scorecard, Severity
from perfeval.model.identifiers import comparable, compared
from perfeval.model.ledgers import parquet
from perfeval.register import FINDINGS
from perfeval.workspace import Subject
from schemas.columns import PROGRAMME, Refers

if TYPE_CHECKING:
    from perfeval.report import Report


@dataclass(frozen=True)
class Assessment:
    """A programme's year computed from its ledgers, nothing kept; the ledgers have its own rows and the shared ones."""

    ledgers: Ledgers
    findings: tuple[Finding, ...]
    facts: Facts
    card: Scorecard


def receive_ledgers(subject: Subject) -> list[ReceivedFile]:
    """The ledger files of a year as they lie in its folder.

    Raises: UsageError: there is no such folder.
    """
    expect_ledgers(subject)
    return receive(subject.ledgers)


def expect_ledgers(subject: Subject) -> None:
    """Refuse a year without a folder of ledgers: it is a word mistyped, or only the ledgers are not there yet.

    Raises: UsageError: there is no such folder.
    """
    year = subject.year
    if not subject.ledgers.is_dir():
        has_settings = any(subject.paths[0].parent.glob(f"{year}*.yml"))
        how = f"写入空白台账：perfeval template --year {year}。" if has_settings else f"核对年度；开始新的年度：perfeval year {year}。"
        raise UsageError("U06", f"没有 {year} 年度的台账文件夹 ledgers/{year}", how)


def check_files(subject: Subject, files: Sequence[ReceivedFile]) -> Reading:
    """Read and validate ledgers, each by itself and against the others; every finding at once.

    The ledgers are whole; of other programmes' rows only errors are told, for they stand in a ledger that is shared.
    """
    workspace = subject.workspace
    reading = read_ledgers(files, workspace.catalogue)
    findings = check_ledgers(
        reading.ledgers,
        workspace.catalogue,
        year=subject.year,
        programme_codes=subject.programme.codes,
        other_codes=_other_codes(subject),
        classification=load_classification(workspace.economic_classification),
        limits=load_limits(workspace.limits) if workspace.limits else {},
        evidence=[path.name for path in subject.evidence_files] or None,
        founded_on=workspace.settings.unit.founded_on,
    )
    # Of a cell that could not be read it is said already; that it is empty is no finding of its own.
    spoken = {(finding.ledger, finding.cell) for finding in reading.findings if finding.cell}
    others = (item for item in findings if item.value is not None or (item.ledger, item.cell) not in spoken)
    foreign = _foreign_rows(subject, reading.ledgers)
    told = (item for item in (*reading.findings, *others) if item.severity is Severity.ERROR or (item.ledger, item.row) not in foreign)
    return Reading(reading.ledgers, tuple(told))


def check_targets(subject: Subject, ledgers: Ledgers) -> tuple[Finding, ...]:
    """The year's indicator system held against the approved targets; nothing where the year has no system yet."""
    if not subject.paths[0].is_file():
        return ()
    return find_target_doubts(load_indicators(subject.indicators, subject.workspace.catalogue), own_rows(subject, ledgers))


def own_rows(subject: Subject, ledgers: Ledgers) -> dict[str, Ledger]:
    """The ledgers without the rows of the unit's other programmes."""
    others = comparable(pl.Series(_other_codes(subject), dtype=pl.String)).to_list()
    if not others:
        return dict(ledgers)
    return {
        name: replace(ledger, rows=ledger.rows.filter(~compared(pl.col(column)).is_in(others).fill_null(value=False)))
        if (column := _programme_column(ledger))
        else ledger
        for name, ledger in ledgers.items()
    }


def _foreign_rows(subject: Subject, ledgers: Ledgers) -> set[tuple[str, int]]:
    """Title and row number of every row that is another programme's."""
    others = comparable(pl.Series(_other_codes(subject), dtype=pl.String)).to_list()
    return {
        (ledger.title, row)
        for ledger in (ledgers.values() if others else ())
        if (column := _programme_column(ledger))
        for row in ledger.rows.filter(compared(pl.col(column)).is_in(others)).select("row").collect().to_series()
    }


def _programme_column(ledger: Ledger) -> str | None:
    """The column that says which programme a row is of."""
    held = ((column, constraint) for column in ledger.shape.columns() for constraint in column.constraints)
    return next((column.name for column, item in held if isinstance(item, Refers) and item.to == PROGRAMME), None)


def _other_codes(subject: Subject) -> list[str]:
    return [code for programme in subject.workspace.programmes if programme != subject.programme for code in programme.codes]


def assess(subject: Subject, files: Sequence[ReceivedFile], *, for_draft: bool = False) -> Assessment:
    """Facts and scores of a programme's year; `for_draft` as `score` has it.

    Raises: LedgerError: with every finding, when one of them is an error.
    """
    reading = check_files(subject, files)
    refuse_errors(reading.findings)
    return assess_reading(subject, reading, for_draft=for_draft)


def assess_reading(subject: Subject, reading: Reading, *, for_draft: bool = False) -> Assessment:
    """Facts and scores from ledgers that have been read."""
    ledgers = own_rows(subject, reading.ledgers)
    facts, card = score(subject, ledgers, for_draft=for_draft)
    return Assessment(ledgers, reading.findings, facts, card)


def score(subject: Subject, ledgers: Ledgers, *, for_draft: bool = False) -> tuple[Facts, Scorecard]:
    """Facts and scores from a programme's own rows, and from what is recorded of them.

    For a draft, rows that nobody has judged yet stand at nothing: they are told with everything else that is missing in it.
    """
    system = load_indicators(subject.indicators, subject.workspace.catalogue)
    given = recorded_reasons(subject, system)
    judgements = {row.id: Judgement(Decimal(0), "", ()) for row in system.scored if row.judged and for_draft}
    judgements |= {key: item.judgement for key, item in given.items() if item.judgement}
    last_year = _facts_of_last_year(subject) if system.growths else None
    facts = derive_facts(system, ledgers, last_year, judgements)
    card = score_facts(system, facts, {key: item.text for key, item in given.items() if item.reason})
    titles = [ledger.ledger_title() for ledger in subject.workspace.catalogue.values()]
    of_evidence = find_evidence_doubts(system, judgements, titles, [path.name for path in subject.evidence_files] or None)
    of_ledgers = (
        *of_evidence,
        *find_day_doubts(system, ledgers),
        *find_goal_doubts(system, ledgers, card),
        *find_target_doubts(system, ledgers),
    )
    return facts, replace(card, doubts=(*find_doubts(system, facts, card), *find_growth_doubts(system, facts, last_year), *of_ledgers))


def scoring_files(subject: Subject) -> tuple[Path, ...]:
    """What the scores depend on besides the ledgers; where growth is scored, the pages of last year's archive too."""
    if not is_held_against_last_year(subject):
        return subject.scoring_files
    from perfeval.last_year import pages_of_last_year

    return (*subject.scoring_files, *pages_of_last_year(subject))


def _facts_of_last_year(subject: Subject) -> Facts | None:
    from perfeval.last_year import facts_of_last_year

    return facts_of_last_year(subject)


def is_held_against_last_year(subject: Subject) -> bool:
    """Whether a figure of the year's indicator system is the growth of another."""
    return bool(load_indicators(subject.indicators, subject.workspace.catalogue).growths)


def scoring_rules(indicators: Path, profiles: Path) -> dict[str, str]:
    """The profile that an indicator system scores by: its key, title, since when it holds, and its source.

    Raises: ConfigurationError: one of the files is not as it should be.
    """
    profile = str(load_yaml(indicators)[0]["profile"])
    rules = load_yaml(profiles)[0][profile]
    return {"profile": profile, **{name: str(rules[name]) for name in ("title", "since", "source")}}


def recorded_reasons(subject: Subject, system: IndicatorSystem, text: str | None = None) -> Explanations:
    """What is recorded in a year's explanations, or would be with this text.

    Raises: ConfigurationError: with every fault of the file.
    """
    titles = [ledger.ledger_title() for ledger in subject.workspace.catalogue.values()]
    known = {row.id: row.judged for row in system.scored}, titles, FINDINGS
    path = subject.explanations
    return load_explanations(path, *known) if text is None else read_explanations(text, f"{path.parent.name}/{path.name}", *known)


@dataclass(frozen=True)
class Explained:
    """What must be explained in a year, what is recorded, and what of it is missing."""

    needs: tuple[Need, ...]
    given: Explanations
    missing: tuple[Need, ...]

    @property
    def reasons(self) -> Explanations:
        """What is recorded of what must be explained: nothing else is printed."""
        found = {need.key: reason_of(self.given, need.key) for need in self.needs}
        return {key: item for key, item in found.items() if item}

    @property
    def unused(self) -> list[str]:
        """What is recorded of nothing that must be explained: a cell corrected since, a target met after all."""
        used = {key for need in self.needs for key in (need.key, need.key.partition("!")[0])}
        return [key for key in self.given if key not in used]


def explain(subject: Subject, assessment: Assessment) -> Explained:
    """Hold what is recorded against what must be explained."""
    system = load_indicators(subject.indicators, subject.workspace.catalogue)
    given, profile = recorded_reasons(subject, system), system.profile
    needs = find_needs(
        assessment.card,
        assessment.ledgers,
        (*assessment.card.doubts, *assessment.findings),
        codes=profile.explain,
        execution_below=profile.explain_execution_below,
    )
    return Explained(tuple(needs), given, tuple(find_missing(needs, given, [row.id for row in system.scored if row.judged])))


def refuse_unexplained(subject: Subject, explained: Explained) -> None:
    """Stop where a reason is missing.

    Raises: ReportError: with every place.
    """
    if missing := explained.missing:
        faults = [f"{need.key}：{need.where}，{need.why}" for need in missing]
        hint = f"把原因和改进措施写进 explanations/{subject.explanations.name}，冒号前面的是键，写法见手册。"
        raise ReportError("R02", f"有 {len(missing)} 处缺少说明，不能成稿：", hint, faults=faults)


def write_report(subject: Subject, revision: int, assessment: Assessment, *, of_other_version: bool = False) -> Report:
    """Write the report of an assessment; `revision` 0 is a draft outside the approval process.

    A report of another version of the program is written again with the reasons that were asked for then.

    Raises: ReportError: a reason that is missing, a left-over slot, an undefined figure or an empty section, with its place.
    """
    from perfeval import report  # Word is loaded only by those who write it

    explained = explain(subject, assessment)
    if not of_other_version:
        refuse_unexplained(subject, explained)
    settings, brought = subject.workspace.settings, subject.brought
    report_input = report.ReportInput(
        unit=settings.unit,
        bureau=settings.bureau,
        programme=subject.programme,
        basis=brought.basis,
        duties=settings.duties,
        year=subject.year,
        revision=revision,
        facts=assessment.facts,
        card=assessment.card,
        ledgers=assessment.ledgers,
        report_on=brought.report_on,
        recorded=brought.recorded,
        is_strict=not of_other_version,
        findings=(*assessment.findings, *assessment.card.doubts),
        codes={code: (meaning, _theme(code), code in OF_ANY_COLUMN) for code, meaning in FINDINGS.items()},
        reasons=explained.reasons if subject.explanations.is_file() else None,
    )
    narrative = subject.narrative
    return report.write_report(report_input, read_text(narrative), subject.workspace.template.read_bytes(), file=narrative.name)


def _theme(code: str) -> str:
    """The theme under which a report lists what checks found; goals not reached it tells one by one, doubts about scores beside these."""
    return THEMES[code].name.lower() if code in THEMES and code != unmet_goals.CHECK.code else ""


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Stop on errors.

    Raises: LedgerError: with every finding.
    """
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if errors:
        raise LedgerError("L00", f"台账有 {errors} 处错误，不能继续", "按所列文件和单元格逐项更正后再运行。", findings=findings)


def lineage_table(facts: Facts) -> bytes:
    """Which rows each fact came from, as Parquet; in lists, because a name for every row costs as much as the ledger."""
    sources = [(fact.id, source.ledger, source.rows) for fact in facts.values() for source in fact.sources]
    return parquet(pl.DataFrame(sources, [("fact", pl.String), ("ledger", pl.String), ("rows", pl.List(pl.UInt32))], orient="row"))
