"""What pages ask of the rows of frozen ledgers: what changed since the last revision, and what is drawn of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from perfeval.model import Ledger
from perfeval.model.outcomes import Snapshot

if TYPE_CHECKING:
    from perfeval.office import Office

_LISTED = 50


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """What changed in a ledger: rows that stood there before and no more, rows that stand there now, each with its number and text.

    `counts` are how many rows there were and are; only the first of many are listed.
    """

    sheet: str
    gone: tuple[tuple[int, str], ...]
    come: tuple[tuple[int, str], ...]
    counts: tuple[int, int]


def changed_rows(office: Office, before: Mapping[str, Snapshot], after: Mapping[str, Snapshot]) -> list[ChangedRows]:
    """What changed in the ledgers, row by row; a row that only stands elsewhere has not changed."""
    found = []
    for name, now in after.items():
        then = before.get(name)
        if then and then.parts == now.parts:
            continue
        new = _frozen_rows(office, now)
        old = _frozen_rows(office, then) if then else new.clear()
        columns = [column for column in new.columns if column in old.columns and column != "row"]
        gone, come = (one.join(two, on=columns, how="anti", nulls_equal=True) for one, two in ((old, new), (new, old)))
        if gone.height or come.height or old.height != new.height:
            sheet = "!".join(part for part in (now.file, now.sheet) if part)
            found.append(ChangedRows(sheet, _listed(gone), _listed(come), (old.height, new.height)))
    return found


def _listed(rows: pl.DataFrame) -> tuple[tuple[int, str], ...]:
    return tuple(
        (row["row"], "　".join(str(value) for name, value in row.items() if name != "row" and value is not None))
        for row in rows.sort("row").head(_LISTED).to_dicts()
    )


def _frozen_rows(office: Office, snapshot: Snapshot) -> pl.DataFrame:
    return pl.read_parquet([office.store.artifacts.path(part) for part in snapshot.parts])


def spent_by_use(ledgers: Mapping[str, Ledger]) -> list[tuple[str, Decimal]]:
    """What was spent by category (支出类别), in the order of the report's annex."""
    sums = ledgers["expenditure"].rows.group_by("category").agg(pl.col("amount_yuan").sum(), pl.col("row").min()).sort("row").collect()
    return [(str(category), amount) for category, amount in sums.select("category", "amount_yuan").iter_rows()]


def progress_by_month(ledgers: Mapping[str, Ledger]) -> list[tuple[str, float, float]]:
    """Planned and actual progress in percent, the mean of all projects, by month; nothing for an office that keeps no such ledger."""
    if "progress" not in ledgers:
        return []
    means = ledgers["progress"].rows.group_by("month").agg(pl.col("planned_pct", "actual_pct").cast(pl.Float64).mean()).sort("month")
    return [(str(month), planned, actual) for month, planned, actual in means.collect().iter_rows()]
