"""The record (审批记录) as people read it: each line a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perfeval.approvals import events
from perfeval.approvals.people import People
from perfeval.approvals.person import PROOF_TITLES
from perfeval.approvals.record import Line
from perfeval.model import Gate
from perfeval.model.evaluation import gate_title


@dataclass(frozen=True, slots=True)
class Event:
    """What a line tells: who did what when."""

    number: int
    at: datetime
    who: str
    text: str


def tell(line: Line, gates: Sequence[Gate], people: People) -> Event:
    """A line in Chinese, people and gates by their names."""
    what: Any = line.what
    sentence: Callable[[Any, str, str], str] = _SENTENCES[type(what)]
    names = "、".join(people.persons[item].name for item in _told_to(what))
    told = sentence(what, gate_title(gates, getattr(what, "gate", "")), names)
    person = people.persons.get(line.who)
    return Event(
        line.number, line.at, person.name if person else "程序", f"第{what.revision}稿：{told}" if hasattr(what, "revision") else told
    )


def _told_to(what: object) -> Sequence[str]:
    return next((getattr(what, name) for name in ("asked", "reminded", "informed") if hasattr(what, name)), ())


_NEWS: Mapping[str, str] = {"approved": "同意", "returned": "退回修改", "refused": "不同意", "archived": "归档"}

# The event, the title of its gate, and the names of those it was told to.
_SENTENCES: Mapping[type, Callable[[Any, str, str], str]] = {
    events.Opened: lambda *_: "立项",
    events.Frozen: lambda what, *_: f"台账校验通过，锁定{len(what.ledgers)}个文件",
    events.Drafted: lambda what, *_: f"成文，内容摘要 {what.content_digest[:12]}…",
    events.Asked: lambda what, title, names: f"送{title}（{names}）" + (f"，应在 {what.due_on} 前决定" if what.due_on else ""),
    events.AnsweredWrongly: lambda what, title, _: f"{title}的一次答复无效（{what.name}）：{what.problem}",
    events.Seen: lambda *_: "打开审批页面",
    events.Decided: lambda what, title, _: (
        f"{title}作出决定（{PROOF_TITLES[what.proof.kind]}{'，与其他自评一并同意' if 'batch' in what.proof.evidence else ''}）"
    ),
    events.Reminded: lambda what, title, names: (
        f"提醒{title}（{names}）" + (f"，没有送达：{'、'.join(what.failed)}" if what.failed else "")
    ),
    events.Informed: lambda what, title, names: (
        f"通知经办人（{names}）：{'' if what.about == 'archived' else title}{_NEWS[what.about]}"
        + (f"，没有送达：{'、'.join(what.failed)}" if what.failed else "")
    ),
    events.Returned: lambda *_: "退回修改",
    events.Corrected: lambda what, *_: f"更正：{what.note}",
    events.Archived: lambda what, *_: f"归档，档号 {what.archive_no}",
    events.Reasoned: lambda what, *_: f"写说明：{what.key}",
    events.Acted: lambda what, *_: f"{what.action}：{what.target}",
    events.Migrated: lambda *_: "接管旧记录",
}
