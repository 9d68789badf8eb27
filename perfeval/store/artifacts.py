"""Content-addressed files: written once, named by their SHA-256, checked when read."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from perfeval.errors import StoreError
from perfeval.leftovers import HALF_MADE, sweep
from perfeval.store.bucket import URL_VARIABLE, Bucket

_RESTORE = f"从备份恢复工作区的状态文件夹；环境变量 {URL_VARIABLE} 换过或没有设置的，先改回存档时的地址；共享文件夹没有挂上的，先挂上。"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NAME = re.compile(r"[0-9a-f]{64}")


class Artifacts:
    """A folder of files named by their SHA-256; with a bucket, the bucket is the truth and the folder its cache.

    `begin` is told before the first file of one that is no cache, and may refuse: of a share that is away the folder may be there, empty.
    """

    def __init__(self, folder: Path, bucket: Bucket | None = None, begin: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._bucket = bucket
        self._begin = begin
        self._is_swept = False

    def put(self, content: bytes) -> str:
        """Keep `content` and return its digest; atomic and fsynced, a second time is free."""
        digest = hashlib.sha256(content).hexdigest()
        if self._is_here(digest):
            self._share(digest)
            return digest
        return self._keep(lambda path: path.write_bytes(content))[0]

    def put_file(self, source: Path) -> tuple[str, Path]:
        """Keep a file's content, however long, and return its digest and place; as `put`, without holding it in memory."""
        return self._keep(lambda path: shutil.copyfile(source, path))

    def take(self, other: "Artifacts") -> int:
        """Keep all that another folder keeps; what is here is only compared, so that what was broken off goes on. How many there are.

        Raises: StoreError: a file is not what its name says, or was not kept as it is.
        """
        digests = sorted(path.name for path in other._folder.glob("[0-9a-f][0-9a-f]/*") if _NAME.fullmatch(path.name))
        for digest in digests:
            source = other.path(digest)
            if not self._is_here(digest):
                self._write(partial(shutil.copyfile, source))
            self._share(digest)
        return len(digests)

    def refuse_gone(self) -> None:
        """See to it that files that were kept are still there: whoever gave `begin` is asked where there are none, and may refuse."""
        if not self._bucket and not any(self._folder.glob("[0-9a-f][0-9a-f]")):
            self._begin()

    def _keep(self, write: Callable[[Path], object]) -> tuple[str, Path]:
        digest, path = self._write(write)
        self._share(digest)
        return digest, path

    def _write(self, write: Callable[[Path], object]) -> tuple[str, Path]:
        self.refuse_gone()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_swept:
            self._is_swept = True
            sweep(self._folder)
        handle, name = tempfile.mkstemp(prefix=HALF_MADE, dir=self._folder)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "rb") as file:
                try:
                    write(temporary)
                except OSError as error:
                    if error.errno in _NO_ROOM:  # else it is told of the file that was copied
                        raise OSError(error.errno, error.strerror, str(self._folder)) from error
                    raise
                # Of what was written, not of what should have been.
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            path = self._place(digest)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _fsync_folder(path.parent)
        return digest, path

    def path(self, digest: str) -> Path:
        """Where an artifact's bytes are, after checking that they are still the ones that were put.

        Raises: StoreError: when it is missing or its bytes differ from its name.
        """
        path = self._place(digest)
        if self._bucket and not self._is_here(digest):
            self._fetch(self._bucket, digest)
        try:
            found = _digest(path)
        except OSError as error:
            raise StoreError("S01", f"存档文件 {digest[:12]}… 缺失", _RESTORE) from error
        if found != digest:
            raise StoreError("S02", f"存档文件 {digest[:12]}… 的内容已被改动", "从备份恢复该文件；不要手工修改状态文件夹。")
        return path

    def read(self, digest: str) -> bytes:
        """The bytes of an artifact, checked as in `path`."""
        return self.path(digest).read_bytes()

    def _is_here(self, digest: str) -> bool:
        try:
            return _digest(self._place(digest)) == digest
        except OSError:
            return False

    def _share(self, digest: str) -> None:
        if self._bucket:
            self._bucket.put(digest, self._place(digest))

    def _fetch(self, bucket: Bucket, digest: str) -> None:
        """Bring a file into the cache; what is another one than its name says stays away."""
        with tempfile.TemporaryDirectory() as folder:
            brought = Path(folder) / digest
            if bucket.fetch(digest, brought) and _digest(brought) == digest:
                self._write(lambda path: shutil.copyfile(brought, path))

    def _place(self, digest: str) -> Path:
        if not _NAME.fullmatch(digest):
            raise StoreError("S03", "存档文件的摘要格式不对", "摘要应为64位十六进制数。")
        return self._folder / digest[:2] / digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_folder(folder: Path) -> None:
    # A rename survives a power cut only when its folder is flushed too; Windows has no handle for that.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
