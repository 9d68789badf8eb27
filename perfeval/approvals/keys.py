"""Keys derived from PERFEVAL_KEY, one for each purpose, so that what is made for one is worthless for another."""

from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

KEY_BYTES = 32
_SALT = b"perfeval keys 1"


def derive_key(secret: str, purpose: str) -> bytes:
    """The key of that purpose, such as "record" or "session"."""
    return HKDFExpand(SHA256(), KEY_BYTES, b"perfeval " + purpose.encode()).derive(_root(secret))


@lru_cache(maxsize=4)
def _root(secret: str) -> bytes:
    # The office may choose a passphrase: scrypt makes guessing it from a MAC, which lies in every copy of the store, dear.
    return Scrypt(salt=_SALT, length=KEY_BYTES, n=2**14, r=8, p=1).derive(secret.encode())
