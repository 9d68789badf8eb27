"""Encryption of secrets at rest with a key that never enters the store."""

import base64
import os
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from perfeval.errors import StoreError


@lru_cache(maxsize=32)
def _cipher(key: str, salt: bytes) -> Fernet:
    # scrypt, because the office may choose a passphrase instead of random bytes.
    derived = Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def encrypt(secret: str, key: str) -> str:
    """Encrypt under `key` with a salt of its own."""
    salt = os.urandom(16)
    return f"{base64.urlsafe_b64encode(salt).decode()}:{_cipher(key, salt).encrypt(secret.encode()).decode()}"


def decrypt(stored: str, key: str) -> str:
    """Reverse `encrypt`.

    Raises: StoreError: when the key is another one or the value was changed.
    """
    salt, _, token = stored.partition(":")
    try:
        return _cipher(key, base64.urlsafe_b64decode(salt)).decrypt(token.encode()).decode()
    except (InvalidToken, ValueError) as error:
        raise StoreError("S04", "PERFEVAL_KEY 与登记时不是同一个，或密文已被改动", "设置登记时使用的 PERFEVAL_KEY 再试。") from error
