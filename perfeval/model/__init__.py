"""The nouns that travel between rooms: frozen, no I/O, no rules. What two rooms exchange stands here, nothing else."""

from perfeval.model.evaluation import (
    Answer,
    Decision,
    Draft,
    Evaluation,
    FailedAttempt,
    Figure,
    Gate,
    Progress,
    Remark,
    Revision,
    Stage,
    Status,
    Together,
    Verdict,
)
from perfeval.model.ledgers import Finding, Ledger, Ledgers, ReceivedFile, Severity
from perfeval.model.scores import Adjustment, Execution, Fact, Facts, Judgement, Score, Scorecard, Source

__all__ = [
    "Adjustment", "Answer", "Decision", "Draft", "Evaluation", "Execution", "Fact", "Facts", "FailedAttempt", "Figure", "Finding",
    "Gate", "Judgement", "Ledger", "Ledgers", "Progress", "ReceivedFile", "Remark", "Revision", "Score", "Scorecard", "Severity",
    "Source", "Stage", "Status", "Together", "Verdict",
]  # fmt: skip
