"""Ledgers spoilt by chance: 500 of them, more with `--spoilt N`."""

import subprocess
import sys
from pathlib import Path

SPOIL = Path(__file__).parent / "spoil.py"


def test_spoilt_ledgers_end_in_rows_or_findings_and_good_cells_stay_right(spoilt: tuple[int, int]) -> None:
    first, count = spoilt
    done = subprocess.run([sys.executable, str(SPOIL), str(first), str(count)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
