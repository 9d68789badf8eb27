"""The Word package (docx) as bytes that depend on nothing but their content."""

import hashlib
import io
import zipfile
from collections.abc import Mapping

EPOCH = (1980, 1, 1, 0, 0, 0)


def pack_parts(document: bytes, replaced: Mapping[str, bytes]) -> bytes:
    """Zip a package again, some parts replaced: parts sorted, dates fixed, no trace of the machine."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist()):
            part = zipfile.ZipInfo(name, EPOCH)
            part.create_system, part.compress_type = 0, zipfile.ZIP_DEFLATED
            target.writestr(part, replaced.get(name) or source.read(name))
    return packed.getvalue()


def content_digest(document: bytes) -> str:
    """SHA-256 over the sorted list of (part name, SHA-256 of part): the same whatever zlib packed it.

    Each list entry is one line, `name`, a blank, the part's digest in hexadecimal.
    """
    with zipfile.ZipFile(io.BytesIO(document)) as package:
        lines = [f"{name} {hashlib.sha256(package.read(name)).hexdigest()}\n" for name in sorted(package.namelist())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
