"""When something that waits is late, and for whom it waits."""

from datetime import UTC, date, datetime

import pytest

from perfeval.approvals.people import People
from perfeval.approvals.person import Person, Substitution
from perfeval.model import Evaluation, Gate, Revision, Stage, Status
from perfeval.web.overview import Item, waits_for

# A Monday; five working days later it is the next one.
ASKED = datetime(2023, 4, 10, 1, 0, tzinfo=UTC)
GATE = Gate("center", "中心审批", due_days=5, hold_days=3)
REVISION = Revision(Evaluation("2022-roads-1", 2022, "公路养护", "样例", ASKED), 1)
WAITING = Status(Stage.WAITING, REVISION, ASKED, GATE)
APPROVER, CLERK, DEPUTY = Person("p1", "样例甲", ("center",)), Person("p2", "样例乙", ("operator",)), Person("p3", "样例丙", ("bureau",))


@pytest.mark.parametrize(
    ("today", "late", "due", "held"),
    [
        (date(2023, 4, 14), 0, False, False), (date(2023, 4, 17), 0, True, False), (date(2023, 4, 18), 1, False, False),
        (date(2023, 4, 20), 3, False, True),
    ],
)  # fmt: skip
def test_gate_is_late_after_its_working_days(today: date, late: int, due: bool, held: bool) -> None:
    item = Item(WAITING, None, is_mine=True, today=today)
    assert (item.is_late, item.days_late, item.is_due_today, item.is_held) == (late > 0, late, due, held)


def test_gate_waits_for_its_approvers_and_who_stands_in_and_a_correction_for_operators() -> None:
    ever = Substitution("p3", "p1", "center", date(2000, 1, 1), date(2099, 12, 31))
    correcting = Status(Stage.CORRECTING, REVISION, ASKED)
    assert [waits_for(WAITING, person, People()) for person in (APPROVER, CLERK, DEPUTY)] == [True, False, False]
    assert waits_for(WAITING, DEPUTY, People(substitutions=(ever,)))
    assert [waits_for(correcting, person, People()) for person in (APPROVER, CLERK, DEPUTY)] == [False, True, False]
