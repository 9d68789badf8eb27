"""A certificate for the pages' address (网站证书), for offices without one: by a root of its own that vouches for this host alone.

The root's key is thrown away with the last line: nobody can make a second certificate that the office's computers would trust.
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from perfeval.errors import UsageError

# What Apple's devices accept, for certificates of private roots too.
DAYS = 825
_HOST = re.compile(r"(?=.{1,64}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
# Our own processes reach the server here.
_HERE = IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Of which host, until when; `root` is what computers and phones must trust, `server` holds certificate and key."""

    host: str
    expires_at: datetime
    root: Path
    server: Path


def make_certificate(folder: Path, host: str) -> Certificate:
    """Make a root and a certificate for a host, in place of those that were there.

    Raises: UsageError: it is no host's name. Browsers let no device sign for an address of digits.
    """
    host = host.lower()
    if not _HOST.fullmatch(host) or host.rpartition(".")[2].isdigit() or host == "localhost":
        hint = "写其他电脑能解析的主机名，如 pingjia.example.cn；设备签名不能用 IP 地址。"
        raise UsageError("U20", f"“{host}”不是可用的主机名", hint)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"perfeval {host}"[:64])])
    names = [x509.DNSName(host), x509.DNSName("localhost")]
    scope = x509.NameConstraints([*names, x509.IPAddress(IPv4Network((_HERE, 32)))], None)
    root = (
        _certificate(name, name, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(scope, critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        _certificate(subject, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([*names, x509.IPAddress(_HERE)]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, SHA256())
    )
    for part in (folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / "server.pem", certificate.public_bytes(Encoding.PEM) + private)
    _write(folder / "root.crt", root.public_bytes(Encoding.PEM))
    return Certificate(host, certificate.not_valid_after_utc, folder / "root.crt", folder / "server.pem")


def find_certificate(folder: Path) -> Certificate | None:
    """The certificate that was made there, or put there in the same form."""
    try:
        found = x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    return Certificate(names[0], found.not_valid_after_utc, folder / "root.crt", folder / "server.pem") if names else None


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=DAYS))


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
