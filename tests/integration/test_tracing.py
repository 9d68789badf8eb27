"""A unit of data alone, with ledgers of its own as csv: every figure of its report is followed to rows, or says why it has none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfeval import steps
from perfeval.model import Revision
from perfeval.model.outcomes import Drafted
from perfeval.office import open_office
from perfeval.packs import create_workspace
from perfeval.tracing import open_tracer


@pytest.fixture
def revision(tmp_path: Path, welcome: Callable[..., Any]) -> tuple[Any, Revision]:
    """The rural roads' first draft, with the office it is of."""
    create_workspace(tmp_path / "office", sample="rural-roads-2024")
    office = open_office(tmp_path / "office")
    welcome(office, "样例经办人", "operator")
    revision = Revision(steps.open_evaluation(office, office.workspace.subject(2024), "样例经办人"), 1)
    steps.prepare(office, revision)
    return office, revision


def test_every_figure_of_a_unit_of_its_own_is_followed_to_rows(revision: tuple[Any, Revision]) -> None:
    office, drafted_revision = revision
    tracer = open_tracer(office, drafted_revision)
    with office.store.reading() as record:
        drafted = record.outcome(drafted_revision, Drafted)
    assert tracer
    bare, followed = set(), 0
    for figure in dict.fromkeys(item.id for item in drafted.figures):
        trace = tracer.trace(figure)
        assert trace, figure
        for part in trace.parts:
            rows = part.rows(0, len(part))
            assert [len(rows), all(row.cells for row in rows)] == [len(part), True], figure
        followed += bool(trace.parts)
        bare |= set() if trace.parts or trace.terms else {figure.partition("_")[0]}
    assert followed > 60
    assert bare <= {"weight", "score"}


def test_rules_that_were_edited_since_trace_no_figure_of_a_draft_otherwise(revision: tuple[Any, Revision]) -> None:
    office, drafted_revision = revision
    tracer = open_tracer(office, drafted_revision)
    assert tracer
    before = tracer.trace("execution_rate")
    for file in (office.workspace.root / "indicators").glob("*.yml"):
        file.write_text("no indicator system any more", encoding="utf-8")
    for file in (office.workspace.root / "ledgers" / "2024").glob("*"):
        file.unlink()
    again = open_tracer(office, drafted_revision)
    assert again
    after = again.trace("execution_rate")
    assert before
    assert after
    assert (before.value, before.formula, [len(part) for part in before.parts]) == (
        after.value,
        after.formula,
        [len(part) for part in after.parts],
    )


def test_figure_that_is_none_has_no_trace(revision: tuple[Any, Revision]) -> None:
    tracer = open_tracer(*revision)
    assert tracer
    for figure in ("nothing", "spent_subtotal_99", "score_level_9", "adjustment_1", "expenditure_r1_amount_yuan"):
        assert tracer.trace(figure) is None
    assert open_tracer(revision[0], Revision(revision[1].evaluation, 2)) is None
