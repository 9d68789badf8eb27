"""The record in the store (审批记录): lines are appended in the transaction of what they tell, and read as they stand."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import ClassVar

from sqlalchemy import and_, func, select, union_all
from sqlalchemy.orm import Session

from perfeval.approvals.events import PROGRAM, Event
from perfeval.approvals.keys import derive_key
from perfeval.approvals.people import People, people_of
from perfeval.approvals.record import NOTHING, PEOPLE, End, Entry, Fault, Line, check, end_faults, is_ours, read_line, seal_end
from perfeval.approvals.record import append as next_entry
from perfeval.approvals.record import head as head_of
from perfeval.errors import StoreError, UsageError
from perfeval.store.tables import EndRow, RecordRow
from perfeval.store.vault import another_key

_AT_ONCE = 50
# How far the clocks of an office's machines may be apart; codes would not be accepted by one that is wrong by more.
_DISAGREEING = timedelta(minutes=1)


class Record:
    """A unit's chains, within one transaction. `key` gives the office's key, and is asked only where a line is written or proved."""

    # The people as some head proves them: asked for often, changed seldom.
    _known_people: ClassVar[dict[str, tuple[str, People]]] = {}

    def __init__(self, session: Session, unit: str, key: Callable[[], str]) -> None:
        self.session = session
        self.unit = unit
        self._key = key

    def append(self, chain: str, event: Event, who: str = PROGRAM) -> Entry:
        """Append what happened to a chain: an evaluation's id, or PEOPLE.

        Raises: StoreError: the record was written with another key. UsageError: there is no key. ValueError: it cannot be written.
        """
        self.lock_chain(chain)
        key = self.record_key
        last = self._last(chain)
        known = last or self._last(PEOPLE)
        if known and not is_ours(known, key):
            raise another_key()
        row = self.session.get(EndRow, (self.unit, chain))
        # Else the next line would hide that the one before it was taken away.
        if faults := end_faults(self.unit, chain, [last] if last else [], _end(row), key):
            raise touched(chain, [fault.message for fault in faults])
        entry = next_entry(chain, last, event, who, self.now(), key)
        end = seal_end(self.unit, chain, entry, key)
        places = {"number": entry.number, "line": entry.line, "sha256": entry.sha256, "sm3": entry.sm3, "mac": entry.mac}
        self.session.add(RecordRow(unit=self.unit, chain=chain, **places))
        if row is None:
            self.session.add(row := EndRow(unit=self.unit, chain=chain))
        row.number, row.sha256, row.mac = end.number, end.sha256, end.mac
        self.session.flush()
        return entry

    def append_line(self, chain: str, event: Event, who: str = PROGRAM) -> Line:
        """As `append`: the line that was written."""
        return read_line(self.append(chain, event, who).line)

    @property
    def record_key(self) -> bytes:
        """The key of the lines' MACs.

        Raises: UsageError: there is none in the environment.
        """
        return derive_key(self._key(), "record")

    def lock_chain(self, chain: str) -> None:
        """Let nobody else append to a chain until this transaction ends. SQLite has one writer anyhow."""
        if self.session.get_bind().dialect.name == "postgresql":
            self.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{self.unit}\n{chain}", 0))))

    def chains(self) -> list[str]:
        """The names of all chains, in order."""
        return list(self.session.scalars(select(RecordRow.chain).where(RecordRow.unit == self.unit).distinct().order_by(RecordRow.chain)))

    def entries(self, chain: str) -> list[Entry]:
        """A chain as it is stored."""
        mine = (RecordRow.unit == self.unit, RecordRow.chain == chain)
        return [_entry(row) for row in self.session.scalars(select(RecordRow).where(*mine).order_by(RecordRow.number, RecordRow.id))]

    def last_of_each(self, *kinds: str) -> list[Line]:
        """Of each chain the last line that tells an event of each of these kinds; one question, however many chains there are."""
        tells = [RecordRow.line.contains(f'"kind":"{kind}"', autoescape=True) for kind in kinds]
        last = [select(func.max(RecordRow.id)).where(RecordRow.unit == self.unit, told).group_by(RecordRow.chain) for told in tells]
        rows = self.session.scalars(select(RecordRow).where(RecordRow.id.in_(union_all(*last))))
        return [told_line(_entry(row)) for row in rows]

    def lines_by(self, who: str, kind: str, chains: Sequence[str]) -> list[Line]:
        """The lines of these chains by which somebody told an event of that kind; one question at most."""
        if not chains:
            return []
        mine = (RecordRow.unit == self.unit, RecordRow.chain.in_(chains), RecordRow.line.contains(f'"kind":"{kind}"', autoescape=True))
        lines = map(told_line, map(_entry, self.session.scalars(select(RecordRow).where(*mine))))
        return [line for line in lines if line.who == who and line.what.kind == kind]

    def sound_entries(self, chain: str) -> list[Entry]:
        """A chain that was checked with the office's key.

        Raises: StoreError: it was touched, with every place of it; or it was written with another key.
        """
        mine = (RecordRow.unit == self.unit, RecordRow.chain == chain)
        its_end = and_(EndRow.unit == RecordRow.unit, EndRow.chain == RecordRow.chain)
        whole = select(RecordRow, EndRow).outerjoin(EndRow, its_end).where(*mine).order_by(RecordRow.number, RecordRow.id)
        # One question for the lines and their end, which `check` has from the session: on PostgreSQL one may be written between two.
        rows = self.session.execute(whole.execution_options(populate_existing=True)).all()
        entries = [_entry(row) for row, _ in rows]
        self.refuse_other_key(entries)
        if faults := self.check(chain, entries):
            raise touched(chain, [fault.message for fault in faults])
        return entries

    def check(self, chain: str, entries: Sequence[Entry]) -> list[Fault]:
        """Everything that shows that a chain was touched, its end too."""
        return [*check(chain, entries, self.record_key), *self.end_faults(chain, entries)]

    def end_faults(self, chain: str, entries: Sequence[Entry]) -> list[Fault]:
        """What shows that a chain's last lines were taken away."""
        return end_faults(self.unit, chain, entries, _end(self.session.get(EndRow, (self.unit, chain))), self.record_key)

    def misplaced(self, chain: str) -> list[int]:
        """The numbers of lines that, as the database counts, were written after the line behind them."""
        mine = (RecordRow.unit == self.unit, RecordRow.chain == chain)
        ids = self.session.execute(select(RecordRow.number, RecordRow.id).where(*mine).order_by(RecordRow.number)).all()
        return [number for (number, id_), (_, next_id) in pairwise(ids) if id_ > next_id]

    def ends(self) -> dict[str, End]:
        """Where each chain ends, as it was noted."""
        rows = self.session.scalars(select(EndRow).where(EndRow.unit == self.unit))
        return {row.chain: End(row.number, row.sha256, row.mac) for row in rows}

    def refuse_other_key(self, entries: Sequence[Entry]) -> None:
        """See to it that not everything was written with another key, which is no touching.

        Raises: StoreError.
        """
        if entries and not any(is_ours(entry, self.record_key) for entry in entries):
            raise another_key()

    def head(self, chain: str) -> str:
        """A chain's head (链头)."""
        last = self._last(chain)
        return last.sha256 if last else NOTHING

    def newest_entries(self, chain: str, words: Iterable[str] = ()) -> Iterator[Entry]:
        """The entries of a chain from its end, each proved by its MAC; read as far as they are asked for.

        With `words`, only what holds them all is read and proved: for what must not be missed they are not enough.

        Raises: StoreError: one was rewritten.
        """
        key, columns = self.record_key, (RecordRow.number, RecordRow.line, RecordRow.sha256, RecordRow.sm3, RecordRow.mac)
        mine = (RecordRow.unit == self.unit, RecordRow.chain == chain, *(RecordRow.line.contains(word, autoescape=True) for word in words))
        newest = select(*columns).where(*mine).order_by(RecordRow.number.desc())
        with self.session.execute(newest.execution_options(yield_per=_AT_ONCE)) as rows:
            for row in rows:
                if not is_ours(entry := Entry(*row), key):
                    raise touched(chain, [f"第{entry.number}条被改动"])
                yield entry

    @property
    def newest(self) -> str:
        """The digest of the unit's newest line, in whichever chain."""
        last = self._last()
        return last.sha256 if last else NOTHING

    def people(self) -> People:
        """Everybody, as the chain tells, be it touched or not; an event in it that must not count counts for nothing.

        Raises: StoreError: a line cannot be read.
        """
        with suppress(StoreError, UsageError):
            return self.sound_people()
        return told_people(self.entries(PEOPLE))

    def sound_people(self) -> People:
        """Everybody, as the chain proves.

        Only this is remembered: else whoever rewrites a line for a moment and puts it back is believed until the next line is written.

        Raises: StoreError: it was touched. UsageError: there is no key.
        """
        known, people = Record._known_people.get(self.unit, (None, None))
        if people is None or known != self.head(PEOPLE):
            people = told_people(entries := self.sound_entries(PEOPLE))
            Record._known_people[self.unit] = head_of(entries), people
        return people

    def now(self) -> datetime:
        """Now; an event is not earlier than one before it because another machine's clock is some seconds ahead.

        Where it is more, that clock ran ahead, or this one is behind: time is told as it is here, and the order is that of the numbers.
        """
        now, last = datetime.now(UTC), self._last()
        before = told_line(last).at if last else now
        return before if now < before <= now + _DISAGREEING else now

    def _last(self, chain: str = "") -> Entry | None:
        """The last line of a chain, or the unit's newest in whichever; by an index, however many there are."""
        mine = select(RecordRow).where(RecordRow.unit == self.unit)
        newest = mine.where(RecordRow.chain == chain).order_by(RecordRow.number.desc()) if chain else mine.order_by(RecordRow.id.desc())
        row = self.session.scalar(newest.limit(1))
        return _entry(row) if row else None


def touched(chain: str, faults: Sequence[str]) -> StoreError:
    """What is told of a chain that somebody has touched."""
    hint = "不要继续审批；执行 perfeval audit 查明，从备份恢复。"
    return StoreError("S10", f"审批记录（{chain}）被改动过", hint, faults=faults)


def told_people(entries: Sequence[Entry]) -> People:
    """The people that the entries of a chain tell.

    Raises: StoreError: a line cannot be read.
    """
    return people_of([told_line(entry) for entry in entries], [entry.line for entry in entries])[0]


def told_line(entry: Entry) -> Line:
    """What an entry tells.

    Raises: StoreError: it cannot be read.
    """
    try:
        return read_line(entry.line)
    except ValueError as error:
        raise StoreError("S08", f"数据库里的记录已损坏（审批记录第{entry.number}条）", "从备份恢复工作区的状态文件夹。") from error


def _end(row: EndRow | None) -> End | None:
    return End(row.number, row.sha256, row.mac) if row else None


def _entry(row: RecordRow) -> Entry:
    return Entry(row.number, row.line, row.sha256, row.sm3, row.mac)
