"""The record, checked (审计): every chain as a chain, everybody and every decision judged again, and the tables held against it all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfeval.approvals import events
from perfeval.approvals.canonical import dump_line
from perfeval.approvals.judging import judge
from perfeval.approvals.people import people_of
from perfeval.approvals.person import ProofKind
from perfeval.approvals.record import ACCESS, NOTHING, OPENINGS, PEOPLE, SHORTEST_HEAD, End, Entry, Fault, head, out_of_order, read_line
from perfeval.errors import StoreError
from perfeval.model import Evaluation
from perfeval.projections import differences
from perfeval.texts import visible

if TYPE_CHECKING:
    from perfeval.archive import SealedBag
    from perfeval.store import Transaction

# The chains that are no evaluation's, and what people call those that tell of evaluations.
_UNITS = (PEOPLE, ACCESS, OPENINGS)
_NAMED = 3
_TITLES = {PEOPLE: "人员记录", OPENINGS: "立项记录"}


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


def audit(record: Transaction, witness: str = "", sealed: Mapping[str, SealedBag] | None = None) -> Audit:
    """Check a unit's whole record and its tables; `witness` is a head that somebody kept outside, at least 24 characters of it.

    `sealed` is what each bag of the archive tells, by the bag's name: the bags lie beside the database, and do not go back with it when an
    old backup is put in its place; None where the archive is not looked at.

    Raises: UsageError: there is no key. StoreError: it is another one.
    """
    evaluations = {item.id: item for item in record.evaluations()}
    chains = {chain: record.entries(chain) for chain in record.chains()}
    people, access, openings, ends = (*(chains.get(name, []) for name in _UNITS), record.ends())
    faults = [fault for chain in _UNITS for fault in chain_faults(record, chain, chains.get(chain, []))]
    faults += seed_faults(record, people, access)
    for chain, entries in chains.items():
        if chain in evaluations:
            faults += evaluation_faults(record, evaluations[chain], entries, people)
        elif chain not in _UNITS:
            faults.append(Touched(chain, 0, "有审批记录，但自评表里没有这项自评：已被删去"))
    faults += [Touched(chain, 1, f"共{end.number}条，整份被删去") for chain, end in ends.items() if chain not in chains]
    faults += _taken_away(PEOPLE, people, chains.keys()) + _taken_away(OPENINGS, openings, chains.keys())
    faults += _cut_openings({name: chains[name] for name in chains.keys() & evaluations.keys()}, openings)
    faults += [Touched(name, 0, "自评没有审批记录：整份被删去，或不是本程序开始的") for name in evaluations.keys() - chains.keys()]
    heads = dump_line({chain: head(entries) for chain, entries in chains.items()})
    digest = hashlib.sha256(heads.encode()).hexdigest()
    wanted = "".join(witness.split()).lower()
    same = [(chain, entry.number) for chain, entries in chains.items() for entry in entries if entry.sha256.startswith(wanted)]
    if wanted and (not same or len(wanted) < SHORTEST_HEAD):
        faults.append(
            Touched("", 0, f"没有一条记录的链头是 {visible(wanted[:SHORTEST_HEAD])}：末尾被截去，或整份被改写；链头至少要{SHORTEST_HEAD}位")
        )
    faults += [*_overtaken(chains, sealed or {}), *_replaced(chains, sealed or {})]
    unproved = (
        *_unproved(ends, chains, dict(same) if wanted else {}),
        *_unended(chains, sealed or {}),
        *_absent(chains, sealed),
        *_disordered(chains),
    )
    return Audit(sum(map(len, chains.values())), digest, tuple(sorted(faults, key=_order)), unproved)


def _unproved(ends: Mapping[str, End], chains: Collection[str], witnessed: Mapping[str, int]) -> Iterator[str]:
    """What of the record's ends nothing here proves, in Chinese; `witnessed` is the line of a chain that a head from outside is of."""
    if unsealed := "、".join(chain for chain, end in ends.items() if not end.mac):
        yield f"{unsealed} 的末尾登记没有校验码（升级前写的），末尾有没有被截去，未证明"
    for chain, number in witnessed.items():
        yield f"{chain} 到第{number}条为止与外部凭证相同；其后的和其他各份记录的末尾，未与外部凭证对照"
    if chains and not witnessed:
        yield "各份记录的末尾未与外部凭证对照：数据库整个换回归档以后的旧备份，这里看不出；请用审批表、通知上另存的链头加 --head 对照"


def _overtaken(chains: Mapping[str, Sequence[Entry]], sealed: Mapping[str, SealedBag]) -> Iterator[Touched]:
    """Bags that know more of a chain than the database does, or something else."""
    for bag, told in sealed.items():
        for chain, end in told.ends.items():
            entries = chains.get(chain, [])
            if not any((entry.number, entry.sha256) == (end.number, end.sha256) for entry in entries):
                known = f"归档包 {bag} 形成时这份记录到第{end.number}条，链头 {end.sha256[:SHORTEST_HEAD]}，数据库里没有"
                yield Touched(chain, end.number, f"{known}：数据库被换成旧的备份或别的数据库，或被改写")


def _archived(chains: Mapping[str, Sequence[Entry]]) -> Iterator[tuple[str, int, events.Archived]]:
    """Every line that tells of a bag: its chain, its number, what it tells."""
    for chain in chains.keys() - set(_UNITS):
        for entry in chains[chain]:
            with suppress(ValueError):  # told as a fault of the chain
                if isinstance(what := read_line(entry.line).what, events.Archived):
                    yield chain, entry.number, what


def _replaced(chains: Mapping[str, Sequence[Entry]], sealed: Mapping[str, SealedBag]) -> Iterator[Touched]:
    """Bags that are not those which the record tells of: whole or not, `verify` cannot know."""
    for chain, number, told in _archived(chains):
        if told.bag in sealed and sealed[told.bag].manifest not in {"", told.manifest}:
            yield Touched(chain, number, f"归档文件夹里的归档包 {told.bag} 不是归档时的那一份：从备份恢复归档文件夹")


def _absent(chains: Mapping[str, Sequence[Entry]], sealed: Mapping[str, SealedBag] | None) -> Iterator[str]:
    if sealed is None:
        return
    here = {name for name, bag in sealed.items() if bag.manifest}
    absent = sorted(told.bag for _, _, told in _archived(chains) if told.bag not in here)
    if absent:
        more = f"等{len(absent)}个" if len(absent) > _NAMED else ""
        yield f"归档包 {'、'.join(absent[:_NAMED])}{more}不在归档文件夹里或不能读取，未与记录对照：已移交档案室的不必处理，否则从备份恢复"


def _unended(chains: Mapping[str, Sequence[Entry]], sealed: Mapping[str, SealedBag]) -> Iterator[str]:
    """Bags of evaluations that, by the database, were never archived: the process died between the two, or the database is an old one."""
    archived = {chain for chain, _, _ in _archived(chains)}
    for bag, told in sealed.items():
        for chain in told.ends.keys() & chains.keys() - set(_UNITS) - archived:
            yield f"归档包 {bag} 在，{chain} 的记录里却没有归档：归档没有做完，或数据库被换回旧的备份"


def _disordered(chains: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    for chain, entries in chains.items():
        with suppress(ValueError):  # told as a fault of the chain
            for told in out_of_order([read_line(entry.line) for entry in entries]):
                yield f"{chain} {told}：时钟曾经走快，先后以条号为准"


def _taken_away(chain: str, entries: Sequence[Entry], chains: Collection[str]) -> list[Touched]:
    """Evaluations that one of the unit's chains tells of and nothing else does."""
    faults = []
    for entry in entries:
        with suppress(ValueError):  # told as a fault of the chain
            what = read_line(entry.line).what
            if isinstance(what, events.Acted) and what.action == events.OPENING and what.target not in chains:
                told = f"{_TITLES[chain]}第{entry.number}条立项的自评 {what.target} 没有审批记录：整份被删去"
                faults.append(Touched(chain, entry.number, told))
    return faults


def _cut_openings(chains: Mapping[str, Sequence[Entry]], openings: Sequence[Entry]) -> list[Touched]:
    """Evaluations that say, of what was begun before them, what the chain of it says no more."""
    known, faults = {NOTHING, *(entry.sha256 for entry in openings)}, []
    for chain, entries in chains.items():
        with suppress(ValueError):  # told as a fault of the chain
            what = read_line(entries[0].line).what
            if isinstance(what, events.Opened) and what.openings and what.openings not in known:
                faults.append(Touched(OPENINGS, 0, f"自评 {chain} 立项时，立项记录还有别的条目：末尾被截去，或整份被改写"))
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
    return faults + [Touched(evaluation.id, number, message) for number, message in differences(record, evaluation, lines)]


def chain_faults(record: Transaction, chain: str, entries: Sequence[Entry]) -> list[Touched]:
    """What shows that a chain was touched; in the people's, every event that must not count too."""
    record.refuse_other_key(entries)
    faults = record.check(chain, entries)
    faults += [Fault(number, f"第{number}条写入的次序被改动") for number in record.misplaced(chain)]
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
        last = kept.get((person, fingerprint))
        number, step = used.get((person, fingerprint), (0, None))
        if (person, fingerprint) in kept and last != step:
            whose = f"“{who.name}”（{person}）的动态码"
            told = f"第{number}条：{whose}上次用在第{step}步，密钥表里被改为第{last}步" if number else f"没有{whose}的使用记录：已被删去"
            faults.append(Touched(ACCESS, number, told))
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


def _order(fault: Touched) -> tuple[str, int, str]:
    return fault.chain, fault.number, fault.message
