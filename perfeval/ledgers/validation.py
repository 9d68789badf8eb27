"""The schema's verdict on every cell (校验): Pandera's own checks, run as one Polars query, each failure a finding's worth.

Pandera would run them one after another and keep failing rows by position only; what is checked stays defined in `schemas`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData
from pandera.backends.polars.checks import PolarsCheckBackend

from perfeval.codes import Code
from perfeval.model import Severity
from schemas import Column, LedgerModel

_CODES = {"isin": Code.NOT_A_CHOICE, "str_matches": Code.BAD_FORM, "sign": Code.WRONG_SIGN}


@dataclass(frozen=True, slots=True)
class Failure:
    """A check of one column that some rows fail; `rows` are the sheet's row numbers."""

    column: Column
    code: Code
    severity: Severity
    message: str
    rows: pl.Series


def failures(model: type[LedgerModel], rows: pl.LazyFrame) -> Iterator[Failure]:
    """Run all checks of a ledger's schema on its typed rows."""
    fields = model.to_schema().columns
    checks = [(column, check) for column in model.columns() for check in fields[column.name].checks]
    verdicts = [PolarsCheckBackend(check).check_fn(PolarsData(rows, column.name)) for column, check in checks]
    required = [column for column in model.columns() if column.required]
    empty = rows.select(pl.col(column.name).null_count() for column in required)
    empties, *counts = pl.collect_all([empty, *(verdict.select((~pl.first()).sum()) for verdict in verdicts)])
    for column in required:
        if empties[column.name].item():
            message = f"“{column.header}”不能为空。{column.description}请补填。"
            yield Failure(column, Code.EMPTY_CELL, Severity.ERROR, message, _numbers(rows.filter(pl.col(column.name).is_null())))
    for (column, check), verdict, failed in zip(checks, verdicts, counts, strict=True):
        if failed.item():
            # An empty cell passes every check but that for emptiness.
            passes = verdict.collect().to_series().fill_null(value=True)
            severity = Severity.WARNING if check.raise_warning else Severity.ERROR
            code = _CODES.get(str(check.name), Code.OUT_OF_RANGE)
            yield Failure(column, code, severity, _expected(column, check), _numbers(rows).filter(~passes))


def _numbers(rows: pl.LazyFrame) -> pl.Series:
    return rows.select("row").collect().to_series()


def _expected(column: Column, check: Check) -> str:  # noqa: PLR0911  # a check each
    """What a check expects, in Chinese."""
    limits = check.statistics or {}
    match check.name:
        case "isin":
            return f"“{column.header}”只能填：{'、'.join(column.choices)}。请改为其中之一。"
        case "str_matches":
            return f"“{column.header}”的写法应如 {column.example}。请核对后改正。"
        case "in_range":
            return f"“{column.header}”应在 {limits['min_value']} 到 {limits['max_value']} 之间。请核对。"
        case "greater_than_or_equal_to":
            return f"“{column.header}”不能小于 {limits['min_value']}。请核对。"
        case "less_than_or_equal_to":
            return f"“{column.header}”不能大于 {limits['max_value']}。请核对。"
        case "not_equal_to":
            return f"“{column.header}”不能为 {limits['value']}。请填实际数，或删除这一行。"
        case _:
            return f"{check.error}。请核对。"
