"""Loading an indicator system (指标体系): every fault at once, each with file and line."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import RootModel, ValidationError

from perfeval.configuration import explain, faulty, parse_yaml, read_model, read_text
from perfeval.errors import ConfigurationError
from perfeval.indicators.facts import BUILT_IN, RESERVED
from perfeval.indicators.measure import LoadingContext
from perfeval.indicators.profile import TOTAL, Profile, same_title
from perfeval.indicators.system import EXECUTION, IndicatorSystem
from schemas import Catalogue

Profiles = RootModel[dict[str, Profile]]
Fault = tuple[tuple[str | int, ...], str]


def load_indicators(path: Path, catalogue: Catalogue) -> IndicatorSystem:
    """Load a year's indicator system over the ledgers that an office keeps; its profile comes from profiles.yml, one folder up.

    Raises: ConfigurationError: with every fault as `2022.yml:line: what is wrong`.
    """
    profiles = _existing(path.parent.parent / "profiles.yml")
    return _read(read_text(path), path.stem, path.name, read_text(profiles), profiles.name, catalogue)


@lru_cache(16)  # every step and many pages ask for it
def _read(text: str, stem: str, file: str, profiles_text: str, profiles_file: str, catalogue: Catalogue) -> IndicatorSystem:
    profiles = read_model(profiles_text, profiles_file, Profiles).root
    data, positions = parse_yaml(text, file)
    data = data if isinstance(data, dict) else {}
    system, faults = None, []
    try:
        system = IndicatorSystem.model_validate(data, context=LoadingContext(profiles, catalogue))
    except ValidationError as error:
        faults = explain(error, file, positions)
    profile = profiles.get(data["profile"]) if isinstance(data.get("profile"), str) else None
    faults += [f"{file}:{positions.line(place)}: {problem}" for place, problem in _faults(data, stem, profile, catalogue)]
    if faults or not system:
        raise faulty(file, faults)
    return system


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigurationError("F02", f"缺少配置文件 {path.name}", "把它放回工作区，或用 perfeval init 重新生成。")
    return path


def _faults(data: Mapping[str, Any], stem: str, profile: Profile | None, catalogue: Catalogue) -> Iterator[Fault]:
    """What no single row can tell; looked at in the plain data, so that one broken row does not hide the rest."""
    if unkept := [name for name in ("budget", "expenditure") if name not in catalogue]:
        yield (), f"预算执行率由预算指标台账和资金支出台账算出，ledgers.yml 的 keeps 里还缺：{'、'.join(unkept)}"
    if stem.isdigit() and isinstance(data.get("year"), int) and data["year"] != int(stem):
        yield ("year",), f"year 是 {data['year']}，文件名却是 {stem}"
    listed = data.get("indicators")
    rows = {place: row for place, row in enumerate(listed if isinstance(listed, list) else ()) if isinstance(row, dict)}
    facts = data.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    yield from _repeated_ids([*facts], rows)
    yield from _growths(facts, rows)
    if profile:
        yield from _misplaced(rows, profile)
        yield from _weights(rows, profile)


def _repeated_ids(facts: list[Any], rows: Mapping[int, Mapping[str, Any]]) -> Iterator[Fault]:
    seen = dict.fromkeys(RESERVED, "系统内置数据项")
    for name in facts:
        if name in RESERVED:
            yield ("facts", name), f"facts 里的“{name}”是系统内置数据项，请换一个名"
        seen[name] = "facts"
    for place, row in rows.items():
        name = str(row.get("id"))
        if name in seen and not (name in RESERVED and row.get("scoring") == EXECUTION):
            yield ("indicators", place, "id"), f"id “{name}”与{seen[name]}重复"
        seen.setdefault(name, "前面的指标")


def _growths(facts: Mapping[Any, Any], rows: Mapping[int, Mapping[str, Any]]) -> Iterator[Fault]:
    """Growth of a figure that the system does not have, or that is growth itself."""
    measures: dict[tuple[str | int, ...], Any] = {("facts", name): measure for name, measure in facts.items()}
    measures |= {("indicators", place, "measure"): row.get("measure") for place, row in rows.items()}
    grown = {place: measure["growth"] for place, measure in measures.items() if isinstance(measure, dict) and "growth" in measure}
    known = {*BUILT_IN, *(name for name in facts if ("facts", name) not in grown)}
    known |= {row.get("id") for place, row in rows.items() if row.get("measure") and ("indicators", place, "measure") not in grown}
    for place, name in grown.items():
        if isinstance(name, str) and name not in known:
            yield (*place, "growth"), f"没有“{name}”这个数据项，growth 应写 facts 或指标里由台账算出的一项的名"


def _misplaced(rows: Mapping[int, Mapping[str, Any]], profile: Profile) -> Iterator[Fault]:
    for place, row in rows.items():
        if row.get("scoring") == EXECUTION:
            continue
        first, second = row.get("level1"), row.get("level2")
        level = profile.level(first) if isinstance(first, str) else None
        if isinstance(first, str) and not level:
            yield ("indicators", place, "level1"), f"没有一级指标“{first}”，应为：{'、'.join(profile.levels)}"
        elif isinstance(first, str) and any(first != other.get("level1") and _same(first, other.get("level1")) for other in rows.values()):
            yield ("indicators", place, "level1"), f"一级指标“{first}”在别的行写法不同，请写成一样"
        elif level and isinstance(second, str) and not any(same_title(second, title) for title in level.level2):
            yield ("indicators", place, "level2"), f"“{second}”不属于{first}，应为：{'、'.join(level.level2)}"
        if isinstance(row.get("bands"), dict) and list(row["bands"]) != list(profile.bands):
            yield ("indicators", place, "bands"), f"bands 的各档应依次为：{'、'.join(profile.bands)}"


def _same(one: str, other: object) -> bool:
    return isinstance(other, str) and same_title(one, other)


def _weights(rows: Mapping[int, Mapping[str, Any]], profile: Profile) -> Iterator[Fault]:
    points = {place: _points(row.get("weight")) for place, row in rows.items()}
    if not rows or None in points.values():
        return  # a weight that is no number is told by its row; sums would only confuse
    sums: dict[str, Decimal] = {}
    executions = [place for place, row in rows.items() if row.get("scoring") == EXECUTION]
    for place, row in rows.items():
        if place not in executions:
            title = next((title for title in profile.levels if same_title(title, str(row.get("level1")))), str(row.get("level1")))
            sums[title] = sums.get(title, Decimal(0)) + (points[place] or 0)
    for place in executions[1:]:
        yield ("indicators", place, "scoring"), "预算执行率只能有一行"
    for place in executions[:1]:
        if points[place] != profile.execution:
            yield ("indicators", place, "weight"), f"预算执行率的分值应为{profile.execution}，现为{points[place]}"
    for title, level in profile.levels.items():
        if level.weight and sums.get(title, 0) != level.weight:
            yield ("indicators",), f"{title}的分值合计应为{level.weight}，现为{sums.get(title, 0)}"
    total = sum(sums.values(), profile.execution)
    if total != TOTAL:
        yield ("indicators",), f"全部指标与预算执行率（{profile.execution}分）的分值合计应为{TOTAL}，现为{total}"


def _points(value: object) -> Decimal | None:
    try:
        return None if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        return None
