"""What a check declares of itself: nothing else lists checks."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from perfeval import checks
from perfeval.checks import CHECKS, MEANINGS, THEMES, Theme

FOLDER = Path(checks.__file__).parent
DECLARING = [path for path in sorted(FOLDER.glob("*.py")) if "\nCHECK = " in path.read_text(encoding="utf-8")]


def test_every_module_that_declares_a_check_is_gathered() -> None:
    assert len(CHECKS) == len(DECLARING)


@pytest.mark.parametrize("path", DECLARING, ids=lambda path: path.stem)
def test_module_of_a_check_finds_and_says_what(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: ast.get_docstring(node) for node in module.body if isinstance(node, ast.FunctionDef)}
    assert (bool(ast.get_docstring(module)), bool(functions.get("find"))) == (True, True)


def test_code_is_declared_by_one_check() -> None:
    declared = Counter(code for check in CHECKS for code in (check.code, *check.others))
    assert {code for code, times in declared.items() if times > 1} == set()


def test_code_has_its_meaning_and_theme() -> None:
    assert (MEANINGS["X05"], THEMES["X05"], THEMES["C36"]) == ("支出手续不全", Theme.PAPERS, Theme.REGISTER)
