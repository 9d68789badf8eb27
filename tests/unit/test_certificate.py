"""The pages' certificate: for one host, by a root that vouches for no other."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from perfeval.certificate import find_certificate, make_certificate
from perfeval.errors import UsageError

HOST = "pingjia.example"


def greet(folder: Path, trusted: Path, name: str) -> str:
    """Connect to a server with the folder's certificate, as a browser that trusts a root does: what it says."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    browser = ssl.create_default_context(cafile=str(trusted))
    browser.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def answer() -> None:
        try:
            with server.wrap_socket(there, server_side=True) as connection:
                connection.sendall(b"ok")
        except OSError:
            there.close()

    answering = threading.Thread(target=answer)
    answering.start()
    try:
        with browser.wrap_socket(here, server_hostname=name) as connection:
            return connection.recv(2).decode()
    finally:
        here.close()
        answering.join()


@pytest.mark.parametrize("name", [HOST, "localhost", "127.0.0.1"])
def test_browser_that_trusts_the_root_trusts_the_server(tmp_path: Path, name: str) -> None:
    made = make_certificate(tmp_path / "tls", HOST)
    assert greet(tmp_path / "tls", made.root, name) == "ok"


def test_server_passes_for_no_other_host(tmp_path: Path) -> None:
    made = make_certificate(tmp_path / "tls", HOST)
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(tmp_path / "tls", made.root, "bank.example")


def test_certificate_made_anew_is_not_of_the_old_root(tmp_path: Path) -> None:
    old = tmp_path / "old.crt"
    old.write_bytes(make_certificate(tmp_path / "tls", HOST).root.read_bytes())
    make_certificate(tmp_path / "tls", HOST)
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(tmp_path / "tls", old, HOST)


def test_root_vouches_for_its_host_alone_and_its_key_is_nowhere(tmp_path: Path) -> None:
    made = make_certificate(tmp_path / "tls", HOST.upper())
    root = x509.load_pem_x509_certificate(made.root.read_bytes())
    scope = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert scope.critical
    assert [str(item.value) for item in scope.value.permitted_subtrees or ()] == [HOST, "localhost", "127.0.0.1/32"]
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == ["root.crt", "server.pem"]
    assert (made.server.read_bytes().count(b"BEGIN PRIVATE KEY"), made.root.read_bytes().count(b"PRIVATE")) == (1, 0)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()} == {0o600}


def test_certificate_is_found_again(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, HOST)
    assert find_certificate(tmp_path) == made
    assert timedelta(days=824) < made.expires_at - datetime.now(UTC) < timedelta(days=826)


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_what_is_no_certificate_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "server.pem").write_bytes(content)
    assert find_certificate(tmp_path) is None


@pytest.mark.parametrize("host", ["", "192.168.1.5", "::1", "localhost", "a b", "桃江", "-a.example", "a..example", "a" * 65, "*.example"])
def test_address_that_is_no_hosts_name_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError) as fault:
        make_certificate(tmp_path, host)
    assert (fault.value.code, list(tmp_path.iterdir())) == ("U20", [])
