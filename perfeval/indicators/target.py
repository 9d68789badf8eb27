"""Target text (指标值) as units write it: operator in any written form, number, unit; a day; or words."""

import calendar
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from perfeval.errors import ConfigurationError

Amount = Decimal | date


class Relation(StrEnum):
    """How the actual value stands to the target (指标方向)."""

    AT_LEAST = "≥"
    AT_MOST = "≤"
    EQUAL = "="
    ABOVE = ">"
    BELOW = "<"


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target (指标值). Qualitative ones have neither relation nor value.

    `value` is in `unit` as written; `base` in what facts are counted in: yuan for 万元 and 亿元, yuan per 公里 for 万元/公里.
    A number written without operator is met by reaching it, a day by not passing it.
    """

    text: str
    relation: Relation | None = None
    value: Amount | None = None
    unit: str = ""

    @property
    def scale(self) -> Decimal:
        """How many of the fact's unit one of the written unit is."""
        multiple = _MULTIPLE.match(self.unit)
        return Decimal(_SCALES[multiple[0]] if multiple else 1)

    @property
    def base_unit(self) -> str:
        """The unit of facts: 元 for 万元, 元/公里 for 万元/公里."""
        return _MULTIPLE.sub("", self.unit)

    @property
    def base(self) -> Amount | None:
        """The value in the unit of facts."""
        return self.value * self.scale if isinstance(self.value, Decimal) else self.value

    @property
    def is_negative(self) -> bool:
        """Whether less is better (反向指标): an upper bound, or exactly none."""
        return self.relation in (Relation.AT_MOST, Relation.BELOW) or (self.relation is Relation.EQUAL and self.base == 0)

    def is_met_by(self, actual: Amount) -> bool:
        """Whether an actual value in the unit of facts reaches the target.

        Raises: TypeError: a day compared with a number, which loading has excluded.
        """
        base = self.base
        if isinstance(actual, date) and isinstance(base, date):
            difference = (actual - base).days
        elif isinstance(actual, Decimal) and isinstance(base, Decimal):
            difference = int(actual.compare(base))
        else:
            raise TypeError(f"{actual!r} cannot be held against {self.text}")
        if self.relation is Relation.ABOVE:
            return difference > 0
        if self.relation is Relation.BELOW:
            return difference < 0
        return difference <= 0 if self.is_negative else difference >= 0


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SCALES = {"千": 1_000, "十万": 100_000, "百万": 1_000_000, "千万": 10_000_000, "万": 10_000, "亿": 100_000_000}
_MULTIPLE = re.compile("^(?:千(?=元)|十万|百万|千万|万|亿)")
_LEADING = {
    Relation.AT_LEAST: (
        "≥", "≧", "⩾", "≮", ">=", "不低于", "不得低于", "不少于", "不得少于", "不小于", "大于等于", "大于或等于", "至少", "达到",
    ),
    Relation.AT_MOST: (
        "≤", "≦", "⩽", "≯", "<=", "不超过", "不得超过", "不高于", "不得高于", "不多于", "不大于", "小于等于", "小于或等于", "至多",
        "最多", "控制在",
    ),
    Relation.ABOVE: (">", "大于", "高于", "多于", "超过"),
    Relation.BELOW: ("<", "小于", "低于", "少于"),
    Relation.EQUAL: ("=", "等于"),
}  # fmt: skip
# 民法典第1259条：以上、以下、以内包括本数。
_TRAILING = {Relation.AT_LEAST: ("及以上", "以上"), Relation.AT_MOST: ("及以下", "以下", "以内", "之内", "内")}


def _relations(written: dict[Relation, tuple[str, ...]]) -> dict[str, Relation]:
    return {form: relation for relation, forms in written.items() for form in forms}


_BEFORE, _AFTER = _relations(_LEADING), _relations(_TRAILING)


def _any(forms: dict[str, Relation]) -> str:
    return "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))


# A unit holds no figure, range or bracket, and nothing that blurs the number or makes it a moment: 余 多 左右 前 后.
_QUANTITY = re.compile(
    rf"(?P<before>{_any(_BEFORE)})?(?P<hundredth>百分之)?(?P<number>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    rf"(?P<unit>%|[^0-9.,;:，。；：、≥≤<>=~～—%()余多几约至左右前后-]{{0,8}}?)(?:\(含\))?(?P<after>{_any(_AFTER)})?"
)
_DAY = re.compile(
    r"(?P<before>不晚于|不迟于|早于|≤|<=|于)?(?P<year>[0-9]{4})"
    r"(?:年(?:(?P<month>[0-9]{1,2})月(?:(?P<day>[0-9]{1,2})[日号]|(?P<month_end>底|末))|(?P<year_end>底|末))"
    r"|[-/.](?P<month2>[0-9]{1,2})[-/.](?P<day2>[0-9]{1,2}))(?P<after>之前|以前|前)?(?:完成)?"
)
# 千人次, 百个: facts are counted one by one. 千克 and 百分点 are units of their own.
_GROUPED = re.compile("[十百千](?!克|米|瓦|伏|卡|帕|赫|分点|元|万)")
_CALENDAR = re.compile(r"[0-9]{4}\s*年|[0-9]{1,2}\s*月")
_NUMERAL = "[〇零一二两三四五六七八九十百千万亿]"
_MEASURED = "[个次期份项家人户天日月年件场部块篇条种处座元分%]"
# 五次, 六十公里; but not 一流, 两型, 一般.
_SPELLED = re.compile(rf"[≥≤≧≦<>=]|^(?:{_any(_BEFORE)})?(?:百分之)?(?:{_NUMERAL}{{2,}}.?|{_NUMERAL}{_MEASURED}?)(?:{_any(_AFTER)})?$")


def parse_target(text: str) -> Target:
    """Parse target text (指标值): `≥60次`, `95%以上`, `不超过90万元`, `≤600元/公里`, `2022年12月底前`, `效果明显`.

    Raises: ConfigurationError: saying what could not be read, never a guess.
    """
    plain = "".join(text.translate(_FULL_WIDTH).split())
    if not plain:
        raise _unreadable(text, "指标值为空")
    if (quantity := _QUANTITY.fullmatch(plain)) and not _CALENDAR.search(plain):
        return _quantity(text, quantity)
    if day := _DAY.fullmatch(plain):
        return _day(text, day)
    if any(character.isdigit() for character in plain):
        raise _unreadable(text, "含有数字，但不是“比较符＋数字＋单位”或完整日期")
    if _SPELLED.search(plain):
        raise _unreadable(text, "有比较符或汉字数字，但没有阿拉伯数字")
    return Target(text)


def _quantity(text: str, match: re.Match[str]) -> Target:
    before = _BEFORE.get(match["before"] or "")
    after = _AFTER.get(match["after"] or "")
    if before and after and before is not after:
        raise _unreadable(text, f"“{match['before']}”与“{match['after']}”矛盾")
    unit = "%" if match["unit"] == "百分比" else match["unit"]
    if _GROUPED.match(unit):
        raise _unreadable(text, f"“{unit}”的数量级不清，请写出全部数字，如2千人次写成2000人次")
    if match["hundredth"]:
        if unit:
            raise _unreadable(text, "“百分之”后不应再有单位")
        unit = "%"
    return Target(text, before or after or Relation.EQUAL, Decimal(match["number"].replace(",", "")), unit)


def _day(text: str, match: re.Match[str]) -> Target:
    year, month = int(match["year"]), int(match["month"] or match["month2"] or 12)
    try:
        day = match["day"] or match["day2"] or calendar.monthrange(year, month)[1]
        last = date(year, month, int(day))
    except ValueError as error:  # calendar.IllegalMonthError is one
        raise _unreadable(text, "没有这一天") from error
    return Target(text, Relation.BELOW if match["before"] == "早于" else Relation.AT_MOST, last)


def _unreadable(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        "T01",
        f"无法识别指标值“{text}”：{why}",
        "写成“≥60次”“95%以上”“不超过3天”“2022年12月底前”，或不含数字的定性文字。",
        target=text,
    )
