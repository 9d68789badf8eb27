"""WebAuthn on the side that believes nothing (设备签名): what an approver's own device made and signed, verified offline.

The bytes are kept as the browser gave them, in base64url. An assertion signs `authenticator_data ‖ SHA-256(client_data)`; the client data
names the challenge, which is the SHA-256 of the statement. Attestation is not asked for: it would not say whose device it is.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key, load_pem_public_key

from perfeval.approvals.canonical import object_once

_ASSERTION = ("credential", "authenticator_data", "client_data", "signature")
_FINGERPRINT_LENGTH = 24
_RSA_BITS = 2048
_HASH_BYTES = 32
# Hash of the rp_id, flags, counter: an assertion has nothing more unless a flag says so.
_PLAIN_BYTES = 37
_PRESENT, _VERIFIED, _MORE = 0x01, 0x04, 0xC0

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class Passkey:
    """A device's public key (PEM) and where it was made: its credential id (base64url), rp_id and exact origin."""

    credential: str
    public_key: str
    rp_id: str
    origin: str

    @property
    def fingerprint(self) -> str:
        """What people compare with the signed slip: the first 24 characters of the SHA-256 of the key's DER."""
        der = read_public_key(self.public_key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()[:_FINGERPRINT_LENGTH]


def assertion_of(sent: Mapping[str, str]) -> dict[str, str]:
    """The parts of an assertion, of whatever a page has sent: nothing else comes into the record, where it might read like an event."""
    return {name: sent[name] for name in _ASSERTION if name in sent}


def assertion_fault(passkey: Passkey, challenge: bytes, evidence: Mapping[str, str]) -> str | None:
    """Why this is no signature of the device on the challenge, in Chinese, or None when it is one."""
    try:
        authenticator, client, signature = (from_base64(evidence[name]) for name in ("authenticator_data", "client_data", "signature"))
        key = read_public_key(passkey.public_key)
    except (KeyError, ValueError):
        return "签名凭证或公钥不完整、读不出"
    if evidence.get("credential") != passkey.credential:
        return "不是这台已登记设备的凭证"
    fault = _client_fault(client, "webauthn.get", challenge, passkey.origin) or _authenticator_fault(authenticator, passkey.rp_id)
    signed = authenticator + hashlib.sha256(client).digest()
    return fault or (None if _is_signed(key, signature, signed) else "签名不是已登记设备对这份内容作的")


def registered_passkey(response: Mapping[str, str], challenge: bytes, rp_id: str, origin: str) -> Passkey:
    """The key that a device made for us, from `credential`, `client_data` and `public_key` of the browser's toJSON().

    That somebody holds it is only known once it has signed its enrolment.

    Raises: ValueError: why this is none, in Chinese.
    """
    try:
        client, der = from_base64(response["client_data"]), from_base64(response["public_key"])
        from_base64(response["credential"])
        key = _known(load_der_public_key(der))
    except (KeyError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("设备给出的公钥不完整、读不出，或不是 ES256、EdDSA、RS256") from error
    if fault := _client_fault(client, "webauthn.create", challenge, origin):
        raise ValueError(fault)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Passkey(response["credential"], pem, rp_id, origin)


def read_public_key(pem: str) -> PublicKey:
    """A public key that signs ES256, EdDSA or RS256.

    Raises: ValueError: it is none.
    """
    try:
        return _known(load_pem_public_key(pem.encode()))
    except UnsupportedAlgorithm as error:
        raise ValueError("公钥的算法不认识") from error


def to_base64(content: bytes) -> str:
    """Base64url without padding, as WebAuthn writes it."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def from_base64(text: str) -> bytes:
    """The bytes that `to_base64` writes so, and in no other way.

    Raises: ValueError.
    """
    # The decoder would pass over characters that are not of the alphabet.
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if re.fullmatch("[A-Za-z0-9_-]+", text) else b""
    if not content or to_base64(content) != text:
        raise ValueError("不是base64url")
    return content


def _client_fault(client: bytes, act: str, challenge: bytes, origin: str) -> str | None:
    try:
        data = json.loads(client.decode(), object_pairs_hook=object_once)
    except (ValueError, RecursionError):
        return "浏览器数据读不出，或同一个键出现两次"
    if not isinstance(data, dict) or data.get("type") != act:
        return "浏览器数据不是这类操作的"
    if data.get("challenge") != to_base64(challenge):
        return "签的是另一份内容"
    if data.get("origin") != origin or data.get("crossOrigin", False) is not False:
        return f"不是在 {origin} 签的"
    return None


def _authenticator_fault(data: bytes, rp_id: str) -> str | None:
    if len(data) < _PLAIN_BYTES or bool(data[_HASH_BYTES] & _MORE) != (len(data) > _PLAIN_BYTES):
        return "设备数据长度不对"
    if data[:_HASH_BYTES] != hashlib.sha256(rp_id.encode()).digest():
        return f"设备数据不是 {rp_id} 的"
    if not data[_HASH_BYTES] & _PRESENT or not data[_HASH_BYTES] & _VERIFIED:
        return "设备没有核实使用人（指纹、面容或口令）"
    return None


def _is_signed(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(SHA256()))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            key.verify(signature, signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _known(key: object) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise ValueError("公钥不是 ES256、EdDSA、RS256 的")
