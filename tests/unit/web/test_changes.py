"""Two texts side by side: what was taken out and put in, and that long ones take no longer than they are long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.web.changes import Stretch, _inside, _opcodes, _paragraphs


def test_number_changes_as_a_whole_within_its_paragraph() -> None:
    (changed,) = _paragraphs(
        ["一、开头", "召开会议73次，合计1,234.50元。", "末尾"], ["一、开头", "召开会议72次，合计1,234.50元。", "", "末尾"]
    )
    assert changed == [Stretch("召开会议"), Stretch("73", "del"), Stretch("72", "ins"), Stretch("次，合计1,234.50元。")]


@pytest.mark.parametrize(("before", "after"), [("", "新的一段"), ("旧的一段", "")])
def test_paragraph_that_is_new_or_gone_is_shown_whole(before: str, after: str) -> None:
    (changed,) = _paragraphs(["甲", before, "乙"], ["甲", after, "乙"])
    assert [(item.text, item.kind) for item in changed] == [(before or after, "del" if before else "ins")]


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
