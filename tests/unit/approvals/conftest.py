"""An authenticator made by hand: keys of each kind, and the bytes that a browser would hand over."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from perfeval.approvals.passkey import Passkey, to_base64

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
        return json.dumps(members, ensure_ascii=False).encode()

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


@pytest.fixture(scope="session")
def device() -> Device:
    return Device()


@pytest.fixture(scope="session")
def other_device() -> Device:
    return Device(credential="b3RoZXI")


@pytest.fixture(scope="session")
def ed25519_device() -> Device:
    return Device("EdDSA")


@pytest.fixture(scope="session")
def rsa_device() -> Device:
    return Device("RS256")
