"""The door of the archive: what the decisions must say before anything is archived, and again whenever a bag is checked."""

import hashlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from perfeval.approvals.offline import PEOPLE_RECORD, RECORD, read_lines
from perfeval.approvals.record import Entry, read_line
from perfeval.archive.hearing import Hearing, differences, ungated
from perfeval.archive.package import APPROVALS, SubmissionPackage
from perfeval.model import Decision, Gate, Verdict
from perfeval.model.clock import CHINA
from perfeval.model.digests import check_code
from perfeval.model.evaluation import gate_title, spelling

# China has one legal time, and no summer time in the years evaluated; no zone database is needed to read an archive.
_YEARS = (1999, 9999)


@dataclass(frozen=True, slots=True)
class Approvals:
    """Who drafted, approved and archived (审批记录), and what: the bag's decisions.json."""

    evaluation: str
    revision: int
    prepared_by: str
    drafted_at: datetime
    archived_at: datetime
    content_digest: str
    check_code: str
    gates: tuple[Gate, ...]
    decisions: tuple[Decision, ...]

    def __post_init__(self) -> None:
        """Refuse times without a zone, which read differently on every machine, and years nobody approved anything in."""
        times = (self.drafted_at, self.archived_at, *(item.decided_at for item in self.decisions))
        if any(at.tzinfo is None or not _YEARS[0] < at.year < _YEARS[1] for at in times):
            raise ValueError("时间没有时区，或年份不对")

    @property
    def current(self) -> tuple[Decision, ...]:
        """The decisions on the archived revision."""
        return tuple(item for item in self.decisions if (item.evaluation, item.revision) == (self.evaluation, self.revision))

    def title(self, gate: str) -> str:
        """What people call a gate."""
        return gate_title(self.gates, gate)


_document = TypeAdapter(Approvals)


def approvals_of(package: SubmissionPackage, hearing: Hearing, digest: str) -> Approvals:
    """The approvals of what is to be archived, as its record tells them; its report has this content digest."""
    draft = hearing.draft(package.revision)
    return Approvals(
        package.evaluation.id,
        package.revision,
        hearing.prepared_by,
        # A record without this draft is refused right after.
        china_time(draft[0].at if draft else package.archived_at),
        china_time(package.archived_at),
        digest,
        check_code(digest),
        package.gates,
        tuple(
            replace(item, decided_at=china_time(item.decided_at))
            for item in sorted(hearing.stated, key=lambda item: (item.revision, item.decided_at, item.gate))
        ),
    )


def write_approvals(approvals: Approvals) -> bytes:
    """decisions.json."""
    return _document.dump_json(approvals, indent=2) + b"\n"


def read_approvals(content: bytes) -> Approvals:
    """Read decisions.json.

    Raises: ValueError: when it is no such document.
    """
    return _document.validate_json(content)


def evaluation_of(bag: Path) -> str | None:
    """The evaluation that a bag says it is of, by id; None where it cannot be read."""
    try:
        return read_approvals((bag / APPROVALS).read_bytes()).evaluation
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class SealedBag:
    """What a bag tells the record: the digest of its last list, and the last entry of each chain that it carries, by the chain's name."""

    manifest: str
    ends: dict[str, Entry]


def sealed_bag(bag: Path) -> SealedBag:
    """What the record was when a bag was sealed; what cannot be read of it is left out, and told by `verify`."""
    manifest, ends = "", {}
    with suppress(OSError):
        manifest = hashlib.sha256((bag / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    for path in (RECORD, PEOPLE_RECORD):
        with suppress(OSError, ValueError):
            if entries := read_lines((bag / path).read_bytes()):
                ends[read_line(entries[-1].line).chain] = entries[-1]
    return SealedBag(manifest, ends)


def sealed_bags(folder: Path) -> dict[str, SealedBag]:
    """Those of an archive's folder, by name."""
    return {bag.name: sealed_bag(bag) for bag in sorted(folder.iterdir())} if folder.is_dir() else {}


def untimely(approvals: Approvals, *, is_recorded: bool) -> list[str]:
    """时间先后: decisions after the archive and, where no record tells the order otherwise, before the draft, in Chinese."""
    late = [f"“{item.approver}”的决定晚于归档" for item in approvals.decisions if item.decided_at > approvals.archived_at]
    if is_recorded:
        return late
    early = [f"“{item.approver}”的决定早于成文" for item in approvals.current if item.decided_at < approvals.drafted_at]
    return early + late + (["归档早于成文"] if approvals.archived_at < approvals.drafted_at else [])


def unapproved(approvals: Approvals) -> list[str]:
    """审批是否齐全: what keeps the decisions of a bag without a record from being one 同意 at every gate, in Chinese."""
    problems = [] if approvals.gates else ["没有规定审批环节"]
    problems += ["审批环节重复"] if len({gate.key for gate in approvals.gates}) < len(approvals.gates) else []
    for gate in approvals.gates:
        given = [item for item in approvals.current if item.gate == gate.key]
        if not given:
            problems.append(f"缺少“{gate.title}”对第{approvals.revision}稿的审批决定")
        elif len(given) > 1:
            problems.append(f"“{gate.title}”对第{approvals.revision}稿有{len(given)}个审批决定，只应有一个")
        elif given[0].verdict is not Verdict.APPROVE:
            problems.append(f"“{gate.title}”的决定是“{given[0].verdict}”，不是“同意”")
    keys = {gate.key for gate in approvals.gates}
    strangers = [
        item
        for item in approvals.decisions
        if item.evaluation != approvals.evaluation
        or item.revision > approvals.revision
        # An earlier revision may have had other gates.
        or (item.revision == approvals.revision and item.gate not in keys)
    ]
    return problems + [f"“{item.approver}”的决定属于 {item.evaluation} 第{item.revision}稿 {item.gate}，不属于本件" for item in strangers]


def unrecorded(approvals: Approvals, hearing: Hearing) -> list[str]:
    """审批记录与 decisions.json: gates that the record leaves open, and what it says otherwise, in Chinese."""
    problems = [f"缺少“{gate}”对第{approvals.revision}稿的审批决定" for gate in hearing.open]
    problems += differences("decisions.json ", approvals.decisions, hearing)
    found = hearing.draft(approvals.revision)
    if found is None:
        return [*problems, f"第{approvals.revision}稿不是审批记录中最后成文的一稿"]
    line, draft = found
    same = {
        f"内容摘要与审批记录第{line.number}条不同": approvals.content_digest == draft.content_digest,
        f"成文时间与审批记录第{line.number}条不同": approvals.drafted_at == line.at,
        f"审批环节与审批记录第{line.number}条不同": not ungated(approvals.gates, draft.gates),
        "送审人与审批记录第1条不同": approvals.prepared_by == hearing.prepared_by,
        "归档时间早于审批记录的最后一个决定": approvals.archived_at >= max(hearing.decided_at, default=line.at),
    }
    return problems + [problem for problem, is_so in same.items() if not is_so]


def misbound(approvals: Approvals, digest: str) -> list[str]:
    """批准的是否就是这份报告: decisions on other bytes than those whose content digest is given, in Chinese."""
    return [
        f"“{item.approver}”批准的不是这份报告（批准的内容摘要 {item.content_digest[:12]}…，报告的内容摘要 {digest[:12]}…）"
        for item in approvals.current
        if item.content_digest != digest
    ]


def conflicted(approvals: Approvals) -> list[str]:
    """职责分离: approvers who are nobody, the preparer, or somebody who decided at another gate too, in Chinese."""
    gates: dict[str, set[str]] = defaultdict(set)
    for item in approvals.decisions:
        gates[spelling(item.approver)].add(item.gate)
    problems = ["有审批决定没有审批人姓名"] if "" in gates else []
    if spelling(approvals.prepared_by) in gates:
        problems.append(f"送审人“{approvals.prepared_by}”审批了自己送审的报告")
    return problems + [f"“{name}”在不止一个环节作了审批" for name, decided in gates.items() if name and len(decided) > 1]


def acts(approvals: Approvals) -> list[tuple[str, str, str]]:
    """业务行为: what was done, by whom, when, in order."""
    says = any(gate.act for gate in approvals.gates)
    # Before gates said it, the first one was the unit's own, which signs.
    act_of = {gate.key: gate.act or ("审核" if says or place else "签发") for place, gate in enumerate(approvals.gates)}
    return [
        ("拟稿", approvals.prepared_by, time_text(approvals.drafted_at)),
        *(
            (f"{act_of.get(item.gate, '审核')}（{approvals.title(item.gate)}）", item.approver, time_text(item.decided_at))
            for item in approvals.current
        ),
        ("归档", approvals.prepared_by, time_text(approvals.archived_at)),
    ]


def china_time(at: datetime) -> datetime:
    """A point in time as China's clocks show it, whatever zone the store gave it in."""
    return at if at.tzinfo is None else at.astimezone(CHINA)


def time_text(at: datetime) -> str:
    """A point in time as people read it."""
    return china_time(at).strftime("%Y-%m-%d %H:%M:%S")
