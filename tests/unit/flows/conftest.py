"""An office with one evaluation in its store, and no server: what Prefect does, the tests' own fakes do."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from perfeval.approvals import events
from perfeval.approvals.events import GateRule
from perfeval.approvals.person import Person, ProofKind
from perfeval.model import Draft, Evaluation, Revision
from perfeval.model.outcomes import Drafted
from perfeval.office import Office, this_office

RUN = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(autouse=True)
def _outside_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def office(make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The office that this process works for."""
    monkeypatch.setenv("PERFEVAL_WORKSPACE", str(make_folder()))
    this_office.cache_clear()
    yield this_office()
    this_office().store.close()
    this_office.cache_clear()


@pytest.fixture
def operators_phone(office: Office, welcome: Callable[..., Any]) -> Any:
    return welcome(office, "样例填表人", "operator")


@pytest.fixture
def operator(office: Office, operators_phone: Any) -> Person:
    """Who prepares."""
    with office.store.reading() as record:
        return record.people().persons["p1"]


@pytest.fixture
def evaluation(office: Office, operator: Person) -> Evaluation:
    """An evaluation that a run has opened."""
    with office.store.transaction() as record:
        return record.open_evaluation(2022, "roads", "公路养护", operator, RUN)


@pytest.fixture
def revision(office: Office, evaluation: Evaluation) -> Revision:
    """Its first revision, drafted."""
    revision = Revision(evaluation, 1)
    draft = Draft(evaluation.id, 1, office.store.artifacts.put(b"a document"), "0123abcd" + "0" * 56, "0123abcd", date(2023, 4, 3))
    gates = office.workspace.gates
    rules = tuple(GateRule(gate.key, gate.title, gate.act, 1, (ProofKind.CODE,)) for gate in gates)
    digests = {"digest": draft.digest, "content_digest": draft.content_digest}
    with office.store.transaction() as record:
        record.save_outcome(
            revision, Drafted({}, draft, (), "", gates), events.Drafted(revision=1, **digests, configuration=(), gates=rules)
        )
    return revision
