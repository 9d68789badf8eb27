"""The door for workbooks (工作簿): what may be opened at all. Nothing is unpacked before sizes, types and XML are known to be safe."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from lxml import etree

from perfeval.codes import Code
from perfeval.model.digests import ZIP_DAMAGE
from perfeval.spreadsheets.sheets import RefusedFileError

_MOST_FILE_BYTES = 256 << 20
_MOST_BYTES = 1 << 30
# What is read of it: a ledger of 100 000 rows has a hundred, and more takes more memory than an office's computer has.
_MOST_READ_BYTES = 256 << 20
_MOST_PARTS = 2_000
# Real sheets shrink to a twentieth, blank formatted ones to a fiftieth; a bomb to a thousandth.
_MOST_RATIO = 250
_SMALL = 16 << 20
_PIECE = 1 << 22
_LOCAL_HEADER, _CENTRAL_HEADER, _END = "<4s5H3I2H", "<4s6H3I5H2I", "<4s4H2IH"
_DATE, _UTF_8 = 0x21, 0x800  # 1980-01-01; names are UTF-8
KNOWN_ERRORS = {b"#DIV/0!", b"#N/A", b"#NAME?", b"#NULL!", b"#NUM!", b"#REF!", b"#VALUE!"}
_ELEMENT = re.compile(rb"<[\w:]")
_MOST_SIMPLIFIED = 32 << 20
# The first line of XML looks like an instruction.
_PROLOG, _REFERENCE = 128, re.compile(rb"v(?:\s[^>]*)?>[^<&]*&#")

_SAVE_AS = "请用 Excel 或 WPS 打开，另存为“Excel 工作簿（.xlsx）”后重新提交。"
_ENCRYPTED = "文件设有打开密码，程序不能读取。请取消密码保护后重新提交。"


class Package:
    """An opened xlsx: its bytes, and its parts read piece by piece. Parts are called alike whatever case or slashes they are stored with.

    Raises: RefusedFileError: anything but a whole, unencrypted workbook without macros and of bearable size.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        _refuse_other_types(content)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(self._content))
        except ZIP_DAMAGE as error:
            raise broken_file() from error
        self._parts = {_plain(part.filename): part for part in self._zip.infolist()}
        self._check_parts()

    @classmethod
    def made(cls, parts: Mapping[str, Iterable[str | bytes]]) -> Self:
        """A package of parts made anew."""
        return cls(_zipped({name: packed(pieces) for name, pieces in parts.items()}))

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._parts

    def names(self) -> list[str]:
        """Names of all parts, in lower case and with slashes."""
        return list(self._parts)

    def size(self, name: str) -> int:
        """How many bytes a part has unpacked."""
        return self._parts[_plain(name)].file_size

    def start(self, name: str) -> str:
        """The first characters of a part, enough to see its root element."""
        try:
            with self._zip.open(self._parts[_plain(name)]) as part:
                return _safe(part.read(4096), is_prolog=True).decode(errors="replace")
        except (*ZIP_DAMAGE, KeyError) as error:
            raise broken_file() from error

    def read(self, name: str) -> str:
        """A part as a whole."""
        return decoded(b"".join(self.pieces(name, b"<")))

    def pieces(self, name: str, start: bytes) -> Iterator[bytes]:
        """A part in pieces that begin with `start`, but for the first; checked against length and checksum, DTD refused."""
        is_prolog = True
        try:
            with self._zip.open(self._parts[_plain(name)]) as part:
                data = part.read(_PIECE)
                while following := part.read(_PIECE):
                    cut = max(data.rfind(start), 0)
                    if not cut and len(data) > 16 * _PIECE:
                        raise broken_file()
                    yield _safe(data[:cut], is_prolog=is_prolog)
                    is_prolog = is_prolog and not _ELEMENT.search(data, 0, cut)
                    data = data[cut:] + following
            yield _safe(data, is_prolog=is_prolog)
        except (*ZIP_DAMAGE, KeyError) as error:
            raise broken_file() from error

    def refuse_large(self, names: Iterable[str]) -> None:
        """Refuse parts that are too large to be read.

        Raises: RefusedFileError: they are.
        """
        size = sum(part.file_size for name in names if (part := self._parts.get(_plain(name))))
        if size > _MOST_READ_BYTES:
            limit = f"工作表的内容解压后有 {size >> 20} MiB，超过 {_MOST_READ_BYTES >> 20} MiB 的上限，未予打开。"
            raise RefusedFileError(Code.TOO_LARGE, f"{limit}请删除数据以外的空行和格式，或按年度拆分，或另存为 CSV。")

    def repacked(self, copied: Mapping[str, str], written: Mapping[str, str]) -> bytes:
        """Another package: parts of this one, as they are packed, under new names, and parts made anew."""
        copies = {name: self._as_packed(old) for name, old in copied.items()}
        return _zipped(copies | {name: packed([text]) for name, text in written.items()})

    def simplified(self, names: Iterable[str]) -> "Package":
        """The package with these parts written as Office writes them: without comments, instructions and CDATA.

        Raises: RefusedFileError: they are too large for that, or broken.
        """
        parts = [self._parts[plain] for name in names if (plain := _plain(name)) in self._parts]
        if sum(part.file_size for part in parts) > _MOST_SIMPLIFIED:
            raise RefusedFileError(Code.BROKEN, f"工作表的 XML 里有注释一类不常见的写法，可能不是 Excel 存出的文件。{_SAVE_AS}")
        simple = io.BytesIO()
        self.write_changed(simple, {part.filename: packed([_simple(self.read(part.filename))]) for part in parts}, ())
        return Package(simple.getvalue())

    def write_changed(self, file: BinaryIO, changed: Mapping[str, "Packed"], dropped: Iterable[str]) -> None:
        """Write this package with some parts changed or added, and some dropped; all others as they are packed."""
        gone = {*map(_plain, dropped)}
        own = self._parts.items()
        parts = {plain: (part.filename.replace("\\", "/").lstrip("/"), self._as_packed(plain)) for plain, part in own if plain not in gone}
        file.write(_zipped(dict((parts | {_plain(name): (name, part) for name, part in changed.items()}).values())))

    def _as_packed(self, name: str) -> "Packed":
        part = self._parts[_plain(name)]
        name_length, extra_length = struct.unpack_from("<2H", self._content, part.header_offset + 26)
        start = part.header_offset + struct.calcsize(_LOCAL_HEADER) + name_length + extra_length
        return Packed(part.compress_type, part.CRC, part.file_size, self._content[start : start + part.compress_size])

    def _check_parts(self) -> None:
        parts = self._zip.infolist()
        names = [part.filename for part in parts]
        if any(part.flag_bits & 1 for part in parts):
            raise RefusedFileError(Code.ENCRYPTED, _ENCRYPTED)
        if not any(name.endswith("workbook.xml") for name in self._parts):
            raise _not_a_workbook(names)
        if any(name.endswith("vbaproject.bin") for name in self._parts):
            raise RefusedFileError(Code.WRONG_TYPE, f"文件含有宏，不予打开。{_SAVE_AS}")
        unpacked = sum(part.file_size for part in parts)
        if len(names) > _MOST_PARTS or len(self._parts) < len(names):
            raise RefusedFileError(Code.TOO_LARGE, f"压缩包内部件过多或重名，不像 Excel 存出的文件。{_SAVE_AS}")
        if unpacked > _MOST_BYTES or unpacked > max(_SMALL, _MOST_RATIO * len(self._content)):
            message = f"文件解压后有 {unpacked >> 20} MiB，超出上限，未予打开。请删除数据以外的空行、格式和图片，或另存为 CSV。"
            raise RefusedFileError(Code.TOO_LARGE, message)


class UnplainError(Exception):
    """XML that must be simplified before it is read by patterns."""


def open_package(path: Path) -> Package:
    """Open an xlsx.

    Raises: RefusedFileError: it is too large, or as `Package` says.
    """
    if path.stat().st_size > _MOST_FILE_BYTES:
        raise RefusedFileError(Code.TOO_LARGE, f"文件超过 {_MOST_FILE_BYTES >> 20} MiB 的上限。请删除图片和无关内容，或另存为 CSV。")
    return Package(path.read_bytes())


def _plain(name: str) -> str:
    """A part's name as compared: some programs write other slashes, a slash in front, or capitals."""
    return name.replace("\\", "/").lstrip("/").lower()


@dataclass(frozen=True, slots=True)
class Packed:
    """What a part is in a zip."""

    method: int
    crc: int
    size: int
    content: bytes


def packed(pieces: Iterable[str | bytes]) -> Packed:
    """A part that is made anew, packed quickly rather than tightly."""
    packer, crc, size, content = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS), 0, 0, []
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        crc, size = zlib.crc32(data, crc), size + len(data)
        content.append(packer.compress(data))
    return Packed(zipfile.ZIP_DEFLATED, crc, size, b"".join([*content, packer.flush()]))


def _zipped(parts: Mapping[str, Packed]) -> bytes:
    """A zip of parts that are packed already, which zipfile has no way to write; without the clock."""
    package, directory = io.BytesIO(), io.BytesIO()
    for name, part in parts.items():
        encoded, start = name.encode(), package.tell()
        common = (_UTF_8, part.method, 0, _DATE, part.crc, len(part.content), part.size, len(encoded))
        package.write(struct.pack(_LOCAL_HEADER, b"PK\x03\x04", 20, *common, 0) + encoded + part.content)
        directory.write(struct.pack(_CENTRAL_HEADER, b"PK\x01\x02", 20, 20, *common, 0, 0, 0, 0, 0, start) + encoded)
    start, listed = package.tell(), directory.getvalue()
    package.write(listed + struct.pack(_END, b"PK\x05\x06", 0, 0, len(parts), len(parts), len(listed), start, 0))
    return package.getvalue()


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
    raise broken_file()


def _not_a_workbook(names: list[str]) -> RefusedFileError:
    if "word/document.xml" in names:
        return RefusedFileError(Code.WRONG_TYPE, "文件是 Word 文档。台账应为 Excel 工作簿（.xlsx）或 CSV。")
    if "xl/workbook.bin" in names:
        return RefusedFileError(Code.WRONG_TYPE, f"文件是二进制工作簿（.xlsb）。{_SAVE_AS}")
    return RefusedFileError(Code.WRONG_TYPE, f"文件是压缩包，但不是 Excel 工作簿。{_SAVE_AS}")


def _safe(piece: bytes, *, is_prolog: bool) -> bytes:
    """XML without DTD, which stands before the first element. Office writes UTF-8 without; one that declares entities means to grow.

    Another encoding, which could hide one, is not UTF-8 or has zero bytes in it.
    """
    if piece.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise broken_file()
    if (is_prolog and (b"<!DOCTYPE" in piece or b"<!ENTITY" in piece)) or b"\x00" in piece:
        raise RefusedFileError(Code.UNSAFE, f"文件内部的 XML 含有实体定义或异常编码，不是 Excel 正常存出的文件，不予打开。{_SAVE_AS}")
    return piece


def is_plain(piece: bytes) -> bool:
    """Whether XML has no comment, instruction or CDATA, nor a digit written as a reference: what reads by patterns overlooks them."""
    # Of one sign is searched much faster than of two.
    is_odd = (b"!" in piece and b"<!" in piece) or (piece.find(b"?", _PROLOG) >= 0 and piece.find(b"<?", _PROLOG) >= 0)
    return not is_odd and not (b"&" in piece and b"&#" in piece and _REFERENCE.search(piece))


def _simple(xml: str) -> bytes:
    try:
        tree = etree.fromstring(
            xml.encode(), etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True)
        )
    except etree.XMLSyntaxError as error:
        raise broken_file() from error
    # #SPILL! and others that fastexcel does not know
    for cell in tree.iterfind(".//{*}c[@t='e']"):
        for value in cell.iterfind("{*}v"):
            value.text = value.text if (value.text or "").strip().encode() in KNOWN_ERRORS else "#VALUE!"
    simple: bytes = etree.tostring(tree, encoding="UTF-8", xml_declaration=True)
    return simple.replace(b"&#13;", b"")


def decoded(text: bytes) -> str:
    """The text of XML; it is refused where it is not UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise broken_file() from error


def broken_file() -> RefusedFileError:
    """The refusal of a damaged file."""
    return RefusedFileError(
        Code.BROKEN, f"文件已损坏或不完整，无法打开。请从原处重新拷贝；若 Excel 能打开，{_SAVE_AS.removeprefix('请用 Excel 或 WPS 打开，')}"
    )


def attribute(tag: str, name: str) -> str | None:
    """An attribute of a start tag."""
    found = re.search(rf"""\b{name}\s*=\s*["']([^"']*)["']""", tag)
    return found[1] if found else None
