from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from perfeval.errors import ConfigurationError
from perfeval.indicators import IndicatorSystem, load_indicators

CONFIG = Path(__file__).parents[3] / "config"
Load = Callable[..., IndicatorSystem]

HEAD = """\
year: 2022
profile: mof-2020
facts:
  bulletins: {ledger: publications, where: "kind = '重点项目建设简报'", aggregate: count, unit: 期}
"""
EXECUTION = """\
  - {id: execution, level1: 预算执行率, level2: 预算执行率, name: 预算执行率, target: 100%, weight: 10, scoring: execution,
     evidence: [预算指标台账], source: 财预〔2020〕10号}
"""
ROWS = """\
  - {id: meetings, level1: 产出指标, level2: 数量指标, name: 会议, target: "≥60次", weight: 50, scoring: proportional,
     measure: {ledger: meetings, aggregate: count}, evidence: [调度会议台账], source: 样例}
  - {id: spent, level1: 效益指标, level2: 社会效益, name: 支出, target: "≤5万元", weight: 30, scoring: proportional,
     measure: {ledger: expenditure, aggregate: sum, column: amount_yuan}, evidence: [资金支出台账], source: 样例}
  - {id: closed, level1: 满意度指标, level2: 服务对象满意度指标, name: 满意, target: 95%以上, weight: 10, scoring: proportional,
     measure: {numerator: {ledger: surveys, aggregate: count}, denominator: {ledger: surveys, aggregate: count}},
     evidence: [照片], source: 样例}
"""
VALID = f"{HEAD}indicators:\n{EXECUTION}{ROWS}"
LAST = "     measure: {numerator: {ledger: surveys, aggregate: count}, denominator: {ledger: surveys, aggregate: count}}"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "indicators").mkdir()
    (tmp_path / "profiles.yml").write_bytes((CONFIG / "profiles.yml").read_bytes())

    def load_text(text: str, name: str = "2022.yml") -> IndicatorSystem:
        path = tmp_path / "indicators" / name
        path.write_text(text, encoding="utf-8")
        return load_indicators(path)

    return load_text


def faults(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load(text)
    return list(raised.value.faults)


def test_system_of_the_repository_adds_up_and_covers_every_kind() -> None:
    system = load_indicators(CONFIG / "indicators" / "2022.yml")
    assert sum(row.weight for row in system.indicators) == 100
    assert {row.level2 for row in system.scored} == {
        "数量指标", "质量指标", "时效指标", "成本指标",
        "经济效益指标", "社会效益指标", "生态效益指标", "可持续影响指标", "服务对象满意度指标",
    }  # fmt: skip
    assert len(system.scored) == 23


@pytest.mark.parametrize("execution", [EXECUTION, ""])
def test_system_loads_with_and_without_the_execution_row(execution: str, load: Load) -> None:
    system = load(f"{HEAD}indicators:\n{execution}{ROWS}")
    assert [(row.id, row.weight) for row in system.scored] == [("meetings", Decimal(50)), ("spent", Decimal(30)), ("closed", Decimal(10))]
    assert system.profile.execution == 10


def test_level_spelled_in_two_ways_is_told_at_both(load: Load) -> None:
    second = ROWS.splitlines(keepends=True)[0].replace("meetings", "calls").replace("产出指标", "产出").replace("50", "25")
    rows = second + ROWS.splitlines(keepends=True)[1] + ROWS.replace("weight: 50", "weight: 25")
    assert [fault.partition(": ")[2] for fault in faults(load, f"{HEAD}indicators:\n{EXECUTION}{rows}")] == [
        "一级指标“产出”在别的行写法不同，请写成一样",
        "一级指标“产出指标”在别的行写法不同，请写成一样",
    ]


def test_profile_without_weights_by_level_only_wants_the_total(load: Load) -> None:
    rows = ROWS.replace("weight: 50", "weight: 45").replace("weight: 30", "weight: 25")
    system = load(f"{HEAD}indicators:\n{rows}".replace("mof-2020", "hubei"))
    assert sum(row.weight for row in system.scored) == 80


def test_every_fault_is_told_at_once_with_its_line(load: Load) -> None:
    text = (
        VALID.replace("kind = '重点项目建设简报'", "kind = '简报'")
        .replace("ledger: meetings", "ledger: meeting")
        .replace("weight: 50", "weight: 51")
        .replace("id: spent", "id: meetings")
        .replace("level2: 社会效益", "level2: 数量指标")
        .replace("column: amount_yuan", "column: summary")
        .replace("95%以上", "约95%")
        .replace("evidence: [照片], source: 样例", "evidence: [照片], sorce: 样例")
    )
    assert faults(load, text) == [
        "2022.yml:4: facts.bulletins.where：“刊物类别”没有“简报”，只有：重点项目建设简报、进度分色表、宣传视频、宣传展板",
        "2022.yml:5: 产出指标的分值合计应为50，现为51",
        "2022.yml:5: 全部指标与预算执行率（10分）的分值合计应为100，现为101",
        "2022.yml:9: indicators.1.measure.ledger：没有“meeting”这个台账，可用的：budget、expenditure、plans、projects、progress、"
        "meetings、issues、services、publications、inspections、surveys、goals、evaluation_work",
        "2022.yml:10: id “meetings”与前面的指标重复",
        "2022.yml:10: “数量指标”不属于效益指标，应为：经济效益指标、社会效益指标、生态效益指标、可持续影响指标",
        "2022.yml:11: indicators.2.measure.column：“摘要”是文字，不能用 sum",
        "2022.yml:12: indicators.3.target：无法识别指标值“约95%”：含有数字，但不是“比较符＋数字＋单位”或完整日期。"
        "写成“≥60次”“95%以上”“不超过3天”“2022年12月底前”，或不含数字的定性文字。",
        "2022.yml:12: indicators.3.source：缺少这一项",
        "2022.yml:14: indicators.3.sorce：不认识的项（检查拼写）",
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("year: 2022", "year: 2023", "2022.yml:1: year 是 2023，文件名却是 2022"),
        ("profile: mof-2020", "profile: mof",
         "2022.yml:2: profile：没有“mof”这套评分规则，profiles.yml 里有：mof-2020、mof-2021-cost、hubei"),
        ("bulletins:", "budget_annual:", "2022.yml:4: facts 里的“budget_annual”是系统内置数据项，请换一个名"),
        ("bulletins:", "meetings:", "2022.yml:8: id “meetings”与facts重复"),
        ("unit: 期", "unit: 期, value: 4", "2022.yml:4: facts.bulletins.value：不认识的项（检查拼写）"),
        ("id: spent", "id: Spent", "2022.yml:10: indicators.2.id：格式不对"),
        ("weight: 10, scoring: execution", "weight: 20, scoring: execution", "2022.yml:6: 预算执行率的分值应为10，现为20"),
        ("level1: 满意度指标", "level1: 满意", "2022.yml:12: 没有一级指标“满意”，应为：产出指标、效益指标、满意度指标"),
        ('"≤5万元"', '"≤5次"', "2022.yml:10: indicators.2：指标值“≤5次”的单位与计算结果的单位“元”不同"),
        ('"≥60次"', '"≥60%"', "2022.yml:8: indicators.1：指标值“≥60%”的单位与计算结果的单位“计数”不同"),
        ('"≥60次"', "效果明显", "2022.yml:8: indicators.1：定性的指标值“效果明显”要用 scoring: graded"),
        ('"≥60次"', "2022年底前", "2022.yml:8: indicators.1：指标值是日期时，measure 应取日期列的 min 或 max；反之亦然"),
        ("95%以上", "95%以下", "2022.yml:12: indicators.3：满意度是正向指标，指标值不应写成“95%以下”"),
        ('"≤5万元"', '"≤5万元", direction: positive', "2022.yml:10: indicators.2：指标值“≤5万元”的方向与 direction: positive 相反"),
        ("evidence: [调度会议台账]", "evidence: []", "2022.yml:9: indicators.1.evidence：至少应有1项"),
        ("aggregate: count}, evidence: [调", "aggregate: count, column: kind}, evidence: [调",
         "2022.yml:9: indicators.1.measure：count 数的是行，不写 column；其他 aggregate 要写 column"),
        ("aggregate: sum, column: amount_yuan", "aggregate: sum, column: amount",
         "2022.yml:11: indicators.2.measure.column：资金支出台账没有“amount”这一列，可用的：voucher_no、paid_on、programme_code、"
         "economic_code、economic_name、category、summary、payee、amount_yuan、payment_method、invoice_no、attachments、plan_no、"
         "application_no、approved_by、approved_on、source"),
        (LAST, "     measure: {numerator: {ledger: surveys, aggregate: count}}",
         "2022.yml:13: indicators.3.measure：比率只写 numerator 和 denominator，两者都要写"),
        ("     measure: {ledger: meetings, aggregate: count}, evidence", "     evidence",
         "2022.yml:8: indicators.1：缺少 measure：指标的数都由台账计算"),
    ],
)  # fmt: skip
def test_fault_is_told_with_its_line(old: str, new: str, fault: str, load: Load) -> None:
    assert fault in faults(load, VALID.replace(old, new))


def test_date_target_scored_in_proportion_is_refused(load: Load) -> None:
    rows = ROWS.replace('"≥60次"', "2022年底前").replace(
        "{ledger: meetings, aggregate: count}", "{ledger: meetings, aggregate: max, column: held_on}"
    )
    assert faults(load, f"{HEAD}indicators:\n{rows}") == ["2022.yml:6: indicators.0：日期不能按比例计分，应写 scoring: all_or_nothing"]


@pytest.mark.parametrize(
    ("bands", "fault"),
    [
        (
            "{达成预期指标: [100, 90], 部分达成预期指标: [60, 90], 未达成预期指标: [0, 60]}",
            "2022.yml:12: indicators.3：bands 应从高档到低档首尾相接，写成 [下限, 上限]，最低为0",
        ),
        (
            "{达成预期指标: [90, 100], 部分达成预期指标: [60, 80], 未达成预期指标: [0, 60]}",
            "2022.yml:12: indicators.3：bands 应从高档到低档首尾相接，写成 [下限, 上限]，最低为0",
        ),
        (
            "{好: [90, 100], 部分达成预期指标: [60, 90], 未达成预期指标: [0, 60]}",
            "2022.yml:13: bands 的各档应依次为：达成预期指标、部分达成预期指标、未达成预期指标",
        ),
    ],
)
def test_bands_that_do_not_fit_are_told(bands: str, fault: str, load: Load) -> None:
    text = VALID.replace("95%以上, weight: 10, scoring: proportional", "群众满意, weight: 10, scoring: graded")
    assert faults(load, text.replace(LAST, f"     bands: {bands},\n{LAST}")) == [fault]


def test_key_written_twice_is_told(load: Load) -> None:
    twice = VALID.replace("indicators:\n", "  bulletins: {ledger: goals, aggregate: count}\nindicators:\n")
    assert faults(load, twice) == ["2022.yml:5: “bulletins”前面已经写过"]


@pytest.mark.parametrize("text", ["", "- 一", "文字"])
def test_file_that_is_no_system_says_what_is_missing(text: str, load: Load) -> None:
    assert faults(load, text) == ["2022.yml:1: year：缺少这一项", "2022.yml:1: profile：缺少这一项", "2022.yml:1: indicators：缺少这一项"]


def test_profiles_missing_or_wrong_are_told(tmp_path: Path, load: Load) -> None:
    profiles = tmp_path / "profiles.yml"
    profiles.write_text(profiles.read_text(encoding="utf-8").replace("weight: 50", "weight: 60", 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"profiles.yml:9: mof-2020：分值合计110，应为100"):
        load(VALID)
    profiles.unlink()
    with pytest.raises(ConfigurationError, match=r"缺少配置文件 profiles.yml"):
        load(VALID)
