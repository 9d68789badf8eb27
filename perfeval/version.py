"""Which program this is: version and commit, so that an archive can say what it was made with.

Nothing is asked at import. In a work tree git is asked, because an editable install goes on naming the commit it was made from.
"""

import hashlib
import importlib.metadata
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from perfeval.programs import environment

# The version before the first tag; pyproject.toml says the same to the build.
_SERIES = "0.2.0"
# `git archive` writes the same into commit.txt of what it exports.
_FORMAT = "%H %(describe:tags=true,match=v[0-9]*)"
_DESCRIBED = re.compile(r"(?P<commit>[0-9a-f]{40}) (?:v(?P<tag>\S+?)(?:-(?P<distance>\d+)-g[0-9a-f]+)?)?\s*")
_GIT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Version:
    """A version (版本号) by PEP 440 and the commit it stands for: all of its digits, the first ones, or none where nobody knows."""

    number: str
    commit: str

    def __str__(self) -> str:
        """The number, and in Chinese what is not known."""
        is_known = self.commit or ".dev" not in self.number  # a release is known by its number
        return self.number if is_known else f"{self.number}（没有版本信息的源码）"


@cache
def version() -> Version:
    """The version of this program."""
    return find_version(Path(__file__).parent)


def program() -> str:
    """The program and its version, as an archive names its maker."""
    return f"perfeval {version()}"


@cache
def source_digest() -> str:
    """A digest of the code that computes and writes: two programs with the same one give the same from the same ledgers."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for room in ("perfeval", "schemas") for path in (root / room).rglob("*") if path.suffix in {".py", ".txt"}):
        if path.name != "commit.txt":  # which an export alone fills in
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(path.read_bytes())}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def find_version(package: Path) -> Version:
    """The version of the program in a folder: by git in a work tree, else as it was exported or built."""
    if (package.parent / ".git").exists():
        return _version_in_work_tree(package.parent)
    if exported := _DESCRIBED.fullmatch((package / "commit.txt").read_text(encoding="utf-8")):
        return _described(exported, "0")
    return _installed_version(package)


def _version_in_work_tree(root: Path) -> Version:
    try:
        described = _DESCRIBED.fullmatch(_ask_git(root, "log", "-1", f"--format={_FORMAT}"))
        commits = _ask_git(root, "rev-list", "--count", "HEAD").strip()
        is_changed = bool(_ask_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        described = None
    return _described(described, commits, is_changed=is_changed) if described else Version(f"{_SERIES}.dev0", "")


def _ask_git(root: Path, *words: str) -> str:
    # A hook of git names the repository it runs for, which need not be ours; a checkout may belong to another user.
    variables = {name: value for name, value in environment().items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-c", f"safe.directory={root}", *words]
    return subprocess.run(  # noqa: S603  # our own words
        command, cwd=root, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS
    ).stdout


def _described(found: re.Match[str], commits: str, *, is_changed: bool = False) -> Version:
    """Number a commit as setuptools-scm does: a tag's own version, or so many commits on the way to the next one."""
    commit, tag, distance = found.group("commit", "tag", "distance")
    if tag and not distance and not is_changed:
        return Version(tag, commit)
    coming = re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), tag) if tag else _SERIES
    number = f"{coming}.dev{(distance or '0') if tag else commits}+g{commit[:9]}"
    return Version(f"{number}.dirty" if is_changed else number, commit)


def _installed_version(package: Path) -> Version:
    try:
        installed = importlib.metadata.distribution("perfeval")
    except importlib.metadata.PackageNotFoundError:
        return Version(f"{_SERIES}.dev0", "")
    # A copy of the source, put before the installed program, is not what was installed.
    if Path(str(installed.locate_file(package.name))) != package:
        return Version(f"{_SERIES}.dev0", "")
    built = re.search(r"\+g([0-9a-f]+)", installed.version)
    return Version(installed.version, built[1] if built else "")
