"""The record (审批记录): a chain of lines that nobody can quietly change.

One chain per evaluation, one of people, one of logins, one of what was begun. Each line is canonical JSON, kept as it stands; it names its
chain, its number and the SHA-256 (and SM3) of the line before it, so that the last digest, the head, stands for all. A MAC on each line
needs the office's key; the head on paper and in mail needs none.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from cryptography.hazmat.primitives import hashes
from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass as closed_dataclass

from perfeval.approvals.canonical import dump_line, read_as, write_as
from perfeval.approvals.events import Event
from perfeval.approvals.fields import CLOSED, Moment, Number, PersonId
from perfeval.model.clock import CHINA

PEOPLE = "people"
"""The name of the people's chain; an evaluation's is its id."""
ACCESS = "access"
"""The name of the chain of proofs that were looked at and of sessions that were ended; it stays in the office."""
OPENINGS = "openings"
"""The name of the chain of evaluations that were begun. The people's, which every decision hears whole, does not grow by them."""
NOTHING = "0" * 64
"""The head of an empty chain."""
SHORTEST_HEAD = 24


@closed_dataclass(frozen=True, kw_only=True, config=CLOSED)
class Line:
    """What a line says: its place, and who did what when."""

    chain: str
    number: Number
    at: Moment
    who: PersonId
    what: Annotated[Event, Field(discriminator="kind")]
    previous: str
    previous_sm3: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it is stored, with its number, digests and MAC (empty where the line travels without one, as in a bag)."""

    number: int
    line: str
    sha256: str
    sm3: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """A chain's end as it was noted beside it (末尾登记): so many lines, the last with this digest."""

    number: int
    sha256: str
    mac: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a chain, in Chinese, and at which number; 0 is the whole chain."""

    number: int
    message: str


_line = TypeAdapter(Line)


def append(chain: str, last: Entry | None, event: Event, who: str, at: datetime, key: bytes) -> Entry:
    """The entry that comes after `last`; `key` is derive_key(…, "record").

    Raises: ValueError: the event cannot be written exactly.
    """
    number, previous, previous_sm3 = (last.number + 1, last.sha256, last.sm3) if last else (1, NOTHING, NOTHING)
    line = write_as(_line, Line(chain=chain, number=number, at=at, who=who, what=event, previous=previous, previous_sm3=previous_sm3))
    read_line(line)
    return Entry(number, line, *digests(line), _mac(line, key))


@lru_cache(maxsize=4096)  # a line never changes, and is asked for again and again
def read_line(line: str) -> Line:
    """Read a line of the record.

    Raises: ValueError: in Chinese, when it is none, or spelled in another way.
    """
    return read_as(_line, line)


def digests(line: str) -> tuple[str, str]:
    """A line's SHA-256 and SM3."""
    content = line.encode(errors="surrogatepass")
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(content)
    return hashlib.sha256(content).hexdigest(), sm3.finalize().hex()


def is_ours(entry: Entry, key: bytes) -> bool:
    """Whether the program wrote this line with this key."""
    return not _is_touched(entry, key)


def head(entries: Sequence[Entry]) -> str:
    """The chain's head (链头)."""
    return entries[-1].sha256 if entries else NOTHING


def check(chain: str, entries: Sequence[Entry], key: bytes | None = None, witness: str = "") -> list[Fault]:
    """Everything that shows that a chain was touched, each with the number of the entry it was done to.

    `key` checks the MACs too. `witness` is a head that somebody kept, at least 24 characters of it: all up to it must still be here.
    """
    lines = [_try_to_read(entry.line) for entry in entries]
    faults = {
        position: fault
        for position, (entry, line) in enumerate(zip(entries, lines, strict=True))
        if (fault := _entry_fault(chain, entry, line, key))
    }
    # What a touched line says of its own number is worth nothing.
    numbers = [
        line.number if isinstance(line, Line) and not _is_touched(entry, key) else entry.number
        for entry, line in zip(entries, lines, strict=True)
    ]
    for position, fault in _order_faults(numbers).items():
        faults[position] = f"{fault}；{faults[position]}" if position in faults else fault
    for position in range(len(entries)):
        if not {position, position - 1} & faults.keys() and (fault := _link_fault(entries, lines, numbers, position)):
            faults[position] = fault
    found = [Fault(numbers[position], f"第{numbers[position]}条{fault}") for position, fault in faults.items()]
    there = set(numbers)
    found += [Fault(number, f"缺少第{number}条：已被删去") for number in range(1, max(numbers, default=0)) if number not in there]
    return sorted(found + _witness_faults(entries, witness), key=lambda item: item.number)


def seal_end(unit: str, chain: str, last: Entry, key: bytes) -> End:
    """The note of a chain's end, and of whose chain it is: no line of the people's says that, and several units may have one key."""
    return End(last.number, last.sha256, _mac(_end_line(chain, last.number, last.sha256, unit), key))


def end_faults(unit: str, chain: str, entries: Sequence[Entry], end: End | None, key: bytes) -> list[Fault]:
    """What shows that a chain's last lines were taken away, or that it is another unit's: it ends elsewhere than was noted.

    A note without a MAC is from before there were notes, and proves nothing; one without a unit from before a server had several.
    """
    count = entries[-1].number if entries else 0
    if end is None:
        return [Fault(0, "末尾登记被删去，不知道末尾有没有被截去")] if entries else []
    known = [_mac(_end_line(chain, end.number, end.sha256, *of), key).encode() for of in ((unit,), ())]
    if end.mac and not any(hmac.compare_digest(mac, end.mac.encode(errors="replace")) for mac in known):
        return [Fault(0, "末尾登记被改动，或是另一个单位的")]
    if count < end.number:
        cut = f"第{count + 1}条" if end.number == count + 1 else f"第{count + 1}条至第{end.number}条"
        return [Fault(count + 1, f"{cut}被删去：末尾登记写明共{end.number}条")]
    is_same = count == end.number and entries[-1].sha256 == end.sha256
    return [] if is_same else [Fault(count, f"第{count}条不是登记的末尾：多出，或被改动")]


def out_of_order(lines: Sequence[Line]) -> list[str]:
    """Lines that say a later time than one behind them, in Chinese: a clock ran ahead. Their order is that of their numbers."""
    told: list[str] = []
    earliest: Line | None = None
    for line in reversed(lines):
        if earliest and line.at > earliest.at:
            told.append(f"第{line.number}条的时间（{_shown(line.at)}）晚于其后的第{earliest.number}条（{_shown(earliest.at)}）")
        earliest = earliest if earliest and earliest.at < line.at else line
    return told[::-1]


def _shown(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"


def _end_line(chain: str, number: int, sha256: str, unit: str = "") -> str:
    return dump_line({"chain": chain, "number": number, "sha256": sha256} | ({"unit": unit} if unit else {}))


def _entry_fault(chain: str, entry: Entry, line: Line | str, key: bytes | None) -> str:
    if (entry.sha256, entry.sm3) != digests(entry.line):
        return "被改动：内容与登记的摘要不符"
    if _is_touched(entry, key):
        return "校验码不符：不是本程序写的，或被改动" if entry.mac else "没有校验码：不是本程序写的"
    if isinstance(line, str):
        return f"读不出：{line}"
    if line.chain != chain:
        return f"属于另一份记录（{line.chain}）"
    return f"序号被改为{entry.number}" if line.number != entry.number else ""


def _is_touched(entry: Entry, key: bytes | None) -> bool:
    is_ours = key is None or hmac.compare_digest(_mac(entry.line, key).encode(), entry.mac.encode(errors="replace"))
    return (entry.sha256, entry.sm3) != digests(entry.line) or not is_ours


def _order_faults(numbers: Sequence[int]) -> dict[int, str]:
    count, highest, faults = Counter(numbers), 0, {}
    for position, number in enumerate(numbers):
        if count[number] > 1:
            faults[position] = f"有{count[number]}条：多出的是插入的"
        elif number < highest:
            faults[position] = "次序颠倒"
        highest = max(highest, number)
    return faults


def _link_fault(entries: Sequence[Entry], lines: Sequence[Line | str], numbers: Sequence[int], position: int) -> str:
    line = lines[position]
    before = entries[position - 1] if position else None
    expected = (before.sha256, before.sm3) if before else (NOTHING, NOTHING)
    is_next = numbers[position] == (numbers[position - 1] if position else 0) + 1
    if not is_next or not isinstance(line, Line) or (line.previous, line.previous_sm3) == expected:
        return ""
    return f"与第{numbers[position] - 1}条不衔接：两条之一被改动" if before else "不是记录的开头"


def _witness_faults(entries: Sequence[Entry], witness: str) -> list[Fault]:
    wanted = "".join(witness.split()).lower()
    if not wanted or (len(wanted) >= SHORTEST_HEAD and any(entry.sha256.startswith(wanted) for entry in entries)):
        return []
    if len(wanted) < SHORTEST_HEAD:
        return [Fault(0, f"链头至少要{SHORTEST_HEAD}位，才能对照")]
    return [Fault(len(entries), f"记录止于第{len(entries)}条，其中没有凭证上的链头 {wanted[:12]}…：末尾被截去，或整份被改写")]


def _try_to_read(line: str) -> Line | str:
    try:
        return read_line(line)
    except ValueError as error:
        return str(error)


def _mac(line: str, key: bytes) -> str:
    return hmac.new(key, line.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
