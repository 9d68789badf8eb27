from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.errors import ConfigurationError
from perfeval.indicators import Target, parse_target
from perfeval.indicators.target import Relation


@pytest.mark.parametrize(
    ("text", "relation", "value", "unit"),
    [
        ("≥50个", "≥", "50", "个"),
        ("＞=8", "≥", "8", ""),
        (">=8", "≥", "8", ""),
        ("≤90万元", "≤", "90", "万元"),
        ("=42个", "=", "42", "个"),
        ("100%", "=", "100", "%"),
        ("95%以上", "≥", "95", "%"),
        ("95％（含）以上", "≥", "95", "%"),
        ("≥95%以上", "≥", "95", "%"),
        ("百分之95以上", "≥", "95", "%"),
        ("不低于95百分比", "≥", "95", "%"),
        ("不少于12次/年", "≥", "12", "次/年"),
        ("不超过3天", "≤", "3", "天"),
        ("5个工作日内", "≤", "5", "个工作日"),
        ("控制在90万元以内", "≤", "90", "万元"),
        ("＝５０", "=", "50", ""),
        ("≥ 1,000 人次", "≥", "1000", "人次"),
        ("≯10", "≤", "10", ""),
        ("大于50", ">", "50", ""),
        ("<3起", "<", "3", "起"),
        ("17.99万元", "=", "17.99", "万元"),
        ("≤600元/公里", "≤", "600", "元/公里"),
        ("不超过0.06万元/公里", "≤", "0.06", "万元/公里"),
        ("≤300元/人·天", "≤", "300", "元/人·天"),
        ("500元/次以内", "≤", "500", "元/次"),
        ("≥3.5公里/人", "≥", "3.5", "公里/人"),
    ],
)
def test_target_in_numbers_is_read_in_every_form(text: str, relation: str, value: str, unit: str) -> None:
    assert parse_target(text) == Target(text, Relation(relation), Decimal(value), unit)


@pytest.mark.parametrize(
    ("text", "relation", "day"),
    [
        ("2022年12月底前", "≤", date(2022, 12, 31)),
        ("2022年2月底", "≤", date(2022, 2, 28)),
        ("2022年12月31日前完成", "≤", date(2022, 12, 31)),
        ("不晚于2022年6月30日", "≤", date(2022, 6, 30)),
        ("早于2022年3月1日", "<", date(2022, 3, 1)),
        ("2022-12-31", "≤", date(2022, 12, 31)),
        ("２０２２年底前", "≤", date(2022, 12, 31)),
    ],
)
def test_target_that_is_a_day_is_read(text: str, relation: str, day: date) -> None:
    assert parse_target(text) == Target(text, Relation(relation), day)


@pytest.mark.parametrize(
    "text",
    [
        "效果明显",
        "机制健全、运行有效",
        "达到预期目标",
        "一次性通过",
        "五个一机制健全",
        "不低于上年水平",
        "国内一流",
        "一流",
        "两型",
        "一般",
    ],
)
def test_target_in_words_is_qualitative(text: str) -> None:
    assert parse_target(text) == Target(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "指标值为空"),
        ("四期", "没有阿拉伯数字"),
        ("不少于十项", "没有阿拉伯数字"),
        ("百分之九十", "没有阿拉伯数字"),
        ("≥", "没有阿拉伯数字"),
        ("约70次", "含有数字"),
        ("70余次", "含有数字"),
        ("70次左右", "含有数字"),
        ("50-60个", "含有数字"),
        ("≥60次，其中现场20次", "含有数字"),
        ("1,00个", "含有数字"),
        ("-5%", "含有数字"),
        ("12月底前", "含有数字"),
        ("2022年6月前", "含有数字"),
        ("2022年", "含有数字"),
        ("≤2022年", "含有数字"),
        ("五次", "没有阿拉伯数字"),
        ("六十里以上", "没有阿拉伯数字"),
        ("2022年2月30日", "没有这一天"),
        ("2022年13月底", "没有这一天"),
        ("≥50个以下", "矛盾"),
        ("百分之95%", "不应再有单位"),
        ("≥2千人次", "数量级不清"),
        ("≥5百个", "数量级不清"),
    ],
)
def test_target_that_cannot_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "base", "unit"),
    [
        ("≤17.99万元", "179900", "元"),
        ("≤0.5亿元", "50000000", "元"),
        ("≥5万人次", "50000", "人次"),
        ("≥3千元", "3000", "元"),
        ("≤0.06万元/公里", "600", "元/公里"),
        ("≥95%", "95", "%"),
    ],
)
def test_target_in_multiples_is_held_against_single_units(text: str, base: str, unit: str) -> None:
    target = parse_target(text)
    assert (target.base, target.base_unit) == (Decimal(base), unit)


@pytest.mark.parametrize(
    ("text", "actual", "met"),
    [
        ("≥60次", "60", True),
        ("≥60次", "59.99", False),
        ("≤60次", "60", True),
        ("≤60次", "60.01", False),
        (">60次", "60", False),
        ("<60次", "60", False),
        ("60次", "61", True),
        ("0起", "0", True),
        ("0起", "1", False),
    ],
)
def test_target_is_met_at_its_border(text: str, actual: str, met: bool) -> None:
    assert parse_target(text).is_met_by(Decimal(actual)) is met


@given(st.text(max_size=30) | st.text(alphabet="0123456789≥≤><=%.,-年月日底末前以上内不超过个次万元百分之（含） ", max_size=30))
def test_target_of_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigurationError):
        assert parse_target(text).text == text
