"""An evaluation's tables held against its chain (对照各表): rows edited, deleted or inserted, each by the line that tells of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from perfeval.approvals import events
from perfeval.approvals.record import Line
from perfeval.approvals.statement import read_statement
from perfeval.model import Evaluation, Revision, Stage, Verdict
from perfeval.model.outcomes import Archived, Corrected, Drafted, Scored, Sealing, Validated

if TYPE_CHECKING:
    from perfeval.store import Transaction


def differences(record: Transaction, evaluation: Evaluation, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Where the tables are not what the chain tells: the number of the line that does (0: none), and what is wrong, in Chinese."""
    names = _names(record)
    for line in lines:
        if isinstance(line.what, events.Opened):
            yield from _opened(record, evaluation, line, line.what, names)
    yield from _decided(record, evaluation, lines, names)
    for kind, event, told in _OUTCOMES:
        yield from _outcomes(record, evaluation, lines, kind, event, told)
    yield from _rewritten(record, evaluation, lines)
    yield from _untold(record, evaluation, lines)
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
                    for title, is_same in (("时间", row["decided_at"] == stated.decided_at), ("单位", row["unit"] == record.unit)):
                        if not is_same:
                            yield line.number, f"第{line.number}条审批决定：数据库里的{title}被改动"
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


def _untold(record: Transaction, evaluation: Evaluation, lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Outcomes that nothing in the chain leaves room for."""
    frozen = {line.what.revision for line in lines if isinstance(line.what, events.Frozen)}
    drafted = {line.what.revision for line in lines if isinstance(line.what, events.Drafted)}
    told = {kind.step for kind, _, _ in _OUTCOMES}  # compared one by one
    is_migrated = any(isinstance(line.what, events.Migrated) for line in lines)
    for revision, step in sorted(record.steps_of(evaluation)):
        room = {Scored.step: frozen, Sealing.step: drafted}.get(step, set())
        if step not in told and revision not in room and not is_migrated:
            yield 0, f"步骤成果表里第{revision}稿的 {step}，审批记录里没有：是插入的"


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
