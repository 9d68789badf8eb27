"""Digests of files (数字摘要): SHA-256 and SM3 in one reading."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives import hashes

ALGORITHMS = ("sha256", "sm3")
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


def digest_folder(root: Path) -> tuple[dict[str, Digests], list[str]]:
    """Digest every regular file under a folder, by path in it; and name in Chinese what is something else or cannot be read."""
    files: dict[str, Digests] = {}
    strange: list[str] = []
    for folder, folders, names in os.walk(root, onerror=lambda error: strange.append(f"{error.filename} 无法读取")):
        for path in (Path(folder, name) for name in (*folders, *names)):
            shown = path.relative_to(root).as_posix()
            try:
                mode = path.lstat().st_mode
                if stat.S_ISREG(mode):
                    # A file swapped for a link after this look is not followed.
                    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
                        files[shown] = digest_file(file)
                elif not stat.S_ISDIR(mode):
                    strange.append(f"{shown} 是链接或特殊文件")
            except OSError:
                strange.append(f"{shown} 无法读取")
    return files, strange
