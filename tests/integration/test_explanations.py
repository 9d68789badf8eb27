"""What must be explained, from a sample's ledgers to the command line: nothing is drafted or sent before it is recorded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from perfeval import steps
from perfeval.cli import app
from perfeval.console import answer
from perfeval.errors import ReportError
from perfeval.model import Revision
from perfeval.office import open_office
from perfeval.packs import create_workspace
from perfeval.report import read_text
from perfeval.workspace import Workspace


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "office"))


@pytest.fixture
def lacking(folder: Path) -> Path:
    """The sample without two of its reasons."""
    path = folder / "explanations" / "2022.yml"
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    del given["five_ones"], given["addition"]
    path.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    with pytest.raises(SystemExit) as stop:
        answer(app, [*words, "--json"])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), json.loads(out), err


@pytest.mark.parametrize(("sample", "year"), [("taojiang-2022", "2022"), ("rural-roads-2024", "2024")])
def test_sample_brings_all_its_reasons_and_none_too_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sample: str, year: str
) -> None:
    create_workspace(tmp_path / "office", sample=sample)
    code, document, _ = run(capsys, "explain", "--year", year, "-w", str(tmp_path / "office"))
    assert (code, document["missing"]) == (0, [])
    with pytest.raises(SystemExit):
        answer(app, ["explain", "--year", year, "-w", str(tmp_path / "office")])
    assert "用不到" not in capsys.readouterr().out


def test_two_reasons_removed_are_named_and_nothing_else(lacking: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = run(capsys, "explain", "--year", "2022", "-w", str(lacking))
    assert (code, sorted(document)) == (1, ["given", "missing"])
    assert [sorted(need) for need in document["missing"]] == [["key", "where", "why"]] * 2
    assert [need["key"] for need in document["missing"]] == ["five_ones", "addition"]
    assert sorted(document["given"]) == ["closing_rate", "colour_tables", "issues_on_time", "meetings"]


def test_draft_with_reasons_missing_names_every_place(lacking: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, document, err = run(capsys, "draft", "--year", "2022", "-w", str(lacking), "-o", str(tmp_path / "a.docx"))
    assert (code, document["error"]["code"]) == (1, "R02")
    assert [fault.partition("：")[0] for fault in document["error"]["faults"]] == ["five_ones", "addition"]
    assert "把原因和改进措施写进 explanations/2022.yml" in err
    assert not (tmp_path / "a.docx").exists()


def test_evaluation_with_reasons_missing_goes_on_when_they_are_recorded(lacking: Path, pristine: Path, welcome: Callable[..., Any]) -> None:
    office = open_office(lacking)
    welcome(office, "样例经办人", "operator")
    revision = Revision(steps.open_evaluation(office, Workspace(lacking).subject(2022), "样例经办人"), 1)
    with pytest.raises(ReportError, match="有 2 处缺少说明，不能成稿"):
        steps.prepare(office, revision)
    shutil.copy(pristine / "explanations" / "2022.yml", lacking / "explanations" / "2022.yml")
    draft = steps.prepare(office, revision)
    text = "".join(read_text(office.store.artifacts.read(draft.digest)))
    assert "少数前期项目的实施方案尚未编制" in text
    assert "年度中调整预算的原因：中心2022年4月成立" in text


def test_warning_that_the_profile_marks_needs_its_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "ledgers" / "2022" / "资金支出台账.xlsx"
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["O5"] = None
    book.save(path)
    code, document, _ = run(capsys, "explain", "--year", "2022", "-w", str(folder))
    assert (code, [need["key"] for need in document["missing"]]) == (1, ["X05 资金支出台账!O5"])


def test_row_that_nobody_has_judged_is_told_with_everything_else(lacking: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = lacking / "indicators" / "2022.yml"
    system = yaml.safe_load(rules.read_text(encoding="utf-8"))
    row = next(row for row in system["indicators"] if row["id"] == "mechanism")
    del row["measure"], row["bands"]
    row["judged"] = True
    rules.write_text(yaml.safe_dump(system, allow_unicode=True, sort_keys=False), encoding="utf-8")
    code, document, _ = run(capsys, "explain", "--year", "2022", "-w", str(lacking))
    assert (code, [need["key"] for need in document["missing"]]) == (1, ["five_ones", "mechanism", "addition"])
    code, document, _ = run(capsys, "draft", "--year", "2022", "-w", str(lacking), "-o", "a.docx")
    assert (code, len(document["error"]["faults"])) == (1, 3)
    reasons = lacking / "explanations" / "2022.yml"
    given = "five_ones: 甲。\naddition: 乙。\nmechanism: {value: 90, grounds: 制度齐全, evidence: [考核办法]}\n"
    reasons.write_text(reasons.read_text(encoding="utf-8") + given, encoding="utf-8")
    code, document, _ = run(capsys, "score", "--year", "2022", "-w", str(lacking))
    assert [row["score"] for row in document["scores"] if row["id"] == "mechanism"] == [3.6]
