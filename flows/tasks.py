"""One task per step. Prefect gives it a name, retries and a place in the UI; the store gives it its outcome.

No result of a task is cached or persisted: a run that is resumed asks the store again, whatever became of its code and files.
The steps are imported by the first that runs, so that a resumed run is seen running a second earlier.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.tasks import Task

from flows.display import show_errors
from flows.workplace import open_workplace
from perfeval.errors import LedgerError, StoreError, UsageError
from perfeval.model import Draft, Evaluation, Finding, Gate, ReceivedFile, Revision, Scorecard

if TYPE_CHECKING:
    from perfeval.store import Store

P = ParamSpec("P")
R = TypeVar("R")


def _passes_by_itself(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """A file in use, a share that is away, a locked database; never a fault that somebody has to correct."""
    return isinstance(state.data, OSError) or (isinstance(state.data, StoreError) and state.data.code == "S06")


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task under the step's Chinese name."""
    return task(
        name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=2,
        retry_delay_seconds=[1, 5],
        retry_condition_fn=_passes_by_itself,
    )


@step("开始自评")
def open_evaluation(year: int, prepared_by: str) -> Evaluation:
    """Open the year's evaluation, or find the one this run belongs to; year 0 is the one before the run's date."""
    from perfeval import steps

    workspace, store = open_workplace()
    year = year or flow_run.scheduled_start_time.astimezone(ZoneInfo(workspace.settings.schedule.timezone)).year - 1
    _refuse_second_run(store, year)
    return steps.open_evaluation(workspace, store, year, prepared_by or workspace.settings.unit.drafter, flow_run.id)


@step("接收台账")
def ingest_ledgers(revision: Revision) -> list[ReceivedFile]:
    """Take the ledger files in."""
    from perfeval import steps

    return steps.ingest_ledgers(*open_workplace(), revision)


@step("校验台账")
def validate_ledgers(revision: Revision, files: list[ReceivedFile]) -> list[Finding]:
    """Validate and freeze the ledgers; errors are shown and fail the run until the clerk presses Retry."""
    from perfeval import steps

    try:
        return steps.validate_ledgers(*open_workplace(), revision, files)
    except LedgerError as error:
        show_errors(revision, error)
        raise


@step("计算得分")
def score_indicators(revision: Revision) -> Scorecard:
    """Compute facts and scores."""
    from perfeval import steps

    return steps.score_indicators(*open_workplace(), revision)


@step("编写报告")
def draft_report(revision: Revision) -> Draft:
    """Write the report."""
    from perfeval import steps

    return steps.draft_report(*open_workplace(), revision)


@step("归档")
def archive_report(revision: Revision) -> str:
    """Archive the approved report; the archive's door looks at the store's decisions, not at this run."""
    from perfeval import steps

    return f"已归档：{steps.archive_report(*open_workplace(), revision)}"


@step("终止自评")
def close_evaluation(evaluation: Evaluation) -> str:
    """End a refused evaluation; what it holds is kept."""
    from perfeval import steps

    steps.close_evaluation(open_workplace()[1], evaluation)
    return "审批意见为不同意，自评终止；材料保留，不归档。"


def gates() -> tuple[Gate, ...]:
    """The approval steps in order."""
    return open_workplace()[0].gates


def revisions(evaluation: Evaluation) -> Iterator[Revision]:
    """The revision in work, again and again: after a correction it is the next one. The run carries its name."""
    while True:
        revision = open_workplace()[1].current_revision(evaluation)
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(UUID(flow_run.id), f"{evaluation.year} {evaluation.programme} 第{revision.number}稿")
        yield revision


def _refuse_second_run(store: "Store", year: int) -> None:
    # Two runs at one gate would leave one of them waiting for an answer that the other got.
    evaluation = next((item for item in store.evaluations() if item.year == year and item.outcome is None), None)
    other = store.run_of(evaluation) if evaluation else None
    if other is None or other == flow_run.id:
        return
    with get_client(sync_client=True) as client:
        try:
            run = client.read_flow_run(UUID(other))
        except ObjectNotFound:
            return
    if run.state and not run.state.is_final():
        raise UsageError("P04", f"{year}年度的自评正在进行：{run.name}", "在那一次运行里继续；同一年度不能同时进行两次。")
