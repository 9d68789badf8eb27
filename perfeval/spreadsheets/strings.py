"""The texts that the cells of a workbook share (共享文字), as far as they say more than their letters, or too much."""

import re
from array import array
from dataclasses import dataclass, field

from perfeval.codes import Code
from perfeval.spreadsheets.package import Package, UnplainError, decoded, is_plain
from perfeval.spreadsheets.sheets import RefusedFileError

STRUCK = r"""<(?:\w+:)?strike(?:\s+val\s*=\s*["'](?:1|true)["'])?\s*/?>"""
"""The pattern of a run of text that is struck through."""
MIXED = rf"""(?:{STRUCK}|<(?:\w+:)?vertAlign\s+val\s*=\s*["']su)"""
"""The pattern of a run that is struck through, raised or lowered: beside other runs it is no part of their number, 10³ is not 103."""
PICTURE = r"=?(?:_xlfn\.)?DISPIMG\("
"""How the text begins that WPS keeps for a picture in a cell."""

_MOST_STRINGS = 4_000_000
_STRUCK = re.compile(STRUCK.encode())
_MIXED = re.compile(rf"{MIXED}.*?</(?:\w+:)?r>.*?</(?:\w+:)?r>|</(?:\w+:)?r>.*?{MIXED}".encode(), re.DOTALL)
_PICTURE = re.compile(rf">\s*{PICTURE}".encode())


@dataclass(slots=True)
class Strings:
    """What is known of shared strings, by their index."""

    lengths: "array[int]" = field(default_factory=lambda: array("L"))
    """Bytes of each, with its XML."""
    longest: int = 0
    struck: set[int] = field(default_factory=set)
    """Those with a part that is struck through."""
    mixed: set[int] = field(default_factory=set)
    """Those of runs of which some are struck through, raised or lowered."""
    pictures: set[int] = field(default_factory=set)
    """Those that stand for a picture of WPS."""


def scan_strings(package: Package, part: str) -> Strings:
    """Look through the shared strings.

    Raises:
        RefusedFileError: broken, unsafe, or too many.
        UnplainError: they must be simplified before.
    """
    strings = Strings()
    root = re.search(r"<(\w+:)?sst[\s/>]", package.start(part))
    start = f"<{root[1] or ''}si".encode() if root else b"<si"
    for piece in package.pieces(part, start):
        decoded(piece)
        if not is_plain(piece):
            raise UnplainError
        texts = piece.split(start)[1:]
        first = len(strings.lengths)
        strings.lengths.extend(map(len, texts))
        strings.longest = max(strings.longest, max(map(len, texts), default=0))
        if len(strings.lengths) > _MOST_STRINGS:
            message = f"工作簿里有 {_MOST_STRINGS} 个以上不同的文字，未予打开。请按年度拆分，或另存为 CSV。"
            raise RefusedFileError(Code.TOO_LARGE, message)
        if b"strike" in piece:
            strings.struck.update(index for index, text in enumerate(texts, first) if _STRUCK.search(text))
        if b"strike" in piece or b"vertAlign" in piece:
            strings.mixed.update(index for index, text in enumerate(texts, first) if _MIXED.search(text))
        if b"DISPIMG(" in piece:
            strings.pictures.update(index for index, text in enumerate(texts, first) if _PICTURE.search(text))
    return strings
