"""Facts, scores and the scorecard (自评得分)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

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
    """

    id: str
    value: Decimal | date | None
    unit: str
    formula: str
    sources: tuple[Source, ...] = ()
    reason: str | None = None


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
    """One row of the 自评表: what was aimed at, what was reached, the points, and why (Chinese).

    `is_missed`: the target was missed, or points were lost. `needs_reason`: that, or the target was far exceeded or is not
    applicable, so 偏差原因分析及改进措施 must say why.
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


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All scores of one revision; `total` is the sum of the rounded rows and of the execution score."""

    scores: tuple[Score, ...]
    execution: Execution
    total: Decimal
    grade: str
