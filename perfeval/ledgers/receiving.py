"""Receiving ledger files (收件): what lies in a folder, each with the digest of its bytes."""

import hashlib
from pathlib import Path

from perfeval.model import ReceivedFile


def list_files(folder: Path) -> list[Path]:
    """List the files of a folder by name, wrong types too, so that they can be reported; Excel's lock files and dot files not."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "~$")))


def receive(folder: Path) -> list[ReceivedFile]:
    """List the files of a folder as `list_files` does, with the digests of their bytes."""
    return [ReceivedFile(path.name, path, _digest(path)) for path in list_files(folder)]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
