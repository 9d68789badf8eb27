"""One proof for several approvals (一并同意): the list of what was stated, each statement by its digest.

A device signs the list, a code is spent on it; each decision carries the list as part of its proof, so that it is verified from its own
record alone. Only 同意 is given so, and only on drafts whose pages the approver had opened.
"""

import re
from collections.abc import Iterable

from perfeval.approvals.statement import challenge

_HEAD = "perfeval batch 1"
_LIST = re.compile(rf"{_HEAD}(?:\n[0-9a-f]{{64}})+")


def write_batch(statements: Iterable[str]) -> str:
    """The list of statements, which is signed."""
    return "\n".join((_HEAD, *sorted({challenge(line).hex() for line in statements})))


def is_in_batch(batch: str, statement: str) -> bool:
    """Whether a text is such a list, in the one way of writing it, and the statement is in it."""
    digests = batch.split("\n")[1:]
    return _LIST.fullmatch(batch) is not None and digests == sorted(set(digests)) and challenge(statement).hex() in digests
