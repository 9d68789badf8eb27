"""A workspace of settings alone, for what needs neither rules nor ledgers. Unit and persons are invented."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

SETTINGS: dict[str, Any] = {
    "unit": {
        "name": "样例单位",
        "short_name": "中心",
        "county": "样例县",
        "office": "样例股",
        "supervisor": "样例县人民政府",
        "drafter": "样例填表人",
    },
    "bureau": "样例县财政局",
    "programmes": [{"key": "roads", "name": "公路养护", "codes": ["GL-2022-01"], "goal": "公路畅通。"}],
    "duties": {"title": "机构规定", "number": "样办〔2022〕18号"},
    "gates": [{"key": "center", "title": "中心审批"}, {"key": "bureau", "title": "财政局审批"}],
    "archive": {"fonds": "0000", "fonds_name": "样例单位", "category": "WS", "term": "D30", "office_code": "YLJG"},
}
BRIDGES = {"key": "bridges", "name": "桥梁维修", "codes": ["QL-2022-01"], "goal": "桥梁安全。"}


@pytest.fixture
def settings() -> dict[str, Any]:
    """The least that perfeval.yml may hold, as data."""
    return SETTINGS


@pytest.fixture
def two_programmes() -> list[Any]:
    """Its programme and another one."""
    return [*SETTINGS["programmes"], BRIDGES]


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a workspace of the least settings, some of them changed; made again, it has other settings."""

    def make(**changes: object) -> Path:
        folder = tmp_path / "office"
        folder.mkdir(exist_ok=True)
        text = yaml.safe_dump(SETTINGS | changes, allow_unicode=True, sort_keys=False)
        (folder / "perfeval.yml").write_text(text, encoding="utf-8")
        return folder

    return make
