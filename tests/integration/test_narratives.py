"""Whole reports of offices in all sorts of years: what is said, what must not be, and nothing addressed to the clerk."""

import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from perfeval.assessment import assess, write_report
from perfeval.ledgers import receive
from perfeval.packs import begin_year, create_workspace
from perfeval.report import read_text
from perfeval.workspace import Subject, Workspace

# Words that tell somebody to do something. 申请, 聘请 ask nobody; ledgers' own texts have none of them in the samples.
ORDERS = re.compile("(?<![申聘])请|须说明|补登|补填|应当填写|改正|使用前|待补")
Value = object | Callable[[Any], object]


def set_column(folder: Path, title: str, header: str, value: Value, year: int = 2022) -> None:
    path = folder / "ledgers" / str(year) / f"{title}.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    column = next(cell.column for cell in sheet[2] if cell.value == header)
    for row in range(3, sheet.max_row + 1):
        cell = sheet.cell(row, column)
        if cell.value is not None:
            cell.value = value(cell.value) if callable(value) else value
    book.save(path)


def empty(folder: Path, title: str) -> None:
    path = folder / "ledgers" / "2022" / f"{title}.xlsx"
    book = openpyxl.load_workbook(path)
    book.worksheets[0].delete_rows(3, book.worksheets[0].max_row)
    book.save(path)


def a_million(folder: Path) -> None:
    set_column(folder, "预算指标台账", "金额（元）", 1_000_000)


def no_survey(folder: Path) -> None:
    empty(folder, "满意度调查台账")


def no_issue(folder: Path) -> None:
    empty(folder, "问题交办台账")


def no_goal_reached(folder: Path) -> None:
    set_column(folder, "年度目标任务台账", "完成情况", "未完成")
    set_column(folder, "年度目标任务台账", "完成日期", None)


def plans_unreviewed_and_overrun(folder: Path) -> None:
    set_column(folder, "活动方案台账", "财政审核日期", None)
    set_column(folder, "活动方案台账", "财政审核人", None)
    set_column(folder, "活动方案台账", "预算金额（元）", 100)


def no_progress(folder: Path) -> None:
    empty(folder, "项目进度台账")


def one_sheet_and_no_inspection(folder: Path) -> None:
    set_column(folder, "问题交办台账", "文书编号", lambda number: "样例重交〔2022〕1号" if "交" in number else None)
    set_column(folder, "问题交办台账", "督查日期", None)


def nothing(_: Path) -> None:
    """The sample as it is."""


CASES: list[tuple[Callable[[Path], None], list[str], list[str]]] = [
    (nothing, ["预算执行率100%。", "审批记录齐全。", "台账核对没有发现支出超过预算"], ["年末未执行", "核对中发现的问题", "没有全部完成\n"]),
    (
        a_million,
        [
            "全年预算数100万元",
            "预算执行率17.99%，预算没有全部执行。",
            "预算安排偏大或者指标值偏低",
            "年末未执行82.01万元，原因：样例原因。",
        ],
        ["预算执行率100%。"],
    ),
    (no_survey, ["本年没有开展满意度调查。", "年度指标值为≥90%，无数据：样例原因。"], ["收回问卷", "核对中发现的问题"]),
    (no_issue, ["全年没有交办问题的记录。", "全年没有登记生产运营方面的问题。"], ["销号率96", "部分问题办理不及时", "销号清零"]),
    (no_progress, ["继续在建12个，落地开工12个"], ["、进度达到计划", "部分项目进度滞后"]),
    (
        one_sheet_and_no_inspection,
        [
            "实行交办、销号管理，全年交办任务50余项，下达交办单1份。",
            "问题交办台账中应填的没有填、应空的填了或者日期不在评价年度（督查日期），51处",
        ],
        ["督查、销号管理", "、督办函"],
    ),
    (
        no_goal_reached,
        ["没有一项全部完成", "年度目标任务没有全部完成", "未完成：样例原因。"],
        ["以上目标任务全部完成", "登记为完成的年度目标任务：", "核对中发现的问题"],
    ),
    (
        plans_unreviewed_and_overrun,
        ["没有财政审核日期或者审核人的12个", "活动方案台账中支出超过活动方案预算，12处", "活动方案未经财政审核，12处", "见本报告第六部分"],
        ["都经财政部门审核", "审批记录齐全", "台账核对没有发现"],
    ),
]


@pytest.fixture
def told(explain_all: Callable[[Subject], None]) -> Callable[[Subject], str]:
    """A year's report, text and tables, one paragraph a line."""

    def tell(subject: Subject) -> str:
        explain_all(subject)
        report = write_report(subject, 0, assess(subject, receive(subject.ledgers)))
        return "\n".join(text for text in read_text(report.document) if text)

    return tell


@pytest.mark.parametrize(("change", "said", "unsaid"), CASES, ids=[case[0].__name__ for case in CASES])
def test_report_says_what_is_so_and_orders_nobody(
    pristine: Path, tmp_path: Path, told: Callable[[Subject], str], change: Callable[[Path], None], said: list[str], unsaid: list[str]
) -> None:
    folder = Path(shutil.copytree(pristine, tmp_path / "office"))
    change(folder)
    text = told(Workspace(folder).subject(2022))
    assert [sentence for sentence in said if sentence not in text] == []
    assert [sentence for sentence in unsaid if sentence in text] == []
    assert ORDERS.findall(text) == []


def test_report_of_the_second_year_tells_nothing_of_the_first(
    pristine: Path, tmp_path: Path, told: Callable[[Subject], str], shift: Callable[[Path, Path], None]
) -> None:
    folder = Path(shutil.copytree(pristine, tmp_path / "office"))
    begin_year(Workspace(folder), 2023)
    for path in (folder / "ledgers" / "2022").iterdir():
        shift(path, folder / "ledgers" / "2023" / path.name)
    year_file = folder / "years" / "2023.yml"
    year_file.write_text(year_file.read_text(encoding="utf-8").replace("number: ''", "number: 桃财监〔2024〕9号"), encoding="utf-8")
    text = told(Workspace(folder).subject(2023)).partition("\n附件1\n")[0]
    assert "2022" not in text.replace("桃办〔2022〕18号", "").replace("样例财绩〔2022〕4号", "")
    assert [words for words in ("日成立，年初", "考核办法", "大厅挂图", "影子项目") if words in text] == []
    assert ORDERS.findall(text) == []


def test_report_of_rural_roads_orders_nobody(tmp_path: Path, told: Callable[[Subject], str]) -> None:
    create_workspace(tmp_path / "office", sample="rural-roads-2024")
    text = told(Workspace(tmp_path / "office").subject(2024))
    assert ORDERS.findall(text) == []
    assert "没有人工填列" not in text
    # A cost that was missed stands among the results as what it is.
    assert "单位成本7,028.05元/公里，指标值≤7,200元/公里。" in text
    assert "单位成本62,786.69元/公里，指标值≤60,000元/公里，没有达到，原因见本报告第六部分。" in text


def test_amounts_in_the_text_add_up_to_what_was_spent(pristine: Path, told: Callable[[Subject], str], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pristine, tmp_path / "office"))
    (sentence,) = re.findall("按用途分：(.*?)（以万元列示", told(Workspace(folder).subject(2022)))
    assert sum(map(Decimal, re.findall(r"([0-9.]+)万元", sentence))) == Decimal("17.99")
