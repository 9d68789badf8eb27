"""From an answer to a decision: this person, in this role, on exactly this draft."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from perfeval.errors import ApprovalError
from perfeval.model import Answer, Decision, Draft, Gate, Person, Revision, Verdict
from perfeval.model.evaluation import COMMENT_LENGTH, spelling


@dataclass(frozen=True, slots=True)
class Matter:
    """What is decided on (审批事项), and what the record says of it: all decisions of the evaluation, earlier revisions' too."""

    revision: Revision
    draft: Draft
    drafted_at: datetime
    gates: Sequence[Gate]
    gate: Gate
    decisions: Sequence[Decision]


def check_answer(matter: Matter, approver: Person, answer: Answer, now: datetime) -> Decision:
    """Check an answer whose code was the approver's, and make it the decision of the gate on the draft.

    Raises: ApprovalError: with the reason in Chinese; nothing is decided then.
    """
    gate, draft = matter.gate, matter.draft
    if approver.role != gate.key:
        raise ApprovalError("A06", f"“{answer.name}”不是“{gate.title}”的审批人", "由登记在本环节的审批人审批。")
    if matter.drafted_at > now:
        message = f"本机时钟早于成文时间（{matter.drafted_at.astimezone():%Y-%m-%d %H:%M:%S}），现在审批的时间会不对"
        raise ApprovalError("A15", message, "校准本机时钟后再审批。")
    _check_duties(matter, approver.name)
    if not hmac.compare_digest("".join(answer.check_code.split()).lower().encode(), draft.check_code.lower().encode()):
        raise ApprovalError("A07", "核对码与本稿不符，您看到的可能不是这一稿", "重新下载并打开本稿 Word 文件，填写文件名末尾的8位核对码。")
    comment = answer.comment.strip()
    if len(comment) > COMMENT_LENGTH:
        raise ApprovalError("A14", f"审批意见有{len(comment)}字，超过{COMMENT_LENGTH}字", "缩短意见，详细材料另附。")
    if answer.verdict is not Verdict.APPROVE and not comment:
        raise ApprovalError("A11", f"选择“{answer.verdict}”时必须填写审批意见", "写明理由和需要修改之处。")
    return Decision(draft.evaluation, draft.revision, gate.key, answer.verdict, approver.name, draft.content_digest, comment, now)


def _check_duties(matter: Matter, name: str) -> None:
    evaluation = matter.revision.evaluation
    if evaluation.outcome is not None:
        raise ApprovalError("A09", "这项自评已经归档或终止，不能再审批", "用 perfeval status 查看进度。")
    if spelling(name) == spelling(evaluation.prepared_by):
        raise ApprovalError("A10", f"“{name}”是送审人，不能审批自己送审的报告", "由其他审批人审批。")
    if any(spelling(decision.approver) == spelling(name) and decision.gate != matter.gate.key for decision in matter.decisions):
        raise ApprovalError("A16", f"“{name}”已在另一环节审批过这项自评", "同一人不得在两个环节审批，由其他审批人审批。")
    # A gate that was returned or refused leaves nothing for the gates behind it.
    of_revision = [item for item in matter.decisions if item.revision == matter.revision.number]
    approved = {item.gate for item in of_revision if item.verdict is Verdict.APPROVE}
    before = matter.gates[: matter.gates.index(matter.gate)]
    if missing := next((other for other in before if other.key not in approved), None):
        raise ApprovalError("A12", f"“{missing.title}”尚未同意，不能进行“{matter.gate.title}”", "按顺序审批。")
