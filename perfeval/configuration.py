"""Configuration files (配置): YAML read into frozen models, every fault with file and line, in Chinese."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from perfeval.errors import ConfigurationError
from perfeval.texts import has_controls

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def _inside(path: str) -> str:
    if not path or Path(path).is_absolute() or ".." in Path(path).parts or "\\" in path or ":" in path:
        raise ValueError("应为工作区内的相对路径")  # pydantic turns it into a fault
    return path


def _printable(text: str) -> str:
    text = re.sub(r"\s*\n\s*", "", text)  # lines of one paragraph
    if has_controls(text):
        raise ValueError("含有不可见字符")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), AfterValidator(_printable)]
Words = Annotated[str, AfterValidator(_printable)]
# A name that stands in titles, file names and the store.
Name = Annotated[Text, StringConstraints(max_length=100)]
# A folder inside the workspace: no absolute path, no way up.
Inside = Annotated[str, AfterValidator(_inside)]


class Model(BaseModel):
    """Frozen, and closed against keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_text(path: Path) -> str:
    """The text of a configuration file.

    Raises: ConfigurationError: when it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError("F09", f"{path.name} 不是 UTF-8 文本", "请另存为 UTF-8 编码。") from error


_YAML_PROBLEMS = {
    "did not find expected ',' or ']'": "缺少逗号或 ]",
    "did not find expected ',' or '}'": "缺少逗号或 }",
    "did not find expected '-' indicator": "列表的各项应以 - 开头并对齐",
    "did not find expected key": "缩进没有对齐，或引号之外还有文字",
    "found a tab character that violates indentation": "缩进只能用空格，不能用 Tab",
    "found character that cannot start any token": "文字以 @、` 等特殊字符开头，请加引号",
    "found undefined alias": "文字以 * 开头，请加引号",
    "found unexpected end of stream": "引号没有结束",
    "mapping values are not allowed in this context": "这里不该有冒号：缩进没有对齐，或含冒号的文字没有加引号",
}


_DEEPEST = 100


def load_yaml(path: Path) -> tuple[Any, "Positions"]:
    """Parse a YAML file into plain data and the line of every node.

    Raises: ConfigurationError: naming file and line where it is not YAML.
    """
    return parse_yaml(read_text(path), path.name)


def parse_yaml(text: str, file: str) -> tuple[Any, "Positions"]:
    """Parse the YAML of a file, as `load_yaml` does."""
    node = None
    try:
        _refuse_depth(text)
        loader = yaml.CSafeLoader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = _YAML_PROBLEMS.get(str(error.problem), f"不认识的写法（{error.problem}）")
        raise ConfigurationError("F01", f"{file}:{line}: YAML 写法有误：{problem}", "检查缩进、冒号后的空格和引号。") from error
    # What the loader's constructors raise of a day that does not exist, a number of thousands of digits, a tag such as !!bool x.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        message = f"{file}:{_line_of_fault(node)}: YAML 写法有误：有不存在的日期、过长的数、特殊标签（!!）、不可见字符，或括号嵌套过多"
        raise ConfigurationError("F01", message, "日期、编号等加上引号；删去特殊标签。") from error
    positions = Positions(node)
    if repeated := positions.repeated_keys():
        faults = [f"{file}:{line}: “{key}”前面已经写过" for key, line in repeated]
        raise ConfigurationError("F10", f"{file} 有 {len(faults)} 个键写了两次：", "删去或改名。", faults=faults)
    return data, positions


def _refuse_depth(text: str) -> None:
    """The loader's own recursion has no limit but the stack's, where the process ends."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise RecursionError


def _line_of_fault(node: yaml.Node | None) -> int:
    """The line of the first scalar that means nothing, such as a day that does not exist; 1 where that cannot be told."""
    waiting = [node] if node else []
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, yaml.MappingNode):
            waiting[:0] = [part for pair in item.value for part in pair]
        elif isinstance(item, yaml.SequenceNode):
            waiting[:0] = item.value
        else:
            try:
                yaml.CSafeLoader("").construct_document(item)
            except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError):
                return int(item.start_mark.line) + 1
    return 1


class Positions:
    """Lines of a YAML file's nodes, looked up by path of keys and indexes."""

    def __init__(self, node: yaml.Node | None) -> None:
        self._node = node

    def line(self, path: tuple[str | int, ...]) -> int:
        """The 1-based line of the deepest node that exists on `path`."""
        node, line = self._node, 1
        for part in path:
            step = _child(node, part)
            if step is None:
                break
            node, line = step
        return line

    def repeated_keys(self) -> list[tuple[str, int]]:
        """Keys written twice in one mapping, with the line of the second; YAML readers would silently keep the last."""
        found, seen, waiting = [], set[int](), [self._node]
        while waiting:
            node = waiting.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                keys = [(str(key.value), key.start_mark.line + 1) for key, _ in node.value]
                found += [key for place, key in enumerate(keys) if key[0] in {name for name, _ in keys[:place]}]
                waiting += [value for _, value in node.value]
            elif isinstance(node, yaml.SequenceNode):
                waiting += node.value
        return sorted(found, key=lambda key: key[1])


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark.line + 1) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


M = TypeVar("M", bound=BaseModel)


def load_model(path: Path, model: type[M], file: str = "") -> M:
    """Load a YAML file into a frozen model; `file` is what it is called where its own name does not tell it apart.

    Raises: ConfigurationError: with every fault as `file:line: field: message`.
    """
    return read_model(read_text(path), file or path.name, model)


def read_model(text: str, file: str, model: type[M]) -> M:
    """The model that the text of a YAML file makes, as `load_model` does; a text that was read once is not read again."""
    return cast("M", _read_model(text, file, model))


@lru_cache(64)
def _read_model(text: str, file: str, model: type[BaseModel]) -> BaseModel:
    data, positions = parse_yaml(text, file)
    try:
        return model.model_validate(data if data is not None else {})
    except ValidationError as error:
        raise faulty(file, explain(error, file, positions)) from error


def faulty(file: str, faults: Iterable[str]) -> ConfigurationError:
    """The error for a file with faults, each as `file:line: message`; told once and in the order of the file."""
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: int(fault.removeprefix(f"{file}:").partition(":")[0]))
    return ConfigurationError("F03", f"{file} 有 {len(ordered)} 处配置错误：", "按所列行号修改后再试。", faults=ordered)


_PROBLEMS = {
    "missing": "缺少这一项",
    "extra_forbidden": "不认识的项（检查拼写）",
    "string_pattern_mismatch": "格式不对",
    "string_too_short": "不能为空",
    "string_too_long": "不能超过{max_length}字",
    "string_type": "应为文字（可加引号）",
    "too_short": "至少应有{min_length}项",
    "too_long": "至多应有{max_length}项",
    "greater_than": "应大于{gt}",
    "greater_than_equal": "不能小于{ge}",
    "less_than_equal": "不能大于{le}",
    "finite_number": "应为数字",
    "enum": "不在可选值之内",
    "literal_error": "不在可选值之内",
    "decimal_parsing": "应为数字",
    "decimal_type": "应为数字",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "date_type": "应为日期，如 2020-02-25",
    "date_from_datetime_parsing": "应为日期，如 2020-02-25",
    "date_from_datetime_inexact": "应为日期，如 2020-02-25",
    "model_type": "应为一组“键: 值”",
    "tuple_type": "应为列表",
    "dict_type": "应为一组“键: 值”",
}


def explain(error: ValidationError, file: str, positions: Positions) -> list[str]:
    """Pydantic's faults in Chinese, each with file and line."""
    faults = error.errors()
    # Pydantic counts only a list's faultless items: where some have faults, nobody knows whether they are too few.
    unsure = {fault["loc"][:depth] for fault in faults for depth in range(len(fault["loc"]))}
    return [
        f"{file}:{positions.line(fault['loc'])}: {'.'.join(map(str, fault['loc'])) or '文件'}：{_problem(fault)}"
        for fault in faults
        if fault["type"] != "too_short" or fault["loc"] not in unsure
    ]


def _problem(fault: "ErrorDetails") -> str:
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")  # said by a validator of ours
    # A text that is too long after it was looked at is told by Pydantic as a list would be.
    kind = "string_too_long" if fault["type"] == "too_long" and isinstance(fault["input"], str) else fault["type"]
    return _PROBLEMS.get(kind, "不能这样写").format_map(fault.get("ctx", {}))
