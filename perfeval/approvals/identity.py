"""Enrolment and one-time codes (动态码), RFC 6238."""

import hmac
import time

import pyotp

from perfeval.errors import ApprovalError
from perfeval.model import Gate, Person
from perfeval.model.evaluation import NAME_LENGTH, spelling
from perfeval.store import Enrolled, Store
from perfeval.texts import has_controls

STEP_SECONDS = 30
# One step either way: phones and servers disagree by some seconds.
STEPS_TOLERATED = (0, -1, 1)


def enrol(store: Store, name: str, role: str, gates: tuple[Gate, ...], key: str) -> tuple[Person, str]:
    """Enrol an approver (审批人) for a gate and return the otpauth URI to scan, shown this once.

    Raises: ApprovalError: unknown role, empty or odd name, or somebody of that name is enrolled.
    """
    title = next((gate.title for gate in gates if gate.key == role), None)
    if title is None:
        raise ApprovalError("A02", f"没有“{role}”这一审批角色", "可用角色：" + "、".join(f"{gate.key}（{gate.title}）" for gate in gates))
    name = name.strip()
    if not spelling(name) or len(name) > NAME_LENGTH or has_controls(name):
        raise ApprovalError("A03", "审批人姓名为空、过长或含有不可见字符", f"填写真实姓名，不超过{NAME_LENGTH}字。")
    secret = pyotp.random_base32()
    known = find_approver(store, name)
    if anybody := next((item for item in store.people() if item.revoked_at is None), None):
        store.enrolled(anybody.name, key)  # with another key than theirs, the code would be of no use at the gate
    # Under the spelling that is known, so that the store refuses a second one.
    person = store.enrol(known.name if known else name, role, secret, key)
    return person, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"perfeval {title}")


def find_approver(store: Store, name: str) -> Person | None:
    """The active approver of that name, however it is spelled."""
    return next((item for item in store.people() if item.revoked_at is None and spelling(item.name) == spelling(name)), None)


def verify_code(store: Store, approver: Enrolled, code: str) -> bool:
    """Whether `code` is the approver's of now, accepting each code once (pyotp alone allows replay)."""
    totp = pyotp.TOTP(approver.secret)
    step = int(time.time()) // STEP_SECONDS
    digits = "".join(code.split())
    for offset in STEPS_TOLERATED:
        if hmac.compare_digest(totp.at((step + offset) * STEP_SECONDS).encode(), digits.encode()):
            return store.spend_code(approver, step + offset)
    return False
