"""Scoring rules (计分方式): one module each, which declares a `RULE`; all are gathered here. A rule knows no ledger."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from perfeval.indicators.rules.rule import ScoringRule

_MODULES = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
RULES: Mapping[str, ScoringRule] = {module.RULE.name: module.RULE for module in _MODULES if hasattr(module, "RULE")}
"""All scoring rules by what `scoring:` calls them."""
