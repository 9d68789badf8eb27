"""Two texts side by side: what was taken out and put in, and that long ones take no longer than they are long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.web.changes import Rewritten, Stretch, _inside, _opcodes, _paragraphs
from perfeval.web.placing import Said


def rewritten(before: list[str], after: list[str]) -> list[Rewritten]:
    return list(_paragraphs(*([Said(text, "", f"在{text[:1]}行") for text in texts] for texts in (before, after))))


def test_cells_that_changed_side_by_side_are_told_each_with_its_row() -> None:
    changed = rewritten(["头", "甲73次", "乙1项", "尾"], ["头", "甲72次", "乙2项", "尾"])
    assert [item.where for item in changed] == ["在甲行", "在乙行"]


def test_number_changes_as_a_whole_within_its_paragraph() -> None:
    (changed,) = rewritten(["一、开头", "召开会议73次，合计1,234.50元。", "末尾"], ["一、开头", "召开会议72次，合计1,234.50元。", "末尾"])
    assert changed.stretches == [Stretch("召开会议"), Stretch("73", "del"), Stretch("72", "ins"), Stretch("次，合计1,234.50元。")]


@pytest.mark.parametrize(("before", "after"), [("", "新的一段"), ("旧的一段", "")])
def test_paragraph_that_is_new_or_gone_is_shown_whole(before: str, after: str) -> None:
    (changed,) = rewritten(*([text for text in ("甲", middle, "乙") if text] for middle in (before, after)))
    assert [(item.text, item.kind) for item in changed.stretches] == [(before or after, "del" if before else "ins")]


@given(st.text("甲乙1,.", max_size=30), st.text("甲乙1,.", max_size=30))
def test_both_texts_can_be_read_out_of_what_changed(before: str, after: str) -> None:
    changed = _inside(before, after)
    assert "".join(item.text for item in changed if item.kind != "ins") == before
    assert "".join(item.text for item in changed if item.kind != "del") == after


def test_long_texts_are_compared_where_they_differ() -> None:
    old = [f"第{number}行" for number in range(100_000)]
    new = [*old[:50_000], "改了的一行", *old[50_001:]]
    assert [change for change in _opcodes(old, new) if change[0] != "equal"] == [("replace", 50_000, 50_001, 50_000, 50_001)]
    other = [f"另{number}行" for number in range(100_000)]
    assert [change[0] for change in _opcodes(old, other) if change[1] < change[2]] == ["replace"]
