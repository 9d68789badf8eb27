"""What a run may be asked for."""

from typing import Any

import pytest
from pydantic import ValidationError

from flows.evaluation import EvaluationRequest, self_evaluation


def test_request_that_says_nothing_is_last_year_of_the_only_programme_by_the_drafter() -> None:
    assert EvaluationRequest() == EvaluationRequest(year=0, programme="", prepared_by="")


def test_request_by_a_name_with_blanks_around_it_is_by_the_name() -> None:
    assert EvaluationRequest(prepared_by=" 样例填表人　").prepared_by == "样例填表人"


@pytest.mark.parametrize(
    "asked", [{"year": -1}, {"year": 2101}, {"year": "今年"}, {"programme": "长" * 41}, {"prepared_by": "长" * 31}, {"folder": "/etc"}]
)
def test_request_for_anything_else_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EvaluationRequest.model_validate(asked)


def test_request_is_asked_for_in_chinese() -> None:
    schema = self_evaluation.parameters.definitions["EvaluationRequest"]
    assert schema["title"] == "项目支出绩效自评"
    assert [field["title"] for field in schema["properties"].values()] == ["年度", "项目", "送审人"]
