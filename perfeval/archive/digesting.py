"""Digests of files (数字摘要): SHA-256 and SM3 in one reading."""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.hazmat.primitives import hashes

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """A file's size and its digests, in hexadecimal; SM3 is GB/T 32905."""

    size: int
    sha256: str
    sm3: str

    def by(self, algorithm: str) -> str:
        """The digest by BagIt's name of its algorithm: sha256 or sm3."""
        return self.sm3 if algorithm == "sm3" else self.sha256


ALGORITHMS = ("sha256", "sm3")


def digest_file(reader: BinaryIO, copy: BinaryIO | None = None) -> Digests:
    """Digest a file, copying it on the way if `copy` is given."""
    # hashlib has SM3 only where the system's OpenSSL was built with it; cryptography brings its own.
    size, sha256, sm3 = 0, hashlib.sha256(), hashes.Hash(hashes.SM3())
    while block := reader.read(_BLOCK):
        size += len(block)
        sha256.update(block)
        sm3.update(block)
        if copy is not None:
            copy.write(block)
    return Digests(size, sha256.hexdigest(), sm3.finalize().hex())
