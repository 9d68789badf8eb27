"""One programme's year, its revisions, drafts and decisions."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from perfeval.model.clock import china_day, working_day_after, working_days_between

if TYPE_CHECKING:
    from perfeval.approvals.proof import Proof

NAME_LENGTH = 30
COMMENT_LENGTH = 2000


class Verdict(StrEnum):
    """What an approver decides (审批决定). The words are the form's own."""

    APPROVE = "同意"
    RETURN = "退回修改"
    REFUSE = "不同意"


@dataclass(frozen=True, slots=True)
class Gate:
    """An approval step (审批环节): `key` in [a-z0-9] (center, bureau), `title` as people call it; the approver's role is the key.

    `act` is what its 同意 is in the archive's metadata, 审核 or 签发; empty in records from before gates told it. `needs` people must
    approve, by `proofs` of these kinds, within `due_days` working days (工作日) where they are set. So many working days late, it is told
    to those above (`escalate_days`), and put by (`hold_days`): it may still be decided, and nobody is reminded of it any more.
    """

    key: str
    title: str
    act: str = ""
    needs: int = 1
    proofs: tuple[str, ...] = ("code", "passkey")
    due_days: int | None = None
    escalate_days: int = 1
    hold_days: int | None = None

    def due_on(self, since: datetime) -> date | None:
        """Until which day it should have decided that is asked since then."""
        return working_day_after(china_day(since), self.due_days) if self.due_days else None


def gate_title(gates: Iterable[Gate], key: str) -> str:
    """What people call the gate of that key; the key where there is none."""
    return next((gate.title for gate in gates if gate.key == key), key)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One programme's year under evaluation. `id` in [a-z0-9-]; `outcome` is None while it is open.

    `programme` is the programme's name as it is printed, `programme_key` what the settings call it.
    """

    id: str
    year: int
    programme: str
    prepared_by: str
    opened_at: datetime
    outcome: str | None = None
    programme_key: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """A draft's number (稿次) within its evaluation: the key of every step's outcome."""

    evaluation: Evaluation
    number: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as printed: the id of the fact or score, its text in the report, its exact value and unit."""

    id: str
    text: str
    value: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The report of one revision. `digest` is the artifact's SHA-256, `content_digest` that over its parts, which approvals bind.

    `check_code` (核对码) are 8 characters taken from `content_digest`; `written_on` is the date it carries (成文日期).
    """

    evaluation: str
    revision: int
    digest: str
    content_digest: str
    check_code: str
    written_on: date


@dataclass(frozen=True, slots=True)
class Remark:
    """What an approver wants changed (修改意见): at a figure or row, by its id, or at a paragraph, 第12段; `title` is what stood there."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by whoever reads statements
    place: str
    text: str
    title: str = ""

    @property
    def where(self) -> str:
        """The place as people call it."""
        if not self.title:
            return self.place
        return f"{self.place}“{self.title}”" if self.place.startswith("第") else f"{self.title}（{self.place}）"


@dataclass(frozen=True, slots=True)
class Together:
    """That an answer is one of several with one proof (一并同意): the list of their statements, and the time that these state."""

    batch: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody gave at a gate, before anything of it is believed: a code, or a statement with its proof."""

    verdict: Verdict
    name: str
    code: str
    check_code: str
    comment: str = ""
    statement: str = ""
    proof: "Proof | None" = None
    remarks: tuple[Remark, ...] = ()
    together: Together | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A valid decision: this person, in this role, on exactly these bytes."""

    evaluation: str
    revision: int
    gate: str
    verdict: Verdict
    approver: str
    content_digest: str
    comment: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One time a gate was asked without a valid answer, and why (Chinese)."""

    number: int
    problem: str


def spelling(name: str) -> str:
    """One spelling for one person: blanks, dots, invisible characters, full-width letters and case do not make another."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name))).casefold()


def closing(decisions: Iterable[Decision], needs: int) -> Decision | None:
    """What closes a gate, of its decisions oldest first: the first objection, or the last 同意 that it needs; None while it is open."""
    given = list(decisions)
    objection = next((item for item in given if item.verdict is not Verdict.APPROVE), None)
    return objection or (given[needs - 1] if len(given) >= needs else None)


class Stage(StrEnum):
    """Where an evaluation stands (进度), as `run --json` and `status --json` name it; a gate's stage is `waiting-<gate>`."""

    PREPARING = "preparing"
    WAITING = "waiting"
    CORRECTING = "correcting"
    APPROVED = "approved"
    ARCHIVED = "archived"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Status:
    """Where an evaluation stands and since when; `gate` is the one that is waited for, `problem` what was wrong with its last answer."""

    stage: Stage
    revision: Revision
    since: datetime
    gate: Gate | None = None
    draft: Draft | None = None
    problem: str = ""

    @property
    def key(self) -> str:
        """The stage as JSON names it."""
        return f"{self.stage}-{self.gate.key}" if self.gate else str(self.stage)

    @property
    def title(self) -> str:
        """The stage as people call it."""
        return f"待{self.gate.title}" if self.gate else _STAGES[self.stage]

    @property
    def due_on(self) -> date | None:
        """Until which day the gate that is waited for should have decided."""
        return self.gate.due_on(self.since) if self.gate else None

    def days_late(self, today: date) -> int:
        """How many working days the gate that is waited for is late; 0 while it is not."""
        return working_days_between(self.due_on, today) if self.due_on and today > self.due_on else 0

    def is_held(self, today: date) -> bool:
        """Whether it has been late for so long that it is put by (挂起)."""
        return bool(self.gate and self.gate.hold_days and self.days_late(today) >= self.gate.hold_days)


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done in an evaluation's revision in work, as recorded: `decisions` are those on this revision.

    `gates` are those that its draft was made under; none while there is no draft, or in records from before drafts told them.
    `problems` tell, by gate, what was wrong with the last answer that was no decision.
    """

    revision: Revision
    drafted_at: datetime | None = None
    draft: Draft | None = None
    decisions: tuple[Decision, ...] = ()
    gates: tuple[Gate, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)

    def status(self, gates: Sequence[Gate]) -> Status:
        """Where the evaluation stands; at the gates that the draft was made under, else at these."""
        evaluation, gates = self.revision.evaluation, self.gates or gates
        times = [self.drafted_at, *(decision.decided_at for decision in self.decisions)]
        since = max([time for time in times if time], default=evaluation.opened_at)
        if evaluation.outcome:
            return Status(Stage(evaluation.outcome), self.revision, since, draft=self.draft)
        for verdict, stage in ((Verdict.REFUSE, Stage.REFUSED), (Verdict.RETURN, Stage.CORRECTING)):
            if any(decision.verdict is verdict for decision in self.decisions):
                return Status(stage, self.revision, since, draft=self.draft)
        if self.draft is None:
            return Status(Stage.PREPARING, self.revision, since)
        waiting = next((gate for gate in gates if sum(item.gate == gate.key for item in self.decisions) < gate.needs), None)
        problem = self.problems.get(waiting.key, "") if waiting else ""
        return Status(Stage.WAITING if waiting else Stage.APPROVED, self.revision, since, waiting, self.draft, problem)


_STAGES = {
    Stage.PREPARING: "编制中",
    Stage.WAITING: "待审批",
    Stage.CORRECTING: "已退回，待更正",
    Stage.APPROVED: "已批准，待归档",
    Stage.ARCHIVED: "已归档",
    Stage.REFUSED: "不同意，已终止",
}
