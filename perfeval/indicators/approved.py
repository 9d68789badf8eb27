"""Targets held against those approved (批复绩效目标), as findings for the approvers.

Who approves the budget approves the targets, and they are not changed afterwards without a reason on record: 财预〔2015〕88号《中央部门预算
绩效目标管理办法》第二十七至二十九条.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl

from perfeval.errors import ConfigurationError
from perfeval.indicators.system import Indicator, IndicatorSystem
from perfeval.indicators.target import parse_target
from perfeval.model import Finding, Ledger, Ledgers, Severity
from perfeval.model.numbers import plain

MEANINGS: Mapping[str, str] = {
    "T06": "没有批复绩效目标台账，指标值和分值没有与批复的核对",
    "T07": "指标值或分值与批复的不同",
    "T08": "指标值在评价年度终了以后批复或调整",
    "T09": "指标值批复以后调整过",
    "T10": "指标没有批复，或批复的指标没有评价",
    "T11": "指标值的依据是评价年度以后的文件",
}
_LEDGER = "targets"
_YEAR_OF_DOCUMENT = re.compile(r"[〔\[［【]([0-9]{4})[〕\]］】]")


def find_target_doubts(system: IndicatorSystem, ledgers: Ledgers) -> tuple[Finding, ...]:
    """Where targets and weights differ from the approved ones, were approved late or changed, or rest on a later year's document."""
    ledger = ledgers.get(_LEDGER)
    if ledger is None:
        held = [Finding("T06", Severity.WARNING, f"{MEANINGS['T06']}：请登记批复绩效目标台账，供审批人核对")]
    else:
        held = list(_held(system, ledger))
    return (*held, *_later_documents(system))


def _held(system: IndicatorSystem, ledger: Ledger) -> Iterator[Finding]:
    approvals = _approvals(ledger)
    for row in system.indicators:
        of_row = approvals.pop(_plain(row.name), [])
        if of_row:
            yield from _differing(row, system.year, ledger, of_row[-1])
            yield from _changed(row, ledger, of_row)
        elif not row.is_execution:  # which the profile prescribes, with its points
            yield ledger.finding("T10", Severity.WARNING, f"指标“{row.name}”没有批复的指标值")
    for of_row in approvals.values():
        message = f"批复的指标“{of_row[-1]['indicator']}”没有评价"
        yield ledger.finding("T10", Severity.WARNING, message, of_row[-1], "indicator")
    late = ledger.rows.filter(pl.col("approved_on") > date(system.year, 12, 31)).collect()
    for approval in late.iter_rows(named=True):
        message = f"指标“{approval['indicator']}”的指标值“{approval['target']}”在{system.year}年终了以后才批复，当时结果已经知道"
        yield ledger.finding("T08", Severity.WARNING, message, approval, "approved_on")


def _approvals(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """The rows of each indicator in the order of their approval; the last one holds."""
    found: dict[str, list[dict[str, Any]]] = {}
    # Cells that could not be read have a finding of their own.
    told = ledger.rows.drop_nulls(("indicator", "target", "weight", "document_no", "approved_on"))
    for row in told.sort("approved_on", "row").collect().iter_rows(named=True):
        found.setdefault(_plain(row["indicator"]), []).append(row)
    return found


def _differing(row: Indicator, year: int, ledger: Ledger, approved: Mapping[str, Any]) -> Iterator[Finding]:
    document = approved["document_no"]
    if not _means(approved["target"], row, year):
        message = f"指标“{row.name}”按“{row.target}”评价，批复的是“{approved['target']}”（{document}）"
        yield ledger.finding("T07", Severity.WARNING, message, approved, "target")
    if approved["weight"] != row.weight:
        message = f"指标“{row.name}”按{plain(row.weight)}分评价，批复的是{plain(approved['weight'])}分（{document}）"
        yield ledger.finding("T07", Severity.WARNING, message, approved, "weight")


def _means(written: str, row: Indicator, year: int) -> bool:
    """Whether an approved target and the row's are the same, however they are written."""
    if _plain(written) == _plain(row.target):
        return True
    try:
        one, other = parse_target(written, year), parse_target(row.target, year)
    except ConfigurationError:
        return False
    same = (one.relation, one.base, one.top, one.base_unit) == (other.relation, other.base, other.top, other.base_unit)
    return one.relation is not None and same


def _changed(row: Indicator, ledger: Ledger, approvals: list[dict[str, Any]]) -> Iterator[Finding]:
    for before, after in pairwise(approvals):
        was, became = (f"“{item['target']}”（{plain(item['weight'])}分）" for item in (before, after))
        change = f"指标“{row.name}”由{was}调整为{became}"
        if after["reason"] is None:
            yield ledger.finding("T09", Severity.WARNING, f"{change}，没有调整原因", after, "reason")
        else:
            yield ledger.finding("T09", Severity.NOTE, f"{change}，原因：{after['reason']}", after, "reason")


def _later_documents(system: IndicatorSystem) -> Iterator[Finding]:
    """One finding for each document of a later year that targets are said to come from: it did not exist when they were set."""
    rows: dict[str, list[str]] = {}
    for row in system.indicators:
        if any(int(year) > system.year for year in _YEAR_OF_DOCUMENT.findall(row.source)):
            rows.setdefault(row.source, []).append(row.name)
    for source, names in rows.items():
        message = f"{len(names)}项指标的依据写的是“{source}”，晚于{system.year}年，指标值不会出自它：{'、'.join(names)}"
        yield Finding("T11", Severity.WARNING, message)


def _plain(text: str) -> str:
    """As compared: without blanks, brackets full-width."""
    return re.sub(r"\s", "", text).replace("(", "（").replace(")", "）")
