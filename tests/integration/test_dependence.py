"""Changing one ledger row changes exactly the facts, scores and sentences that depend on it."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pytest

from perfeval.assessment import Assessment, assess, write_report
from perfeval.ledgers import receive
from perfeval.packs import create_workspace
from perfeval.workspace import Subject, Workspace

Change = Callable[..., "Year"]


class Year:
    """A sample year as computed: facts, scores, and the report line by line."""

    def __init__(self, folder: Path) -> None:
        subject = Workspace(folder).subject(2022)
        self.assessment: Assessment = assess(subject, receive(subject.ledgers))
        report = write_report(subject, 1, self.assessment)
        body = docx.Document(io.BytesIO(report.document)).element.body
        self.lines = ["".join(text.text for text in line.iter("{*}t")) for line in body.iter("{*}p")]

    def changed_facts(self, other: "Year") -> set[str]:
        mine, others = self.assessment.facts, other.assessment.facts
        return {name for name in mine if mine[name].value != others[name].value}

    def changed_scores(self, other: "Year") -> set[str]:
        pairs = zip(self.assessment.card.scores, other.assessment.card.scores, strict=True)
        return {mine.id for mine, others in pairs if mine.score != others.score}

    def new_lines(self, other: "Year") -> list[str]:
        return [line for line in self.lines if line not in set(other.lines)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dependence") / "office"
    create_workspace(folder, sample="taojiang-2022")
    return folder


@pytest.fixture(scope="module")
def before(folder: Path) -> Year:
    return Year(folder)


@pytest.fixture
def change(folder: Path, tmp_path: Path, explain_all: Callable[[Subject], None]) -> Change:
    """Change one cell of a ledger, and record the reasons that this asks for."""

    def changed(title: str, **cells: object) -> Year:
        copy = Path(shutil.copytree(folder, tmp_path / "office"))
        path = copy / "ledgers" / "2022" / f"{title}.xlsx"
        book = openpyxl.load_workbook(path)
        for cell, value in cells.items():
            book.worksheets[0][cell] = value
        book.save(path)
        explain_all(Workspace(copy).subject(2022))
        return Year(copy)

    return changed


def test_bulletin_that_was_a_video_moves_from_one_fact_to_the_other(folder: Path, before: Year, change: Change) -> None:
    path = folder / "ledgers" / "2022" / "编发刊物台账.xlsx"
    sheet = openpyxl.load_workbook(path).worksheets[0]
    row = next(cells[0].row for cells in sheet.iter_rows(min_row=3) if (cells[0].value, cells[1].value) == ("重点项目建设简报", "第3期"))
    after = change("编发刊物台账", **{f"A{row}": "宣传视频"})
    assert after.changed_facts(before) == {"bulletins", "videos", "video_cost"}
    assert after.changed_scores(before) == set()
    # An issue's number is missing now, which the checks find: headings behind what is told of it have other numbers.
    words = ("简报", "宣传视频3部", "3期", "2.25", "98", "48", "样例原因", "核对中发现", "核对发现", "万元/部", "刊物的期号不连续")
    told_before = {line.partition("）")[2] for line in before.lines}
    new = [line for line in after.new_lines(before) if line.partition("）")[2] not in told_before - {""}]
    assert [line for line in new if not any(word in line for word in words)] == []
    assert any("《重点项目建设简报》三期" in line for line in after.lines)


def test_meeting_moved_to_another_kind_changes_its_counts_only(folder: Path, before: Year, change: Change) -> None:
    sheet = openpyxl.load_workbook(folder / "ledgers" / "2022" / "调度会议台账.xlsx").worksheets[0]
    row = next(cell.row for cell in sheet["C"] if cell.value == "现场办公会")
    after = change("调度会议台账", **{f"C{row}": "周碰头会"})
    assert after.changed_facts(before) == {"meetings", "weekly_meetings"}
    assert after.changed_scores(before) == set()
    assert sum("27次" in line for line in after.new_lines(before)) == 1
    assert "72次" in after.new_lines(before)


def test_survey_answer_changes_satisfaction_only(folder: Path, before: Year, change: Change) -> None:
    sheet = openpyxl.load_workbook(folder / "ledgers" / "2022" / "满意度调查台账.xlsx").worksheets[0]
    row = next(cells[0].row for cells in sheet.iter_rows(min_row=3) if cells[2].value == "群众" and cells[3].value == "满意")
    after = change("满意度调查台账", **{f"D{row}": "不满意"})
    assert after.changed_facts(before) == {"satisfaction_public"}
    assert after.changed_scores(before) == set()


def test_text_that_no_figure_counts_changes_nothing_but_its_own_line(folder: Path, before: Year, change: Change) -> None:
    after = change("资金支出台账", G3="改过的样例摘要")
    assert after.changed_facts(before) == set()
    assert after.new_lines(before) == ["改过的样例摘要"]


def test_payment_changed_and_budget_with_it_changes_the_money_and_no_count(folder: Path, before: Year, change: Change) -> None:
    sheet = openpyxl.load_workbook(folder / "ledgers" / "2022" / "资金支出台账.xlsx").worksheets[0]
    amount = sheet["I3"].value
    category = sheet["F3"].value
    assert category == "现场协调"
    path = folder / "ledgers" / "2022" / "资金支出台账.xlsx"
    last = openpyxl.load_workbook(path).worksheets[0].max_row
    after = change("资金支出台账", **{"I3": float(amount) - 0.01, f"I{last}": 179899.99})
    assert after.changed_facts(before) == {"budget_executed", "execution_rate", "spent_coordination"}
    assert after.changed_scores(before) == set()
    assert any("179,899.99" in line for line in after.new_lines(before))
