"""The narrative (正文): Markdown with Jinja2, rendered in a sandbox, numbered, and refused with every fault and its line.

Only headings `#`-`####` and paragraphs exist; a paragraph may run over several lines. Numbers come from facts through the
filters of `figures`; the narrative cannot compute, call or print a number of its own making.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Self

from markdown_it import MarkdownIt
from pydantic import Field, ValidationError, model_validator

from perfeval.configuration import Model, Positions, Text, explain, parse_yaml
from perfeval.errors import ConfigurationError
from perfeval.report.declaration import STANDARD, Annexes, AnnexSetting
from perfeval.report.earlier import Progress, annexes_then
from perfeval.report.figures import MARKS, numeral
from perfeval.report.sandbox import Faults, render
from perfeval.report.typed import find_typed_figures
from perfeval.texts import left_over

_MARKDOWN = re.compile(r"\s*(?:[-*+>|]|```|\d+[.．、]|#(?!#{0,3} ))|.*(?:\*\*|\]\()")
_TAGS = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_ANNEX = re.compile("附件([0-9]+)")
_NUMBERED = re.compile(r"[一二三四五六七八九十]+、|（[一二三四五六七八九十\d]+）|\d+[.．、]")
_FRONT = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)
_NUMBERS: tuple[Callable[[int], str], ...] = (
    lambda n: f"{numeral(n)}、",
    lambda n: f"（{numeral(n)}）",
    lambda n: f"{n}.",
    lambda n: f"（{n}）",
)


class Front(Model):
    """The narrative's front matter: the title's lines, broken by meaning, the annexes, and texts with numbers that are no figures.

    `exceptions` gives the reason for each of these. `progress`, and the reasons of rows missed (`deviations`) and far exceeded, stand
    in narratives of earlier years.
    """

    title: Annotated[tuple[Text, ...], Field(min_length=1)]
    annexes: Annexes | None = None
    progress: Progress | None = None
    exceptions: dict[str, Text] = Field(default_factory=dict)
    deviations: dict[str, Text] = Field(default_factory=dict)
    exceeded: dict[str, Text] = Field(default_factory=dict)

    @property
    def declared(self) -> tuple[AnnexSetting, ...]:
        """The annexes in order."""
        return self.annexes or (annexes_then(self.progress) if self.progress else STANDARD)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.annexes and self.progress:
            raise ValueError("progress 是没有 annexes 时的写法，只能写一种")
        return self


@dataclass(frozen=True, slots=True)
class Block:
    """A title line (level 0), a heading with its number (1-4) or a paragraph (5); figures still in their positions."""

    level: int
    text: str
    line: int


TITLE, PARAGRAPH = 0, 5


def read_front(text: str, file: str) -> tuple[Front | None, Positions, Faults]:
    """Read the front matter, with the lines of what stands in it."""
    positions, match = Positions(None), _FRONT.match(text)
    if match is None:
        return None, positions, [(1, "缺少开头的 --- 设置段（title、annexes）")]
    try:
        data, positions = parse_yaml(f"---\n{match[1]}", file)
        front = Front.model_validate(data)
    except ValidationError as error:
        return None, positions, [_split(told.removeprefix(f"{file}:")) for told in explain(error, file, positions)]
    except ConfigurationError as error:
        return None, positions, [_split(told.removeprefix(f"{file}:")) for told in error.faults or (error.message,)]
    # YAML's escapes can write what the text itself may not hold.
    forged = [(positions.line(path), "含有程序保留的控制字符，请删除") for path, value in _texts(front.model_dump()) if MARKS.search(value)]
    return None if forged else front, positions, forged


def _split(told: str) -> tuple[int, str]:
    line, _, message = told.partition(": ")
    return int(line), message


def write_narrative(text: str, front: Front, positions: Positions, context: Mapping[str, Any]) -> tuple[list[Block], Faults]:
    """Render the narrative: title, headings and paragraphs, or the faults that stop the draft."""
    if found := MARKS.search(text):
        return [], [(text.count("\n", 0, found.start()) + 1, "含有程序保留的控制字符，请删除")]
    faults = _front_faults(front, positions, context)
    lines_of_title = [(positions.line(("title", position)), title) for position, title in enumerate(front.title)]
    titles = [Block(TITLE, shown, line) for line, title in lines_of_title if (shown := render_line(title, line, context, faults))]
    # The front matter is blanked, not cut, so that every line keeps its number.
    body = _FRONT.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines, places = render(body, context, faults)
    blocks = list(_blocks(lines, places))
    faults += _unsupported(body)
    if lines:
        faults += [*_left_over(lines, places), *_structure(blocks)]
    return [*titles, *_numbered(blocks)], sorted(set(faults))


def proofread(text: str, front: Front) -> Faults:
    """What a narrative's own words must not hold: numbers that no fact owns, and annexes that are not there."""
    body = _FRONT.sub(lambda match: "\n" * match[0].count("\n"), text)
    return [*find_typed_figures(body, front.exceptions), *_annexes_not_there(body, front)]


def render_line(text: str, line: int, context: Mapping[str, Any], faults: Faults) -> str:
    """Render a text of the front matter that may hold figures."""
    found: Faults = []
    lines, places = render(text, context, found)
    found += _left_over(lines, places)
    faults += [(line, message) for _, message in found]
    return "".join(lines)


def _front_faults(front: Front, positions: Positions, context: Mapping[str, Any]) -> Faults:
    known = {row["id"] for row in context["card"]["rows"]}
    faults = [
        (positions.line((name, id_)), f"{name} 中的 {id_} 不是指标编号，见指标体系的 indicators")
        for name, written in (("deviations", front.deviations), ("exceeded", front.exceeded))
        for id_ in written
        if id_ not in known
    ]
    texts = [(path, text) for path, text in _texts(front.model_dump()) if path[-1] != "note" and "title" not in path]
    return faults + [(positions.line(path), f"有未填写的空位“{slot}”") for path, text in texts for slot in left_over(text)]


def _texts(node: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of the front matter with its place."""
    if isinstance(node, str):
        yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, tuple) else ()
    for part, child in inner:
        yield from _texts(child, (*path, part))


def _blocks(lines: Sequence[str], places: Sequence[int]) -> Iterator[Block]:
    tokens = _markdown().parse("\n".join(lines))
    for opening, inline in pairwise(tokens):
        if inline.type == "inline" and opening.map is not None:
            text = "".join(child.content for child in inline.children or ())
            level = int(opening.tag[1]) if opening.type == "heading_open" else PARAGRAPH
            # Chinese runs on without a blank where a line is broken.
            yield Block(level, re.sub(r"[ \t]*\n[ \t]*", "", text), places[opening.map[0]])


def _left_over(lines: Sequence[str], places: Sequence[int]) -> Faults:
    return [(place, f"有未填写的空位“{slot}”") for line, place in zip(lines, places, strict=True) for slot in left_over(line)]


def _unsupported(body: str) -> Faults:
    """Markdown that would be printed as typed; judged in the source, where no ledger's text stands yet."""
    text = _TAGS.sub(lambda match: "\n" * match[0].count("\n"), body)
    message = "不支持的 Markdown 写法：只用 # 标题（# 后空一格）和段落，编号由程序生成"
    return [(number, message) for number, line in enumerate(text.split("\n"), start=1) if _MARKDOWN.match(line)]


def _annexes_not_there(body: str, front: Front) -> Faults:
    named = ((number, int(annex)) for number, line in enumerate(body.split("\n"), start=1) for annex in _ANNEX.findall(line))
    return [
        (number, f"没有附件{annex}，共有{len(front.declared)}个附件") for number, annex in named if not 0 < annex <= len(front.declared)
    ]


def _structure(blocks: Sequence[Block]) -> Faults:
    """Headings without text, with typed numbers or out of order."""
    faults, level = [], 0
    for block, following in pairwise([*blocks, Block(TITLE, "", 0)]):
        if block.level == PARAGRAPH:
            continue
        if following.level <= block.level:
            faults.append((block.line, f"“{block.text}”下面没有内容"))
        if not block.text:
            faults.append((block.line, "标题没有文字"))
        if _NUMBERED.match(block.text):
            faults.append((block.line, f"标题“{block.text}”不要写编号，编号由程序生成"))
        if block.level > level + 1:
            faults.append((block.line, f"标题“{block.text}”跳级：上一级标题缺失"))
        level = block.level
    if not blocks:
        faults.append((1, "正文没有内容"))
    return faults


def _numbered(blocks: Sequence[Block]) -> Iterator[Block]:
    """Give headings their numbers: 一、（一）1.（1）."""
    counts = [0, 0, 0, 0]
    for block in blocks:
        if block.level == PARAGRAPH:
            yield block
            continue
        depth = block.level - 1
        counts[depth:] = [counts[depth] + 1] + [0] * (3 - depth)
        yield Block(block.level, _NUMBERS[depth](counts[depth]) + block.text, block.line)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("zero").enable(["heading", "escape"])
