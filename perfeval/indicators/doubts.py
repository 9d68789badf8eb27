"""Doubts (疑点) about an indicator system and its scores, as findings for the approvers: nothing here changes a point."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

import polars as pl

from perfeval.indicators.facts import BUILT_IN
from perfeval.indicators.measure import Measure
from perfeval.indicators.profile import TOTAL, same_title
from perfeval.indicators.system import IndicatorSystem
from perfeval.indicators.wording import percentage_near
from perfeval.model import Facts, Finding, Judgement, Ledger, Ledgers, Scorecard, Severity
from perfeval.model.numbers import percentage
from schemas import Column

MEANINGS: Mapping[str, str] = {
    "C18": "全部指标得满分",
    "C22": "数量指标以金额为值，或指标与预算执行率重复",
    "C27": "支出很少，产出却几乎得满分",
    "T02": "指标体系缺少应有的二级指标",
    "T03": "按台账行数统计，指标值却以量度单位计",
    "T04": "指标没有数值，不得分或不计分",
    "T05": "没有封顶所依据的数，没有封顶",
    "T12": "年度目标任务没有全部完成，等级却是最高一级",
    "T13": "预算有几种资金来源，支出分不出是哪一种",
    "T14": "增长率所比的两个年度的数，算法不同",
    "T15": "两个日期之间的天数有负的",
    "T16": "指标的佐证材料在 evidence 文件夹里没有",
}
_OUTPUT = "产出指标"
# Units that rows of a ledger are not counted in.
_MEASURES = re.compile("公里|千米|里|米|平方米|立方米|亩|公顷|吨|公斤|千克|升|小时|度|千瓦时?")


def find_doubts(system: IndicatorSystem, facts: Facts, card: Scorecard) -> tuple[Finding, ...]:
    """What an approver should know before the points: rows without a value first, then what does not fit together."""
    findings = (
        *_without_value(facts, card),
        *_uncapped(system, facts),
        *_contrast(system, facts, card),
        *_untold_sources(card),
        *_faultless(card),
        *_incomplete(system),
        *_of_money(system),
        *_odd_units(system),
    )
    return tuple(Finding(code, Severity.WARNING, message) for code, message in findings)


def find_goal_doubts(system: IndicatorSystem, ledgers: Ledgers, card: Scorecard) -> tuple[Finding, ...]:
    """Goals (年度目标任务) not reached beside the best grade: the rules let them cost nothing."""
    goals = ledgers.get("goals")
    if goals is None or card.grade != next(iter(system.profile.grades)):
        return ()
    total, unmet = (rows.select(pl.len()).collect().item() for rows in (goals.rows, goals.rows.filter(pl.col("status") != "完成")))
    message = f"{total}项年度目标任务有{unmet}项没有完成，评价等级却是“{card.grade}”：目标没有完成不影响得分"
    return (goals.finding("T12", Severity.WARNING, message),) if unmet else ()


def find_growth_doubts(system: IndicatorSystem, facts: Facts, last_year: Facts | None) -> tuple[Finding, ...]:
    """Growth of a figure that was counted otherwise last year: two things under one name."""
    pairs = [(facts[name], (last_year or {}).get(name)) for name in dict.fromkeys(system.growths.values())]
    return tuple(
        Finding("T14", Severity.WARNING, f"增长率所比的数上一年度是“{before.formula}”，本年是“{now.formula}”，不是同一算法")
        for now, before in pairs
        if before and _yearless(before.formula, system.year - 1) != _yearless(now.formula, system.year)
    )


def find_evidence_doubts(
    system: IndicatorSystem, judgements: Mapping[str, Judgement], known: Collection[str], files: Collection[str] | None
) -> tuple[Finding, ...]:
    """Evidence that a row or its judgement names, and that is neither `known`, a ledger, nor among the year's files of evidence.

    Without a folder of evidence nothing can be looked up.
    """
    named = {row.name: [*row.evidence, *(judgements[row.id].evidence if row.id in judgements else ())] for row in system.scored}
    lacking = {
        name: [item for item in dict.fromkeys(items) if item not in known and not any(item in file for file in files or ())]
        for name, items in named.items()
        if files is not None
    }
    return tuple(
        Finding("T16", Severity.WARNING, f"指标“{name}”的佐证材料{'、'.join(f'“{item}”' for item in items)}不在 evidence/{system.year} 里")
        for name, items in lacking.items()
        if items
    )


def find_day_doubts(system: IndicatorSystem, ledgers: Ledgers) -> tuple[Finding, ...]:
    """Days between two columns that run backwards, and make a mean look shorter than it is."""
    titles = {row.id: row.name for row in system.scored}
    return tuple(
        ledger.finding(
            "T15", Severity.WARNING, f"{count}行的{last.header}早于{first.header}，“{titles.get(name, name)}”的天数里按负数计", count=count
        )
        for name, measure in system.measures.items()
        for part in measure.parts
        if part.days and (ledger := ledgers.get(part.shape.ledger_name()))
        for first, last in (part.days,)
        if (count := _backwards(ledger, part, first, last))
    )


def _backwards(ledger: Ledger, part: Measure, first: Column, last: Column) -> int:
    counted = part.where.expression if part.where else pl.lit(value=True)
    found: int = ledger.rows.filter(counted, pl.col(last.name) < pl.col(first.name)).select(pl.len()).collect().item()
    return found


def _yearless(formula: str, year: int) -> str:
    return formula.replace(f"{year}年", "")


def _without_value(facts: Facts, card: Scorecard) -> Iterator[tuple[str, str]]:
    for row in card.scores:
        if facts[row.id].value is None:
            yield "T04", f"指标“{row.name}”{row.explanation}"


def _uncapped(system: IndicatorSystem, facts: Facts) -> Iterator[tuple[str, str]]:
    for by in dict.fromkeys(cap.by for cap in system.profile.caps):
        fact = facts.get(by)
        if fact and fact.value is None:
            yield "T05", f"评分规则按“{fact.formula}”封顶，没有这个数（{fact.reason}），没有封顶"


def _contrast(system: IndicatorSystem, facts: Facts, card: Scorecard) -> Iterator[tuple[str, str]]:
    """Little spent and everything achieved: either the budget was too large or the targets too low.

    Costs of which nothing was spent have no value, and do not hide it.
    """
    profile = system.profile
    outputs = [row for row in card.scores if same_title(row.level1, _OUTPUT) and facts[row.id].value is not None]
    weight, score = (sum(points, Decimal(0)) for points in ([row.weight for row in outputs], [row.score for row in outputs]))
    if card.execution.rate < profile.low_execution_pct and weight and score * 100 / weight >= profile.full_output_pct:
        spent, gained = percentage_near(card.execution.rate, profile.low_execution_pct), percentage(score * 100 / weight)
        yield "C27", f"预算执行率只有{spent}，产出指标却得了分值的{gained}：预算偏大，或指标值偏低"


def _untold_sources(card: Scorecard) -> Iterator[tuple[str, str]]:
    untold = [name for name, (_, _, spent) in card.execution.parts.items() if spent is None]
    if untold:
        yield "T13", f"{'、'.join(untold)}各有预算，支出没有登记或没有登记全资金来源，自评表分不出各自的执行数"


def _faultless(card: Scorecard) -> Iterator[tuple[str, str]]:
    """Nothing missed by anybody is rare, and more often says that targets were set to what was reached."""
    if card.total == TOTAL:
        yield "C18", f"{sum(row.is_applicable for row in card.scores)}项指标和预算执行率全部得满分：指标值可能偏低，或照实际完成值填写"


def _of_money(system: IndicatorSystem) -> Iterator[tuple[str, str]]:
    """Spending told a second time: as a quantity, or as what the execution rate scores already."""
    spent = BUILT_IN["budget_executed"]
    for row in system.scored:
        if row.measure and same_title(row.level2, "数量指标") and row.aim.base_unit == "元":
            yield "C22", f"数量指标“{row.name}”的指标值“{row.target}”是金额"
        elif row.measure and row.measure.model_dump() == spent.model_dump():
            yield "C22", f"指标“{row.name}”是全年执行数，与预算执行率重复"


def _incomplete(system: IndicatorSystem) -> Iterator[tuple[str, str]]:
    for first, level in system.profile.levels.items():
        found = [row.level2 for row in system.scored if same_title(row.level1, first)]
        missing = [second for second in level.required if not any(same_title(second, title) for title in found)]
        if missing:
            yield "T02", f"指标体系的{first}里没有{'、'.join(missing)}"


def _odd_units(system: IndicatorSystem) -> Iterator[tuple[str, str]]:
    for row in system.scored:
        is_count = row.measure and row.measure.aggregate in ("count", "n_unique")
        if is_count and row.aim.relation and _MEASURES.fullmatch(row.aim.base_unit):
            yield "T03", f"指标“{row.name}”的指标值“{row.target}”以{row.aim.unit}计，实际值却是台账的行数"
