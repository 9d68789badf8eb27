"""What proves that a person made a statement (凭证), and the one function that verifies it.

A code was judged when it came and proves nothing afterwards; a device's signature can be verified by anybody, for ever; an external
signature waits for a verifier of its own. Nothing passes for more than it is.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as closed_dataclass

from perfeval.approvals.batch import is_in_batch
from perfeval.approvals.fields import CLOSED
from perfeval.approvals.passkey import assertion_fault
from perfeval.approvals.person import PROOF_TITLES, Person, ProofKind
from perfeval.approvals.statement import challenge, read_enrolment, read_statement
from perfeval.model import Verdict


@closed_dataclass(frozen=True, config=CLOSED)
class Proof:
    """A proof and its evidence.

    passkey: `credential`, `authenticator_data`, `client_data`, `signature`, in base64url; code: `step`, the time step it was of;
    external: `signature` and what its verifier needs. Where one proof is for several statements, `batch` is their list, which is signed.
    """

    kind: ProofKind
    evidence: Annotated[dict[str, str], Field(default_factory=dict)]


@dataclass(frozen=True, slots=True)
class Proved:
    """已核验: by this key, which can be compared with the slip on paper."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class Unproved:
    """未核验: nothing speaks against it, and nothing outside the program for it; why, in Chinese."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """核验不通过: why, in Chinese."""

    reason: str


Verification = Proved | Unproved | Refused


def verify_proof(proof: Proof, statement: str, person: Person) -> Verification:
    """Whether the proof is the person's on exactly this statement; only enrolments that were confirmed count."""
    try:
        stated = read_statement(statement)
    except ValueError as error:
        return Refused(str(error))
    if stated.approver != person.id:
        return Refused("决定书上的审批人不是这个人")
    if not any(item.kind is proof.kind for item in person.confirmed):
        return Refused(f"“{person.name}”没有经确认的{PROOF_TITLES[proof.kind]}登记")
    batch = proof.evidence.get("batch")
    if batch is not None and (stated.verdict is not Verdict.APPROVE or stated.remarks or not is_in_batch(batch, statement)):
        return Refused("不在一并同意的清单里，或不是同意")
    if proof.kind is ProofKind.PASSKEY:
        return _verify_passkey(proof, statement if batch is None else batch, person)
    return Unproved("动态码由程序当时核验，事后不能独立验证" if proof.kind is ProofKind.CODE else "外部签名没有核验工具，未核验")


def verify_enrolment(enrolment: str, proof: Proof | None) -> Verification:
    """Whether an enrolment's record was signed by the very key it is about."""
    try:
        enrolled = read_enrolment(enrolment)
        passkey = enrolled.passkey
        is_its_own = passkey is None or passkey.fingerprint == enrolled.fingerprint
    except ValueError as error:
        return Refused(str(error))
    if not is_its_own:
        return Refused("登记记录上的指纹不是这个公钥的")
    if passkey is None:
        return Unproved(f"{PROOF_TITLES[enrolled.means]}登记没有签名，以确认人核对为准")
    fault = assertion_fault(passkey, challenge(enrolment), proof.evidence) if proof else "登记记录没有签名"
    return Refused(fault) if fault else Proved(passkey.fingerprint)


def _verify_passkey(proof: Proof, signed: str, person: Person) -> Verification:
    keys = (item.passkey for item in person.confirmed if item.passkey)
    key = next((key for key in keys if key.credential == proof.evidence.get("credential")), None)
    if key is None:
        return Refused(f"不是“{person.name}”已登记的设备")
    fault = assertion_fault(key, challenge(signed), proof.evidence)
    return Refused(fault) if fault else Proved(key.fingerprint)
