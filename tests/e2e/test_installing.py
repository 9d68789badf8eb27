"""The program built and installed elsewhere: from a clone, from an export of one, from a copy that knows nothing of git."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
IDENTITY = ["-c", "user.name=样例", "-c", "user.email=sample@example.org"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of what is built, without git and without a commit of its own."""
    folder = tmp_path / "source"
    for name in ("flows", "perfeval", "schemas", "config"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitattributes", ".gitignore"):
        shutil.copy(REPOSITORY / name, folder)
    (folder / "perfeval" / "commit.txt").write_text("$Format:%H %(describe:tags=true,match=v[0-9]*)$\n", encoding="utf-8")
    return folder


@pytest.fixture
def commit(source: Path, need: Callable[..., str]) -> str:
    """The one commit of a repository that the source is made into: its first digits."""
    need("git")
    for words in (["init", "-q"], ["add", "."], [*IDENTITY, "commit", "-q", "-m", "样例提交"]):
        subprocess.run(["git", *words], cwd=source, check=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True).stdout[:9]


def said_when_installed(source: Path, folder: Path) -> str:
    """What the program says of its version that is built from the source and installed into a folder."""
    install = ["pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", *install], check=True, stdout=subprocess.DEVNULL)
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "flows", "--version"]
    return subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True).stdout


def test_program_installed_from_a_clone_has_the_number_of_its_commit(source: Path, commit: str, tmp_path: Path) -> None:
    assert said_when_installed(source, tmp_path / "installed") == f"perfeval 0.2.0.dev1+g{commit}\n"


def test_program_installed_from_an_export_knows_its_commit(source: Path, commit: str, tmp_path: Path) -> None:
    subprocess.run(["git", "archive", "-o", tmp_path / "export.tar", "HEAD"], cwd=source, check=True)
    shutil.unpack_archive(tmp_path / "export.tar", tmp_path / "export")
    assert said_when_installed(tmp_path / "export", tmp_path / "installed") == f"perfeval 0.2.0.dev0+g{commit}\n"


def test_program_installed_from_a_copy_without_git_says_that_nobody_knows(source: Path, tmp_path: Path) -> None:
    assert said_when_installed(source, tmp_path / "installed") == "perfeval 0.2.0.dev0（没有版本信息的源码）\n"
