"""Separation of duties (职责分离): who may decide at which gate, by ids, over everything that was done in the evaluation before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from perfeval.approvals.events import PROGRAM, Corrected, Decided, Drafted, Frozen, GateRule, Opened, Reasoned, Seen
from perfeval.approvals.people import People
from perfeval.approvals.person import PROOF_TITLES, Person, ProofKind, Substitution
from perfeval.approvals.record import Line
from perfeval.approvals.statement import read_statement
from perfeval.errors import ApprovalError
from perfeval.model import Verdict


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that was made: by whom, in whose seat where a substitute took it."""

    revision: int
    gate: str
    approver: str
    verdict: Verdict
    absent: str = ""

    @property
    def seat(self) -> str:
        """Whose voice it was."""
        return self.absent or self.approver


@dataclass(frozen=True, slots=True)
class Conduct:
    """What people did in an evaluation so far (经办情况): who prepared it, who changed what in which revision, who decided."""

    prepared_by: frozenset[str] = frozenset()
    edited: frozenset[tuple[int, str]] = frozenset()
    made: tuple[Made, ...] = field(default=())

    def is_returned(self, revision: int) -> bool:
        """Whether somebody returned this revision."""
        return any((item.revision, item.verdict) == (revision, Verdict.RETURN) for item in self.made)


def conduct_of(lines: Iterable[Line]) -> Conduct:
    """What an evaluation's chain tells of it."""
    prepared_by: set[str] = set()
    edited: set[tuple[int, str]] = set()
    made: list[Made] = []
    for line in lines:
        match line.what:
            case Opened() as opened:
                prepared_by |= {opened.prepared_by, line.who}
                edited |= {(1, person) for person in opened.reasoned}
            # Who edits a file on disk is not seen: it counts as done by whoever hands the revision in.
            case Frozen() | Drafted() | Corrected() | Reasoned() as done:
                edited.add((done.revision, line.who))
            case Decided() as decided:
                stated = read_statement(decided.statement)
                made.append(Made(decided.revision, decided.gate, stated.approver, stated.verdict, decided.absent or ""))
            case _:
                pass
    return Conduct(frozenset(prepared_by - {PROGRAM}), frozenset(item for item in edited if item[1] != PROGRAM), tuple(made))


def outcome(gate: GateRule, revision: int, made: Iterable[Made]) -> Verdict | None:
    """What a gate decided on a revision: one 退回修改 or 不同意 is enough, 同意 takes as many as the gate needs; None while it is open."""
    verdicts = [item.verdict for item in made if (item.gate, item.revision) == (gate.key, revision)]
    objection = next((verdict for verdict in verdicts if verdict is not Verdict.APPROVE), None)
    return objection or (Verdict.APPROVE if len(verdicts) >= gate.needs else None)


def check_turn(gates: Sequence[GateRule], gate: GateRule, revision: int, made: Sequence[Made]) -> None:
    """Whether it is this gate's turn.

    Raises: ApprovalError: a gate before it has not approved, or it has decided.
    """
    before = gates[: gates.index(gate)]
    if missing := next((other for other in before if outcome(other, revision, made) is not Verdict.APPROVE), None):
        raise ApprovalError("A12", f"“{missing.title}”尚未同意，不能进行“{gate.title}”", "按顺序审批。")
    if decided := outcome(gate, revision, made):
        raise ApprovalError("A23", f"“{gate.title}”对第{revision}稿已有决定：{decided}", "用 perfeval status 查看进度。")


def check_seen(lines: Iterable[Line], person: str, revision: int, digest: str) -> None:
    """Whether somebody had opened the page of exactly this draft, without which it is not approved together with others.

    Raises: ApprovalError: he had not.
    """
    if Seen(revision=revision, content_digest=digest) not in [line.what for line in lines if line.who == person]:
        raise ApprovalError("A61", f"第{revision}稿您还没有打开过，不能一并同意", "打开这一稿，看过之后再选；或在它的页面上单独审批。")


def check_duties(people: People, person: Person, gate: GateRule, revision: int, conduct: Conduct, kind: ProofKind, today: date) -> str:
    """Whether this person may decide here with a proof of this kind; `today` is the day in China.

    Returns: the id of the absent person whose seat is taken, or nothing.
    Raises: ApprovalError: with the reason in Chinese.
    """
    if person.revoked_at:
        raise ApprovalError("A13", f"审批人“{person.name}”已停用", "由在用的审批人审批，或重新登记。")
    if people.active(person.id) is None:
        raise ApprovalError(
            "A17", f"“{person.name}”的登记还没有经第二人确认", "请另一个已登记的人核对指纹后确认（perfeval approver confirm）。"
        )
    if kind not in gate.proofs:
        kinds = "、".join(PROOF_TITLES[item] for item in gate.proofs)
        raise ApprovalError("A22", f"“{gate.title}”不认{PROOF_TITLES[kind]}", f"本环节用{kinds}。")
    _check_conflicts(people, person, gate, revision, conduct)
    if any(item.approver in people.same(person.id) and _is_here(item, gate, revision) for item in conduct.made):
        raise ApprovalError("A20", f"“{person.name}”已在“{gate.title}”审批过第{revision}稿", "一人对一稿只能决定一次；由另一位审批人审批。")
    absent = "" if gate.key in person.roles else _seat(people, person, gate, today).absent
    if absent:  # what he must not decide himself, nobody decides for him
        _check_conflicts(people, people.persons[absent], gate, revision, conduct)
    taken = next((item for item in conduct.made if _is_here(item, gate, revision) and item.seat in people.same(absent or person.id)), None)
    if taken:
        name, by = (people.persons[item].name for item in (absent or person.id, taken.approver))
        raise ApprovalError(
            "A21", f"“{by}”已代“{name}”审批过第{revision}稿" if taken.absent else f"“{name}”本人已审批过第{revision}稿", _ONE
        )
    return absent


_ONE = "一个审批席位对一稿只能决定一次。"


def _check_conflicts(people: People, person: Person, gate: GateRule, revision: int, conduct: Conduct) -> None:
    same = people.same(person.id)
    if same & conduct.prepared_by:
        raise ApprovalError("A10", f"“{person.name}”是送审人，不能审批自己送审的报告", "由其他审批人审批。")
    # What was edited for an earlier revision is in this one too.
    if any(editor in same and of <= revision for of, editor in conduct.edited):
        raise ApprovalError("A19", f"“{person.name}”改过这项自评的台账、指标、说明或报告文本，不能审批", "由没有参与编制的审批人审批。")
    if any(same & {item.approver, item.seat} and item.gate != gate.key for item in conduct.made):
        raise ApprovalError("A16", f"“{person.name}”已在另一环节审批过这项自评", "同一人不得在两个环节审批，由其他审批人审批。")


def _seat(people: People, person: Person, gate: GateRule, today: date) -> Substitution:
    given = people.substituted(person.id, gate.key)
    if not given:
        raise ApprovalError("A06", f"“{person.name}”不是“{gate.title}”的审批人", "由登记在本环节的审批人审批。")
    for item in given:
        absent = people.active(item.absent)
        if item.holds_on(today) and absent and gate.key in absent.roles and absent.id != person.id:
            return item
    days = "、".join(f"{item.from_on}至{item.to_on}" for item in given)
    raise ApprovalError(
        "A18", f"“{person.name}”今天不能代理“{gate.title}”（代理期{days}，被代理人须在用）", "由审批人本人审批，或重新登记代理。"
    )


def _is_here(made: Made, gate: GateRule, revision: int) -> bool:
    return (made.gate, made.revision) == (gate.key, revision)
