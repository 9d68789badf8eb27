from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.model import Figure
from perfeval.report.figures import (
    FigureValue,
    ValueMissingError,
    about,
    apportioned,
    chinese,
    day,
    is_rounded,
    number,
    numeral,
    percent,
    unmark,
    wan,
    yuan,
)


def printed(marked: str) -> str:
    return unmark(marked)[0]


@pytest.mark.parametrize(
    ("count", "text"),
    [("0", "0"), ("7", "7"), ("10", "10"), ("12", "10余"), ("70", "70"), ("73", "70余"), ("134", "130余"), ("1005", "1000余")],
)
def test_about_count_floored_to_tens(count: str, text: str) -> None:
    assert printed(about(FigureValue("n", Decimal(count)))) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [("0", "零"), ("2", "两"), ("4", "四"), ("10", "十"), ("12", "十二"), ("20", "二十"), ("105", "一百零五"), ("110", "一百一十"),
     ("2000", "二千"), ("2022", "二千零二十二"), ("9999", "九千九百九十九")],
)  # fmt: skip
def test_chinese_count_written_in_numerals(count: str, text: str) -> None:
    assert printed(chinese(FigureValue("n", Decimal(count)))) == text


def test_numeral_two_in_a_heading_is_ordinal() -> None:
    assert numeral(2) == "二"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("179900.00", "17.99"),
        ("0.00", "0"),
        ("20000.00", "2"),
        ("38612.50", "3.86"),
        ("38650", "3.87"),
        ("2320825400", "232,082.54"),
        ("36", "0.0036"),
        ("0.01", "0.000001"),
        ("-500", "-0.05"),
    ],
)
def test_wan_amount_in_ten_thousands_with_two_decimals(amount: str, text: str) -> None:
    assert printed(wan(FigureValue("n", Decimal(amount), "元"))) == text


@given(st.lists(st.integers(min_value=100, max_value=10**9).map(lambda yuan: Decimal(yuan) / 10), min_size=1, max_size=9))
def test_apportioned_parts_add_up_to_the_total_and_none_moves_by_a_cent(amounts: list[Decimal]) -> None:
    total = FigureValue("total", sum(amounts, Decimal(0)), "元")
    parts = [(str(place), FigureValue(str(place), amount, "元")) for place, amount in enumerate(amounts)]
    shown = apportioned(parts, total)
    assert isinstance(shown, list)
    printed_parts = [Decimal(printed(wan(figure)).replace(",", "")) for _, figure in shown]
    if any(figure.share is not None for _, figure in shown):
        assert sum(printed_parts) == Decimal(printed(wan(total)).replace(",", ""))
        assert all(abs(part * 10_000 - amount) < 100 for part, amount in zip(printed_parts, amounts, strict=True))


def test_apportioned_parts_that_are_not_the_whole_stay_as_they_are() -> None:
    parts = [("a", FigureValue("a", Decimal(38650), "元"))]
    assert apportioned(parts, FigureValue("t", Decimal(40000), "元")) is parts
    assert not is_rounded(parts)


@pytest.mark.parametrize(("amount", "text"), [("179900.00", "179,900"), ("1234.5", "1,234.50"), ("0.01", "0.01")])
def test_yuan_amount_to_the_fen(amount: str, text: str) -> None:
    assert printed(yuan(FigureValue("n", Decimal(amount)))) == text


@pytest.mark.parametrize(
    ("rate", "digits", "text"), [("100", 2, "100%"), ("96.2264", 2, "96.23%"), ("96.25", 1, "96.3%"), ("96.20", 2, "96.2%"), ("0", 2, "0%")]
)
def test_percent_rate_rounded_half_up(rate: str, digits: int, text: str) -> None:
    assert printed(percent(FigureValue("n", Decimal(rate)), digits)) == text


def test_number_value_without_trailing_zeros_or_exponent() -> None:
    assert printed(number(FigureValue("n", Decimal("1E+2")))) == "100"
    assert printed(number(FigureValue("n", Decimal("98.50")))) == "98.5"


def test_filter_figure_carries_id_value_unit() -> None:
    text, figures = unmark(f"召开{about(FigureValue('meetings', Decimal(73), '次'))}次")
    assert text == "召开70余次"
    assert figures == [Figure("meetings", "70余", Decimal(73), "次")]


@pytest.mark.parametrize(
    ("marked", "told"),
    [
        (about(FigureValue("n", None, reason="没有问卷")), "n 没有数值：没有问卷"),
        (about(FigureValue("n", Decimal("7.5"))), "n = 7.5 不是非负整数"),
        (chinese(FigureValue("n", Decimal(10_000)))," n = 10000 太大".strip()),
        (yuan(FigureValue("n", Decimal("0.005"))), "不足一分"),
        (day(FigureValue("n", Decimal(3))), "不是日期"),
        (number(73), "“73”不是由台账算出的数字"),
    ],
)  # fmt: skip
def test_filter_unfit_value_faulted(marked: str, told: str) -> None:
    assert told in marked


def test_condition_missing_value_raises_its_reason() -> None:
    with pytest.raises(ValueMissingError, match="没有问卷"):
        bool(FigureValue("n", None, reason="没有问卷"))


@pytest.mark.parametrize(("unit", "filters"), [("元", "wan 或 yuan"), ("%", "percent")])
def test_number_is_not_for_what_has_a_unit_of_its_own(unit: str, filters: str) -> None:
    figure = FigureValue("x", Decimal(179900), unit)
    assert f"x 的单位是“{unit}”，请用 {filters} 打印" in number(figure)
    assert number(figure) == str(figure)
