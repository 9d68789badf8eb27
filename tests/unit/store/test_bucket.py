"""Artifacts on a real S3-compatible server."""

import hashlib
from pathlib import Path

import pytest

from perfeval.errors import ConfigurationError, StoreError
from perfeval.store import Artifacts
from perfeval.store.bucket import URL_VARIABLE, Bucket, place_of_artifacts

DIGEST = hashlib.sha256(b"hello").hexdigest()


def test_what_one_machine_keeps_another_reads(s3_url: str, tmp_path: Path) -> None:
    here, there = Artifacts(tmp_path / "here", Bucket(s3_url)), Artifacts(tmp_path / "there", Bucket(s3_url))
    assert here.put(b"hello") == DIGEST
    assert there.read(DIGEST) == b"hello"
    # From its cache, too, with the server away.
    assert Artifacts(tmp_path / "there").read(DIGEST) == b"hello"
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 50_000)
    digest, _ = here.put_file(large)
    assert there.path(digest).read_bytes() == large.read_bytes()


def test_cache_that_was_lost_or_damaged_is_filled_again(s3_url: str, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, Bucket(s3_url))
    artifacts.put(b"hello")
    kept = tmp_path / DIGEST[:2] / DIGEST
    kept.write_bytes(b"hallo")
    assert artifacts.read(DIGEST) == b"hello"
    kept.unlink()
    assert artifacts.read(DIGEST) == b"hello"


def test_file_that_the_bucket_lost_goes_into_it_again(s3_url: str, tmp_path: Path) -> None:
    import obstore
    from obstore.store import S3Store

    here = Artifacts(tmp_path / "here", Bucket(s3_url))
    here.put(b"hello")
    obstore.delete(S3Store.from_url(s3_url), f"{DIGEST[:2]}/{DIGEST}")
    here.put(b"hello")
    assert Artifacts(tmp_path / "there", Bucket(s3_url)).read(DIGEST) == b"hello"


def test_file_from_before_the_bucket_goes_into_it(s3_url: str, tmp_path: Path) -> None:
    Artifacts(tmp_path / "here").put(b"hello")
    Artifacts(tmp_path / "here", Bucket(s3_url)).put(b"hello")
    assert Artifacts(tmp_path / "there", Bucket(s3_url)).read(DIGEST) == b"hello"


def test_file_of_the_bucket_that_was_changed_is_refused(s3_url: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"hallo")
    import obstore
    from obstore.store import S3Store

    obstore.put(S3Store.from_url(s3_url), f"{DIGEST[:2]}/{DIGEST}", wrong)
    with pytest.raises(StoreError) as refused:
        Artifacts(tmp_path / "here", Bucket(s3_url)).read(DIGEST)
    assert refused.value.code == "S01"
    with pytest.raises(StoreError) as refused:
        Artifacts(tmp_path / "here", Bucket(s3_url)).put(b"hello")
    assert refused.value.code == "S12"


def test_server_that_is_away_is_told(s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    artifacts = Artifacts(tmp_path, Bucket(s3_url))
    for ask in (lambda: artifacts.put(b"hello"), lambda: artifacts.read("b" * 64)):
        with pytest.raises(StoreError) as refused:
            ask()
        assert (refused.value.code, "invented" in str(refused.value)) == ("S13", False)


def test_bucket_that_is_not_there_is_told_and_no_file_is_missed(s3_url: str, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, Bucket("s3://no-such-bucket/office"))
    for ask in (lambda: artifacts.put(b"hello"), lambda: artifacts.put(b"a" * (20 << 20)), lambda: artifacts.read("b" * 64)):
        with pytest.raises(StoreError) as refused:
            ask()
        assert (refused.value.code, refused.value.message) == ("S13", "共用存储不可用：没有这个桶")
        assert URL_VARIABLE in refused.value.hint


def test_endpoint_without_its_scheme_is_refused(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "minio:9000")
    with pytest.raises(ConfigurationError) as refused:
        Bucket(s3_url)
    assert (refused.value.code, refused.value.message) == ("F11", "环境变量 AWS_ENDPOINT_URL 不是可用的存储地址")


@pytest.mark.parametrize("url", ["s3://", "files", "ftp://x/y", "http://x", "s3:bucket", "s3://bucket/office ", "s3://bucket/a?b=c"])
def test_address_that_is_none_is_refused_without_its_text(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, url)
    with pytest.raises(ConfigurationError) as refused:
        place_of_artifacts(tmp_path)
    assert refused.value.code == "F11"


def test_folder_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, str(tmp_path / "shared"))
    assert place_of_artifacts(tmp_path) == (tmp_path / "shared", None)
    monkeypatch.delenv(URL_VARIABLE)
    assert place_of_artifacts(tmp_path) == (tmp_path, None)
