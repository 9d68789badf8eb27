"""Which program this is: in a work tree, in an export of one, installed from one, and where nobody knows."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from perfeval.version import Version, find_version

UNKNOWN = Version("0.2.0.dev0", "")
PACKAGE = Path(__file__).parents[2] / "perfeval"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The part of the source that tells the version, in a folder that git knows nothing of."""
    folder = tmp_path / "source" / "perfeval"
    folder.mkdir(parents=True)
    shutil.copy(PACKAGE / "commit.txt", folder)
    shutil.copy(PACKAGE.parent / ".gitattributes", folder.parent)
    return folder


def git(package: Path, *words: str) -> str:
    identity = ["-c", "user.name=样例", "-c", "user.email=sample@example.org"]
    return subprocess.run(["git", *identity, *words], cwd=package.parent, check=True, capture_output=True, text=True).stdout.strip()


def commit(package: Path) -> str:
    git(package, "add", ".")
    git(package, "commit", "-q", "--allow-empty", "-m", "样例提交")
    return git(package, "rev-parse", "HEAD")


@pytest.fixture
def head(package: Path, need: Callable[..., str]) -> str:
    """The second commit of a repository without a tag."""
    need("git")
    git(package, "init", "-q")
    commit(package)
    return commit(package)


def export(package: Path, folder: Path) -> Path:
    """What `git archive` makes of the work tree's commit."""
    folder.mkdir()
    git(package, "archive", "-o", f"{folder}.tar", "HEAD")
    shutil.unpack_archive(f"{folder}.tar", folder)
    return folder / "perfeval"


def test_work_tree_without_a_tag_is_numbered_by_its_commits(package: Path, head: str) -> None:
    assert find_version(package) == Version(f"0.2.0.dev2+g{head[:9]}", head)


def test_work_tree_that_went_on_names_its_new_commit(package: Path, head: str) -> None:
    new = commit(package)
    assert find_version(package) == Version(f"0.2.0.dev3+g{new[:9]}", new)


def test_work_tree_with_changed_files_says_so(package: Path, head: str) -> None:
    (package / "commit.txt").write_text("changed", encoding="utf-8")
    assert find_version(package) == Version(f"0.2.0.dev2+g{head[:9]}.dirty", head)


def test_work_tree_at_a_tag_has_the_tags_version(package: Path, head: str) -> None:
    git(package, "tag", "v0.3.0")
    assert find_version(package) == Version("0.3.0", head)


def test_work_tree_after_a_tag_is_on_the_way_to_the_next_version(package: Path, head: str) -> None:
    git(package, "tag", "v0.3.0")
    new = commit(package)
    assert find_version(package) == Version(f"0.3.1.dev1+g{new[:9]}", new)


def test_work_tree_with_changed_files_at_a_tag_is_no_release(package: Path, head: str) -> None:
    git(package, "tag", "v0.3.0")
    (package / "commit.txt").write_text("changed", encoding="utf-8")
    assert find_version(package) == Version(f"0.3.1.dev0+g{head[:9]}.dirty", head)


def test_second_work_tree_of_a_repository_names_its_own_commit(package: Path, head: str, tmp_path: Path) -> None:
    git(package, "worktree", "add", "-q", str(tmp_path / "second"), "HEAD~1")
    first = git(package, "rev-parse", "HEAD~1")
    assert find_version(tmp_path / "second" / "perfeval") == Version(f"0.2.0.dev1+g{first[:9]}", first)


def test_work_tree_in_a_hook_of_another_repository_names_its_own_commit(
    package: Path, head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert find_version(package).commit == head


def test_export_names_the_commit_it_was_made_from(package: Path, head: str, tmp_path: Path) -> None:
    assert find_version(export(package, tmp_path / "export")) == Version(f"0.2.0.dev0+g{head[:9]}", head)


def test_export_of_a_tag_has_the_tags_version(package: Path, head: str, tmp_path: Path) -> None:
    git(package, "tag", "v0.3.0")
    assert find_version(export(package, tmp_path / "export")) == Version("0.3.0", head)


def test_copy_without_git_is_unknown_and_says_so(package: Path) -> None:
    assert find_version(package) == UNKNOWN
    assert str(find_version(package)) == "0.2.0.dev0（没有版本信息的源码）"


def test_work_tree_without_a_commit_is_unknown(package: Path, need: Callable[..., str]) -> None:
    need("git")
    git(package, "init", "-q")
    assert find_version(package) == UNKNOWN


def test_work_tree_on_a_machine_without_git_is_unknown(package: Path, head: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_version(package) == UNKNOWN


def test_release_installed_without_a_commit_is_known_by_its_number() -> None:
    assert str(Version("0.3.0", "")) == "0.3.0"
