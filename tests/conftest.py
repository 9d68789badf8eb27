"""Shared fixtures: what a test may need of the machine, and the sample workspace."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pyotp
import pytest
from cluster import Cluster
from hypothesis import settings
from sqlalchemy import create_engine, text

from perfeval import assessment, persons
from perfeval.approvals.codes import STEP_SECONDS
from perfeval.approvals.events import Confirmed
from perfeval.approvals.record import PEOPLE
from perfeval.ledgers import receive
from perfeval.office import Office
from perfeval.packs import create_workspace
from perfeval.workspace import Subject

KEY = "an invented key for tests"
# How long a case takes is the machine's affair.
settings.register_profile("perfeval", deadline=None)
settings.load_profile("perfeval")
HERE = Path(__file__).parent
ROOMS = ("unit", "golden", "mutations", "integration", "e2e", "chaos")
LONG = {"terminal", "place"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos", type=int, default=6, help="how many years under misfortunes an office is led through")
    parser.addoption("--spoilt", type=int, default=500, help="how many ledgers are spoilt by chance and read")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, so that there are dots at once; of the others the longest first, so that no worker ends alone with one."""
    items.sort(key=lambda item: (ROOMS.index(item.path.relative_to(HERE).parts[0]), not LONG & {*getattr(item, "fixturenames", ())}))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PERFEVAL_WORKSPACE", "PERFEVAL_JSON", "PERFEVAL_DATABASE_URL"):
        monkeypatch.setenv(name, "")  # and back afterwards: commands leave options here
    monkeypatch.setenv("PERFEVAL_KEY", KEY)


def _missing(what: str) -> None:
    # CI installs every optional program and asks for all tests: a skip there would hide a missing install step.
    if os.environ.get("PERFEVAL_TESTS_REQUIRE") == "all":
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed: perfeval doctor says how to get it")


_HOLDS_SECONDS = 10


class Phone:
    """A person's phone with the code app; no code is given twice, and three can be had at once."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._step = 0

    def shows(self, moment: float) -> str:
        """What it shows at a moment, whether it was given or not."""
        return self._totp.at(int(moment))

    def code(self) -> str:
        """A code that was not given yet: of the half minute before, if it holds for a while, of this one, or of the next already."""
        self._step = max(self._step + 1, int(time.time() + _HOLDS_SECONDS) // STEP_SECONDS - 1)
        time.sleep(max(0, (self._step - 1) * STEP_SECONDS - time.time()))
        return self._totp.at(self._step * STEP_SECONDS)


@pytest.fixture(scope="session")
def new_phone() -> type[Phone]:
    """A phone for a secret."""
    return Phone


@pytest.fixture(scope="session")
def welcome() -> Callable[..., Phone]:
    """Invite, enrol and confirm somebody under a name in some roles; the first of an office must be an operator.

    Confirmed on paper, as the record told it before codes were asked for: every phone has its codes left.
    """

    def welcomed(office: Office, name: str, *roles: str) -> Phone:
        with office.store.reading() as record:
            people = record.people()
        operator = next((person.id for person in people.persons.values() if people.active(person.id) and "operator" in person.roles), None)
        invitation = persons.invite(office, name, roles, operator)
        offer = persons.offer_code(office, invitation.token)
        phone = Phone(offer.secret)
        made = persons.enrol_code(office, invitation.token, offer.secret, phone.code())
        with office.store.transaction() as record:
            confirmed = Confirmed(person=made.person, fingerprint=made.fingerprint, is_on_paper=True)
            record.append(PEOPLE, confirmed, operator or made.person)
        return phone

    return welcomed


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample workspace, to be copied."""
    folder = tmp_path_factory.mktemp("pristine") / "office"
    create_workspace(folder, sample="taojiang-2022")
    return folder


@pytest.fixture(scope="session")
def need() -> Callable[..., str]:
    """Find a program by any of its names, or skip the test with the reason."""

    def find(*names: str) -> str:
        found = next((path for name in names if (path := shutil.which(name))), None)
        if found is None:
            _missing(names[0])
        return str(found)

    return find


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL cluster."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        _missing("postgresql")
    made = Cluster(programs[-1])
    yield made
    made.remove()


@pytest.fixture(scope="session")
def postgresql_url(cluster: Cluster) -> str:
    """The address of a database of a cluster of its own."""
    return cluster.url


@pytest.fixture
def empty_postgresql_url(postgresql_url: str) -> str:
    """The cluster without a table in it."""
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgresql_url


@pytest.fixture(scope="session")
def explain_all() -> Callable[[Subject], None]:
    """Record an invented reason for everything that a year must explain and has not, and a judgement for rows that a person judges."""

    def explain(subject: Subject) -> None:
        assessed = assessment.assess(subject, receive(subject.ledgers), for_draft=True)
        missing = assessment.explain(subject, assessed).missing
        judged = {row.id for row in assessed.card.scores if row.is_judged}
        given = {
            need.key: {"value": 90, "grounds": "样例依据", "evidence": "样例材料"} if need.key in judged else "样例原因。"
            for need in missing
        }
        reasons = "".join(f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(item, ensure_ascii=False)}\n" for key, item in given.items())
        before = subject.explanations.read_text(encoding="utf-8") if subject.explanations.exists() else ""
        subject.explanations.write_text(before + reasons, encoding="utf-8")

    return explain


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3-compatible server on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    server = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix in a new bucket, with what reaches it in the environment."""
    bucket = f"b{secrets.token_hex(4)}"
    keys = {"AWS_ACCESS_KEY_ID": "invented", "AWS_SECRET_ACCESS_KEY": "invented", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
    for name, value in (keys | {"AWS_ENDPOINT_URL": s3_endpoint}).items():
        monkeypatch.setenv(name, value)
    connection = HTTPConnection(s3_endpoint.removeprefix("http://"))
    connection.request("PUT", f"/{bucket}")
    assert connection.getresponse().status == 200
    connection.close()
    return f"s3://{bucket}/office"
