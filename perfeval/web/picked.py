"""Several evaluations ticked on 待办 (一并同意): what the form says, and what becomes of it."""

from collections.abc import Sequence
from datetime import datetime

from perfeval import together
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.errors import ApprovalError
from perfeval.office import Office
from perfeval.together import Batch, Outcome, Pick
from perfeval.web.filled import Filled, read_signed

_PICK = "pick_"


def list_picked(office: Office, filled: Filled, person: Person, kind: ProofKind, at: datetime | None = None) -> Batch:
    """The list of what is ticked and can be approved with a proof of this kind.

    Raises: ApprovalError: nothing is ticked, or the opinion is none.
    """
    ticked = ((name.removeprefix(_PICK), digest) for name, digest in filled.fields.items() if name.startswith(_PICK))
    return together.list_batch(office, [Pick(*item) for item in ticked], person, filled["comment"], kind, at)


def approve_picked(office: Office, filled: Filled, person: Person, address: str) -> Sequence[Outcome]:
    """Approve what is ticked, by a code or by the device's signature on the list.

    Raises: ApprovalError: nothing is approved, for the proof is none, or nothing is ticked.
    """
    if filled["batch"]:
        batch = list_picked(office, filled, person, ProofKind.PASSKEY, _moment(filled["at"]))
        proof = Proof(ProofKind.PASSKEY, read_signed(filled["signed"]))
        return together.approve_signed(office, batch, filled["batch"], person, proof, address)
    if not filled["code"]:
        raise ApprovalError("A50", "没有填写动态码", "填写手机动态码应用上的6位数字，或用本机设备签名。")
    batch = list_picked(office, filled, person, ProofKind.CODE)
    return together.approve_by_code(office, batch, person, filled["code"], address)


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
