"""What a clerk hands in, written to a temporary folder: workbooks cell by cell, files byte by byte."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from openpyxl import Workbook

from perfeval.ledgers import Reading, read_ledgers, receive
from schemas import DEFAULT, Catalogue

# The first expression of a run starts Polars' threads, which takes longer than Hypothesis allows one example.
settings.register_profile("ledgers", deadline=None)
settings.load_profile("ledgers")

SURVEY = {
    "A1": "问卷编号", "B1": "调查日期", "C1": "对象类别", "D1": "评价",
    "A2": "WJ-001", "B2": "2022-03-05", "C2": "企业", "D2": "满意",
}  # fmt: skip
BUDGET = {
    "A1": "指标文号", "B1": "下达日期", "C1": "预算项目编码", "D1": "资金来源", "E1": "金额（元）", "F1": "备注",
    "A2": "桃财预〔2022〕15号", "B2": "2022-03-05", "C2": "P1", "D2": "追加", "E2": "1000.00",
}  # fmt: skip

Change = Callable[[Workbook], object]
Write = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of ledgers."""
    path = tmp_path / "ledgers"
    path.mkdir()
    return path


@pytest.fixture
def write_workbook(folder: Path) -> Write:
    """Write a workbook of one sheet, cell by cell; `change` may do anything else to it."""

    def write(name: str, cells: Mapping[str, object], *, sheet: str = "Sheet1", change: Change = Workbook.close) -> None:
        workbook = Workbook()
        workbook.active.title = sheet
        for place, value in cells.items():
            workbook.active[place] = value
        change(workbook)
        workbook.save(folder / name)

    return write


@pytest.fixture
def write_survey(write_workbook: Write) -> Write:
    """Write 满意度调查台账 with one good row, and these cells beside or instead."""

    def write(cells: Mapping[str, object] | None = None, **options: object) -> None:
        write_workbook("满意度调查台账.xlsx", {**SURVEY, **(cells or {})}, **options)

    return write


@pytest.fixture
def write_budget(write_workbook: Write) -> Write:
    """Write 预算指标台账 with one good row of 1 000 yuan, and these cells beside or instead."""

    def write(cells: Mapping[str, object] | None = None, **options: object) -> None:
        write_workbook("预算指标台账.xlsx", {**BUDGET, **(cells or {})}, **options)

    return write


@pytest.fixture
def write_csv(folder: Path) -> Write:
    """Write 满意度调查台账.csv: its header and these lines, in an encoding."""

    def write(*lines: str, encoding: str = "utf-8", end: str = "\n") -> None:
        text = end.join(["问卷编号,调查日期,对象类别,评价", *lines, ""])
        (folder / "满意度调查台账.csv").write_bytes(text.encode(encoding))

    return write


@pytest.fixture
def read(folder: Path) -> Callable[..., Reading]:
    """Read the folder, without what is said of ledgers that the test does not hand in (L10)."""

    def reading(catalogue: Catalogue = DEFAULT) -> Reading:
        whole = read_ledgers(receive(folder), catalogue)
        return Reading(whole.ledgers, tuple(finding for finding in whole.findings if finding.code != "L10"))

    return reading


@pytest.fixture
def found(read: Callable[[], Reading]) -> Callable[[], list[tuple[str, str | None, str | None]]]:
    """Code, cell and value of every finding in the folder."""

    def finding() -> list[tuple[str, str | None, str | None]]:
        return [(finding.code, finding.cell, finding.value) for finding in read().findings]

    return finding
