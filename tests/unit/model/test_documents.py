from decimal import Decimal

from perfeval.model import Adjustment, Execution, Score, Scorecard
from perfeval.model.documents import dump, load, print_scores

EXECUTION = Execution(Decimal(0), Decimal(100), Decimal(45), Decimal(45), Decimal(10), Decimal("4.50"), "执行率45%", {})
SCORE = Score("meetings", "产出指标", "数量指标", "会议", Decimal(90), "≥1次", "2次", Decimal("90.00"), "达到指标值")
CAP = Adjustment("执行率封顶", Decimal("-35.50"), "总分不超过59分，减35.5分")
CARD = Scorecard((SCORE,), EXECUTION, Decimal("59.00"), "差", (CAP,))


def test_adjustments_are_printed_with_the_scores() -> None:
    assert print_scores({}, CARD)["adjustments"] == [{"rule": "执行率封顶", "points": -35.5, "explanation": "总分不超过59分，减35.5分"}]


def test_scorecard_is_loaded_as_it_was_dumped() -> None:
    assert load(Scorecard, dump(Scorecard, CARD)) == CARD


def test_scorecard_dumped_before_there_were_adjustments_has_none() -> None:
    dumped = dump(Scorecard, CARD)
    del dumped["adjustments"], dumped["scores"][0]["is_judged"]
    card = load(Scorecard, dumped)
    assert (card.adjustments, card.scores[0].is_judged) == ((), False)
