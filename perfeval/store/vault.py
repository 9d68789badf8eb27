"""Encryption of secrets at rest with a key that never enters the store; each is bound to what it is for."""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from perfeval.approvals.keys import derive_key
from perfeval.errors import StoreError

_NONCE_BYTES = 12


def encrypt(secret: str, key: str, about: str) -> str:
    """Encrypt under `key`, for exactly what `about` says."""
    nonce = os.urandom(_NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + _cipher(key).encrypt(nonce, secret.encode(), about.encode())).decode()


def decrypt(stored: str, key: str, about: str) -> str:
    """Reverse `encrypt`.

    Raises: StoreError: when the key is another one, or the value was changed or belongs to something else.
    """
    try:
        content = base64.urlsafe_b64decode(stored)
        return _cipher(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], about.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise another_key() from error


def another_key() -> StoreError:
    """What is told where something was not written with this key."""
    return StoreError("S04", "PERFEVAL_KEY 与登记时不是同一个，或密文已被改动", "设置登记时使用的 PERFEVAL_KEY 再试。")


def _cipher(key: str) -> AESGCM:
    return AESGCM(derive_key(key, "secrets"))
