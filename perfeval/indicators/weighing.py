"""Which rows count and with how many points (分值换算), where some have no value."""

from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal
from itertools import groupby
from typing import TypeVar

from perfeval.indicators.profile import TOTAL
from perfeval.indicators.system import Indicator, IndicatorSystem
from perfeval.model import Facts

Rows = tuple[Indicator, ...]
K = TypeVar("K", bound=Hashable)
_CENT = Decimal("0.01")


def left_out_rows(system: IndicatorSystem, facts: Facts, reasons: Mapping[str, str]) -> dict[str, str]:
    """Rows that do not apply, by id, and who bears their points.

    A row is left out where it may be, has no value, and the reason is on record; not where money was spent and nothing made of it.
    Unless the profile allows it, no 一级指标 and no 二级指标 that must be there vanishes in this way: then its rows stay, and score
    nothing.
    """
    valueless = {row.id for row in system.scored if facts[row.id].value is None and not facts[row.id].is_out_of_nothing}
    found = {row.id for row in system.scored if row.not_applicable and row.id in valueless and reasons.get(row.id)}
    if not system.profile.leave_out:
        for rows in _mandatory(system):
            ids = {row.id for row in rows}
            found = found - ids if ids <= found else found
    kept = [row for row in system.scored if row.id not in found]
    return {row.id: _heirs(row, kept) for row in system.scored if row.id in found} if kept else {}


def _mandatory(system: IndicatorSystem) -> list[Rows]:
    """The rows of every 二级指标 that must be there, and of every 一级指标."""
    required = {(_bare(first), _bare(second)) for first, second in system.profile.required()}
    kinds = [rows for kind, rows in _grouped(system.scored, _kind).items() if kind in required]
    return [*kinds, *_grouped(system.scored, _level).values()]


def _heirs(row: Indicator, kept: list[Indicator]) -> str:
    if any(_kind(other) == _kind(row) for other in kept):
        return row.level2
    return row.level1 if any(_level(other) == _level(row) for other in kept) else "其他一级指标"


def weigh(system: IndicatorSystem, left_out: Mapping[str, str]) -> dict[str, Decimal]:
    """The rows' points. Those of rows left out go to the others of their 二级指标, else of their 一级指标, else to all."""
    if not left_out:
        return {row.id: row.weight for row in system.scored}
    weights = {row.id: Decimal(0) for row in system.scored}
    levels = _alive(_grouped(system.scored, _level), left_out)
    of_levels = _shared({level: _points(rows) for level, rows in levels.items()}, TOTAL - system.profile.execution)
    for level, rows_of_level in levels.items():
        kinds = _alive(_grouped(rows_of_level, _kind), left_out)
        of_kinds = _shared({kind: _points(rows) for kind, rows in kinds.items()}, of_levels[level])
        for kind, rows in kinds.items():
            weights |= _shared({row.id: row.weight for row in rows if row.id not in left_out}, of_kinds[kind])
    return weights


def _shared(parts: Mapping[K, Decimal], total: Decimal) -> dict[K, Decimal]:
    """Parts in the same proportion that add up to `total`: rounded down to cents, what is left to the largest remainders."""
    whole = sum(parts.values())
    if whole == total:
        return dict(parts)
    cents = {key: part * total / whole // _CENT for key, part in parts.items()}
    short = int(total / _CENT - sum(cents.values()))
    # Of equal remainders, the one that stands first.
    order = sorted(parts, key=lambda key: cents[key] - parts[key] * total / whole / _CENT)
    return {key: (count + (key in order[:short])) * _CENT for key, count in cents.items()}


def _alive(groups: Mapping[K, Rows], left_out: Mapping[str, str]) -> dict[K, Rows]:
    return {key: rows for key, rows in groups.items() if any(row.id not in left_out for row in rows)}


def _points(rows: Rows) -> Decimal:
    return sum((row.weight for row in rows), Decimal(0))


def _grouped(rows: Rows, by: Callable[[Indicator], K]) -> dict[K, Rows]:
    groups: dict[K, Rows] = {}
    for key, found in groupby(rows, key=by):
        groups[key] = (*groups.get(key, ()), *found)
    return groups


def _level(row: Indicator) -> str:
    return _bare(row.level1)


def _kind(row: Indicator) -> tuple[str, str]:
    return _bare(row.level1), _bare(row.level2)


def _bare(title: str) -> str:
    return title.removesuffix("指标")
