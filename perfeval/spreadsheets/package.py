"""The door for workbooks (工作簿): what may be opened at all. Nothing is unpacked before sizes, types and XML are known to be safe."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from perfeval.codes import Code
from perfeval.model.digests import ZIP_DAMAGE
from perfeval.spreadsheets.sheets import RefusedFileError

_MOST_FILE_BYTES = 256 << 20
_MOST_BYTES = 1 << 30
_MOST_PARTS = 2_000
# Real sheets shrink to a twentieth, blank formatted ones to a fiftieth; a bomb to a thousandth.
_MOST_RATIO = 250
_SMALL = 16 << 20
_PIECE = 1 << 22

_SAVE_AS = "请用 Excel 或 WPS 打开，另存为“Excel 工作簿（.xlsx）”后重新提交。"
_ENCRYPTED = "文件设有打开密码，程序不能读取。请取消密码保护后重新提交。"


class Package:
    """An opened xlsx: its bytes, and its parts read piece by piece.

    Raises: RefusedFileError: anything but a whole, unencrypted workbook without macros and of bearable size.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > _MOST_FILE_BYTES:
            raise RefusedFileError(Code.TOO_LARGE, f"文件超过 {_MOST_FILE_BYTES >> 20} MiB 的上限。请删除图片和无关内容，或另存为 CSV。")
        self.content = path.read_bytes()
        _refuse_other_types(self.content)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(self.content))
        except ZIP_DAMAGE as error:
            raise _broken() from error
        self._check_parts()

    def names(self) -> set[str]:
        """Names of all parts."""
        return {part.filename for part in self._zip.infolist()}

    def start(self, name: str) -> str:
        """The first characters of a part, enough to see its root element."""
        return next(self.pieces(name, b"<"), "")[:4096]

    def read(self, name: str) -> str:
        """A part as a whole."""
        return "".join(self.pieces(name, b"<"))

    def pieces(self, name: str, start: bytes) -> Iterator[str]:
        """A part in pieces that begin with `start`, but for the first; checked against length, checksum and encoding, DTD refused."""
        rest = b""
        try:
            with self._zip.open(name) as part:
                while data := part.read(_PIECE):
                    data = rest + data
                    cut = max(data.rfind(start), 0)
                    if not cut and len(data) > 16 * _PIECE:
                        raise _broken()
                    yield _safe(data[:cut])
                    rest = data[cut:]
            yield _safe(rest)
        except (*ZIP_DAMAGE, KeyError) as error:
            raise _broken() from error

    def _check_parts(self) -> None:
        parts = self._zip.infolist()
        names = [part.filename for part in parts]
        if any(part.flag_bits & 1 for part in parts):
            raise RefusedFileError(Code.ENCRYPTED, _ENCRYPTED)
        if "xl/workbook.xml" not in names:
            raise _not_a_workbook(names)
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            raise RefusedFileError(Code.WRONG_TYPE, f"文件含有宏，不予打开。{_SAVE_AS}")
        unpacked = sum(part.file_size for part in parts)
        if len(names) > _MOST_PARTS or len({name.lower().replace("\\", "/") for name in names}) < len(names):
            raise RefusedFileError(Code.TOO_LARGE, f"压缩包内部件过多或重名，不像 Excel 存出的文件。{_SAVE_AS}")
        if unpacked > _MOST_BYTES or unpacked > max(_SMALL, _MOST_RATIO * len(self.content)):
            message = f"文件解压后有 {unpacked >> 20} MiB，超出上限，未予打开。请删除数据以外的空行、格式和图片，或另存为 CSV。"
            raise RefusedFileError(Code.TOO_LARGE, message)


def _refuse_other_types(content: bytes) -> None:
    if content.startswith(b"PK\x03\x04"):
        return
    if not content:
        raise RefusedFileError(Code.EMPTY, "文件是空的（0 字节）。请重新导出或从备份恢复后提交。")
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise RefusedFileError(Code.ENCRYPTED, _ENCRYPTED)
        raise RefusedFileError(Code.WRONG_TYPE, f"文件是旧版 Excel（.xls）或 WPS 格式。{_SAVE_AS}")
    if b"\x00" not in content[:4096]:
        raise RefusedFileError(Code.WRONG_TYPE, f"文件内容是文本，不是 Excel 工作簿，可能只是改了扩展名。{_SAVE_AS}")
    raise _broken()


def _not_a_workbook(names: list[str]) -> RefusedFileError:
    if "word/document.xml" in names:
        return RefusedFileError(Code.WRONG_TYPE, "文件是 Word 文档。台账应为 Excel 工作簿（.xlsx）或 CSV。")
    if "xl/workbook.bin" in names:
        return RefusedFileError(Code.WRONG_TYPE, f"文件是二进制工作簿（.xlsb）。{_SAVE_AS}")
    return RefusedFileError(Code.WRONG_TYPE, f"文件是压缩包，但不是 Excel 工作簿。{_SAVE_AS}")


def _safe(piece: bytes) -> str:
    """XML text without DTD. Office writes UTF-8 without; a part that declares entities means to grow in the reader.

    Another encoding, which could hide one, is not UTF-8 or has zero bytes in it.
    """
    if b"<!DOCTYPE" in piece or b"<!ENTITY" in piece or b"\x00" in piece:
        raise RefusedFileError(Code.UNSAFE, f"文件内部的 XML 含有实体定义或异常编码，不是 Excel 正常存出的文件，不予打开。{_SAVE_AS}")
    return piece.decode()


def _broken() -> RefusedFileError:
    return RefusedFileError(
        Code.BROKEN, f"文件已损坏或不完整，无法打开。请从原处重新拷贝；若 Excel 能打开，{_SAVE_AS.removeprefix('请用 Excel 或 WPS 打开，')}"
    )


def attribute(tag: str, name: str) -> str | None:
    """An attribute of a start tag."""
    found = re.search(rf"""\b{name}\s*=\s*["']([^"']*)["']""", tag)
    return found[1] if found else None
