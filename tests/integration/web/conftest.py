"""The review pages on a real office with the sample's evaluation at its first gate; the conductor is a list of what it was told."""

import asyncio
import copy
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from perfeval import persons, steps
from perfeval.model import Evaluation, Revision
from perfeval.office import Office, open_office
from perfeval.web import Conducting, Overseen, Pictures, Review, Visitor

RUN = "11111111-1111-4111-8111-111111111111"
CLERK, CENTER, BUREAU = "样例经办人", "样例甲", "样例乙"


@dataclass(frozen=True)
class Client:
    """Somebody's browser; an answer is whole once all that follows it is done too."""

    app: Any

    def get(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, **options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, **options))

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost") as client:
            return await client.request(method, path, **options)


@dataclass
class House:
    """An office with its pages open; `told` is what the conductor heard."""

    office: Office
    phones: dict[str, Any]
    evaluation: Evaluation
    told: list[tuple[str, str]] = field(default_factory=list)
    overseen: Sequence[Overseen] = ()
    unopened: Mapping[str, str] = field(default_factory=dict)
    pictures: Pictures | None = None

    def __post_init__(self) -> None:
        async def go_on(evaluation: str, why: str) -> None:
            self.told.append((evaluation, why))

        async def start(year: int, programme: str, prepared_by: str) -> None:
            self.told.append((f"{year} {programme}", prepared_by))

        self._review = Review(self.office, Conducting(go_on, start, go_on), self.overseen, self.pictures, self.unopened)

    def client(self, name: str) -> "Client":
        """Somebody's browser."""
        with self.office.store.reading() as record:
            person = persons.find(record.people(), name)
        assert person

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            if file := self._review.static(request.url.path):
                await file(scope, receive, send)
                return
            response = await self._review.answer(request, await request.body(), Visitor(person, f"token of {person.id}", "192.0.2.7"))
            await response(scope, receive, send)

        return Client(answer)

    @property
    def page(self) -> str:
        """The page of the revision in work."""
        with self.office.store.reading() as record:
            return f"/review/{self.evaluation.id}/{record.current_revision(self.evaluation).number}"

    @property
    def heads(self) -> dict[str, str]:
        """The heads of all chains: what shows that anything was done."""
        with self.office.store.reading() as record:
            return {chain: record.head(chain) for chain in record.chains()}

    @property
    def stage(self) -> str:
        """Where the evaluation stands."""
        return steps.status(self.office, self.evaluation).key

    def send(self, name: str, **changes: str) -> Any:
        """Fill in the form on the page as somebody, and send it."""
        client = self.client(name)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', client.get(self.page).text))
        filled = {"decision": "同意", "comment": "", "code": self.phones[name].code()} | hidden | changes
        return client.post(self.page, content=urlencode(filled))

    def go_on(self) -> None:
        """What the conductor does when the clerk's correction is in."""
        with self.office.store.reading() as record:
            revision = record.current_revision(self.evaluation)
        steps.prepare(self.office, Revision(self.evaluation, revision.number))


@pytest.fixture(scope="session")
def drafted(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> tuple[Path, dict[str, Any]]:
    """The sample's office with its draft before the first gate, to be copied; its people's phones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFEVAL_KEY", "an invented key for tests")
        return _draft(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("drafted") / "office")), welcome)


def _draft(folder: Path, welcome: Callable[..., Any]) -> tuple[Path, dict[str, Any]]:
    office = open_office(folder)
    phones = {name: welcome(office, name, role) for name, role in ((CLERK, "operator"), (CENTER, "center"), (BUREAU, "bureau"))}
    evaluation = steps.open_evaluation(office, office.workspace.subject(2022), CLERK, RUN)
    steps.prepare(office, Revision(evaluation, 1))
    steps.ask(office, Revision(evaluation, 1), office.workspace.gates[0])
    office.store.close()
    return folder, phones


@pytest.fixture
def house(drafted: tuple[Path, dict[str, Any]], tmp_path: Path) -> Iterator[House]:
    folder, phones = drafted
    office = open_office(Path(shutil.copytree(folder, tmp_path / "office")))
    with office.store.reading() as record:
        (evaluation,) = record.evaluations()
    # A copied store has spent no code since.
    yield House(office, {name: copy.copy(phone) for name, phone in phones.items()}, evaluation)
    office.store.close()
