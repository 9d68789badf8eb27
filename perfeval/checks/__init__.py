"""Rules that look at more than one cell (核对): each a function that yields findings, all listed in RULES.

Rules on columns' constraints (`schemas.columns`) hold of every ledger, declared ones too; only rules on the programme's money and
on the evaluation itself name ledgers, and are silent where an office does not keep them.

An error stops the run; a warning travels to the approvers. A rule whose ledger could not be read does not apply.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from perfeval.checks.context import CheckContext
from perfeval.checks.references import (
    find_missing_steps,
    find_repeated_invoices,
    find_repeated_numbers,
    find_unknown_programmes,
    find_unknown_references,
)
from perfeval.checks.spending import (
    find_investments_not_told,
    find_missing_papers,
    find_negative_payments,
    find_no_budget,
    find_overspending,
    find_plan_overruns,
    find_unreviewed_plans,
    find_wrong_classification,
)
from perfeval.checks.states import find_days_out_of_order, find_empty_cells, find_falling_figures, find_filled_cells
from perfeval.checks.years import find_other_years
from perfeval.configuration import faulty, read_text
from perfeval.model import Finding, Ledgers
from schemas import Catalogue

__all__ = ["RULES", "check_ledgers", "load_classification"]

RULES: tuple[Callable[[CheckContext], Iterable[Finding]], ...] = (
    find_no_budget,
    find_overspending,
    find_unknown_programmes,
    find_wrong_classification,
    find_repeated_numbers,
    find_repeated_invoices,
    find_unknown_references,
    find_days_out_of_order,
    find_empty_cells,
    find_other_years,
    find_filled_cells,
    find_falling_figures,
    find_missing_steps,
    find_investments_not_told,
    find_missing_papers,
    find_negative_payments,
    find_plan_overruns,
    find_unreviewed_plans,
)


def check_ledgers(
    ledgers: Ledgers,
    catalogue: Catalogue,
    *,
    year: int,
    programme_codes: Collection[str],
    classification: Mapping[str, str],
    other_codes: Collection[str] = (),
) -> list[Finding]:
    """Hold a year's ledgers against each other by every rule.

    Args:
        ledgers: as read; missing ones are left out of account.
        catalogue: which ledgers the office keeps.
        year: the evaluated year (评价年度).
        programme_codes: codes of the evaluated programme (预算项目编码).
        classification: names of the economic classification (经济分类) by code.
        other_codes: codes of the unit's other programmes, whose rows stand in the same ledgers.
    """
    context = CheckContext(ledgers, catalogue, year, programme_codes, classification, other_codes)
    return [finding for rule in RULES for finding in rule(context)]


def load_classification(path: Path) -> dict[str, str]:
    """Load the table of economic classification (经济分类科目): a csv of code,name.

    Raises: ConfigurationError: with every line that is no code with its name, or repeats one.
    """
    rows = list(csv.reader(read_text(path).splitlines()))
    names: dict[str, str] = {}
    faults = [] if rows[:1] == [["code", "name"]] else [f"{path.name}:1: 第一行应为 code,name"]
    for line, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not re.fullmatch("[0-9]{3}(?:[0-9]{2})?", row[0]) or not row[1].strip():  # noqa: PLR2004  # code and name
            faults.append(f"{path.name}:{line}: 应为“编码,名称”两栏，编码为3位或5位数字")
        elif row[0] in names:
            faults.append(f"{path.name}:{line}: 编码 {row[0]} 重复")
        else:
            names[row[0]] = row[1].strip()
    if faults:
        raise faulty(path.name, faults)
    return names
