"""Rules that look at more than one cell (核对): one module each, which declares a `CHECK` and finds with `find`; all are gathered here.

Checks of columns' constraints (`schemas.columns`) hold of every ledger, declared ones too; only those of the programme's money and
of the evaluation itself name ledgers, and are silent where an office does not keep them.

An error stops the run; a warning travels to the approvers. A check whose ledger could not be read does not apply.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.classification import load_classification
from perfeval.checks.context import CheckContext
from perfeval.checks.limits import read_limits
from perfeval.model import Finding, Ledgers
from schemas import Catalogue

__all__ = [
    "CHECKS",
    "MEANINGS",
    "OF_ANY_COLUMN",
    "THEMES",
    "Check",
    "Limits",
    "Theme",
    "check_ledgers",
    "load_classification",
    "load_limits",
]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
_RULES: list[tuple[Check, Callable[[CheckContext], Iterable[Finding]]]] = sorted(
    ((module.CHECK, module.find) for module in _MODULES if hasattr(module, "CHECK")), key=lambda rule: rule[0].code
)

CHECKS: tuple[Check, ...] = tuple(check for check, _ in _RULES)
"""All checks, by code."""
MEANINGS: Mapping[str, str] = {code: meaning for check in CHECKS for code, meaning in {check.code: check.meaning, **check.others}.items()}
THEMES: Mapping[str, Theme] = {code: check.theme for check in CHECKS for code in (check.code, *check.others)}
OF_ANY_COLUMN = frozenset(code for check in CHECKS if check.is_of_any_column for code in (check.code, *check.others))
"""The codes of findings that say nothing without the column's header."""
_NO_LIMITS: Mapping[type[Limits], Limits] = MappingProxyType({})


def check_ledgers(
    ledgers: Ledgers,
    catalogue: Catalogue,
    *,
    year: int,
    programme_codes: Collection[str],
    classification: Mapping[str, str],
    other_codes: Collection[str] = (),
    limits: Mapping[type[Limits], Limits] = _NO_LIMITS,
    evidence: Collection[str] | None = None,
    founded_on: date | None = None,
) -> list[Finding]:
    """Hold a year's ledgers against each other by every check, in the order of their codes.

    Args:
        ledgers: as read; missing ones are left out of account.
        catalogue: which ledgers the office keeps.
        year: the evaluated year (评价年度).
        programme_codes: codes of the evaluated programme (预算项目编码).
        classification: names of the economic classification (经济分类) by code.
        other_codes: codes of the unit's other programmes, whose rows stand in the same ledgers.
        limits: what `load_limits` made of the workspace's checks.yml.
        evidence: names of the year's files of evidence; None where the office keeps none.
        founded_on: the day the unit was founded, where it is told.
    """
    context = CheckContext(ledgers, catalogue, year, programme_codes, classification, other_codes, limits, evidence, founded_on)
    asked = [find for check, find in _RULES if check.limits is None or check.limits in limits]
    return [finding for find in asked for finding in find(context)]


def load_limits(path: Path) -> dict[type[Limits], Limits]:
    """Load the workspace's checks.yml. What it has no limits for is not checked.

    Raises: ConfigurationError: with every fault as `checks.yml:line: what is wrong`.
    """
    return read_limits(path, {check.code: check.limits for check in CHECKS if check.limits})
