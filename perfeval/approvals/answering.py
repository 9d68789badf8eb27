"""From an answer to a decision (审批决定): this person, in this role, on exactly this draft, as the record stands now."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from perfeval.approvals.batch import is_in_batch
from perfeval.approvals.duties import check_duties, check_seen, check_turn, conduct_of
from perfeval.approvals.events import Drafted, GateRule
from perfeval.approvals.passkey import assertion_of
from perfeval.approvals.people import People
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof, Proved, Unproved, verify_proof
from perfeval.approvals.record import Line
from perfeval.approvals.statement import Statement, read_statement, state
from perfeval.errors import ApprovalError
from perfeval.model import Answer, Decision, Remark, Revision, Together, Verdict
from perfeval.model.clock import china_day
from perfeval.model.digests import check_code
from perfeval.model.evaluation import COMMENT_LENGTH, NAME_LENGTH
from perfeval.texts import has_controls, visible

_REMARKS = 50
_TITLE_LENGTH = 30
# A statement is signed while it is looked at, not kept for later.
SIGNED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Matter:
    """What is decided on (审批事项): a revision at a gate, with the evaluation's lines and the people as they are now."""

    revision: Revision
    gate: str
    lines: Sequence[Line]
    head: str
    people: People

    def drafted(self) -> tuple[Drafted, GateRule]:
        """The draft that lies before the gate, and the gate's rule.

        Raises: ApprovalError: it is not the draft in work, or the gate is none of its gates.
        """
        line = next((line for line in reversed(self.lines) if isinstance(line.what, Drafted)), None)
        if line is None or not isinstance(line.what, Drafted) or line.what.revision != self.revision.number:
            raise ApprovalError("A28", f"第{self.revision.number}稿不是正在审批的一稿", "用 perfeval status 查看进度，按现在的一稿审批。")
        rule = next((rule for rule in line.what.gates if rule.key == self.gate), None)
        if rule is None:
            known = "、".join(f"{rule.key}（{rule.title}）" for rule in line.what.gates)
            raise ApprovalError("A39", f"第{self.revision.number}稿没有“{self.gate}”这一审批环节", f"这一稿成文时的环节：{known}。")
        return line.what, rule


def checked(title: str, text: str) -> str:
    """What somebody has written for the record, without blanks around it.

    Raises: ApprovalError: it is too long, or has characters in it that nobody sees.
    """
    text = text.strip()
    if len(text) > COMMENT_LENGTH:
        raise ApprovalError("A14", f"{title}有{len(text)}字，超过{COMMENT_LENGTH}字", "缩短后重新填写，详细材料另附。")
    if has_controls(text.replace("\n", "").replace("\t", "")):
        raise ApprovalError("A30", f"{title}里有不能识别的字符", "删去其中的控制字符，重新填写。")
    return text


def check_comment(answer: Answer) -> str:
    """The opinion of an answer, which only an approval may lack; a return may have remarks in its place.

    Raises: ApprovalError: it is lacking, too long, or has characters in it that nobody sees.
    """
    comment = checked("审批意见", answer.comment)
    if answer.verdict is not Verdict.APPROVE and not (comment or (answer.verdict is Verdict.RETURN and answer.remarks)):
        raise ApprovalError("A11", f"选择“{answer.verdict}”时必须填写审批意见", "写明理由和需要修改之处。")
    return comment


def check_answer(matter: Matter, person: Person, answer: Answer, now: datetime) -> tuple[Decision, str]:
    """Check an answer whose proof was the person's, and make it his decision at the gate on the draft.

    Returns: the decision, and the id of the absent person whose seat he takes, or nothing.
    Raises: ApprovalError: with the reason in Chinese; nothing is decided then.
    """
    if matter.revision.evaluation.outcome is not None:
        raise ApprovalError("A09", "这项自评已经归档或终止，不能再审批", "用 perfeval status 查看进度。")
    draft, rule = matter.drafted()
    conduct, kind = conduct_of(matter.lines), answer.proof.kind if answer.proof else ProofKind.CODE
    absent = check_duties(matter.people, person, rule, draft.revision, conduct, kind, china_day(now))
    check_turn(draft.gates, rule, draft.revision, conduct.made)
    if answer.together:
        check_seen(matter.lines, person.id, draft.revision, draft.content_digest)
    known = check_code(draft.content_digest)
    if not hmac.compare_digest("".join(answer.check_code.split()).lower().encode(errors="replace"), known.lower().encode()):
        raise ApprovalError("A07", "核对码与本稿不符，您看到的可能不是这一稿", "重新下载并打开本稿 Word 文件，填写文件名末尾的8位核对码。")
    comment = check_comment(answer)
    evaluation = matter.revision.evaluation.id
    return Decision(evaluation, draft.revision, rule.key, answer.verdict, person.name, draft.content_digest, comment, now), absent


def check_remarks(answer: Answer, places: Callable[[], Mapping[str, str]]) -> tuple[Remark, ...]:
    """The remarks of an answer; `places` are those of the draft that it may speak of and what stands there, asked for only where needed.

    Raises: ApprovalError: the draft has no such place, a remark says nothing, or nobody could answer it.
    """
    if not answer.remarks:
        return ()
    known = places()
    remarks = tuple(
        Remark(place, checked("修改意见", item.text), _shortened(known.get(place, "")))
        for item in answer.remarks
        for place in [item.place.strip()]
    )
    faults = [] if answer.verdict is Verdict.RETURN else [f"选择“{answer.verdict}”时不能附修改意见，只有退回修改才有人答复"]
    faults += [f"有{len(remarks)}条，超过{_REMARKS}条"] if len(remarks) > _REMARKS else []
    faults += [f"这一稿没有“{visible(item.place[:NAME_LENGTH])}”这个位置" for item in remarks if item.place not in known]
    faults += [f"对“{item.place}”没有写要改什么" for item in remarks if item.place in known and not item.text]
    if faults:
        how = "位置写指标或数字的编号（见审阅页面、score --json），段落写“第12段”；逐条写明要改什么。"
        raise ApprovalError("A57", f"修改意见不对：{'；'.join(faults)}", how)
    return remarks


def _shortened(title: str) -> str:
    return title if len(title) <= _TITLE_LENGTH else title[:_TITLE_LENGTH] + "…"


def prove(
    matter: Matter, decision: Decision, person: Person, answer: Answer, step: int, remarks: Sequence[Remark] = ()
) -> tuple[Decision, str, Proof]:
    """The decision as it is stated, its statement, and what proves it: a code's time step, or a device's signature.

    One of several with one proof is stated as it was listed, or something has changed since.

    Raises: ApprovalError: the statement is another one, or its proof is not the person's.
    """
    together = answer.together
    if answer.proof is None and together is None:
        return decision, state(decision, person.id, matter.head, remarks), Proof(ProofKind.CODE, {"step": str(step)})
    now, signed = decision.decided_at, together or _read_signed(answer.statement)
    decision = replace(decision, decided_at=signed.at if isinstance(signed, Together) else signed.decided_at)
    statement = state(decision, person.id, matter.head, remarks)
    is_overtaken = not is_in_batch(signed.batch, statement) if isinstance(signed, Together) else signed.previous != matter.head
    if is_overtaken or not timedelta() <= now - decision.decided_at <= SIGNED_WITHIN:
        raise ApprovalError("A31", "打开审批页面之后，这项自评又有了新的记录，或已过了10分钟", "刷新审批页面，看过之后再签。")
    given = answer.proof or Proof(ProofKind.CODE, {"step": str(step)})
    evidence = assertion_of(given.evidence) if given.kind is ProofKind.PASSKEY else given.evidence
    proof = Proof(given.kind, evidence | ({"batch": together.batch} if together else {}))
    verified = verify_proof(proof, statement if together else answer.statement, person)
    # A code is spent, not handed in as a proof; what nothing has verified decides nothing.
    is_proved = isinstance(verified, Proved) or (answer.proof is None and isinstance(verified, Unproved))
    if not is_proved or not (together or statement == answer.statement):
        reason = "签的不是所填的决定" if isinstance(verified, Proved) else verified.reason
        raise ApprovalError("A29", f"设备签名核验不通过：{reason}", "用登记过的设备，在登记时的地址上重新打开审批页面，再签一次。")
    return decision, statement, proof


def _read_signed(line: str) -> Statement:
    try:
        return read_statement(line)
    except ValueError as error:
        raise ApprovalError("A41", f"待签的决定书读不出：{error}", "重新打开审批页面，再签一次。") from error
