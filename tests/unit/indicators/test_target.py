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
        ("及时率100%", "=", "100", "%"),
        ("合格率≥95%", "≥", "95", "%"),
        ("满意度不低于90%", "≥", "90", "%"),
        ("年度完成率达到100%", "≥", "100", "%"),
        ("“五个一”落实率为100%", "=", "100", "%"),
        ("资金节约率≥5%", "≥", "5", "%"),
        ("培训人数≥30人", "≥", "30", "人"),
        ("投诉率≤1%", "≤", "1", "%"),
        ("≥12期（每月1期）", "≥", "12", "期"),
        ("≥4期（每季度一期）", "≥", "4", "期"),
        ("≥60次（含现场办公会）", "≥", "60", "次"),
        ("覆盖率达100%", "≥", "100", "%"),
        ("达95%以上", "≥", "95", "%"),
        ("达标率100%", "=", "100", "%"),
        ("里程≥120.5公里", "≥", "120.5", "公里"),
        ("结余率≤10%", "≤", "10", "%"),
        ("投诉率为0", "=", "0", ""),
        ("投诉办结率100%", "=", "100", "%"),
        ("出生缺陷筛查率80%", "=", "80", "%"),
        ("安全事故≤0起", "≤", "0", "起"),
        ("安全事故发生0起", "=", "0", "起"),
        ("3个工作日内办结", "≤", "3", "个工作日"),
        ("30分钟内响应", "≤", "30", "分钟"),
        ("≥12次。", "≥", "12", "次"),
        ("四期", "=", "4", "期"),
        ("五次", "=", "5", "次"),
        ("不少于十项", "≥", "10", "项"),
        ("六十里以上", "≥", "60", "里"),
        ("一百二十户", "=", "120", "户"),
        ("≥两万人次", "≥", "20000", "人次"),
        ("五万元", "=", "50000", "元"),
        ("百分之九十五", "=", "95", "%"),
        ("百分之九十八点五以上", "≥", "98.5", "%"),
        ("百分之百", "=", "100", "%"),
        ("合格率百分百", "=", "100", "%"),
        ("零事故", "=", "0", "起"),
        ("零安全责任事故", "=", "0", "起"),
        ("零伤亡", "=", "0", "人"),
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
        ("二〇二二年十二月底前", "≤", date(2022, 12, 31)),
    ],
)
def test_target_that_is_a_day_is_read(text: str, relation: str, day: date) -> None:
    assert parse_target(text) == Target(text, Relation(relation), day)


@pytest.mark.parametrize(
    ("text", "relation", "day"),
    [
        ("12月底前", "≤", date(2024, 12, 31)),
        ("12月31日前", "≤", date(2024, 12, 31)),
        ("2月底", "≤", date(2024, 2, 29)),
        ("六月三十日前", "≤", date(2024, 6, 30)),
        ("本年6月30日前完成", "≤", date(2024, 6, 30)),
        ("早于3月1日", "<", date(2024, 3, 1)),
        ("年底前", "≤", date(2024, 12, 31)),
        ("当年年底", "≤", date(2024, 12, 31)),
        ("年内完成", "≤", date(2024, 12, 31)),
    ],
)
def test_target_that_is_a_day_without_year_is_of_the_year_given(text: str, relation: str, day: date) -> None:
    assert parse_target(text, 2024) == Target(text, Relation(relation), day)


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("90%-95%", "90", "95", "%"),
        ("90-95%", "90", "95", "%"),
        ("50～60个", "50", "60", "个"),
        ("50至60个", "50", "60", "个"),
        ("合格率在90%—95%之间", "90", "95", "%"),
        ("1,000-1,200人次", "1000", "1200", "人次"),
    ],
)
def test_target_that_is_a_range_is_read_from_its_lower_end(text: str, low: str, high: str, unit: str) -> None:
    assert parse_target(text) == Target(text, Relation.AT_LEAST, Decimal(low), unit, upper=Decimal(high))


def test_range_as_a_limit_is_read_from_its_upper_end() -> None:
    limit = parse_target("15-18万元").as_limit()
    assert [limit.is_met_by(Decimal(yuan)) for yuan in (150_000, 180_000, 180_001)] == [True, True, False]


@pytest.mark.parametrize("text", ["同比增长5%", "比上年增长5%以上", "较去年提高5%", "增长百分之五"])
def test_target_that_is_growth_says_so(text: str) -> None:
    target = parse_target(text)
    assert (target.value, target.unit, target.is_growth) == (Decimal(5), "%", True)


@pytest.mark.parametrize(
    "text",
    [
        "效果明显",
        "效果明显（群众认可）",
        "零距离服务",
        "百分百满意",
        "十分满意",
        "一人一档",
        "千万工程",
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
        ("一百二", "没有阿拉伯数字"),
        ("二五", "没有阿拉伯数字"),
        ("十余次", "没有阿拉伯数字"),
        ("≥", "没有阿拉伯数字"),
        ("约70次", "含有数字"),
        ("70余次", "含有数字"),
        ("70次左右", "含有数字"),
        ("60-50个", "前面的数应小于后面的数"),
        ("50个-60项", "两头的单位不同"),
        ("10-12月", "含有数字"),
        ("2022-2023年", "含有数字"),
        ("10+", "含有数字"),
        ("10+个", "含有数字"),
        ("每月1次", "是频率"),
        ("每季度至少1次", "是频率"),
        ("每月覆盖率100%", "是频率"),
        ("≥60次（其中现场20次）", "含有数字"),
        ("≥9期（每月1期）", "括号里的“每月1期”合全年12，与前面的数不同"),
        ("投诉率1%", "越低越好"),
        ("不超过返工率1%", "“不超过返工率”里有比较符"),
        ("增加5个", "“增加”后应是百分比"),
        ("同比下降5%", "含有数字"),
        ("≥60次，其中现场20次", "含有数字"),
        ("1,00个", "含有数字"),
        ("-5%", "含有数字"),
        ("12月底前", "没有写年份"),
        ("2022年6月前", "没有说是月初还是月底"),
        ("2022年", "含有数字"),
        ("≤2022年", "含有数字"),
        ("2022年2月30日", "没有这一天"),
        ("2022年13月底", "没有这一天"),
        ("≥50个以下", "矛盾"),
        ("百分之95%", "不应再有单位"),
        ("≥2千人次", "数量级不清"),
        ("12次以上/年", "含有数字"),
        ("60次上下", "含有数字"),
        ("九成以上", "汉字数字"),
        ("三分之二以上", "汉字数字"),
        ("一点五万元", "汉字数字"),
        ("壹佰万元", "汉字数字"),
        ("几十次", "汉字数字"),
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
