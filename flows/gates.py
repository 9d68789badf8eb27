"""Gates (审批环节): suspend the run until the store has the answer.

What is decided is decided at the door or in a terminal, before Prefect hears of it. Here only the store is asked: whatever Prefect's
form brings back, whoever sent it and whatever state the run is forced into, a gate without a decision in the store is asked again.
"""

from collections.abc import Callable
from typing import Annotated, Any

from prefect import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field, StringConstraints, WithJsonSchema, create_model

from flows.display import show_submission
from flows.forms import new_key
from flows.offices import this_office
from perfeval.model import Decision, Gate, Revision, Verdict
from perfeval.model.evaluation import COMMENT_LENGTH, NAME_LENGTH
from perfeval.model.outcomes import Corrected
from perfeval.settings import CORRECTION
from perfeval.submission import Submission, describe_objection, describe_submission, remark_title


class DecisionForm(RunInput):
    """审批."""

    # Inline, because the form would print an enumeration's English docstring.
    decision: Annotated[Verdict, WithJsonSchema({"type": "string", "enum": [str(verdict) for verdict in Verdict]})] = Field(
        title="审批决定"
    )
    approver: str = Field(title="审批人", max_length=NAME_LENGTH, description="您的姓名，须与登录的相同")
    check_code: str = Field(title="核对码", max_length=20, description="下载的报告文件名末尾的8位字符，证明您看的就是这一稿")
    comment: str = Field(default="", title="审批意见", max_length=COMMENT_LENGTH, description="退回修改或不同意时必填")
    # Last: it holds for half a minute only.
    code: str = Field(title="动态码", max_length=20, description="手机动态码应用上的6位数字，每个只能用一次；最后填写")


class CorrectionForm(RunInput):
    """更正."""

    # After it stands a field `reply_N` for each remark.
    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=COMMENT_LENGTH)] = Field(
        title="更正说明", description="台账或底稿已更正了什么；提交后重新计算并形成下一稿"
    )


# Suspends the run under a key, with a form that is only made where it is shown. It comes back where it suspended nothing.
Suspending = Callable[[str, Callable[[], type[RunInput]]], object]


def suspend_run(key: str, form: Callable[[], type[RunInput]]) -> None:
    """Suspend the run, which ends this process."""
    suspend_flow_run(wait_for_input=form(), key=key)


def await_decision(
    gate: Gate,
    submission: Submission,
    suspend: Suspending = suspend_run,
    show: Callable[[Submission], None] = show_submission,
) -> Decision:
    """Wait until the gate has decided."""
    from perfeval import steps
    from perfeval.reminding import notify

    office, revision = this_office(), submission.revision

    def form() -> type[RunInput]:
        if gate.key == steps.gates_of(office, revision)[0].key:
            show(submission)
        steps.ask(office, revision, gate)
        notify(office, revision.evaluation.id)
        with office.store.reading() as record:
            people = record.people()
        return DecisionForm.with_initial_data(description=describe_submission(gate, submission, people))

    while (decision := _decision(revision, gate)) is None:
        _ask(gate.key, revision, form, suspend)
    return decision


def await_correction(revision: Revision, objection: Decision, suspend: Suspending = suspend_run) -> None:
    """Wait until the clerk says that the correction is in."""

    def form() -> type[RunInput]:
        from perfeval import steps
        from perfeval.reminding import notify

        notify(this_office(), revision.evaluation.id)
        asked = [item for item in steps.remarks(this_office(), revision.evaluation) if item.revision == revision.number]
        replies: dict[str, Any] = {
            f"reply_{number}": (
                Annotated[str, StringConstraints(min_length=1)],
                Field(title=f"答复第{number}条", description=remark_title(item)),
            )
            for number, item in enumerate(asked, start=1)
        }
        kind = create_model("CorrectionForm", __base__=CorrectionForm, __doc__=CorrectionForm.__doc__, **replies)
        return kind.with_initial_data(description=describe_objection(objection, asked))

    while not _is_corrected(revision):
        _ask(CORRECTION, revision, form, suspend)


def _ask(name: str, revision: Revision, form: Callable[[], type[RunInput]], suspend: Suspending) -> None:
    this_office().store.close()  # no connection stays open while the run is suspended
    suspend(new_key(name, revision), form)


def _decision(revision: Revision, gate: Gate) -> Decision | None:
    with this_office().store.reading() as record:
        return record.decision(revision, gate.key)


def _is_corrected(revision: Revision) -> bool:
    with this_office().store.reading() as record:
        return record.outcome(revision, Corrected) is not None
