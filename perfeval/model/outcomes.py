"""What each step leaves behind (步骤成果), as the store keeps it: JSON of these shapes, or the digest of an artifact."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from perfeval.model.evaluation import Draft, Figure, Gate
from perfeval.model.scores import FactRecord, Scorecard

Digest = str
# Path in the workspace → digest of the file that a step computed with.
Configuration = dict[str, Digest]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A validated ledger: where it came from, and the digests of its Parquet parts in order."""

    title: str
    file: str
    sheet: str | None
    digest: Digest
    parts: tuple[Digest, ...]
    letters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Validated:
    """校验台账: the files as received, the ledgers by English name, and the digest of the findings."""

    step: ClassVar[str] = "validated"
    configuration: Configuration
    files: dict[str, Digest]
    snapshots: dict[str, Snapshot]
    findings: Digest
    source: Digest = ""
    """Of the program's code, as in Scored and Drafted: an evaluation may wait at a gate while the program changes."""


@dataclass(frozen=True, slots=True)
class Scored:
    """计算得分: facts without their rows, which stand in the artifact `lineage`, and the scorecard."""

    step: ClassVar[str] = "scored"
    configuration: Configuration
    facts: tuple[FactRecord, ...]
    card: Scorecard
    lineage: Digest
    source: Digest = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a list tells of a revision: the digest of its findings, its points and grade, as far as there are any."""

    findings: Digest | None = None
    total: Decimal | None = None
    grade: str = ""


@dataclass(frozen=True, slots=True)
class Drafted:
    """编写报告: the draft, every figure printed in it, and the gates that it is laid before.

    `places` are the figures': the paragraph, those in tables counted too, and the offset in its text, both from 0. Empty in drafts from
    before they were kept.
    """

    step: ClassVar[str] = "drafted"
    configuration: Configuration
    draft: Draft
    figures: tuple[Figure, ...]
    source: Digest = ""
    gates: tuple[Gate, ...] = ()
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Corrected:
    """更正: what the clerk says was corrected after a return."""

    step: ClassVar[str] = "corrected"
    note: str


@dataclass(frozen=True, slots=True)
class Sealing:
    """归档准备: item number (件号) and time, written down before the bag is made; how long the two chains were that go into it."""

    step: ClassVar[str] = "sealing"
    number: int
    at: datetime
    entries: int = 0
    people: int = 0


@dataclass(frozen=True, slots=True)
class Archived:
    """归档: the bag's folder name."""

    step: ClassVar[str] = "archived"
    bag: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run ended early: a fault that a person can repair, and the step it stopped at; `findings` of faulty ledgers.

    `unit`, `year` and `programme`, a key, are of a run that has no evaluation yet.
    """

    step: str
    code: str
    message: str
    findings: Digest | None = None
    unit: str = ""
    year: int = 0
    programme: str = ""

    @property
    def reason(self) -> str:
        """What is told of it in a line."""
        return f"{self.step}：{self.message.splitlines()[0]}"


@dataclass(frozen=True, slots=True)
class Stuck:
    """A programme's year that cannot go on until something is repaired (没有完成); `evaluation` is empty where none was opened."""

    year: int
    programme: str
    evaluation: str
    failure: Failure
    failed_at: datetime
