"""The record, checked (审计): every chain as a chain, everybody and every decision judged again, and the tables held against it all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from perfeval.approvals import events
from perfeval.approvals.canonical import dump_line
from perfeval.approvals.judging import judge
from perfeval.approvals.people import people_of
from perfeval.approvals.person import ProofKind
from perfeval.approvals.record import ACCESS, PEOPLE, SHORTEST_HEAD, End, Entry, Line, head, out_of_order, read_line
from perfeval.approvals.statement import read_statement
from perfeval.errors import StoreError
from perfeval.model import Evaluation, Revision, Stage, Verdict
from perfeval.model.outcomes import Archived, Corrected, Drafted, Validated
from perfeval.texts import visible

if TYPE_CHECKING:
    from perfeval.store import Transaction

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Touched:
    """What was touched: in which chain, at which of its numbers (0: a table beside it), and what is wrong, in Chinese."""

    chain: str
    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of it: how many lines there are, one digest over all chains' heads, everything that was touched, and what is not proved."""

    events: int
    head: str
    faults: tuple[Touched, ...]
    unproved: tuple[str, ...] = ()


def audit(record: Transaction, witness: str = "") -> Audit:
    """Check a unit's whole record and its tables; `witness` is a head that somebody kept outside, at least 24 characters of it.

    Raises: UsageError: there is no key. StoreError: it is another one.
    """
    evaluations = {item.id: item for item in record.evaluations()}
    chains = {chain: record.entries(chain) for chain in record.chains()}
    people, access, ends = chains.get(PEOPLE, []), chains.get(ACCESS, []), record.ends()
    faults = chain_faults(record, PEOPLE, people) + chain_faults(record, ACCESS, access) + seed_faults(record, people, access)
    for chain, entries in chains.items():
        if chain in evaluations:
            faults += evaluation_faults(record, evaluations[chain], entries, people)
        elif chain not in {PEOPLE, ACCESS}:
            faults.append(Touched(chain, 0, "有审批记录，但自评表里没有这项自评：已被删去"))
    faults += [Touched(chain, 1, f"共{end.number}条，整份被删去") for chain, end in ends.items() if chain not in chains]
    faults += _taken_away(people, chains.keys())
    faults += [Touched(name, 0, "自评没有审批记录：整份被删去，或不是本程序开始的") for name in evaluations.keys() - chains.keys()]
    heads = dump_line({chain: head(entries) for chain, entries in chains.items()})
    digest = hashlib.sha256(heads.encode()).hexdigest()
    wanted = "".join(witness.split()).lower()
    same = [(chain, entry.number) for chain, entries in chains.items() for entry in entries if entry.sha256.startswith(wanted)]
    if wanted and (not same or len(wanted) < SHORTEST_HEAD):
        faults.append(
            Touched("", 0, f"没有一条记录的链头是 {visible(wanted[:SHORTEST_HEAD])}：末尾被截去，或整份被改写；链头至少要{SHORTEST_HEAD}位")
        )
    unproved = (*_unproved(ends, chains, dict(same) if wanted else {}), *_disordered(chains))
    return Audit(sum(map(len, chains.values())), digest, tuple(sorted(faults, key=_order)), unproved)


def _unproved(ends: Mapping[str, End], chains: Collection[str], witnessed: Mapping[str, int]) -> Iterator[str]:
    """What of the record's ends nothing here proves, in Chinese; `witnessed` is the line of a chain that a head from outside is of."""
    if unsealed := "、".join(chain for chain, end in ends.items() if not end.mac):
        yield f"{unsealed} 的末尾登记没有校验码（升级前写的），末尾有没有被截去，未证明"
    for chain, number in witnessed.items():
        yield f"{chain} 到第{number}条为止与外部凭证相同；其后的和其他各份记录的末尾，未与外部凭证对照"
    if chains and not witnessed:
        yield "各份记录的末尾未与外部凭证对照：数据库整个换回旧的备份，这里看不出；请用审批表、通知上另存的链头加 --head 对照"


def _disordered(chains: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    for chain, entries in chains.items():
        with suppress(ValueError):  # told as a fault of the chain
            for told in out_of_order([read_line(entry.line) for entry in entries]):
                yield f"{chain} {told}：时钟曾经走快，先后以条号为准"


def _taken_away(people: Sequence[Entry], chains: Collection[str]) -> list[Touched]:
    """Evaluations that the people's chain tells of and nothing else does."""
    faults = []
    for entry in people:
        with suppress(ValueError):  # told as a fault of the chain
            what = read_line(entry.line).what
            if isinstance(what, events.Acted) and what.action == events.OPENING and what.target not in chains:
                told = f"人员记录第{entry.number}条立项的自评 {what.target} 没有审批记录：整份被删去"
                faults.append(Touched(PEOPLE, entry.number, told))
    return faults


def evaluation_faults(record: Transaction, evaluation: Evaluation, entries: Sequence[Entry], people: Sequence[Entry]) -> list[Touched]:
    """What is wrong with an evaluation's chain, its decisions, and the tables that copy it."""
    if faults := chain_faults(record, evaluation.id, entries):
        return faults
    try:
        judged = judge(entries, people)
    except ValueError as error:  # a line of the people's chain, which is told there
        return [Touched(evaluation.id, 0, f"人员记录读不出，不能核对审批：{error}")]
    faults = [Touched(evaluation.id, fault.number, fault.message) for fault in judged.faults]
    lines = [read_line(entry.line) for entry in entries]
    return faults + [Touched(evaluation.id, number, message) for number, message in _differences(record, evaluation, lines)]


def chain_faults(record: Transaction, chain: str, entries: Sequence[Entry]) -> list[Touched]:
    """What shows that a chain was touched; in the people's, every event that must not count too."""
    record.refuse_other_key(entries)
    faults = record.check(chain, entries)
    if not faults and chain == PEOPLE:
        faults = people_of([read_line(entry.line) for entry in entries], [entry.line for entry in entries])[1]
    return [Touched(chain, fault.number, fault.message) for fault in faults]


def seed_faults(record: Transaction, people: Sequence[Entry], access: Sequence[Entry]) -> list[Touched]:
    """Secrets of codes that are not those that were enrolled, or that were not used last when the record says."""
    try:
        known = people_of([read_line(entry.line) for entry in people], [entry.line for entry in people])[0]
    except ValueError:
        return []  # told as a fault of the chain
    enrolled = {
        (person.id, item.fingerprint): person
        for person in known.persons.values()
        for item in person.means
        if item.kind is ProofKind.CODE and not person.revoked_at
    }
    kept = record.seeds()
    faults = [
        Touched(PEOPLE, 0, f"密钥表里有 {person} 的密钥（指纹 {fingerprint}），登记里没有")
        for person, fingerprint in kept.keys() - enrolled.keys()
    ]
    used = _last_used(access)
    for (person, fingerprint), who in enrolled.items():
        try:
            secret = record.seed(who, fingerprint)
        except StoreError:
            faults.append(Touched(PEOPLE, 0, f"“{who.name}”（{person}）的动态码密钥被改动，或换成了别人的"))
        else:
            faults += [] if secret else [Touched(PEOPLE, 0, f"“{who.name}”（{person}）的动态码密钥被删去")]
        number, step = used.get((person, fingerprint), (0, None))
        if (person, fingerprint) in kept and kept[person, fingerprint] != step:
            told = f"“{who.name}”（{person}）的动态码上次用在第{step}步，密钥表里被改为第{kept[person, fingerprint]}步"
            faults.append(Touched(ACCESS, number, f"第{number}条：{told}" if number else told))
    return faults


def _last_used(access: Sequence[Entry]) -> dict[tuple[str, str], tuple[int, int]]:
    """By which line each secret's code was accepted last, and of which step."""
    used = {}
    for entry in access:
        with suppress(ValueError):  # told as a fault of the chain
            what = read_line(entry.line).what
            if isinstance(what, events.Attempted) and what.person and what.fingerprint and what.step:
                used[what.person, what.fingerprint] = (entry.number, what.step)
    return used


def _differences(record: Transaction, evaluation: Evaluation, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Where the tables are not what the chain tells."""
    names = _names(record)
    for line in lines:
        if isinstance(line.what, events.Opened):
            yield from _opened(record, evaluation, line, line.what, names)
    yield from _decided(record, evaluation, lines, names)
    for kind, event, told in _OUTCOMES:
        yield from _outcomes(record, evaluation, lines, kind, event, told)
    yield from _rewritten(record, evaluation, lines)
    yield from _ended(evaluation, record.ended_at(evaluation), lines)
    yield from _answered_wrongly(record, evaluation, lines)


def _opened(
    record: Transaction, evaluation: Evaluation, line: Line, opened: events.Opened, names: dict[str, str]
) -> Iterator[tuple[int, str]]:
    told = (opened.unit, opened.year, opened.programme_key, opened.programme, opened.prepared_by, names.get(opened.prepared_by, ""))
    kept = (
        record.unit, evaluation.year, evaluation.programme_key, evaluation.programme, record.preparer_of(evaluation), evaluation.prepared_by
    )  # fmt: skip
    titles = ("单位", "年度", "项目编号", "项目名称", "送审人编号", "送审人")
    for title, one, other in zip(titles, told, kept, strict=True):
        if one != other:
            yield line.number, f"第{line.number}条立项：自评表里的{title}被改为“{other}”，应为“{one}”"
    if evaluation.opened_at != line.at and line.number == 1:  # else it was begun before there was a record
        yield line.number, f"第{line.number}条立项：自评表里的立项时间被改动"


def _answered_wrongly(record: Transaction, evaluation: Evaluation, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    kept, counts = record.wrong_answers(evaluation), Counter[tuple[int, str]]()
    for line in lines:
        if isinstance(told := line.what, events.AnsweredWrongly):
            key = (told.revision, told.gate, counts[told.revision, told.gate])
            counts[told.revision, told.gate] += 1
            row = kept.pop(key, None)
            if row is None:
                yield line.number, f"第{line.number}条无效答复：无效答复表里的这一行被删去"
            elif row != (told.problem, line.at):
                yield line.number, f"第{line.number}条无效答复：无效答复表里的{'时间' if row[0] == told.problem else '原因'}被改动"
    for revision, gate, number in kept:
        yield 0, f"无效答复表里有第{revision}稿 {gate} 的第{number + 1}次，审批记录里没有：是插入的"


def _decided(record: Transaction, evaluation: Evaluation, lines: Sequence[Line], names: dict[str, str]) -> Iterator[tuple[int, str]]:
    kept = {(item["revision"], item["gate"], item["approver"]): item for item in record.decision_rows(evaluation)}
    for line in lines:
        match line.what:
            case events.Migrated() as migrated:
                before = json.loads(migrated.content).get("decisions", ())
                told = {(item["revision"], item["gate"], f"before-{item['approver']}"): (line.number, item) for item in before}
                for key in kept.keys() & told.keys():
                    yield from _row(kept[key], *told[key])
                kept = {key: item for key, item in kept.items() if key not in told}
            case events.Decided() as decided:
                stated = read_statement(decided.statement)
                row = kept.pop((decided.revision, decided.gate, stated.approver), None)
                if row is None:
                    yield line.number, f"第{line.number}条审批决定：数据库里的这一行被删去或改动"
                else:
                    told_row = {
                        "verdict": str(stated.verdict), "name": names.get(stated.approver, ""), "comment": stated.comment,
                        "content_digest": stated.content_digest,
                    }  # fmt: skip
                    yield from _row(row, line.number, told_row)
                    if row["decided_at"] != stated.decided_at:
                        yield line.number, f"第{line.number}条审批决定：数据库里的时间被改动"
            case _:
                pass
    for revision, gate, approver in kept:
        yield 0, f"数据库里有第{revision}稿 {gate} {names.get(approver, approver)} 的决定，审批记录里没有：是插入的"


def _row(kept: dict[str, Any], number: int, told: dict[str, Any]) -> Iterator[tuple[int, str]]:
    titles = {"verdict": "决定", "name": "姓名", "comment": "意见", "content_digest": "内容摘要"}
    for field, title in titles.items():
        if kept[field] != told[field]:
            yield number, f"第{number}条审批决定：数据库里的{title}被改为“{kept[field]}”，应为“{told[field]}”"


def _outcomes(
    record: Transaction,
    evaluation: Evaluation,
    lines: Sequence[Line],
    kind: Any,  # noqa: ANN401  # a row of the table of rules below
    event: Any,  # noqa: ANN401
    told: Any,  # noqa: ANN401
) -> Iterator[tuple[int, str]]:
    last = {line.what.revision: line for line in lines if isinstance(line.what, event)}
    is_migrated = any(isinstance(line.what, events.Migrated) for line in lines)
    for revision, line in last.items():
        outcome = record.outcome(Revision(evaluation, revision), kind)
        # What was validated is forgotten again while there is no draft.
        if outcome is None and kind is not Validated:
            yield line.number, f"第{line.number}条：步骤成果表里第{revision}稿的这一步（{kind.step}）被删去"
        elif outcome is not None and (changed := told(line.what, outcome)):
            yield line.number, f"第{line.number}条：步骤成果表里第{revision}稿的{changed}被改动"
        elif outcome is not None and record.outcome_time(Revision(evaluation, revision), kind) != line.at:
            yield line.number, f"第{line.number}条：步骤成果表里第{revision}稿这一步（{kind.step}）的时间被改动"
    for revision in sorted(record.revisions_with(evaluation, kind) - last.keys()):
        if not is_migrated:
            yield 0, f"步骤成果表里第{revision}稿的 {kind.step}，审批记录里没有：是插入的"


def _rewritten(record: Transaction, evaluation: Evaluation, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """What the steps left for a draft, and is another now."""
    for line in lines:
        if isinstance(line.what, events.Drafted | events.Archived):
            kept, place = record.recorded_steps(Revision(evaluation, line.what.revision)), f"步骤成果表里第{line.what.revision}稿的"
            when = "成文" if isinstance(line.what, events.Drafted) else "归档"
            for item in line.what.steps:
                found = kept.get(item.step)
                if found is None and item.step != Drafted.step:
                    yield line.number, f"第{line.number}条：{place}这一步（{item.step}）被删去"
                elif found and found.sha256 != item.sha256:
                    yield line.number, f"第{line.number}条：{place}{item.step} 与{when}时的不同"
                elif found and item.done_at and found.done_at != item.done_at:
                    yield line.number, f"第{line.number}条：{place}{item.step} 的时间被改动"


def _validated(told: events.Frozen, kept: Validated) -> str:
    names = sorted((item.path.rpartition("/")[2], item.sha256) for item in told.ledgers)
    return "" if names == sorted(kept.files.items()) else "台账"


def _drafted(told: events.Drafted, kept: Drafted) -> str:
    rules = [(gate.key, gate.title, gate.act, gate.needs, tuple(map(str, gate.proofs))) for gate in told.gates]
    if (told.digest, told.content_digest) != (kept.draft.digest, kept.draft.content_digest):
        return "报告"
    if rules != [(gate.key, gate.title, gate.act, gate.needs, gate.proofs) for gate in kept.gates]:
        return "审批环节"
    files = {item.path: item.sha256 for item in told.configuration}
    return "" if kept.configuration.items() <= files.items() else "设置和规则"


def _ended(evaluation: Evaluation, ended_at: datetime | None, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    stated = {line.number: read_statement(line.what.statement) for line in lines if isinstance(line.what, events.Decided)}
    archived = next((line.number for line in lines if isinstance(line.what, events.Archived)), None)
    refused = next((number for number, item in stated.items() if item.verdict is Verdict.REFUSE), None)
    is_migrated = any(isinstance(line.what, events.Migrated) for line in lines)
    if evaluation.outcome not in {None, Stage.ARCHIVED, Stage.REFUSED}:
        yield 0, f"自评表里的结果被改为“{evaluation.outcome}”"
    if evaluation.outcome == Stage.ARCHIVED and archived is None and not is_migrated:
        yield 0, "自评表里写着已归档，审批记录里没有归档"
    if evaluation.outcome == Stage.REFUSED and refused is None and not is_migrated:
        yield 0, "自评表里写着不同意，审批记录里没有这样的决定"
    if archived is not None and evaluation.outcome != Stage.ARCHIVED:
        yield archived, f"第{archived}条归档：自评表里的结果被改动"
    elif archived is not None and ended_at != lines[archived - 1].at:
        yield archived, f"第{archived}条归档：自评表里的结束时间被改动"
    if refused is not None and evaluation.outcome == Stage.REFUSED and ended_at != stated[refused].decided_at:
        yield refused, f"第{refused}条不同意：自评表里的结束时间被改动"
    if refused is not None and evaluation.outcome == Stage.ARCHIVED:
        yield refused, f"第{refused}条不同意：自评表里的结果被改动"


_OUTCOMES = (
    (Validated, events.Frozen, _validated),
    (Drafted, events.Drafted, _drafted),
    (Corrected, events.Corrected, lambda told, kept: "" if told.note == kept.note else "更正说明"),
    (Archived, events.Archived, lambda told, kept: "" if told.bag == kept.bag else "归档包"),
)


def _names(record: Transaction) -> dict[str, str]:
    return {person.id: person.name for person in record.people().persons.values()}


def _order(fault: Touched) -> tuple[str, int, str]:
    return fault.chain, fault.number, fault.message
