"""待办: what waits for somebody, since when and until when, and where every evaluation stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from perfeval.approvals.events import Seen
from perfeval.approvals.people import OPERATOR, People
from perfeval.approvals.person import Person
from perfeval.model import Stage, Status
from perfeval.model.clock import china_day
from perfeval.model.outcomes import Stuck
from perfeval.office import Office
from perfeval.reminding import undelivered

ROWS = 100
ENDED = frozenset({Stage.ARCHIVED, Stage.REFUSED})


@dataclass(frozen=True, slots=True)
class Item:
    """An evaluation where it stands, with the conductor's run, and the addresses that its last notice did not reach.

    `is_seen` where the draft waits for the reader, who has opened it.
    """

    status: Status
    run: str | None
    is_mine: bool
    today: date
    unreached: tuple[str, ...] = ()
    is_seen: bool = False

    @property
    def path(self) -> str:
        """Its page."""
        revision = self.status.revision
        return f"/review/{revision.evaluation.id}/{revision.number}"

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is done."""
        return self.status.stage in ENDED

    @property
    def is_late(self) -> bool:
        """Whether the gate should have decided before today."""
        return self.status.due_on is not None and self.status.due_on < self.today

    @property
    def days_late(self) -> int:
        """How many working days it is late."""
        return self.status.days_late(self.today)

    @property
    def is_held(self) -> bool:
        """Whether it is put by."""
        return self.status.is_held(self.today)

    @property
    def is_due_today(self) -> bool:
        """Whether today is the last day."""
        return self.status.due_on == self.today


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of the list; `total` and `waiting` count all that the search has found."""

    mine: tuple[Item, ...]
    items: tuple[Item, ...]
    waiting: int
    total: int
    page: int
    stuck: tuple[Stuck, ...] = ()

    @property
    def together(self) -> tuple[Item, ...]:
        """What the reader may approve together, where there is more than one; ticked only where he has opened it."""
        waiting = tuple(item for item in self.mine if item.status.gate and item.status.draft)
        return waiting if len(waiting) > 1 else ()

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // ROWS))


def is_coming(seen: Overview, about: str) -> bool:
    """Whether what somebody has just begun, a year's programme as `2022/key`, is neither drafted yet nor stands still."""
    named = (
        item.status
        for item in seen.items
        if f"{item.status.revision.evaluation.year}/{item.status.revision.evaluation.programme_key}" == about
    )
    latest = next(named, None)
    is_stuck = any(f"{item.year}/{item.programme}" == about for item in seen.stuck)
    return not is_stuck and (latest is None or latest.stage in {Stage.PREPARING, Stage.REFUSED})


def waits_for(status: Status, person: Person, people: People) -> bool:
    """Whether somebody may do what is to be done next: in a role of his own, or standing in for somebody today."""
    if status.stage is Stage.CORRECTING:
        return OPERATOR in person.roles
    if status.gate is None:
        return False
    if status.gate.key in person.roles:
        return True
    today = china_day(datetime.now(UTC))
    return any(item.holds_on(today) for item in people.substituted(person.id, status.gate.key))


def look_over(office: Office, person: Person, search: str, page: int) -> Overview:
    """What waits for somebody, the oldest first, and a page of all evaluations, the newest first; the number of questions is fixed."""
    gates, today, words = office.workspace.gates, china_day(datetime.now(UTC)), search.casefold().split()
    with office.store.reading() as record:
        statuses = [progress.status(gates) for progress in reversed(record.all_progress())]
        people = record.people()
        stuck = tuple(record.stuck()) if OPERATOR in person.roles else ()
        found = [status for status in statuses if _matches(status, words)]
        page = min(max(1, page), max(1, -(-len(found) // ROWS)))
        waiting = sorted(
            (status for status in found if waits_for(status, person, people)), key=lambda status: (status.due_on or date.max, status.since)
        )
        mine, listed = waiting[:ROWS], found[(page - 1) * ROWS : page * ROWS]
        runs: Mapping[str, str] = record.runs([status.revision.evaluation.id for status in (*mine, *listed)])
        told = record.lines_by(person.id, Seen.kind, [status.revision.evaluation.id for status in mine])
    unreached, seen = undelivered(office, statuses), {(line.chain, line.what) for line in told}

    def item(status: Status) -> Item:
        id_, draft = status.revision.evaluation.id, status.draft
        is_seen = draft is not None and (id_, Seen(revision=draft.revision, content_digest=draft.content_digest)) in seen
        return Item(status, runs.get(id_), waits_for(status, person, people), today, unreached.get(id_, ()), is_seen)

    return Overview(tuple(map(item, mine)), tuple(map(item, listed)), len(waiting), len(found), page, stuck)


def _matches(status: Status, words: Sequence[str]) -> bool:
    if not words:
        return True
    evaluation = status.revision.evaluation
    text = f"{evaluation.id} {evaluation.year}年度 {evaluation.programme} {status.title} {evaluation.prepared_by}".casefold()
    return all(word in text for word in words)
