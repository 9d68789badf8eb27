"""Scores (得分): facts held against targets by the profile's rules (财预〔2020〕10号), each with its reason in Chinese."""

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext

from perfeval.errors import LedgerError
from perfeval.indicators.facts import EXACT
from perfeval.indicators.profile import Interval, Profile
from perfeval.indicators.system import Indicator, IndicatorSystem, Scoring
from perfeval.indicators.target import Amount, Target
from perfeval.indicators.wording import points, quantity, yuan
from perfeval.model import Execution, Fact, Facts, Finding, Score, Scorecard, Severity
from perfeval.model.numbers import percentage, plain

_FULL = Decimal(1)
# How much of its points a row earns, 0 to 1, and why.
_Shared = tuple[Decimal, str]


def score_facts(system: IndicatorSystem, facts: Facts) -> Scorecard:
    """Score an indicator system (自评得分) from its facts alone.

    Rows that do not apply are left out and the others rescaled to 100 less the execution rate's points.
    Raises: LedgerError: a row has no actual value to score (C01), the execution rate among them; all at once.
    """
    with localcontext(EXACT):
        findings = [*_unscorable(system, facts), *_budget_faults(facts)]
        if findings:
            message = "；".join(finding.message for finding in findings)
            raise LedgerError(
                "L00",
                f"不能评分：{message}",
                "改正所列台账后重新计算；确实不适用的指标，在指标体系中写 not_applicable: leave_out。",
                findings=findings,
            )
        weights = _weights(system, facts)
        scores = tuple(_score(row, facts[row.id], weights[row.id], system.profile) for row in system.scored)
        execution = _execution(facts, system.profile)
        total = sum((score.score for score in scores), execution.score)
        return Scorecard(scores, execution, total, system.profile.grade(total))


def _unscorable(system: IndicatorSystem, facts: Facts) -> list[Finding]:
    if all(facts[row.id].value is None for row in system.scored):
        return [Finding("C01", Severity.ERROR, "没有一个指标有实际值")]
    return [
        Finding("C01", Severity.ERROR, f"指标“{row.name}”没有实际值：{facts[row.id].reason}", ledger="、".join(row.evidence))
        for row in system.scored
        if facts[row.id].value is None and not row.not_applicable
    ]


def _budget_faults(facts: Facts) -> list[Finding]:
    # That the ledgers are wrong (C08, C09) is for the checks to tell; here only, that there is no rate to score.
    annual, executed = facts["budget_annual"], facts["budget_executed"]
    if reason := annual.reason or executed.reason:
        return [Finding("C01", Severity.ERROR, f"预算执行率不能计算：{reason}")]
    if _number(annual) == 0:
        return [Finding("C01", Severity.ERROR, "全年预算数为0，预算执行率不能计分", ledger="预算指标台账")]
    if _number(executed) > _number(annual):
        message = f"全年执行数{yuan(_number(executed))}大于全年预算数{yuan(_number(annual))}"
        return [Finding("C01", Severity.ERROR, message, ledger="资金支出台账")]
    return []


def _number(fact: Fact) -> Decimal:
    if not isinstance(fact.value, Decimal):
        raise TypeError(f"{fact.id} is no number")
    return fact.value


def _weights(system: IndicatorSystem, facts: Facts) -> dict[str, Decimal]:
    """The rows' points; with rows left out, the others' rescaled to two places so that they still add up exactly."""
    left_out = {row.id for row in system.scored if facts[row.id].value is None}
    weights = {row.id: Decimal(0) if row.id in left_out else row.weight for row in system.scored}
    room, kept = 100 - system.profile.execution, sum(weights.values())
    if not left_out:
        return weights
    cent = Decimal("0.01")
    cents = {name: weight * room / kept // cent for name, weight in weights.items()}
    short = int(room / cent - sum(cents.values()))
    # The largest remainders get the cents that rounding down has left; of equals, the row that stands first.
    order = sorted((name for name in weights if weights[name]), key=lambda name: cents[name] - weights[name] * room / kept / cent)
    return {name: (count + (name in order[:short])) * cent for name, count in cents.items()}


def _score(row: Indicator, fact: Fact, weight: Decimal, profile: Profile) -> Score:
    if fact.value is None:
        why = f"不适用（{fact.reason}），不计分；其余指标分值按比例换算为合计{points(100 - profile.execution)}"
        row_of = (row.id, row.level1, row.level2, row.name, weight, row.target)
        return Score(*row_of, "不适用", Decimal(0), why, needs_reason=True, is_applicable=False)
    share, why = _RULES[row.scoring](row, fact.value, profile)
    score = min(profile.rounding.apply(weight * share), weight)
    actual = quantity(fact.value, row.aim, fact.unit)
    rescaled = f"；因有不适用的指标，分值由{points(row.weight)}换算为{points(weight)}" if weight != row.weight else ""
    gained, owed = f"得满分{points(weight)}", _deviation(row.aim, fact.value, profile)
    # A target missed by less than rounding tells costs no points, and is missed all the same.
    if is_missed := row.scoring is not Scoring.GRADED and not row.aim.is_met_by(fact.value):
        owed = "；须说明偏差原因和改进措施"
    if score < weight:
        gained, owed, is_missed = f"得{points(score)}", "；未得满分，须说明偏差原因和改进措施", True
    why = f"实际{actual}，{why}，{gained}{owed}{rescaled}"
    shown = _level(row.bands, fact.value)[0] if row.bands and isinstance(fact.value, Decimal) else actual
    return Score(row.id, row.level1, row.level2, row.name, weight, row.target, shown, score, why, bool(owed), is_missed)


def _proportional(row: Indicator, value: Amount, _: Profile) -> _Shared:
    base = row.aim.base
    if row.aim.is_met_by(value):
        return _FULL, f"达到指标值“{row.target}”"
    if not isinstance(value, Decimal) or not isinstance(base, Decimal):
        raise TypeError(f"{row.id} cannot be scored in proportion")  # loading has excluded days and words
    part, whole, rule = (base, value, "指标值÷实际值") if row.aim.is_negative else (value, base, "实际值÷指标值")
    # Nothing of a target of 0 is reached by a value that misses it, and nothing by a value on the other side of 0.
    share = min(max(part / whole, Decimal(0)), _FULL) if whole > 0 else Decimal(0)
    return share, f"未达到指标值“{row.target}”，按{rule}＝{percentage(share * 100)}计"


def _all_or_nothing(row: Indicator, value: Amount, _: Profile) -> _Shared:
    if row.aim.is_met_by(value):
        return _FULL, f"达到指标值“{row.target}”"
    return Decimal(0), f"未达到指标值“{row.target}”，按规则不达标不得分"


def _graded(row: Indicator, value: Amount, profile: Profile) -> _Shared:
    """The level that the measure falls into, and within the level's share of the points as far up as it stands in the level."""
    if not isinstance(value, Decimal) or not row.bands:
        raise TypeError(f"{row.id} cannot be graded")  # loading has excluded it
    name, (low, high) = _level(row.bands, value)
    least, most = profile.bands[name]
    position = (min(max(value, low), high) - low) / (high - low) if high > low else _FULL
    share = (least + position * (most - least)) / 100
    rule = f"计算结果{plain(low)}%～{plain(high)}%得分值的{plain(least)}%～{plain(most)}%"
    return share, f"属“{name}”（{rule}），按所处位置计{percentage(share * 100)}"


def _level(bands: Mapping[str, Interval], value: Decimal) -> tuple[str, Interval]:
    """The level (档次) that a measure falls into; the lowest takes what is below it too."""
    return next(band for band in bands.items() if value >= band[1][0] or band[1][0] == 0)


_RULES: Mapping[Scoring, Callable[[Indicator, Amount, Profile], _Shared]] = {
    Scoring.PROPORTIONAL: _proportional,
    Scoring.ALL_OR_NOTHING: _all_or_nothing,
    Scoring.GRADED: _graded,
}


def _deviation(aim: Target, value: Amount, profile: Profile) -> str:
    base = aim.base
    if not isinstance(value, Decimal) or not isinstance(base, Decimal) or not base:
        return ""
    difference = abs(value - base) / base * 100
    if difference <= profile.deviation_pct:
        return ""
    return f"；与指标值相差{percentage(difference)}，超过{percentage(profile.deviation_pct)}，须说明原因"


def _execution(facts: Facts, profile: Profile) -> Execution:
    """Score the budget execution rate (预算执行率), and tell the sources of funds apart as far as the ledgers do."""
    initial, annual, executed = (_number(facts[name]) for name in ("budget_initial", "budget_annual", "budget_executed"))
    carried, other = (_number(facts[name]) for name in ("budget_carried_over", "budget_other"))
    rate = _number(facts["execution_rate"])
    score = max(profile.rounding.apply(profile.execution * executed / annual), Decimal(0))
    why = f"全年预算数{yuan(annual)}，全年执行数{yuan(executed)}，执行率{percentage(rate)}，"
    why += f"得满分{points(score)}" if score == profile.execution else f"{points(profile.execution)}×执行率＝{points(score)}，须说明原因"
    if initial != annual:
        why += f"；年初预算数{yuan(initial)}，与全年预算数不同，须说明追加、调减或结转情况"
    granted = {"当年财政拨款": (initial, annual - carried - other), "上年结转资金": (Decimal(0), carried), "其他资金": (Decimal(0), other)}
    used = [name for name, (_, amount) in granted.items() if amount]
    # Payments do not say which source they came from: with a single source they can only have come from that.
    spent = {name: (executed if [name] == used else None if name in used else Decimal(0)) for name in granted}
    parts = {name: (start, amount, spent[name]) for name, (start, amount) in granted.items()}
    return Execution(initial, annual, executed, rate, profile.execution, score, why, parts)
