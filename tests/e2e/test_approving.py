"""A year through both gates, on a real server, each stretch in a process of its own."""

import pytest
from prefect.client.schemas.responses import SetStateStatus

from perfeval.model import Stage
from perfeval.steps import verify_archive
from tests.e2e.conftest import Office

pytestmark = pytest.mark.e2e


def test_run_approved_at_both_gates_is_archived(office: Office) -> None:
    assert office.execute().name == "Suspended"
    assert office.key == "center-r1-0"
    assert office.client.read_flow_run(office.run).name == "2022 经费补助缺口 第1稿"
    assert office.answer(office.form("center")).name == "Suspended"
    assert office.key == "bureau-r1-0"
    assert office.answer(office.form("bureau")).name == "已归档"
    assert office.standing.stage is Stage.ARCHIVED
    assert office.bags == ["0000-WS·2022-D30-XMXT-0001"]
    assert all(check.ok for check in verify_archive(office.place.archive_folder / office.bags[0]))
