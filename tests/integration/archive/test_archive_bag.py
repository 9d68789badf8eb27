"""Archiving: through the door, whole or not at all, the same bag every time."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bagit
import pytest
from chains import KEY

from perfeval.approvals.record import Entry, append, digests, read_line
from perfeval.archive import Check, State, SubmissionPackage, archive_bag, verify_bag
from perfeval.errors import ArchiveError
from perfeval.model import Decision, ReceivedFile, Verdict

Pack = Callable[[Any], SubmissionPackage]
PROOF = ["authenticator_data", "client_data.json", "key.pem", "origin", "rp_id", "signature", "statement.json", "summary.txt"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_archive_bag_of_an_approved_evaluation_holds_everything(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive")
    assert bag == tmp_path / "archive" / "0000-WS·2022-D30-XMXT-0001"
    assert sorted(contents(bag)) == [
        "bag-info.txt",
        "bagit.txt",
        "check.sh",
        "data/records/corrections.json",
        "data/records/decisions.json",
        "data/records/facts.json",
        "data/records/findings.json",
        "data/records/lineage.parquet",
        "data/records/origin.json",
        "data/records/people.jsonl",
        *(f"data/records/proofs/0004-center/{name}" for name in PROOF),
        *(f"data/records/proofs/0009-center/{name}" for name in PROOF),
        "data/records/record.jsonl",
        "data/records/scores.json",
        "data/report.docx",
        "data/snapshots/expenditure.parquet",
        "data/workspace/indicators/2022.yml",
        "data/workspace/ledgers/2022/资金支出台账.xlsx",
        "data/workspace/ledgers/2022/进度 100%.csv",
        "data/workspace/perfeval.yml",
        "data/审批表.docx",
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
    with pytest.raises(ArchiveError, match=r"内容摘要与审批记录第8条不同；“张样例”批准的不是这份报告.*；“李样例”批准的不是这份报告"):
        archive_bag(replace(package, report=make_report("自评报告，另加一句")), tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


def test_archive_bag_with_other_gates_than_were_recorded_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="审批环节与审批记录第8条不同"):
        archive_bag(replace(package, gates=package.gates[:1]), tmp_path / "archive")


def test_archive_bag_after_its_last_decision_only(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="归档时间早于审批记录的最后一个决定；“李样例”的决定晚于归档"):
        archive_bag(replace(package, archived_at=package.decisions[-1].decided_at - timedelta(seconds=1)), tmp_path / "archive")


def test_archive_bag_of_a_damaged_report_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="不能归档：Word文件已损坏"):
        archive_bag(replace(package, report=package.report[:-30]), tmp_path / "archive")


@pytest.mark.parametrize(
    ("decided", "problem"),
    [
        ({}, "缺少“财政局审批”对第2稿的审批决定"),
        ({"bureau": {"verdict": Verdict.REFUSE}}, "缺少“财政局审批”对第2稿的审批决定"),
        ({"bureau": {"verdict": Verdict.RETURN}}, "缺少“财政局审批”对第2稿的审批决定"),
        ({"bureau": {"revision": 1}}, "审批记录第10条不成立：第1稿不是当时送审的一稿"),
        ({"bureau": {"content_digest": "0" * 64}}, "审批记录第10条不成立：批准的不是成文的报告"),
        ({"bureau": {"evaluation": "another"}}, "审批记录第10条不成立：决定书说的是另一项自评"),
        ({"bureau": {"approver": "p2"}}, "审批记录第10条不成立：“张样例”不是“财政局审批”的审批人|“张样例”已在另一环节审批过"),
        ({"bureau": {"approver": "p1"}}, "审批记录第10条不成立：“陈样例”是送审人"),
        ({"bureau": {"decided_at": datetime(2023, 1, 1, tzinfo=UTC)}}, "审批记录第10条不成立：决定的时间早于成文"),
    ],
)
def test_archive_bag_without_a_valid_approval_at_every_gate_is_refused(
    approving: Any, pack: Pack, tmp_path: Path, decided: dict[str, dict[str, Any]], problem: str
) -> None:
    approving.decide("center")
    for gate, changed in decided.items():
        approving.decide(gate, **changed)
    with pytest.raises(ArchiveError, match=problem):
        archive_bag(pack(approving), tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


KEY_OF_ANOTHER = b"x" * 32
FORGED = Decision("zdxm-2022-001", 2, "bureau", Verdict.APPROVE, "李样例", "0" * 64, "", datetime(2023, 1, 6, tzinfo=UTC))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda made: made[:-1], "数据库与审批记录第10条（“李样例”对第2稿同意）不同，或缺少这一决定"),
        (lambda made: [*made, FORGED], "数据库中“李样例”对第2稿bureau的“同意”在审批记录中没有"),
        (lambda made: [replace(made[0], verdict=Verdict.APPROVE), *made[1:]], "数据库与审批记录第4条（“张样例”对第1稿退回修改）不同"),
        (lambda made: [replace(made[0], approver="王样例"), *made[1:]], "数据库中“王样例”对第1稿center的“退回修改”在审批记录中没有"),
        (lambda made: [*made[:2], replace(made[2], comment="另有意见")], "数据库与审批记录第10条"),
        (lambda made: [*made[:2], replace(made[2], decided_at=made[1].decided_at)], "数据库与审批记录第10条"),
    ],
)
def test_archive_bag_of_a_table_that_is_not_the_record_names_the_entry(
    package: SubmissionPackage, tmp_path: Path, change: Callable[[list[Decision]], list[Decision]], problem: str
) -> None:
    with pytest.raises(ArchiveError, match=re.escape(problem)) as refused:
        archive_bag(replace(package, decisions=tuple(change(list(package.decisions)))), tmp_path / "archive", KEY)
    assert refused.value.code == "K09"
    assert not (tmp_path / "archive").exists()


def rewritten(entry: Entry, old: str, new: str) -> Entry:
    """A line changed in the store, its digests made anew, its MAC left."""
    assert old in entry.line
    line = entry.line.replace(old, new)
    return replace(entry, line=line, sha256=digests(line)[0], sm3=digests(line)[1])


def forged(entries: Sequence[Entry], place: int, old: str, new: str, key: bytes) -> list[Entry]:
    """A line changed and every later one made anew, by somebody who has a key."""
    made = list(entries[:place])
    for entry in entries[place:]:
        line = read_line(entry.line.replace(old, new) if len(made) == place else entry.line)
        made.append(append(line.chain, made[-1] if made else None, line.what, line.who, line.at, key))
    return made


@pytest.mark.parametrize(
    ("touch", "problem"),
    [
        (lambda made: [*made[:3], rewritten(made[3], "退回修改", "同意"), *made[4:]], "审批记录第4条校验码不符：不是本程序写的，或被改动"),
        (lambda made: [*made[:3], replace(made[3], line=made[3].line + " "), *made[4:]], "审批记录第4条被改动：内容与登记的摘要不符"),
        (lambda made: [*made[:3], *made[4:]], "审批记录缺少第4条：已被删去"),
        (lambda made: [*made[:4], *made[3:]], "审批记录第4条有2条：多出的是插入的"),
        (lambda made: [*made[:3], made[4], made[3], *made[5:]], "审批记录第4条次序颠倒"),
        (lambda made: [replace(made[0], number=2), *made[1:]], "审批记录第1条"),
        (lambda made: [*made[:9], replace(made[9], mac="")], "审批记录第10条没有校验码：不是本程序写的"),
        (lambda made: [*made[:9], replace(made[9], mac=made[8].mac)], "审批记录第10条校验码不符"),
        (lambda made: forged(made, 0, '"prepared_by":"p1"', '"prepared_by":"p9"', KEY_OF_ANOTHER), "审批记录第1条校验码不符"),
        (lambda made: forged(made, 5, "已补充会议纪要", "没有更正", KEY_OF_ANOTHER), "审批记录第6条校验码不符"),
        (lambda made: forged(made, 7, '"needs":1', '"needs":2', KEY), "审批记录第9条不成立：决定书不是接着这份记录作的"),
        (lambda made: made[:-1], "数据库中“李样例”对第2稿bureau的“同意”在审批记录中没有"),
    ],
)
def test_archive_bag_of_a_record_that_was_touched_names_the_entry(
    package: SubmissionPackage, tmp_path: Path, touch: Callable[[Sequence[Entry]], list[Entry]], problem: str
) -> None:
    with pytest.raises(ArchiveError, match=re.escape(problem)) as refused:
        archive_bag(replace(package, record=touch(package.record)), tmp_path / "archive", KEY)
    assert refused.value.code == "K09"
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    ("touch", "problem"),
    [
        (lambda made: [*made[:6], rewritten(made[6], "张样例", "王样例"), *made[7:]], "人员记录第7条校验码不符"),
        (lambda made: [*made[:6], *made[7:]], "人员记录缺少第7条：已被删去"),
        (lambda made: made[:-1], "审批记录第1条不成立：所依据的人员记录不在人员链上"),
        (
            lambda made: forged(made, 8, '"is_on_paper":true', '"is_on_paper":false', KEY),
            "人员记录第9条不算数：经办人或管理员确认登记，须有本人签名",
        ),
    ],
)
def test_archive_bag_of_people_that_were_touched_names_the_entry(
    package: SubmissionPackage, tmp_path: Path, touch: Callable[[Sequence[Entry]], list[Entry]], problem: str
) -> None:
    with pytest.raises(ArchiveError, match=re.escape(problem)):
        archive_bag(replace(package, people=touch(package.people)), tmp_path / "archive", KEY)


def test_archive_bag_without_a_record_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="没有审批记录"):
        archive_bag(replace(package, record=(), decisions=()), tmp_path / "archive")


def test_archive_bag_that_does_not_verify_is_not_sealed(package: SubmissionPackage, tmp_path: Path) -> None:
    wrong = [Check("从台账重算的数字", State.WRONG, "与归档时不同：meetings")]
    with pytest.raises(ArchiveError, match="核验未通过：从台账重算的数字：与归档时不同：meetings"):
        archive_bag(package, tmp_path / "archive", KEY, lambda _: wrong)
    assert list((tmp_path / "archive").iterdir()) == []


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_check_script_in_the_bag_agrees(package: SubmissionPackage, tmp_path: Path) -> None:
    bag = archive_bag(package, tmp_path / "archive", KEY)
    done = subprocess.run(["sh", "check.sh"], cwd=bag, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "核验相符（谁是设备的主人，以纸质登记单为准）")


def test_notice_tells_heads_and_what_still_lets_a_clerk_cheat(package: SubmissionPackage, tmp_path: Path) -> None:
    notice = (archive_bag(package, tmp_path / "archive") / "归档说明.txt").read_text(encoding="utf-8")
    assert f"审批记录      共10条，链头 {package.record[-1].sha256}" in notice
    assert f"人员记录      共12条，链头 {package.people[-1].sha256}" in notice
    assert "没有审批人亲手签名的《审批人设备登记单》" in notice
    assert "动态码：由程序当时核验，事后不能独立验证。" in notice


def test_archive_bag_with_nothing_to_keep_names_what_is_missing(package: SubmissionPackage, tmp_path: Path) -> None:
    empty = replace(package, ledgers=(), snapshots={}, configuration={}, records={"facts.json": b"[]"})
    missing = (
        r"缺少：data/records/scores\.json、data/records/findings\.json、data/workspace/perfeval\.yml、data/records/corrections\.json、"
    )
    with pytest.raises(ArchiveError, match=missing):
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


def test_archive_bag_of_other_ledgers_than_were_frozen_is_refused(package: SubmissionPackage, tmp_path: Path) -> None:
    content = b"corrected expenditure"
    corrected = ReceivedFile("资金支出台账.xlsx", tmp_path / "corrected", hashlib.sha256(content).hexdigest())
    corrected.path.write_bytes(content)
    told = r"ledgers/2022/资金支出台账\.xlsx 不是审批记录所说的文件.*真实性：台账与事实记录：资金支出台账\.xlsx 与事实记录的摘要不同或缺失"
    with pytest.raises(ArchiveError, match=told):
        archive_bag(replace(package, ledgers=(corrected, package.ledgers[1])), tmp_path / "archive")
    assert list((tmp_path / "archive").iterdir()) == []


def test_archive_bag_keeps_titles_and_opinions_on_their_line(approving: Any, pack: Pack, tmp_path: Path) -> None:
    approving.decide("center")
    approving.decide("bureau", comment="同意。\nPayload-Oxum: 0.0\x1b[2J")
    bag = archive_bag(replace(pack(approving), title="自评\n报告<&>"), tmp_path / "archive")
    assert "External-Description: 自评 报告<&>\n" in (bag / "bag-info.txt").read_text(encoding="utf-8")
    assert "意见：同意。 Payload-Oxum: 0.0 [2J\n" in (bag / "归档说明.txt").read_text(encoding="utf-8")
    assert [check.name for check in verify_bag(bag) if not check.ok] == []
