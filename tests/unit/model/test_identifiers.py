"""One code in many writings, and codes that only look alike."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.model.identifiers import comparable, compared, told_difference


@pytest.mark.parametrize(
    "written",
    ["31000037", "3100 0037", "3100\u00a00037", "3100\u200b0037", "\u200e31000037", "3100\u00ad0037", "31000037\u3000", "'31000037",
     "No.31000037", "NO：31000037", "№31000037", "no31000037", "３１０００037", "31000037.0"],
)  # fmt: skip
def test_number_in_another_writing_is_the_same_number(written: str) -> None:
    assert comparable(pl.Series([written])).to_list() == ["31000037"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zf-2022-1", "ZF-2022-1"),
        ("ZF–2022—1", "ZF-2022-1"),
        ("FA（1）", "FA(1)"),
        ("⾦-1", "金-1"),
        ("ＦＡ－１", "FA-1"),
        ("第 1 期", "第1期"),
    ],
)
def test_code_in_another_writing_is_the_same_code(one: str, other: str) -> None:
    assert comparable(pl.Series([one])).to_list() == comparable(pl.Series([other])).to_list()


@pytest.mark.parametrize(
    ("one", "other"), [("001", "1"), ("A-1", "A1"), ("ZDX\u041c", "ZDXM"), ("NOVA-1", "VA-1"), ("1.0", "1"), ("记-1", "付-1")]
)
def test_another_code_is_another(one: str, other: str) -> None:
    assert comparable(pl.Series([one])).to_list() != comparable(pl.Series([other])).to_list()


def test_column_is_compared_row_by_row_and_nothing_is_nothing() -> None:
    frame = pl.LazyFrame({"code": ["A-1", None, "a- 1"]})
    assert frame.select(compared(pl.col("code"))).collect().to_series().to_list() == ["A-1", None, "A-1"]


@given(st.lists(st.none() | st.text(max_size=6)))
def test_comparing_keeps_every_row_and_only_nothing_is_nothing(codes: list[str | None]) -> None:
    keys = comparable(pl.Series(codes, dtype=pl.String))
    assert keys.len() == len(codes)
    assert keys.null_count() == codes.count(None)


@pytest.mark.parametrize(
    ("code", "other", "told"),
    [
        ("ZDXM\u200b-1", "ZDXM-1", "第5个字是看不见的 U+200B"),
        ("ZDX\u041c-1", "ZDXM-1", "第4个字“\u041c”是 U+041C"),
        ("3100\u00a00037", "31000037", "第5个字是空格 U+00A0"),
        ("3100 0037", "31000037", "与“31000037”只是写法不同，这里第5个字是空格"),
        ("zdxm-1", "ZDXM-1", "与“ZDXM-1”只是写法不同"),
        ("ZDXM-2O22", "ZDXM-2022", "与“ZDXM-2022”只差第7个字：这里是“O”，那里是“0”"),
        ("ZDXM-1", "YBXM-7", ""),
        ("ZDXM-1", "", ""),
    ],
)
def test_difference_names_the_sign_and_its_place(code: str, other: str, told: str) -> None:
    assert told_difference(code, other) == told
