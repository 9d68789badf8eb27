"""Forms as people fill them in (审批表单): what was typed becomes an answer, or a refusal in Chinese."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from urllib.parse import parse_qs

from perfeval.approvals.answering import check_comment
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.errors import ApprovalError
from perfeval.model import Answer, Remark, Verdict
from perfeval.model.digests import check_code

_MOST_FIELDS = 200
_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in a form, by the names of its fields; `problem` is why it was not taken."""

    fields: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "").strip()

    def numbered(self, name: str) -> list[str]:
        """The fields `name_1`, `name_2` … in their order."""
        numbers = sorted(int(key[len(name) + 1 :]) for key in self.fields if re.fullmatch(rf"{name}_[1-9][0-9]{{0,2}}", key))
        return [self[f"{name}_{number}"] for number in numbers]

    @property
    def remarks(self) -> list[tuple[str, str]]:
        """Places and what is wanted there; rows of which nothing is filled in are none."""
        return [pair for pair in zip_longest(self.numbered("place"), self.numbered("remark"), fillvalue="") if any(pair)]


def read_form(body: bytes) -> Filled:
    """A form's fields; of what no browser sends, nothing."""
    try:
        told = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
        return Filled({name: values[0].replace("\r\n", "\n")[:_LENGTH] for name, values in told.items()})
    except ValueError:
        return Filled()


def read_answer(filled: Filled, person: Person, digest: str) -> Answer:
    """What somebody decides on the draft of that content digest, by a code or by his device's signature.

    Raises: ApprovalError: something is not filled in, or it is another draft that he was shown.
    """
    if filled["digest"] != digest:
        raise ApprovalError("A07", "您看到的不是现在送审的这一稿", "刷新本页，看过现在的一稿之后再决定。")
    try:
        verdict = Verdict(filled["decision"])
    except ValueError as error:
        raise ApprovalError("A50", "没有选择审批决定", "选择同意、退回修改或不同意。") from error
    statement, signed = filled["statement"], read_signed(filled["signed"])
    if not statement and not filled["code"]:
        raise ApprovalError("A50", "没有填写动态码", "填写手机动态码应用上的6位数字，或用本机设备签名。")
    proof = Proof(ProofKind.PASSKEY, signed) if statement else None
    remarks = tuple(Remark(place, text) for place, text in filled.remarks)
    answer = Answer(verdict, person.name, filled["code"], check_code(digest), filled["comment"], statement, proof, remarks)
    check_comment(answer)  # before a code is spent on it, or a wrong one counted
    return answer


def read_signed(text: str) -> dict[str, str]:
    """What a device made, as the page's script tells it."""
    try:
        told = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in told.items() if isinstance(value, str)} if isinstance(told, dict) else {}
