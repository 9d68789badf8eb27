"""Checking bags: every kind of damage is named, and none is a traceback."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from perfeval.archive import verify_bag

FILES = [
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
    "data/records/proofs/0009-center/statement.json",
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
ALL_CHECKS = [
    "安全性：文件种类",
    "完整性：文件清单",
    "完整性：SHA-256摘要",
    "完整性：SM3摘要",
    "完整性：说明文件",
    "可用性：BagIt格式",
    "可用性：记录的读法",
    "真实性：审批记录",
    "真实性：审批凭证",
    "真实性：审批决定",
    "真实性：审批人与送审人",
    "真实性：批准的就是这份报告",
    "真实性：核对码",
    "真实性：台账与事实记录",
    "真实性：更正说明",
    "真实性：元数据",
]


def failed(bag: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify_bag(bag) if not check.ok}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_verify_bag_intact_names_every_check(bag: Path) -> None:
    assert [check.name for check in verify_bag(bag)] == ALL_CHECKS
    assert failed(bag) == {}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("position", [0, 0.5, -1])
def test_verify_bag_with_a_flipped_bit_names_the_file(bag: Path, file: str, position: float) -> None:
    content = bytearray((bag / file).read_bytes())
    content[int(position * len(content)) if position > 0 else int(position)] ^= 1
    (bag / file).write_bytes(content)
    assert file in " ".join(failed(bag).values())


@pytest.mark.parametrize("file", FILES)
def test_verify_bag_with_a_file_removed_names_it(bag: Path, file: str) -> None:
    (bag / file).unlink()
    assert file in " ".join(failed(bag).values())


@pytest.mark.parametrize("file", FILES)
def test_verify_bag_with_a_truncated_file_names_it(bag: Path, file: str) -> None:
    (bag / file).write_bytes((bag / file).read_bytes()[:-1])
    assert file in " ".join(failed(bag).values())


@pytest.mark.parametrize("file", FILES)
def test_verify_bag_with_an_emptied_file_names_it(bag: Path, file: str) -> None:
    (bag / file).write_bytes(b"")
    assert file in " ".join(failed(bag).values())


@pytest.mark.parametrize(
    "file", ["data/planted.xlsx", "data/workspace/ledgers/2022/planted.csv", "planted.txt", "manifest-md5.txt", "sub/planted"]
)
def test_verify_bag_with_a_file_added_names_it(bag: Path, file: str) -> None:
    (bag / file).parent.mkdir(exist_ok=True)
    (bag / file).write_bytes(b"planted")
    assert f"多出 {file}" in " ".join(failed(bag).values())


def test_verify_bag_with_another_report_resealed_is_caught_by_the_decisions(
    bag: Path, make_report: Callable[[str], bytes], reseal: Callable[[Path], None]
) -> None:
    (bag / "data/report.docx").write_bytes(make_report("自评报告，得分改为100分"))
    reseal(bag)
    assert list(failed(bag)) == ["真实性：批准的就是这份报告", "真实性：核对码"]
    assert "“李样例”批准的不是这份报告" in failed(bag)["真实性：批准的就是这份报告"]


def test_verify_bag_with_another_ledger_resealed_is_caught_by_the_facts(bag: Path, reseal: Callable[[Path], None]) -> None:
    (bag / "data/workspace/ledgers/2022/资金支出台账.xlsx").write_bytes(b"expenditurE")
    reseal(bag)
    assert failed(bag) == {
        "真实性：审批决定": "data/workspace/ledgers/2022/资金支出台账.xlsx 不是审批记录所说的文件",
        "真实性：台账与事实记录": "资金支出台账.xlsx 与事实记录的摘要不同或缺失",
    }


def test_verify_bag_with_a_ledger_removed_and_resealed_is_caught_by_the_facts(bag: Path, reseal: Callable[[Path], None]) -> None:
    (bag / "data/workspace/ledgers/2022/资金支出台账.xlsx").unlink()
    reseal(bag)
    assert failed(bag) == {
        "真实性：审批决定": "data/workspace/ledgers/2022/资金支出台账.xlsx 不是审批记录所说的文件",
        "真实性：台账与事实记录": "资金支出台账.xlsx 与事实记录的摘要不同或缺失",
    }


def test_verify_bag_with_facts_that_record_no_ledger_says_so(bag: Path, reseal: Callable[[Path], None]) -> None:
    (bag / "data/records/facts.json").write_text("[]")
    reseal(bag)
    assert failed(bag) == {"真实性：台账与事实记录": "data/records/facts.json 没有记录台账摘要"}


def test_verify_bag_with_scores_removed_and_resealed_names_them(bag: Path, reseal: Callable[[Path], None]) -> None:
    (bag / "data/records/scores.json").unlink()
    reseal(bag)
    assert failed(bag)["完整性：文件清单"] == "缺少 data/records/scores.json"


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ('"verdict": "同意",\n      "approver": "李样例"', '"verdict": "不同意",\n      "approver": "李样例"', "真实性：审批决定"),
        ('"approver": "李样例"', '"approver": "陈样例"', "真实性：审批人与送审人"),
        ('"approver": "李样例"', '"approver": "张样例"', "真实性：审批人与送审人"),
        ('"prepared_by": "陈样例"', '"prepared_by": "张样例"', "真实性：审批人与送审人"),
        ('"check_code": "', '"check_code": "0', "真实性：核对码"),
        ('"content_digest": "ea', '"content_digest": "eb', "真实性：批准的就是这份报告"),
        ('"revision": 2,\n  "prepared_by"', '"revision": 1,\n  "prepared_by"', "真实性：审批决定"),
        ('"key": "bureau"', '"key": "county"', "真实性：审批决定"),
    ],
)
def test_verify_bag_with_decisions_forged_and_resealed_is_caught(
    bag: Path, reseal: Callable[[Path], None], old: str, new: str, check: str
) -> None:
    edit(bag / "data/records/decisions.json", old, new)
    reseal(bag)
    assert check in failed(bag)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("<机构人员>李样例", "<机构人员>王样例", "业务行为与 decisions.json 不符"),
        ("<档号>0000", "<档号>0001", "档号与 bag-info.txt 不符"),
        ('单位="字节">285', '单位="字节">286', "data/report.docx 与元数据不符"),
        ('文件名="data/report.docx"', '文件名="data/other.docx"', "data/other.docx 与元数据不符"),
        ("<聚合层次>件</聚合层次>", "<聚合层次>件", "metadata.xml 无法读取"),
    ],
)
def test_verify_bag_with_metadata_forged_and_resealed_is_caught(
    bag: Path, reseal_tags: Callable[[Path], None], old: str, new: str, problem: str
) -> None:
    edit(bag / "metadata.xml", old, new)
    reseal_tags(bag)
    assert problem in failed(bag)["真实性：元数据"]


def test_verify_bag_with_an_outside_entity_in_its_metadata_reads_nothing_outside(
    bag: Path, tmp_path: Path, reseal_tags: Callable[[Path], None]
) -> None:
    (tmp_path / "secret").write_text("secret")
    edit(bag / "metadata.xml", "<?xml version='1.0' encoding='UTF-8'?>", f'<!DOCTYPE x [<!ENTITY a SYSTEM "{tmp_path}/secret">]>')
    edit(bag / "metadata.xml", "<机构人员>李样例", "<机构人员>&a;李样例")
    reseal_tags(bag)
    assert failed(bag) == {"真实性：元数据": "业务行为与 decisions.json 不符"}


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("data/records/decisions.json", b"[" * 100_000, "data/records/decisions.json 无法读取"),
        ("data/records/decisions.json", b"\xff", "data/records/decisions.json 无法读取"),
        ("data/records/facts.json", b"[" * 100_000, "data/records/facts.json 无法读取"),
        ("data/records/facts.json", b"\xff", "data/records/facts.json 无法读取：不是UTF-8文本"),
        ("data/records/facts.json", b'{"file": "\\ud800", "digest": "0"}', "\\ud800 与事实记录的摘要不同或缺失"),
        ("data/report.docx", b"PK", "Word文件已损坏"),
        ("metadata.xml", b"<a>" * 100_000, "metadata.xml 无法读取"),
        ("metadata.xml", b"<?xml version='1.0' encoding='x'?><a/>", "metadata.xml 无法读取"),
        ("manifest-sha256.txt", b"\xff\n", "manifest-sha256.txt 不是UTF-8文本"),
        ("manifest-sha256.txt", b"0 data/report.docx\n", "manifest-sha256.txt 第1行不是“摘要  文件名”"),
        ("manifest-sm3.txt", b"0" * 64 + b"  ../../etc/passwd\n", "manifest-sm3.txt 第1行：路径越出归档包"),
        ("manifest-sm3.txt", b"0" * 64 + b"  /etc/passwd\n", "manifest-sm3.txt 第1行：路径越出归档包"),
        ("manifest-sm3.txt", (b"0" * 64 + b"  data/a\n") * 2, "manifest-sm3.txt 第2行：data/a 重复"),
        ("tagmanifest-sha256.txt", b"0" * 64 + b"  data/\x00\n", "tagmanifest-sha256.txt 第1行：文件名含有不可见字符"),
        ("tagmanifest-sm3.txt", b"", "tagmanifest-sm3.txt 中没有 metadata.xml"),
        ("fetch.txt", b"http://example.invalid/ - data/report.docx\n", "多出 fetch.txt"),
    ],
)
def test_verify_bag_with_a_document_replaced_by_rubbish_says_so(bag: Path, file: str, content: bytes, problem: str) -> None:
    (bag / file).write_bytes(content)
    assert problem in " ".join(failed(bag).values())


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("bag-info.txt", b"Payload-Oxum: 1\n", "bagit 报告"),
        ("bag-info.txt", b"Payload-Oxum: 1.1\n", "bagit 报告"),
        ("bag-info.txt", b"no label\n", "bagit 报告"),
        ("bag-info.txt", b"\xff: \xff\n", "bagit 报告"),
        ("bagit.txt", b"BagIt-Version: 0.97\nBagIt-Version: 0.97\n", "bagit.txt 不是本程序所写"),
        ("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-7\n", "bagit.txt 不是本程序所写"),
    ],
)
def test_verify_bag_with_tag_files_forged_and_resealed_is_caught(
    bag: Path, reseal_tags: Callable[[Path], None], file: str, content: bytes, problem: str
) -> None:
    (bag / file).write_bytes(content)
    reseal_tags(bag)
    assert problem in failed(bag)["可用性：BagIt格式"]


@pytest.mark.parametrize("file", ["data/report.docx", "data/records", "metadata.xml", "manifest-sm3.txt", "data"])
def test_verify_bag_with_a_link_names_it_and_does_not_follow(bag: Path, tmp_path: Path, file: str) -> None:
    (bag / file).rename(tmp_path / "outside")
    (bag / file).symlink_to(tmp_path / "outside")
    assert failed(bag)["安全性：文件种类"] == f"{file} 是链接或特殊文件"
    assert "完整性：文件清单" in failed(bag) or "完整性：说明文件" in failed(bag)


def test_verify_bag_with_a_pipe_does_not_wait(bag: Path) -> None:
    (bag / "data/report.docx").unlink()
    os.mkfifo(bag / "data/report.docx")
    assert failed(bag)["安全性：文件种类"] == "data/report.docx 是链接或特殊文件"


def test_verify_bag_with_an_undecodable_name_shows_it_escaped(bag: Path) -> None:
    (bag / "data" / "a\udcff\x1b[2J.csv").write_bytes(b"")
    assert "多出 data/a\\udcff\\x1b[2J.csv" in failed(bag)["完整性：文件清单"]


@pytest.mark.parametrize("path", ["missing", "file", "folder"])
def test_verify_bag_of_something_else_says_so(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    assert [(check.name, check.ok) for check in verify_bag(tmp_path / path)] == [("可用性：归档包", False)]
    assert "不是归档包" in verify_bag(tmp_path / path)[0].detail


def test_verify_bag_copied_elsewhere_is_intact(bag: Path, tmp_path: Path) -> None:
    assert failed(Path(shutil.copytree(bag, tmp_path / "光盘"))) == {}


def test_verify_bag_with_random_damage_never_passes_and_never_raises(bag: Path, tmp_path: Path) -> None:
    chance = random.Random(20230403)  # noqa: S311  # damage, not secrets
    for number in range(120):
        copy = tmp_path / str(number)
        shutil.copytree(bag, copy)
        file = copy / chance.choice(FILES)
        content = bytearray(file.read_bytes())
        start = chance.randrange(len(content))
        content[start : start + chance.randrange(1, 40)] = chance.randbytes(chance.randrange(0, 40))
        file.write_bytes(content)
        assert failed(copy), f"{number}: {file}"
