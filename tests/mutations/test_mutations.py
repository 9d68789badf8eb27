"""Ledgers spoilt by chance: 500 of them, more with `--spoilt N`."""

import subprocess
import sys
from pathlib import Path

import pytest

_READ_SPOILT = Path(__file__).parent / "read_spoilt.py"
_RUN = 250


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    most = metafunc.config.getoption("--spoilt")
    metafunc.parametrize("spoilt", [(first, min(_RUN, most - first)) for first in range(0, most, _RUN)], ids=str)


def test_spoilt_ledgers_end_in_rows_or_findings_and_good_cells_stay_right(spoilt: tuple[int, int]) -> None:
    done = subprocess.run([sys.executable, str(_READ_SPOILT), *map(str, spoilt)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr[-5000:]
