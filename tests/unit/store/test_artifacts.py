import errno
import os
import shutil
from pathlib import Path

import pytest

from perfeval.errors import StoreError
from perfeval.store import Artifacts

DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # SHA-256 of b"hello"


def test_artifact_put_twice_is_one_file(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    assert artifacts.put(b"hello") == artifacts.put(b"hello") == DIGEST
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [DIGEST]


def test_artifact_changed_on_disk_is_refused(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    artifacts.put(b"hello")
    (tmp_path / "2c" / DIGEST).write_bytes(b"hallo")
    with pytest.raises(StoreError, match="已被改动"):
        artifacts.read(DIGEST)


def test_artifact_changed_on_disk_is_mended_by_putting_it_again(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    artifacts.put(b"hello")
    (tmp_path / "2c" / DIGEST).write_bytes(b"he")
    artifacts.put(b"hello")
    assert artifacts.read(DIGEST) == b"hello"


def test_artifact_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="缺失"):
        Artifacts(tmp_path).read(DIGEST)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "2C" + DIGEST[2:], DIGEST + "0"])
def test_artifact_digest_that_is_none_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(StoreError, match="格式不对"):
        Artifacts(tmp_path).read(digest)


def test_artifact_that_a_killed_process_left_half_written_is_swept_with_the_next(tmp_path: Path) -> None:
    for name in (".perfeval-left", ".perfeval-begun"):
        (tmp_path / name).write_bytes(b"he")
    os.utime(tmp_path / ".perfeval-left", (0, 0))
    artifacts = Artifacts(tmp_path)
    assert (tmp_path / ".perfeval-left").exists()
    artifacts.put(b"hello")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {DIGEST, ".perfeval-begun"}


def test_disk_that_is_full_is_told_as_that_of_the_folder_and_not_of_what_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, _: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(source))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space") as fault:
        Artifacts(tmp_path / "shared").put_file(tmp_path / "large")
    assert fault.value.filename == str(tmp_path / "shared")


def test_what_people_keep_in_the_folder_of_artifacts_stays(tmp_path: Path) -> None:
    (tmp_path / "tmp2019台账").mkdir()
    (tmp_path / "tmp.docx").write_bytes(b"theirs")
    for path in (theirs := set(tmp_path.iterdir())):
        os.utime(path, (0, 0))
    Artifacts(tmp_path).put(b"hello")
    assert theirs < set(tmp_path.iterdir())
