"""Who waits for whom is told (通知、催办): when a gate is asked, when it is due, and each working day that it is late, until it is put by.

The record tells what was sent, so that nothing is sent twice, and what did not arrive is sent again the next time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from perfeval import notices
from perfeval.approvals.events import About, Asked, Reminded
from perfeval.approvals.record import Line, read_line
from perfeval.model.clock import china_day, is_working_day
from perfeval.notices import ESCALATE, Address, Notice
from perfeval.steps import statuses

if TYPE_CHECKING:
    from perfeval.model.evaluation import Status
    from perfeval.office import Office
    from perfeval.store import Transaction

_LATE: tuple[About, ...] = ("late", "held")
_HEADS: dict[About, str] = {"asked": "待审批", "due": "今日到期", "late": "已逾期", "held": "挂起，已逾期"}


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
    send: Callable[[Notice, Iterable[Address]], tuple[str, ...]] = notices.send,
) -> list[Reminder]:
    """Send what is to be told today and has not arrived yet, of one evaluation or of all.

    Raises: UsageError: an address in the environment is none.
    """
    everywhere, today = notices.addresses(), today or china_day(datetime.now(UTC))
    if not everywhere:
        return []
    waiting = [item for item in ([_status(office, evaluation)] if evaluation else statuses(office)) if item.gate]
    return [done for item in waiting if (done := _remind(office, item, everywhere, today, send))]


def _status(office: "Office", evaluation: str) -> "Status":
    with office.store.reading() as record:
        return record.progress(record.evaluation(evaluation)).status(office.workspace.gates)


def undelivered(office: "Office") -> dict[str, tuple[str, ...]]:
    """The addresses that the last notice of each evaluation did not reach, by its id."""
    with office.store.reading() as record:
        told = record.last_of_each(Reminded.kind)
    return {line.chain: line.what.failed for line in told if isinstance(line.what, Reminded) and line.what.failed}


def _remind(
    office: "Office",
    status: "Status",
    everywhere: Iterable[Address],
    today: date,
    send: Callable[[Notice, Iterable[Address]], tuple[str, ...]],
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
