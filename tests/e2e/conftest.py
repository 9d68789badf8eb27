"""A real Prefect server for the session, and offices whose runs are executed by processes of their own, as a runner does."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_CUSTOM_HEADERS, temporary_settings
from prefect.states import AwaitingRetry
from prefect.types.entrypoint import EntrypointType
from terminal import KEY, OPERATOR, Terminal, Welcome

from flows.client import MACHINE, Address, Client
from flows.evaluation import self_evaluation
from flows.serve import environment
from perfeval import steps
from perfeval.approvals.events import AnsweredWrongly
from perfeval.approvals.record import read_line
from perfeval.model import Answer, Stage, Status, Verdict
from perfeval.office import Office as PerfevalOffice
from perfeval.office import open_office
from perfeval.workspace import Workspace

PEOPLE = {"center": "样例中心负责人", "bureau": "样例财政审核人"}
REPOSITORY = Path(__file__).parents[2]
KILLER = Path(__file__).parent / "killer"
STRETCHES = Path(__file__).parent / "stretches.py"

Execute = Callable[..., int]


@pytest.fixture(scope="session")
def server(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server without a runner: the environment in which it is reached."""
    place = Workspace(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("server") / "office")))
    with socket.create_server(("127.0.0.1", 0)) as listener, (place.root / "server.log").open("wb") as log:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        address = Address(url, url, secrets.token_urlsafe(24))
        variables = environment(place, address) | {"PERFEVAL_KEY": KEY}
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.door", str(listener.fileno())],
            env=variables, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[listener.fileno()],
        )  # fmt: skip
        deadline = time.monotonic() + 240
        while not Client(address).is_ready():
            time.sleep(0.1)
            assert process.poll() is None and time.monotonic() < deadline, (place.root / "server.log").read_text()  # noqa: PT018  # one log
        settings = {PREFECT_API_URL: f"{url}/api", PREFECT_CLIENT_CUSTOM_HEADERS: json.loads(variables["PREFECT_CLIENT_CUSTOM_HEADERS"])}
        with temporary_settings(settings):
            yield variables
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def execute(server: dict[str, str]) -> Iterator[Execute]:
    """Execute a run in a process of its own: its exit code."""
    command = [sys.executable, str(STRETCHES)]
    with subprocess.Popen(command, env=server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout

        def ask(**order: object) -> int:
            print(json.dumps(order), file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield ask


@pytest.fixture
def office(server: dict[str, str], execute: Execute, pristine: Path, tmp_path: Path, welcome: Welcome) -> Iterator["Office"]:
    """An office of its own with enrolled approvers, and a run of its evaluation that nobody has executed yet."""
    folder = Path(shutil.copytree(pristine, tmp_path / "office"))
    with get_client(sync_client=True) as client:
        yield Office(open_office(folder), client, server, execute, welcome)


@pytest.fixture
def terminal(pristine: Path, tmp_path: Path, welcome: Welcome) -> Iterator[Terminal]:
    """A terminal in a workspace of its own; what it has started ends with the test, however that went."""
    terminal = Terminal(Path(shutil.copytree(pristine, tmp_path / "a?b")), welcome)
    yield terminal
    terminal.end()


class Office:
    """A county office on a shared server: what its people and its runner do."""

    def __init__(
        self, office: PerfevalOffice, client: SyncPrefectClient, variables: dict[str, str], execute: Execute, welcome: Welcome
    ) -> None:
        self._execute_run = execute
        self.office, self.place, self.store = office, office.workspace, office.store
        self.client = client
        machine = json.loads(variables["PREFECT_CLIENT_CUSTOM_HEADERS"])[MACHINE]
        name = secrets.token_hex(8)
        self.asked = Client(Address(variables["PREFECT_API_URL"].removesuffix("/api"), "", machine, deployment=name))
        self._variables = variables | {"PERFEVAL_WORKSPACE": str(self.place.root), "PERFEVAL_KEY": KEY}
        welcome(office, OPERATOR, "operator")
        self._phones = {role: welcome(office, name, role) for role, name in PEOPLE.items()}
        deployment = self_evaluation.to_deployment(name, entrypoint_type=EntrypointType.MODULE_PATH).apply()
        self.run = client.create_flow_run_from_deployment(deployment, parameters={"request": {"year": 2022}}).id

    def execute(self, **variables: str) -> State[Any]:
        """Execute the run in a process of its own until it ends or suspends."""
        self._execute(variables)
        return self.state

    def killed_in(self, function: str, event: str) -> bool:
        """Retry the run and kill -9 its process when `function` of perfeval is called or returns; whether that happened."""
        self.force(AwaitingRetry())
        path = os.pathsep.join([str(KILLER), self._variables.get("PYTHONPATH", "")])
        return self._execute({"PYTHONPATH": path, "KILL_IN": function, "KILL_AT": event}) == -signal.SIGKILL

    def _execute(self, variables: dict[str, str]) -> int:
        folder = self.place.root.parent
        return self._execute_run(run=str(self.run), environment=self._variables | variables, folder=str(folder), log=f"{folder}/run.log")

    def use_copy_of_code(self, folder: Path) -> Path:
        """Execute a copy of the program from now on, so that it can be edited."""
        for name in ("flows", "perfeval", "schemas", "config"):
            shutil.copytree(REPOSITORY / name, folder / name)
        self._variables["PYTHONPATH"] = str(folder)
        return folder

    def ledger(self, title: str) -> Path:
        """A ledger's workbook."""
        return self.place.subject(2022).ledgers / f"{title}.xlsx"

    def spoil(self, title: str, header: str, value: object) -> bytes:
        """Write `value` into the first row of a column; returns the sound workbook."""
        path = self.ledger(title)
        sound = path.read_bytes()
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        (cell,) = (cell for row in sheet.iter_rows(max_row=5) for cell in row if cell.value == header)
        sheet.cell(cell.row + 1, cell.column).value = value
        book.save(path)
        return sound

    def artifacts(self, kind: str) -> list[Any]:
        """What the run left for people of a kind (scores, findings, draft, errors)."""
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[self.run]), key=ArtifactFilterKey(like_=f"%-{kind}"))
        found = [artifact.data for artifact in self.client.read_artifacts(artifact_filter=mine)]
        return [json.loads(data) if data and data.startswith("[{") else data for data in found]

    def forge(self, key: str, value: object) -> None:
        """Write an answer past the form, straight into Prefect's database."""
        self.client.create_flow_run_input(self.run, f"suspended-{key}-response", json.dumps(value))

    @property
    def state(self) -> State[Any]:
        """The run's state."""
        state = self.client.read_flow_run(self.run).state
        assert state
        return state

    @property
    def form_key(self) -> str:
        """The key of the form that the run is suspended at."""
        return self.state.state_details.pause_key or ""

    @property
    def key(self) -> str:
        """That key without what makes it another each time."""
        return self.form_key.rpartition("-")[0]

    @property
    def status(self) -> Status:
        """Where the one evaluation stands in the store."""
        (status,) = steps.statuses(self.office)
        return status

    @property
    def bags(self) -> list[str]:
        """What the archive holds."""
        return sorted(path.name for path in self.place.archive_folder.glob("*"))

    def decide(self, role: str, /, decision: str = "同意", **changes: str) -> None:
        """Decide as the role's approver, as the door and a terminal do, which Prefect hears nothing of."""
        form, gate = self.form(role, decision, **changes), next(item for item in self.place.gates if item.key == role)
        answer = Answer(Verdict(form["decision"]), form["approver"], form["code"], form["check_code"], form["comment"])
        steps.decide(self.office, self.status.revision, gate, answer)

    def correct(self, note: str) -> None:
        """Hand in the correction."""
        assert self.status.stage is Stage.CORRECTING
        steps.record_correction(self.office, self.status.revision, note)

    def form(self, role: str, /, decision: str = "同意", **changes: str) -> dict[str, str]:
        """The form as the role's approver fills it in."""
        draft = self.status.draft
        assert draft
        answer = {"decision": decision, "approver": PEOPLE[role], "check_code": draft.check_code, "comment": "请核对支出明细"} | changes
        return answer if "code" in answer else answer | {"code": self._phones[role].code()}

    def resume(self, form: dict[str, Any]) -> SetStateStatus:
        """Send a filled-in form to Prefect, around the door."""
        return self.client.resume_flow_run(self.run, run_input=form).status

    def answer(self, role: str, /, decision: str = "同意", **changes: str) -> State[Any]:
        """Decide, and execute the run further."""
        self.decide(role, decision, **changes)
        return self.retry()

    def force(self, state: State[Any]) -> None:
        """Set a state as the UI's "Change state" does."""
        self.client.set_flow_run_state(self.run, state, force=True)

    def retry(self, *, force: bool = True) -> State[Any]:
        """Press Retry (the UI forces it; the API need not) and execute the run."""
        self.client.set_flow_run_state(self.run, AwaitingRetry(), force=force)
        return self.execute()

    def wrong_answers(self, role: str) -> list[str]:
        """What was wrong with answers at a gate, as the record tells."""
        with self.store.reading() as record:
            told = [read_line(entry.line).what for entry in record.entries(self.status.revision.evaluation.id)]
        return [item.code for item in told if isinstance(item, AnsweredWrongly) and item.gate == role]
