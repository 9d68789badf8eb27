"""The deployment that the runner registers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.runner import yearly
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
