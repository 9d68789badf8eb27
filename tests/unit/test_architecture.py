"""The import contracts of pyproject.toml: the house keeps them, a room that they do not expect breaks them, no library is left out."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ("flows", "perfeval", "schemas")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the code, to build on."""
    for package in HOUSE:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add_room(house: Path, room: str, text: str) -> None:
    (house / "perfeval" / room).mkdir()
    (house / "perfeval" / room / "__init__.py").write_text(text, encoding="utf-8")


def lint(house: Path) -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(house), "COLUMNS": "200"}
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_contracts_are_kept_by_the_house_as_it_is(house: Path) -> None:
    code, said = lint(house)
    assert (code, "0 broken." in said) == (0, True)


def test_contracts_are_broken_by_a_page_that_knows_commands_sql_word_and_excel(house: Path) -> None:
    text = "import docx\nimport openpyxl\nimport sqlalchemy\n\nfrom perfeval import cli\n"
    (house / "perfeval" / "web" / "shortcut.py").write_text(text, encoding="utf-8")
    code, said = lint(house)
    assert (code, "4 broken." in said) == (1, True)
    assert "perfeval.web.shortcut -> perfeval.cli (l.5)" in said
    assert "perfeval.web.shortcut -> sqlalchemy (l.3)" in said
    assert "perfeval.web.shortcut -> openpyxl (l.2)" in said
    assert "perfeval.web.shortcut -> docx (l.1)" in said


def test_contracts_are_broken_by_a_room_without_a_place(house: Path) -> None:
    add_room(house, "attic", "")
    code, said = lint(house)
    assert (code, "1 broken." in said) == (1, True)
    assert "The following modules are not listed as layers:\n\n- perfeval.attic\n" in said


def test_contracts_are_broken_by_two_modules_of_a_room_that_know_each_other(house: Path) -> None:
    (house / "perfeval" / "checks" / "context.py").write_text("from perfeval.checks import other_years\n", encoding="utf-8")
    code, said = lint(house)
    assert (code, "1 broken." in said) == (1, True)
    assert "No cycles are allowed in perfeval.checks." in said


def test_contracts_name_every_library_that_is_imported() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    named = {library for contract in contracts for library in contract.get("protected_modules", ())}
    graph = grimp.build_graph(*HOUSE, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)
    assert {module for module in graph.modules if graph.is_module_squashed(module)} - sys.stdlib_module_names == named
