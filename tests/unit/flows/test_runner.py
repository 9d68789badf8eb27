"""The deployment that the runner registers."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import offices, runner
from flows.runner import daily, yearly
from perfeval.workspace import Workspace


@pytest.mark.parametrize("active", [True, False])
def test_deployment_starts_every_programmes_evaluation_once_a_year(
    make_folder: Callable[..., Path], two_programmes: list[Any], active: bool
) -> None:
    workspace = Workspace(make_folder(programmes=two_programmes, schedule={"cron": "30 8 6 1 *"}))
    deployment = asyncio.run(yearly(workspace, active=active))
    assert (deployment.flow_name, deployment.name) == ("self-evaluation", "annual")
    told: list[Any] = [(item.slug, item.active, item.schedule.cron, item.schedule.timezone) for item in deployment.schedules or []]
    assert told == [
        ("roads", active, "30 8 6 1 *", "Asia/Shanghai"),
        ("bridges", active, "30 8 6 1 *", "Asia/Shanghai"),
    ]
    assert [item.parameters for item in deployment.schedules or []] == [
        {"request": {"year": 0, "programme": "roads", "prepared_by": "样例填表人"}},
        {"request": {"year": 0, "programme": "bridges", "prepared_by": "样例填表人"}},
    ]


def test_both_deployments_tell_whose_their_runs_are(make_folder: Callable[..., Path]) -> None:
    workspace = Workspace(make_folder())
    for make in (yearly, daily):
        assert asyncio.run(make(workspace, active=True)).tags == [workspace.unit]


def wrong(folder: Path) -> None:
    (folder / "perfeval.yml").write_text("unit: [", encoding="utf-8")


def unreadable(folder: Path) -> None:
    (folder / "perfeval.yml").unlink()
    (folder / "perfeval.yml").symlink_to("/proc/self/mem")  # stands for a share that is away


@pytest.mark.parametrize("spoil", [wrong, unreadable])
def test_office_whose_settings_are_wrong_or_cannot_be_read_keeps_no_other_waiting(
    make_folder: Callable[..., Path],
    settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
) -> None:
    folders = [Path(shutil.copytree(make_folder(unit=settings["unit"] | {"name": name}), tmp_path / name)) for name in ("甲", "乙", "丙")]
    for name, value in offices.told(list(map(Workspace, folders))).items():
        monkeypatch.setenv(name, value)
    spoil(folders[1])
    served, kept = list[str](), set[str]()

    async def serve(label: str, _: Any) -> None:
        served.append(label)

    async def rest(ours: Any) -> None:
        kept.update(ours)

    monkeypatch.setattr(runner, "_rest_others", rest)
    asyncio.run(runner.register(serve, active=True))
    assert (served, len(kept)) == (["甲", "甲", "丙", "丙"], 6)
