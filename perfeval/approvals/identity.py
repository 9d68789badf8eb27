"""Enrolment and one-time codes (动态码), RFC 6238."""

import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

import pyotp

from perfeval.errors import ApprovalError
from perfeval.model import Gate, Person
from perfeval.model.evaluation import NAME_LENGTH, spelling
from perfeval.texts import has_controls

STEP_SECONDS = 30
# One step either way: phones and servers disagree by some seconds.
STEPS_TOLERATED = (0, -1, 1)


def check_enrolment(name: str, role: str, gates: Sequence[Gate]) -> Gate:
    """The gate that an approver (审批人) is to be enrolled for.

    Raises: ApprovalError: unknown role, empty or odd name.
    """
    gate = next((gate for gate in gates if gate.key == role), None)
    if gate is None:
        raise ApprovalError("A02", f"没有“{role}”这一审批角色", "可用角色：" + "、".join(f"{gate.key}（{gate.title}）" for gate in gates))
    if not spelling(name) or len(name) > NAME_LENGTH or has_controls(name):
        raise ApprovalError("A03", "审批人姓名为空、过长或含有不可见字符", f"填写真实姓名，不超过{NAME_LENGTH}字。")
    return gate


def new_secret(name: str, gate: Gate) -> tuple[str, str]:
    """A secret for one-time codes, and the otpauth link to scan it with."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"perfeval {gate.title}")


def find_approver(people: Iterable[Person], name: str) -> Person | None:
    """The active approver of that name, however it is spelled."""
    return next((item for item in people if item.revoked_at is None and spelling(item.name) == spelling(name)), None)


def code_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that a code is of, if it is the secret's of now; whoever asks accepts each step once."""
    # A Chinese input method may type the digits full-width.
    totp, digits = pyotp.TOTP(secret), unicodedata.normalize("NFKC", "".join(code.split()))
    step = int(now.timestamp()) // STEP_SECONDS
    steps = (step + offset for offset in STEPS_TOLERATED)
    return next((step for step in steps if hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), digits.encode())), None)
