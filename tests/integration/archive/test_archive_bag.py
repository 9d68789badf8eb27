"""Archiving: through the door, whole or not at all, the same bag every time."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import bagit
import pytest

from perfeval.archive import SubmissionPackage, archive_bag, verify_bag
from perfeval.errors import ArchiveError
from perfeval.model import Decision, ReceivedFile, Verdict


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_archive_bag_of_an_approved_evaluation_holds_everything(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    assert bag == tmp_path / "archive" / "0000-WS·2022-D30-XMXT-0001"
    assert sorted(contents(bag)) == [
        "bag-info.txt",
        "bagit.txt",
        "data/records/decisions.json",
        "data/records/facts.json",
        "data/records/findings.json",
        "data/records/lineage.parquet",
        "data/records/scores.json",
        "data/report.docx",
        "data/snapshots/expenditure.parquet",
        "data/workspace/indicators/2022.yml",
        "data/workspace/ledgers/2022/资金支出台账.xlsx",
        "data/workspace/ledgers/2022/进度 100%.csv",
        "data/workspace/perfeval.yml",
        "manifest-sha256.txt",
        "manifest-sm3.txt",
        "metadata.xml",
        "tagmanifest-sha256.txt",
        "tagmanifest-sm3.txt",
        "归档说明.txt",
    ]


def test_archive_bag_of_an_approved_evaluation_is_intact(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    assert [(check.name, check.detail) for check in verify_bag(bag) if not check.ok] == []


def test_archive_bag_satisfies_the_library_of_congress(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = bagit.Bag(str(archive_bag(package, tmp_path / "archive")))
    assert bag.validate()
    assert bag.info["External-Identifier"] == "0000-WS·2022-D30-XMXT-0001"
    assert bag.info["Bagging-Date"] == "2023-02-03"


@pytest.mark.parametrize(
    "command",
    [
        ["sha256sum", "--check", "--strict", "manifest-sha256.txt"],
        ["sha256sum", "--check", "--strict", "tagmanifest-sha256.txt"],
        ["cksum", "--algorithm=sm3", "--check", "--strict", "manifest-sm3.txt"],
        ["cksum", "--algorithm=sm3", "--check", "--strict", "tagmanifest-sm3.txt"],
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="GNU coreutils")
def test_archive_bag_satisfies_standard_tools(package: SubmissionPackage, tmp_path: Path, command: list[str]) -> None:
    subprocess.run(command, cwd=archive_bag(package, tmp_path / "archive"), check=True, capture_output=True)


def test_notice_tells_a_recipe_that_gives_the_content_digest(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    notice = (bag / "归档说明.txt").read_text(encoding="utf-8")
    start, end = notice.index("unzip"), notice.index("    结果应等于")
    recipe = notice[start:end].replace("/tmp/parts", str(tmp_path / "parts"))  # noqa: S108  # replaced
    printed = subprocess.run(["sh", "-ec", recipe], cwd=bag, check=True, capture_output=True, text=True).stdout
    assert f"报告内容摘要  {printed.split()[0]}" in notice


def test_archive_bag_writes_read_only_files(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    assert {path.stat().st_mode & 0o777 for path in bag.rglob("*") if path.is_file()} == {0o444}


def test_archive_bag_twice_returns_the_bag_untouched(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    inode = bag.stat().st_ino
    assert archive_bag(package, tmp_path / "archive") == bag
    assert bag.stat().st_ino == inode
    assert [path.name for path in (tmp_path / "archive").iterdir()] == ["0000-WS·2022-D30-XMXT-0001"]


def test_archive_bag_in_two_places_is_the_same_byte_for_byte(package: SubmissionPackage, tmp_path: Path) -> None:
    shuffled = replace(
        package,
        decisions=package.decisions[::-1],
        ledgers=package.ledgers[::-1],
        records=dict(reversed(package.records.items())),
    )
    assert contents(archive_bag(package, tmp_path / "a")) == contents(archive_bag(shuffled, tmp_path / "b"))


def test_archive_bag_over_a_different_bag_names_the_files(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    before = contents(bag)
    with pytest.raises(ArchiveError, match=r"0001 已有归档包，内容不同：.*data/records/findings\.json"):
        archive_bag(replace(package, records={**package.records, "findings.json": b"[1]"}), tmp_path / "archive")
    assert contents(bag) == before


@pytest.mark.parametrize("place", ["file", "link"])
def test_archive_bag_where_something_else_stands_is_refused(package: SubmissionPackage, tmp_path: Path, place: str) -> None:
    bag = archive_bag(package, tmp_path / "elsewhere")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "link").symlink_to(bag)
    (tmp_path / "archive" / "file").write_bytes(b"")
    (tmp_path / "archive" / place).rename(tmp_path / "archive" / bag.name)
    with pytest.raises(ArchiveError, match="不是文件夹"):
        archive_bag(package, tmp_path / "archive")


def test_archive_bag_after_a_crash_removes_what_was_left(package: SubmissionPackage, tmp_path: Path) -> None:
    leftover = tmp_path / "archive" / ".0000-WS·2022-D30-XMXT-0001.abc"
    other = tmp_path / "archive" / ".0000-WS·2022-D30-XMXT-0002.abc"
    leftover.mkdir(parents=True)
    other.mkdir()
    (leftover / "bagit.txt").write_bytes(b"half")
    archive_bag(package, tmp_path / "archive")
    assert (leftover.exists(), other.exists()) == (False, True)


def test_archive_bag_by_several_at_once_is_one_bag_for_all(package: SubmissionPackage, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        bags = list(pool.map(lambda _: archive_bag(package, tmp_path / "archive"), range(4)))
    assert bags == [tmp_path / "archive" / "0000-WS·2022-D30-XMXT-0001"] * 4
    assert list((tmp_path / "archive").iterdir()) == bags[:1]


def test_archive_bag_without_a_file_it_should_keep_leaves_nothing(package: SubmissionPackage, tmp_path: Path) -> None:
    package.snapshots["expenditure"].unlink()
    with pytest.raises(ArchiveError, match=r"读写文件失败.*snapshot"):
        archive_bag(package, tmp_path / "archive")
    assert list((tmp_path / "archive").iterdir()) == []


def test_archive_bag_of_a_report_changed_after_approval_is_refused(
    package: SubmissionPackage, tmp_path: Path, make_report: Callable[[str], bytes]
) -> None:
    with pytest.raises(ArchiveError, match=r"“张样例”批准的不是这份报告.*；“李样例”批准的不是这份报告"):
        archive_bag(replace(package, report=make_report("自评报告，另加一句")), tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


def test_archive_bag_with_one_gate_written_twice_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    center = package.gates[0]
    with pytest.raises(ArchiveError, match="审批环节重复"):
        archive_bag(replace(package, gates=(center, center), decisions=package.decisions[:2]), tmp_path / "archive")


def test_archive_bag_of_a_damaged_report_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="不能归档：Word文件已损坏"):
        archive_bag(replace(package, report=package.report[:-30]), tmp_path / "archive")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"verdict": Verdict.REFUSE}, "“财政局审批”的决定是“不同意”"),
        ({"gate": "center"}, "缺少“财政局审批”"),
        ({"evaluation": "another"}, "不属于本件"),
        ({"revision": 1}, "缺少“财政局审批”对第2稿的审批决定"),
        ({"content_digest": "0" * 64}, "“李样例”批准的不是这份报告"),
        ({"approver": "张样例"}, "“张样例”在不止一个环节作了审批"),
        ({"approver": "陈样例"}, "送审人“陈样例”审批了自己送审的报告"),
        ({"decided_at": datetime(2023, 1, 30, tzinfo=UTC)}, "“李样例”的决定早于成文"),
    ],
)
def test_archive_bag_without_a_valid_approval_at_every_gate_is_refused(
    package: SubmissionPackage, tmp_path: Path, decide: Callable[..., Decision], change: dict[str, object], problem: str
) -> None:
    forged = replace(decide("bureau", "李样例", package.report), **change)
    with pytest.raises(ArchiveError, match=problem):
        archive_bag(replace(package, decisions=(*package.decisions[:2], forged)), tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


def test_archive_bag_with_nothing_to_keep_names_what_is_missing(package: SubmissionPackage, tmp_path: Path) -> None:
    empty = replace(package, ledgers=(), snapshots={}, configuration={}, records={"facts.json": b"[]"})
    with pytest.raises(ArchiveError, match=r"缺少：data/records/scores\.json、data/records/findings\.json、data/workspace/perfeval\.yml、"):
        archive_bag(empty, tmp_path / "archive")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../资金.xlsx", "越出归档包"),
        ("子文件夹/资金.xlsx", "名称中不应有 /"),
        ("CON.xlsx", "Windows的保留名"),
        ("资金\u202e.xlsx", "不可见字符"),
        ("进度 100%.CSV", "重名（不区分大小写）"),
    ],
)
def test_archive_bag_of_a_ledger_whose_name_cannot_be_kept_is_refused(
    package: SubmissionPackage, tmp_path: Path, name: str, problem: str
) -> None:
    ledger = package.ledgers[0]
    renamed = (*package.ledgers, ReceivedFile(name, ledger.path, ledger.digest))
    with pytest.raises(ArchiveError, match=problem):
        archive_bag(replace(package, ledgers=renamed), tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


def test_archive_bag_with_a_record_of_its_own_name_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"decisions\.json：与 data/records/decisions\.json 重名"):
        archive_bag(replace(package, records={**package.records, "decisions.json": b"{}"}), tmp_path / "archive")


def test_archive_bag_with_a_number_that_leads_outside_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="名称中不应有 /"):
        archive_bag(replace(package, archive_no="../0001"), tmp_path / "archive")


def test_archive_bag_of_a_ledger_changed_since_it_was_received_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    package.ledgers[1].path.write_bytes(b"other progress")
    with pytest.raises(ArchiveError, match=r"台账与收到时不同：进度 100%\.csv"):
        archive_bag(package, tmp_path / "archive")
    assert list((tmp_path / "archive").iterdir()) == []


def test_archive_bag_of_facts_from_other_ledgers_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    content = b"corrected expenditure"
    corrected = ReceivedFile("资金支出台账.xlsx", tmp_path / "corrected", hashlib.sha256(content).hexdigest())
    corrected.path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"真实性：台账与事实记录：资金支出台账\.xlsx 与事实记录的摘要不同或缺失"):
        archive_bag(replace(package, ledgers=(corrected,)), tmp_path / "archive")
    assert list((tmp_path / "archive").iterdir()) == []


def test_archive_bag_keeps_titles_and_opinions_on_their_line(package: SubmissionPackage, tmp_path: Path) -> None:
    talkative = replace(package.decisions[2], comment="同意。\nPayload-Oxum: 0.0\x1b[2J")
    multiline = replace(package, title="自评\n报告<&>", decisions=(*package.decisions[:2], talkative))
    bag = archive_bag(multiline, tmp_path / "archive")
    assert "External-Description: 自评 报告<&>\n" in (bag / "bag-info.txt").read_text(encoding="utf-8")
    assert "意见：同意。 Payload-Oxum: 0.0 [2J\n" in (bag / "归档说明.txt").read_text(encoding="utf-8")
    assert [check.name for check in verify_bag(bag) if not check.ok] == []
