"""Target text (指标值) as units write it: operator in any written form, number, unit; a range; a day; or words."""

import calendar
import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from perfeval.errors import ConfigurationError
from perfeval.indicators.numerals import arabic

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
    A number written without operator is met by reaching it, a day by not passing it. A range is met from `value` on; `upper` is its
    other end. `is_growth`: the value is how much more than last year.
    """

    text: str
    relation: Relation | None = None
    value: Amount | None = None
    unit: str = ""
    upper: Decimal | None = None
    is_growth: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether it says no direction: a number without operator, or a range."""
        return isinstance(self.value, Decimal) and (self.relation is Relation.EQUAL or self.upper is not None)

    def as_limit(self) -> "Target":
        """The same number as the most that may be reached; of a range, its upper end."""
        return replace(self, relation=Relation.AT_MOST, value=self.upper or self.value, upper=None)

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
    def top(self) -> Amount | None:
        """The upper end of a range, else the value, in the unit of facts."""
        return self.upper * self.scale if self.upper is not None else self.base

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


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("﹪"): "%", ord("﹥"): ">", ord("﹤"): "<", ord("﹦"): "="}
# 1 200 is a thousand and two hundred, 2 0 nothing that one can know.
_BLANK_WITHIN = re.compile(r"(?<=[0-9])\s+(?=[0-9])")
_THOUSANDS = re.compile(r"(?<![0-9])[0-9]{1,3}(?:\s[0-9]{3})+(?![0-9])")
_SCALES = {"千": 1_000, "十万": 100_000, "百万": 1_000_000, "千万": 10_000_000, "万": 10_000, "亿": 100_000_000}
_MULTIPLE = re.compile("^(?:千(?=元)|十万|百万|千万|万|亿)")
_LEADING = {
    Relation.AT_LEAST: (
        "≥", "≧", "⩾", "≮", ">=", "不低于", "不得低于", "不少于", "不得少于", "不小于", "大于等于", "大于或等于", "至少", "达到", "达",
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


_NUMBER = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?"
# A unit holds no figure, range or bracket, and nothing that blurs the number or makes it a moment: 余 多 左右 前 后.
_BLUR = "余多几约至左右前后上下内"
_UNIT = f"%|[^0-9.,;:+，。；：、≥≤<>=~～—%(){_BLUR}-]{{0,8}}?"
# What is measured, before the number: 及时率100%, 培训人数≥30人. Not 每月, which would make it a frequency.
_LABEL = (
    r"(?:(?:[节集]约|[结剩]余|[^0-9()≥≧⩾≮≤≦⩽≯<>=~,;:，。；：、每约余]){0,20}?"
    r"(?:率|度|比例|占比|比重|数|量|里程|面积|成本|费用|事故|投诉|伤亡)(?:发生)?(?:为|:)?)"
)
_GROWTH = "(?:(?:同比|[比较][上去]年)?(?:增长|增加|提高|上升))"
# What is done by then: 3个工作日内办结.
_DONE = "(?:完成|办结|办理|处置|处理|解决|响应|回复|到场|到位|拨付|报送)"
_QUANTITY = re.compile(
    rf"(?P<label>{_LABEL})?(?P<growth>{_GROWTH})?(?P<before>{_any(_BEFORE)})?(?P<hundredth>百分之)?(?P<number>{_NUMBER})"
    rf"(?P<unit>{_UNIT})(?:\(含\))?(?:(?P<after>{_any(_AFTER)}){_DONE}?)?"
)
_RANGE = re.compile(
    rf"(?:{_LABEL})?在?(?P<low>{_NUMBER})(?P<low_unit>{_UNIT})(?:-|~|—{{1,2}}|–|至|到)(?P<high>{_NUMBER})(?P<unit>{_UNIT})(?:之间)?"
)
# What there should be little of: without operator nobody can tell 投诉率1% from a target to reach.
_UNWANTED = re.compile("投诉|差错|失误|返工|废品|次品|事故|死亡|伤亡|超支|缺陷|违规|违纪|违法|逾期|延误|流失|发案|重复发生")
# But much of this is wanted: 投诉办结率100%.
_HANDLED = re.compile(
    "处理|处置|办结|办理|整改|整治|回复|答复|解决|查处|化解|排查|排除|消除|修复|防控|控制|满意|下降|降低|减少"
    "|治理|筛查|干预|预防|拆除|打击|纠正|修补|收回|清收|救助|上报|报告|及时|完成|覆盖|无|未|零"
)
_NO_ACCIDENT = re.compile(
    "(?:实现|确保|保持)?零[^零一二三四五六七八九十]{0,4}"
    "(?:(?P<people>死亡|伤亡)|事故|投诉|缺陷|差错|失误|违规|违纪|违法|上访|信访|案件|延误|故障|举报)"
)
# With or without its year: 2022年12月31日, 12月底, 年底, 年内.
_DAY = re.compile(
    r"(?P<before>不晚于|不迟于|早于|≤|<=|于)?(?:"
    r"(?:(?P<year>[0-9]{4})年|[本当今]年)?(?P<month>[0-9]{1,2})月(?:(?P<day>[0-9]{1,2})[日号]|底|末)"
    r"|(?:(?P<year2>[0-9]{4})年?|[本当今]年?)?年?(?<=[0-9年])[底末]"
    r"|[本当]?年度?内"
    r"|(?P<year3>[0-9]{4})[-/.](?P<month3>[0-9]{1,2})[-/.](?P<day3>[0-9]{1,2})"
    r")(?P<after>之前|以前|前)?(?:完成)?"
)
_MONTH_ALONE = re.compile("[0-9]月(?:之|以)?前")
_NOTE = re.compile(r"\(([^()]+)\)$")
_OFTEN = re.compile("每个?(?P<period>半年|年|季度?|月|周)(?P<times>[0-9]+)[^0-9]{0,3}")
_PERIODS = {"年": 1, "半年": 2, "季": 4, "季度": 4, "月": 12, "周": 52}
# 千人次, 百个: facts are counted one by one. 千克 and 百分点 are units of their own.
_GROUPED = re.compile("[十百千](?!克|米|瓦|伏|卡|帕|赫|分点|元|万)")
_CALENDAR = re.compile(r"[0-9]{4}\s*年|[0-9]{1,2}\s*月")
_NUMERAL = "[〇零一二两三四五六七八九十百千万亿]"
_MEASURED = "[个次期份项家人户天日月年件场部块篇条种处座元分%]"
# 五次, 六十公里; but not 一流, 两型, 一般.
_SPELLED = re.compile(
    rf"[≥≤≧≦<>=]|^{_NUMERAL}+[余几]|^[几数][十百千万]|分之|{_NUMERAL}点{_NUMERAL}|^{_NUMERAL}成(?:左右|以上|及以上)?$|[壹贰叁肆伍陆柒捌玖拾佰仟]|^(?:{_any(_BEFORE)})?(?:百分之)?(?:{_NUMERAL}{{2,}}.?|{_NUMERAL}{_MEASURED}?)(?:{_any(_AFTER)})?$"
)
# Units that a number in Chinese numerals may have; 一 before another word may mean anything: 一次性通过, 一人一档.
_SPELLED_UNIT = re.compile(
    "(?:万|亿)?元|%|个(?:工作日|月)?|次|期|份|项|家|人次?|户|天|日|小时|年|件|场|部|块|篇|条|种|处|座|起|例|名|批|套|台|辆|株|棵|亩|吨|里|公里|千米|米|平方米"
)


def parse_target(text: str, year: int | None = None) -> Target:
    """Parse target text (指标值): `≥60次`, `95%以上`, `合格率≥95%`, `90%-95%`, `≤600元/公里`, `四期`, `2022年12月底前`, `效果明显`.

    `year` is the year of a day written without one.
    Raises: ConfigurationError: saying what could not be read, never a guess.
    """
    half = text.translate(_FULL_WIDTH)
    if _BLANK_WITHIN.search(_THOUSANDS.sub("", half)):
        raise _unreadable(text, "数字中间有空格")
    plain = "".join(half.split()).rstrip("。;")
    if not plain:
        raise _unreadable(text, "指标值为空")
    body, often = _without_note(plain)
    target = _read(text, body, year)
    has_digits = any(character.isdigit() for character in plain)
    whole = body.replace("百分之百", "100%").replace("百分百", "100%")
    if not target and not has_digits and (digits := arabic(body) if whole == body else whole):
        spelled = _read(text, digits, year)
        is_clear = spelled and (not isinstance(spelled.value, Decimal) or _SPELLED_UNIT.fullmatch(spelled.unit))
        target = spelled if is_clear else None
    if target:
        return _held_against(text, target, often)
    if _MONTH_ALONE.search(plain):
        raise _unreadable(text, "没有说是月初还是月底，如写成“6月底前”")
    if plain.startswith("每"):
        raise _unreadable(text, "是频率，请写成全年的数，如每季度至少1次写成 ≥4次（每季度1次）")
    if has_digits:
        raise _unreadable(text, "含有数字，但不是“比较符＋数字＋单位”或完整日期")
    if _SPELLED.search(plain):
        raise _unreadable(text, "有比较符或汉字数字，但没有阿拉伯数字")
    return Target(text)


def is_unwanted(name: str) -> bool:
    """Whether there should be little of what is named: 投诉率, but not 投诉办结率."""
    return bool(_UNWANTED.search(name)) and not _HANDLED.search(name)


def _without_note(plain: str) -> tuple[str, re.Match[str] | None]:
    """A target without the bracket behind it, and how often the bracket says that something is done: ≥12期（每月1期）.

    A bracket that holds another number stays, and makes the target unreadable.
    """
    note = _NOTE.search(plain)
    if not note or note.start() == 0:
        return plain, None
    often = _OFTEN.fullmatch(arabic(note[1]) or note[1])
    is_remark = not re.search(f"[0-9{_BLUR}]|{_NUMERAL}", note[1])
    return (plain[: note.start()], often) if often or is_remark else (plain, None)


def _held_against(text: str, target: Target, often: re.Match[str] | None) -> Target:
    """The target, when its bracket does not contradict it."""
    if often and target.value != int(often["times"]) * _PERIODS[often["period"]]:
        raise _unreadable(text, f"括号里的“{often[0]}”合全年{int(often['times']) * _PERIODS[often['period']]}，与前面的数不同")
    return target


def _read(text: str, plain: str, year: int | None) -> Target | None:
    """A number, a range or a day; or None."""
    is_calendar = _CALENDAR.search(plain)
    if (quantity := _QUANTITY.fullmatch(plain)) and not is_calendar:
        return _quantity(text, quantity)
    if (between := _RANGE.fullmatch(plain)) and not is_calendar:
        return _range(text, between)
    if day := _DAY.fullmatch(plain):
        return _day(text, day, year)
    if none := _NO_ACCIDENT.fullmatch(plain):
        return Target(text, Relation.EQUAL, Decimal(0), "人" if none["people"] else "起")
    return None


def _quantity(text: str, match: re.Match[str]) -> Target:
    label, before = match["label"] or "", _BEFORE.get(match["before"] or "")
    after = _AFTER.get(match["after"] or "")
    if any(word in label for word in _BEFORE if not word.startswith("达")):
        raise _unreadable(text, f"“{label}”里有比较符")
    if not before and not after and _decimal(match["number"]) and is_unwanted(label):
        raise _unreadable(text, f"“{label}”越低越好，要写比较符，如 {label}≤{match['number']}{match['unit']}")
    if before and after and before is not after:
        raise _unreadable(text, f"“{match['before']}”与“{match['after']}”矛盾")
    unit = _unit(text, match["unit"])
    if match["hundredth"]:
        if unit:
            raise _unreadable(text, "“百分之”后不应再有单位")
        unit = "%"
    if match["growth"] and unit != "%":
        raise _unreadable(text, f"“{match['growth']}”后应是百分比；不是增长率的，写全年的数")
    return Target(text, before or after or Relation.EQUAL, _decimal(match["number"]), unit, is_growth=bool(match["growth"]))


def _range(text: str, match: re.Match[str]) -> Target:
    low, high, unit = _decimal(match["low"]), _decimal(match["high"]), _unit(text, match["unit"])
    if _unit(text, match["low_unit"]) not in ("", unit):
        raise _unreadable(text, "两头的单位不同")
    if low >= high:
        raise _unreadable(text, "前面的数应小于后面的数")
    return Target(text, Relation.AT_LEAST, low, unit, upper=high)


def _unit(text: str, written: str) -> str:
    if written == "百分比":
        return "%"
    if _GROUPED.match(written):
        raise _unreadable(text, f"“{written}”的数量级不清，请写出全部数字，如2千人次写成2000人次")
    return written


def _decimal(written: str) -> Decimal:
    return Decimal(written.replace(",", ""))


def _day(text: str, match: re.Match[str], this_year: int | None) -> Target:
    written = match["year"] or match["year2"] or match["year3"] or this_year
    if written is None:
        raise _unreadable(text, "没有写年份")
    year, month = int(written), int(match["month"] or match["month3"] or 12)
    try:
        day = match["day"] or match["day3"] or calendar.monthrange(year, month)[1]
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
