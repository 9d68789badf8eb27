"""The bench still fits the program: perfeval, by its steps and by its functions, finds what a script by hand finds."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench.bench import CONTESTANTS, ENVIRONMENT, HERE, compare, run


@pytest.mark.parametrize("case", ["county", "long"])
def test_all_contestants_find_the_same(tmp_path: Path, case: str) -> None:
    subprocess.run([sys.executable, HERE / "cases.py", tmp_path, "2000"], check=True, env=ENVIRONMENT)
    names = [name for name in CONTESTANTS if name != "stack"]  # whose interpreter a check-out does not have
    found = {name: run(Path(sys.executable), CONTESTANTS[name], tmp_path / case, tmp_path / "scratch")[1] for name in names}
    assert compare(found) == []
    assert len(found["straight"]["facts"]) > 50
    assert ("X05 资金支出台账" in found["straight"]["findings"]) is (case == "long")
    found["core"]["facts"]["meetings"] = "1"
    assert compare(found) == [f"facts meetings: straight {found['straight']['facts']['meetings']}, core 1"]
