"""Names that look alike have one key; names that do not have two."""

import pytest

from perfeval.approvals.likeness import likeness, strange_letters


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("张东华", "張東華"),
        ("张东华", "張东華"),
        ("李建国", "李建国主任"),
        ("李建国", "李建國副主任"),
        ("李建国", "李建国同志"),
        ("李建国", "李建国（主任）"),
        ("李建国", "局长李建国"),
        ("李建国", "李建国原常务副局长"),
        ("李建国", "李建国四级主任科员"),
        ("李建国", "李 建 国"),
        ("李建国", "李建国\u3164"),
        ("李建国", "李\uffa0建国"),
        ("李建国", "李建\u115f国"),
        ("李建国", "李建\u1160国"),
        ("李建国", "李\u200b建\u2060国\ufeff"),
        ("李建国", "李\u00ad建国\u034f"),
        ("李建国", "李建国\ufe00"),
        ("李建国", "李建国\U000e0100"),
        ("李建国", "李建国\u2800"),
        ("李建国", "李·建国"),
        ("王昇", "王升"),
        ("王一", "王ー"),
        ("王工力", "王エカ"),
        ("王末", "王未"),
        ("陈己", "陈巳"),
        ("乙", "\u2f04"),
        ("吕清", "呂淸"),
        ("黄為民", "黃爲民"),
        ("锺书", "鍾书"),
        ("钟书", "鐘书"),
        ("温启", "溫啟"),
        ("王〇", "王О"),
        ("A王", "\u0410王"),
        ("A王", "\u0391王"),
        ("A王", "Ａ王"),
        ("A王", "a王"),
        ("A王", "\U0001d400王"),
        ("Li Ming", "LI MING"),
        ("Li Ming", "Lı Мing"),
        ("Li Ming", "1i Ming"),
        ("José", "Jose\u0301"),
        ("José", "Jose"),
    ],
)
def test_names_that_look_alike_have_one_key(name: str, other: str) -> None:
    assert likeness(name) == likeness(other)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("李建国", "李建华"),
        ("李伟", "李伟（预算股）"),
        ("李伟（预算股）", "李伟（国库股）"),
        ("张芸", "张艺"),
        ("王书记", "李书记"),
        ("付强", "傅强"),
        ("甲", "乙"),
        ("审批人1", "审批人2"),
    ],
)
def test_names_of_two_people_have_two_keys(name: str, other: str) -> None:
    assert likeness(name) != likeness(other)


@pytest.mark.parametrize("name", ["", "\u3164", "\u200b \u2800", "·"])
def test_name_of_nothing_visible_has_an_empty_key(name: str) -> None:
    assert likeness(name) == ""


@pytest.mark.parametrize(
    "name",
    ["李建国", "欧阳·娜娜", "阿卜杜拉・买买提", "李伟（预算股）", "李伟 (2)", "José Müller", "O'Brien-Smith Jr.", "王〇", "𠮷野"],
)
def test_name_as_people_write_it_has_nothing_strange(name: str) -> None:
    assert strange_letters(name) == ""


@pytest.mark.parametrize(
    ("name", "strange"),
    [
        ("\u0410王", "\u0410"),
        ("李\u3164建国\u3164", "\u3164"),
        ("李\u200b建国", "\u200b"),
        ("王エ", "エ"),
        ("Ａ王", "Ａ"),
        ("\u2f04", "\u2f04"),
        ("李\n建国", "\n"),
        ("李\ud800", "\ud800"),
        ("Łukasz", "Ł"),
        ("王\u202e国", "\u202e"),
        ("王☺🏛", "☺🏛"),
    ],
)
def test_name_with_letters_that_no_name_needs_tells_them(name: str, strange: str) -> None:
    assert strange_letters(name) == strange
