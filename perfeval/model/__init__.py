"""The nouns that travel between rooms: frozen, no I/O, no rules. What two rooms exchange stands here, nothing else."""

from perfeval.model.evaluation import (
    Answer,
    Asked,
    Decision,
    Draft,
    Evaluation,
    Figure,
    Gate,
    Person,
    Revision,
    Stage,
    Standing,
    Verdict,
)
from perfeval.model.ledgers import Finding, Ledger, Ledgers, ReceivedFile, Severity
from perfeval.model.scores import Execution, Fact, Facts, Score, Scorecard, Source

__all__ = [
    "Answer", "Asked", "Decision", "Draft", "Evaluation", "Execution", "Fact", "Facts", "Figure", "Finding", "Gate", "Ledger",
    "Ledgers", "Person", "ReceivedFile", "Revision", "Score", "Scorecard", "Severity", "Source", "Stage", "Standing", "Verdict",
]  # fmt: skip
