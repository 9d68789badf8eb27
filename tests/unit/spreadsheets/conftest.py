"""Files as they are handed in, and what opening and reading them gives."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

from perfeval.model import ReceivedFile
from perfeval.spreadsheets import RefusedFileError, Sheet, open_file

# The first expression of a run starts Polars' threads, which takes longer than Hypothesis allows one example.
settings.register_profile("spreadsheets", deadline=None)
settings.load_profile("spreadsheets")


@pytest.fixture
def sheets() -> Callable[[Path], Sequence[Sheet]]:
    """Open a file."""

    def opened(path: Path) -> Sequence[Sheet]:
        return open_file(ReceivedFile(path.name, path, "0" * 64))

    return opened


@pytest.fixture
def read_rows(sheets: Callable[[Path], Sequence[Sheet]]) -> Callable[[Path], list[tuple[object, ...]]]:
    """The rows of a file's one sheet that have content: number and texts."""

    def read(path: Path) -> list[tuple[object, ...]]:
        (sheet,) = sheets(path)
        frame = pl.concat(sheet.rows(0))
        return frame.filter(pl.any_horizontal(pl.exclude("row").is_not_null())).rows()

    return read


@pytest.fixture
def refusal(read_rows: Callable[[Path], object]) -> Callable[[Path], tuple[str, str]]:
    """Code and message of the refusal of a file that cannot be opened or read."""

    def refused(path: Path) -> tuple[str, str]:
        with pytest.raises(RefusedFileError) as caught:
            read_rows(path)
        return caught.value.code, caught.value.message

    return refused
