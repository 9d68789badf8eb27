"""Reading csv (逗号分隔文件): UTF-8 with or without byte-order mark, or GB18030, block by block, rows numbered as a spreadsheet does."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl

from perfeval.codes import Code
from perfeval.model import ReceivedFile
from perfeval.spreadsheets.sheets import HEAD, RefusedFileError, Sheet, Traits, letters

_SAMPLE = 1 << 20
_MOST_BYTES = 2 << 30
_MOST_COLUMNS = 128
_LONGEST_LINE = 1 << 16
# Polars would map the whole file into memory beside what it reads from it.
_BLOCK = 16 << 20
_SPLIT = re.compile(rb"(?:^|,)[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?,")
# A number with a decimal comma, in a row that has more cells than the others.
_DECIMAL = re.compile(rb"(?:^|,)[+-]?[0-9]+,[0-9]{1,2},")
_QUOTED = re.compile(rb'(?:(?<=[,\n])|\A)"(?:[^"]|"")*"(?=[,\r\n]|\Z)')
_HALF_QUOTED = re.compile(rb'(?:^|,)[ \t]*"', re.MULTILINE)
_OLD_LINE_END = re.compile(rb"\r(?![\r\n]|\Z)")
_BYTE_ORDER_MARK = "\ufeff"
_MARKED_QUOTE = re.compile('\ufeff(?:\ufeff)*"'.encode())
# How programs keep a spreadsheet from taking text for a number: ="0012", '0012, `0012.
_GUARD_WITH_COMMA = re.compile(rb'="[^"\n]*,')
_GUARD = re.compile(rb'(^|,)="((?:[^"\n]|"")*)"(?=[,\r\n]|\Z)', re.MULTILINE)


class DelimitedFile(Sheet):
    """One csv file.

    Raises: RefusedFileError: another encoding, a binary file, unpaired quotes.
    """

    def __init__(self, file: ReceivedFile) -> None:
        super().__init__(file, None, Traits(empty=file.path.stat().st_size == 0))
        self._encoding = _encoding(file.path)
        self._head = self._read_head()
        # One letter beyond the widest row of the head catches rows with too many cells.
        self._letters = letters(max((len(cells) for cells in self._head), default=0) + 1)

    @property
    def letters(self) -> Sequence[str]:
        """The letters of all columns, and of one beyond."""
        return self._letters

    def head(self) -> list[dict[str, str]]:
        """The first rows: per row its filled cells by column letter."""
        return [{letter: text for letter, text in row.items() if text} for row in self._head]

    def rows(self, below: int) -> Iterator[pl.DataFrame]:
        """The rows below a row, block by block; where an unquoted 1,234 has split, the last cell is beyond, be it empty."""
        seen = cells = 0
        for block in self._blocks(_BLOCK):
            skip = max(below - seen, 0)
            bare = self._unquoted(block, seen)
            rows = self._read(block, self._letters, seen, skip=skip)
            if below and not seen:
                cells = bare.split(b"\n", below)[below - 1].count(b",") + 1
            if split := _split_rows(bare, rows.height + skip, cells) if cells else []:
                beyond, is_split = pl.col(self._letters[-1]), pl.col("row").is_in([seen + row for row in split])
                rows = rows.with_columns(pl.when(is_split).then(beyond.fill_null("（空）")).otherwise(beyond).alias(self._letters[-1]))
            yield rows
            seen = max(seen, below) + rows.height
        if not seen:
            yield pl.DataFrame(schema={"row": pl.UInt32, **dict.fromkeys(self._letters, pl.String)})

    def _read(self, block: bytes, columns: Sequence[str], seen: int = 0, *, skip: int = 0, most: int | None = None) -> pl.DataFrame:
        """Rows of a block as text, numbered behind the `seen` ones of the blocks before: `most` of them, after skipping some."""
        rows = pl.scan_csv(
            block,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String()),
            skip_rows=skip,
            n_rows=most,
            row_index_name="row",
            row_index_offset=seen + skip + 1,
            truncate_ragged_lines=True,
            missing_columns="insert",
            extra_columns="ignore",
        )
        try:
            frame = rows.collect()
        except pl.exceptions.ComputeError as error:
            if "utf-8" in str(error):
                message = "文件后部有不是 UTF-8 的字符。请用 Excel 打开，另存为“CSV UTF-8”后重新提交。"
            else:
                message = f"{self._broken_quote()}英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。"
            raise RefusedFileError(Code.NOT_TEXT, message) from error
        frame = _unmarked(frame)
        return _unguarded(frame) if any(sign in block for sign in (b'"', b"'", b"`")) else frame

    def _unquoted(self, block: bytes, seen: int) -> bytes:
        """A block behind so many rows without its quoted cells: every comma left parts cells, every line end rows.

        Raises: RefusedFileError: a cell is quoted in part, as by programs that put a backslash before a quote.
        """
        bare = _QUOTED.sub(b"", block) if b'"' in block else block
        if b"\r" in bare and bare.count(b"\r") > bare.count(b"\r\n") and (found := _OLD_LINE_END.search(bare)):
            row = seen + bare[: found.start()].count(b"\n") + 1
            message = f"第{row}行里有旧式的换行（CR），这一行与下一行分不开。请用 Excel 打开核对后，另存为“CSV UTF-8（逗号分隔）”。"
            raise RefusedFileError(Code.NOT_TEXT, message)
        if b'"' not in block:
            return bare
        found = _HALF_QUOTED.search(bare)
        if b'\\"' in block and b'"' in bare:
            row = seen + bare[: bare.index(b'"')].count(b"\n") + 1
            message = (
                f'第{row}行用反斜杠表示单元格内的引号（\\"），照常读取会丢字。请在导出时改为用两个引号（""），或在 Excel 中核对后另存。'
            )
            raise RefusedFileError(Code.NOT_TEXT, message)
        if found:
            row = seen + bare[: found.start()].count(b"\n") + 1
            message = f"第{row}行附近的英文引号不成对，无法读取各格内容。请用 Excel 打开检查后另存为 CSV。"
            raise RefusedFileError(Code.NOT_TEXT, message)
        return bare

    def _blocks(self, size: int) -> Iterator[bytes]:
        """The file as UTF-8, in blocks of whole rows: each ends behind a line end that is not inside quotes."""
        with self.file.path.open("rb") as file:
            while block := _some_lines(file, size):
                quotes = block.count(b'"') if b'"' in block else 0
                rest, start = [block], file.tell()
                while quotes % 2 and file.tell() - start < _BLOCK and (line := file.readline(_BLOCK)):
                    quotes += line.count(b'"')
                    rest.append(line)
                if max(len(block) - size, file.tell() - start) >= _BLOCK:
                    message = "英文引号不成对，或有一行过长。请用 Excel 打开检查后另存为 CSV。"
                    raise RefusedFileError(Code.NOT_TEXT, f"{self._broken_quote()}{message}")
                yield self._converted(b"".join(rest) if len(rest) > 1 else block)

    def _converted(self, block: bytes) -> bytes:
        # No line end is part of a character in either encoding, so that a block ends with a whole one.
        if self._encoding != "utf-8":
            try:
                block = block.decode(self._encoding).encode()
            except UnicodeDecodeError as error:
                raise _unknown_encoding() from error
        if b"\x00" in block:
            raise RefusedFileError(
                Code.NOT_TEXT, "文件后部有不是文字的字节，可能已损坏。请从原处重新导出，或用 Excel 打开检查后另存为 CSV。"
            )
        if b'"' not in block:  # of one sign is searched much faster than of two
            return block
        # A quote behind a mark would not be taken for one.
        if _MARKED_QUOTE.search(block):
            block = _MARKED_QUOTE.sub(b'"', block)
        return _GUARD.sub(rb'\1"\2"', block) if b'="' in block and _GUARD_WITH_COMMA.search(block) else block

    def _read_head(self) -> list[dict[str, str]]:
        block = next(self._blocks(_SAMPLE), b"")
        if not block:
            return []
        self._unquoted(block, 0)
        frame = self._read(block, letters(_MOST_COLUMNS), most=HEAD).drop("row")
        rows = list(frame.iter_rows(named=True))
        width = max((index + 1 for row in rows for index, text in enumerate(row.values()) if text is not None), default=0)
        return [{name: (row[name] or "").strip() for name in frame.columns[:width]} for row in rows]

    def _broken_quote(self) -> str:
        """Where quotes are not paired, as far as it can be told."""
        with self.file.path.open(encoding=self._encoding, newline="") as text:
            reader = csv.reader(text, strict=True)
            try:
                for _ in reader:
                    pass
            except (csv.Error, UnicodeDecodeError):
                return f"第{reader.line_num}行附近的"
        return "文件中的"


def _some_lines(file: BinaryIO, size: int) -> bytes:
    """The next so many bytes and the rest of their last line, read at once: to join the two would copy them."""
    start = file.tell()
    file.seek(start + size)
    length = size + len(file.readline(_BLOCK))
    file.seek(start)
    return file.read(length)


def _unmarked(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows without byte-order marks: where files were put together there is one before each part, and some programs write two."""
    if frame.width == 1 or not frame.to_series(1).str.starts_with(_BYTE_ORDER_MARK).any():
        return frame
    text = frame.to_series(1).str.strip_chars_start(_BYTE_ORDER_MARK)
    return frame.with_columns(text.set(text == "", None))


def _unguarded(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells without the signs that guard text: ="0012", '0012 and `0012 are 0012; '十四五'规划 stays."""
    guarded = [pl.col(name) for name in frame.columns[1:] if frame[name].str.contains("^(?:=\"|['`])").any()]
    return frame.with_columns(
        pl.coalesce(
            text.str.extract('(?s)^="(.*)"$').str.replace_all('""', '"', literal=True),
            text.str.extract("(?s)^['`]([^'`]*)$"),
            text,
        )
        for text in guarded
    )


def _split_rows(bare: bytes, rows: int, cells: int) -> list[int]:
    """Which rows, counted from 1, have more cells than so many, and what may be a number split at its separators.

    `bare` is a block without its quoted cells.

    Other rows may end in commas: some programs write them.
    """
    # A long file is mostly in order, and then its commas are as many as they should be.
    if len(bare) > _SAMPLE and bare.count(b",") == rows * (cells - 1):
        return []
    wide = {number: line for number, line in enumerate(bare.split(b"\n"), start=1) if line.count(b",") >= cells}
    is_usual = len(wide) * 2 > rows
    return [number for number, line in wide.items() if _SPLIT.search(line) or (not is_usual and _DECIMAL.search(line))]


def _encoding(path: Path) -> str:
    """UTF-8 or GB18030, judged by the beginning of the file; refuses what is no csv."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise RefusedFileError(Code.TOO_LARGE, f"文件有 {size >> 20} MiB，超过 {_MOST_BYTES >> 20} MiB 的上限。请按年度拆分后提交。")
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_utf_16(sample):
        raise RefusedFileError(Code.NOT_TEXT, "文件是 UTF-16 编码（“Unicode 文本”）。请用 Excel 另存为“CSV UTF-8（逗号分隔）”。")
    if sample.startswith(b"PK\x03\x04"):
        raise RefusedFileError(Code.WRONG_TYPE, "文件内容是 Excel 工作簿，扩展名却是 .csv。请把扩展名改回 .xlsx 后重新提交。")
    if b"\x00" in sample or sample.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        raise RefusedFileError(Code.WRONG_TYPE, "文件内容不是文本，不能当作 CSV 读取。请用 Excel 另存为 CSV 或 .xlsx。")
    if len(sample.partition(b"\n")[0]) > _LONGEST_LINE and b"\r" not in sample:
        raise RefusedFileError(Code.NOT_TEXT, "第一行过长，不像台账。请用 Excel 打开检查后另存为 CSV。")
    if b"\r" in sample and b"\n" not in sample:
        raise RefusedFileError(Code.NOT_TEXT, "文件的换行是旧式的（CR），分不出各行。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。")
    for encoding in ("utf-8", "gb18030"):
        try:
            # The sample may end inside a character.
            codecs.getincrementaldecoder(encoding)().decode(sample, final=len(sample) < _SAMPLE)
        except UnicodeDecodeError:
            continue
        return encoding
    raise _unknown_encoding()


def _is_utf_16(sample: bytes) -> bool:
    """Whether it is UTF-16 though it does not begin with saying so: read so, it has lines and separators."""
    texts = (sample[: len(sample) // 2 * 2].decode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be"))
    return b"\x00" in sample and any("\n" in text and re.search("[,;\t]", text) for text in texts)


def _unknown_encoding() -> RefusedFileError:
    message = "文件的文字编码既不是 UTF-8 也不是 GB18030。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。"
    return RefusedFileError(Code.NOT_TEXT, message)
