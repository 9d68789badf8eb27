"""What lies in a bag of the record is enough for a shell and openssl, and tells what was touched."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from perfeval.approvals.batch import write_batch
from perfeval.approvals.events import Decided, Enrolled, Seen
from perfeval.approvals.judging import judge
from perfeval.approvals.offline import PEOPLE_RECORD, RECORD, check_sh, proof_files, read_lines, write_lines
from perfeval.approvals.passkey import to_base64
from perfeval.approvals.people import people_of
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import check, head, read_line
from perfeval.approvals.statement import challenge

pytestmark = pytest.mark.skipif(not shutil.which("openssl") or not shutil.which("sha256sum"), reason="needs openssl and sha256sum")


def lay(folder: Path, chains: Any) -> None:
    people, _ = people_of([read_line(entry.line) for entry in chains.people], [entry.line for entry in chains.people])
    files = proof_files(chains.entries, judge(chains.entries, chains.people).decisions, people)
    files |= {RECORD: write_lines(chains.entries), PEOPLE_RECORD: write_lines(chains.people), "check.sh": check_sh().encode()}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def run(folder: Path) -> tuple[int, str]:
    done = subprocess.run(["sh", str(folder / "check.sh")], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def bag(tmp_path: Path, opened: Any, device: Any) -> Path:
    opened.decide("center", "p2", device)
    opened.decide("bureau", "p3")
    lay(tmp_path, opened)
    return tmp_path


def change(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def test_bag_as_laid_agrees(bag: Path, opened: Any, device: Any) -> None:
    code, told = run(bag)
    assert code == 0
    assert told.splitlines() == [
        f"人员记录共12条，链头 {head(opened.people)}，请与审批表和通知上的对照",
        f"审批记录共4条，链头 {head(opened.entries)}，请与审批表和通知上的对照",
        f"0003-center “甲”对第1稿：同意，公钥指纹 {device.passkey.fingerprint}，请与《审批人设备登记单》对照",
        "审批决定2条，其中设备签名1条；其余由程序当时核验，事后不能独立验证",
        "核验相符（谁是设备的主人，以纸质登记单为准）",
    ]


@pytest.mark.parametrize("name", ["ed25519_device", "rsa_device"])
def test_signature_of_another_algorithm_agrees(tmp_path: Path, chains: Any, request: pytest.FixtureRequest, name: str) -> None:
    device = request.getfixturevalue(name)
    chains.welcome("p2", "甲", "center", device)
    chains.open()
    chains.draft()
    chains.decide("center", "p2", device)
    lay(tmp_path, chains)
    assert run(tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (RECORD, b"2022", b"2023", "审批记录第2条与上一条不衔接"),
        (RECORD, b'"number":3', b'"number":4', "审批记录第3条与上一条不衔接"),
        (PEOPLE_RECORD, "甲".encode(), "丁".encode(), "人员记录第8条与上一条不衔接"),
        (PEOPLE_RECORD, b'"person":"p3"', b'"person":"p4"', "人员记录第11条与上一条不衔接"),
        ("data/records/proofs/0003-center/statement.json", "同意".encode(), "不同意".encode(), "0003-center 签的不是这份决定书"),
        ("data/records/proofs/0003-center/statement.json", b"2022", b"2023", "0003-center 记录里没有这份决定书和签名"),
        ("data/records/proofs/0003-center/client_data.json", b"webauthn.get", b"webauthn.create", "0003-center 浏览器数据不是签名用的"),
        ("data/records/proofs/0003-center/client_data.json", b":4200", b":4201", "0003-center 签名不正确"),
        ("data/records/proofs/0003-center/signature", b"\x30", b"\x31", "0003-center 签名不正确"),
        ("data/records/proofs/0003-center/rp_id", b"perfeval", b"evil", "0003-center 设备数据不是 evil.example 的"),
        ("data/records/proofs/0003-center/origin", b"perfeval", b"evil", "0003-center 不是在 https://evil.example:4200 签的"),
    ],
)
def test_file_touched_is_named(bag: Path, name: str, old: bytes, new: bytes, told: str) -> None:
    change(bag / name, old, new)
    code, said = run(bag)
    assert code == 1
    assert f"不符：{told}" in said


def test_user_not_verified_is_named(bag: Path) -> None:
    data = bag / "data/records/proofs/0003-center/authenticator_data"
    data.write_bytes(data.read_bytes()[:32] + b"\x01" + data.read_bytes()[33:])
    assert "不符：0003-center 设备没有核实使用人" in run(bag)[1]


def test_line_that_only_reads_like_a_confirmation_confirms_no_key(tmp_path: Path, opened: Any, device: Any, other_device: Any) -> None:
    planted = {"kind": "confirmed", "fingerprint": other_device.passkey.fingerprint, "person": "p2"}
    opened.tell(Enrolled(person="p9", enrolment="{}", proof=Proof(ProofKind.PASSKEY, planted)), "p9")
    opened.decide("center", "p2", device)
    lay(tmp_path, opened)
    folder = tmp_path / "data/records/proofs/0003-center"
    signed = (folder / "authenticator_data").read_bytes() + hashlib.sha256((folder / "client_data.json").read_bytes()).digest()
    before, after = (folder / "signature").read_bytes(), other_device.signature(signed)
    (folder / "signature").write_bytes(after)
    (folder / "key.pem").write_bytes(other_device.public())
    change(tmp_path / RECORD, to_base64(before).encode(), to_base64(after).encode())
    code, told = run(tmp_path)
    assert (code, "公钥没有经第二人确认为 p2 的" in told) == (1, True)


def test_signature_made_anew_with_another_key_is_named(bag: Path, other_device: Any) -> None:
    folder = bag / "data/records/proofs/0003-center"
    signed = (folder / "authenticator_data").read_bytes() + hashlib.sha256((folder / "client_data.json").read_bytes()).digest()
    (folder / "signature").write_bytes(other_device.signature(signed))
    (folder / "key.pem").write_bytes(other_device.public())
    _, told = run(bag)
    assert "不符：0003-center 记录里没有这份决定书和签名" in told
    assert "不符：0003-center 公钥没有经第二人确认为 p2 的" in told


def test_proof_removed_is_named(bag: Path) -> None:
    shutil.rmtree(bag / "data/records/proofs/0003-center")
    assert run(bag)[0] == 1


def test_line_deleted_in_the_middle_is_named(bag: Path) -> None:
    lines = (bag / RECORD).read_bytes().splitlines(keepends=True)
    (bag / RECORD).write_bytes(b"".join([lines[0], *lines[2:]]))
    assert "不符：审批记录第2条与上一条不衔接" in run(bag)[1]


def test_people_truncated_below_what_the_record_rests_on_is_named(bag: Path, opened: Any) -> None:
    (bag / PEOPLE_RECORD).write_bytes(b"".join((bag / PEOPLE_RECORD).read_bytes().splitlines(keepends=True)[:-1]))
    assert f"不符：审批记录所依据的人员记录 {head(opened.people)} 不在人员记录中" in run(bag)[1]


def test_chain_is_read_back_as_it_was_written(opened: Any) -> None:
    entries = read_lines(write_lines(opened.entries))
    assert [(entry.number, entry.line, entry.sha256) for entry in entries] == [
        (entry.number, entry.line, entry.sha256) for entry in opened.entries
    ]
    assert check(opened.evaluation, entries) == []
    assert read_lines(b"") == []


def test_chain_file_with_a_line_that_is_none_names_it(opened: Any) -> None:
    entries = read_lines(write_lines(opened.entries) + b"\xff\n")
    assert [fault.number for fault in check(opened.evaluation, entries)] == [3]


def approve_together(chains: Any, device: Any, *, is_seen: bool = True) -> str:
    """The centre's decision, given with another one by one signature; returns its list."""
    if is_seen:
        chains.note(Seen(revision=1, content_digest="d" * 64), "p2")
    line = chains.statement("center", "p2")
    batch = write_batch([line, line.replace("2022-x-1", "2022-y-1")])
    proof = Proof(ProofKind.PASSKEY, device.evidence(challenge(batch)) | {"batch": batch})
    chains.note(Decided(revision=1, gate="center", statement=line, proof=proof, people=head(chains.people)), "p2")
    return batch


def test_decision_of_a_signed_list_is_checked_from_its_own_bag(tmp_path: Path, opened: Any, device: Any) -> None:
    batch = approve_together(opened, device)
    opened.decide("bureau", "p3")
    assert judge(opened.entries, opened.people).faults == ()
    lay(tmp_path, opened)
    code, told = run(tmp_path)
    assert (code, "0004-center “甲”对第1稿：同意" in told) == (0, True)
    path = tmp_path / "data/records/proofs/0004-center/batch.txt"
    for other in (batch.replace(batch[-64:], "0" * 64), batch.replace(batch.split("\n")[1], "0" * 64), "perfeval batch 2" + batch[16:]):
        path.write_text(other, encoding="utf-8")
        assert run(tmp_path)[0] == 1


def test_decision_of_a_list_on_a_draft_that_was_not_opened_does_not_stand(opened: Any, device: Any) -> None:
    approve_together(opened, device, is_seen=False)
    (fault,) = judge(opened.entries, opened.people).faults
    assert "还没有打开过" in fault.message
