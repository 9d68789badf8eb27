"""What the record tells: the closed list of its events, each with exactly the fields it must have.

People are named by their ids, files by SHA-256, points in time in UTC. No code that was typed and no secret ever stands here.
A field that is added later needs a default: lines written before it are read for ever.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from perfeval.approvals.fields import CLOSED, Digest, Fingerprint, Moment, Number, PersonId, PersonName, Role
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof

PROGRAM = "program"
"""Who did what no person did."""
About = Literal["asked", "due", "late", "held"]
News = Literal["approved", "returned", "refused", "archived"]
OPENING = "立项"
"""What the people's chain tells of each evaluation that was opened."""


@dataclass(frozen=True, config=CLOSED)
class RecordedFile:
    """A file as it was: its path in the workspace and its digest."""

    path: str
    sha256: Digest


@dataclass(frozen=True, config=CLOSED)
class RecordedStep:
    """What a step left in the store, as it was: the step's name, the digest of its document, and when it was done."""

    step: str
    sha256: Digest
    done_at: Moment | None = None


@dataclass(frozen=True, config=CLOSED)
class GateRule:
    """An approval step as it was ruled (审批环节): how many must approve, and which kinds of proof count."""

    key: Role
    title: str
    act: str
    needs: Number
    proofs: Annotated[tuple[ProofKind, ...], Field(min_length=1)]


# One chain per evaluation.


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Opened:
    """立项: the first event of an evaluation. `people` is the head of the people's chain, `openings` that of what was begun before.

    `reasoned` are those who wrote reasons for it before it was opened, or prepared or corrected one of its year that was refused.
    """

    kind: Literal["opened"] = "opened"
    unit: str
    year: int
    programme: str
    programme_key: str
    prepared_by: PersonId
    people: Digest
    reasoned: tuple[PersonId, ...] = ()
    openings: Digest | None = None  # of one from before there was that chain


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Frozen:
    """台账锁定: validation has passed, and the revision rests on these files."""

    kind: Literal["frozen"] = "frozen"
    revision: Number
    ledgers: tuple[RecordedFile, ...]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Drafted:
    """成文: the draft, the configuration it was made with, the rules of its gates, and what the steps so far left in the store."""

    kind: Literal["drafted"] = "drafted"
    revision: Number
    digest: Digest
    content_digest: Digest
    configuration: tuple[RecordedFile, ...]
    gates: Annotated[tuple[GateRule, ...], Field(min_length=1)]
    steps: tuple[RecordedStep, ...] = ()


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Asked:
    """送审: these people were asked to decide."""

    kind: Literal["asked"] = "asked"
    revision: Number
    gate: Role
    asked: tuple[PersonId, ...] = ()
    due_on: date | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Seen:
    """阅看: who may decide on a draft has opened its page."""

    kind: Literal["seen"] = "seen"
    revision: Number
    content_digest: Digest


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class AnsweredWrongly:
    """答复无效: an answer that was no decision; `name` as typed, `code` the refusal's, `problem` in Chinese, as its row has it."""

    kind: Literal["answered wrongly"] = "answered wrongly"
    revision: Number
    gate: Role
    name: str
    code: str
    problem: str


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Decided:
    """审批决定: the statement as it was proved, its proof, whose seat a substitute took, and the head of the people's chain."""

    kind: Literal["decided"] = "decided"
    revision: Number
    gate: Role
    statement: str
    proof: Proof
    people: Digest
    absent: PersonId | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Reminded:
    """通知、催办: these people were told that a gate was asked, is due, is late or is put by; `failed` are the addresses not reached."""

    kind: Literal["reminded"] = "reminded"
    revision: Number
    gate: Role
    reminded: tuple[PersonId, ...] = ()
    about: About = "late"
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Informed:
    """通知经办人: the clerk was told what became of a draft at a gate, or in the archive; `failed` as in Reminded."""

    kind: Literal["informed"] = "informed"
    revision: Number
    gate: Role
    informed: tuple[PersonId, ...] = ()
    about: News
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Returned:
    """退回: the revision went back to the clerk."""

    kind: Literal["returned"] = "returned"
    revision: Number
    gate: Role


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Corrected:
    """更正: the clerk said that the correction is in, with a reply to each remark of the return, in their order."""

    kind: Literal["corrected"] = "corrected"
    revision: Number
    note: str
    replies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Archived:
    """归档: the bag that was sealed; `manifest` is the digest of its tagmanifest-sha256.txt."""

    kind: Literal["archived"] = "archived"
    revision: Number
    archive_no: str
    bag: str
    manifest: Digest
    steps: tuple[RecordedStep, ...] = ()


# One chain of people.


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Invited:
    """邀请: `link` is the digest of the token in the link."""

    kind: Literal["invited"] = "invited"
    person: PersonId
    name: PersonName
    roles: tuple[Role, ...]
    link: Digest
    expires_at: Moment


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Enrolled:
    """登记: an enrolment record (see statement.Enrolment), signed by the key it is about where there is one."""

    kind: Literal["enrolled"] = "enrolled"
    person: PersonId
    enrolment: str
    proof: Proof | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Confirmed:
    """确认: who did it compared the fingerprint with the enrolled person, or with the slip signed on paper.

    `proof` is what he proved himself by; without one, the slip alone stands for it.
    """

    kind: Literal["confirmed"] = "confirmed"
    person: PersonId
    fingerprint: Fingerprint
    is_on_paper: bool
    proof: Proof | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Revoked:
    """停用: `proof` is what who did it proved himself by; paper stands for one where nobody was left who could show one."""

    kind: Literal["revoked"] = "revoked"
    person: PersonId
    reason: str
    is_on_paper: bool = False
    proof: Proof | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Substituted:
    """代理: `person` stands in for `absent` at a gate, both days included, Chinese days; `proof` is of who says so."""

    kind: Literal["substituted"] = "substituted"
    person: PersonId
    absent: PersonId
    gate: Role
    from_on: date
    to_on: date
    proof: Proof | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ConfigurationChanged:
    """设置变更: the settings' files and the gates' rules as they are from now on."""

    kind: Literal["configuration changed"] = "configuration changed"
    files: tuple[RecordedFile, ...]
    gates: tuple[GateRule, ...] = ()


# One chain of who was let in.


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Attempted:
    """核验凭证: a proof that was looked at; of a code that was accepted, the secret's fingerprint and the time step."""

    kind: Literal["attempted"] = "attempted"
    person: PersonId | None = None
    address: str = ""
    is_right: bool
    fingerprint: Fingerprint | None = None
    step: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class LoggedOut:
    """退出登录: `session` is the digest of what the cookie said."""

    kind: Literal["logged out"] = "logged out"
    session: Digest


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Locked:
    """锁定: too many wrong proofs of one person, or from one address."""

    kind: Literal["locked"] = "locked"
    person: PersonId | None = None
    address: str = ""
    wrong: Number
    until_at: Moment


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Unlocked:
    """解锁: `proof` is of who did it."""

    kind: Literal["unlocked"] = "unlocked"
    person: PersonId | None = None
    address: str = ""
    proof: Proof | None = None


# Any chain.


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Reasoned:
    """说明: somebody wrote a reason on the clerk's page; `file` as it was then. Before an evaluation is opened, in the people's chain."""

    kind: Literal["reasoned"] = "reasoned"
    revision: Number
    key: str
    file: RecordedFile


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Acted:
    """操作: a person did something else that changes state, such as the retry of a failed step."""

    kind: Literal["acted"] = "acted"
    action: str
    target: str


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Migrated:
    """接管: what the tables of a store from before the record held, as a canonical line; nothing of it is proved."""

    kind: Literal["migrated"] = "migrated"
    schema_version: str
    content: str


EvaluationEvent = (
    Opened
    | Frozen
    | Drafted
    | Asked
    | Seen
    | AnsweredWrongly
    | Decided
    | Reminded
    | Informed
    | Returned
    | Corrected
    | Archived
    | Acted
    | Reasoned
    | Migrated
)
PeopleEvent = Invited | Enrolled | Confirmed | Revoked | Substituted | ConfigurationChanged | Acted | Reasoned | Migrated
AccessEvent = Attempted | Locked | Unlocked | LoggedOut
Event = EvaluationEvent | PeopleEvent | AccessEvent
