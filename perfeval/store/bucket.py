"""Artifacts that several machines share (共用存储): an S3-compatible bucket, each file under its SHA-256, written once."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perfeval.errors import ConfigurationError, StoreError

URL_VARIABLE = "PERFEVAL_ARTIFACTS_URL"
_PATIENCE: Any = {"max_retries": 3}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
# What stands in its errors, what that means, and what to do; the first that is found.
_FAULTS = (
    ("169\\.254\\.169\\.254", "没有设置口令", "设置环境变量 AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY。"),  # a cloud's, asked for them
    ("BadScheme", "存储服务的地址是 http://，没有允许使用", "另设环境变量 AWS_ALLOW_HTTP=true，或改用 https:// 的地址。"),
    ("NoSuchBucket", "没有这个桶", f"先建好这个桶，或改正环境变量 {URL_VARIABLE} 里的桶名。"),
    ("status code: 40[13]", "口令不对，或无权读写这个桶", "检查环境变量 AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY 和桶的权限。"),
    ("error sending request", "连不上存储服务", "检查存储服务和环境变量 AWS_ENDPOINT_URL，稍后重试。"),
)


class Bucket:
    """A bucket, or a prefix in one. Endpoint and keys come from the environment, by the names that every S3 client knows (AWS_…)."""

    def __init__(self, url: str) -> None:
        for name in _ENDPOINTS:
            if not re.match("https?://|$", os.environ.get(name, "")):
                raise _unusable(name, "写成 http://主机:端口 或 https://主机:端口。")  # it would end the process
        if not re.fullmatch(r"s3://[^\s?#]+", url):  # what stands behind is left out, or becomes part of the names
            raise _unusable()
        try:
            from obstore.store import S3Store

            self._store: Any = S3Store.from_url(url, retry_config=_PATIENCE)
        except Exception as error:  # its errors have no common class; or it is not installed
            raise _unusable() from error
        self._known: set[str] = set()

    def put(self, digest: str, path: Path) -> None:
        """Keep a file under its digest, unless it is there, and read back what was kept.

        Raises: StoreError: the bucket cannot be reached, is not there, or keeps something else.
        """
        import obstore

        with _reached():
            try:
                obstore.head(self._store, _name(digest))
                if digest in self._known:  # it was read back already; whether it is there still is asked each time
                    return
            except FileNotFoundError:
                obstore.put(self._store, _name(digest), path)
            sha256 = hashlib.sha256()
            for part in obstore.get(self._store, _name(digest)).stream():
                sha256.update(part)
        if sha256.hexdigest() != digest:
            raise StoreError("S12", f"共用存储里的 {digest[:12]}… 与写入的不同", "从备份恢复该文件；检查存储服务是否原样保存。")
        self._known.add(digest)

    def check(self) -> None:
        """Keep an empty file, as any other: under its digest it is in nobody's way.

        Raises: StoreError: the bucket cannot be reached, is not there, or may not be read or written.
        """
        with tempfile.NamedTemporaryFile() as empty:
            self.put(hashlib.sha256().hexdigest(), Path(empty.name))

    def fetch(self, digest: str, path: Path) -> bool:
        """Write a file of the bucket to a path; False where the bucket has none.

        Raises: StoreError: the bucket cannot be reached, or is not there.
        """
        import obstore

        with _reached(), path.open("wb") as file:
            try:
                for part in obstore.get(self._store, _name(digest)).stream():
                    file.write(part)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return False
        return True


def place_of_artifacts(folder: Path) -> tuple[Path, Bucket | None]:
    """Where artifacts are kept: in the folder that the environment names, or in a bucket, with `folder` as its cache; else in `folder`.

    Raises: ConfigurationError: the address is none.
    """
    url = os.environ.get(URL_VARIABLE, "")
    if url.startswith("s3://"):
        return folder, Bucket(url)
    if url and not Path(url).is_absolute():
        raise _unusable()
    return Path(url) if url else folder, None


def try_artifacts(folder: Path) -> Path | None:
    """Look whether artifacts can be kept where the environment says; nothing stays behind but, in a bucket, an empty file.

    Returns: a folder that is not there yet: the first artifact makes it.
    Raises: ConfigurationError: the address is none. StoreError: the bucket cannot be reached. OSError: the folder cannot be written to.
    """
    place, bucket = place_of_artifacts(folder)
    if bucket:
        bucket.check()
    else:
        with tempfile.TemporaryFile(dir=next(above for above in (place, *place.parents) if above.exists())):
            pass
    return None if bucket or place.exists() else place


def _unusable(name: str = URL_VARIABLE, hint: str = "") -> ConfigurationError:
    usual = (
        "写成文件夹的完整路径，或 s3://桶/前缀（先安装 perfeval[s3]，另设 AWS_ENDPOINT_URL、AWS_ACCESS_KEY_ID 等，"
        "AWS_ALLOW_HTTP 只能写 true 或 false）；不设置则存在工作区内。"
    )
    return ConfigurationError("F11", f"环境变量 {name} 不是可用的存储地址", hint or usual)


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


@contextmanager
def _reached() -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError) as error:  # the latter of a bucket as of a file
        told = str(error)
        reason = told.splitlines()[0].partition(": <")[0].rpartition(" - ")[2]
        usual = ("", reason, f"检查存储服务和环境变量 {URL_VARIABLE}、AWS_…，稍后重试。")
        _, reason, hint = next((fault for fault in _FAULTS if re.search(fault[0], told)), usual)
        raise StoreError("S13", f"共用存储不可用：{reason}", hint) from error
