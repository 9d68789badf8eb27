"""From an answer to a decision: this person, in this role, on exactly this draft."""

import hmac
from datetime import UTC, datetime

from perfeval.approvals.identity import find_approver, verify_code
from perfeval.errors import ApprovalError
from perfeval.model import Answer, Decision, Draft, Gate, Revision, Verdict
from perfeval.model.evaluation import COMMENT_LENGTH, spelling
from perfeval.store import Store


def decide(store: Store, revision: Revision, gates: tuple[Gate, ...], gate: Gate, draft: Draft, answer: Answer, key: str) -> Decision:
    """Check an answer and keep it as the decision of `gate` on `draft`.

    The code is spent before anything else is looked at: it has been seen by the form's server and must be worthless after.

    Raises: ApprovalError: with the reason in Chinese; nothing is decided then.
    """
    person = find_approver(store, answer.name)
    approver = store.enrolled(person.name, key) if person else None
    if approver is None and any(item.revoked_at and spelling(item.name) == spelling(answer.name) for item in store.people()):
        raise ApprovalError("A13", f"审批人“{answer.name}”已停用", "由在用的审批人审批，或重新登记。")
    if approver is None:
        raise ApprovalError("A04", f"没有登记审批人“{answer.name}”", "核对姓名；新审批人用 perfeval approver add 登记。")
    if not verify_code(store, approver, answer.code):
        raise ApprovalError("A05", "动态码不正确、已过期或已使用过", "等手机上出现新的6位数字后重新填写。")
    if approver.person.role != gate.key:
        raise ApprovalError("A06", f"“{answer.name}”不是“{gate.title}”的审批人", "由登记在本环节的审批人审批。")
    drafted_at = store.outcome_time(revision, "drafted")
    if drafted_at and drafted_at > datetime.now(UTC):
        message = f"本机时钟早于成文时间（{drafted_at.astimezone():%Y-%m-%d %H:%M:%S}），现在审批的时间会不对"
        raise ApprovalError("A15", message, "校准本机时钟后再审批。")
    _check_duties(store, revision, gates, gate, approver.person.name)
    if not hmac.compare_digest("".join(answer.check_code.split()).lower().encode(), draft.check_code.lower().encode()):
        raise ApprovalError("A07", "核对码与本稿不符，您看到的可能不是这一稿", "重新下载并打开本稿 Word 文件，填写文件名末尾的8位核对码。")
    comment = answer.comment.strip()
    if len(comment) > COMMENT_LENGTH:
        raise ApprovalError("A14", f"审批意见有{len(comment)}字，超过{COMMENT_LENGTH}字", "缩短意见，详细材料另附。")
    if answer.verdict is not Verdict.APPROVE and not comment:
        raise ApprovalError("A11", f"选择“{answer.verdict}”时必须填写审批意见", "写明理由和需要修改之处。")
    return store.record_decision(
        Decision(
            revision.evaluation.id, revision.number, gate.key, answer.verdict, approver.person.name, draft.content_digest,
            comment, datetime.now(UTC),
        ),
        approver,
    )  # fmt: skip


def _check_duties(store: Store, revision: Revision, gates: tuple[Gate, ...], gate: Gate, name: str) -> None:
    evaluation = revision.evaluation
    if evaluation.outcome is not None:
        raise ApprovalError("A09", "这项自评已经归档或终止，不能再审批", "用 perfeval status 查看进度。")
    if spelling(name) == spelling(evaluation.prepared_by):
        raise ApprovalError("A10", f"“{name}”是送审人，不能审批自己送审的报告", "由其他审批人审批。")
    decisions = store.decisions(evaluation)
    if any(spelling(decision.approver) == spelling(name) and decision.gate != gate.key for decision in decisions):
        raise ApprovalError("A10", f"“{name}”已在另一环节审批过这项自评", "同一人不得在两个环节审批，由其他审批人审批。")
    # A gate that was returned or refused leaves nothing for the gates behind it.
    approved = {item.gate for item in decisions if item.revision == revision.number and item.verdict is Verdict.APPROVE}
    before = gates[: gates.index(gate)]
    if missing := next((other for other in before if other.key not in approved), None):
        raise ApprovalError("A12", f"“{missing.title}”尚未同意，不能进行“{gate.title}”", "按顺序审批。")
