"""A figure followed to the cells it came from (数字溯源): figure → fact → formula → ledger rows, from what its revision was frozen with."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from perfeval.indicators import BUILT_IN_TITLES, IndicatorSystem, derive_parts, load_indicators
from perfeval.model import Fact, Figure, Finding, Ledger, Revision, Scorecard, Severity
from perfeval.model.documents import recorded_facts
from perfeval.model.numbers import grouped, in_wan, percentage, plain, rounded, written_day
from perfeval.model.outcomes import Drafted, Scored, Validated
from perfeval.report.listed_figures import find_listed
from perfeval.report.narrative import read_front
from perfeval.steps import findings_of, load_ledgers
from perfeval.workspace import Subject, Workspace
from schemas import Column, Kind

if TYPE_CHECKING:
    from perfeval.office import Office
    from perfeval.store.artifacts import Artifacts

_CELL = re.compile(r"(?P<ledger>[a-z_0-9]+)_r(?P<row>[0-9]+)_(?P<column>[a-z_0-9]+)")
_LEVEL = re.compile("(weight|score)_level_([0-9]{1,4})")
_KINDS = {"weight": "分值", "score": "得分"}


@dataclass(frozen=True, slots=True)
class TracedCell:
    """A cell of a row: its column's header, its address such as C17, what it holds, and whether the figure rests on it."""

    header: str
    address: str
    text: str
    is_counted: bool


@dataclass(frozen=True, slots=True)
class TracedRow:
    """A ledger's row: where it is in its sheet, as I3、K3 or 第3行, and its cells."""

    place: str
    cells: tuple[TracedCell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a figure was counted or added up from: rows of one ledger. Rows that are `is_beside` were only looked up.

    `role` is which part of a ratio it is.
    """

    formula: str
    ledger: Ledger
    columns: tuple[str, ...]
    numbers: pl.Series
    value: str = ""
    is_beside: bool = False
    role: str = ""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def sheet(self) -> str:
        """Where the rows are: file!sheet."""
        return "!".join(part for part in (self.ledger.file, self.ledger.sheet) if part)

    def rows(self, start: int, count: int) -> list[TracedRow]:
        """Some of the rows, in the order in which they were counted."""
        wanted = self.numbers.slice(start, count).cast(pl.UInt32)
        frame = self.ledger.rows.filter(pl.col("row").is_in(wanted.implode())).collect()
        found = {row["row"]: row for row in frame.to_dicts()}
        return [self._row(number, found[number]) for number in wanted.to_list() if number in found]

    def _row(self, number: int, row: Mapping[str, Any]) -> TracedRow:
        ledger = self.ledger
        cells = [
            TracedCell(column.header, f"{letter}{number}", shown(column, row.get(column.name)), column.name in self.columns)
            for column in ledger.shape.columns()
            if (letter := ledger.letters.get(column.name))
        ]
        at = "、".join(cell.address for cell in cells if cell.is_counted) or f"第{number}行"
        return TracedRow(at, tuple(cells))


@dataclass(frozen=True, slots=True)
class Term:
    """Another figure that a figure rests on; a summand, where it is a sum."""

    id: str
    title: str
    value: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a figure comes from: as it is printed, its exact value and unit, how it was computed, and from what."""

    id: str
    title: str
    printed: tuple[str, ...]
    value: str
    unit: str
    formula: str
    reason: str = ""
    terms: tuple[Term, ...] = ()
    parts: tuple[Part, ...] = ()
    findings: tuple[Finding, ...] = ()


def shown(column: Column, value: object) -> str:
    """A cell's value as the sheet's own unit has it."""
    if value is None:
        return ""
    if column.kind is Kind.MONEY and isinstance(value, Decimal):
        return in_wan(value) if "（万元）" in column.header else f"{value:,.2f}"
    return plain(value) if isinstance(value, Decimal) else str(value)


def exactly(value: Decimal | date | None, unit: str) -> str:
    """A figure's value in digits, a ratio to six places."""
    if value is None:
        return ""
    if isinstance(value, date):
        return written_day(value)
    return percentage(value, 6).rstrip("%") if unit == "%" else grouped(Decimal(rounded(value, 6)))


@contextmanager
def frozen_subject(artifacts: Artifacts, revision: Revision, configuration: Mapping[str, str]) -> Iterator[Subject]:
    """The programme's year with the rules that a revision was computed with, whatever became of the workspace's since."""
    with tempfile.TemporaryDirectory() as folder:
        for name, digest in configuration.items():
            if name.endswith(".yml"):
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(artifacts.read(digest))
        yield Workspace(Path(folder)).subject(revision.evaluation.year, revision.evaluation.programme_key)


@lru_cache(maxsize=8)
def _frozen_system(artifacts: Artifacts, revision: Revision, configuration: frozenset[tuple[str, str]]) -> IndicatorSystem:
    with frozen_subject(artifacts, revision, dict(configuration)) as subject:
        return load_indicators(subject.indicators, subject.workspace.catalogue)


class Tracer:
    """Traces the figures of one drafted revision."""

    def __init__(self, office: Office, revision: Revision, scored: Scored, drafted: Drafted) -> None:
        self._office, self._revision, self._scored, self._drafted = office, revision, scored, drafted

    @property
    def card(self) -> Scorecard:
        """The points."""
        return self._scored.card

    @cached_property
    def ledgers(self) -> Mapping[str, Ledger]:
        """The frozen ledgers."""
        return load_ledgers(self._office, self._revision)

    @cached_property
    def _facts(self) -> dict[str, Fact]:
        return recorded_facts(self._scored.facts)

    def trace(self, figure: str) -> Trace | None:
        """Where a figure comes from; None where there is none of that id."""
        printed = [item for item in self._drafted.figures if item.id == figure]
        texts = tuple(dict.fromkeys(item.text for item in printed))
        if figure in self._facts:
            return self._of_fact(figure, texts)
        found = _of_card(figure, texts, self._scored.card)
        if found or not printed:
            return found
        return self._of_findings(printed[0], texts) or self._of_cell(printed[0], texts) or self._of_annex(printed[0], texts)

    def name(self, figure: str) -> str:
        """What a figure is, in the words of the table or of its formula; empty where only its place in the report tells."""
        row = next((row for row in self._scored.card.scores if row.id == figure), None)
        if row or (fact := self._facts.get(figure)) is None:
            return row.name if row else found.title if (found := _of_card(figure, (), self._scored.card)) else ""
        return BUILT_IN_TITLES.get(figure, fact.formula)

    def _of_fact(self, figure: str, texts: tuple[str, ...]) -> Trace:
        fact = self._facts[figure]
        row = next((row for row in self._scored.card.scores if row.id == figure), None)
        system = _frozen_system(self._office.store.artifacts, self._revision, frozenset(self._scored.configuration.items()))
        aggregates = derive_parts(system, self.ledgers, figure)
        roles = ("分子", "分母") if len(aggregates) > 1 else ("",)
        parts = [part for aggregate, role in zip(aggregates, roles, strict=False) for part in self._parts(aggregate, role)]
        terms = (Term(f"score_{row.id}", f"得分（满分{plain(row.weight)}分）", plain(row.score)),) if row else ()
        title = row.name if row else BUILT_IN_TITLES.get(figure, "")
        return Trace(figure, title, texts, exactly(fact.value, fact.unit), fact.unit, fact.formula, fact.reason or "", terms, tuple(parts))

    def _parts(self, aggregate: Fact, role: str) -> Iterator[Part]:
        value = f"{exactly(aggregate.value, aggregate.unit)}{aggregate.unit}"
        # Two columns of a ledger share their rows; the same ledger looked up again has rows of its own.
        for place, (_, together) in enumerate(groupby(aggregate.sources, key=lambda source: id(source.rows))):
            sources = list(together)
            ledger, columns = self.ledgers[sources[0].ledger], tuple(source.column for source in sources if source.column)
            yield Part(aggregate.formula, ledger, columns, sources[0].rows, value if place == 0 else "", place > 0, role)

    def _of_findings(self, figure: Figure, texts: tuple[str, ...]) -> Trace | None:
        code = figure.id.removeprefix("findings_")
        if code == figure.id:
            return None
        with self._office.store.reading() as record:
            validated = record.outcome(self._revision, Validated)
        found = findings_of(self._office.store, validated) if validated else []
        told = tuple(item for item in (*found, *self._scored.card.doubts) if item.code == code and item.severity is not Severity.NOTE)
        return Trace(figure.id, "", texts, str(len(told)), figure.unit, f"统计检查发现的“{code}”类疑点", findings=told)

    def _of_cell(self, figure: Figure, texts: tuple[str, ...]) -> Trace | None:
        cell = _CELL.fullmatch(figure.id)
        ledger = self.ledgers.get(cell["ledger"]) if cell else None
        if cell is None or ledger is None:
            return None
        formula = f"{ledger.title}第{cell['row']}行的“{ledger.shape.column(cell['column']).header}”"
        part = Part(formula, ledger, (cell["column"],), pl.Series([int(cell["row"])]))
        return Trace(figure.id, "", texts, exactly(figure.value, figure.unit) or texts[0], figure.unit, f"取{formula}", parts=(part,))

    def _of_annex(self, figure: Figure, texts: tuple[str, ...]) -> Trace:
        narrative = next(digest for name, digest in self._drafted.configuration.items() if re.fullmatch(r"report/[^/]+\.md", name))
        front = read_front(self._office.store.artifacts.read(narrative).decode().removeprefix("\ufeff").replace("\r\n", "\n"), "")[0]
        listed = find_listed(figure.id, front.declared if front else (), self.ledgers, self._revision.evaluation.year)
        parts = tuple(
            Part(item.formula, self.ledgers[item.ledger], item.columns, pl.Series(item.rows, dtype=pl.UInt32), is_beside=item.is_beside)
            for item in listed
        )
        formula = listed[0].formula if listed else "不由台账计算：取自工作区设置（perfeval.yml）"
        return Trace(figure.id, "", texts, exactly(figure.value, figure.unit) or texts[0], figure.unit, formula, parts=parts)


def open_tracer(office: Office, revision: Revision) -> Tracer | None:
    """A tracer of a revision's figures; None while there is no draft."""
    with office.store.reading() as record:
        scored, drafted = record.outcome(revision, Scored), record.outcome(revision, Drafted)
    return Tracer(office, revision, scored, drafted) if scored and drafted else None


def _of_card(figure: str, texts: tuple[str, ...], card: Scorecard) -> Trace | None:
    """Points and weights: of a row by its rule, of a level and in total by the rows."""

    def told(title: str, value: Decimal, formula: str, *terms: Term, unit: str = "分") -> Trace:
        return Trace(figure, title, texts, plain(value), unit, formula, terms=terms)

    execution = card.execution
    kind, _, name = figure.partition("_")
    if kind in {"score", "weight"} and (row := next((row for row in card.scores if row.id == name), None)):
        if kind == "weight":
            return told(f"{row.name}（分值）", row.weight, "指标体系规定的分值")
        return told(f"{row.name}（得分）", row.score, row.explanation, Term(row.id, "实际完成值", row.actual))
    levels = dict(enumerate(dict.fromkeys(row.level1 for row in card.scores), start=1))
    if (level := _LEVEL.fullmatch(figure)) and (title := levels.get(int(level[2]))):
        rows = [row for row in card.scores if row.level1 == title]
        terms = [Term(f"{kind}_{row.id}", row.name, plain(getattr(row, kind))) for row in rows]
        total = sum((getattr(row, kind) for row in rows), Decimal(0))
        return told(f"{title}（{_KINDS[kind]}）", total, "以下各项之和", *terms)
    simple: dict[str, Callable[[], Trace]] = {
        "score_execution": lambda: told(
            "预算执行率（得分）", execution.score, execution.explanation, Term("execution_rate", "预算执行率", percentage(execution.rate))
        ),
        "weight_execution": lambda: told("预算执行率（分值）", execution.weight, "评分规则规定的分值"),
        "score_total": lambda: told("总分", card.total, "以下各项之和", *_summands(card, "score")),
        "weight_total": lambda: told("总分值", execution.weight + sum(row.weight for row in card.scores), "以下各项之和",
                                     *_summands(card, "weight")),
        "scores_missed": lambda: told("未完成指标值或失分的指标", Decimal(len(_missed(card))), "统计未完成指标值或失分的指标，列在下面",
                                      *_missed(card), unit="个"),
        "budget_left": lambda: told("预算结余", execution.annual - execution.executed, "全年预算数减去全年执行数",
                                    Term("budget_annual", "全年预算数（元）", grouped(execution.annual)),
                                    Term("budget_executed", "减：全年执行数（元）", grouped(execution.executed)), unit="元"),
    }  # fmt: skip
    if figure in simple:
        return simple[figure]()
    place = figure.removeprefix("adjustment_")
    if place != figure and re.fullmatch("[0-9]{1,4}", place) and 0 < int(place) <= len(card.adjustments):
        item = card.adjustments[int(place) - 1]
        return told(item.rule, item.points, item.explanation)
    return None


def _summands(card: Scorecard, kind: str) -> Sequence[Term]:
    rows = [Term(f"{kind}_{row.id}", row.name, plain(getattr(row, kind))) for row in card.scores]
    execution = Term(f"{kind}_execution", "预算执行率", plain(getattr(card.execution, kind)))
    adjusted = [Term(f"adjustment_{place}", item.rule, plain(item.points)) for place, item in enumerate(card.adjustments, start=1)]
    return [*rows, execution, *(adjusted if kind == "score" else [])]


def _missed(card: Scorecard) -> Sequence[Term]:
    return [Term(f"score_{row.id}", row.name, plain(row.score)) for row in card.scores if row.is_missed]
