"""Gates (审批环节): suspend the run, show what is decided on, hand the answer to the approvals, ask again.

The store decides whether a gate is passed; what Prefect brings back is only ever an answer to be checked. So a form that was
forged, replayed, timed out or never filled in counts as one ask without a decision, and the next ask has a key of its own.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

from prefect import get_run_logger, suspend_flow_run
from prefect.input import RunInput, keyset_from_base_key, read_flow_run_input
from pydantic import Field, StringConstraints, ValidationError, WithJsonSchema

from flows.display import show_submission
from perfeval.errors import ApprovalError
from perfeval.model import Answer, Decision, FailedAttempt, Gate, Revision, Verdict
from perfeval.model.evaluation import COMMENT_LENGTH, NAME_LENGTH
from perfeval.model.outcomes import Corrected
from perfeval.office import this_office
from perfeval.settings import CORRECTION
from perfeval.submission import Submission, describe_objection, describe_submission


class DecisionForm(RunInput):
    """审批."""

    # Inline, because the form would print an enumeration's English docstring.
    decision: Annotated[Verdict, WithJsonSchema({"type": "string", "enum": [str(verdict) for verdict in Verdict]})] = Field(
        title="审批决定"
    )
    approver: str = Field(title="审批人", max_length=NAME_LENGTH)
    code: str = Field(title="动态码", max_length=20, description="手机动态码应用上的6位数字，每个只能用一次")
    check_code: str = Field(title="核对码", max_length=20, description="下载的报告文件名末尾的8位字符，证明您看的就是这一稿")
    comment: str = Field(default="", title="审批意见", max_length=COMMENT_LENGTH, description="退回修改或不同意时必填")


class CorrectionForm(RunInput):
    """更正."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=COMMENT_LENGTH)] = Field(
        title="更正说明", description="台账或底稿已更正了什么；提交后重新计算并形成下一稿"
    )


Form = TypeVar("Form", bound=RunInput)
# Suspends the run under a key until the form comes back, which is only made where it is shown; returns what it holds.
Suspending = Callable[[str, Callable[[], type[RunInput]]], object]


def suspend_run(key: str, form: Callable[[], type[RunInput]]) -> object:
    """Suspend the run until the form comes back.

    Whether this ask was made, and what came back, is read from Prefect's inputs and not left to `suspend_flow_run`: after a
    retry that was not forced it would suspend a second time under one key, and neither form nor answer can be stored twice.
    """
    keys = keyset_from_base_key(f"suspended-{key}")
    filled: object = read_flow_run_input(keys["response"])
    if filled is None and read_flow_run_input(keys["schema"]) is None:
        filled = suspend_flow_run(wait_for_input=form(), key=key)
    return filled


def await_decision(
    gate: Gate,
    submission: Submission,
    suspend: Suspending = suspend_run,
    show: Callable[[Submission], None] = show_submission,
) -> Decision:
    """Wait until somebody entitled to it has decided."""
    from perfeval import steps

    office = this_office()
    revision = submission.revision

    def present(attempts: list[FailedAttempt]) -> str:
        if not attempts and gate.key == steps.gates_of(office, revision)[0].key:
            show(submission)
        steps.ask(office, revision, gate)
        return describe_submission(gate, submission, attempts)

    def take(form: DecisionForm) -> None:
        steps.decide(office, revision, gate, Answer(form.decision, form.approver, form.code, form.check_code, form.comment))

    while (decision := _decision(revision, gate)) is None:
        _ask(revision, gate.key, DecisionForm, present, take, suspend)
    return decision


def await_correction(revision: Revision, objection: Decision, suspend: Suspending = suspend_run) -> None:
    """Wait until the clerk says that the correction is in."""
    from perfeval import steps

    def take(form: CorrectionForm) -> None:
        steps.record_correction(this_office(), revision, form.note)

    while not _is_corrected(revision):
        _ask(revision, CORRECTION, CorrectionForm, partial(describe_objection, objection), take, suspend)


def _decision(revision: Revision, gate: Gate) -> Decision | None:
    with this_office().store.reading() as record:
        return record.decision(revision, gate.key)


def _is_corrected(revision: Revision) -> bool:
    with this_office().store.reading() as record:
        return record.outcome(revision, Corrected) is not None


Presenting = Callable[[list[FailedAttempt]], str]


def _ask(revision: Revision, name: str, form: type[Form], present: Presenting, take: Callable[[Form], None], suspend: Suspending) -> None:
    """Suspend until the form, under what `present` says, comes back, and let `take` make something of it; record why it could not."""
    store = this_office().store
    with store.reading() as record:
        attempts = record.failed_attempts(revision, name)
    store.close()  # no connection stays open while the run is suspended
    key = f"{name}-r{revision.number}-{len(attempts)}"
    try:
        take(form.model_validate(suspend(key, lambda: form.with_initial_data(description=present(attempts)))))
    except ValidationError:
        problem = "没有收到填写完整的表单"
    except ApprovalError as error:
        get_run_logger().warning("第%d次填写无效：%s", len(attempts) + 1, error)  # kept where it was judged
        return
    else:
        return
    get_run_logger().warning("第%d次填写无效：%s", len(attempts) + 1, problem)
    with store.transaction() as record:
        record.record_failed_attempt(revision, name, FailedAttempt(len(attempts), problem))
