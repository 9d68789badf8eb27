"""The core without a store, on two short ledgers that two programmes share."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from perfeval.assessment import check_files, lineage_table, own_rows, receive_ledgers, refuse_errors
from perfeval.errors import LedgerError, UsageError
from perfeval.ledgers import Reading
from perfeval.model import Fact, Finding, Severity, Source
from perfeval.workspace import Subject, Workspace

BUDGET = """指标文号,下达日期,预算项目编码,资金来源,金额（元）,备注
样财〔2022〕1号,2022-01-10,GL-2022-01,年初预算,1000.00,
样财〔2022〕2号,2022-01-10,QL-2022-01,年初预算,500.00,
"""
HEAD = (
    "凭证号,支付日期,预算项目编码,经济分类编码,经济分类名称,支出类别,摘要,收款人,金额（元）,支付方式,发票号码,附件张数,"
    "活动方案编号,申请报告编号,审批人,审批日期\n"
)
PAID = "{no},{day},{code},30202,印刷费,印刷,印表格,样例店,{amount},转账,{no}00,1,,SQ-{no},样例甲,2022-03-01\n"
ERROR = Finding("V01", Severity.ERROR, "必填，不能为空。")
WARNING = Finding("X05", Severity.WARNING, "手续不全。")


@pytest.fixture
def folder(make_folder: Callable[..., Path], two_programmes: list[Any]) -> Path:
    folder = make_folder(programmes=two_programmes)
    (folder / "ledgers.yml").write_text("keeps: [budget, expenditure]\n", encoding="utf-8")
    (folder / "economic_classification.csv").write_text("code,name\n302,商品和服务支出\n30202,印刷费\n", encoding="utf-8")
    (folder / "ledgers" / "2022").mkdir(parents=True)
    (folder / "ledgers" / "2022" / "预算指标台账.csv").write_text(BUDGET, encoding="utf-8")
    return folder


@pytest.fixture
def spent(folder: Path) -> Callable[..., Subject]:
    """What the roads' year is after some payments: number, day, programme code, amount."""

    def spending(*payments: tuple[str, str, str, str]) -> Subject:
        rows = [PAID.format(no=no, day=day, code=code, amount=amount) for no, day, code, amount in payments]
        (folder / "ledgers" / "2022" / "资金支出台账.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
        return Workspace(folder).subject(2022, "roads")

    return spending


def read(subject: Subject) -> Reading:
    return check_files(subject, receive_ledgers(subject))


def told(reading: Reading) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.row) for finding in reading.findings]


OURS = ("1", "2022-03-02", "GL-2022-01", "900.00")
THEIRS = ("2", "2022-03-02", "QL-2022-01", "400.00")


def test_ledgers_in_order_give_no_finding(spent: Callable[..., Subject]) -> None:
    assert told(read(spent(OURS, THEIRS))) == []


def test_ledgers_are_checked_whole_and_counted_by_programme(spent: Callable[..., Subject]) -> None:
    subject = spent(OURS, THEIRS)
    reading = read(subject)
    assert {name: ledger.count_rows() for name, ledger in reading.ledgers.items()} == {"budget": 2, "expenditure": 2}
    rows = own_rows(subject, reading.ledgers)
    assert {name: ledger.frame["programme_code"].to_list() for name, ledger in rows.items()} == {
        "budget": ["GL-2022-01"],
        "expenditure": ["GL-2022-01"],
    }
    others = own_rows(subject.workspace.subject(2022, "bridges"), reading.ledgers)
    assert others["expenditure"].frame["voucher_no"].to_list() == ["2"]


def test_rows_of_a_unit_with_one_programme_are_all_its_own(spent: Callable[..., Subject], make_folder: Callable[..., Path]) -> None:
    reading = read(spent(OURS, THEIRS))
    alone = Workspace(make_folder()).subject(2022)
    assert own_rows(alone, reading.ledgers)["expenditure"].count_rows() == 2


def test_warning_about_a_row_of_ours_is_told(spent: Callable[..., Subject]) -> None:
    assert told(read(spent(("1", "2022-03-02", "GL-2022-01", "-5.00"), THEIRS))) == [("X06", 2)]


def test_warning_about_a_row_of_the_other_programme_is_not_ours(spent: Callable[..., Subject]) -> None:
    assert told(read(spent(OURS, ("2", "2022-03-02", "QL-2022-01", "-5.00")))) == []


def test_error_in_a_row_of_the_other_programme_stops_us_too(spent: Callable[..., Subject]) -> None:
    assert ("V02", 3) in told(read(spent(OURS, ("2", "2022-03-02", "QL-2022-01", "一百元"))))


def test_row_of_a_programme_that_nobody_has_is_told_to_everybody(spent: Callable[..., Subject]) -> None:
    assert ("X04", 3) in told(read(spent(OURS, ("2", "2022-03-02", "SL-2022-01", "400.00"))))


def test_ledgers_of_a_year_without_a_folder_are_a_word_mistyped(folder: Path) -> None:
    with pytest.raises(UsageError, match="没有 2023 年度的台账文件夹 ledgers/2023") as fault:
        receive_ledgers(Workspace(folder).subject(2023, "roads"))
    assert (fault.value.code, fault.value.hint) == ("U06", "核对年度；开始新的年度：perfeval year 2023。")


@pytest.mark.parametrize("name", ["2023.yml", "2023-bridges.yml"])
def test_year_that_has_settings_and_no_ledgers_gets_blank_ones(folder: Path, name: str) -> None:
    (folder / "indicators").mkdir()
    (folder / "indicators" / name).touch()
    with pytest.raises(UsageError, match="没有 2023 年度的台账文件夹 ledgers/2023") as fault:
        receive_ledgers(Workspace(folder).subject(2023, "roads"))
    assert fault.value.hint == "写入空白台账：perfeval template --year 2023。"


def test_errors_stop_with_every_finding() -> None:
    with pytest.raises(LedgerError, match="台账有 1 处错误，不能继续") as fault:
        refuse_errors([WARNING, ERROR])
    assert fault.value.findings == (WARNING, ERROR)


def test_warnings_stop_nothing() -> None:
    refuse_errors([WARNING, replace(WARNING, severity=Severity.NOTE)])


def test_lineage_keeps_the_rows_of_every_source_as_a_list() -> None:
    sources = (
        Source("expenditure", "a.csv", None, "00", "amount_yuan", pl.Series([2, 5], dtype=pl.UInt32)),
        Source("budget", "b.csv", None, "00", None, pl.Series([2], dtype=pl.UInt32)),
    )
    table = pl.read_parquet(io.BytesIO(lineage_table({"spent": Fact("spent", None, "元", "合计", sources)})))
    assert table.rows() == [("spent", "expenditure", [2, 5]), ("spent", "budget", [2])]
