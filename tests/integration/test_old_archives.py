"""Bags that earlier versions made: every one still verifies, and what is wrong in one is still found."""

import json
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bagit
import polars as pl
import pytest

from perfeval.model.digests import check_code, content_digest
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


Touch = Callable[[Any], object]


def test_decisions_of_an_earlier_version_are_not_proved(bag: Path) -> None:
    states = {check.name: check for check in verify_archive(bag) if str(check.state) == "unproved"}
    assert list(states) == ["真实性：审批决定", "外部凭证"]
    assert states["真实性：审批决定"].detail.endswith("只有 decisions.json 为证，事后不能独立验证")
    assert [str(check.state) for check in verify_archive(bag, "0" * 64) if check.name == "外部凭证"] == ["wrong"]


def of_another_program(bag: Path) -> None:
    """Claim another program, as whoever wants to be judged softly would."""
    for name in ("bag-info.txt", "metadata.xml", "归档说明.txt"):
        (bag / name).chmod(0o644)
        (bag / name).write_text((bag / name).read_text(encoding="utf-8").replace("perfeval 0.1.0", "perfeval 0.1.1"), encoding="utf-8")


def rewrite(bag: Path, name: str, change: Touch) -> None:
    """Change a JSON record of a bag that claims another program, and make all digests anew."""
    of_another_program(bag)
    path = bag / "data" / "records" / name
    path.chmod(0o644)
    path.write_text(json.dumps(change(json.loads(path.read_bytes())), ensure_ascii=False), encoding="utf-8")
    renew(bag, path)


def wrong(bag: Path) -> dict[str, str]:
    return {item.name: item.detail for item in verify_archive(bag) if not item.ok}


def reprint(bag: Path, old: str, new: str) -> None:
    """Change the text of the report once, and everything that is bound to it, as somebody would who may write the whole bag."""
    of_another_program(bag)
    report, decisions = bag / "data" / "report.docx", bag / "data" / "records" / "decisions.json"
    before = content_digest(report.read_bytes())
    parts = {}
    with zipfile.ZipFile(report) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    text = parts["word/document.xml"].decode()
    assert old in text
    parts["word/document.xml"] = text.replace(old, new, 1).encode()
    report.chmod(0o644)
    with zipfile.ZipFile(report, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    after = content_digest(report.read_bytes())
    renew(bag, report)
    for path in (decisions, bag / "归档说明.txt"):
        path.chmod(0o644)
        text = path.read_text(encoding="utf-8").replace(before, after).replace(check_code(before), check_code(after))
        path.write_text(text, encoding="utf-8")
    renew(bag, decisions)


@pytest.mark.parametrize(
    ("old", "new", "checks"),
    [
        (">73次<", ">99次<", {"报告与所记的数字、得分", "按台账重写的报告"}),
        (">98.75<", ">99.75<", {"报告与所记的数字、得分", "按台账重写的报告"}),
        ("38,612.50", "38,612.51", {"报告与所记的数字、得分", "按台账重写的报告"}),
        ("六项", "七项", {"按台账重写的报告"}),
        ("2022年度", "2021年度", {"按台账重写的报告"}),
    ],
)
def test_number_changed_in_the_report_of_any_version_is_wrong(bag: Path, old: str, new: str, checks: set[str]) -> None:
    reprint(bag, old, new)
    assert wrong(bag).keys() == checks


def test_word_changed_in_the_report_of_another_version_differs(bag: Path) -> None:
    reprint(bag, "调度", "调度（样例）")
    assert wrong(bag) == {}
    (check,) = [item for item in verify_archive(bag) if item.name == "按台账重写的报告"]
    assert str(check.state) == "differs"
    assert check.detail.startswith("与归档时不同：文字（如“")


def test_number_changed_in_a_report_that_cannot_be_written_again_is_wrong(bag: Path) -> None:
    narrative = bag / "data" / "workspace" / "report" / "2022.md"
    narrative.chmod(0o644)
    narrative.write_text(narrative.read_text(encoding="utf-8") + "\n{{ facts.nothing | number }}\n", encoding="utf-8")
    renew(bag, narrative)
    assert wrong(bag) == {}
    reprint(bag, ">73次<", ">99次<")
    assert wrong(bag).keys() == {"报告与所记的数字、得分"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda _: [], "budget_annual"),
        (lambda kept: [item for item in kept if item["id"] != "meetings"], "meetings"),
        (lambda kept: [{**item, "id": "sessions"} if item["id"] == "meetings" else item for item in kept], "sessions"),
        (lambda kept: [{**item, "text": "99次"} if item["text"] == "73次" else item for item in kept], "meetings"),
        (lambda kept: [{**item, "unit": "场"} if item["id"] == "meetings" else item for item in kept], "meetings"),
        (lambda kept: [{**item, "value": "74"} if item["id"] == "meetings" else item for item in kept], "meetings"),
    ],
)
def test_figures_of_another_version_emptied_renamed_or_changed_are_wrong(bag: Path, change: Touch, told: str) -> None:
    rewrite(bag, "figures.json", change)
    assert told in wrong(bag)["报告中印出的数字"]


def test_figures_of_another_version_taken_away_are_wrong(bag: Path) -> None:
    of_another_program(bag)
    take_away(bag, "data/records/figures.json")
    assert wrong(bag)["报告中印出的数字"] == "figures.json 缺失或无法读取"


def take_away(bag: Path, name: str) -> None:
    """Remove a file from a bag, from its manifests and from its metadata."""
    (bag / name).unlink()
    (bag / "metadata.xml").chmod(0o644)
    described = (bag / "metadata.xml").read_text(encoding="utf-8")
    element = re.compile(rf'  <电子文件 文件名="{re.escape(name)}">.*?</电子文件>\n', re.DOTALL)
    (bag / "metadata.xml").write_text(element.sub("", described), encoding="utf-8")
    renew_manifests(bag)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("metadata.xml", "<密级>公开", "<密级>秘密", "metadata.xml 的密级"),
        ("metadata.xml", "<保管期限>30年", "<保管期限>10年", "metadata.xml 的保管期限"),
        ("metadata.xml", "<全宗号>0000", "<全宗号>0001", "metadata.xml 的来源/全宗号"),
        ("metadata.xml", "<日期>2023-04-03", "<日期>2023-05-03", "metadata.xml 的日期"),
        ("bag-info.txt", "Bagging-Date: 2026", "Bagging-Date: 2025", "bag-info.txt 的Bagging-Date"),
        ("bag-info.txt", "Source-Organization: 桃江", "Source-Organization: 样例", "bag-info.txt 的Source-Organization"),
        ("归档说明.txt", "送审人 样例经办人", "送审人 另一人", "归档说明.txt 的归档稿次"),
        ("归档说明.txt", "同意，样例财政审核人", "同意，另一人", "归档说明.txt 的第1稿 财政局审批"),
        ("归档说明.txt", "报告内容摘要  cab5", "报告内容摘要  cab6", "归档说明.txt 的报告内容摘要"),
    ],
)
def test_description_of_another_version_that_says_otherwise_is_wrong(bag: Path, name: str, old: str, new: str, told: str) -> None:
    of_another_program(bag)
    edit(bag / name, old, new)
    renew_manifests(bag)
    assert told in wrong(bag)["元数据和说明"]


@pytest.mark.parametrize(
    ("name", "old", "new"), [("metadata.xml", "<题名>桃江县", "<题名>"), ("归档说明.txt", "一、这里有什么", "一、本包的内容")]
)
def test_title_and_words_of_a_description_of_another_version_only_differ(bag: Path, name: str, old: str, new: str) -> None:
    of_another_program(bag)
    edit(bag / name, old, new)
    renew_manifests(bag)
    assert wrong(bag) == {}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kept: kept["meetings"].update(sheet="Sheet1"), "meetings的sheet"),
        (lambda kept: kept["meetings"]["letters"].update(held_on="Z"), "meetings的letters"),
        (lambda kept: kept["meetings"]["letters"].clear(), "meetings的letters"),
        (lambda kept: kept["meetings"].update(parts=["0" * 64]), "meetings的parts"),
        (lambda kept: kept["meetings"].update(digest="0" * 64), "meetings的digest"),
        (lambda kept: kept["meetings"].update(title="会议"), "meetings的title"),
        (lambda kept: kept.pop("meetings"), "meetings（多出或缺少）"),
        (lambda kept: kept["meetings"].pop("sheet"), "缺失或无法读取"),
        (lambda kept: kept.clear(), "meetings（多出或缺少）"),
    ],
)
def test_names_of_snapshots_that_say_otherwise_are_wrong(bag: Path, change: Touch, told: str) -> None:
    rewrite(bag, "snapshots.json", lambda kept: (change(kept), kept)[1])
    assert told in wrong(bag)["台账快照的名称对照"]


def test_names_of_snapshots_taken_away_are_wrong(bag: Path) -> None:
    take_away(bag, "data/records/snapshots.json")
    assert wrong(bag) == {"台账快照的名称对照": "snapshots.json 缺失或无法读取"}


@pytest.mark.parametrize("notes", [{"1": "已更正"}, {"2": "已更正"}, [], "已更正"])
def test_corrections_without_a_return_are_wrong(bag: Path, notes: object) -> None:
    rewrite(bag, "corrections.json", lambda _: notes)
    assert wrong(bag)["真实性：更正说明"] == "data/records/corrections.json 不是每个退回的稿次各有一条"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.drop("held_on"), "meetings的栏目held_on"),
        (lambda frame: frame.rename({"held_on": "day"}), "meetings的栏目day、meetings的栏目held_on"),
        (lambda frame: frame.drop("row"), "meetings的栏目row"),
        (lambda frame: frame.with_columns(extra=pl.lit(1)), "meetings的栏目extra"),
        (lambda frame: frame.head(3), "meetings"),
    ],
)
def test_snapshot_of_another_version_with_other_columns_or_rows_is_wrong(bag: Path, change: Touch, told: str) -> None:
    of_another_program(bag)
    path = bag / "data" / "snapshots" / "meetings.parquet"
    frame: Any = change(pl.read_parquet(path))
    path.chmod(0o644)
    frame.write_parquet(path)
    renew(bag, path)
    assert told in wrong(bag)["台账快照"]


def test_snapshot_of_another_version_taken_away_or_broken_is_wrong(bag: Path) -> None:
    of_another_program(bag)
    take_away(bag, "data/snapshots/meetings.parquet")
    assert "缺少meetings" in wrong(bag)["台账快照"]
    path = bag / "data" / "snapshots" / "goals.parquet"
    path.chmod(0o644)
    path.write_bytes(b"PAR1")
    renew(bag, path)
    assert "goals无法读取" in wrong(bag)["台账快照"]


@pytest.mark.parametrize("name", ["data/records/lineage.parquet", "data/snapshots/goals.parquet", "data/records/corrections.json"])
def test_nothing_is_told_in_english_of_what_was_taken_away(bag: Path, name: str) -> None:
    take_away(bag, name)
    told = "".join(wrong(bag).values())
    assert told
    assert not re.search("[a-z]+ [a-z]+ [a-z]+|Errno", told), told


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


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new), encoding="utf-8")


def renew(bag: Path, path: Path) -> None:
    """Make all digests of a bag anew, as whoever changes it on purpose would."""
    from perfeval.archive.digesting import digest_folder

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
    renew_manifests(bag)


def renew_manifests(bag: Path) -> None:
    """Make manifests, sizes and tag manifests fit what lies in a bag."""
    from perfeval.archive.digesting import ALGORITHMS, digest_folder

    files, _ = digest_folder(bag)
    for algorithm in ALGORITHMS:
        write(bag / f"manifest-{algorithm}.txt", {key: file.by(algorithm) for key, file in files.items() if key.startswith("data/")})
    info = bag / "bag-info.txt"
    info.chmod(0o644)
    size = sum(file.size for key, file in files.items() if key.startswith("data/"))
    lines = [
        f"Payload-Oxum: {size}.{len(manifest(bag, 'manifest-sha256.txt'))}" if "Oxum" in line else line
        for line in info.read_text(encoding="utf-8").splitlines()
    ]
    info.write_text("\n".join(lines) + "\n", encoding="utf-8")
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
