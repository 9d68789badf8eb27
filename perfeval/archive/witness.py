"""The record's head (链头) in a bag against the one that somebody kept outside: on paper, in a mail."""

from collections.abc import Sequence

from perfeval.approvals.record import PEOPLE, Entry, check, head
from perfeval.archive.verification import Check, Examination, State

_NAME = "外部凭证"


def compare_witness(examined: Examination, witness: str) -> Check:
    """What a head of at least 24 characters proves of the bag; nothing is proved without one, nor of what came after it."""
    entries, approvals, hearing = examined.entries, examined.approvals, examined.hearing
    if not entries or approvals is None or hearing is None:
        if witness:
            return Check(_NAME, State.WRONG, "包内没有审批记录，不能与链头对照")
        return Check(_NAME, State.UNPROVED, "未与外部凭证对照：请把报告内容摘要与审批人、财政部门另存的记录对照")
    whole = f"审批记录共{len(entries)}条，链头 {head(entries)}"
    if not witness:
        return Check(_NAME, State.UNPROVED, f"未与外部凭证对照：{whole}，请把审批表或通知上另存的链头写在 --head 之后对照")
    if missed := _missed(approvals.evaluation, entries, witness):
        is_of_people = not _missed(PEOPLE, examined.people, witness)
        only = f"链头是人员记录的，只对照了人员记录，未对照审批记录（{whole}）"
        return Check(_NAME, State.UNPROVED, only) if is_of_people else Check(_NAME, State.WRONG, missed)
    number = next(entry.number for entry in entries if entry.sha256.startswith("".join(witness.split()).lower()))
    told = f"与第{number}条的链头相同：到这一条为止，就是另存链头时的审批记录"
    if later := "、".join(str(item.number) for item in hearing.decisions if item.number > number):
        return Check(_NAME, State.UNPROVED, f"{told}；其后第{later}条的审批决定未与外部凭证对照（{whole}）")
    return Check(_NAME, State.SAME, f"{told}（{whole}）")


def _missed(chain: str, entries: Sequence[Entry], witness: str) -> str:
    """Why a chain has no such head, in Chinese; what else is wrong with it is told elsewhere."""
    known = check(chain, entries)
    return "；".join(fault.message for fault in check(chain, entries, witness=witness) if fault not in known)
