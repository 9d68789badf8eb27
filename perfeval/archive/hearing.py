"""The record (审批记录) heard again: at the archive's door with the office's key, in a bag without it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from perfeval.approvals.events import Corrected, Decided, Drafted, Frozen, GateRule, Opened
from perfeval.approvals.judging import Judged, judge
from perfeval.approvals.people import People, people_of
from perfeval.approvals.person import PROOF_TITLES
from perfeval.approvals.proof import Proved, Unproved
from perfeval.approvals.record import PEOPLE, Entry, Fault, Line, check, out_of_order, read_line
from perfeval.errors import ArchiveError
from perfeval.model import Decision, Gate

EVALUATION_RECORD, PEOPLE_TITLE = "审批记录", "人员记录"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What an evaluation's chain and the people's amount to.

    `faults` name every entry that was touched or does not stand; where a chain itself was touched, nothing of it is judged. `open` are the
    gates that have not approved.
    """

    faults: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    decisions: tuple[Judged, ...] = ()
    open: tuple[str, ...] = ()
    people: People = field(default_factory=People)
    people_lines: tuple[Line, ...] = ()

    @property
    def opened(self) -> Opened | None:
        """The first event, where it is one."""
        return next((line.what for line in self.lines if isinstance(line.what, Opened)), None)

    @property
    def prepared_by(self) -> str:
        """Who prepared the run (送审人), by name."""
        person = self.people.persons.get(self.opened.prepared_by) if self.opened else None
        return person.name if person else ""

    def draft(self, revision: int) -> tuple[Line, Drafted] | None:
        """The last draft, where it is that revision's."""
        drafts = [(line, line.what) for line in self.lines if isinstance(line.what, Drafted)]
        return drafts[-1] if drafts and drafts[-1][1].revision == revision else None

    def files(self, revision: int) -> dict[str, str]:
        """The ledgers and the configuration that the revision was made of: path in the workspace and SHA-256."""
        frozen = [line.what.ledgers for line in self.lines if isinstance(line.what, Frozen) and line.what.revision == revision]
        draft = self.draft(revision)
        return {file.path: file.sha256 for file in (*(frozen[-1] if frozen else ()), *(draft[1].configuration if draft else ()))}

    def corrections(self, revision: int) -> dict[str, str]:
        """What the clerk said was corrected before that revision."""
        told = (line.what for line in self.lines if isinstance(line.what, Corrected))
        return {str(item.revision): item.note for item in told if item.revision < revision}

    @property
    def stated(self) -> dict[Decision, int]:
        """Every decision that stands, with the number of its entry."""
        return {_decision(item): item.number for item in self.decisions}

    @property
    def decided_at(self) -> list[datetime]:
        """When each decision was recorded."""
        return [line.at for line in self.lines if isinstance(line.what, Decided)]

    @property
    def disorder(self) -> list[str]:
        """Whatever tells in either chain that a clock ran ahead, in Chinese."""
        return [f"{EVALUATION_RECORD}{told}" for told in out_of_order(self.lines)] + [
            f"{PEOPLE_TITLE}{told}" for told in out_of_order(self.people_lines)
        ]

    @property
    def is_proved(self) -> bool:
        """Whether every decision is signed by its approver's own device."""
        return all(isinstance(item.verification, Proved) for item in self.decisions)

    def proofs(self) -> str:
        """How far each decision is proved, in Chinese."""
        return "；".join(
            f"第{item.number}条“{item.name}”{item.statement.verdict}：{PROOF_TITLES[item.kind]}，{proof_text(item)}"
            for item in self.decisions
        )


def proof_text(decision: Judged) -> str:
    """How far a decision that stands is proved, in Chinese."""
    found = decision.verification
    if isinstance(found, Proved):
        return f"签名已核验，公钥指纹 {found.fingerprint}，设备属于谁以纸质登记单为准"
    return found.reason if isinstance(found, Unproved) else "未核验"


def hear(chain: str, entries: Sequence[Entry], people_entries: Sequence[Entry], key: bytes | None = None) -> Hearing:
    """Check both chains, with `key` their MACs too, and judge every decision again from the lines alone."""
    if not entries:
        return Hearing((f"没有{EVALUATION_RECORD}",))
    faults = [
        *_told(EVALUATION_RECORD, check(chain, entries, key)),
        *_told(PEOPLE_TITLE, check(PEOPLE, people_entries, key)),
    ]
    if faults:
        return Hearing(tuple(faults))
    people_lines = tuple(read_line(entry.line) for entry in people_entries)
    people, odd = people_of(people_lines, [entry.line for entry in people_entries])
    judgement = judge(entries, people_entries)
    faults = [*_told(PEOPLE_TITLE, odd), *_told(EVALUATION_RECORD, judgement.faults)]
    lines = tuple(read_line(entry.line) for entry in entries)
    return Hearing(tuple(faults), lines, judgement.decisions, judgement.open, people, people_lines)


def hear_all(
    chain: str, entries: Sequence[Entry], people: Sequence[Entry], decisions: Iterable[Decision], key: bytes | None = None
) -> Hearing:
    """Hear both chains with the decisions as the store's tables have them.

    Raises: ArchiveError: a chain was touched, an entry does not stand, or the tables say otherwise; each entry is named.
    """
    hearing = hear(chain, entries, people, key)
    if problems := [*hearing.faults, *differences("数据库", decisions, hearing)]:
        raise touched(problems)
    return hearing


def touched(problems: Sequence[str]) -> ArchiveError:
    """Why a record keeps the archive shut."""
    hint = "用 perfeval audit 查看全部，从备份恢复工作区的状态文件夹；无法恢复的，另行送审。"
    return ArchiveError("K09", "不能归档，审批记录被改动，或与数据库不同：" + "；".join(problems), hint)


def differences(where: str, decisions: Iterable[Decision], hearing: Hearing) -> list[str]:
    """Where decisions kept beside the record differ from it, each with the entry it concerns, in Chinese."""
    kept, stated = list(decisions), hearing.stated
    lacking = [
        f"{where}与{EVALUATION_RECORD}第{number}条（“{item.approver}”对第{item.revision}稿{item.verdict}）不同，或缺少这一决定"
        for item, number in stated.items()
        if item not in kept
    ]
    return lacking + [
        f"{where}中“{item.approver}”对第{item.revision}稿{item.gate}的“{item.verdict}”在{EVALUATION_RECORD}中没有"
        for item in kept
        if item not in stated
    ]


def ungated(gates: Sequence[Gate], rules: Sequence[GateRule]) -> bool:
    """Whether these are other gates than those whose rules were recorded; `act` may stand in the rules alone."""
    same = zip(gates, rules, strict=False)
    told = (((a.key, a.title, a.act or b.act, a.needs, a.proofs), (b.key, b.title, b.act, b.needs, b.proofs)) for a, b in same)
    return len(gates) != len(rules) or any(ours != theirs for ours, theirs in told)


def _told(chain: str, faults: Iterable[Fault]) -> list[str]:
    return [f"{chain}{fault.message}" for fault in faults]


def _decision(item: Judged) -> Decision:
    stated = item.statement
    return Decision(
        stated.evaluation, stated.revision, stated.gate, stated.verdict, item.name, stated.content_digest, stated.comment, stated.decided_at
    )
