"""The Word package (docx) as bytes that depend on nothing but their content."""

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
