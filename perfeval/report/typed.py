"""Figures typed by hand (手写的数): numbers in a narrative's own words that no fact owns, so that nobody can follow them to a ledger."""

import re
from collections.abc import Iterator, Mapping

from jinja2 import nodes

from perfeval.report.sandbox import Faults, parsed

# Tags, and the line that each of them covers, are blanked: what they print comes from facts, ledgers and settings.
_TAGS = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
# What is no figure: years, numbers of documents, titles of documents, annexes, numbers of meetings, roads and lists, set phrases.
_EXCEPTED = re.compile(
    r"《[^》]*》|〔[0-9]{4}〕[0-9]+号|附件[0-9]+|第[一二三四五六七八九十]+部分|(?<![0-9])(?:19|20)[0-9]{2}(?:年度?|(?=-|[—–~～至]{1,2}20[0-9]{2}年))"
    r"|第[0-9一二三四五六七八九十百]+[次届]|(?<![0-9A-Za-z])[GSXYC][0-9]{3}(?![0-9])|(?:^|(?<=[。；：\s]))[（(][0-9]{1,2}[)）]"
    r"|八项规定|[四两]个意识|四个自信|两个确立|两个维护"
)
# 一 alone is an article more often than a number; 万元 and 第六部分 hold no number of their own.
_NUMERAL = "(?:[二三四五六七八九十百千两几]|一[十百千万亿])[一二三四五六七八九十百千万亿两零〇几来]*"
_ANY = "[一二三四五六七八九十百千万亿两]+"
_UNITS = "[余多个项次期份条处件家户人名位部块笔起天日月年周倍成分元里米吨亩场批宗台辆所座间组类种例]|万元|亿元|公里|平方米"
_CHINESE = re.compile(
    rf"(?<![一二三四五六七八九十百千万亿])(?:百分之[一二三四五六七八九十零点]+|{_ANY}分之{_ANY}|成[百千]上[千万]"
    rf"|(?<!以)[上近逾超破][百千万亿]+(?!方百计)(?:{_UNITS})?|第{_ANY}[名位]|{_NUMERAL}(?:{_UNITS}))"
    "|[二三四五六七八九两几][百千万亿]+|[壹贰叁肆伍陆柒捌玖拾佰仟]+[拾佰仟万亿元]|半数|过半|一半|翻了?[一两二三]番|双倍|成倍|[俩仨廿卅]"
    rf"|(?:排名|位居|名列|位列)[^，。；]{{0,8}}?第{_ANY}"
    "|零(?:投诉|事故|差错|失误|违规|违纪|违法|上访|信访|伤亡|死亡|缺陷|延误|[次起例人户宗元])"
)
# Also ½, Ⅲ, ①, ⒓, ㈡; but the ² of m² is a unit's.
_OTHER = "[\u00bc-\u00be\u2150-\u218b\u2460-\u24ff\u2776-\u2793\u3220-\u3229\u3248-\u325f\u3280-\u3289\u32b1-\u32bf]"
_DIGITS = re.compile(rf"[0-9０-９][0-9０-９,.，．]*[0-9０-９]|[0-9０-９]|{_OTHER}")


def find_typed_figures(body: str, exceptions: Mapping[str, str]) -> Faults:
    """Every number that stands in the narrative's own text, or in quotes inside its tags, with its line.

    `exceptions` are texts that are no figures, such as 五个一, each with the reason.
    """
    text = _TAGS.sub(lambda match: "\n" * match[0].count("\n"), body)
    found = [(line, part) for line, part in enumerate(text.split("\n"), start=1)]
    tree = parsed(body)
    if tree is not None:
        found += [(node.lineno, node.value) for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
    return [(line, _told(number)) for line, part in found for number in _numbers(part, exceptions)]


def _numbers(text: str, exceptions: Mapping[str, str]) -> Iterator[str]:
    for known in sorted(exceptions, key=len, reverse=True):
        text = text.replace(known, "")
    text = _EXCEPTED.sub("", text)
    for pattern in (_DIGITS, _CHINESE):
        yield from pattern.findall(text)


def _told(number: str) -> str:
    return f"“{number}”是手写的数（unbound），台账里查不到它：改用 facts 中的数，确实不是数的写进开头的 exceptions 并注明理由"
