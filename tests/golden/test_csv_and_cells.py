"""Ledgers as foreign programs and clerks really write them, csv and cells, each with the right answer; all data is invented."""

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from perfeval.assessment import check_files
from perfeval.ledgers import Reading, read_ledgers, receive
from perfeval.packs import create_workspace
from perfeval.workspace import Workspace
from schemas import BUILT_IN, Catalogue

CASES = Path(__file__).parent / "cases"
GOOD_ROW = ("桃财预〔2022〕15号", date(2022, 3, 5), "ZDXM-2022-001", "年初预算", Decimal("1000.00"), "样例")


def read(case: str, ledger: str = "budget") -> Reading:
    title = BUILT_IN[ledger].ledger_title()
    files = [replace(file, name=f"{title}{file.path.suffix}") for file in receive(CASES / case)]
    return read_ledgers(files, Catalogue({ledger: BUILT_IN[ledger]}))


def test_one_invoice_twice_with_a_sign_in_it_is_a_payment_made_twice(tmp_path: Path) -> None:
    create_workspace(tmp_path / "office", sample="taojiang-2022")
    subject = Workspace(tmp_path / "office").subject(2022)
    shutil.copy(CASES / "k04" / "expenditure.xlsx", subject.ledgers / "资金支出台账.xlsx")
    findings = check_files(subject, receive(subject.ledgers)).findings
    assert [(finding.cell, finding.message) for finding in findings if finding.code == "C36"] == [
        ("K2", "发票号码“31000037”重复，见第2、3行。请删除重复的行，或改正编号。"),
        ("K3", "发票号码“31000037”重复，见第2、3行。请删除重复的行，或改正编号。"),
        (
            "K4",
            "发票号码“31000038”（与“3100 0038”只是写法不同）重复，见第4、5行。请删除重复的行，或改正编号。",
        ),
        (
            "K5",
            "发票号码“3100 0038”（与“31000038”只是写法不同，这里第5个字是空格）重复，见第4、5行。请删除重复的行，或改正编号。",
        ),
    ]
    assert [(finding.cell, finding.severity, finding.message) for finding in findings if finding.code == "V19"] == [
        ("K3", "warning", "编号里第5个字是看不见的 U+200B，多半是粘贴带来的。请重新键入这个编号。")
    ]


def test_long_numbers_that_were_lost_are_told() -> None:
    findings = read("k05", "expenditure").findings
    assert [(finding.code, finding.severity, finding.cell, finding.value) for finding in findings] == [
        ("V15", "error", "K2", "1.23457e+17"),
        ("V15", "warning", "K3", "25327000000012300000"),
    ]


@pytest.mark.parametrize("case", ["k06", "k10", "k14"], ids=["text guards", "invisible signs in headers", "look-alike in a choice"])
def test_ledger_that_a_reader_takes_for_good_is_read(case: str) -> None:
    reading = read(case)
    assert reading.findings == ()
    assert reading.ledgers["budget"].frame.drop("row").rows() == [GOOD_ROW]


def test_unit_above_the_table_that_is_not_the_headers_is_told() -> None:
    (finding,) = read("k08").findings
    assert (finding.code, finding.severity, finding.cell) == ("L21", "error", "E3")
    assert finding.message == (
        "有两个单位：表头是（元），表外的文字、批注、页眉或名称却写着万元。请核对这一栏的数按哪个单位填写，改正表头或删去那处文字。"
    )


def test_number_split_at_its_separator_is_told_and_never_read() -> None:
    reading = read("k12")
    assert [(finding.code, finding.severity, finding.cell, finding.value) for finding in reading.findings] == [("V02", "error", "E2", "1")]
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [None]


def test_quote_behind_a_backslash_is_told() -> None:
    reading = read("k16")
    assert dict(reading.ledgers) == {}
    assert [(finding.code, finding.message) for finding in reading.findings] == [
        ("L06", '第2行用反斜杠表示单元格内的引号（\\"），照常读取会丢字。请在导出时改为用两个引号（""），或在 Excel 中核对后另存。')
    ]
