"""Indicators (指标): the YAML system → facts with their source rows → scores. Scoring takes facts only; no I/O but the YAML."""

from perfeval.indicators.doubts import find_doubts
from perfeval.indicators.facts import derive_facts
from perfeval.indicators.loading import load_indicators
from perfeval.indicators.scoring import score_facts
from perfeval.indicators.system import IndicatorSystem
from perfeval.indicators.target import Target, parse_target

__all__ = ["IndicatorSystem", "Target", "derive_facts", "find_doubts", "load_indicators", "parse_target", "score_facts"]
