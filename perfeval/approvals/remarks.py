"""Remarks and replies (修改意见与答复): what returns asked for, and what the clerk said to each, from the record alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from perfeval.approvals.answering import checked
from perfeval.approvals.events import Corrected, Decided
from perfeval.approvals.record import Line
from perfeval.approvals.statement import read_statement
from perfeval.errors import ApprovalError
from perfeval.model import Remark


@dataclass(frozen=True, slots=True)
class Remarked:
    """A remark on a revision at a gate, by the person of that id; `reply` is empty while nobody has answered."""

    revision: int
    gate: str
    approver: str
    remark: Remark
    reply: str = ""


def remarks_of(lines: Iterable[Line]) -> list[Remarked]:
    """All remarks of an evaluation, oldest first."""
    found: list[Remarked] = []
    for line in lines:
        if isinstance(line.what, Decided):
            stated = read_statement(line.what.statement)
            found += [Remarked(stated.revision, stated.gate, stated.approver, item) for item in stated.remarks]
        elif isinstance(line.what, Corrected):
            replies = iter(line.what.replies)
            found = [replace(item, reply=next(replies, "")) if item.revision == line.what.revision else item for item in found]
    return found


def check_replies(remarks: Sequence[Remarked], replies: Sequence[str]) -> tuple[str, ...]:
    """The replies to the remarks on a revision, one to each, in their order.

    Raises: ApprovalError: one is lacking, or answers nothing; all at once.
    """
    given = tuple(checked(f"对第{number}条修改意见的答复", text) for number, text in enumerate(replies, start=1))
    faults = [f"答复有{len(given)}条，修改意见只有{len(remarks)}条"] if len(given) > len(remarks) else []
    faults += [
        f"第{number}条 {item.remark.where}：{item.remark.text}"
        for number, (item, reply) in enumerate(zip_longest(remarks, given[: len(remarks)]), start=1)
        if not reply
    ]
    if faults:
        raise ApprovalError("A58", f"修改意见没有逐条答复：{'；'.join(faults)}", "逐条写明怎样改的，或为什么不改，再提交更正。")
    return given
