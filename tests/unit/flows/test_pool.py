"""The workers' pool: of processes, or of another kind by the environment; the sample for Kubernetes, as far as no cluster is needed."""

import asyncio
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID

import pytest
import yaml
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.states import Pending, Running, State
from prefect.utilities.templating import apply_values, find_placeholders
from prefect.workers.process import ProcessWorker

from flows import worker
from flows.offices import told
from perfeval.errors import UsageError
from perfeval.workspace import Workspace

SAMPLE = Path(__file__).parents[3] / "config" / "kubernetes"


@pytest.fixture
def template() -> dict[str, Any]:
    """The sample's template of jobs."""
    return dict(json.loads((SAMPLE / "job-template.json").read_text(encoding="utf-8")))


@pytest.fixture
def cluster() -> dict[str, Any]:
    """The sample's objects, by kind."""
    return {item["kind"]: item for item in yaml.safe_load_all((SAMPLE / "worker.yml").read_text(encoding="utf-8"))}


def job(template: dict[str, Any], **given: Any) -> Any:
    """The job that a worker would make, with the defaults of the template and what a deployment gives."""
    variables = {name: item["default"] for name, item in template["variables"]["properties"].items() if "default" in item}
    return apply_values(template["job_configuration"], variables | given)["job_manifest"]


def test_pool_is_of_processes_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(worker.POOL_TYPE, raising=False)
    assert (worker.pool(), worker.worker_class()) == ("perfeval", ProcessWorker)
    monkeypatch.setenv(worker.POOL_TYPE, "no-such-kind")
    assert worker.pool() == "perfeval-no-such-kind"
    with pytest.raises(UsageError) as fault:
        worker.worker_class()
    assert fault.value.code == "P32"


@pytest.mark.parametrize(
    ("state", "seconds", "name", "pool", "expected"),
    [
        (Pending(), 61, "", "perfeval", True),
        (Pending(), 30, "", "perfeval", False),
        (Pending(), 3600, "", None, False),
        (Running(), 3600, "", "perfeval", False),
        (Running(), 16, "gone", "perfeval", True),
        (Running(), 14, "gone", "perfeval", False),
        (Running(), 3600, "there", "perfeval", False),
    ],
    ids=["died nameless", "being taken", "not in the pool", "not a worker's", "died", "just taken", "at work"],
)
def test_run_is_left_by_a_worker_that_died_also_before_it_gave_its_name(
    state: State, seconds: int, name: str, pool: str | None, expected: bool
) -> None:
    now = datetime(2023, 1, 5, tzinfo=UTC)
    taken = state.model_copy(update={"timestamp": now - timedelta(seconds=seconds)})
    labels = {"prefect.worker.name": name} if name else {}
    run = FlowRun(flow_id=UUID(int=1), state=taken, work_pool_name=pool, labels=labels)
    assert worker.is_left(run, {"gone"}.__contains__, now) is expected


@dataclass
class Workers:
    """What a server that is up, but may be busy, tells of workers, look by look, 5 seconds apart; of one of them there is a run."""

    looks: list[str]
    at: int = 0
    continued: list[int] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def read_workers_for_work_pool(self, _: str) -> list[Any]:
        if self.looks[self.at] == "away":
            raise ConnectionError
        heard = self.looks[self.at].split()
        return [SimpleNamespace(name=name, status=WorkerStatus.ONLINE if name in heard else "OFFLINE") for name in ("ours", "there")]

    async def look(self, _: object, is_left: Callable[[FlowRun], bool]) -> None:
        state = Running().model_copy(update={"timestamp": datetime(2023, 1, 5, tzinfo=UTC)})
        if is_left(FlowRun(flow_id=UUID(int=1), state=state, work_pool_name="perfeval", labels={"prefect.worker.name": "there"})):
            self.continued.append(self.at)

    def now(self, _: object) -> datetime:
        return datetime(2023, 1, 6, tzinfo=UTC) + timedelta(seconds=5 * self.at)


@pytest.mark.parametrize(
    ("looks", "continued"),
    [
        (["ours there"] * 3 + ["ours"] * 14, [16]),
        (["ours"] * 12 + ["ours there"] + ["ours"] * 12, []),
        (["ours"] * 12 + [""] + ["ours"] * 12, []),
        (["ours"] * 12 + ["away"] + ["ours"] * 12, []),
        (["there"] * 20 + [""] * 20, []),
    ],
    ids=["gone", "heard of again", "nobody heard of", "server away", "ours not heard of"],
)
def test_worker_is_gone_that_was_not_heard_of_for_a_minute_while_ours_was(
    monkeypatch: pytest.MonkeyPatch, looks: list[str], continued: list[int]
) -> None:
    workers = Workers(looks)
    monkeypatch.setattr(worker, "get_client", lambda: workers)
    monkeypatch.setattr(worker, "continue_orphans", workers.look)
    monkeypatch.setattr(worker, "datetime", SimpleNamespace(now=workers.now))
    left = worker.Left("ours")
    for workers.at in range(len(looks)):
        with suppress(ConnectionError):
            asyncio.run(left.look())
    assert workers.continued == continued


class Pool:
    """A server's pool that is there from its third question on, with the queue of one office."""

    def __init__(self) -> None:
        self.queues, self.asked = {"甲县"}, 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def create_work_queue(self, name: str, work_pool_name: str) -> None:
        self.asked += 1
        if self.asked < 3:
            raise ObjectNotFound(Exception(work_pool_name))
        if name in self.queues:
            raise ObjectAlreadyExists(Exception(name))
        self.queues.add(name)


def works_for(monkeypatch: pytest.MonkeyPatch, *workspaces: Workspace) -> list[str]:
    """The queues that a worker of these offices listens to."""
    for name, value in told(workspaces).items():
        monkeypatch.setenv(name, value)
    return asyncio.run(worker._queues())


@pytest.fixture
def offices(make_folder: Callable[..., Path], settings: dict[str, Any], tmp_path: Path) -> list[Workspace]:
    folders = [Path(shutil.copytree(make_folder(unit=settings["unit"] | {"name": name}), tmp_path / name)) for name in ("甲县", "乙县")]
    return list(map(Workspace, folders))


def test_worker_waits_for_the_pool_and_makes_the_queues_that_are_not_there(
    monkeypatch: pytest.MonkeyPatch, offices: list[Workspace]
) -> None:
    pool = Pool()
    monkeypatch.setattr(worker, "get_client", lambda: pool)
    monkeypatch.setattr(worker, "_POOL_SECONDS", 0)
    assert works_for(monkeypatch, *offices) == ["甲县", "乙县"]
    assert pool.queues == {"甲县", "乙县"}


def test_runs_of_an_office_stand_in_its_queue_alone_on_a_server_or_not_and_are_found_where_they_stood_before(
    monkeypatch: pytest.MonkeyPatch, offices: list[Workspace]
) -> None:
    monkeypatch.setattr(worker, "get_client", Pool)
    monkeypatch.setattr(worker, "_POOL_SECONDS", 0)
    assert works_for(monkeypatch, offices[1]) == ["乙县", "default"]
    assert worker._queue("", offices[1].root) == worker._queue("乙县", offices[1].root) == "乙县"


def test_python_of_a_run_is_found_when_the_temporary_folder_has_been_cleaned_up(tmp_path: Path) -> None:
    places = worker._path(tmp_path)
    assert shutil.which("python", path=places) == str(tmp_path / "python")
    (tmp_path / "python").unlink()
    assert shutil.which("python", path=places) == str(Path(sys.executable).with_name("python"))


def test_template_is_one_that_prefect_takes(template: dict[str, Any]) -> None:
    assert WorkPoolCreate(name="perfeval-kubernetes", type="kubernetes", base_job_template=template).base_job_template == template
    used = {found.name for found in find_placeholders(template["job_configuration"])}
    assert used == template["variables"]["properties"].keys()


def test_job_runs_once_without_rights_and_its_secrets_come_from_the_secret_alone(template: dict[str, Any]) -> None:
    made = job(template, command="python -m prefect.engine")
    pod = made["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (made["kind"], made["spec"]["backoffLimit"], pod["restartPolicy"]) == ("Job", 0, "Never")
    assert (pod["automountServiceAccountToken"], pod["securityContext"]["runAsNonRoot"]) == (False, True)
    assert container["args"] == "python -m prefect.engine"
    assert container["env"] == {"PERFEVAL_WORKSPACE": "/offices/danwei"}
    assert container["envFrom"] == [{"secretRef": {"name": "perfeval"}}]
    assert "PERFEVAL_KEY" not in json.dumps(template)


def test_sample_names_the_same_things_everywhere(template: dict[str, Any], cluster: dict[str, Any]) -> None:
    pod, (container,) = cluster["Deployment"]["spec"]["template"]["spec"], cluster["Deployment"]["spec"]["template"]["spec"]["containers"]
    jobs = job(template)["spec"]["template"]["spec"]
    assert {item["metadata"]["namespace"] for item in cluster.values()} == {template["variables"]["properties"]["namespace"]["default"]}
    assert jobs["volumes"] == pod["volumes"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == cluster["PersistentVolumeClaim"]["metadata"]["name"]
    assert jobs["containers"][0]["volumeMounts"] == container["volumeMounts"]
    assert jobs["containers"][0]["envFrom"] == container["envFrom"]
    assert pod["serviceAccountName"] == cluster["ServiceAccount"]["metadata"]["name"] == cluster["RoleBinding"]["subjects"][0]["name"]
    assert cluster["RoleBinding"]["roleRef"]["name"] == cluster["Role"]["metadata"]["name"]
    labels = cluster["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert cluster["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    verbs = {resource: rule["verbs"] for rule in cluster["Role"]["rules"] for resource in rule["resources"]}
    assert {"create", "delete", "watch"} <= set(verbs["jobs"])
    assert container["env"] == [{"name": worker.POOL_TYPE, "value": "kubernetes"}]
