"""The three tables: what stands in which cell, merges, sums, colours."""

import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from docx import Document
from docx.oxml.ns import qn
from lxml import etree

from perfeval.explanations import Explanation
from perfeval.report import Report, ReportInput, read_text
from perfeval.report.wordml import Body, Cell, Table

Draft = Callable[..., Report]


def tables(report: Report) -> list[Any]:
    return list(Document(io.BytesIO(report.document)).element.body.findall(qn("w:tbl")))


def cells(table: Any) -> list[list[Any]]:
    return [row.findall(qn("w:tc")) for row in table.findall(qn("w:tr"))]


def rows(table: Any) -> list[list[str]]:
    return [["".join(text.text for text in cell.iter(qn("w:t"))) for cell in row] for row in cells(table)]


def spans(table: Any) -> set[int]:
    return {sum(cell.grid_span for cell in row) for row in cells(table)}


def widths(table: Any) -> set[int]:
    return {sum(cell.width.twips for cell in row) for row in cells(table)}


def merges(table: Any, column: int) -> list[str | None]:
    return [row[column].vMerge for row in cells(table)]


def test_tables_every_row_fills_the_grid_and_the_page(draft: Draft) -> None:
    drawn = tables(draft("文\n"))
    assert [spans(table) for table in drawn] == [{8}, {8}, {9}, {11}]
    assert [widths(table) for table in drawn] == [{8845}, {8845}, {12756}, {12756}]


def test_tables_rows_whole_and_heads_repeated(draft: Draft) -> None:
    drawn = tables(draft("文\n"))
    assert [len(table.findall(f".//{qn('w:cantSplit')}")) for table in drawn] == [len(rows(table)) for table in drawn]
    assert [len(table.findall(f".//{qn('w:tblHeader')}")) for table in drawn] == [0, 2, 1, 1]


def test_self_evaluation_identity_funds_and_goals(draft: Draft) -> None:
    assert rows(tables(draft("文\n"))[0]) == [
        ["项目名称", "经费补助"],
        ["主管部门", "样例县人民政府", "实施单位", "样例县重点项目建设事务中心"],
        ["项目资金（万元）", "", "年初预算数", "全年预算数（A）", "全年执行数（B）", "分值", "执行率（B/A）", "得分"],
        ["", "年度资金总额", "0", "0.36005", "0.36005", "10", "100%", "10"],
        ["", "其中：当年财政拨款", "0", "0.36005", "0.36005", "—", "100%", "—"],
        ["", "　　　上年结转资金", "0", "0", "—", "—", "—", "—"],
        ["年度总体目标", "预期目标", "实际完成情况"],
        ["总体", "保障协调服务工作。", "年度目标任务2项，完成1项"],
        ["目标1", "推动项目开工", "完成（2022年12月1日）"],
        ["目标2", "管好项目库。", "未完成"],
    ]


def test_self_evaluation_levels_stand_in_every_row(draft: Draft) -> None:
    table = tables(draft("文\n"))[1]
    assert rows(table) == [
        ["绩效指标"],
        ["一级指标", "二级指标", "三级指标", "年度指标值", "实际完成值", "分值", "得分", "偏差原因分析及改进措施"],
        ["产出指标", "数量指标", "会议次数", "≥60次", "73次", "60", "60", "—"],
        ["产出指标", "数量指标", "分色表期数", "≥12期", "9期", "20", "15", "得15分"],
        ["满意度指标", "服务对象满意度指标", "满意度", "≥90%", "95%", "10", "10", "—"],
        ["总分", "100", "95", "等级：优"],
    ]


@pytest.mark.parametrize(("text", "size"), [("1,000,000.00", None), ("100,000,000.00", 19), ("123,456,789,012,345.67", 12)])
def test_number_too_long_for_its_cell_is_set_in_smaller_type(text: str, size: int | None) -> None:
    body = Body()
    body.table(Table([1650], "r", [[text]]))
    sizes = [int(size.get(qn("w:val"))) for size in etree.fromstring(body.document()).iter(qn("w:sz"))]
    assert sizes == ([] if size is None else [size])


def test_text_too_long_for_its_cell_is_broken_as_before() -> None:
    body = Body()
    body.table(Table([1386], "l", [["很长的一段文字要分成几行"]]))
    assert list(etree.fromstring(body.document()).iter(qn("w:sz"))) == []


def test_self_evaluation_reason_of_an_earlier_narrative_printed_where_points_were_lost(draft: Draft) -> None:
    front = "---\ntitle: [甲]\nprogress: {slow_pct: 10, source: 办法}\ndeviations: {tables: 人手不足, meetings: 不印}\n---\n"
    assert [row[-1] for row in rows(tables(draft("文\n", front))[1])[2:5]] == ["—", "人手不足", "—"]


def test_self_evaluation_recorded_reasons_printed_where_they_belong(draft: Draft) -> None:
    reasons = {
        "tables": Explanation(reason="人手不足", measure="增人"),
        "meetings": Explanation(reason="不印"),
        "goal 2": Explanation(reason="入库资料不齐"),
        "execution": Explanation(reason="项目推迟"),
    }
    report = draft("文\n", reasons=reasons)
    top, indicators = tables(report)[:2]
    assert [row[-1] for row in rows(indicators)[2:5]] == ["—", "人手不足。改进措施：增人。", "—"]
    assert rows(top)[-1][-1] == "未完成：入库资料不齐。"
    assert "注：预算未全部执行的原因：项目推迟。" in read_text(report.document)


def test_payments_grouped_by_category_with_sums(draft: Draft) -> None:
    assert rows(tables(draft("文\n"))[2]) == [
        ["序号", "支出类别", "支付日期", "凭证号", "经济分类", "摘要", "收款人", "支付方式", "金额（元）"],
        ["1", "差旅费", "2022-07-01", "3", "30211 差旅费", "赴市对接", "样例丙", "公务卡", "600.00"],
        ["2", "差旅费", "2022-09-01", "1", "30211 差旅费", "赴省对接", "样例甲", "公务卡", "1,000.00"],
        ["差旅费小计（2笔）", "1,600.00"],
        ["3", "协调会议", "2022-08-01", "2", "30215 会议费", "协调会", "样例乙", "转账", "2,000.50"],
        ["协调会议小计（1笔）", "2,000.50"],
        ["合计（3笔）", "3,600.50"],
    ]


def test_colours_last_month_judged_word_and_fill(draft: Draft) -> None:
    table = tables(draft("文\n"))[3]
    assert rows(table)[1:] == [
        ["1", "甲项目", "在建", "样例单位", "1,000.00", "1,000.00", "12月", "100", "100", "正常", "—"],
        ["2", "乙项目", "在建", "样例单位", "500.00", "400.000001", "12月", "100", "90", "严重滞后", "资金不足"],
        ["3", "丙项目", "前期", "—", "—", "—", "无进度填报记录"],
    ]
    assert [shading.get(qn("w:fill")) for shading in table.iter(qn("w:shd"))] == ["92D050", "C00000"]
    assert [colour.get(qn("w:val")) for colour in table.iter(qn("w:color"))] == ["FFFFFF"]


def test_colours_behind_less_than_the_band_yellow(draft: Draft, report_input: ReportInput) -> None:
    progress = report_input.ledgers["progress"]
    frame = progress.frame.with_columns(pl.lit(Decimal("90.01")).cast(pl.Decimal(5, 2)).alias("actual_pct"))
    table = tables(draft("文\n", ledgers={**report_input.ledgers, "progress": replace(progress, rows=frame.lazy())}))[3]
    assert [shading.get(qn("w:fill")) for shading in table.iter(qn("w:shd"))] == ["FFFF00", "FFFF00"]


def test_figures_of_annexes_reported(draft: Draft) -> None:
    figures = {figure.id: figure.text for figure in draft("文\n").figures}
    assert figures == {
        "budget_initial": "0",
        "budget_annual": "0.36005",
        "budget_executed": "0.36005",
        "execution_rate": "100%",
        "score_execution": "10",
        "goals": "2",
        "goals_done": "1",
        "meetings": "73次",
        "score_meetings": "60",
        "score_tables": "15",
        "score_satisfied": "10",
        "score_total": "95",
        "spent_subtotal_1": "1,600.00",
        "spent_subtotal_2": "2,000.50",
        "spent_total": "3,600.50",
    }


def test_table_of_many_rows_is_whole_and_escaped() -> None:
    body = Body()
    body.table(Table((100, 100), "lr", [("<&>", Cell("甲\n乙"))] * 10_000))
    root = etree.fromstring(body.document())
    assert len(root.findall(f".//{qn('w:tr')}")) == 10_000
    assert len(root.findall(f".//{qn('w:p')}")) == 30_000
    assert {text.text for text in root.iter(qn("w:t"))} == {"<&>", "甲", "乙"}


def test_payments_too_many_for_a_table_are_summed_by_category_and_classification(draft: Draft, report_input: ReportInput) -> None:
    payments = report_input.ledgers["expenditure"]
    many = replace(payments, rows=pl.concat([payments.rows] * 3334))
    amount = Decimal("12004067.00")
    card = replace(report_input.card, execution=replace(report_input.card.execution, annual=amount, executed=amount))
    report = draft("文\n", ledgers={**report_input.ledgers, "expenditure": many}, card=card)
    table = tables(report)[2]
    assert (widths(table), spans(table)) == ({8845}, {5})
    assert rows(table)[0] == ["序号", "支出类别", "经济分类", "笔数", "金额（元）"]
    assert [row[0] for row in rows(table)[1:] if row[0].isdigit()] == ["1", "2"]
    assert rows(table)[-1] == ["合计（10002笔）", "12,004,067.00"]
