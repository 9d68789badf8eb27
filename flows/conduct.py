"""Conducting from outside: start a run, move it on, wait until it stands still. The store says where an evaluation stands."""

import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from flows.client import GONE_ON_IN_ANOTHER, SECOND_RUN, Run
from flows.forms import awaited, is_behind
from perfeval import errors, steps
from perfeval.errors import ServerError
from perfeval.model import Evaluation, Status
from perfeval.model.outcomes import Failure

if TYPE_CHECKING:
    from flows.client import Client
    from perfeval.office import Office
    from perfeval.workspace import Subject

T = TypeVar("T")


_LOGS = "请管理服务的人查看这次运行的日志"
_EXIT = re.compile(r"Process exited with status code: (-?\d+)")
_RAISED = re.compile(r"encountered an exception: (\w+): (.*)", re.DOTALL)
# Whose texts are for people. Of all others' the Chinese in them is what they name: a folder, a value.
_FAULTS = {name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, errors.PerfevalError)}
# As a process tells it, and as a container does.
_KILLED, _ENDED = "进程被系统强制终止（常因内存不足）", "进程被要求结束（常因服务停止）"
_EXITS = {"-9": _KILLED, "137": _KILLED, "247": _KILLED, "-15": _ENDED, "143": _ENDED}
_CANCELLING, _UNTAKEN = "CANCELLING", "等待执行：还没有进程接收这次运行"


@dataclass(frozen=True)
class Patience:
    """Seconds to wait, and between two looks.

    Until a run can be started; is told of, and then given up, because no process takes it; stands still; is cancelled at last.
    """

    start: float = 120
    told: float = 15
    taken: float = 300
    run: float = 3600
    cancelling: float = 30
    look: float = 0.15


@dataclass(frozen=True)
class Position:
    """Where a run stands still: `status` is None when it failed before it had an evaluation; `failure` says why it ended early."""

    run_id: str
    status: Status | None
    failure: Failure | None


class Conductor:
    """A client of the server that is up; `tend` is called while waiting, so that what dies meanwhile is started again.

    `show` is told the name of each step of the run as it begins.
    """

    def __init__(
        self,
        office: "Office",
        client: "Client",
        tend: Callable[[], None],
        patience: Patience = Patience(),
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._office = office
        self._client = client
        self._tend = tend
        self._patience = patience
        self._show = show

    def begin(self, subject: "Subject", prepared_by: str) -> Position:
        """Start a run of the deployment, once the runner has registered it, and wait until it stands still.

        Where it was refused because of another, begun at the same moment or before a power cut, that one is gone on with.
        """
        deployment = self._until(self._client.find_deployment, self._patience.start)
        request = {"year": subject.year, "programme": subject.programme.key, "prepared_by": prepared_by}
        position = self._wait(self._client.start_run(deployment.id, request), set())
        if position.failure is None or position.failure.code != SECOND_RUN:
            return position
        with self._office.store.reading() as record:
            same = record.evaluations(subject.year, subject.programme.key)
        if not same:
            return position
        # The other may have come to its end by now.
        return self.go_on(same[-1]) if same[-1].outcome is None else Position(position.run_id, steps.status(self._office, same[-1]), None)

    def go_on(self, evaluation: Evaluation) -> Position:
        """Move an evaluation's run to where the store is: past a form that the store has the answer to, or out of an early end."""
        with self._office.store.reading() as record:
            began = record.run_of(evaluation)
        run = self._client.read_run(began) if began else None
        if run and (run.type == _CANCELLING or self._is_anothers(run)):
            if not run.is_final:  # nobody is left to end it, or to take it up, and beside it no other could begin
                self._client.cancel(run.id)
            run = None
        if run is None or not run.type:
            return self.begin(self._office.subject(evaluation), evaluation.prepared_by)
        status, before = steps.status(self._office, evaluation), self._client.read_steps(run.id)
        soon = datetime.now(UTC) + timedelta(minutes=1)
        is_put_off = run.type == "SCHEDULED" and (run.due_at or soon) > soon
        if run.is_final or is_put_off or (run.type == "PAUSED" and is_behind(run.key, awaited(status))):
            self._try_again(run.id)
        # A run that goes on comes through its steps again; what the store has done of them is nothing new.
        done = {_title(name) for _, name in before} if status.draft else set()
        return self._wait(run, {step for step, _ in before}, done)

    def _try_again(self, run: str) -> None:
        """Move a run on. Why it ended is forgotten, or the next end would be taken for this one; but not where it is not moved."""
        with self._office.store.transaction() as record:
            failure = record.failure(run)
            record.record_failure(run, None)
        try:
            self._client.move(run)
        except BaseException:  # also who is told to end meanwhile
            with self._office.store.transaction() as record:
                record.record_failure(run, failure)
            raise

    def _is_anothers(self, run: Run) -> bool:
        """Whether nothing that is served takes it up: the office was alone on the server, or a runner there, and is not now."""
        deployment = self._client.find_deployment()
        return bool(run.deployment) and not (deployment and deployment.takes_up(run.deployment, run.pool))

    def _wait(self, run: Run, known: set[str], done: Container[str] = ()) -> Position:
        """Wait until a run stands still; steps that are not known yet are shown, but for those that are done."""
        kind, since = "", time.monotonic()

        def still() -> Run | None:
            nonlocal kind, since
            now = self._client.read_run(run.id)
            if kind != (kind := now.type if now else ""):
                since = time.monotonic()
            self._lose_patience(kind, time.monotonic() - since, known)
            for step, name in self._client.read_steps(run.id):
                if step not in known:
                    known.add(step)
                    if _title(name) not in done:
                        self._show(_title(name))
            return now if now and now.stands else None

        found = self._until(still, self._patience.run)
        with self._office.store.reading() as record:
            evaluation, failure = record.evaluation_of(run.id), record.failure(run.id)
        status = steps.status(self._office, evaluation) if evaluation else None
        if not found.is_final or (evaluation and evaluation.outcome):
            return Position(run.id, status, None)
        return Position(run.id, status, failure or crashed(found.message))

    def _lose_patience(self, kind: str, seconds: float, known: set[str]) -> None:
        """Tell of a run that stays where it should not: once, and then as a fault."""
        if kind == _CANCELLING and seconds > self._patience.cancelling:
            message = f"这次运行在 Prefect 里被标为“正在取消”（{_CANCELLING}），一直没有取消完"
            raise ServerError("P23", message, "执行 perfeval run：会结束它，另起一次运行，接着办理同一项自评。")
        if kind == "SCHEDULED" and seconds > self._patience.told and _UNTAKEN not in known:
            known.add(_UNTAKEN)
            self._show(_UNTAKEN)
        if kind == "SCHEDULED" and seconds > self._patience.taken:
            hint = "服务用了 --no-worker 的，先启动 perfeval worker；已启动的，运行还在排队。再执行 perfeval run，会接着等待。"
            raise ServerError("P24", "没有进程来执行这次运行", hint)

    def _until(self, ask: Callable[[], T | None], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        while (answer := ask()) is None:
            if time.monotonic() > deadline:
                raise ServerError("P07", "运行长时间没有进展", f"{_LOGS}。")
            self._tend()
            time.sleep(self._patience.look)
        return answer


def crashed(message: str) -> Failure:
    """What is told of a run that nothing is known of but what Prefect keeps; its steps are asked of the store, so going on is safe."""
    told = _in_chinese(message)
    hint = f"重试，或执行 perfeval run，会从中断处接着进行；仍不行的，{_LOGS}。"
    return Failure("", "P14", str(ServerError("P14", f"运行异常终止{told and f'：{told}'}", hint)))


def _in_chinese(message: str) -> str:
    """What people are told of Prefect's message: why the process ended, or the fault of ours in it; nothing of what is English."""
    if code := _EXIT.search(message):
        return _EXITS.get(code[1], f"进程意外结束（退出码 {code[1]}）")
    if message == GONE_ON_IN_ANOTHER:
        return message
    raised = _RAISED.search(message)
    return raised[2] if raised and raised[1] in _FAULTS else ""


def _title(step: str) -> str:
    """A step's name without what Prefect hangs on it."""
    return step.rpartition("-")[0]
