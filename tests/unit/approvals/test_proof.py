"""A proof is a person's on exactly one statement, or refused with a reason; nothing passes for more than it is."""

import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from perfeval.approvals.passkey import from_base64, registered_passkey, to_base64
from perfeval.approvals.person import Means, Person, ProofKind
from perfeval.approvals.proof import Proof, Proved, Refused, Unproved, verify_enrolment, verify_proof
from perfeval.approvals.statement import Enrolment, challenge, read_statement, state, write_enrolment
from perfeval.model import Decision, Verdict

MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
DECISION = Decision("2022-x-1", 1, "center", Verdict.APPROVE, "甲", "a" * 64, "同意\n“报送”", MOMENT)
HEAD = "b" * 64
STATEMENT = state(DECISION, "p2", HEAD)


def person(device: Any, *, is_confirmed: bool = True, kind: ProofKind = ProofKind.PASSKEY, person_id: str = "p2") -> Person:
    passkey = device.passkey if kind is ProofKind.PASSKEY else None
    return Person(person_id, "甲", ("center",), (Means(kind, "0" * 24, MOMENT, passkey, MOMENT if is_confirmed else None),))


def passkey_proof(device: Any, statement: str = STATEMENT, **made: bytes) -> Proof:
    return Proof(ProofKind.PASSKEY, device.evidence(challenge(statement), **made))


def reason(proof: Proof, statement: str, by: Person) -> str:
    found = verify_proof(proof, statement, by)
    assert isinstance(found, Refused)
    return found.reason


def test_statement_is_one_line_written_in_one_way() -> None:
    assert STATEMENT == (
        '{"approver":"p2","comment":"同意\\n“报送”","content_digest":"' + "a" * 64 + '","decided_at":"2023-04-03T08:30:00.000000Z",'
        '"evaluation":"2022-x-1","gate":"center","previous":"'
        + "b" * 64
        + '","purpose":"perfeval decision 1","remarks":[],"revision":1,"verdict":"同意"}'
    )
    assert read_statement(STATEMENT).verdict is Verdict.APPROVE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"verdict":"同意"', '"verdict":"好"'),
        ('"verdict":"同意"', '"verdict":"同意","verdict":"不同意"'),
        ('"revision":1', '"revision":1.0'),
        ('"revision":1', '"revision":"1"'),
        ('"purpose":"perfeval decision 1"', '"purpose":"perfeval login 1"'),
        (',"verdict":"同意"', ""),
        ('"gate":', '"gate" :'),
        ("同意\\n", "\\u540c意\\n"),
        ("同意\\n", "\\ud800"),
        (".000000Z", "+00:00"),
    ],
)
def test_statement_spelled_otherwise_is_refused(device: Any, old: str, new: str) -> None:
    changed = STATEMENT.replace(old, new)
    assert changed != STATEMENT
    assert isinstance(verify_proof(passkey_proof(device, changed), changed, person(device)), Refused)


@pytest.mark.parametrize("name", ["device", "ed25519_device", "rsa_device"])
def test_signature_of_the_persons_device_is_proved(request: pytest.FixtureRequest, name: str) -> None:
    device = request.getfixturevalue(name)
    assert verify_proof(passkey_proof(device), STATEMENT, person(device)) == Proved(device.passkey.fingerprint)


def test_fingerprint_is_the_beginning_of_the_keys_digest(device: Any) -> None:
    assert device.passkey.fingerprint == hashlib.sha256(device.public(Encoding.DER)).hexdigest()[:24]


def test_code_and_external_signature_are_never_more_than_unproved(device: Any) -> None:
    by_code, by_ukey = person(device, kind=ProofKind.CODE), person(device, kind=ProofKind.EXTERNAL)
    assert verify_proof(Proof(ProofKind.CODE, {"step": "56000000"}), STATEMENT, by_code) == Unproved(
        "动态码由程序当时核验，事后不能独立验证"
    )
    assert verify_proof(Proof(ProofKind.EXTERNAL, {"signature": "AA"}), STATEMENT, by_ukey) == Unproved("外部签名没有核验工具，未核验")


@pytest.mark.parametrize(
    "changed",
    [
        replace(DECISION, verdict=Verdict.REFUSE),
        replace(DECISION, comment="不同意"),
        replace(DECISION, content_digest="c" * 64),
        replace(DECISION, evaluation="2022-y-1"),
        replace(DECISION, revision=2),
        replace(DECISION, gate="bureau"),
        replace(DECISION, decided_at=datetime(2023, 4, 3, 8, 31, tzinfo=UTC)),
    ],
)
def test_proof_of_another_decision_is_refused(device: Any, changed: Decision) -> None:
    assert reason(passkey_proof(device), state(changed, "p2", HEAD), person(device)) == "签的是另一份内容"


def test_proof_replayed_after_the_chain_went_on_is_refused(device: Any) -> None:
    assert reason(passkey_proof(device), state(DECISION, "p2", "d" * 64), person(device)) == "签的是另一份内容"


def test_proof_of_another_person_is_refused(device: Any) -> None:
    assert reason(passkey_proof(device), STATEMENT, person(device, person_id="p3")) == "决定书上的审批人不是这个人"


def test_proof_with_a_device_that_is_not_the_persons_is_refused(device: Any, other_device: Any) -> None:
    assert reason(passkey_proof(other_device), STATEMENT, person(device)) == "不是“甲”已登记的设备"


def test_proof_with_another_key_under_the_persons_credential_is_refused(device: Any, other_device: Any) -> None:
    evidence = other_device.evidence(challenge(STATEMENT)) | {"credential": device.credential}
    assert reason(Proof(ProofKind.PASSKEY, evidence), STATEMENT, person(device)) == "签名不是已登记设备对这份内容作的"


def test_proof_with_a_key_that_nobody_confirmed_is_refused(device: Any) -> None:
    assert reason(passkey_proof(device), STATEMENT, person(device, is_confirmed=False)) == "“甲”没有经确认的设备签名登记"


def test_code_of_a_person_who_enrolled_a_device_only_is_refused(device: Any) -> None:
    assert reason(Proof(ProofKind.CODE, {"step": "1"}), STATEMENT, person(device)) == "“甲”没有经确认的动态码登记"


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04])
def test_proof_without_a_verified_user_is_refused(device: Any, flags: int) -> None:
    proof = passkey_proof(device, authenticator=device.authenticator(flags))
    assert reason(proof, STATEMENT, person(device)) == "设备没有核实使用人（指纹、面容或口令）"


def test_proof_with_the_flag_of_verification_set_afterwards_is_refused(device: Any) -> None:
    evidence = passkey_proof(device, authenticator=device.authenticator(0x01)).evidence
    evidence |= {"authenticator_data": to_base64(device.authenticator(0x05))}
    assert reason(Proof(ProofKind.PASSKEY, evidence), STATEMENT, person(device)) == "签名不是已登记设备对这份内容作的"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"origin": "https://perfeval.example"}, "不是在 https://perfeval.example:4200 签的"),
        ({"origin": "https://perfeval.example:4201"}, "不是在 https://perfeval.example:4200 签的"),
        ({"origin": "http://perfeval.example:4200"}, "不是在 https://perfeval.example:4200 签的"),
        ({"origin": None}, "不是在 https://perfeval.example:4200 签的"),
        ({"crossOrigin": True}, "不是在 https://perfeval.example:4200 签的"),
        ({"type": "webauthn.create"}, "浏览器数据不是这类操作的"),
        ({"type": ["webauthn.get"]}, "浏览器数据不是这类操作的"),
        ({"challenge": ""}, "签的是另一份内容"),
        ({"challenge": 1}, "签的是另一份内容"),
    ],
)
def test_proof_made_elsewhere_or_for_something_else_is_refused(device: Any, members: dict[str, object], told: str) -> None:
    client = device.client(challenge(STATEMENT), **members)
    assert reason(passkey_proof(device, client=client), STATEMENT, person(device)) == told


def test_proof_with_the_origin_rewritten_afterwards_is_refused(device: Any) -> None:
    elsewhere = passkey_proof(device, client=device.client(challenge(STATEMENT), origin="https://evil.example"))
    evidence = elsewhere.evidence | {"client_data": to_base64(device.client(challenge(STATEMENT)))}
    assert reason(Proof(ProofKind.PASSKEY, evidence), STATEMENT, person(device)) == "签名不是已登记设备对这份内容作的"


def test_proof_of_another_rp_id_is_refused(device: Any) -> None:
    data = hashlib.sha256(b"evil.example").digest() + device.authenticator()[32:]
    assert reason(passkey_proof(device, authenticator=data), STATEMENT, person(device)) == "设备数据不是 perfeval.example 的"


@pytest.mark.parametrize("tail", [b"\x00", b"\x00" * 40])
def test_proof_with_bytes_that_no_flag_tells_is_refused(device: Any, tail: bytes) -> None:
    assert reason(passkey_proof(device, authenticator=device.authenticator() + tail), STATEMENT, person(device)) == "设备数据长度不对"


def test_proof_with_extensions_is_proved(device: Any) -> None:
    data = device.authenticator(0x85) + b"\xa0"
    assert isinstance(verify_proof(passkey_proof(device, authenticator=data), STATEMENT, person(device)), Proved)


def test_proof_whose_browser_added_random_members_is_proved(device: Any) -> None:
    client = device.client(challenge(STATEMENT), other_keys_can_be_added_here="不要拿模板比较", number=1.5)
    assert isinstance(verify_proof(passkey_proof(device, client=client), STATEMENT, person(device)), Proved)


@pytest.mark.parametrize(
    "client",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b'{"type":"webauthn.get","type":"webauthn.get"}',
        "utf-16 {}".encode("utf-16"),
    ],
)
def test_proof_with_client_data_that_is_none_is_refused(device: Any, client: bytes) -> None:
    evidence = passkey_proof(device).evidence | {"client_data": to_base64(client)}
    assert isinstance(verify_proof(Proof(ProofKind.PASSKEY, evidence), STATEMENT, person(device)), Refused)


def test_proof_with_a_key_named_twice_is_refused(device: Any) -> None:
    client = device.client(challenge(STATEMENT)).replace(b'"origin"', b'"origin": "https://evil.example", "origin"')
    assert reason(passkey_proof(device, client=client), STATEMENT, person(device)) == "浏览器数据读不出，或同一个键出现两次"


@pytest.mark.parametrize("name", ["authenticator_data", "client_data", "signature"])
@pytest.mark.parametrize("text", ["", "AAA=", "AAAA\n", "*AAA", "AAAA AAAA", "AB", "中"])
def test_proof_with_evidence_that_is_no_base64url_is_refused(device: Any, name: str, text: str) -> None:
    proof = Proof(ProofKind.PASSKEY, passkey_proof(device).evidence | {name: text})
    assert reason(proof, STATEMENT, person(device)) == "签名凭证或公钥不完整、读不出"


def test_proof_with_evidence_missing_is_refused(device: Any) -> None:
    assert reason(Proof(ProofKind.PASSKEY), STATEMENT, person(device)) == "不是“甲”已登记的设备"
    only_credential = Proof(ProofKind.PASSKEY, {"credential": device.credential})
    assert reason(only_credential, STATEMENT, person(device)) == "签名凭证或公钥不完整、读不出"


@pytest.mark.parametrize("name", ["device", "ed25519_device", "rsa_device"])
def test_proof_damaged_anywhere_is_refused_without_an_exception(request: pytest.FixtureRequest, name: str) -> None:
    device, rng = request.getfixturevalue(name), random.Random(8)  # noqa: S311  # repeatable damage
    by, whole = person(device), passkey_proof(device).evidence
    found = [verify_proof(Proof(ProofKind.PASSKEY, damaged(whole, rng)), STATEMENT, by) for _ in range(3000)]
    assert [item for item in found if not isinstance(item, Refused)] == []


def damaged(evidence: dict[str, str], rng: random.Random) -> dict[str, str]:
    part = rng.choice(("authenticator_data", "client_data", "signature"))
    content = bytearray(from_base64(evidence[part]))
    place = rng.randrange(len(content))
    match rng.randrange(4):
        case 0:
            content[place] ^= 1 << rng.randrange(8)
        case 1:
            del content[place]
        case 2:
            content.insert(place, content[place] ^ 1 << rng.randrange(8))
        case _:
            del content[place:]
    return evidence | {part: to_base64(bytes(content))}


def enrolment(device: Any) -> Enrolment:
    key = device.passkey
    return Enrolment(
        person="p2", name="甲", roles=("center",), means=ProofKind.PASSKEY, fingerprint=key.fingerprint, credential=key.credential,
        public_key=key.public_key, rp_id=key.rp_id, origin=key.origin, previous=HEAD,
    )  # fmt: skip


def test_enrolment_signed_by_its_own_key_is_proved(device: Any) -> None:
    line = write_enrolment(enrolment(device))
    assert verify_enrolment(line, passkey_proof(device, line)) == Proved(device.passkey.fingerprint)


def test_enrolment_signed_by_another_key_or_for_another_name_is_refused(device: Any, other_device: Any) -> None:
    line, other = write_enrolment(enrolment(device)), write_enrolment(replace(enrolment(device), name="乙"))
    assert verify_enrolment(line, passkey_proof(other_device, line)) == Refused("不是这台已登记设备的凭证")
    assert verify_enrolment(other, passkey_proof(device, line)) == Refused("签的是另一份内容")
    assert verify_enrolment(line, None) == Refused("登记记录没有签名")


def test_enrolment_with_the_fingerprint_of_another_key_is_refused(device: Any) -> None:
    line = write_enrolment(replace(enrolment(device), fingerprint="0" * 24))
    assert verify_enrolment(line, passkey_proof(device, line)) == Refused("登记记录上的指纹不是这个公钥的")


def test_enrolment_of_no_key_is_refused(device: Any) -> None:
    line = write_enrolment(replace(enrolment(device), public_key="-----BEGIN PUBLIC KEY-----"))
    assert isinstance(verify_enrolment(line, passkey_proof(device, line)), Refused)
    assert isinstance(verify_enrolment("{}", None), Refused)


def test_enrolment_of_a_code_is_as_good_as_who_confirmed_it() -> None:
    code = Enrolment(person="p2", name="甲", roles=("center",), means=ProofKind.CODE, fingerprint="0" * 24, previous=HEAD)
    assert verify_enrolment(write_enrolment(code), None) == Unproved("动态码登记没有签名，以确认人核对为准")


def registration(device: Any, act: str = "webauthn.create", **members: object) -> dict[str, str]:
    client = device.client(b"c" * 32, act, **members)
    public = to_base64(device.public(Encoding.DER))
    return {"credential": device.credential, "client_data": to_base64(client), "public_key": public}


@pytest.mark.parametrize("name", ["device", "ed25519_device", "rsa_device"])
def test_key_made_by_a_device_is_kept_as_pem(request: pytest.FixtureRequest, name: str) -> None:
    device = request.getfixturevalue(name)
    assert registered_passkey(registration(device), b"c" * 32, device.rp_id, device.origin) == device.passkey


def test_key_made_for_another_challenge_place_or_act_is_refused(device: Any) -> None:
    with pytest.raises(ValueError, match="签的是另一份内容"):
        registered_passkey(registration(device), b"d" * 32, device.rp_id, device.origin)
    with pytest.raises(ValueError, match="不是在"):
        registered_passkey(registration(device, origin="https://evil.example"), b"c" * 32, device.rp_id, device.origin)
    with pytest.raises(ValueError, match="浏览器数据不是这类操作的"):
        registered_passkey(registration(device, "webauthn.get"), b"c" * 32, device.rp_id, device.origin)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 1024)])  # noqa: S505  # too short is the point
def test_key_too_short_or_of_another_curve_is_refused(device: Any, key: Any) -> None:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="不是 ES256、EdDSA、RS256"):
        registered_passkey(registration(device) | {"public_key": to_base64(der)}, b"c" * 32, device.rp_id, device.origin)


@pytest.mark.parametrize("broken", [{"public_key": "AAAA"}, {"public_key": ""}, {"credential": "=="}, {"client_data": "*"}])
def test_key_that_cannot_be_read_is_refused(device: Any, broken: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="公钥不完整、读不出"):
        registered_passkey(registration(device) | broken, b"c" * 32, device.rp_id, device.origin)
