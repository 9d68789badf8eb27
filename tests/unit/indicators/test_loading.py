import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from perfeval.errors import ConfigurationError
from perfeval.indicators import IndicatorSystem, load_indicators
from perfeval.indicators.formula import formula
from schemas import BUILT_IN, DEFAULT, Catalogue

CONFIG = Path(__file__).parents[3] / "config"
SYSTEM = CONFIG / "packs" / "key-projects" / "indicators" / "2022.yml"
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
    (tmp_path / "profiles.yml").write_bytes((CONFIG / "common" / "profiles.yml").read_bytes())

    def load_text(text: str, name: str = "2022.yml", catalogue: Catalogue = DEFAULT) -> IndicatorSystem:
        path = tmp_path / "indicators" / name
        path.write_text(text, encoding="utf-8")
        return load_indicators(path, catalogue)

    return load_text


def faults(load: Load, text: str, **how: object) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load(text, **how)
    return list(raised.value.faults)


def test_system_of_the_repository_adds_up_and_covers_every_kind(pristine: Path) -> None:
    system = load_indicators(pristine / "indicators" / "2022.yml", DEFAULT)
    assert sum(row.weight for row in system.indicators) == 100
    assert {row.level2 for row in system.scored} == {
        "数量指标", "质量指标", "时效指标", "成本指标",
        "经济效益指标", "社会效益指标", "可持续影响指标", "服务对象满意度指标",
    }  # fmt: skip
    assert len(system.scored) == 19


@pytest.mark.parametrize("year", ["2022", "2023"])
def test_system_of_the_repository_is_any_years_by_its_year_alone(year: str, load: Load) -> None:
    text = SYSTEM.read_text(encoding="utf-8").replace("year: 2022", f"year: {year}")
    assert formula(load(text, name=f"{year}.yml").facts["tasks_overdue"]) == (
        f"统计问题交办台账中销号日期晚于办结时限或（销号日期为空且办结时限不晚于{year}年12月31日）的行数"
    )


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
         "2022.yml:2: profile：没有“mof”这套评分规则，profiles.yml 里有：mof-2020、mof-2021-cost、hubei、integrated-2022"),
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
        (LAST, f"{LAST[:-1]}, where: \"rating = '满意'\"}}",
         "2022.yml:13: indicators.3.measure：比率只写 numerator 和 denominator，两者都要写"),
        ("     measure: {ledger: meetings, aggregate: count}, evidence", "     evidence",
         "2022.yml:8: indicators.1：缺少 measure：指标的数都由台账计算；由人评定的写 judged: true"),
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
    with pytest.raises(ConfigurationError, match=r"profiles.yml:16: mof-2020：分值合计110，应为100"):
        load(VALID)
    profiles.unlink()
    with pytest.raises(ConfigurationError, match=r"缺少配置文件 profiles.yml"):
        load(VALID)


KEPT = Catalogue(
    {name: BUILT_IN[name] for name in ("budget", "expenditure", "publications", "meetings", "surveys")}, optional=frozenset({"surveys"})
)


def test_system_over_the_ledgers_that_are_kept_loads(load: Load) -> None:
    assert [row.id for row in load(VALID, catalogue=KEPT).scored] == ["meetings", "spent", "closed"]


def test_ledger_that_the_office_does_not_keep_is_told_with_its_line(load: Load) -> None:
    text = VALID.replace("{ledger: meetings", "{ledger: goals").replace("[照片]", "[照片, 年度目标任务台账]")
    assert faults(load, text, catalogue=KEPT) == [
        "2022.yml:9: indicators.1.measure.ledger：没有“goals”这个台账，可用的：budget、expenditure、publications、meetings、surveys；"
        "要用它，先在 ledgers.yml 的 keeps 里写上",
        "2022.yml:14: indicators.3.evidence：没有“年度目标任务台账”，可用的台账：预算指标台账、资金支出台账、编发刊物台账、调度会议台账、"
        "满意度调查台账",
    ]


def test_office_that_keeps_no_budget_is_told(load: Load) -> None:
    catalogue = Catalogue({name: BUILT_IN[name] for name in ("expenditure", "publications", "meetings", "surveys")})
    assert faults(load, f"{HEAD}indicators:\n{ROWS}", catalogue=catalogue) == [
        "2022.yml:1: 预算执行率由预算指标台账和资金支出台账算出，ledgers.yml 的 keeps 里还缺：budget"
    ]


def test_system_of_last_year_taken_over_tells_every_foreign_date(load: Load) -> None:
    facts = """\
  ended: {ledger: issues, where: "closed_on <= DATE '2022-12-31'", aggregate: count}
  months: {ledger: progress, where: "month LIKE '2022%' OR month = '2022-12'", aggregate: count}
"""
    rows = (
        ROWS.replace('"≥60次"', "2022年12月底前, measure: {ledger: meetings, aggregate: max, column: held_on}")
        .replace("scoring: proportional,\n     measure: {ledger: meetings, aggregate: count}", "scoring: all_or_nothing", 1)
        .replace("denominator: {ledger: surveys,", "denominator: {ledger: surveys, where: \"surveyed_on >= DATE '2022-01-01'\",")
    )
    text = f"{HEAD}{facts}indicators:\n{EXECUTION}{rows}".replace("year: 2022", "year: 2023")
    assert faults(load, text, name="2023.yml") == [
        "2023.yml:5: facts.ended.where：2022-12-31不是2023年的，应写 year_end",
        "2023.yml:6: facts.months.where：2022%不是2023年的，应写 BETWEEN year_start AND year_end；2022-12不是2023年的，应写 year_end",
        "2023.yml:10: indicators.1.target：指标值“2022年12月底前”不是2023年的日期，请改成2023年的，如 2023年12月底前",
        "2023.yml:14: indicators.3.measure.denominator.where：2022-01-01不是2023年的，应写 year_start",
    ]


ENDED = VALID.replace("facts:\n", 'facts:\n  ended: {ledger: issues, where: "closed_on <= year_end", aggregate: count}\n')


@pytest.mark.parametrize(("year", "phrase"), [("2022", "销号日期不晚于2022年12月31日"), ("2023", "销号日期不晚于2023年12月31日")])
def test_system_with_words_for_the_year_is_another_years_by_its_year_alone(year: str, phrase: str, load: Load) -> None:
    condition = load(ENDED.replace("year: 2022", f"year: {year}"), name=f"{year}.yml").facts["ended"].where
    assert condition is not None
    assert condition.phrase == phrase


def test_year_that_is_none_is_told_alone(load: Load) -> None:
    assert faults(load, ENDED.replace("year: 2022", "year: 今年")) == ["2022.yml:1: year：应为整数"]


SUM_OF_YUAN = "{ledger: works, aggregate: sum, column: cost_yuan}"
SUM_OF_KM = "{ledger: works, aggregate: sum, column: length_km}"
COUNT = "{ledger: works, aggregate: count}"
BETWEEN = "ledger: works, days: [started_on, accepted_on]"


def with_measure(measure: str, target: str = "≥1") -> str:
    old = '"≥60次", weight: 50, scoring: proportional,\n     measure: {ledger: meetings, aggregate: count}'
    return VALID.replace(old, f'"{target}", weight: 50, scoring: proportional,\n     measure: {{{measure}}}')


@pytest.mark.parametrize(
    ("measure", "target"),
    [
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 1, unit: 元/公里", "≤600元/公里"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 1, unit: 元/公里", "≤0.06万元/公里"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 1, unit: 元/公里·年", "≤600元/公里·年"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 100, unit: 元/百公里", "≤60000元/百公里"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {COUNT}, factor: 1, unit: 元/次", "≤500元/次"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {COUNT}, factor: 1, unit: 元/人·天", "≤300元/人·天"),
        (f"numerator: {SUM_OF_KM}, denominator: {COUNT}, factor: 1, unit: 公里/人", "≥3.5公里/人"),
        (f"numerator: {COUNT}, denominator: {COUNT}, factor: 1000, unit: ‰", "≤5‰"),
        (f"numerator: {SUM_OF_KM}, denominator: {SUM_OF_KM}", "≥95%"),
        (f"numerator: {{{BETWEEN}, aggregate: sum}}, denominator: {{{BETWEEN}, aggregate: sum}}", "≥95%"),
        ("ledger: works, aggregate: sum, column: length_km", "≥30.5公里"),
        ("ledger: works, aggregate: mean, column: cost_yuan, unit: 元/笔", "≤500元/笔"),
        ("ledger: works, aggregate: mean, column: cost_yuan", "≤0.05万元/笔"),
        ("ledger: works, aggregate: mean, column: cost_yuan, unit: 元/笔", "≤500元"),
        (f"{BETWEEN}, aggregate: mean, unit: 天", "≤45天"),
        (f"{BETWEEN}, aggregate: mean, unit: 天/项", "45天以内"),
    ],
)
def test_measure_and_target_in_the_same_unit_load(measure: str, target: str, load: Load, catalogue: Catalogue) -> None:
    assert load(with_measure(measure, target), catalogue=catalogue).scored[0].target == target


@pytest.mark.parametrize(
    ("measure", "fault"),
    [
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}",
         "元除以公里得不出百分比，请写 factor 和 unit，如 factor: 1、unit: 元/公里"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {COUNT}, factor: 100",
         "元除以计数得不出百分比，请写 factor 和 unit，如 factor: 1、unit: 元/次"),
        (f"numerator: {SUM_OF_KM}, denominator: {SUM_OF_KM}, factor: 1", "factor 是1时要写 unit，如 unit: 元/公里"),
        (f"numerator: {COUNT}, denominator: {COUNT}, factor: 1000, unit: '%'", "factor 是1000时要写 unit，如 unit: 元/公里"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, unit: 元/公里", "单位是“元/公里”的比率要写 factor，如 factor: 1"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 1, unit: 元/吨", "单位应为“元/公里”，不是“元/吨”"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 0.0001, unit: 万元/公里", "单位应为“元/公里”，不是“万元/公里”"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {COUNT}, factor: 1, unit: 元", "单位应为“元/…”，不是“元”"),
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 1000, unit: 元/公里", "单位是“元/公里”时 factor 应为1"),
        ("ledger: works, aggregate: sum, column: length_km, unit: 米", "单位应为“公里”，不是“米”"),
        ("ledger: works, aggregate: sum, column: cost_yuan, unit: 元/笔", "单位应为“元”，不是“元/笔”"),
        ("ledger: works, aggregate: count, factor: 1", "factor 只用于 numerator 和 denominator 的比率"),
        (f"{BETWEEN}, aggregate: count", "days 与 mean、min、max 或 sum 同用，不写 column"),
        (f"{BETWEEN}, aggregate: mean, column: cost_yuan", "days 与 mean、min、max 或 sum 同用，不写 column"),
        (f"{BETWEEN}, aggregate: mean, unit: 个工作日", "单位应为“天”，不是“个工作日”"),
    ],
)  # fmt: skip
def test_measure_that_does_not_hold_together_says_why(measure: str, fault: str, load: Load, catalogue: Catalogue) -> None:
    assert faults(load, with_measure(measure), catalogue=catalogue) == [f"2022.yml:9: indicators.1.measure：{fault}"]


@pytest.mark.parametrize(
    ("days", "fault"),
    [
        ("[started_on]", "应写两个不同的日期列，如 [started_on, accepted_on]"),
        ("[started_on, started_on]", "应写两个不同的日期列，如 [started_on, accepted_on]"),
        ("started_on", "应写两个不同的日期列，如 [started_on, accepted_on]"),
        ("[started_on, cost_yuan]", "“金额（元）”是金额，不是日期"),
        ("[started_on, opened_on]",
         "养护工程台账没有“opened_on”这一列，可用的：kind、length_km、gravel_t、cost_yuan、started_on、accepted_on"),
    ],
)  # fmt: skip
def test_days_that_are_no_two_days_say_why(days: str, fault: str, load: Load, catalogue: Catalogue) -> None:
    text = with_measure(f"ledger: works, aggregate: mean, days: {days}", "≤45天")
    assert faults(load, text, catalogue=catalogue) == [f"2022.yml:9: indicators.1.measure.days：{fault}"]


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ("more: {growth: bulletin}", "2022.yml:4: 没有“bulletin”这个数据项，growth 应写 facts 或指标里由台账算出的一项的名"),
        ("more: {growth: more}", "2022.yml:4: 没有“more”这个数据项，growth 应写 facts 或指标里由台账算出的一项的名"),
        ("more: {growth: meetings, unit: 次}", "2022.yml:4: facts.more：growth 只写一个数据项的名，不写别的"),
        ("more: {unit: 次}", "2022.yml:4: facts.more：应写 ledger 和 aggregate，或者 numerator 和 denominator，或者 growth"),
        ("budget_executed_other: {growth: meetings}", "2022.yml:4: facts 里的“budget_executed_other”是系统内置数据项，请换一个名"),
    ],
)
def test_growth_of_nothing_is_told_with_its_line(facts: str, fault: str, load: Load) -> None:
    assert faults(load, VALID.replace("facts:\n", f"facts:\n  {facts}\n")) == [fault]


@pytest.mark.parametrize("grown", ["bulletins", "meetings", "budget_executed"])
def test_growth_of_a_fact_an_indicator_or_the_budget_loads(grown: str, load: Load) -> None:
    assert load(VALID.replace("facts:\n", f"facts:\n  more: {{growth: {grown}}}\n")).facts["more"].growth == grown


@pytest.mark.parametrize(
    ("related", "fault"),
    [
        ("{ledger: services, by: project}", "found_in.0.by：帮代办事项台账没有“project”这一列，可用的：service_no"),
        ("{ledger: services, by: service_no}", "：重点项目台账没有“service_no”这一列，可用的：project_no"),
        ("{ledger: services, by: agent}", "found_in.0.by：“代办员”是文字，两本台账只能按编号对照"),
        ("{ledger: service, by: project_no}", "found_in.0.ledger：没有“service”这个台账"),
        ('{ledger: services, by: project_no, where: "agent > 3"}', "found_in.0.where：不是可用的行条件"),
    ],
)
def test_rows_found_in_another_ledger_by_what_does_not_fit_are_told(related: str, fault: str, load: Load) -> None:
    more = f"  more: {{ledger: projects, found_in: [{related}], aggregate: count}}\n"
    assert fault in faults(load, VALID.replace("facts:\n", f"facts:\n{more}"))[0]


def test_weight_with_more_than_two_decimals_is_told_with_its_line(load: Load) -> None:
    text = VALID.replace("weight: 30", "weight: 29.999").replace("weight: 50", "weight: 50.001")
    assert [fault for fault in faults(load, text) if "小数" in fault] == [
        "2022.yml:8: indicators.1.weight：分值最多2位小数",
        "2022.yml:10: indicators.2.weight：分值最多2位小数",
    ]


def test_weights_with_two_decimals_load(load: Load) -> None:
    second = ROWS.splitlines(keepends=True)[0].replace("meetings", "calls").replace("50", "16.67") + ROWS.splitlines(keepends=True)[1]
    system = load(f"{HEAD}indicators:\n{second}{ROWS.replace('weight: 50', 'weight: 33.33')}")
    assert [row.weight for row in system.scored][:2] == [Decimal("16.67"), Decimal("33.33")]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("required: [服务对象满意度指标]", "required: [满意度]", "mof-2020.levels.满意度指标：required 的“满意度”不在 level2 里"),
        ("deviation_pct: 20", "deviation_pct: 20\n  late: [[30, 60], [7, 80]]", "mof-2020：late 应写成 [逾期天数, 得分比例]"),
        ("deviation_pct: 20", "deviation_pct: 20\n  late: [[7, 60], [30, 80]]", "mof-2020：late 应写成 [逾期天数, 得分比例]"),
        ("deviation_pct: 20", "deviation_pct: 20\n  caps: [{by: rate, below: 80, total: 89}]", "mof-2020.caps.0.by：不在可选值之内"),
    ],
)  # fmt: skip
def test_profile_with_a_rule_that_does_not_hold_together_says_why(old: str, new: str, fault: str, tmp_path: Path, load: Load) -> None:
    profiles = tmp_path / "profiles.yml"
    profiles.write_text(profiles.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=re.escape(fault)):
        load(VALID)


def test_profile_as_it_was_before_caps_still_loads(tmp_path: Path, load: Load) -> None:
    profiles = tmp_path / "profiles.yml"
    text = profiles.read_text(encoding="utf-8")
    profiles.write_text(re.sub(r", required: \[.*?\]", "", text[: text.index("integrated-2022")]), encoding="utf-8")
    profile = load(VALID).profile
    assert (profile.caps, profile.exceeding, profile.late, [*profile.required()]) == ((), None, (), [])


PER = "；单位成本、人均数写成比率：numerator、denominator、factor、unit"


@pytest.mark.parametrize(
    ("measure", "target", "fault"),
    [
        (f"numerator: {SUM_OF_YUAN}, denominator: {SUM_OF_KM}, factor: 1, unit: 元/公里", "≤600元/次",
         f"指标值“≤600元/次”的单位与计算结果的单位“元/公里”不同{PER}"),
        (f"numerator: {COUNT}, denominator: {COUNT}", "≤600元/公里", f"指标值“≤600元/公里”的单位与计算结果的单位“%”不同{PER}"),
        ("ledger: works, aggregate: sum, column: cost_yuan", "≤500元/笔", f"指标值“≤500元/笔”的单位与计算结果的单位“元”不同{PER}"),
        ("ledger: works, aggregate: mean, column: cost_yuan, unit: 元/笔", "≤500元/人",
         f"指标值“≤500元/人”的单位与计算结果的单位“元/笔”不同{PER}"),
        ("ledger: works, aggregate: sum, column: length_km", "≥30吨", "指标值“≥30吨”的单位与计算结果的单位“公里”不同"),
        (f"{BETWEEN}, aggregate: mean", "≤45个工作日", "指标值“≤45个工作日”的单位与计算结果的单位“天”不同"),
        ("ledger: works, aggregate: count", "≥12次/月",
         f"指标值“≥12次/月”是频率或人均数，计算结果却是全年的数；请写成全年的数，如 ≥12次{PER}"),
    ],
)  # fmt: skip
def test_target_in_another_unit_than_the_measure_is_refused(
    measure: str, target: str, fault: str, load: Load, catalogue: Catalogue
) -> None:
    assert faults(load, with_measure(measure, target), catalogue=catalogue) == [f"2022.yml:8: indicators.1：{fault}"]
