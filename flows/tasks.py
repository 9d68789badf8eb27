"""One task per step. Prefect gives it a name, retries and a place in the UI; the store gives it its outcome.

No result of a task is cached or persisted: a run that is resumed asks the store again, whatever became of its code and files.
The steps are imported by the first that runs, so that a resumed run is seen running a second earlier.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import FlowRun, State, TaskRun
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run, task_run
from prefect.tasks import Task

from flows.display import show_errors
from flows.offices import this_office
from perfeval.errors import LedgerError, PerfevalError, StoreError, UsageError, fault_of
from perfeval.model import Draft, Evaluation, Finding, Gate, ReceivedFile, Revision, Scorecard

if TYPE_CHECKING:
    from perfeval.office import Office
    from perfeval.workspace import Subject

P = ParamSpec("P")
R = TypeVar("R")


# Between the tries of what may pass by itself.
_PAUSES_SECONDS = [1.0, 5.0]


def _passes_by_itself(fault: object) -> bool:
    """A file in use, a share that is away, a locked database; never a fault that somebody has to correct."""
    return isinstance(fault, OSError) or (isinstance(fault, StoreError) and fault.code in {"S06", "S13"})


def _may_be_tried_again(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return _passes_by_itself(state.data)


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task under the step's Chinese name; a fault that a person can repair is kept in the store, for whoever started the run."""

    def as_task(act: Callable[P, R]) -> Task[P, R]:
        @wraps(act)
        def kept(*arguments: P.args, **named: P.kwargs) -> R:
            try:
                done = act(*arguments, **named)
            except (PerfevalError, OSError) as error:
                _keep_failure(name, error)
                raise
            if (task_run.run_count or 0) > 1:  # what was kept of the try before has passed by itself
                with this_office().store.transaction() as record:
                    record.record_failure(flow_run.id, None)
            return done

        return task(
            name=name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=len(_PAUSES_SECONDS),
            retry_delay_seconds=_PAUSES_SECONDS,
            retry_condition_fn=_may_be_tried_again,
        )(kept)

    return as_task


def _keep_failure(name: str, error: PerfevalError | OSError) -> None:
    from perfeval import steps

    office = this_office()
    failure = steps.failure_of(office.store, name, fault_of(error))
    with suppress(PerfevalError), office.store.transaction() as record:  # where the store itself fails, its fault is told as it is
        record.record_failure(flow_run.id, failure)
    is_tried_again = _passes_by_itself(error) and (task_run.run_count or 0) <= len(_PAUSES_SECONDS)
    if not is_tried_again:
        from perfeval.reminding import notify_of_failure

        notify_of_failure(office, flow_run.id)


@step("开始自评")
def open_evaluation(year: int, programme: str, prepared_by: str) -> Evaluation:
    """Open the evaluation of a programme's year, or find the one this run belongs to; year 0 is the one before the run's date.

    A run that goes on is about what it has begun: neither the clock nor the settings decide anew what it left open.
    """
    from perfeval import steps

    office = this_office()
    with office.store.transaction() as record:
        record.record_failure(flow_run.id, None)
        begun = record.evaluation_of(flow_run.id)
    workspace = office.workspace
    year, programme = (begun.year, begun.programme_key) if begun else (year, programme)
    year = year or flow_run.scheduled_start_time.astimezone(ZoneInfo(workspace.settings.schedule.timezone)).year - 1
    subject = workspace.subject(year, programme)
    try:
        # One that comes in between is an OSError, and this step tried again: then it is refused for that one.
        over = refuse_second_run(office, subject)
        return steps.open_evaluation(office, subject, prepared_by or workspace.settings.unit.drafter, flow_run.id, over or "")
    except PerfevalError as error:  # there is nothing else yet by which it could be told whose fault it is
        error.context["begins"] = workspace.unit, year, subject.programme.key
        raise


@step("接收台账")
def ingest_ledgers(revision: Revision) -> list[ReceivedFile]:
    """Take the ledger files in."""
    from perfeval import steps

    return steps.ingest_ledgers(this_office(), revision)


@step("校验台账")
def validate_ledgers(revision: Revision, files: list[ReceivedFile]) -> list[Finding]:
    """Validate and freeze the ledgers; errors are shown and fail the run until the clerk presses Retry."""
    from perfeval import steps

    try:
        return steps.validate_ledgers(this_office(), revision, files)
    except LedgerError as error:
        show_errors(revision, error)
        raise


@step("计算得分")
def score_indicators(revision: Revision) -> Scorecard:
    """Compute facts and scores."""
    from perfeval import steps

    return steps.score_indicators(this_office(), revision)


@step("编写报告")
def draft_report(revision: Revision) -> Draft:
    """Write the report."""
    from perfeval import steps

    return steps.draft_report(this_office(), revision)


@step("归档")
def archive_report(revision: Revision) -> str:
    """Archive the approved report; the archive's door looks at the store's decisions, not at this run."""
    from perfeval import steps
    from perfeval.reminding import notify

    bag = steps.archive_report(this_office(), revision)
    notify(this_office(), revision.evaluation.id)
    return f"已归档：{bag}"


@step("终止自评")
def close_evaluation(evaluation: Evaluation) -> str:
    """End a refused evaluation; what it holds is kept."""
    from perfeval import steps
    from perfeval.reminding import notify

    steps.close_evaluation(this_office().store, evaluation)
    notify(this_office(), evaluation.id)
    return "审批意见为不同意，自评终止；材料保留，不归档。"


def gates(revision: Revision) -> tuple[Gate, ...]:
    """The approval steps that a revision's draft is laid before, in order."""
    from perfeval import steps

    return steps.gates_of(this_office(), revision)


def _name_run(name: str) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_name(UUID(flow_run.id), name)


def revisions(evaluation: Evaluation, name_run: Callable[[str], None] = _name_run) -> Iterator[Revision]:
    """The revision in work, again and again: after a correction it is the next one. The run carries its name."""
    while True:
        with this_office().store.reading() as record:
            revision = record.current_revision(evaluation)
        name_run(f"{evaluation.year} {evaluation.programme} 第{revision.number}稿")
        yield revision


def _find_run(run_id: str) -> FlowRun | None:
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        return client.read_flow_run(UUID(run_id))
    return None


def refuse_second_run(office: "Office", subject: "Subject", find_run: Callable[[str], FlowRun | None] = _find_run) -> str | None:
    """Refuse a run beside one that is under way: at one gate, one of them would wait for an answer that the other got.

    Gives the run that has ended, in whose place this one comes, if there is one.

    Raises: UsageError: another run of this programme's year has not ended.
    """
    with office.store.reading() as record:
        same = record.evaluations(subject.year, subject.programme.key)
        evaluation = next((item for item in same if item.outcome is None), None)
        other = record.run_of(evaluation) if evaluation else None
    run = find_run(other) if other and other != flow_run.id else None
    if run and run.state and not run.state.is_final():
        raise UsageError("P04", f"{subject.year}年度的自评正在进行：{run.name}", "在那一次运行里继续；同一年度不能同时进行两次。")
    return other
