import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perfeval.errors import LedgerError
from perfeval.indicators import derive_facts, find_doubts, find_goal_doubts, find_target_doubts, score_facts
from perfeval.indicators.system import IndicatorSystem
from perfeval.model import Fact, Judgement, Ledger, Scorecard

MakeSystem = Callable[..., IndicatorSystem]
MakeBudget = Callable[..., dict[str, Fact]]
CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))


def fact(name: str, value: int | str | date | None, unit: str = "次", reason: str | None = None) -> Fact:
    return Fact(name, value if value is None or isinstance(value, date) else Decimal(str(value)), unit, "统计", (), reason)


def made_fact(row_id: str, row: dict[str, Any], system: IndicatorSystem) -> Fact:
    """The fact that a case gives a row: a value, the reason why there is none, or what a person judged."""
    if row.get("kind") == "judged":
        given_ = row.get("judgement")
        judgements = {row_id: Judgement(Decimal(given_["value"]), given_["grounds"], tuple(given_["evidence"]))} if given_ else {}
        return derive_facts(system, {}, judgements=judgements)[row_id]
    unit = {"ratio": "%", "growth": "%"}.get(row.get("kind", ""), "")
    made = fact(row_id, row.get("actual"), unit, row.get("missing") or row.get("unread"))
    return replace(made, is_unknown="unread" in row, is_out_of_nothing=row.get("out_of_nothing", False))


def indicator(row: dict[str, Any], measures: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a case as the indicator system has it."""
    kind = row.get("kind", "count")
    of_the_case = ("actual", "missing", "unread", "out_of_nothing", "kind", "judgement", "rules", "profile")
    said = {name: value for name, value in row.items() if name not in of_the_case}
    return said | ({"judged": True, "measure": None} if kind == "judged" else {"measure": measures[kind]})


@pytest.mark.parametrize("case", CASES["rows"], ids=[case["name"] for case in CASES["rows"]])
def test_score_of_a_row_is_as_written(
    case: dict[str, Any], make_system: MakeSystem, make_budget: MakeBudget, measures: Mapping[str, Any]
) -> None:
    row, output = case["input"], {"needs_reason": False} | case["output"]
    other = {"target": "≥1次"}  # so that a row without a value does not stand alone
    system = make_system(indicator(row, measures), other, profile=row.get("profile", "mof-2020"), rules=row.get("rules"))
    score, _ = score_facts(system, make_budget() | {"row_1": made_fact("row_1", row, system), "row_2": fact("row_2", 1)}).scores
    assert {"score": score.score, "shown": score.actual, "explanation": score.explanation, "needs_reason": score.needs_reason} == output | {
        "score": Decimal(str(output["score"]))
    }


def test_no_explanation_tells_anybody_what_to_do() -> None:
    explanations = [case["output"]["explanation"] for case in CASES["rows"]]
    for case in CASES["years"]:
        explanations += [*case["output"].get("explanations", {}).values(), *(item[2] for item in case["output"].get("adjustments", []))]
        explanations += [case["output"].get("execution", "")]
    assert [text for text in explanations if re.search("须|请|应当|补登|核对", text)] == []


@pytest.mark.parametrize("case", CASES["refused"], ids=[case["name"] for case in CASES["refused"]])
def test_row_that_makes_no_sense_is_refused(case: dict[str, Any], make_system: MakeSystem, measures: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        make_system(indicator(case["input"], measures), profile=case["input"].get("profile", "mof-2020"))
    assert case["message"] in str(raised.value)


@pytest.mark.parametrize("case", CASES["years"], ids=[case["name"] for case in CASES["years"]])
def test_scores_of_a_year_are_as_written(
    case: dict[str, Any], make_system: MakeSystem, make_budget: MakeBudget, measures: Mapping[str, Any]
) -> None:
    year, output = case["input"], case["output"]
    rows = {f"row_{number}": row for number, row in enumerate(year["rows"], start=1)}
    written = [indicator(row, measures) for row in rows.values()]
    system = make_system(*written, profile=year.get("profile", "mof-2020"), rules=year.get("rules"))
    facts = make_budget(**{name: str(yuan) for name, yuan in year.get("budget", {}).items()})
    facts |= {name: made_fact(name, row, system) for name, row in rows.items()}
    if "goals_done_rate" in year:
        facts["goals_done_rate"] = replace(
            fact("goals_done_rate", year["goals_done_rate"], "%", "没有收到年度目标任务台账"), formula="年度目标完成率"
        )
    assert told(system, facts, year.get("reasons", {}), output) == output


@pytest.mark.parametrize("case", CASES["targets"], ids=[case["name"] for case in CASES["targets"]])
def test_targets_are_held_against_those_approved_as_written(
    case: dict[str, Any], make_system: MakeSystem, make_ledger: Callable[..., Ledger], measures: Mapping[str, Any]
) -> None:
    system = make_system(*(indicator(row, measures) for row in case["input"]["rows"]))
    ledgers = {}
    if (approved := case["input"]["approved"]) is not None:
        names = ("indicator", "target", "weight", "document_no", "approved_on", "reason")
        cells = {name: [row[place] for row in approved] for place, name in enumerate(names)}
        cells["weight"] = [Decimal(str(weight)) for weight in cells["weight"]]
        ledgers["targets"] = make_ledger("targets", **cells)
    found = find_target_doubts(system, ledgers)
    assert [[item.code, item.severity.value, item.cell, item.message] for item in found] == case["output"]


@pytest.mark.parametrize("case", CASES["goals"], ids=[case["name"] for case in CASES["goals"]])
def test_goals_not_reached_are_held_against_the_grade_as_written(
    case: dict[str, Any], make_system: MakeSystem, make_budget: MakeBudget, make_ledger: Callable[..., Ledger]
) -> None:
    total, grade = case["input"]["scores"]
    system = make_system({})
    card = replace(score_facts(system, make_budget() | {"row_1": fact("row_1", 1)}), total=Decimal(str(total)), grade=grade)
    goals = case["input"]["goals"]
    ledgers = {} if goals is None else {"goals": make_ledger("goals", status=goals)}
    assert [[item.code, item.message] for item in find_goal_doubts(system, ledgers, card)] == case["output"]


@pytest.mark.parametrize("case", CASES["elsewhere"], ids=[case["name"] for case in CASES["elsewhere"]])
def test_case_answered_elsewhere_names_a_test_that_exists(case: dict[str, str]) -> None:
    file, name = case["test"].split("::")
    assert f"def {name}(" in (Path(__file__).parents[3] / file).read_text(encoding="utf-8")


def told(system: IndicatorSystem, facts: dict[str, Fact], reasons: dict[str, str], asked: dict[str, Any]) -> dict[str, Any]:
    """What came of a year, as much of it as a case asks."""
    try:
        card = score_facts(system, facts, reasons)
    except LedgerError as error:
        return {"errors": [[finding.code, finding.message] for finding in error.findings]}
    everything = {
        "total": float(card.total),
        "grade": card.grade,
        "execution": card.execution.explanation,
        "parts": {name: [None if yuan is None else float(yuan) for yuan in part] for name, part in card.execution.parts.items()},
        "adjustments": [[item.rule, float(item.points), item.explanation] for item in card.adjustments],
        "scores": {score.id: [float(score.weight), float(score.score), score.actual] for score in card.scores},
        "explanations": {score.id: score.explanation for score in card.scores if score.id in asked.get("explanations", ())},
        "doubts": [[finding.code, finding.message] for finding in find_doubts(system, facts, card)],
    }
    return {name: everything[name] for name in asked}


def one(make_system: MakeSystem, facts: dict[str, Fact]) -> Scorecard:
    return score_facts(make_system({"target": "≥1次", "weight": 90}), facts | {"row_1": fact("row_1", 1)})


def test_execution_fully_spent_after_an_addition_is_full_and_tells_the_addition(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    execution = one(make_system, make_budget()).execution
    assert (execution.rate, execution.weight, execution.score) == (Decimal(100), Decimal(10), Decimal("10.00"))
    assert (execution.needs_reason, execution.is_adjusted) == (False, True)
    assert execution.explanation == ("全年预算数17.99万元，全年执行数17.99万元，执行率100%，得满分10分；年初预算数0元，全年预算数含追加")
    assert execution.parts == {
        "当年财政拨款": (Decimal(0), Decimal(179900), Decimal(179900)),
        "上年结转资金": (Decimal(0), Decimal(0), Decimal(0)),
        "其他资金": (Decimal(0), Decimal(0), Decimal(0)),
    }


def test_execution_partly_spent_is_in_proportion(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    card = one(make_system, make_budget(initial="100000", annual="100000", executed="94567.89"))
    assert (card.execution.score, card.total, card.grade) == (Decimal("9.46"), Decimal("99.46"), "优")
    assert (card.execution.needs_reason, card.execution.is_adjusted) == (True, False)
    assert card.execution.explanation == "全年预算数10万元，全年执行数9.456789万元，执行率94.57%，10分×执行率＝9.46分"


def test_execution_from_several_sources_does_not_guess_what_was_spent_of_each(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    execution = one(make_system, make_budget(initial="60000", annual="100000", executed="90000", carried="40000")).execution
    assert execution.parts == {
        "当年财政拨款": (Decimal(60000), Decimal(60000), None),
        "上年结转资金": (Decimal(0), Decimal(40000), None),
        "其他资金": (Decimal(0), Decimal(0), Decimal(0)),
    }


def test_execution_without_budget_is_refused(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    with pytest.raises(LedgerError, match="全年预算数为0，预算执行率不能计分") as raised:
        one(make_system, make_budget(annual="0", executed="0"))
    assert [finding.code for finding in raised.value.findings] == ["C01"]


def test_execution_above_the_budget_is_refused(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    with pytest.raises(LedgerError, match=r"全年执行数17\.990001万元大于全年预算数17\.99万元") as raised:
        one(make_system, make_budget(executed="179900.01"))
    assert [finding.code for finding in raised.value.findings] == ["C01"]


def test_ledgers_not_received_are_all_named_together_with_the_budget(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    system = make_system({}, {"name": "满意度"}, {"name": "销号率"})
    facts = make_budget(annual="0") | {
        "row_1": fact("row_1", 1),
        "row_2": replace(fact("row_2", None, reason="没有收到满意度调查台账"), is_unknown=True),
        "row_3": replace(fact("row_3", None, reason="没有收到问题交办台账"), is_unknown=True),
    }
    with pytest.raises(LedgerError) as raised:
        score_facts(system, facts)
    assert [finding.message for finding in raised.value.findings] == [
        "指标“满意度”没有实际值：没有收到满意度调查台账",
        "指标“销号率”没有实际值：没有收到问题交办台账",
        "全年预算数为0，预算执行率不能计分",
    ]


def test_row_that_does_not_apply_is_left_out_and_the_others_rescaled_to_the_cent(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    system = make_system({"weight": 40}, {"weight": 20}, {"weight": 10}, {"weight": 20, "not_applicable": "leave_out"})
    facts = make_budget() | {name: fact(name, 1) for name in ("row_1", "row_2", "row_3")}
    card = score_facts(system, facts | {"row_4": fact("row_4", None, reason="分母为0")}, {"row_4": "本年没有这类事项"})
    assert [(score.weight, score.score) for score in card.scores] == [
        (Decimal("51.43"), Decimal("51.43")),
        (Decimal("25.71"), Decimal("25.71")),
        (Decimal("12.86"), Decimal("12.86")),
        (Decimal(0), Decimal(0)),
    ]
    assert card.total == Decimal(100)
    assert card.scores[0].explanation == "实际1次，达到指标值“≥1次”，得满分51.43分；因有不适用的指标，分值由40分换算为51.43分"
    assert card.scores[3].actual == "不适用"
    assert card.scores[3].explanation == "不适用（分母为0；本年没有这类事项），不计分；分值20分由数量指标中有实际值的指标分担"


def test_nothing_scorable_is_refused(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    system = make_system({"not_applicable": "leave_out"})
    with pytest.raises(LedgerError, match="没有一个指标有实际值"):
        score_facts(system, make_budget() | {"row_1": fact("row_1", None, reason="分母为0")})


def test_execution_row_is_not_among_the_scores(make_system: MakeSystem, make_budget: MakeBudget) -> None:
    system = make_system({"scoring": "execution", "level1": "预算执行率", "target": "100%"}, {"weight": 90})
    card = score_facts(system, make_budget() | {"row_2": fact("row_2", 1)})
    assert [score.id for score in card.scores] == ["row_2"]
    assert card.total == Decimal(100)


@pytest.mark.parametrize(
    ("total", "grade"),
    [("100", "优"), ("90", "优"), ("89.99", "良"), ("80", "良"), ("79.99", "中"), ("60", "中"), ("59.99", "差"), ("0", "差")],
)
def test_grade_at_its_border_is_the_higher(total: str, grade: str, make_system: MakeSystem) -> None:
    assert make_system({}).profile.grade(Decimal(total)) == grade


rows = st.lists(
    st.tuples(
        st.sampled_from(["≥60次", "≤60次", "=60次", ">60次", "<60次", "0次"]),
        st.sampled_from(["proportional", "all_or_nothing"]),
        st.integers(1, 999),
        st.decimals(min_value=-50, max_value=500, places=3),
    ),
    min_size=1,
    max_size=8,
)


@given(rows=rows)
def test_scores_stay_between_zero_and_weight_and_add_up(rows: list[Any], make_system: MakeSystem, make_budget: MakeBudget) -> None:
    system = make_system(*({"target": target, "scoring": scoring, "weight": weight / 100} for target, scoring, weight, _ in rows))
    facts = make_budget() | {f"row_{number}": fact(f"row_{number}", row[3]) for number, row in enumerate(rows, start=1)}
    card = score_facts(system, facts)
    assert all(0 <= score.score <= score.weight for score in card.scores)
    assert card.total == sum(score.score for score in card.scores) + card.execution.score


@given(
    target=st.sampled_from(["≥60次", "=60次", ">60次"]),
    scoring=st.sampled_from(["proportional", "all_or_nothing"]),
    actuals=st.lists(st.decimals(min_value=0, max_value=500, places=3), min_size=2, max_size=2).map(sorted),
)
def test_more_of_a_positive_indicator_never_scores_less(
    target: str, scoring: str, actuals: list[Decimal], make_system: MakeSystem, make_budget: MakeBudget
) -> None:
    system = make_system({"target": target, "scoring": scoring}, {"target": target, "scoring": scoring})
    facts = {"row_1": fact("row_1", str(actuals[0])), "row_2": fact("row_2", str(actuals[1]))}
    less, more = score_facts(system, make_budget() | facts).scores
    assert less.score <= more.score


@given(actuals=st.lists(st.decimals(min_value=0, max_value=150, places=3), min_size=2, max_size=2).map(sorted))
def test_more_of_a_graded_indicator_never_scores_less(
    actuals: list[Decimal], make_system: MakeSystem, make_budget: MakeBudget, measures: Any
) -> None:
    bands = {"达成预期指标": [90, 100], "部分达成预期指标": [60, 90], "未达成预期指标": [0, 60]}
    row = {"target": "健全", "scoring": "graded", "measure": measures["ratio"], "bands": bands}
    facts = {"row_1": fact("row_1", str(actuals[0])), "row_2": fact("row_2", str(actuals[1]))}
    less, more = score_facts(make_system(row, row), make_budget() | facts).scores
    assert less.score <= more.score


@given(
    weights=st.lists(st.integers(1, 60), min_size=2, max_size=9),
    left_out=st.integers(0, 8),
)
def test_rescaled_weights_still_add_up_to_ninety(
    weights: list[int], left_out: int, make_system: MakeSystem, make_budget: MakeBudget
) -> None:
    system = make_system(*({"weight": weight, "not_applicable": "leave_out"} for weight in weights))
    names = [row.id for row in system.scored]
    missing = names[left_out % len(names)]
    facts = make_budget() | {name: fact(name, 1) for name in names} | {missing: fact(missing, None, reason="没有")}
    assert sum(score.weight for score in score_facts(system, facts, {missing: "没有"}).scores) == 90
