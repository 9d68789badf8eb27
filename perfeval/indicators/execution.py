"""The budget execution rate (预算执行率): what was granted and spent, in all and of each source of funds, and its points."""

from collections.abc import Iterator
from decimal import Decimal

from perfeval.indicators.facts import EXECUTED_OF
from perfeval.indicators.profile import Profile
from perfeval.indicators.wording import points, yuan
from perfeval.model import Execution, Fact, Facts, Finding, Severity
from perfeval.model.numbers import percentage

_GRANTED = ("budget_initial", "budget_annual", "budget_carried_over", "budget_other")


def budget_faults(facts: Facts) -> list[Finding]:
    """What makes the execution rate impossible: no budget (C08), more spent than granted (C09), less than nothing spent (C43)."""
    annual, executed = facts["budget_annual"], facts["budget_executed"]
    if reason := annual.reason or executed.reason:
        return [Finding("C01", Severity.ERROR, f"预算执行率不能计算：{reason}")]
    if number_of(annual) == 0:
        return [Finding("C01", Severity.ERROR, "全年预算数为0，预算执行率不能计分", ledger="预算指标台账")]
    if number_of(executed) < 0:
        message = f"全年执行数{yuan(number_of(executed))}小于0：退款、冲销比支出还多"
        return [Finding("C01", Severity.ERROR, message, ledger="资金支出台账")]
    if number_of(executed) > number_of(annual):
        message = f"全年执行数{yuan(number_of(executed))}大于全年预算数{yuan(number_of(annual))}"
        return [Finding("C01", Severity.ERROR, message, ledger="资金支出台账")]
    parts = _parts(facts)
    cut = [f"{name}的预算数{yuan(granted)}小于0：调减比年初预算和追加还多" for name, (_, granted, _) in parts.items() if granted < 0]
    over = [
        f"{name}的执行数{yuan(spent)}大于预算数{yuan(granted)}"
        for name, (_, granted, spent) in parts.items()
        if spent is not None and spent > max(granted, Decimal(0))
    ]
    told = [(message, "预算指标台账") for message in cut] + [(message, "资金支出台账") for message in over]
    return [Finding("C01", Severity.ERROR, message, ledger=ledger) for message, ledger in told]


def score_execution(facts: Facts, profile: Profile) -> Execution:
    """Score the execution rate, and tell the sources of funds apart as far as the ledgers do."""
    initial, annual, executed = (number_of(facts[name]) for name in ("budget_initial", "budget_annual", "budget_executed"))
    rate = number_of(facts["execution_rate"])
    score = max(profile.rounding.apply(profile.execution * executed / annual), Decimal(0))
    why = f"全年预算数{yuan(annual)}，全年执行数{yuan(executed)}，执行率{percentage(rate)}，"
    why += f"得满分{points(score)}" if score == profile.execution else f"{points(profile.execution)}×执行率＝{points(score)}"
    if initial != annual:
        why += f"；年初预算数{yuan(initial)}，全年预算数含{'、'.join(_beside_initial(facts))}"
    return Execution(initial, annual, executed, rate, profile.execution, score, why, _parts(facts))


def _beside_initial(facts: Facts) -> Iterator[str]:
    """What the year's budget holds besides the one it began with."""
    initial, annual, carried, other = (number_of(facts[name]) for name in _GRANTED)
    changed = annual - initial - carried - other
    if changed:
        yield "追加" if changed > 0 else "调减"
    yield from (name for name, amount in (("上年结转", carried), ("其他资金", other)) if amount)


def _parts(facts: Facts) -> dict[str, tuple[Decimal, Decimal, Decimal | None]]:
    """Initial, annual and executed by source of funds."""
    initial, annual, carried, other = (number_of(facts[name]) for name in _GRANTED)
    executed = number_of(facts["budget_executed"])
    granted = {"当年财政拨款": (initial, annual - carried - other), "上年结转资金": (Decimal(0), carried), "其他资金": (Decimal(0), other)}
    spent = _spent(facts, executed, [name for name, (_, amount) in granted.items() if amount])
    return {name: (start, amount, spent[name]) for name, (start, amount) in granted.items()}


def _spent(facts: Facts, executed: Decimal, used: list[str]) -> dict[str, Decimal | None]:
    told = {name: number_of(facts[id_]) for name, id_ in EXECUTED_OF.items() if id_ in facts}
    if told and sum(told.values()) == executed:
        return dict(told)
    # Payments do not say, or not all, which source they came from: with a single source they can only have come from that.
    return {name: (executed if [name] == used else None if name in used else Decimal(0)) for name in EXECUTED_OF}


def number_of(fact: Fact) -> Decimal:
    """The value of a fact that is a number."""
    if not isinstance(fact.value, Decimal):
        raise TypeError(f"{fact.id} is no number")
    return fact.value
