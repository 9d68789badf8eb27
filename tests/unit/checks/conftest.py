"""Ledgers as the reader leaves them, from the few columns a rule looks at."""

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl
import pytest

from perfeval.checks import check_ledgers, load_limits
from perfeval.model import Finding, Ledger
from perfeval.packs import COMMON
from perfeval.spreadsheets import letters
from schemas import BUILT_IN, DEFAULT, Catalogue, LedgerModel

CLASSIFICATION = {"302": "商品和服务支出", "30202": "印刷费", "30212": "因公出国（境）费用"}

# What a row has to show: where a test says nothing of it, it is there, so that a test meets the findings it is about and no others.
SHOWN: dict[str, dict[str, object]] = {
    "expenditure": {
        "plan_no": "FA-1",
        "application_no": "SQ-1",
        "attachments": 2,
        "approved_by": "某某",
        "approved_on": date(2022, 1, 1),
    },
    "plans": {"reviewed_by": "某某", "reviewed_on": date(2022, 1, 1)},
    "issues": {"due_on": date(2022, 12, 31)},
    "services": {"agent": "某某"},
    "goals": {"evidence": "照片"},
    "projects": {"annual_planned_yuan": "0", "annual_completed_yuan": "0"},
}

Said = list[tuple[str, str, str | None, str | None, str | None]]


@pytest.fixture
def make_ledger() -> Callable[..., Ledger]:
    """A ledger, built in by name or of a model, of the given columns, the others empty or as shown; its first row is the sheet's second."""

    def make(which: str | type[LedgerModel], **columns: Sequence[object]) -> Ledger:
        model = BUILT_IN[which] if isinstance(which, str) else which
        height = len(next(iter(columns.values())))
        types = {column: field.dtype.type for column, field in model.to_schema().columns.items()}
        given = {column: [value] * height for column, value in SHOWN.get(model.ledger_name(), {}).items()} | columns
        data = {column: pl.Series(given.get(column, [None] * height), dtype=dtype) for column, dtype in types.items() if column != "row"}
        frame = pl.DataFrame({"row": pl.Series(range(2, height + 2), dtype=pl.UInt32), **data})
        places = dict(zip(data, letters(len(data)), strict=True))
        return Ledger(model, f"{model.ledger_title()}.xlsx", "Sheet1", "0" * 64, frame.lazy(), places)

    return make


@pytest.fixture
def check() -> Callable[..., list[Finding]]:
    """All findings on some ledgers, of 2022 if nothing else is said, with the limits that a new workspace has if they are asked for."""

    limits = load_limits(COMMON / "checks.yml")

    def checked(
        *ledgers: Ledger,
        catalogue: Catalogue = DEFAULT,
        year: int = 2022,
        has_limits: bool = False,
        evidence: Sequence[str] | None = None,
        founded_on: date | None = None,
    ) -> list[Finding]:
        given = {ledger.name: ledger for ledger in ledgers}
        return check_ledgers(
            given,
            catalogue,
            year=year,
            programme_codes=["P1"],
            classification=CLASSIFICATION,
            limits=limits if has_limits else {},
            evidence=evidence,
            founded_on=founded_on,
        )

    return checked


@pytest.fixture
def said(check: Callable[..., list[Finding]]) -> Callable[..., Said]:
    """Code, severity, cell, column and value of all findings."""

    def told(*ledgers: Ledger) -> Said:
        return [(finding.code, finding.severity, finding.cell, finding.column, finding.value) for finding in check(*ledgers)]

    return told
