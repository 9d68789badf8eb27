"""What the schemas' checks find, cell by cell."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from perfeval.ledgers import Reading
from perfeval.ledgers.validation import failures
from schemas import LEDGERS

Read = Callable[[], Reading]
Write = Callable[..., None]

BUDGET = pl.DataFrame(
    {
        "row": pl.Series([2, 3, 4, 5], dtype=pl.UInt32),
        "document_no": ["桃财预〔2022〕15号", "桃财预[2022]16号", "x桃财预〔2022〕017号", None],
        "issued_on": [date(2022, 3, 5), None, date(2022, 3, 5), date(2022, 3, 5)],
        "programme_code": ["P1", "P1", None, "P1"],
        "source": ["追加", "调减", "调减", "赠款"],
        "amount_yuan": pl.Series([Decimal("-1"), Decimal("1"), Decimal("-1"), None], dtype=pl.Decimal(18, 2)),
        "note": pl.Series([None, None, None, None], dtype=pl.String),
    }
)


def test_failures_of_a_frame_are_all_found_with_their_rows() -> None:
    found = [
        (failure.code, failure.column.name, failure.severity, failure.rows.to_list())
        for failure in failures(LEDGERS["budget"], BUDGET.lazy())
    ]
    assert found == [
        ("V01", "document_no", "error", [5]),
        ("V01", "issued_on", "error", [3]),
        ("V01", "programme_code", "error", [4]),
        ("V01", "amount_yuan", "error", [5]),
        ("V09", "document_no", "warning", [3, 4]),
        ("V07", "source", "error", [5]),
        ("V16", "amount_yuan", "error", [2, 3]),
    ]


@pytest.mark.filterwarnings("ignore::pandera.errors.SchemaWarning")
def test_pandera_itself_finds_the_same_errors() -> None:
    with pytest.raises(SchemaErrors) as caught:
        LEDGERS["budget"].validate(BUDGET, lazy=True)
    cases = caught.value.failure_cases
    assert sorted(cases.select("column", "check", "index").rows()) == [
        ("amount_yuan", "not_nullable", 3),
        ("amount_yuan", "资金来源为“调减”时金额应为负数，为其他来源时应为正数（年初预算可为0）", 0),
        ("amount_yuan", "资金来源为“调减”时金额应为负数，为其他来源时应为正数（年初预算可为0）", 1),
        ("document_no", "not_nullable", 3),
        ("issued_on", "not_nullable", 1),
        ("programme_code", "not_nullable", 2),
        ("source", "isin(['年初预算', '追加', '调减', '上年结转', '其他资金'])", 3),
    ]


@pytest.mark.parametrize(
    ("cells", "code", "cell", "value", "message"),
    [
        ({"B2": None}, "V01", "B2", None, "“下达日期”不能为空。指标文件的下达日期。请补填。"),
        ({"D2": "拨款"}, "V07", "D2", "拨款", "“资金来源”只能填：年初预算、追加、调减、上年结转、其他资金。请改为其中之一。"),
        ({"A2": "桃财预(2022)15号"}, "V09", "A2", "桃财预(2022)15号", "“指标文号”的写法应如 桃财预〔2022〕15号。请核对后改正。"),
        ({"E2": "-1,000"}, "V16", "E2", "-1,000", "资金来源为“调减”时金额应为负数，为其他来源时应为正数（年初预算可为0）。请核对。"),
        ({"D2": "调减"}, "V16", "E2", "1000.00", "资金来源为“调减”时金额应为负数，为其他来源时应为正数（年初预算可为0）。请核对。"),
    ],
)
def test_finding_gives_cell_value_and_what_to_do(
    write_budget: Write, read: Read, cells: dict[str, object], code: str, cell: str, value: str | None, message: str
) -> None:
    write_budget(cells)
    (finding,) = read().findings
    assert (finding.code, finding.cell, finding.value, finding.message) == (code, cell, value, message)
    assert (finding.ledger, finding.file, finding.sheet, finding.row) == ("预算指标台账", "预算指标台账.xlsx", "Sheet1", 2)


def test_percent_above_100_and_negative_investment_are_found(write_workbook: Write, read: Read) -> None:
    header = {"A1": "项目编号", "B1": "月份", "C1": "计划进度（%）", "D1": "实际进度（%）", "E1": "当月完成投资（万元）", "F1": "存在问题"}
    write_workbook("项目进度台账.xlsx", {**header, "A2": "X1", "B2": "2022-03", "C2": 100, "D2": 100.01, "E2": -1})
    assert [(finding.code, finding.cell, finding.message) for finding in read().findings] == [
        ("V08", "D2", "“实际进度（%）”应在 0 到 100 之间。请核对。"),
        ("V08", "E2", "“当月完成投资（万元）”不能小于 0。请核对。"),
    ]
