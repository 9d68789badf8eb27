"""One spelling for what is signed and chained: a JSON document as one canonical line.

Keys in order of code points, no blanks, characters as themselves; no fractions (an exact number stands as text), nothing named twice,
no half characters. The bytes are the thing: a line that is spelled in any other way is refused, never tidied.
"""

import json
from typing import NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

# What JavaScript, too, reads exactly.
_LARGEST = 2**53 - 1


def dump_line(document: object) -> str:
    """The document's canonical line, without a line feed.

    Raises: ValueError: it cannot be written exactly.
    """
    _refuse_inexact(document)
    line = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    line.encode()  # a half character (lone surrogate) has no bytes
    return line


def load_line(line: str) -> dict[str, object]:
    """Read a canonical line that is an object.

    Raises: ValueError: it is not JSON, no object, or not byte for byte as `dump_line` writes it.
    """
    try:
        document = json.loads(
            line, object_pairs_hook=object_once, parse_int=_integer, parse_float=_refuse_number, parse_constant=_refuse_number
        )
        is_canonical = isinstance(document, dict) and dump_line(document) == line
    except (ValueError, RecursionError) as error:
        raise ValueError(f"不是规范的JSON行：{_reason(error)}") from error
    if not is_canonical:
        raise ValueError("不是规范的JSON行：不是对象，或键的次序、空白、转义与规范写法不同")
    return dict(document)


def object_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object whose keys stand in it once; for json.loads."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("同一个键出现两次")
    return dict(pairs)


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"数字 {text[:20]} 应写成文字")


def _integer(text: str) -> int:
    return int(text) if len(text) <= len(str(-_LARGEST)) else _refuse_number(text)


def _refuse_inexact(value: object) -> None:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("键不是文字")
        for item in value.values():
            _refuse_inexact(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_inexact(item)
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > _LARGEST):
        raise ValueError("数字不能精确表示，应写成文字")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError | RecursionError):
        return "读不出JSON"
    return "含有不完整的字符" if isinstance(error, UnicodeEncodeError) else str(error)


def write_as(shape: TypeAdapter[T], value: T) -> str:
    """The canonical line of a value of that shape.

    Raises: ValueError: it cannot be written exactly.
    """
    return dump_line(shape.dump_python(value, mode="json"))


def read_as(shape: TypeAdapter[T], line: str) -> T:
    """Read a canonical line that must have that shape.

    Raises: ValueError: in Chinese, with every field that is missing, unknown or of another form.
    """
    load_line(line)
    try:
        return shape.validate_json(line)
    except ValidationError as error:
        fields = dict.fromkeys(".".join(str(part) for part in item["loc"]) for item in error.errors(include_url=False))
        raise ValueError(f"栏目缺少、多余或内容不对：{'、'.join(fields)}") from error
