"""Indicators (指标): the YAML system → facts with their source rows → scores. Scoring takes facts only; no I/O but the YAML."""

from collections.abc import Mapping

from perfeval.indicators import approved, doubts, scoring
from perfeval.indicators.approved import find_target_doubts
from perfeval.indicators.doubts import find_day_doubts, find_doubts, find_evidence_doubts, find_goal_doubts, find_growth_doubts
from perfeval.indicators.facts import BUILT_IN_TITLES, derive_facts, derive_parts
from perfeval.indicators.loading import load_indicators
from perfeval.indicators.scoring import score_facts
from perfeval.indicators.system import IndicatorSystem
from perfeval.indicators.target import Target, parse_target

__all__ = [
    "BUILT_IN_TITLES",
    "MEANINGS",
    "IndicatorSystem",
    "Target",
    "derive_facts",
    "derive_parts",
    "find_day_doubts",
    "find_doubts",
    "find_evidence_doubts",
    "find_goal_doubts",
    "find_growth_doubts",
    "find_target_doubts",
    "load_indicators",
    "parse_target",
    "score_facts",
]

MEANINGS: Mapping[str, str] = {**scoring.MEANINGS, **doubts.MEANINGS, **approved.MEANINGS}
"""The codes of what scoring finds, with their meanings."""
