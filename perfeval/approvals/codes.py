"""One-time codes (动态码), RFC 6238: secrets, and which moment a code is of."""

import hashlib
import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
# One step either way: phones and servers disagree by some seconds.
STEPS_TOLERATED = (0, -1, 1)
_SECRET_LENGTH = 32


def new_secret() -> str:
    """A secret for one-time codes."""
    return pyotp.random_base32(_SECRET_LENGTH)


def is_secret(text: str) -> bool:
    """Whether it has the form of one of ours."""
    return len(text) == _SECRET_LENGTH and set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def secret_link(secret: str, name: str, unit: str) -> str:
    """The otpauth link by which a phone takes the secret in."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"perfeval {unit}")


def secret_fingerprint(secret: str) -> str:
    """What of a secret may stand in the record: enough to tell it from others, nothing to guess it by."""
    return hashlib.sha256(secret.encode()).hexdigest()[:24]


def code_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that a code is of, if it is the secret's of now; whoever asks accepts each step once."""
    totp, digits = pyotp.TOTP(secret), "".join(code.split())
    steps = (newest_step(now) - STEPS_TOLERATED[-1] + offset for offset in STEPS_TOLERATED)
    wanted = digits.encode(errors="replace")
    return next((step for step in steps if hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), wanted)), None)


def newest_step(now: datetime) -> int:
    """The last time step that a code of now can be of."""
    return int(now.timestamp()) // STEP_SECONDS + STEPS_TOLERATED[-1]
