"""What clerks write is read exactly, or not at all."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perfeval.ledgers.cells import bare, plain_value, trimmed, unreadable, value
from schemas import BUILT_IN, Column, Kind

MONEY = BUILT_IN["expenditure"].column("amount_yuan")
DAY = BUILT_IN["expenditure"].column("paid_on")
COUNT = BUILT_IN["expenditure"].column("attachments")
CODE = BUILT_IN["expenditure"].column("voucher_no")
CHOICE = BUILT_IN["expenditure"].column("payment_method")
TEXT = BUILT_IN["expenditure"].column("summary")
PERCENT = BUILT_IN["progress"].column("planned_pct")
MONTH = BUILT_IN["progress"].column("month")
QUANTITY = Column("length", "养护里程（公里）", Kind.QUANTITY, required=True, description="", choices=(), example="3.5", unit="公里")

amounts = st.decimals(min_value=Decimal("-9999999999.99"), max_value=Decimal("9999999999.99"), places=2)
days = st.dates(min_value=date(1901, 1, 1), max_value=date(2099, 12, 31))
blanks = st.text(alphabet=" \t\n\u00a0\u3000\u200b\ufeff", max_size=3)
FULL_WIDTH = str.maketrans("0123456789,.-/", "０１２３４５６７８９，．－／")


def read(column: Column, text: str, unit: str = "", *, binary: bool = False, epoch_1904: bool = False) -> object:
    frame = pl.DataFrame({"cell": trimmed(pl.Series([text]))})
    frame = frame if column.kind is Kind.TEXT else frame.with_columns(bare(pl.col("cell")))
    return frame.select(value(column, pl.col("cell"), unit, binary=binary, epoch_1904=epoch_1904)).item()


def read_plainly(column: Column, text: str, unit: str = "", *, binary: bool = False) -> object:
    return pl.DataFrame({"cell": [text]}).select(plain_value(column, pl.col("cell"), unit, binary=binary)).item()


@given(amounts, blanks, blanks)
def test_money_in_every_accepted_writing_comes_back_exactly(amount: Decimal, before: str, after: str) -> None:
    assert read(MONEY, f"{before}{amount}{after}", "元") == amount
    assert read(MONEY, f"{amount:,}", "元") == amount
    assert read(MONEY, f"￥{amount:,}元", "元") == amount
    assert read(MONEY, f"¥ {amount}", "元") == amount
    assert read(MONEY, f"{amount:,}".translate(FULL_WIDTH), "元") == amount
    assert read_plainly(MONEY, f"{amount}", "元") == amount


@given(st.decimals(min_value=Decimal(-999999), max_value=Decimal("99999999.999999"), places=6))
def test_money_in_ten_thousands_is_converted_exactly(amount: Decimal) -> None:
    assert read(MONEY, f"{amount}", "万元") == amount * 10000
    assert read(MONEY, f"{amount:,}万元", "万元") == amount * 10000
    assert read_plainly(MONEY, f"{amount}", "万元") == amount * 10000


@given(amounts)
def test_money_of_a_workbook_comes_back_as_excel_shows_it(amount: Decimal) -> None:
    assert read(MONEY, f"{float(amount):.9f}", "元", binary=True) == amount


@pytest.mark.parametrize(
    "text",
    ["一千", "1e3", "1E3", "1.005", "1,23", "12,34.50", "1234,567", ".5", "5.", "1 234", "1.2.3", "(100)", "--5", "5-", "100美元", "1万",
     "17.99万元", "0x10", "约100", "100.50元整", "1 234.50", "（100）",
     "2022-03-05", "#DIV/0!", "99999999999999", "五", "1，23", "NaN", "inf", "True"],
)  # fmt: skip
def test_money_in_another_writing_is_refused(text: str) -> None:
    assert read(MONEY, text, "元") is None
    assert read_plainly(MONEY, text, "元") is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [("3,860元整", "3860"), ("￥3,860.00圆整", "3860"), ("+5", "5"), ("RMB 3,860", "3860"), ("人民币：3860元整", "3860"),
     ("1\u200b,234.50", "1234.50"), ("\u200e-500", "-500"), ("'1,000", "1000"), ("１，２３４元", "1234")],
)  # fmt: skip
def test_money_with_more_than_its_number_is_read_where_it_means_one_thing(text: str, amount: str) -> None:
    assert read(MONEY, text, "元") == Decimal(amount)


def test_money_in_whole_yuan_is_refused_under_a_header_in_ten_thousands() -> None:
    assert read(MONEY, "3,860元整", "万元") is None


@given(st.decimals(min_value=-999999, max_value=Decimal("99999999.999999"), places=6), blanks, blanks)
def test_quantity_in_every_accepted_writing_comes_back_exactly(number: Decimal, before: str, after: str) -> None:
    assert read(QUANTITY, f"{before}{number}{after}", "公里") == number
    assert read(QUANTITY, f"{number:,}", "公里") == number
    assert read(QUANTITY, f"{number} 公里", "公里") == number
    assert read(QUANTITY, f"{number:,}".translate(FULL_WIDTH), "公里") == number
    assert read_plainly(QUANTITY, f"{number}", "公里") == number
    assert read_plainly(QUANTITY, f"{number:,}", "公里") == number


@given(st.decimals(min_value=-99999999, max_value=99999999, places=6))
def test_quantity_of_a_workbook_comes_back_as_excel_shows_it(number: Decimal) -> None:
    assert read(QUANTITY, f"{float(number):.9f}", "公里", binary=True) == number


@pytest.mark.parametrize(
    "text", ["一千", "1e3", "3.5米", "3.5公里/天", "3.5千米", "公里", "0.1234567", "12,34", "3.", ".5", "1234567890123", "NaN"]
)
def test_quantity_in_another_writing_is_refused(text: str) -> None:
    assert read(QUANTITY, text, "公里") is None
    assert read_plainly(QUANTITY, text, "公里") is None


@given(days, blanks, blanks)
def test_day_in_every_accepted_writing_comes_back_exactly(day: date, before: str, after: str) -> None:
    year, month, number = day.year, day.month, day.day
    assert read(DAY, f"{before}{day:%Y-%m-%d}{after}") == day
    assert read(DAY, f"{year}/{month}/{number}") == day
    assert read(DAY, f"{year}.{month:02}.{number:02}") == day
    assert read(DAY, f"{year}-{month}-{number}") == day
    assert read(DAY, f"{year}年{month}月{number}日") == day
    assert read(DAY, f"{year} 年 {month} 月 {number} 日") == day
    assert read(DAY, f"{year}/{month}/{number}".translate(FULL_WIDTH)) == day
    assert read(DAY, f"{year}/{month}/{number} 0:00") == day
    assert read(DAY, f"{day:%Y-%m-%d} 00:00:00", binary=True) == day
    assert read_plainly(DAY, f"{day:%Y-%m-%d}") == day
    assert read_plainly(DAY, f"{day:%Y-%m-%d} 00:00:00", binary=True) == day


@pytest.mark.parametrize(
    "text",
    ["2022年03月05号", "2022年3月5", "20220305", "2022.3.5日", "2022/03/05号", "2022-03-05T00:00:00", "2022-03-05 00:00:00.000",
     "2022-03\u200b-05", "２０２２０３０５"],
)  # fmt: skip
def test_day_in_a_writing_that_means_one_day_is_read(text: str) -> None:
    assert read(DAY, text) == date(2022, 3, 5)


@given(st.dates(min_value=date(2004, 1, 2), max_value=date(2099, 12, 31)))
def test_day_as_excel_serial_comes_back_exactly(day: date) -> None:
    assert read(DAY, str((day - date(1899, 12, 30)).days)) == day
    assert read(DAY, str((day - date(1904, 1, 1)).days), epoch_1904=True) == day


@pytest.mark.parametrize(
    "text",
    ["2022年2月30日", "2022-02-29", "2022-13-01", "22-3-5", "22.3.5", "2022", "202203", "20221305", "220305", "2022-3", "2022年3月",
     "3月5日", "2022-3/5", "2022/3/5 09:30", "2022-03-05 09:30:00", "1022-03-05", "2122-03-05", "昨天", "2022-03-05 星期六", "5/3/2022",
     "44625.5", "2022-03-005", "+2022-3-5"],
)  # fmt: skip
def test_day_in_another_writing_is_refused(text: str) -> None:
    assert read(DAY, text) is None
    assert read_plainly(DAY, text) is None


@pytest.mark.parametrize(
    ("text", "month"),
    [("2022-03", "2022-03"), ("2022-3", "2022-03"), ("2022/3", "2022-03"), ("2022年3月", "2022-03"), ("2022.03", "2022-03"),
     ("２０２２年１２月", "2022-12"), ("202203", "2022-03"), ("2022年3月份", "2022-03"),
     ("2022-03-01 00:00:00", "2022-03"), ("44621", "2022-03")],
)  # fmt: skip
def test_month_in_accepted_writing_is_read(text: str, month: str) -> None:
    assert read(MONTH, text) == month


@pytest.mark.parametrize("text", ["2022.1", "2022-13", "2022-00", "202213", "3月", "2022-03-05", "2022-03-05 00:00:00", "44625", "22-3"])
def test_month_in_another_writing_is_refused(text: str) -> None:
    assert read(MONTH, text) is None
    assert read_plainly(MONTH, text) is None


@pytest.mark.parametrize(
    ("text", "percent"),
    [("95", "95"), ("95%", "95"), ("95.5％", "95.5"), ("０", "0"), ("100.00", "100"), ("33.330", "33.33"), ("120", "120")],
)
def test_percent_in_accepted_writing_is_read(text: str, percent: str) -> None:
    assert read(PERCENT, text) == Decimal(percent)


@pytest.mark.parametrize("text", ["33.333", "九成", "-5", "1e1", "95％以上", "1/2"])
def test_percent_in_another_writing_is_refused(text: str) -> None:
    assert read(PERCENT, text) is None


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("３", 3), (" 0 ", 0), ("999999999", 999999999), ("1,000", 1000), ("3.0", 3)])
def test_count_in_accepted_writing_is_read(text: str, number: int) -> None:
    assert read(COUNT, text) == number


@pytest.mark.parametrize("text", ["3张", "1.5", "-1", "三", "1,00", "1e2", "9999999999"])
def test_count_in_another_writing_is_refused(text: str) -> None:
    assert read(COUNT, text) is None
    assert read_plainly(COUNT, text) is None


@pytest.mark.parametrize("text", ["P\u200b1", "Ｐ1", "'P1", '="P1"', "`P1", "`P1`", "'P1'", "’P1", "P\u00ad1\u200e"])
def test_code_is_read_without_guards_and_signs_nobody_sees(text: str) -> None:
    assert read(CODE, text) == "P1"


def test_code_with_a_look_alike_character_is_read_with_the_usual_one() -> None:
    assert read(CODE, "\u2fa6\u00a01") == "金 1"


@pytest.mark.parametrize("text", ["转账", "转\u3000账", "\u200b转\u200b账", "转账\u00ad"])
def test_choice_is_read_whatever_its_blanks_and_signs_nobody_sees(text: str) -> None:
    assert read(CHOICE, text) == "转账"


def test_choice_is_read_whatever_its_case_and_width() -> None:
    ppp = Column("mode", "方式", Kind.CHOICE, required=True, description="", choices=("PPP项目", "ppp其他"), example="")
    assert (read(ppp, "ｐｐｐ项⽬"), read(ppp, "PPP其他"), read(ppp, "BOT")) == ("PPP项目", "ppp其他", "BOT")


def test_code_keeps_leading_zeros_and_brackets_and_loses_full_width() -> None:
    assert read(CODE, "　００１－Ａ（１）") == "001-A（1）"


def test_text_keeps_its_inside() -> None:
    assert read(TEXT, " 购买 办公用品，共３件\n含税 ") == "购买 办公用品，共３件\n含税"


def test_blank_cell_is_empty() -> None:
    assert read(TEXT, " \u3000\u00a0\u200b") is None


@given(st.text(alphabet="0123456789-+/.,年月日 %￥元万eE：:T'", max_size=12))
@example("2022- 3- 5")
@example("2022-03-05")
def test_plain_reading_never_differs_from_the_thorough_one(text: str) -> None:
    assert read_plainly(MONEY, text, "元") in {None, read(MONEY, text, "元")}
    assert read_plainly(MONEY, text, "万元") in {None, read(MONEY, text, "万元")}
    assert read_plainly(DAY, text) in {None, read(DAY, text)}
    assert read_plainly(MONTH, text) in {None, read(MONTH, text)}
    assert read_plainly(PERCENT, text) in {None, read(PERCENT, text)}
    assert read_plainly(COUNT, text) in {None, read(COUNT, text)}
    assert read_plainly(QUANTITY, text, "公里") in {None, read(QUANTITY, text, "公里")}


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        (MONEY, "1O0.5", "应为金额，如 1,234.50；里面有像数字的字母（O、I、l），请改为数字0、1。"),
        (DAY, "3月5日", "应为日期，如 2022-03-05；要写年份。"),
        (DAY, "2022年3月5日至8日", "应为日期，如 2022-03-05；只填一个日期。"),
        (MONEY, "一千", "应为金额，如 1,234.50；请用阿拉伯数字填写。"),
        (MONEY, "1e3", "应为金额，如 1,234.50；不能用科学记数法，请写出全部数字。"),
        (MONEY, "1.005", "应为金额，如 1,234.50；最多精确到分，请按凭证填写；公式算出的请用 ROUND 取到分。"),
        (MONEY, "2022-03-05 00:00:00", "应为金额，如 1,234.50；这一格被设成了日期，请把单元格格式改为数值后重填。"),
        (MONEY, "12,34", "应为金额，如 1,234.50；千位分隔符位置不对。"),
        (MONEY, "1234,567元", "应为金额，如 1,234.50；千位分隔符位置不对。"),
        (MONEY, "3,860万元整", "应为金额，如 1,234.50；单位应与表头一致，请只填数字。"),
        (MONEY, "12.5千元", "应为金额，如 1,234.50；单位应与表头一致，请只填数字。"),
        (MONEY, "1.5亿", "应为金额，如 1,234.50；单位应与表头一致，请只填数字。"),
        (MONEY, "1250%", "应为金额，如 1,234.50；这里不是百分比，请核对，并把单元格格式改为数值。"),
        (MONEY, "约3,860", "应为金额，如 1,234.50；请只填数字，不写别的字。"),
        (MONEY, "（100）", "应为金额，如 1,234.50；括号里的数有两种意思：是负数请在前面写减号，不是请去掉括号。"),
        (MONEY, "1 234.50", "应为金额，如 1,234.50；数字中间有空格：是一个数请去掉空格，是几个数请分行填写。"),
        (DAY, "05/03/2022", "应为日期，如 2022-03-05；请按年、月、日的顺序写。"),
        (DAY, "220305", "应为日期，如 2022-03-05；年份应写四位。"),
        (DAY, "202203", "应为日期，如 2022-03-05；应写到日。"),
        (DAY, "20220230", "应为日期，如 2022-03-05；没有这一天，或年份不在1901至2099年之间。"),
        (DAY, "二〇二二年三月五日", "应为日期，如 2022-03-05；请用阿拉伯数字填写。"),
        (COUNT, "1,00", "应为整数，如 3；千位分隔符位置不对。"),
        (DAY, "2022年2月30日", "应为日期，如 2022-03-05；没有这一天，或年份不在1901至2099年之间。"),
        (DAY, "22.3.5", "应为日期，如 2022-03-05；年份应写四位。"),
        (DAY, "2022-03-05 09:30:00", "应为日期，如 2022-03-05；只填日期，不带时刻。"),
        (DAY, "待定", "应为日期，如 2022-03-05。"),
        (MONTH, "2022-03-05", "应为月份，如 2022-03；只填月份，不写日。"),
        (COUNT, "3张", "应为整数，如 3；只填数字，不写单位。"),
        (QUANTITY, "一千", "应为数量，如 3.5；请用阿拉伯数字填写。"),
        (QUANTITY, "3.5米", "应为数量，如 3.5；单位应与表头一致，请只填数字。"),
        (QUANTITY, "0.1234567", "应为数量，如 3.5；最多六位小数；公式算出的请用 ROUND 取六位以内。"),
        (PERCENT, "33.333", "应为百分比，如 95 或 95%；最多两位小数；公式算出的请用 ROUND 取两位。"),
    ],
)
def test_refusal_says_what_was_expected(column: Column, text: str, message: str) -> None:
    assert unreadable(column, text) == message
