"""What a check is given (核对对象): the year's ledgers, and the settings that checks hang on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar, cast

import polars as pl

from perfeval.checks.check import Limits
from perfeval.model import Ledger, Ledgers, Severity
from perfeval.model.identifiers import comparable
from schemas import Catalogue, Column
from schemas.columns import Constraint

_MOST_ROWS = 5
C = TypeVar("C", bound=Constraint)
L = TypeVar("L", bound=Limits)


@dataclass(frozen=True)
class CheckContext:
    """One year's ledgers to be held against each other. A ledger that could not be read is absent: checks of it do not apply.

    `limits` are those of checks.yml by their type; `evidence` the names of the year's files of evidence, None without any;
    `founded_on` the day the unit was founded, where the settings tell it.
    """

    ledgers: Ledgers
    catalogue: Catalogue
    year: int
    programme_codes: Collection[str]
    classification: Mapping[str, str]
    other_codes: Collection[str] = ()
    limits: Mapping[type[Limits], Limits] = field(default_factory=dict)
    evidence: Collection[str] | None = None
    founded_on: date | None = None

    @property
    def known_codes(self) -> list[str]:
        """The codes of all programmes of the unit: its ledgers hold the rows of all of them."""
        return [*self.programme_codes, *self.other_codes]

    def limits_of(self, kind: type[L]) -> L:
        """A check's limits; a check without them is not asked."""
        return cast("L", self.limits[kind])

    @property
    def programme_keys(self) -> dict[str, str]:
        """The codes of the evaluated programme by what they are compared as."""
        return dict(zip(comparable(pl.Series(self.programme_codes, dtype=pl.String)), self.programme_codes, strict=True))

    def rows(self, name: str) -> pl.LazyFrame | None:
        """A ledger's rows, if it could be read."""
        ledger = self.ledgers.get(name)
        return ledger.rows if ledger else None

    def is_expected(self, name: str) -> bool:
        """Whether the office keeps a ledger for the year: it has one, or must."""
        return name in self.ledgers or (name in self.catalogue and name not in self.catalogue.optional)

    def constrained(self, kind: type[C]) -> Iterator[tuple[Ledger, Column, C]]:
        """Every column that is held to a kind of constraint, with the constraint."""
        for ledger in self.ledgers.values():
            for column in ledger.shape.columns():
                yield from ((ledger, column, constraint) for constraint in column.constraints if isinstance(constraint, kind))


def faulty_rows(ledger: Ledger, faulty: pl.Expr) -> Iterator[dict[str, Any]]:
    """The rows of a ledger that are faulty."""
    return ledger.rows.filter(faulty).collect().iter_rows(named=True)


def listed(rows: Sequence[int]) -> str:
    """The numbers of some rows, the first few of them."""
    shown = "、".join(map(str, rows[:_MOST_ROWS]))
    return f"第{shown}行" if len(rows) <= _MOST_ROWS else f"第{shown}等{len(rows)}行"


def level(*, is_warning: bool) -> Severity:
    """The severity of a finding on a constraint."""
    return Severity.WARNING if is_warning else Severity.ERROR
