import pytest

from perfeval.texts import has_controls, normal, told_signs, visible


@pytest.mark.parametrize("text", ["桃江县　重点\u00a0项目", "a b（c）〔2022〕15号", "𠮷㎡—·"])
def test_text_with_blanks_of_any_width_is_left_as_it_is(text: str) -> None:
    assert (has_controls(text), visible(text)) == (False, text)


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\x7f", "\x9b", "\n", "\u2028", "\u202e", "\u2066", "\udcff"])
def test_signs_that_do_something_are_seen(sign: str) -> None:
    assert (has_controls(f"a{sign}b"), visible(f"a{sign}b")) == (True, "a�b")


@pytest.mark.parametrize(
    "header", ["金额（元）", " 金 额\n(元) ", "金额（元）\u200b", "\ufeff金额\u00ad(元)", "⾦额（元）", "\uf90a额（元）"]
)
def test_headers_that_read_alike_are_alike(header: str) -> None:
    assert normal(header) == "金额(元)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("年初预算", ""),
        ("桃财预〔2022〕15号 №3（补）①", ""),
        ("年\u200b初", "第2个字是看不见的 U+200B"),
        ("\uf98e初", "第1个字“\uf98e”是 U+F98E"),
        ("⻓沙", "第1个字“⻓”是 U+2ED3"),
        ("a\u3164", "第2个字是看不见的 U+3164"),
        ("абвг", "第1个字“а”是 U+0430，第2个字“б”是 U+0431，第3个字“в”是 U+0432等"),
    ],
)
def test_signs_that_look_like_others_are_named(text: str, told: str) -> None:
    assert told_signs(text) == told
