"""The narrative (正文): Markdown with Jinja2, rendered in a sandbox, numbered, and refused with every fault and its line.

Only headings `#`-`####` and paragraphs exist; a paragraph may run over several lines. Numbers come from facts through the
filters of `figures`; the narrative cannot compute, call or print a number of its own making.
"""

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, wraps
from typing import Annotated, Any, NoReturn

import yaml
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError
from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from perfeval.report.figures import CLOSE, FAULT, FILTERS, LINE, MARKS, Datum, fault, number, numeral
from perfeval.settings import Marks, explain

SLOTS = re.compile(r"[XＸ×]{2,}|\{\{|\}\}|\{%|%\}|_{3,}|＿{2,}")
_LEFT_OVER = re.compile(SLOTS.pattern + "|待补|待填|待定")
_MARKDOWN = re.compile(r"\s*(?:[-*+>|]|```|\d+[.．、]|#)|.*(?:\*\*|\]\()")
_NUMBERED = re.compile(r"[一二三四五六七八九十]+、|（[一二三四五六七八九十\d]+）|\d+[.．、]")
_LINE_MARK = re.compile(f"{LINE}(\\d+){CLOSE}")
_FAULT = re.compile(f"{FAULT}([^{CLOSE}]*){CLOSE}")
_FRONT = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)
_NUMBERS: tuple[Callable[[int], str], ...] = (
    lambda n: f"{numeral(n)}、",
    lambda n: f"（{numeral(n)}）",
    lambda n: f"{n}.",
    lambda n: f"（{n}）",
)

Faults = list[tuple[int, str]]


class Bands(BaseModel):
    """When a project's progress is behind (进度分色): less than `slow_pct` points behind plan is yellow, from there on red."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    slow_pct: Annotated[Decimal, Field(gt=0)]
    source: Annotated[str, StringConstraints(min_length=1)]


class Front(BaseModel):
    """The narrative's front matter: the title's lines, broken by meaning, and the bands of annex 3."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: Annotated[tuple[str, ...], Field(min_length=1)]
    progress: Bands


@dataclass(frozen=True, slots=True)
class Block:
    """A title line (level 0), a heading with its number (1-4) or a paragraph (5); figures still in their marks."""

    level: int
    text: str
    line: int


TITLE, PARAGRAPH = 0, 5


def read_front(text: str, file: str) -> tuple[Front | None, Faults]:
    """Read the front matter."""
    match = _FRONT.match(text)
    if match is None:
        return None, [(1, "缺少开头的 --- 设置段（title、progress）")]
    source = f"---\n{match[1]}"
    try:
        return Front.model_validate(yaml.load(source, Loader=yaml.CSafeLoader)), []
    except ValidationError as error:
        marks = Marks(yaml.compose(source, Loader=yaml.CSafeLoader))
        return None, [_split(told.removeprefix(f"{file}:")) for told in explain(error, file, marks)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return None, [(mark.line + 1 if mark else 1, "设置段的 YAML 写法有误")]


def _split(told: str) -> tuple[int, str]:
    line, _, message = told.partition(": ")
    return int(line), message


def write_narrative(text: str, front: Front, context: Mapping[str, object]) -> tuple[list[Block], Faults]:
    """Render the narrative: title, headings and paragraphs, or the faults that stop the draft."""
    if found := MARKS.search(text):
        return [], [(text.count("\n", 0, found.start()) + 1, "含有程序保留的控制字符，请删除")]
    faults: Faults = []
    titles = [Block(TITLE, _render(title, context, faults)[0][0], 1) for title in front.title]
    # The front matter is blanked, not cut, so that every line keeps its number.
    body = _FRONT.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines, places = _render(body, context, faults)
    blocks = list(_blocks(lines, places))
    faults += _left_over(lines, places)
    faults += _structure(blocks)
    return [*titles, *_numbered(blocks)], sorted(set(faults))


def _render(source: str, context: Mapping[str, object], faults: Faults) -> tuple[list[str], list[int]]:
    """Render a template into lines and the source line each came from; faults are added, and taken out of the text."""
    environment = _environment()
    try:
        tree = environment.parse(source)
        faults += _unknown(tree, context)
        rendered = environment.from_string(tree).render(context)
    except TemplateSyntaxError as error:
        faults.append((error.lineno, f"模板写法有误：{error.message}"))
        return [""], [1]
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        faults.append((_line_of(error), str(error)))
        return [""], [1]
    lines, places, place, sources = [], [], 1, source.split("\n")
    for line in rendered.split("\n"):
        pieces = _LINE_MARK.split(line)
        first = None
        for text, mark in zip(pieces[::2], [place, *map(int, pieces[1::2])], strict=True):
            place = mark
            faults += [(place, message) for message in _FAULT.findall(text)]
            first = place if first is None and text.strip() else first
        # A line of tags alone leaves nothing behind; only a line that is blank in the source ends a paragraph.
        if first is not None or not sources[place - 1].strip():
            lines.append(_FAULT.sub("", "".join(pieces[::2])))
            places.append(first or place)
    return lines, places


def _line_of(error: Exception) -> int:
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return frames[-1] or 1 if frames else 1


def _unknown(tree: nodes.Template, context: Mapping[str, Any]) -> Faults:
    """Names of facts that do not exist, in every branch, taken or not."""
    return [
        (node.lineno, f"未定义的数字 facts.{node.attr}：指标体系的 facts 和 indicators 中没有这一项")
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == "facts" and node.attr not in context["facts"]
    ]


def _blocks(lines: Sequence[str], places: Sequence[int]) -> Iterator[Block]:
    tokens = _markdown().parse("\n".join(lines))
    for opening, inline in zip(tokens, tokens[1:], strict=False):
        if inline.type == "inline" and opening.map is not None:
            text = "".join(child.content for child in inline.children or ())
            level = int(opening.tag[1]) if opening.type == "heading_open" else PARAGRAPH
            # Chinese runs on without a blank where a line is broken.
            yield Block(level, re.sub(r"[ \t]*\n[ \t]*", "", text), places[opening.map[0]])


def _left_over(lines: Sequence[str], places: Sequence[int]) -> Faults:
    faults = [
        (place, f"有未填写的空位“{found[0]}”") for line, place in zip(lines, places, strict=True) for found in _LEFT_OVER.finditer(line)
    ]
    faults += [
        (place, "不支持的 Markdown 写法：只用 # 标题和段落，编号由程序生成")
        for line, place in zip(lines, places, strict=True)
        if _MARKDOWN.match(line) and not re.match(r"#{1,4} ", line)
    ]
    return faults


def _structure(blocks: Sequence[Block]) -> Faults:
    """Headings without text, with typed numbers or out of order."""
    faults, level = [], 0
    for block, following in zip(blocks, [*blocks[1:], Block(0, "", 0)], strict=True):
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


class _Unknown(StrictUndefined):
    """A name that nothing stands for."""

    @property
    def _undefined_message(self) -> str:
        return f"未定义的名称 {self._undefined_name}"


class _Places(Extension):
    """Marks every line of the source, so that what is rendered can be followed back to it."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:  # type: ignore[override]  # Jinja takes any iterable of tokens
        for token in stream:
            if token.type == "data":
                lines = str(token.value).split("\n")
                yield Token(token.lineno, "data", "\n".join(_place(token.lineno + n) + line for n, line in enumerate(lines)))
            elif token.type == "variable_begin":
                yield Token(token.lineno, "data", _place(token.lineno))
                yield token
            else:
                yield token


def _place(line: int) -> str:
    return f"{LINE}{line}{CLOSE}"


class _Environment(ImmutableSandboxedEnvironment):
    """No arithmetic, no calls: a figure that needs computing is a fact, and facts say where they come from."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))
    intercepted_unops = frozenset(("+", "-"))

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> NoReturn:  # noqa: ARG002
        raise SecurityError(f"正文中不能计算（{operator}），请在指标体系的 facts 中定义这个数")

    def call_unop(self, context: Context, operator: str, arg: object) -> NoReturn:  # noqa: ARG002
        raise SecurityError(f"正文中不能计算（{operator}），请在指标体系的 facts 中定义这个数")

    def call(self, context: Context, obj: object, *_: object, **__: object) -> NoReturn:  # type: ignore[override]  # noqa: ARG002  # Jinja names its own parameters __self, __context
        raise SecurityError("正文中不能调用函数或宏，只能用过滤器")


def _printed(value: object) -> str:
    """What `{{ … }}` prints: text, escaped so that a ledger cannot write Markdown, or a figure."""
    if isinstance(value, _Unknown):
        return fault(value._undefined_message)  # noqa: SLF001  # Jinja's own name for it
    if value is None:
        return fault("这里要打印的台账单元格没有填写")
    if isinstance(value, Datum):
        return number(value) if isinstance(value.value, Decimal) else str(value)
    if isinstance(value, str):
        return re.sub(r"([\\#])", r"\\\1", re.sub(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]+\s*", "", value))
    return fault(f"“{value}”不是由台账算出的数字，不能打印")


def _clause(text: object) -> object:
    """A ledger's text without its last stop, so that a sentence can go on behind it."""
    return text.rstrip("。；;.，, ") if isinstance(text, str) else text


def _quoted(text: object) -> object:
    """A text in quotation marks; those inside it become single ones."""
    return f"“{text.replace('“', '‘').replace('”', '’')}”" if isinstance(text, str) else text


def _known(filter_: Callable[..., str]) -> Callable[..., str]:
    @wraps(filter_)
    def checked(value: object, *arguments: int) -> str:
        return _printed(value) if isinstance(value, _Unknown) else filter_(value, *arguments)

    return checked


@cache
def _environment() -> _Environment:
    environment = _Environment(
        undefined=_Unknown, finalize=_printed, lstrip_blocks=True, keep_trailing_newline=True, extensions=[_Places]
    )
    kept = ("first", "join", "last", "length", "list", "map", "reject", "rejectattr", "select", "selectattr", "sort", "unique")
    environment.filters = {name: environment.filters[name] for name in kept} | {name: _known(f) for name, f in FILTERS.items()}
    environment.filters |= {"ordinal": numeral, "clause": _clause, "quoted": _quoted}
    environment.globals = {}
    return environment


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("zero").enable(["heading", "escape"])
