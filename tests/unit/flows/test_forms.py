"""The keys of forms: what a run must stand at, and when the store has overtaken it."""

import re
from datetime import UTC, datetime

import pytest

from flows.forms import awaited, is_behind, new_key
from perfeval.model import Evaluation, Gate, Revision, Stage, Status

NOW = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
REVISION = Revision(Evaluation("2022-roads-1", 2022, "公路养护", "样例填表人", NOW), 2)


def test_key_is_of_its_gate_and_revision_and_never_the_same() -> None:
    one, other = new_key("center", REVISION), new_key("center", REVISION)
    assert re.fullmatch("center-r2-[0-9a-f]{8}", one)
    assert one != other


@pytest.mark.parametrize(
    ("stage", "gate", "form"),
    [
        (Stage.WAITING, Gate("center", "中心审批"), "center-r2-"),
        (Stage.CORRECTING, None, "correction-r2-"),
        (Stage.PREPARING, None, ""),
        (Stage.APPROVED, None, ""),
        (Stage.REFUSED, None, ""),
    ],
)
def test_run_stands_at_the_form_that_the_store_waits_for(stage: Stage, gate: Gate | None, form: str) -> None:
    assert awaited(Status(stage, REVISION, NOW, gate)) == form


@pytest.mark.parametrize(
    ("key", "form", "behind"),
    [
        ("center-r2-0123abcd", "center-r2-", False),
        ("center-r1-0123abcd", "center-r2-", True),
        ("center-r2-0123abcd", "bureau-r2-", True),
        ("center-r2-0123abcd", "", True),
        ("", "center-r2-", True),
        (None, "center-r2-", True),
    ],
)
def test_run_is_behind_where_the_store_waits_for_another_form(key: str | None, form: str, behind: bool) -> None:
    assert is_behind(key, form) is behind
