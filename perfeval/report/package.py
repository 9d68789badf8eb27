"""The Word package (docx) as bytes that depend on nothing but their content."""

import io
import zipfile
from collections.abc import Mapping, Sequence

from perfeval.errors import ReportError

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


def report_error(faults: Sequence[str]) -> ReportError:
    """Why nothing can be printed, with every fault and its place."""
    return ReportError("R01", f"报告不能成稿，有 {len(faults)} 处问题：", "按所列位置修改正文、指标体系或台账后再试。", faults=faults)
