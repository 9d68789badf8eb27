"""Who waits for whom is told (通知、催办).

Approvers: when a gate is asked, when it is due, and each working day that it is late, until it is put by. The clerk: when a gate has
decided, and when the report is archived.

The record tells what was sent, so that nothing is sent twice, and what did not arrive is sent again the next time.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from perfeval import notices
from perfeval.approvals.duties import conduct_of, outcome
from perfeval.approvals.events import About, Archived, Asked, Drafted, Informed, News, Reminded
from perfeval.approvals.people import OPERATOR
from perfeval.approvals.record import Line, read_line
from perfeval.approvals.remarks import remarks_of
from perfeval.errors import PerfevalError
from perfeval.model import Verdict
from perfeval.model.clock import china_day, is_working_day
from perfeval.notices import ESCALATE, Address, Notice
from perfeval.steps import statuses

if TYPE_CHECKING:
    from perfeval.model.evaluation import Status
    from perfeval.model.outcomes import Stuck
    from perfeval.office import Office
    from perfeval.store import Transaction

_LATE: tuple[About, ...] = ("late", "held")
_HEADS: dict[About, str] = {"asked": "待审批", "due": "今日到期", "late": "已逾期", "held": "挂起，已逾期"}
_NEWS: dict[Verdict, News] = {Verdict.APPROVE: "approved", Verdict.RETURN: "returned", Verdict.REFUSE: "refused"}
_NEWS_HEADS: dict[News, str] = {"approved": "已同意", "returned": "已退回修改", "refused": "不同意", "archived": "已归档"}
# What is older, and was not even tried to be told, is known by now: nobody is told of last year's archives.
_NEW = timedelta(days=14)
Send = Callable[["Notice", Iterable["Address"]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reminder:
    """A notice that was sent, and the addresses that it did not reach."""

    evaluation: str
    notice: Notice
    failed: tuple[str, ...]


def remind(
    office: "Office",
    evaluation: str | None = None,
    today: date | None = None,
    send: Send = notices.send,
) -> list[Reminder]:
    """Send what is to be told today and has not arrived yet, of one evaluation or of all.

    Raises: UsageError: an address in the environment is none.
    """
    everywhere, now = notices.addresses(office.workspace.unit), datetime.now(UTC)
    if not everywhere:
        return []
    concerned = [_status(office, evaluation)] if evaluation else statuses(office)
    failed = {} if evaluation else undelivered(office, concerned)
    news = [item for item in concerned if evaluation or now - item.since < _NEW or item.revision.evaluation.id in failed]
    told = [_remind(office, item, everywhere, today or china_day(now), send) for item in concerned if item.gate]
    return [done for done in (*told, *(_inform(office, item, everywhere, now, send) for item in news)) if done]


def _status(office: "Office", evaluation: str) -> "Status":
    with office.store.reading() as record:
        return record.progress(record.evaluation(evaluation)).status(office.workspace.gates)


def notify(office: "Office", evaluation: str) -> None:
    """Tell what has come of an evaluation; what is wrong with an address keeps nobody waiting, and the daily reminders tell it again."""
    try:
        remind(office, evaluation)
    except PerfevalError as error:
        logging.getLogger(__name__).warning("%s", error)


def undelivered(office: "Office", where: Iterable["Status"]) -> dict[str, tuple[str, ...]]:
    """The addresses that the last notice to the gate that is waited for, and the last to the clerk, did not reach; by the evaluation."""
    with office.store.reading() as record:
        told = record.last_of_each(Reminded.kind, Informed.kind)
    waited = {status.revision.evaluation.id: status.gate.key for status in where if status.gate}
    failed: dict[str, tuple[str, ...]] = {}
    for line in told:
        match line.what:
            case Informed(failed=labels) if labels:
                failed[line.chain] = (*failed.get(line.chain, ()), *labels)
            case Reminded(failed=labels, gate=gate) if labels and waited.get(line.chain) == gate:
                failed[line.chain] = (*labels, *failed.get(line.chain, ()))
            case _:
                pass
    return {chain: tuple(dict.fromkeys(labels)) for chain, labels in failed.items()}


def _remind(
    office: "Office",
    status: "Status",
    everywhere: Iterable[Address],
    today: date,
    send: Send,
) -> Reminder | None:
    gate, number, chain = status.gate, status.revision.number, status.revision.evaluation.id
    if gate is None:
        return None
    about = _about(status, today)
    if about in _LATE and not is_working_day(today):
        return None
    with office.store.reading() as record:
        lines = [read_line(entry.line) for entry in record.entries(chain)]
        here = [
            line for line in lines if isinstance(line.what, Asked | Reminded) and (line.what.revision, line.what.gate) == (number, gate.key)
        ]
        told, seats = _told(here, about, today), next((line.what.asked for line in here if isinstance(line.what, Asked)), ())
        notice = _notice(office, record, status, about, today, [record.people().persons[seat].name for seat in seats])
    is_escalated = about in _LATE and status.days_late(today) >= gate.escalate_days
    concerned = [item for item in everywhere if item.name in ("", gate.key) or (item.name == ESCALATE and is_escalated)]
    to = [item for item in concerned if told is None or item.label in told.failed]
    if not to:
        return None
    failed = send(notice, to)
    with office.store.transaction() as record:
        record.append(chain, Reminded(revision=number, gate=gate.key, reminded=seats, about=about, failed=failed))
    return Reminder(chain, notice, failed)


def _about(status: "Status", today: date) -> About:
    if status.days_late(today):
        return "held" if status.is_held(today) else "late"
    return "due" if today == status.due_on else "asked"


def _told(lines: Iterable[Line], about: About, today: date) -> Reminded | None:
    """What was last told of this; of a gate that is late, today."""
    told = [
        line.what
        for line in lines
        if isinstance(line.what, Reminded) and line.what.about == about and (about != "late" or china_day(line.at) == today)
    ]
    return told[-1] if told else None


def _ways(url: str | None, evaluation: str, number: int, gate: str) -> tuple[str, str]:
    """Where to open a draft, and what to do; where no server is up, in a terminal."""
    if url:
        return f"打开：{url}/review/{evaluation}/{number}", "怎样做：登录后通读这一稿，在页面下方填写决定。"
    return (
        "打开：现在没有开着服务，报告（drafts 文件夹里的 Word 文件）向经办人索取。",
        f"怎样做：通读后，在终端用 perfeval decide {evaluation} --gate {gate} 作决定。",
    )


def _notice(office: "Office", record: "Transaction", status: "Status", about: About, today: date, names: Iterable[str]) -> Notice:
    """The words of a notice. The draft's check code is not told: it proves that somebody has opened the draft."""
    evaluation, gate, due_on = status.revision.evaluation, status.gate, status.due_on
    late = f"{status.days_late(today)}个工作日" if about in _LATE else ""
    title = f"【{_HEADS[about]}{late}】{evaluation.year}年度“{evaluation.programme}”绩效自评报告第{status.revision.number}稿"
    lines = [
        f"单位：{office.workspace.settings.unit.name}",
        f"环节：{gate.title if gate else ''}，审批人：{'、'.join(names)}",
        f"送审日期：{china_day(status.since)}" + (f"，应在 {due_on} 前决定" if due_on else ""),
        *(["这项审批已挂起，不再每天催办；仍可随时审批，请告知经办人何时办理。"] if about == "held" else []),
        f"自评编号：{evaluation.id}，送审人：{evaluation.prepared_by}",
        *_ways(office.url, evaluation.id, status.revision.number, gate.key if gate else ""),
        f"报告摘要（SHA-256）：{status.draft.digest if status.draft else ''}",
        f"审批记录链头：{record.head(evaluation.id)}",
        "请保存本通知：以后可用链头核对归档包有没有被改动。",
    ]
    return Notice(title, "\n".join(lines))


def notify_of_failure(office: "Office", run: str, send: Send = notices.send) -> Notice | None:
    """Tell the clerk that a run cannot go on until something is repaired; what is wrong with an address keeps nobody waiting.

    A run that is refused because the year has been begun, or archived, has nothing to repair.
    """
    try:
        with office.store.reading() as record:
            failure, evaluation = record.failure(run), record.evaluation_of(run)
            found = [item for item in record.stuck() if failure and item.failure == failure]
        to = [item for item in notices.addresses(office.workspace.unit) if item.name in ("", OPERATOR)]
        if not found or not to:
            return None
        notice = _failure_notice(office, found[0], evaluation.programme if evaluation else "")
        if failed := send(notice, to):
            logging.getLogger(__name__).warning("not delivered: %s", failed)
    except PerfevalError as error:
        logging.getLogger(__name__).warning("%s", error)
        return None
    return notice


def _failure_notice(office: "Office", stuck: "Stuck", programme: str) -> Notice:
    names = {item.key: item.name for item in office.workspace.programmes}
    page = f"/review/{stuck.evaluation}" if stuck.evaluation else f"/review/clerk/{stuck.year}/{stuck.programme}"
    todo = "点“重试”" if stuck.evaluation else "点“开始自评，送审”"
    body = [
        f"单位：{office.workspace.settings.unit.name}",
        f"原因：{stuck.failure.reason}",
        f"打开：{office.url}{page}" if office.url else "打开：现在没有开着服务。",
        f"怎样做：按原因更正台账或设置，再在页面上{todo}，或执行 perfeval run --year {stuck.year}。",
    ]
    title = f"【{'没有完成' if stuck.evaluation else '没有开始'}】{stuck.year}年度“{programme or names.get(stuck.programme, '')}”绩效自评"
    return Notice(title, "\n".join(body))


# ---- to the clerk ------------------------------------------------------------------------------------------------------


def _inform(office: "Office", status: "Status", everywhere: Iterable[Address], now: datetime, send: Send) -> Reminder | None:
    """Tell the clerk the newest of what became of the revision in work."""
    number, chain = status.revision.number, status.revision.evaluation.id
    with office.store.reading() as record:
        lines = [read_line(entry.line) for entry in record.entries(chain)]
        if (newest := _newest(lines, number)) is None:
            return None
        gate, about, at = newest
        told = [
            line.what
            for line in lines
            if isinstance(line.what, Informed) and (line.what.revision, line.what.gate, line.what.about) == (number, gate, about)
        ]
        concerned = [item for item in everywhere if item.name in ("", OPERATOR)]
        to = [item for item in concerned if item.label in told[-1].failed] if told else concerned if now - at < _NEW else []
        preparer = record.preparer_of(status.revision.evaluation)
        notice = _news(office, record, status, lines, (gate, about)) if to else None
    if notice is None:
        return None
    failed = send(notice, to)
    with office.store.transaction() as record:
        record.append(chain, Informed(revision=number, gate=gate, informed=(preparer,) if preparer else (), about=about, failed=failed))
    return Reminder(chain, notice, failed)


def _newest(lines: Sequence[Line], number: int) -> tuple[str, News, datetime] | None:
    """The gate of a revision that decided last, what, and when; or that it was archived."""
    drafted = next((line.what for line in reversed(lines) if isinstance(line.what, Drafted) and line.what.revision == number), None)
    if drafted is None:
        return None
    if archived := next((line for line in reversed(lines) if isinstance(line.what, Archived)), None):
        return drafted.gates[-1].key, "archived", archived.at
    made = conduct_of(lines).made
    decided = [(gate.key, verdict) for gate in drafted.gates if (verdict := outcome(gate, number, made))]
    at = max((line.at for line in lines if line.what.kind == "decided"), default=None)
    return (decided[-1][0], _NEWS[decided[-1][1]], at) if decided and at else None


def _news(office: "Office", record: "Transaction", status: "Status", lines: Sequence[Line], newest: tuple[str, News]) -> Notice:
    """What the clerk is told, and what he has to do."""
    evaluation, number, (gate, about) = status.revision.evaluation, status.revision.number, newest
    title = f"【{_NEWS_HEADS[about]}】{evaluation.year}年度“{evaluation.programme}”绩效自评报告第{number}稿"
    told = next(rule for line in lines if isinstance(line.what, Drafted) for rule in line.what.gates if rule.key == gate)
    wanted = sum(item.revision == number for item in remarks_of(lines))
    archived = next(((line.what.archive_no, line.previous) for line in lines if isinstance(line.what, Archived)), None)
    # The bag's record ends before the line that tells of it.
    number_given, head = archived or ("", record.head(evaluation.id))
    todo: Mapping[News, str] = {
        "approved": f"等{status.gate.title}决定，不必办理。" if status.gate else "各环节都已同意，程序随后归档，不必办理。",
        "returned": "更正台账、底稿或说明，写更正说明" + (f"，逐条答复{wanted}条修改意见" if wanted else "") + "，提交更正后重新审批。",
        "refused": "自评终止，材料保留，不归档；需要重新自评的，另行开始。",
        "archived": f"档号 {number_given}；打印归档包里的 data/审批表.docx，核对链头，按本单位的办法移交。",
    }
    link = f"打开：{office.url}/review/{evaluation.id}/{number}" if office.url else "打开：现在没有开着服务，用 perfeval status 查看进度。"
    body = [
        f"单位：{office.workspace.settings.unit.name}",
        f"环节：{told.title}，送审人：{evaluation.prepared_by}",
        f"自评编号：{evaluation.id}",
        link,
        f"怎样做：{todo[about]}",
        f"报告摘要（SHA-256）：{status.draft.digest if status.draft else ''}",
        f"审批记录链头：{head}",
    ]
    return Notice(title, "\n".join(body))
