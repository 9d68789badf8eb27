"""What a declared table lists (台账附表): its columns, the ledger's rows with the last row of another ledger beside, and their bands."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from perfeval.model import Ledgers
from perfeval.report.declaration import JUDGEMENT, NOT_JUDGED, AnnexSetting, Band
from perfeval.report.figures import FigureValue
from schemas import Column, Kind

PORTRAIT, LANDSCAPE = 8845, 12756  # twips between the margins of GB/T 9704, upright and turned
NUMBER_WIDTH = 540
_LEAST_WIDTH = 200
_WORDS, _MOMENTS = (Kind.TEXT, Kind.CODE, Kind.CHOICE), (Kind.DAY, Kind.MONTH)
_UNSUMMED = (*_WORDS, *_MOMENTS, Kind.PERCENT)

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A column of the table: its name in a row, and what the ledger says of it; of the judgement (`colour`) it says nothing."""

    name: str
    header: str
    kind: Kind | None
    width: int | None
    is_joined: bool


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A row: values by name, those of the other ledger as `progress.month`; None where nothing was judged or has none."""

    values: Mapping[str, Any]
    band: Band | None
    has_latest: bool


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A declared table's columns and rows."""

    setting: AnnexSetting
    year: int
    columns: tuple[Listed, ...]
    group_by: Listed | None
    rows: Sequence[ListedRow]

    @property
    def counts(self) -> dict[str, FigureValue]:
        """How many rows each band holds, for the narrative."""
        counted = Counter(row.band.key if row.band else NOT_JUDGED for row in self.rows)
        keys = [*(band.key for band in self.setting.colour.bands), NOT_JUDGED] if self.setting.colour else []
        return {key: FigureValue(f"{self.setting.name}_{key}", Decimal(counted[key]), "个") for key in keys}


def list_rows(setting: AnnexSetting, ledgers: Ledgers, year: int) -> Listing:
    """The table of a declaration that has no misfits."""
    known, latest = _known(setting, ledgers), setting.latest
    judged = setting.colour.columns if setting.colour else ()

    def listed(name: str, header: str | None = None, width: int | None = None) -> Listed:
        column = known.get(name)
        is_joined = latest is not None and any(part.startswith(f"{latest.ledger}.") for part in (judged if column is None else (name,)))
        return Listed(name, header or (column.header if column else "评价"), column.kind if column else None, width, is_joined)

    has_latest = f"{latest.ledger}.row" if latest else "row"
    names = dict.fromkeys(["row", has_latest, *(name for _, name in _named(setting))])
    rows = _joined(setting, ledgers, year).select(*names).collect().to_dicts()
    return Listing(
        setting,
        year,
        tuple(listed(column.column, column.header, column.width) for column in setting.columns),
        listed(setting.group_by) if setting.group_by else None,
        [ListedRow(row, _band(setting, row), row[has_latest] is not None) for row in rows],
    )


def _known(setting: AnnexSetting, ledgers: Ledgers) -> dict[str, Column]:
    """The columns that a table may name."""
    own = {column.name: column for column in ledgers[setting.ledger].shape.columns()}
    if setting.latest is None:
        return own
    other = setting.latest.ledger
    return own | {f"{other}.{column.name}": column for column in ledgers[other].shape.columns()}


def _named(setting: AnnexSetting) -> Iterator[tuple[Path, str]]:
    """Every column that a declaration names, with its place in it."""
    for position, column in enumerate(setting.columns):
        if column.column != JUDGEMENT:
            yield ("columns", position, "column"), column.column
    for position, name in enumerate(setting.totals):
        yield ("totals", position), name
    if setting.group_by:
        yield ("group_by",), setting.group_by
    if setting.colour:
        yield ("colour", "value"), setting.colour.value
        if setting.colour.minus:
            yield ("colour", "minus"), setting.colour.minus


def _joined(setting: AnnexSetting, ledgers: Ledgers, year: int) -> pl.LazyFrame:
    rows, latest = ledgers[setting.ledger].rows, setting.latest
    if latest is None:
        return rows
    other, at = ledgers[latest.ledger], pl.col(latest.at)
    is_month = other.shape.column(latest.at).kind is Kind.MONTH
    in_year = other.rows.filter(at.str.starts_with(f"{year}-") if is_month else at.dt.year() == year)
    last = in_year.sort(latest.at, "row").unique(latest.by, keep="last", maintain_order=True)
    beside = last.select(pl.all().name.prefix(f"{latest.ledger}."))
    key = f"{latest.ledger}.{latest.by}"
    return rows.join(beside, how="left", left_on=latest.by, right_on=key, coalesce=False, maintain_order="left")


def _band(setting: AnnexSetting, row: Mapping[str, Any]) -> Band | None:
    if setting.colour is None or any(row[name] is None for name in setting.colour.columns):
        return None
    value = row[setting.colour.value]
    if setting.colour.minus:
        value = value - row[setting.colour.minus]
    return setting.colour.band(Decimal(value.days if isinstance(value, timedelta) else value))


def misfits(setting: AnnexSetting, ledgers: Ledgers) -> Iterator[tuple[Path, str]]:
    """What in a declaration does not fit the ledgers: its place in the declaration, and the fault."""
    wanted: list[tuple[Path, str]] = [(("ledger",), setting.ledger)]
    wanted += [(("latest", "ledger"), setting.latest.ledger)] if setting.latest else []
    if missing := [(path, name) for path, name in wanted if name not in ledgers]:
        yield from ((path, f"没有台账 {name}，可用：{'、'.join(ledgers)}") for path, name in missing)
        return
    known = _known(setting, ledgers)
    for path, name in _named(setting):
        if name not in known:
            yield path, f"没有栏目 {name}，可用：{'、'.join(known)}"
    yield from _misfits_of_latest(setting, known)
    yield from _misfits_of_columns(setting, known)
    yield from _misfits_of_totals(setting, known)
    yield from _misfits_of_colour(setting, known)


def _misfits_of_latest(setting: AnnexSetting, known: Mapping[str, Column]) -> Iterator[tuple[Path, str]]:
    if (latest := setting.latest) is None:
        return
    for name in (latest.by, f"{latest.ledger}.{latest.by}"):
        if name not in known or known[name].kind not in _WORDS:
            yield ("latest", "by"), f"没有文字或编号栏目 {name}：by 是两本台账都有的栏目"
    if f"{latest.ledger}.{latest.at}" not in known or known[f"{latest.ledger}.{latest.at}"].kind not in _MOMENTS:
        yield ("latest", "at"), f"台账 {latest.ledger} 没有月份或日期栏目 {latest.at}"


def _misfits_of_columns(setting: AnnexSetting, known: Mapping[str, Column]) -> Iterator[tuple[Path, str]]:
    for position, column in enumerate(setting.columns):
        shape = known.get(column.column)
        if shape and shape.kind is Kind.MONEY and not (column.header or shape.header).endswith(("（元）", "（万元）")):
            yield ("columns", position, "header"), f"金额栏目 {column.column} 的表头应以（元）或（万元）结尾"
    room = LANDSCAPE if setting.landscape else PORTRAIT
    if NUMBER_WIDTH + sum(column.width or _LEAST_WIDTH for column in setting.columns) > room:
        yield ("columns",), f"各栏宽度连同序号栏（{NUMBER_WIDTH}）超过页面的 {room}"


def _misfits_of_totals(setting: AnnexSetting, known: Mapping[str, Column]) -> Iterator[tuple[Path, str]]:
    names = [column.column for column in setting.columns]
    for position, name in enumerate(setting.totals):
        if name not in names[1:]:
            yield ("totals", position), f"{name} 应列在 columns 中，且不在第一栏：合计二字写在它前面"
        elif name in known and known[name].kind in _UNSUMMED:
            yield ("totals", position), f"{name} 是{known[name].kind.value}，不能合计"


def _misfits_of_colour(setting: AnnexSetting, known: Mapping[str, Column]) -> Iterator[tuple[Path, str]]:
    if setting.colour is None or any(name not in known for name in setting.colour.columns):
        return
    kinds = [known[name].kind for name in setting.colour.columns]
    is_days = kinds == [Kind.DAY, Kind.DAY]
    if not is_days and (len(set(kinds)) > 1 or kinds[0] in (*_WORDS, *_MOMENTS)):
        yield ("colour",), "分色只能按一栏数字，或者按同类的两栏数字、两栏日期之差"
