"""Reading csv (逗号分隔文件): UTF-8 with or without byte-order mark, or GB18030; read lazily, row numbers as a spreadsheet shows them."""

import csv
import io
import mmap
from pathlib import Path

import polars as pl

from perfeval.ledgers.codes import Code
from perfeval.ledgers.sheets import HEAD, Marks, RefusedFileError, Sheet, letters
from perfeval.model import ReceivedFile

_SAMPLE = 1 << 20
_MOST_BYTES = 2 << 30
_MOST_COLUMNS = 128
# Any byte of these may begin a blank, a quote or a full-width sign.
_NOT_PLAIN = (b" ", b"\t", b'"', b"\x0b", b"\x0c", b"\xc2", b"\xe1", b"\xe2", b"\xe3", b"\xef")


class DelimitedFile(Sheet):
    """One csv file.

    Raises: RefusedFileError: another encoding, a binary file, unpaired quotes.
    """

    def __init__(self, file: ReceivedFile) -> None:
        super().__init__(file, None, Marks(empty=file.path.stat().st_size == 0))
        self._source: Path | bytes = _as_utf8(file.path)
        self._head = self._read_head() if not self.marks.empty else []
        # One letter beyond the widest row of the head catches rows with too many cells.
        self._letters = letters(max((len(letters_) for letters_ in self._head), default=0) + 1)

    def head(self) -> list[dict[str, str]]:
        """The first rows: per row its filled cells by column letter."""
        return [{letter: text for letter, text in row.items() if text} for row in self._head]

    def below(self, row: int) -> pl.LazyFrame:
        """All rows below a row."""
        return self._scan(self._letters, row)

    def is_plain(self) -> bool:
        """Whether the file has no byte, below its header, that could begin a blank, a quote or a full-width sign."""
        if isinstance(self._source, bytes):
            return False
        with self._source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            header_end = content.find(b"\n")
            return all(content.find(byte, header_end) < 0 for byte in _NOT_PLAIN)

    def collect(self, *queries: pl.LazyFrame) -> list[pl.DataFrame]:
        """Run queries over rows of this file, in one pass."""
        try:
            return super().collect(*queries)
        except pl.exceptions.ComputeError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: pl.exceptions.ComputeError) -> RefusedFileError:
        if "utf-8" in str(error):
            return RefusedFileError(Code.NOT_TEXT, "文件后部有不是 UTF-8 的字符。请用 Excel 打开，另存为“CSV UTF-8”后重新提交。")
        line = _broken_quote(self._source)
        place = f"第{line}行附近" if line else "文件中"
        return RefusedFileError(Code.NOT_TEXT, f"{place}的英文引号不成对，读不出各格内容。请用 Excel 打开检查后另存为 CSV。")

    def _scan(self, columns: list[str], skip: int) -> pl.LazyFrame:
        return pl.scan_csv(
            self._source,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String()),
            skip_rows=skip,
            row_index_name="row",
            row_index_offset=skip + 1,
            truncate_ragged_lines=True,
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
        )

    def _read_head(self) -> list[dict[str, str]]:
        (frame,) = self.collect(self._scan(letters(_MOST_COLUMNS), 0).drop("row").head(HEAD))
        filled = [[name for name in frame.columns if row[name] is not None] for row in frame.iter_rows(named=True)]
        width = max((frame.columns.index(names[-1]) + 1 for names in filled if names), default=0)
        return [{name: (row[name] or "").strip() for name in frame.columns[:width]} for row in frame.iter_rows(named=True)]


def _as_utf8(path: Path) -> Path | bytes:
    """The file itself where it is UTF-8, else its content converted from GB18030."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise RefusedFileError(Code.TOO_LARGE, f"文件有 {size >> 20} MiB，超过 {_MOST_BYTES >> 20} MiB 的上限。请按年度拆分后提交。")
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedFileError(Code.NOT_TEXT, "文件是 UTF-16 编码（“Unicode 文本”）。请用 Excel 另存为“CSV UTF-8（逗号分隔）”。")
    if sample.startswith(b"PK\x03\x04"):
        raise RefusedFileError(Code.WRONG_TYPE, "文件内容是 Excel 工作簿，扩展名却是 .csv。请把扩展名改回 .xlsx 后重新提交。")
    if b"\x00" in sample or sample.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        raise RefusedFileError(Code.WRONG_TYPE, "文件内容不是文本，不能当作 CSV 读取。请用 Excel 另存为 CSV 或 .xlsx。")
    try:
        # The sample may end inside a character.
        sample.decode("utf-8") if len(sample) < _SAMPLE else sample.rsplit(b"\n", 1)[0].decode("utf-8")
    except UnicodeDecodeError:
        try:
            return path.read_bytes().decode("gb18030").encode()
        except UnicodeDecodeError as error:
            message = "文件的文字编码既不是 UTF-8 也不是 GB18030。请用 Excel 打开，另存为“CSV UTF-8（逗号分隔）”。"
            raise RefusedFileError(Code.NOT_TEXT, message) from error
    return path


def _broken_quote(source: Path | bytes) -> int | None:
    """The line near which quotes are not paired, as far as it can be told."""
    text = (
        io.TextIOWrapper(io.BytesIO(source), encoding="utf-8") if isinstance(source, bytes) else source.open(encoding="utf-8", newline="")
    )
    with text:
        reader = csv.reader(text, strict=True)
        try:
            for _ in reader:
                pass
        except (csv.Error, UnicodeDecodeError):
            return reader.line_num
    return None
