"""Which ledgers a workspace keeps (台账目录): `ledgers.yml`, read into a catalogue; every fault of it at its line, all at once."""

import copy
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from perfeval.configuration import Model, Name, Text, Words, explain, faulty, parse_yaml, read_text
from perfeval.texts import normal
from schemas import BUILT_IN, DEFAULT, Catalogue, Kind, LedgerModel
from schemas.columns import PROGRAMME, After, Constraint, NotFallingPer, Refers, RequiredWhen, Unique, Within, field
from schemas.conditions import row_condition
from schemas.declared import declare

_ALWAYS = ("budget", "expenditure")
_KINDS = {kind.name.lower(): kind for kind in Kind}
_YEARS = ("year", "year_or_next")
_LIMITED = (Kind.MONEY, Kind.QUANTITY, Kind.COUNT)
_NUMBERS = (*_LIMITED, Kind.PERCENT)
_NAMING = (Kind.CODE, Kind.TEXT)
# How the header of a kind ends, and how that is said.
_UNITS = {
    Kind.MONEY: ("（(元|万元)）$", "金额栏的表头应以（元）或（万元）结尾"),
    Kind.PERCENT: ("（(%)）$", "百分比栏的表头应以（%）结尾"),
    Kind.QUANTITY: (
        "（((?![十百千万亿]*元）|%)[^（）]+)）$",
        "数量栏的表头应以单位结尾，如 养护里程（公里）；金额用 money，以元或万元为单位，是 % 的用 percent",
    ),
}
_NAME = "[a-z][a-z0-9_]*"
# Not the words of conditions, those of indicators among them.
_COLUMN_NAME = (
    "(?!(?:row|year|year_start|year_end|and|or|not|in|is|null|like|between|to|true|false|date|length|abs|coalesce)$)[a-z][a-z0-9_]*"
)
# A title is the name of files and of worksheets, on Windows and in Excel too, which counts signs as UTF-16 does.
_TITLE = r"""(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|history)$)[^\\/:*?"<>|\[\]'~$.][^\\/:*?"<>|\[\]']{0,30}(?<!\.)"""
_TITLE_SIGNS = 31
_TITLE_RULE = (
    f"台账名称也是文件名和工作表名，不能超过{_TITLE_SIGNS}字，不能含 \\ / : * ? \" < > | [ ] '，"
    "不能以 . ~ $ 开头或以 . 结尾，不能是 con、history 等"
)

_Place = tuple[str | int, ...]
_Fault = tuple[_Place, str]


def _kind(word: object) -> Kind:
    if not isinstance(word, str) or word not in _KINDS:
        raise ValueError(f"没有“{word}”这种栏目，可用的：{'、'.join(_KINDS)}")
    return _KINDS[word]


def _years(word: object) -> object:
    if word not in _YEARS:
        raise ValueError("只能是 year（评价年度内）或 year_or_next（评价年度或次年内）")
    return word


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _expression(pattern: str) -> str:
    try:
        re.compile(f"^(?:{pattern})$")  # as Pandera keeps it
        pl.Series([""]).str.contains(f"^(?:{pattern})$")  # as it is run
    except (re.error, pl.exceptions.ComputeError) as error:
        raise ValueError("不是可用的正则表达式") from error
    return pattern


_Names = Annotated[tuple[Text, ...], BeforeValidator(_several)]


class _Column(Model):
    """One column of a declared ledger."""

    header: Name
    kind: Annotated[Kind, BeforeValidator(_kind)]
    required: bool = True
    description: Words = ""
    choices: tuple[Name, ...] = ()
    unit: Words = ""
    pattern: Annotated[Words, AfterValidator(_expression)] = ""
    example: Words = ""
    min: Decimal | None = None
    max: Decimal | None = None
    unique: bool | _Names = False
    refers: Words = ""
    after: _Names = ()
    within: Annotated[Literal["year", "year_or_next"] | None, BeforeValidator(_years)] = None
    required_when: Words = ""
    not_falling_per: Words = ""

    @property
    def unit_said(self) -> str:
        """The unit that the header says."""
        found = re.search(_UNITS[self.kind][0], self.header) if self.kind in _UNITS else None
        return found[1] if found else ""

    @property
    def unique_per(self) -> tuple[str, ...]:
        """The columns whose values may be alike where those of this one are unique."""
        return () if isinstance(self.unique, bool) else self.unique

    def made(self) -> Any:  # noqa: ANN401  # a Pandera field
        """The column as a field of a model."""
        constraints: list[Constraint] = [After(column) for column in self.after]
        if self.unique:
            constraints.append(Unique(self.unique_per))
        if self.refers:
            constraints.append(Refers(self.refers, "X04" if self.refers == PROGRAMME else "X02"))
        if self.within:
            constraints.append(Within(self.within))
        if self.required_when:
            constraints.append(RequiredWhen(self.required_when))
        if self.not_falling_per:
            constraints.append(NotFallingPer(self.not_falling_per))
        limits: dict[str, Any] = {check: limit for check, limit in (("ge", self.min), ("le", self.max)) if limit is not None}
        return field(
            self.kind,
            self.header,
            f"{self.description.rstrip('。')}。" if self.description else "",
            *constraints,
            required=self.required,
            choices=self.choices,
            example=self.example,
            pattern=self.pattern,
            unit=self.unit_said if self.kind is Kind.QUANTITY else "",
            **limits,
        )


class _Ledger(Model):
    """One declared ledger (自设台账)."""

    title: Name
    required: bool = True
    columns: dict[str, _Column]


class _File(Model):
    """ledgers.yml as a whole."""

    keeps: tuple[Text, ...]
    optional: tuple[Text, ...] = ()
    declared: Annotated[dict[str, _Ledger], Field(default_factory=dict)]


def load_catalogue(path: Path) -> Catalogue:
    """Load which ledgers a workspace keeps; without the file, those that are kept by default.

    Raises: ConfigurationError: with every fault as `file:line: field: message`.
    """
    return _load(read_text(path), path.name) if path.is_file() else DEFAULT


# One text makes its models once: they are remembered and compared by what they are.
@lru_cache(64)
def _load(text: str, file: str) -> Catalogue:
    data, positions = parse_yaml(text, file)
    data = data if data is not None else {}
    faults: list[str] = []
    unsure: set[str | int] = set()
    try:
        given = _File.model_validate(data)
    except ValidationError as error:
        faults = explain(error, file, positions)
        # What is whole is looked at all the same, so that all faults are told at once.
        given = _File.model_validate(_whole(data, error))
        unsure = {part for fault in error.errors() for part in fault["loc"][:2] or ("keeps",)}
    models = {name: _made(name, ledger) for name, ledger in given.declared.items()}
    found = _Examination(given, models, unsure).faults()
    faults += [f"{file}:{positions.line(place)}: {'.'.join(map(str, place))}：{message}" for place, message in found]
    if faults:
        raise faulty(file, faults)
    optional = {*given.optional, *(name for name, ledger in given.declared.items() if not ledger.required)}
    kept = {name: model for name, model in BUILT_IN.items() if name in given.keeps}
    return Catalogue(kept | models, frozenset(optional))


def _made(name: str, ledger: _Ledger) -> type[LedgerModel]:
    return declare(name, ledger.title, {key: column.made() for key, column in ledger.columns.items()})


def _whole(data: Any, error: ValidationError) -> dict[str, Any]:  # noqa: ANN401  # YAML of any form
    """What is left of the file's data without the columns, ledgers and keys that have faults."""
    rest: dict[str, Any] = copy.deepcopy(data) if isinstance(data, dict) else {}
    for fault in error.errors():
        place = fault["loc"]
        depth = (4 if len(place) >= 4 else min(len(place), 2)) if place[:1] == ("declared",) else 1  # noqa: PLR2004  # declared.x.columns.y
        node: dict[Any, Any] = rest
        for part in place[: depth - 1]:
            node = node.get(part, {})
        for last in place[depth - 1 : depth]:
            node.pop(last, None)
    return {"keeps": [], **rest}


@dataclass(frozen=True)
class _Examination:
    """What is wrong with declarations that are of the right form, by place in the file."""

    given: _File
    models: Mapping[str, type[LedgerModel]]
    unsure: Set[str | int]
    """Names of ledgers of which some part could not be read: what they lack is not known."""

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Of all ledgers by name, the built-in ones too."""
        return {name: model.ledger_title() for name, model in {**self.models, **BUILT_IN}.items()}

    def faults(self) -> Iterator[_Fault]:
        """All faults."""
        yield from self._of_lists()
        for name, ledger in self.given.declared.items():
            yield from self._of_ledger(name, ledger)
            for key, column in ledger.columns.items():
                place = ("declared", name, "columns", key)
                for part, message in (*_of_column(key, column), *self._of_constraints(name, key, column)):
                    yield (*place, part) if part else place, message

    def _of_lists(self) -> Iterator[_Fault]:
        keeps, optional = self.given.keeps, self.given.optional
        declared = {*self.given.declared, *self.unsure}
        for place, name in enumerate(keeps):
            if name not in BUILT_IN and name not in declared:
                yield ("keeps", place), f"没有“{name}”这本台账，内置的有：{'、'.join(BUILT_IN)}；自设的写在 declared 里"
            elif name in keeps[:place]:
                yield ("keeps", place), f"“{name}”前面已经写过"
        if "keeps" not in self.unsure and (missing := [name for name in _ALWAYS if name not in keeps]):
            yield ("keeps",), f"缺少 {'、'.join(missing)}：预算执行率由这两本台账算出，不能不设"
        for place, name in enumerate(optional):
            if name in _ALWAYS:
                yield ("optional", place), f"“{name}”每年都要有，不能列在这里"
            elif name not in keeps and name not in declared:
                yield ("optional", place), f"“{name}”不在 keeps 或 declared 里"

    def _of_ledger(self, name: str, ledger: _Ledger) -> Iterator[_Fault]:
        place = ("declared", name)
        if not re.fullmatch(_NAME, name) or name == PROGRAMME:
            yield place, "台账的英文名应为小写字母、数字和下划线，以字母开头"
        if name in BUILT_IN:
            yield place, f"“{name}”是内置台账《{BUILT_IN[name].ledger_title()}》的英文名，请换一个"
        if not re.fullmatch(_TITLE, ledger.title, re.IGNORECASE) or len(ledger.title.encode("utf-16-le")) > 2 * _TITLE_SIGNS:
            yield (*place, "title"), _TITLE_RULE
        mine = normal(ledger.title)
        others = [title for other, title in self.titles.items() if other != name]
        if alike := [f"《{other}》" for other in others if mine in normal(other) or normal(other) in mine]:
            yield (*place, "title"), f"与{'、'.join(alike)}同名，或一个名称包含另一个，会分不清哪个文件是哪本台账"
        if not ledger.columns and name not in self.unsure:
            yield (*place, "columns"), "至少应有一栏"
        seen: dict[str, str] = {}
        for key, column in ledger.columns.items():
            header = normal(column.header)
            # An amount may be written in 元 or 万元, so its unit does not tell its column from another.
            header = header.rpartition("(")[0] if column.kind in {Kind.MONEY, Kind.PERCENT} and column.unit_said else header
            if header in seen:
                yield (*place, "columns", key, "header"), f"表头与 {seen[header]} 栏相同，分不清是哪一栏"
            seen.setdefault(header, key)

    def _of_constraints(self, name: str, key: str, column: _Column) -> Iterator[tuple[str, str]]:
        """What is wrong with a column's constraints, by their names."""
        columns, time = self.given.declared[name].columns, self.models[name].time_column()
        named = {"after": column.after, "unique": column.unique_per, "not_falling_per": (column.not_falling_per or None,)}
        for constraint, others in named.items():
            for other in others:
                if other == key or (other and other not in columns and name not in self.unsure):
                    yield constraint, f"这本台账没有另一栏叫“{other}”"
        are_days = all(columns[day].kind is Kind.DAY for day in (key, *column.after) if day in columns)
        yield from _told(
            ("after", column.after and not are_days and "只能用在日期栏，与另一日期栏比较"),
            ("within", column.within and column.kind not in {Kind.DAY, Kind.MONTH} and "只能用在日期栏和月份栏"),
            ("not_falling_per", column.not_falling_per and column.kind not in _NUMBERS and "只能用在金额、数量、百分比和整数栏"),
            ("not_falling_per", column.not_falling_per and not time and "台账里没有月份栏或日期栏，分不出先后"),
            ("required_when", column.required_when and column.required and "有条件的必填栏，应写 required: false"),
            ("required_when", column.required_when and self._of_condition(name, column.required_when)),
            ("refers", column.refers and self._of_reference(column)),
        )

    def _of_condition(self, name: str, condition: str) -> str:
        try:
            row_condition(condition, self.models[name])
        except ValueError as error:
            return "" if name in self.unsure else str(error)
        return ""

    def _of_reference(self, column: _Column) -> str:
        if column.kind not in _NAMING:
            return "只能用在编号栏和文字栏"
        ledger, _, key = column.refers.partition(".")
        if column.refers == PROGRAMME or ledger in self.unsure:
            return ""
        model = self.models.get(ledger) or (BUILT_IN.get(ledger) if ledger in self.given.keeps or "keeps" in self.unsure else None)
        if model is None:
            return f"本单位没有“{ledger}”这本台账；应写成 台账.栏目，如 projects.project_no，或写 {PROGRAMME}，指预算项目编码"
        if not any(other.name == key and other.kind in _NAMING for other in model.columns()):
            names = "、".join(other.name for other in model.columns() if other.kind in _NAMING)
            return f"{model.ledger_title()}没有“{key}”这一编号栏或文字栏，可用的：{names}"
        return ""


def _told(*faults: tuple[str, object]) -> Iterator[tuple[str, str]]:
    """Of parts of a declaration, each with what is wrong or with something false, those that have a fault."""
    return ((part, str(message)) for part, message in faults if message)


def _of_column(key: str, column: _Column) -> Iterator[tuple[str, str]]:
    """What is wrong with a column by itself, by the part of its declaration."""
    kind, said, limits = column.kind, column.unit_said, [limit for limit in (column.min, column.max) if limit is not None]
    is_shown = pl.Series([column.example]).str.contains(f"^(?:{column.pattern})$").item() if column.pattern else True
    broken = [limit for limit in limits if kind is Kind.COUNT and limit % 1]
    name = "栏目的英文名应为小写字母、数字和下划线，以字母开头，不能是 row 或条件里的词（如 date、in、year）"
    return _told(
        ("", not _is_usable(key) and name),
        ("header", kind in _UNITS and not said and _UNITS[kind][1]),
        ("unit", said and column.unit not in {"", said} and f"单位应与表头一致：{said}"),
        ("unit", column.unit and kind not in _UNITS and "这种栏目没有单位，请删去"),
        ("choices", kind is Kind.CHOICE and not column.choices and "选项栏应写 choices，列出可以填的词"),
        ("choices", kind is not Kind.CHOICE and column.choices and "只有 kind: choice 的栏有 choices"),
        ("choices", len(set(column.choices)) < len(column.choices) and "选项有重复的"),
        ("max" if column.min is None else "min", limits and kind not in _LIMITED and "只有金额、数量和整数栏有上下限"),
        ("min", limits != sorted(limits) and "下限大于上限"),
        ("min" if column.min in broken else "max", broken and "整数栏的上下限应为整数"),
        ("pattern", column.pattern and kind not in _NAMING and "只能用在编号栏和文字栏"),
        ("pattern", not is_shown and "请在 example 写一个符合 pattern 的例子，填错时给填表人看"),
    )


def _is_usable(name: str) -> bool:
    """Whether a column's name can stand in a condition: some words are SQL's own."""
    if not re.fullmatch(_COLUMN_NAME, name):
        return False
    try:
        return pl.DataFrame(schema={name: pl.String}).select(pl.sql_expr(f"({name} IS NULL)")).columns == [name]
    except pl.exceptions.PolarsError:
        return False
