"""Bags that earlier versions made: every one still verifies, and what is wrong in one is still found."""

import json
import re
import tarfile
from pathlib import Path

import bagit
import polars as pl
import pytest

from perfeval.reperformance import verify_archive

ARCHIVES = sorted((Path(__file__).parents[1] / "golden" / "archives").glob("*.tar.xz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name)
def bag(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    (bag,) = tmp_path.iterdir()
    return bag


def test_bag_of_an_earlier_version_verifies(bag: Path) -> None:
    checks = {check.name: check for check in verify_archive(bag)}
    assert "wrong" not in {str(check.state) for check in checks.values()}
    assert str(checks["从台账重算的数字"].state) == "same"
    assert checks["报告中印出的数字"].detail.partition("（")[0] in ("与归档时一致", "与归档时不同：个数或写法")
    # Points are the same to the cent; what explains them may be worded otherwise.
    assert checks["按规则重算的得分"].detail.partition("（")[0] in ("与归档时一致", "与归档时不同：说明文字")


@pytest.mark.parametrize(
    ("record", "old", "new", "check"),
    [
        ("records/facts.json", '"value": "73"', '"value": "74"', "从台账重算的数字"),
        ("records/scores.json", '"total": "98.75"', '"total": "99.75"', "按规则重算的得分"),
        ("records/scores.json", '"actual": "73次"', '"actual": "99次"', "按规则重算的得分"),
        ("records/scores.json", '"target": "≥60次"', '"target": "≥50次"', "按规则重算的得分"),
        ("records/figures.json", '"value": "73"', '"value": "75"', "报告中印出的数字"),
        ("workspace/indicators/2022.yml", '"≥60次"', '"≥50次"', "按规则重算的得分"),
        ("workspace/indicators/2022.yml", '"≥60次"', '"≥99次"', "按规则重算的得分"),
    ],
)
def test_value_changed_in_a_bag_of_an_earlier_version_is_wrong(bag: Path, record: str, old: str, new: str, check: str) -> None:
    path = bag / "data" / record
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new), encoding="utf-8")
    renew(bag, path)
    assert {item.name: str(item.state) for item in verify_archive(bag)}[check] == "wrong"


def test_fact_taken_from_a_bag_of_an_earlier_version_is_wrong(bag: Path) -> None:
    path = bag / "data" / "records" / "facts.json"
    path.chmod(0o644)
    path.write_text(json.dumps([fact for fact in json.loads(path.read_bytes()) if fact["id"] != "meetings"]), encoding="utf-8")
    renew(bag, path)
    assert {item.name: str(item.state) for item in verify_archive(bag)}["从台账重算的数字"] == "wrong"


@pytest.mark.parametrize("kept", [pl.col("fact") != "meetings", pl.lit(value=False)])
def test_rows_taken_from_the_lineage_of_an_earlier_version_are_wrong(bag: Path, kept: pl.Expr) -> None:
    path = bag / "data" / "records" / "lineage.parquet"
    path.chmod(0o644)
    pl.read_parquet(path).filter(kept).write_parquet(path)
    renew(bag, path)
    assert {item.name: str(item.state) for item in verify_archive(bag)}["数字所据的行"] == "wrong"


def renew(bag: Path, path: Path) -> None:
    """Make all digests of a bag anew, as whoever changes it on purpose would."""
    from perfeval.archive.digesting import ALGORITHMS, digest_folder

    (bag / "metadata.xml").chmod(0o644)
    name = path.relative_to(bag).as_posix()
    before = manifest(bag, "manifest-sha256.txt")[name], manifest(bag, "manifest-sm3.txt")[name]
    files, _ = digest_folder(bag)
    now = files[name].sha256, files[name].sm3
    described = (bag / "metadata.xml").read_text(encoding="utf-8")
    for old, new in zip(before, now, strict=True):
        described = described.replace(old, new)
    described = re.sub(rf'({re.escape(name)}">.*?单位="字节">)\d+', rf"\g<1>{files[name].size}", described, count=1, flags=re.DOTALL)
    (bag / "metadata.xml").write_text(described, encoding="utf-8")
    for algorithm in ALGORITHMS:
        write(bag / f"manifest-{algorithm}.txt", {key: file.by(algorithm) for key, file in files.items() if key.startswith("data/")})
    info = bag / "bag-info.txt"
    info.chmod(0o644)
    size = sum(file.size for key, file in files.items() if key.startswith("data/"))
    lines = [
        f"Payload-Oxum: {size}.{len(manifest(bag, 'manifest-sha256.txt'))}" if "Oxum" in line else line
        for line in info.read_text().splitlines()
    ]
    info.write_text("\n".join(lines) + "\n")
    files, _ = digest_folder(bag)
    for algorithm in ALGORITHMS:
        tags = {key: file.by(algorithm) for key, file in files.items() if not key.startswith(("data/", "tagmanifest"))}
        write(bag / f"tagmanifest-{algorithm}.txt", tags)
    bagit.Bag(str(bag)).validate()


def manifest(bag: Path, name: str) -> dict[str, str]:
    return {line.partition("  ")[2]: line.partition("  ")[0] for line in (bag / name).read_text(encoding="utf-8").splitlines()}


def write(path: Path, digests: dict[str, str]) -> None:
    path.chmod(0o644)
    path.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())), encoding="utf-8")
