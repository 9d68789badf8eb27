"""What number formats make of numbers and texts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.spreadsheets.formats import Look, NumberFormat

OWN = Look()
ACCOUNTING = '_ ¥* #,##0.00_ ;_ ¥* -#,##0.00_ ;_ ¥* "-"??_ ;_ @_ '


@pytest.mark.parametrize(
    ("code", "stored"),
    [
        ("General", "12.5"),
        ("", "12.5"),
        ("0", "12.5"),
        ("#,##0.00", "1234.5"),
        ("0.00_ ", "12.5"),
        ("@", "12"),
        ('"¥"#,##0.00', "1234.5"),
        ("[$¥-804]#,##0.00", "1234.5"),
        (ACCOUNTING, "1234.5"),
        (ACCOUNTING, "-1234.5"),
        (ACCOUNTING, "0"),
        ("#,##0;(#,##0)", "-5"),
        ("0.00;[Red]0.00", "-5"),
        ("# ?/?", "0.5"),
        ("0.00E+00", "12345678901"),
        ("[DBNum2][$-804]General", "5"),
        ('[>=10000]0!.0,"万";0', "5"),
        ("yyyy-mm-dd", "44625"),
        ('yyyy"年"m"月"d"日";@', "44625"),
        ("0.00_%", "0.5"),
    ],
)
def test_format_that_only_dresses_a_number_changes_nothing(code: str, stored: str) -> None:
    assert NumberFormat(code).look(stored) == OWN


@pytest.mark.parametrize(
    ("code", "stored", "number", "text"),
    [
        ('General"万元"', "12.5", "12.5万元", "12.5万元"),
        ('G/通用格式"万元"', "12.5", "12.5万元", "12.5万元"),
        ('0.00"（万元）"', "12.5", "12.5万元", "12.50（万元）"),
        ('0.00" 万元"', "12.5", "12.5万元", "12.50 万元"),
        ("0.00万元", "12.5", "12.5万元", "12.50万元"),
        ('0"百元"', "3", "3百元", "3百元"),
        ('"百元"', "3", "百元", "百元"),
        ('General"千"', "3", "3千", "3千"),
        ('"万元："0', "3", "万元：3", "万元：3"),
        ('0"万人"', "12", "12万人", "12万人"),
        ('0.00"‰"', "5", "5‰", "5.00‰"),
        ('#,##0.00"元整"', "1234.5", "1234.5元", "1,234.50元整"),
        ("[$$-409]#,##0.00", "12.5", "$12.50", "$12.50"),
        ('0"美元"', "3", "3美元", "3美元"),
        ('0.00,"万"', "125000", "125000（缩小显示）", "125000（缩小显示）"),
        ('[>=10000]0!.0,"万";0', "123456", "123456（缩小显示）", "123456（缩小显示）"),
        ("0%", "0.95", "95%", None),
        ('"≥"0%', "0.95", "≥95%", "≥95%"),
        ('"≥"0', "12", "≥12", "≥12"),
        ('"约"0', "12", "约12", "约12"),
        ('0"以上"', "12", "12以上", "12以上"),
        ('"-"0', "5", "-5", "-5"),
        ("0;0", "-5", "5（不显示负号）", None),
        ('0"万"0000"元"', "123456", "12万3456元", "12万3456元"),
        ("000-0000", "1234567", "123-4567", "123-4567"),
        ("00000", "12", "00012", "00012"),
        ('"记-"000', "12", "记-012", "记-012"),
        ('"△"0.00', "12", "△12.00", "△12.00"),
        ("0-", "12", "12-", "12-"),
        ('0.00" CR"', "12", "12.00 CR", "12.00 CR"),
        ('"红字"0', "12", "红字12", "红字12"),
        ('[=1]"是";[=0]"否";0', "1", "是", "是"),
    ],
)
def test_number_that_is_another_as_it_is_shown_says_so(code: str, stored: str, number: str, text: str | None) -> None:
    assert NumberFormat(code).look(stored) == Look(number, text)


@pytest.mark.parametrize(
    ("code", "stored", "text"),
    [
        ('"ZF"000', "12", "ZF012"),
        ('"ZF"000', "1234", "ZF1234"),
        ('"ZF-"0000-00"号"', "202201", "ZF-2022-01号"),
        ('0"号"', "12", "12号"),
        ('@"号"', "12", "12号"),
        ('"第"00"次"', "3", "第03次"),
        ('"V"0.0', "1.25", "V1.3"),
        ('"V"0.0#', "1.5", "V1.5"),
        ('0"单元"', "12", "12单元"),
        ('"单元"0', "12", "单元12"),
        ('0"百分点"', "3", "3百分点"),
        ("0!%", "12", "12%"),
        ('[=1]"是";[=0]"否";0', "0", "否"),
        ("[$编号-804]0", "7", "编号7"),
    ],
)
def test_words_around_a_number_belong_to_a_text(code: str, stored: str, text: str) -> None:
    assert NumberFormat(code).look(stored).text == text


@pytest.mark.parametrize("code", ['0"单元"', '"单元"0', '0"人"', '"第"00"次"', '0"百分点"', "0!%", '"V"0.0', '"人民币"0.00'])
def test_words_around_a_number_leave_it_a_number(code: str) -> None:
    assert NumberFormat(code).look("12").number is None


@pytest.mark.parametrize(
    ("code", "stored"), [(";;;", "5"), (";;;", "0"), ("0;-0;;@", "0"), ("0.00;;", "-1"), ("#,##0;-#,##0;_ ", "0"), ('0;"-"', "-5")]
)
def test_number_that_is_not_shown_is_hidden(code: str, stored: str) -> None:
    assert NumberFormat(code).look(stored).hidden


@pytest.mark.parametrize(
    ("code", "look"),
    [
        ("@", OWN),
        ("0.00", OWN),
        ('#,##0;-#,##0;"-";@', OWN),
        ('@"号"', Look(None, "\0号")),
        ('"项目"@', Look(None, "项目\0")),
        ('0;0;0;"编号："@', Look(None, "编号：\0")),
        ('@"万元"', Look("\0万元", "\0万元")),
        (";;;", Look(hidden=True)),
        (";;;@", OWN),
    ],
)
def test_text_looks_as_the_last_part_of_the_format_says(code: str, look: Look) -> None:
    assert NumberFormat(code).look_of_text() == look


@pytest.mark.parametrize(
    ("code", "is_day", "is_elapsed"),
    [
        ("yyyy/m/d", True, False),
        ('[$-804]yyyy"年"m"月";@', True, False),
        ("上午/下午h:mm", True, False),
        ('[$-404]e"年"', True, False),
        ("[h]:mm:ss", True, True),
        ("0!m", False, False),
        ('0.00"m"', False, False),
        ("[Magenta]0", False, False),
        ("General", False, False),
        ('"日期："0', False, False),
    ],
)
def test_days_are_told_from_numbers(code: str, is_day: bool, is_elapsed: bool) -> None:
    assert (NumberFormat(code).is_day, NumberFormat(code).is_elapsed) == (is_day, is_elapsed)


@given(st.text(alphabet='0#?.,;%@"\\!_*[]<>=1-E+ymdhsGeneral万元号（） /', max_size=30), st.floats(allow_nan=True, allow_infinity=True))
def test_any_format_says_something_of_any_number(code: str, number: float) -> None:
    form = NumberFormat(code)
    assert isinstance(form.look(repr(number)), Look)
    assert isinstance(form.look_of_text(), Look)


@given(st.decimals(-(10**12), 10**12, places=2), st.sampled_from(["0.00", "#,##0.00", "General", '0.00"人"', '"第"0.00"次"']))
def test_number_under_a_harmless_format_stays_itself(number: Decimal, code: str) -> None:
    assert NumberFormat(code).look(str(number)).number is None
