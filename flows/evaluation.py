"""The flow: one programme's year from ledgers to archive. It calls, waits, branches and returns; nothing else."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas import State
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from flows.client import FLOW
from flows.gates import await_correction, await_decision
from flows.tasks import (
    archive_report,
    close_evaluation,
    draft_report,
    gates,
    ingest_ledgers,
    open_evaluation,
    revisions,
    score_indicators,
    validate_ledgers,
)
from perfeval.model import Verdict
from perfeval.model.evaluation import NAME_LENGTH
from perfeval.submission import Submission


class EvaluationRequest(BaseModel):
    """项目支出绩效自评申请."""

    model_config = ConfigDict(extra="forbid", title="项目支出绩效自评")

    year: int = Field(default=0, ge=0, le=2099, title="年度", description="四位数年份；0 为上一年度")
    programme: str = Field(default="", max_length=40, title="项目", description="项目的 key；本单位只有一个项目时留空")
    prepared_by: Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_LENGTH)] = Field(
        default="", title="送审人", description="须已登记为经办人；在网页上开始时就是登录的人。送审人不能审批"
    )


@flow(name=FLOW, persist_result=False, description="项目支出绩效自评：台账 → 校验 → 评分 → 报告 → 各级审批 → 归档")
def self_evaluation(request: EvaluationRequest) -> State[Any]:
    """Evaluate one programme's year (项目支出绩效自评), from ledgers to archive."""
    evaluation = open_evaluation(request.year, request.programme, request.prepared_by)
    for revision in revisions(evaluation):
        findings = validate_ledgers(revision, ingest_ledgers(revision))
        submission = Submission(revision, score_indicators(revision), findings, draft_report(revision))
        decisions = (await_decision(gate, submission) for gate in gates(revision))
        objection = next((decision for decision in decisions if decision.verdict is not Verdict.APPROVE), None)
        if objection is None:
            return Completed(name="已归档", message=archive_report(revision))
        if objection.verdict is Verdict.REFUSE:
            return Completed(name="不同意", message=close_evaluation(evaluation))
        await_correction(revision, objection)
    raise AssertionError  # revisions end by archive or refusal only
