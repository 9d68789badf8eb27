"""The record as it lies in a bag (记录的归档形式), so that anybody can check it without this program: lines, signed parts, check.sh."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from perfeval.approvals.events import Decided
from perfeval.approvals.judging import Judged
from perfeval.approvals.passkey import Passkey, from_base64
from perfeval.approvals.people import People
from perfeval.approvals.person import ProofKind
from perfeval.approvals.record import Entry, digests, read_line

RECORD = "data/records/record.jsonl"
PEOPLE_RECORD = "data/records/people.jsonl"
PROOFS = "data/records/proofs/"
CHECK_SCRIPT = "check.sh"


def check_sh() -> str:
    """The script that lies beside the bag's manifests; it checks both chains and every device's signature."""
    return Path(__file__).with_name("check.sh").read_text("utf-8")


def write_lines(entries: Iterable[Entry]) -> bytes:
    """A chain as a file: its lines as they stand, each with a line feed."""
    return "".join(f"{entry.line}\n" for entry in entries).encode()


def read_lines(content: bytes) -> list[Entry]:
    """The entries of a chain's file, without MACs, numbered as they say of themselves.

    A line that cannot be read has its place as its number; `record.check` names it.
    """
    lines = content.decode(errors="replace").removesuffix("\n").split("\n") if content else []
    return [Entry(_number(line, place), line, *digests(line)) for place, line in enumerate(lines, start=1)]


def proof_files(entries: Sequence[Entry], decisions: Iterable[Judged], people: People) -> dict[str, bytes]:
    """The parts of each decision that a device signed: path in the bag and bytes."""
    files: dict[str, bytes] = {}
    lines = {entry.number: read_line(entry.line) for entry in entries}
    for decision in decisions:
        event = lines[decision.number].what
        if isinstance(event, Decided) and event.proof.kind is ProofKind.PASSKEY:
            folder = f"{PROOFS}{decision.number:04d}-{event.gate}/"
            key = _key(people, decision.statement.approver, event.proof.evidence["credential"])
            summary = f"“{decision.name}”对第{event.revision}稿：{decision.statement.verdict}"
            parts = {
                "statement.json": event.statement,
                "summary.txt": summary,
                "key.pem": key.public_key,
                "rp_id": key.rp_id,
                "origin": key.origin,
            }
            parts |= {"batch.txt": batch} if (batch := event.proof.evidence.get("batch")) else {}
            files |= {folder + name: text.encode() for name, text in parts.items()}
            for name, file in (
                ("authenticator_data", "authenticator_data"),
                ("client_data", "client_data.json"),
                ("signature", "signature"),
            ):
                files[folder + file] = from_base64(event.proof.evidence[name])
    return files


def _key(people: People, person: str, credential: str) -> Passkey:
    return next(item.passkey for item in people.persons[person].means if item.passkey and item.passkey.credential == credential)


def _number(line: str, place: int) -> int:
    try:
        return read_line(line).number
    except ValueError:
        return place
