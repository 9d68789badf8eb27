"""A printed report against what is known of it: other numbers are told from other words."""

from decimal import Decimal

import pytest

from perfeval.errors import ReportError
from perfeval.report import read_printed
from perfeval.report.comparing import Printed, alike, tells


def printed(*paragraphs: str) -> Printed:
    return Printed(paragraphs, ())


REPORT = printed("全年召开调度会议73次，办结53项。", "六", "自评98.75分。", "支出17.99万元，执行17.99万元。")


@pytest.mark.parametrize(
    ("figures", "lacking"),
    [
        (["73", "53", "六", "98.75", "17.99", "17.99"], None),
        (["73次", "98.75分"], None),
        ([], None),
        (["74"], "74"),
        (["53", "73"], "73"),
        (["7"], "7"),
        (["3"], "3"),
        (["98"], "98"),
        (["75"], "75"),
        (["17.99", "17.99", "17.99"], "17.99"),
    ],
)
def test_figure_that_does_not_stand_in_its_place_is_told(figures: list[str], lacking: str | None) -> None:
    assert REPORT.lacking(figures) == lacking


@pytest.mark.parametrize(
    ("again", "told"),
    [
        (REPORT.paragraphs, []),
        (["全年召开调度会议99次，办结53项。", *REPORT.paragraphs[1:]], [f"“{REPORT.paragraphs[0]}”应为“全年召开调度会议99次，办结53项。”"]),
        ([REPORT.paragraphs[0], "七", *REPORT.paragraphs[2:]], ["“六”应为“七”"]),
        ([*REPORT.paragraphs[:2], "自评得分98.75分。", REPORT.paragraphs[3]], []),
        (["加了一段。", REPORT.paragraphs[0], "六", "自评98.6分。", "支出17.99万元，执行17.98万元。"], [
            "“自评98.75分。”应为“自评98.6分。”",
            "“支出17.99万元，执行17.99万元。”应为“支出17.99万元，执行17.98万元。”",
        ]),
        ([*REPORT.paragraphs[:3], "支出17.99万元，执行18.0万元。"], []),
        ([], []),
    ],
)  # fmt: skip
def test_paragraph_in_the_same_words_with_other_numbers_is_told(again: list[str], told: list[str]) -> None:
    assert list(REPORT.renumbered(printed(*again))) == told


@pytest.mark.parametrize(
    ("text", "other", "is_alike"),
    [
        ("10161.00", "10,161.00", True),
        ("3.86125万元", "3.86万元", True),
        ("3.3478", "3.35", True),
        ("3.86125", "3.85", False),
        ("3.86", "3.87", False),
        ("73次", "74次", False),
        ("六", "七", False),
        ("一是73次", "73次", False),
    ],
)
def test_number_written_otherwise_is_the_same_number(text: str, other: str, is_alike: bool) -> None:
    assert (alike(text, other), alike(other, text)) == (is_alike, is_alike)


@pytest.mark.parametrize(
    ("text", "value", "is_told"),
    [
        ("17.99", "179900.00", True),
        ("17.99万元", "179900.00", True),
        ("179,900.00", "179900.00", True),
        ("96.23%", "96.22641509433962264150943396", True),
        ("3.86125", "38612.50", True),
        ("3.86999", "38612.50", False),
        ("98.76", "98.75", False),
        ("73", "74", False),
        ("70余", "73", True),
        ("六", "6", True),
    ],
)
def test_text_of_a_figure_tells_its_value_to_the_digits_it_shows(text: str, value: str, is_told: bool) -> None:
    assert tells(text, Decimal(value)) is is_told


def test_paragraphs_of_long_reports_are_compared_in_their_place() -> None:
    rows = [str(number) for number in range(30_000)]
    kept, again = printed("旧说法", *rows, "末"), printed("新的说法", *rows[:20_000], "5", *rows[20_001:], "末")
    assert list(kept.renumbered(again)) == ["“20000”应为“5”"]
    again = printed("新的说法", *rows[:20_000], "5", *rows[20_001:], "末了")
    assert list(kept.renumbered(again)) == ["“20000”应为“5”"]


def test_other_words_are_told_by_their_first_paragraph() -> None:
    assert REPORT.reworded(printed(*REPORT.paragraphs)) == ""
    assert REPORT.reworded(printed("六")) == "文字（如“全年召开调度会议73次，办结53项。”）"
    assert REPORT.reworded(printed(*REPORT.paragraphs[::-1])) == "文字（有缺少的段落，或次序不同）"


def test_rows_are_found_by_their_cells() -> None:
    report = Printed((), (frozenset(["会议", "≥60次", "73次"]),))
    assert report.has_row(["73次", "会议"])
    assert not report.has_row(["73次", "办结"])


@pytest.mark.parametrize("content", [b"", b"PK"])
def test_something_else_than_a_word_file_is_refused(content: bytes) -> None:
    with pytest.raises(ReportError, match="不是 Word 文件"):
        read_printed(content)
