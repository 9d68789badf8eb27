import pytest

from perfeval.texts import has_controls, visible


@pytest.mark.parametrize("text", ["桃江县　重点\u00a0项目", "a b（c）〔2022〕15号", "𠮷㎡—·"])
def test_text_with_blanks_of_any_width_is_left_as_it_is(text: str) -> None:
    assert (has_controls(text), visible(text)) == (False, text)


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\x7f", "\x9b", "\n", "\u2028", "\u202e", "\u2066", "\udcff"])
def test_signs_that_do_something_are_seen(sign: str) -> None:
    assert (has_controls(f"a{sign}b"), visible(f"a{sign}b")) == (True, "a�b")
