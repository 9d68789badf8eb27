"""What changed (稿次对照): figures, rows of the 自评表, ledger rows and paragraphs of a revision against the one before it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

from perfeval.approvals.remarks import Remarked
from perfeval.model import Revision, Scorecard
from perfeval.model.numbers import plain
from perfeval.model.outcomes import Drafted, Scored, Validated
from perfeval.office import Office
from perfeval.report import read_layout
from perfeval.rows import ChangedRows, changed_rows
from perfeval.steps import remarks
from perfeval.tracing import open_tracer
from perfeval.web.placing import Said, figure_places, read_places

_SHOWN = 200
# Beyond so many pairs, what lies between the first and the last difference is shown as a whole.
_COMPARED = 4_000_000
_TOKENS = re.compile(r"[0-9][0-9.,]*%?|(?s:.)")


@dataclass(frozen=True, slots=True)
class Change:
    """What stood in one place before, and what stands there now; the figure's id, where it is one."""

    title: str
    before: str
    after: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a paragraph: kept, taken out or put in."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A paragraph that changed; where it stands, if it is a table's and could not be told by itself."""

    where: str
    stretches: Sequence[Stretch]


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that changed since the revision before, and what was asked for there."""

    since: int
    figures: Sequence[Change]
    rows: Sequence[Change]
    ledgers: Sequence[ChangedRows]
    paragraphs: Sequence[Rewritten]
    remarks: Sequence[Remarked]
    note: str


def compare(office: Office, revision: Revision) -> Changes | None:
    """What changed since the revision before; None where one of both has no draft."""
    earlier = Revision(revision.evaluation, revision.number - 1)
    with office.store.reading() as record:
        outcomes = [
            (record.outcome(item, Scored), record.outcome(item, Drafted), record.outcome(item, Validated)) for item in (earlier, revision)
        ]
        note = record.corrections(revision.evaluation).get(earlier.number, "")
    (old_scored, old, old_ledgers), (new_scored, new, new_ledgers) = outcomes
    if not (old_scored and old and old_ledgers and new_scored and new and new_ledgers):
        return None
    before, after = (read_places(read_layout(office.store.artifacts.read(item.draft.digest))) for item in (old, new))
    names = figure_places(old, before) | figure_places(new, after)
    tracer = open_tracer(office, revision)
    return Changes(
        earlier.number,
        [
            Change((tracer.name(change.title) if tracer else "") or names.get(change.title, ""), change.before, change.after, change.title)
            for change in _changed(_figures(old), _figures(new))
        ],
        list(_changed(_rows(old_scored.card), _rows(new_scored.card))),
        changed_rows(office, old_ledgers.snapshots, new_ledgers.snapshots),
        list(_paragraphs(list(before.values()), list(after.values()))),
        [item for item in remarks(office, revision.evaluation) if item.revision == earlier.number],
        note,
    )


def _figures(drafted: Drafted) -> dict[str, str]:
    """Every way in which each figure is written."""
    texts: dict[str, dict[str, None]] = {}
    for item in drafted.figures:
        texts.setdefault(item.id, {})[item.text] = None
    return {id_: "、".join(written) for id_, written in texts.items()}


def _rows(card: Scorecard) -> dict[str, str]:
    rows = {
        row.name: f"指标值{row.target}，实际{row.actual}，得{plain(row.score)}分（{plain(row.weight)}分）：{row.explanation}"
        for row in card.scores
    }
    adjusted = {item.rule: f"{plain(item.points)}分：{item.explanation}" for item in card.adjustments}
    return {**rows, **adjusted, "总分和等级": f"{plain(card.total)}分，{card.grade}"}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key, "（无）"), after.get(key, "（无）")
        if old != new:
            yield Change(key, old, new)


def _paragraphs(before: Sequence[Said], after: Sequence[Said]) -> Iterator[Rewritten]:
    """The paragraphs that changed, each with what was taken out and put in; only the first of many."""
    changed = (change for change in _opcodes([item.text for item in before], [item.text for item in after]) if change[0] != "equal")
    for _, a1, a2, b1, b2 in islice(changed, _SHOWN):
        old, new = before[a1:a2], after[b1:b2]
        # As many as there were: each in the place of one, so that every cell is told with its own row.
        pairs = [((one,), (two,)) for one, two in zip(old, new, strict=True)] if len(old) == len(new) else [(tuple(old), tuple(new))]
        for gone, come in pairs:
            yield Rewritten((*come, *gone)[0].where, _inside("\n".join(item.text for item in gone), "\n".join(item.text for item in come)))


def _inside(before: str, after: str) -> Sequence[Stretch]:
    stretches: list[Stretch] = []
    # A number changes as a whole.
    old, new = (_TOKENS.findall(text) for text in (before, after))
    for tag, a1, a2, b1, b2 in _opcodes(old, new):
        gone, come = "".join(old[a1:a2]), "".join(new[b1:b2])
        stretches += [Stretch(gone)] if tag == "equal" else [Stretch(gone, "del"), Stretch(come, "ins")]
    return [stretch for stretch in stretches if stretch.text]


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """What turns one into the other. Comparing takes as long as both are long, so what is alike at both ends is left out of it."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    end = next((place for place in range(shorter - start) if old[-1 - place] != new[-1 - place]), shorter - start)
    middle = old[start : len(old) - end], new[start : len(new) - end]
    if len(middle[0]) * len(middle[1]) > _COMPARED:
        changed = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    else:
        changed = list(SequenceMatcher(None, *middle, autojunk=False).get_opcodes())
    ends = ((len(old) - end, len(old)), (len(new) - end, len(new)))
    return [
        ("equal", 0, start, 0, start),
        *((tag, a1 + start, a2 + start, b1 + start, b2 + start) for tag, a1, a2, b1, b2 in changed),
        ("equal", *ends[0], *ends[1]),
    ]
