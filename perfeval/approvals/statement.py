"""What is signed (待签内容): the statement of a decision, and the record of an enrolment; each one canonical line, kept as it stands.

The challenge that a device signs is the line's SHA-256.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from perfeval.approvals.canonical import read_as, write_as
from perfeval.approvals.fields import CLOSED, Digest, Fingerprint, Moment, Number, PersonId, PersonName, Role
from perfeval.approvals.passkey import Passkey
from perfeval.approvals.person import ProofKind
from perfeval.model import Decision, Remark, Verdict
from perfeval.model.evaluation import COMMENT_LENGTH


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Statement:
    """A decision as its approver states it (审批决定). `previous` is the head of the evaluation's chain when it was shown."""

    purpose: Literal["perfeval decision 1"] = "perfeval decision 1"
    evaluation: str
    revision: Number
    gate: Role
    verdict: Verdict
    approver: PersonId
    content_digest: Digest
    comment: Annotated[str, StringConstraints(max_length=COMMENT_LENGTH)]
    decided_at: Moment
    previous: Digest
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Enrolment:
    """A proof that somebody made on his own device (登记). `previous` is the head of the people's chain when it was shown.

    A passkey has its key and where it was made; a code has neither, its fingerprint is that of its secret.
    """

    purpose: Literal["perfeval enrolment 1"] = "perfeval enrolment 1"
    person: PersonId
    name: PersonName
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    means: ProofKind
    fingerprint: Fingerprint
    credential: str = ""
    public_key: str = ""
    rp_id: str = ""
    origin: str = ""
    previous: str

    @property
    def passkey(self) -> Passkey | None:
        """The device's key, where it is one."""
        return Passkey(self.credential, self.public_key, self.rp_id, self.origin) if self.means is ProofKind.PASSKEY else None


_statement, _enrolment = TypeAdapter(Statement), TypeAdapter(Enrolment)


def state(decision: Decision, approver: str, previous: str, remarks: Sequence[Remark] = ()) -> str:
    """The statement of a decision by the person of that id, as a line.

    Raises: ValueError: a field is of another form, such as half a character in the comment.
    """
    return write_statement(
        Statement(
            evaluation=decision.evaluation,
            revision=decision.revision,
            gate=decision.gate,
            verdict=decision.verdict,
            approver=approver,
            content_digest=decision.content_digest,
            comment=decision.comment,
            decided_at=decision.decided_at,
            previous=previous,
            remarks=tuple(remarks),
        )
    )


def write_statement(statement: Statement) -> str:
    """The statement's line."""
    return write_as(_statement, statement)


def read_statement(line: str) -> Statement:
    """Read a statement's line.

    Raises: ValueError: in Chinese, when it is none, or spelled in another way.
    """
    return read_as(_statement, line)


def write_enrolment(enrolment: Enrolment) -> str:
    """The enrolment's line."""
    return write_as(_enrolment, enrolment)


def read_enrolment(line: str) -> Enrolment:
    """Read an enrolment's line.

    Raises: ValueError: in Chinese, when it is none, or spelled in another way.
    """
    return read_as(_enrolment, line)


def challenge(line: str) -> bytes:
    """What a device signs: the line's SHA-256."""
    return hashlib.sha256(line.encode()).digest()
