"""Facts, scores and the scorecard (自评得分)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from perfeval.model.ledgers import Finding

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The ledger rows a fact was computed from: `rows` are the sheet's row numbers (UInt32), in sheet order."""

    ledger: str
    file: str
    sheet: str | None
    digest: str
    column: str | None
    rows: pl.Series


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure computed from ledgers: an exact value, or None with the reason why. Missing is not zero.

    A latest or earliest day is a date; everything else is a Decimal, money in yuan, ratios in percent (0-100) and unrounded.
    `formula` is the Chinese sentence a reader can re-perform; `unit` is what is printed behind the number (次, 元, %).
    `is_unknown`: there is no value because what it is computed from was not handed in; of nothing that happened there is none either.
    `is_out_of_nothing`: there is none because something stands over nothing, such as money spent and nothing made of it.
    """

    id: str
    value: Decimal | date | None
    unit: str
    formula: str
    sources: tuple[Source, ...] = ()
    reason: str | None = None
    is_unknown: bool = False
    is_out_of_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """评定: what a person gave a qualitative indicator, in percent of its points, on what grounds and evidence."""

    value: Decimal
    grounds: str
    evidence: tuple[str, ...]


Facts = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A `Source` as it is kept: how many rows there are, not which."""

    ledger: str
    file: str
    sheet: str | None
    digest: str
    column: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class FactRecord:
    """A `Fact` as it is kept: `value` as text, and the `kind` of it."""

    id: str
    value: str | None
    kind: str
    unit: str
    formula: str
    reason: str | None
    sources: tuple[SourceRecord, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """One row of the 自评表: what was aimed at, what was reached, the points, and why (Chinese, fit for print: facts, no demands).

    `is_missed`: the target was missed, or points were lost. `needs_reason`: that, or the target was far exceeded or is not
    applicable, so 偏差原因分析及改进措施 must say why. `is_judged`: a person gave the points, no ledger.
    """

    id: str
    level1: str
    level2: str
    name: str
    weight: Decimal
    target: str
    actual: str
    score: Decimal
    explanation: str
    needs_reason: bool = False
    is_missed: bool = False
    is_applicable: bool = True
    is_judged: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """预算执行: yuan by source and in total; `rate` in percent, unrounded; `score` of `weight` points.

    `annual` = 年初预算 ± 追加/调减 + 上年结转 + 其他资金. `parts` gives (initial, annual, executed) for the three rows of the
    national table: 当年财政拨款, 上年结转资金, 其他资金; a part's executed is None where the ledger does not tell it apart.
    """

    initial: Decimal
    annual: Decimal
    executed: Decimal
    rate: Decimal
    weight: Decimal
    score: Decimal
    explanation: str
    parts: Mapping[str, tuple[Decimal, Decimal, Decimal | None]]

    @property
    def needs_reason(self) -> bool:
        """Whether not all that was granted is spent."""
        return self.executed < self.annual

    @property
    def is_adjusted(self) -> bool:
        """Whether the budget is not the one the year began with: 追加, 调减, 结转."""
        return self.initial != self.annual


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A cap or a deduction by the profile's rules: the points it adds to the total, below 0, and why (Chinese)."""

    rule: str
    points: Decimal
    explanation: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All scores of one revision; `total` is the sum of the rounded rows, of the execution score and of the adjustments.

    `doubts` are what an approver should know of the points besides what the ledgers' checks found.
    """

    scores: tuple[Score, ...]
    execution: Execution
    total: Decimal
    grade: str
    adjustments: tuple[Adjustment, ...] = ()
    doubts: tuple[Finding, ...] = ()
