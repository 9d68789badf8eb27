"""What an approval binds: the content digest (内容摘要) of a Word file and the check code (核对码) taken from it."""

import hashlib
import io
import lzma
import struct
import zipfile
import zlib

_BLOCK = 1 << 20
# A report with its annexes unpacks to some megabytes; what grows a thousandfold beyond is a zip bomb.
_UNPACKED_LIMIT = 1 << 30
_CHECK_CODE_LENGTH = 8

ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""How zipfile reports a damaged file; a RuntimeError is an encrypted part, or one packed in a way it does not know."""


def content_digest(document: bytes) -> str:
    """The content digest (内容摘要) of a Word file: SHA-256 over its parts, however the zip around them is packed.

    What is hashed is the text that `sha256sum` prints for the unpacked parts in byte order of their names
    (`digest␠␠name` and a line feed each), so that anybody can recompute it with standard tools.

    Raises: ValueError: in Chinese, when the bytes are no whole zip, name a part twice, or unpack to more than 1 GiB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(document)) as archive:
            parts = sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.filename)
            # Word looks parts up without regard to case: two such parts are two readings of one approved digest.
            twice = len({info.filename.casefold() for info in parts}) < len(parts)
            if twice or sum(info.file_size for info in parts) > _UNPACKED_LIMIT:
                raise zipfile.BadZipFile
            lines = [f"{_digest(archive, info)}  {info.filename}\n" for info in parts]
    except ZIP_DAMAGE as error:
        raise ValueError("Word文件已损坏、加密、部件重名或过大，无法读取唯一的内容") from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    # zipfile reads no further than the size in the directory, which was added up above, and then compares the CRC.
    digest = hashlib.sha256()
    with archive.open(info) as part:
        while block := part.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def holds_more(document: bytes) -> bool:
    """Whether a zip holds bytes that are none of its parts: before, between or behind them, in comments or spare fields.

    Raises: ValueError: the bytes are no zip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(document)) as archive:
            parts = [(len(info.orig_filename.encode()), info.compress_size) for info in archive.infolist()]
    except ZIP_DAMAGE as error:
        raise ValueError("Word文件已损坏或加密") from error
    # Each part has a header before it and a line in the directory, both with its name; a directory has its end.
    return len(document) != sum(30 + 46 + 2 * name + packed for name, packed in parts) + 22


def check_code(digest: str) -> str:
    """The check code (核对码) of a content digest: its first 8 characters in capitals, as people read them to each other."""
    return digest[:_CHECK_CODE_LENGTH].upper()
