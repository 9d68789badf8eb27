"""Records made by hand: an authenticator with keys of each kind, the people's chain and an evaluation's. For tests of any room."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from perfeval.approvals.events import Confirmed, Decided, Drafted, Enrolled, Event, GateRule, Invited, Opened, RecordedFile
from perfeval.approvals.passkey import Passkey, to_base64
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import PEOPLE, Entry, append, head
from perfeval.approvals.statement import Enrolment, challenge, state, write_enrolment
from perfeval.model import Decision, Verdict

_MAKERS: dict[str, Any] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
}


@dataclass
class Device:
    """One device with one key."""

    algorithm: str = "ES256"
    credential: str = "Y3JlZGVudGlhbA"
    rp_id: str = "perfeval.example"
    origin: str = "https://perfeval.example:4200"
    key: Any = field(init=False)

    def __post_init__(self) -> None:
        self.key = _MAKERS[self.algorithm]()

    def public(self, encoding: Encoding = Encoding.PEM) -> bytes:
        return self.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

    @property
    def passkey(self) -> Passkey:
        return Passkey(self.credential, self.public().decode(), self.rp_id, self.origin)

    def client(self, challenge: bytes, act: str = "webauthn.get", /, **changed: object) -> bytes:
        members = {"type": act, "challenge": to_base64(challenge), "origin": self.origin, "crossOrigin": False, **changed}
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()

    def authenticator(self, flags: int = 0x05) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags, 0, 0, 0, 7])

    def signature(self, signed: bytes) -> bytes:
        extra = {"ES256": (ec.ECDSA(SHA256()),), "EdDSA": (), "RS256": (padding.PKCS1v15(), SHA256())}[self.algorithm]
        signature: bytes = self.key.sign(signed, *extra)
        return signature

    def evidence(self, challenge: bytes, client: bytes | None = None, authenticator: bytes | None = None) -> dict[str, str]:
        client = client or self.client(challenge)
        authenticator = authenticator or self.authenticator()
        signature = self.signature(authenticator + hashlib.sha256(client).digest())
        parts = {"authenticator_data": authenticator, "client_data": client, "signature": signature}
        return {"credential": self.credential} | {name: to_base64(content) for name, content in parts.items()}


KEY = b"k" * 32
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
BOTH = (ProofKind.CODE, ProofKind.PASSKEY)
CENTER, BUREAU = GateRule("center", "中心审批", "签发", 1, BOTH), GateRule("bureau", "财政局审批", "审核", 1, BOTH)


@dataclass
class Chains:
    """The people's chain and one evaluation's, to which a test appends; a minute passes with each event."""

    evaluation: str = "2022-x-1"
    people: list[Entry] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    now: datetime = MOMENT

    def tell(self, event: Event, who: str = "operator") -> None:
        """Append to the people's chain."""
        self.now += timedelta(minutes=1)
        self.people.append(append(PEOPLE, self.people[-1] if self.people else None, event, who, self.now, KEY))

    def note(self, event: Event, who: str = "program") -> None:
        """Append to the evaluation's chain."""
        self.now += timedelta(minutes=1)
        self.entries.append(append(self.evaluation, self.entries[-1] if self.entries else None, event, who, self.now, KEY))

    def invite(self, person: str, name: str, *roles: str) -> None:
        self.tell(Invited(person=person, name=name, roles=roles, link="1" * 64, expires_at=self.now + timedelta(days=1)))

    def enrol(self, person: str, name: str, roles: tuple[str, ...], device: Device | None, **changed: str) -> str:
        """By a device's key or, without one, by code; returns the fingerprint."""
        key = device.passkey if device else None
        fields = {
            "means": ProofKind.PASSKEY if key else ProofKind.CODE,
            "fingerprint": key.fingerprint if key else hashlib.sha256(person.encode()).hexdigest()[:24],
            "previous": head(self.people),
        }
        fields |= {"credential": key.credential, "public_key": key.public_key, "rp_id": key.rp_id, "origin": key.origin} if key else {}
        record = write_enrolment(Enrolment(**{"person": person, "name": name, "roles": roles} | fields | changed))
        proof = Proof(ProofKind.PASSKEY, device.evidence(challenge(record))) if device else None
        self.tell(Enrolled(person=person, enrolment=record, proof=proof), person)
        return str(fields["fingerprint"])

    def welcome(self, person: str, name: str, role: str, device: Device | None = None, by: str = "operator") -> None:
        """Invite, enrol and confirm."""
        self.invite(person, name, role)
        fingerprint = self.enrol(person, name, (role,), device)
        self.tell(Confirmed(person=person, fingerprint=fingerprint, is_on_paper=True), by)

    def open(self, **changed: Any) -> None:
        fields = {"unit": "样例单位", "year": 2022, "programme": "样例项目", "programme_key": "x", "prepared_by": "p1"} | changed
        self.note(Opened(**fields, people=head(self.people)), "p1")

    def draft(
        self,
        revision: int = 1,
        gates: tuple[GateRule, ...] = (CENTER, BUREAU),
        digest: str = "d" * 64,
        file: str = "c" * 64,
        configuration: tuple[RecordedFile, ...] = (),
    ) -> None:
        self.note(Drafted(revision=revision, digest=file, content_digest=digest, configuration=configuration, gates=gates))

    def statement(self, gate: str, approver: str, verdict: Verdict = Verdict.APPROVE, revision: int = 1, **changed: Any) -> str:
        fields = {"content_digest": "d" * 64, "comment": "意见“一”\n\\", "decided_at": self.now, "evaluation": self.evaluation}
        fields |= {"revision": revision, "gate": gate, "verdict": verdict, "approver": approver} | changed
        previous = str(fields.pop("previous", head(self.entries)))
        return state(Decision(**fields), approver, previous)  # type: ignore[arg-type]  # fields of a decision by name

    def decide(self, gate: str, approver: str, device: Device | None = None, **changed: Any) -> None:
        who, people = changed.pop("who", approver), changed.pop("people", head(self.people))
        absent = changed.pop("absent", None)
        line = self.statement(gate, approver, **changed)
        proof = Proof(ProofKind.PASSKEY, device.evidence(challenge(line))) if device else Proof(ProofKind.CODE, {"step": "1"})
        revision = changed.get("revision", 1)
        self.note(Decided(revision=revision, gate=gate, statement=line, proof=proof, people=people, absent=absent), who)
