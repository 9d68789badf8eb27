"""The record in a bag: whoever rewrites it and makes all digests anew is told which entry he touched, and nothing passes for proved."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from chains import Device

from perfeval.approvals.events import Decided
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import Entry, append, head, read_line
from perfeval.approvals.statement import challenge
from perfeval.archive import State, SubmissionPackage, archive_bag, compare_witness, examine_bag

RECORD, PEOPLE, DECISIONS = "data/records/record.jsonl", "data/records/people.jsonl", "data/records/decisions.json"
Reseal = Callable[[Path], None]


def failed(bag: Path) -> dict[str, str]:
    return {check.name: check.detail for check in examine_bag(bag).checks if not check.ok}


def states(bag: Path) -> dict[str, str]:
    return {check.name: str(check.state) for check in examine_bag(bag).checks if check.state is not State.SAME}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def lines(bag: Path, name: str = RECORD) -> list[str]:
    return (bag / name).read_text(encoding="utf-8").splitlines()


def write(bag: Path, made: Sequence[str], name: str = RECORD) -> None:
    (bag / name).write_text("".join(f"{line}\n" for line in made), encoding="utf-8")


def chained_anew(texts: Sequence[str]) -> list[str]:
    """Lines with their numbers and links made anew, as somebody would who knows the format and has no key."""
    made: list[Entry] = []
    for text in texts:
        line = read_line(text)
        made.append(append(line.chain, made[-1] if made else None, line.what, line.who, line.at, b"x" * 32))
    return [entry.line for entry in made]


def restated(text: str, old: str, new: str, device: Device | None = None) -> str:
    """A decision whose statement says something else; with a device, signed by it."""
    line = read_line(text)
    assert isinstance(line.what, Decided)
    assert old in line.what.statement
    statement = line.what.statement.replace(old, new)
    proof = Proof(line.what.proof.kind, device.evidence(challenge(statement))) if device else line.what.proof
    what = Decided(revision=line.what.revision, gate=line.what.gate, statement=statement, proof=proof, people=line.what.people)
    return append(line.chain, None, what, line.who, line.at, b"x" * 32).line


def test_record_of_a_bag_proves_what_devices_signed_and_no_more(bag: Path) -> None:
    checks = {check.name: check for check in examine_bag(bag).checks}
    assert states(bag) == {"真实性：审批凭证": "unproved"}
    detail = checks["真实性：审批凭证"].detail
    assert "第9条“张样例”同意：设备签名，签名已核验，公钥指纹 " in detail
    assert "第10条“李样例”同意：动态码，动态码由程序当时核验，事后不能独立验证" in detail
    assert checks["真实性：审批记录"].detail == "审批记录10条、人员记录12条，前后衔接，每个决定重新判定成立"


@pytest.mark.parametrize(
    ("touch", "problem"),
    [
        (lambda made: [*made[:3], made[3].replace("退回修改", "同意"), *made[4:]], "审批记录第5条与第4条不衔接：两条之一被改动"),
        (lambda made: [made[0].replace('"prepared_by":"p1"', '"prepared_by":"p9"'), *made[1:]], "审批记录第2条与第1条不衔接"),
        (lambda made: [made[0].replace('"year":2022', '"year":2021'), *made[1:]], "审批记录第2条与第1条不衔接"),
        (lambda made: [*made[:6], made[6].replace("资金支出台账", "资金支出"), *made[7:]], "审批记录第8条与第7条不衔接"),
        (lambda made: [*made[:8], made[8].replace('"who":"p2"', '"who":"p3"'), made[9]], "审批记录第10条与第9条不衔接"),
        (lambda made: [*made[:3], *made[4:]], "审批记录缺少第4条：已被删去"),
        (lambda made: made[1:], "审批记录缺少第1条：已被删去"),
        (lambda made: [*made[:4], made[3], *made[4:]], "审批记录第4条有2条：多出的是插入的"),
        (lambda made: [*made[:4], made[5], made[4], *made[6:]], "审批记录第5条次序颠倒"),
        (lambda made: [*made[:9], made[9].replace('{"at"', '{ "at"')], "审批记录第10条读不出：不是规范的JSON行"),
        (lambda made: [*made, made[9].replace("zdxm-2022-001", "zdxm-2022-002")], "审批记录第10条有2条"),
        (lambda made: [line.replace('"chain":"zdxm-2022-001"', '"chain":"zdxm-2022-002"') for line in made], "审批记录第1条属于另一份记录"),
        (lambda _: [], "没有审批记录"),
        (lambda made: made[:-1], "缺少“财政局审批”对第2稿的审批决定"),
        (lambda made: chained_anew([*made[:3], *made[4:]]), "审批记录第8条不成立：决定书不是接着这份记录作的"),
        (lambda made: chained_anew([made[0], *made[2:]]), "审批记录第3条不成立：决定书不是接着这份记录作的"),
        (lambda made: chained_anew([*made[:8], restated(made[8], "数据齐全", "同意"), made[9]]), "审批记录第9条不成立：签的是另一份内容"),
    ],
)
def test_record_rewritten_and_resealed_names_the_entry(
    bag: Path, reseal: Reseal, touch: Callable[[list[str]], list[str]], problem: str
) -> None:
    write(bag, touch(lines(bag)))
    reseal(bag)
    assert problem in " ".join(failed(bag).values())


def test_decision_signed_by_a_strange_device_names_the_entry(bag: Path, reseal: Reseal) -> None:
    made = lines(bag)
    forged = restated(made[8], "数据齐全", "同意", Device())
    write(bag, chained_anew([*made[:8], forged]))
    reseal(bag)
    assert "审批记录第9条不成立：签名不是已登记设备对这份内容作的" in failed(bag)["真实性：审批记录"]


@pytest.mark.parametrize(
    ("touch", "problem"),
    [
        (lambda made: [*made[:6], made[6].replace("张样例", "王样例"), *made[7:]], "人员记录第8条与第7条不衔接"),
        (lambda made: [*made[:8], *made[9:]], "人员记录缺少第9条：已被删去"),
        (lambda made: made[:-1], "审批记录第1条不成立：所依据的人员记录不在人员链上"),
        (lambda _: [], "审批记录第1条不成立：所依据的人员记录不在人员链上"),
        (lambda made: chained_anew([*made[:8], *made[9:]]), "审批记录第1条不成立：所依据的人员记录不在人员链上"),
        (lambda made: chained_anew([line.replace("张样例", "王样例") for line in made]), "人员记录第8条不算数：签的是另一份内容"),
    ],
)
def test_people_rewritten_and_resealed_name_the_entry(
    bag: Path, reseal: Reseal, touch: Callable[[list[str]], list[str]], problem: str
) -> None:
    write(bag, touch(lines(bag, PEOPLE)), PEOPLE)
    reseal(bag)
    assert problem in " ".join(failed(bag).values())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"approver": "李样例"', '"approver": "王样例"', "decisions.json 与审批记录第10条（“李样例”对第2稿同意）不同，或缺少这一决定"),
        ('"verdict": "退回修改"', '"verdict": "同意"', "decisions.json 与审批记录第4条"),
        ('"comment": ""', '"comment": "同意"', "decisions.json 与审批记录第10条"),
        ("T09:15:", "T09:16:", "decisions.json 与审批记录第4条"),
        ('"prepared_by": "陈样例"', '"prepared_by": "赵样例"', "送审人与审批记录第1条不同"),
        ('"title": "财政局审批"', '"title": "局审批"', "审批环节与审批记录第8条不同"),
        ('"drafted_at": "2023-01-05T09:', '"drafted_at": "2023-01-05T08:', "成文时间与审批记录第8条不同"),
        ('"archived_at": "2023-02', '"archived_at": "2023-01', "归档时间早于审批记录的最后一个决定"),
    ],
)
def test_decisions_beside_the_record_that_say_otherwise_are_named(bag: Path, reseal: Reseal, old: str, new: str, problem: str) -> None:
    edit(bag / DECISIONS, old, new)
    reseal(bag)
    assert problem in failed(bag)["真实性：审批决定"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("data/records/proofs/0009-center/statement.json", "data/records/proofs/0009-center/statement.json 不是审批记录所说的文件"),
        ("data/records/proofs/0009-center/key.pem", "data/records/proofs/0009-center/key.pem 不是审批记录所说的文件"),
        ("data/records/proofs/0010-bureau/summary.txt", "data/records/proofs/0010-bureau/summary.txt 不属于审批记录中的任何决定"),
        ("data/workspace/perfeval.yml", "data/workspace/perfeval.yml 不是审批记录所说的文件"),
        ("data/workspace/ledgers/2022/进度 100%.csv", "data/workspace/ledgers/2022/进度 100%.csv 不是审批记录所说的文件"),
    ],
)
def test_file_that_the_record_tells_otherwise_is_named(bag: Path, reseal: Reseal, name: str, problem: str) -> None:
    (bag / name).parent.mkdir(exist_ok=True)
    (bag / name).write_bytes(b"another")
    reseal(bag)
    assert problem in failed(bag)["真实性：审批决定"]


def test_report_with_something_hung_behind_it_is_not_the_one_approved(bag: Path, reseal: Reseal) -> None:
    with (bag / "data/report.docx").open("ab") as file:
        file.write(b"hidden")
    reseal(bag)
    assert failed(bag) == {"真实性：批准的就是这份报告": "data/report.docx 与审批记录第8条成文的文件不是逐字节相同"}


@pytest.mark.parametrize("notes", [{}, {"1": "没有更正"}, {"1": "已补充会议纪要", "2": "又更正"}, ["已补充会议纪要"]])
def test_corrections_that_the_record_tells_otherwise_are_wrong(bag: Path, reseal: Reseal, notes: object) -> None:
    (bag / "data/records/corrections.json").write_text(json.dumps(notes), encoding="utf-8")
    reseal(bag)
    assert failed(bag) == {"真实性：更正说明": "data/records/corrections.json 与审批记录不同"}


@pytest.mark.parametrize("name", [RECORD, PEOPLE, "data/审批表.docx", "check.sh", "data/records/proofs"])
def test_part_of_the_record_taken_away_is_wrong(bag: Path, reseal: Reseal, name: str) -> None:
    shutil.rmtree(bag / name) if (bag / name).is_dir() else (bag / name).unlink()
    reseal(bag)
    assert name in " ".join(failed(bag).values())


def test_report_of_a_bag_without_any_record_with_something_hung_behind_it_is_named(bag: Path, reseal: Reseal) -> None:
    for name in (RECORD, PEOPLE, "data/审批表.docx", "check.sh"):
        (bag / name).unlink()
    shutil.rmtree(bag / "data/records/proofs")
    with (bag / "data/report.docx").open("ab") as file:
        file.write(b"hidden")
    reseal(bag)
    assert failed(bag)["真实性：批准的就是这份报告"] == "data/report.docx 的各部件之外还有别的内容，不是批准的文件"


def test_bag_without_any_record_is_not_proved_and_fits_no_head(bag: Path, reseal: Reseal) -> None:
    kept = json.loads(lines(bag)[-1])["previous"]
    for name in (RECORD, PEOPLE, "data/审批表.docx", "check.sh"):
        (bag / name).unlink()
    shutil.rmtree(bag / "data/records/proofs")
    reseal(bag)
    assert states(bag) == {"真实性：审批决定": "unproved"}
    assert witnessed(bag, kept) == ("wrong", "包内没有审批记录，不能与链头对照")
    assert witnessed(bag, "")[0] == "unproved"


def witnessed(bag: Path, witness: str) -> tuple[str, str]:
    check = compare_witness(examine_bag(bag), witness)
    return str(check.state), check.detail


def test_head_kept_outside_proves_the_record_up_to_it(bag: Path, package: SubmissionPackage) -> None:
    entries = examine_bag(bag).entries
    last, fifth = entries[-1].sha256, entries[4].sha256
    assert witnessed(bag, "")[0] == "unproved"
    assert witnessed(bag, "")[1].startswith(f"未与外部凭证对照：审批记录共10条，链头 {last}")
    assert witnessed(bag, last) == witnessed(bag, f" {last[:12].upper()} {last[12:24]}")
    assert witnessed(bag, last)[0] == "same"
    assert witnessed(bag, fifth)[0] == "unproved"
    assert "其后第9、10条的审批决定未与外部凭证对照" in witnessed(bag, fifth)[1]
    assert witnessed(bag, examine_bag(bag).people[-1].sha256)[0] == "unproved"
    assert witnessed(bag, last[:23]) == ("wrong", "链头至少要24位，才能对照")
    # A record of the same events that another office wrote.
    assert witnessed(bag, head(package.record))[0] == "wrong"


def test_last_decision_rewritten_everywhere_is_seen_by_the_head_alone(bag: Path, reseal: Reseal) -> None:
    made = lines(bag)
    kept = examine_bag(bag).entries[-1].sha256
    write(bag, chained_anew([*made[:9], restated(made[9], '"comment":""', '"comment":"同意拨付"')]))
    document = json.loads((bag / DECISIONS).read_bytes())
    document["decisions"][2]["comment"] = "同意拨付"
    (bag / DECISIONS).write_text(json.dumps(document), encoding="utf-8")
    reseal(bag)
    assert states(bag) == {"真实性：审批凭证": "unproved"}
    assert witnessed(bag, "")[0] == "unproved"
    assert witnessed(bag, kept) == ("wrong", f"记录止于第10条，其中没有凭证上的链头 {kept[:12]}…：末尾被截去，或整份被改写")


def test_record_of_devices_alone_is_proved(approving: Any, pack: Callable[[Any], SubmissionPackage], tmp_path: Path) -> None:
    second = Device(credential="c2Vjb25k")
    approving.chains.welcome("p4", "孙样例", "bureau", second)
    approving.decide("center")
    approving.decide("bureau", approver="p4", device=second)
    assert states(archive_bag(pack(approving), tmp_path / "archive")) == {}
