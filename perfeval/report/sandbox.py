"""The narrative's sandbox (模板): Jinja2 that can choose and repeat, but neither compute, call, nor reach beyond its context."""

import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from perfeval.report.figures import CLOSE, FAULT, FILTERS, LINE, MARKS, FigureValue, apportioned, fault, is_rounded, numeral
from perfeval.texts import quoted

_LINE_MARK = re.compile(f"{LINE}(\\d+){CLOSE}")
_FAULT = re.compile(f"{FAULT}([^{CLOSE}]*){CLOSE}")

Faults = list[tuple[int, str]]


_SYNTAX = (
    (r"No filter named '(.+)'\.", "没有过滤器 {}"),
    (r"Encountered unknown tag '([^']+)'.*", "没有标签 {}，或它没有相应的开头"),
    (r"Unexpected end of template.*closed is '(.+)'\.", "{} 没有结束"),
    (r"(?i)unexpected end of template.*|Missing end of .*", "括号没有结束"),
    (r"Expected an expression.*|expected .*, got 'end of .*", "没有写完"),
    (r"expected token .*, got '(.+)'", "多出 {}"),
    (r"unexpected char '(.+)' at .*", "不该有字符 {}"),
)


def _in_chinese(message: str) -> str:
    """What Jinja finds wrong with a template's form, as far as it is usual."""
    found = ((re.fullmatch(pattern, message, re.DOTALL), words) for pattern, words in _SYNTAX)
    return next((words.format(*match.groups()) for match, words in found if match), message)


def render(source: str, context: Mapping[str, Any], faults: Faults) -> tuple[list[str], list[int]]:
    """Render a template into lines and the source line each came from; faults are added, and taken out of the text."""
    environment = _environment()
    try:
        tree = environment.parse(source)
        faults += [*_unknown(tree, context), *_forged(tree)]
        rendered = environment.from_string(tree).render(context)
    except TemplateSyntaxError as error:
        faults.append((error.lineno, f"模板写法有误：{_in_chinese(error.message or '')}"))
        return [], []
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        faults.append((_line_of(error), str(error)))
        return [], []
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
            lines.append(_FAULT.sub("？", "".join(pieces[::2])))
            places.append(first or place)
    return lines, places


def parsed(source: str) -> nodes.Template | None:
    """A template's parts; of one that cannot be read there are none, and `render` says why."""
    try:
        return _environment().parse(source)
    except TemplateSyntaxError:
        return None


def _line_of(error: Exception) -> int:
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return frames[-1] or 1 if frames else 1


def _unknown(tree: nodes.Template, context: Mapping[str, Any]) -> Faults:
    """Names of facts that do not exist, in every branch, taken or not."""
    facts = context["facts"]
    return [
        (node.lineno, facts[node.attr].missing)
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == "facts" and node.attr not in facts
    ]


def _forged(tree: nodes.Template) -> Faults:
    """Text in quotes that would pass for a figure once its escapes are read."""
    consts = tree.find_all(nodes.Const)
    return [(node.lineno, "引号内含有程序保留的控制字符") for node in consts if isinstance(node.value, str) and MARKS.search(node.value)]


class _Unknown(StrictUndefined):
    """A name that nothing stands for."""

    @property
    def _undefined_message(self) -> str:
        return f"未定义的名称 {self._undefined_name}"


class _Places(Extension):
    """Marks every line of the source, so that what is rendered can be followed back to it."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        marked = 0
        for token in stream:
            if token.type in ("data", "variable_begin") and token.lineno != marked:
                marked = token.lineno
                yield Token(marked, "data", _place(marked))
            if token.type != "data":
                yield token
                continue
            first, *rest = str(token.value).split("\n")
            yield Token(
                token.lineno, "data", "\n".join([first, *(_place(token.lineno + n) + line for n, line in enumerate(rest, start=1))])
            )
            marked = token.lineno + len(rest)


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

    def call(self, context: Context, obj: object, *_: object, **__: object) -> NoReturn:  # noqa: ARG002
        raise SecurityError("正文中不能调用函数或宏，只能用过滤器")


def _printed(value: object) -> str:
    """What `{{ … }}` prints: text, escaped so that a ledger cannot write Markdown, or a figure."""
    if isinstance(value, _Unknown):
        return fault(value._undefined_message)
    if value is None:
        return fault("这里要打印的台账单元格没有填写")
    if isinstance(value, FigureValue):
        return str(value)
    if isinstance(value, str):
        return re.sub(r"([\\#])", r"\\\1", re.sub(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]+\s*", "", value))
    return fault(f"“{value}”不是由台账算出的数字，不能打印")


def _clause(text: object) -> object:
    """A ledger's text without its last stop, so that a sentence can go on behind it."""
    return text.rstrip("。；;.，, ") if isinstance(text, str) else text


def _quoted(text: object) -> object:
    return quoted(text) if isinstance(text, str) else text


def _known(filter_: Callable[..., str]) -> Callable[..., str]:
    @wraps(filter_)
    def checked(value: object, *arguments: int) -> str:
        return _printed(value) if isinstance(value, _Unknown) else filter_(value, *arguments)

    return checked


@cache
def _environment() -> _Environment:
    # A narrative is rendered once: folding its constants would cost more than it saves.
    environment = _Environment(
        optimized=False, undefined=_Unknown, finalize=_printed, lstrip_blocks=True, keep_trailing_newline=True, extensions=[_Places]
    )
    kept = ("first", "join", "last", "length", "list", "map", "reject", "rejectattr", "select", "selectattr", "sort", "unique")
    environment.filters = {name: environment.filters[name] for name in kept} | {name: _known(f) for name, f in FILTERS.items()}
    environment.filters |= {"ordinal": numeral, "clause": _clause, "quoted": _quoted, "apportioned": apportioned}
    environment.tests |= {"rounded": is_rounded}
    environment.globals = {}
    return environment
