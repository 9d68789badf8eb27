"""Configuration files: every fault with file and line, in Chinese, and all of them at once."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from perfeval.configuration import Inside, Model, Name, Text, Words, load_model, load_yaml, parse_yaml, read_text
from perfeval.errors import ConfigurationError


class Part(Model):
    """A part of a file."""

    title: Text
    weight: Annotated[Decimal, Field(gt=0, le=100)] = Decimal(1)


class Whole(Model):
    """A file of invented content."""

    name: Name
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=2)]
    count: Annotated[int, Field(ge=0)] = 0
    day: date | None = None
    is_open: bool = True
    kind: Literal["a", "b"] = "a"
    folder: Inside = "here"
    remark: Words = ""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1, 2\nb: 3\n", "file.yml:2: YAML 写法有误：缺少逗号或 ]"),
        ("a: {b: 1\nc: 3\n", "file.yml:2: YAML 写法有误：缺少逗号或 }"),
        ("a:\n  - 1\n  b: 2\n", "file.yml:3: YAML 写法有误：列表的各项应以 - 开头并对齐"),
        ('a: "b" c\n', "file.yml:1: YAML 写法有误：缩进没有对齐，或引号之外还有文字"),
        ("a:\n\tb: 1\n", "file.yml:2: YAML 写法有误：文字以 @、` 等特殊字符开头，请加引号"),
        ("a: @b\n", "file.yml:1: YAML 写法有误：文字以 @、` 等特殊字符开头，请加引号"),
        ("a: *b\n", "file.yml:1: YAML 写法有误：文字以 * 开头，请加引号"),
        ('a: "b\n', "file.yml:2: YAML 写法有误：引号没有结束"),
        ("a: !city b\n", "file.yml:1: YAML 写法有误：不认识的写法（could not determine a constructor for the tag '!city'）"),
        ("a: b: c\n", "file.yml:1: YAML 写法有误：这里不该有冒号：缩进没有对齐，或含冒号的文字没有加引号"),
    ],
)
def test_file_that_is_no_yaml_names_the_line_and_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as fault:
        parse_yaml(text, "file.yml")
    assert (fault.value.code, fault.value.message) == ("F01", problem)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb:\n  - 2022-02-30\nc: 2\n", 3),
        ("a: 1\nb: !!bool x\n", 2),
        ("a: 1\nb: 1" + "0" * 5000, 2),
        ("a: \x00", 1),
        ("a: " + "[" * 3000 + "]" * 3000, 1),
        ("a: " + "{b: " * 200_000, 1),
        ("- " * 300, 1),
    ],
)
def test_file_with_values_that_cannot_be_is_refused_in_chinese(text: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as fault:
        parse_yaml(text, "file.yml")
    problem = "有不存在的日期、过长的数、特殊标签（!!）、不可见字符，或括号嵌套过多"
    assert fault.value.message == f"file.yml:{line}: YAML 写法有误：{problem}"


def test_file_with_keys_written_twice_names_each_second_one() -> None:
    with pytest.raises(ConfigurationError) as fault:
        parse_yaml("a: 1\nb: {c: 1, c: 2}\na: 2\n", "file.yml")
    assert fault.value.faults == ("file.yml:2: “c”前面已经写过", "file.yml:3: “a”前面已经写过")


def test_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_bytes("a: 文".encode("gb18030"))
    with pytest.raises(ConfigurationError, match=r"file\.yml 不是 UTF-8 文本"):
        load_yaml(path)


def test_file_saved_by_notepad_is_read_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "file.yml"
    path.write_bytes("\ufeffa: 文".encode())
    assert (read_text(path), load_yaml(path)[0]) == ("a: 文", {"a": "文"})


def test_line_is_that_of_the_deepest_node_there_is() -> None:
    positions = parse_yaml("a:\n  - b: 1\n  - c: 2\n", "file.yml")[1]
    assert [positions.line(path) for path in ((), ("a",), ("a", 1), ("a", 1, "c"), ("a", 1, "d"), ("a", 7), ("z",))] == [
        1,
        1,
        3,
        3,
        3,
        1,
        1,
    ]


def test_file_of_the_right_form_is_a_frozen_model(tmp_path: Path) -> None:
    whole = load_model(written(tmp_path, "name: 甲\nparts: [{title: 乙\n  丙, weight: 0.5}]\nday: 2022-04-06\n"), Whole)
    assert whole == Whole(name="甲", parts=(Part(title="乙 丙", weight=Decimal("0.5")),), day=date(2022, 4, 6))
    with pytest.raises(ValidationError, match="frozen"):
        whole.name = "丁"


def test_file_with_faults_tells_all_of_them_at_their_lines(tmp_path: Path) -> None:
    text = 'name: 3\nparts:\n  - title: ""\n    weight: 0\n  - {titel: 乙}\ncount: 一\nday: 四月\nis_open: 是\nkind: c\nfolder: ../up\n'
    with pytest.raises(ConfigurationError) as fault:
        load_model(written(tmp_path, text), Whole)
    assert fault.value.message == "file.yml 有 10 处配置错误："
    assert fault.value.faults == (
        "file.yml:1: name：应为文字（可加引号）",
        "file.yml:3: parts.0.title：不能为空",
        "file.yml:4: parts.0.weight：应大于0",
        "file.yml:5: parts.1.title：缺少这一项",
        "file.yml:5: parts.1.titel：不认识的项（检查拼写）",
        "file.yml:6: count：应为整数",
        "file.yml:7: day：应为日期，如 2020-02-25",
        "file.yml:8: is_open：应为 true 或 false",
        "file.yml:9: kind：不在可选值之内",
        "file.yml:10: folder：应为工作区内的相对路径",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "file.yml:1: name：缺少这一项"),
        ("- 1\n", "file.yml:1: 文件：应为一组“键: 值”"),
        ("name: 甲\nparts: []\n", "file.yml:2: parts：至少应有1项"),
        ("name: 甲\nparts: 乙\n", "file.yml:2: parts：应为列表"),
        ("name: 甲\nparts: [{title: a}, {title: b}, {title: c}]\n", "file.yml:2: parts：至多应有2项"),
        ("name: 甲\nparts: [{title: a, weight: 101}]\n", "file.yml:2: parts.0.weight：不能大于100"),
        ("name: 甲\nparts: [{title: a, weight: 一}]\n", "file.yml:2: parts.0.weight：应为数字"),
        ("name: 甲\nparts: [{title: a}]\ncount: -1\n", "file.yml:3: count：不能小于0"),
        (f"name: {'长' * 101}\nparts: [{{title: a}}]\n", "file.yml:1: name：不能超过100字"),
        ('name: "甲\\u202e"\nparts: [{title: a}]\n', "file.yml:1: name：含有不可见字符"),
        ('name: 甲\nparts: [{title: a}]\nremark: "\\x1b"\n', "file.yml:3: remark：含有不可见字符"),
    ],
)
def test_fault_is_told_in_chinese(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_model(written(tmp_path, text), Whole)
    assert fault in caught.value.faults


@pytest.mark.parametrize("path", ["", "/etc", "..", "a/../b", "a\\b", "C:"])
def test_path_that_leaves_the_workspace_is_a_fault(path: str) -> None:
    with pytest.raises(ValidationError, match="应为工作区内的相对路径"):
        Whole(name="甲", parts=(Part(title="乙"),), folder=path)
