"""The annexes (附件) that every report has: 项目支出绩效自评表 in the national layout, 资金支出明细."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, cast

import polars as pl

from perfeval.explanations import ADDITION, CARRIED_OVER, EXECUTION, goal_key
from perfeval.model import Score
from perfeval.model.numbers import in_wan, plain, rounded, written_day
from perfeval.report.figures import FigureValue, mark, number, percent
from perfeval.report.input import ReportInput
from perfeval.report.narrative import Front
from perfeval.report.wordml import Cell, Row, Table

NONE = "—"
# Payments listed one by one. A longer table nobody reads in Word; every row stands in the archived ledger.
LISTED = 10_000
KIND = ("category", "economic_code", "economic_name")
SHADE = "EDEDED"


@dataclass(frozen=True, slots=True)
class Annex:
    """An annex: its title, the line under it, a note, its tables set close to one another, and the lines of those who sign it.

    The note stands above the tables: below one that fills its page it would stand on a page alone.
    """

    title: str
    caption: str
    tables: tuple[Table, ...]
    note: str = ""
    signing: tuple[str, ...] = ()
    landscape: bool = False


# Source of the layout: 财预〔2020〕10号, 项目支出绩效自评表.


def self_evaluation_annex(report_input: ReportInput, front: Front, written_on: date) -> Annex:
    """项目支出绩效自评表."""
    unit = report_input.unit
    top = Table(
        (1000, 2080, 1160, 1160, 1160, 600, 940, 745), "cccccccc", [*_identity(report_input), *_funds(report_input), *_goals(report_input)]
    )
    head = ("一级指标", "二级指标", "三级指标", "年度指标值", "实际完成值", "分值", "得分", "偏差原因分析及改进措施")
    widths = (700, 960, 1900, 1000, 1060, 600, 660, 1965)
    # A table of its own, so that its head repeats on every page.
    recorded = recorded_reasons(report_input, front)
    indicators = Table(widths, "cclccccl", [[Cell("绩效指标", 8)], head, *_indicators(report_input, recorded)], 2)
    note = "".join(f"{what}：{recorded[key]}" for key, what in _OF_MONEY.items() if key in recorded)
    signing = (
        f"填表人：{unit.drafter}　　填报日期：{written_day(written_on)}　　联系电话：{unit.phone}",
        f"单位负责人（签字）：{unit.leader}",
    )
    return Annex("项目支出绩效自评表", f"（{report_input.year}年度）", (top, indicators), note and f"注：{note}", signing)


_OF_MONEY = {EXECUTION: "预算未全部执行的原因", ADDITION: "年度中调整预算的原因", CARRIED_OVER: "上年结转资金的情况"}


def recorded_reasons(report_input: ReportInput, front: Front) -> dict[str, str]:
    """What is recorded of what must be explained, by its key; before reasons had a file, what the narrative says of rows."""
    if report_input.reasons is not None:
        return {key: item.text for key, item in report_input.reasons.items()}
    rows = ((row, front.deviations if row.is_missed else front.exceeded) for row in report_input.card.scores if row.is_applicable)
    return {row.id: written[row.id] for row, written in rows if row.id in written}


def _identity(report_input: ReportInput) -> Iterator[Row]:
    yield [Cell("项目名称", head=True), Cell(report_input.programme.name, 7)]
    unit = report_input.unit
    yield [Cell("主管部门", head=True), Cell(unit.supervisor, 2), Cell("实施单位", head=True), Cell(unit.name, 4)]


def _funds(report_input: ReportInput) -> Iterator[Row]:
    execution = report_input.card.execution
    head = ("", "年初预算数", "全年预算数（A）", "全年执行数（B）", "分值", "执行率（B/A）", "得分")
    yield [Cell("项目资金（万元）", merge="restart", head=True), *(Cell(text, head=True) for text in head)]
    amounts = (("budget_initial", execution.initial), ("budget_annual", execution.annual), ("budget_executed", execution.executed))
    yield [
        Cell(merge="continue"),
        "年度资金总额",
        *(mark(FigureValue(id_, amount, "元"), in_wan(amount)) for id_, amount in amounts),
        plain(execution.weight),
        percent(FigureValue("execution_rate", execution.rate, "%")),
        mark(FigureValue("score_execution", execution.score, "分"), plain(execution.score)),
    ]
    for position, (name, (initial, annual, executed)) in enumerate(execution.parts.items()):
        rate = f"{rounded(executed * 100 / annual, 2)}%" if executed is not None and annual else NONE
        label = f"其中：{name}" if position == 0 else f"　　　{name}"
        paid = NONE if executed is None else in_wan(executed)
        yield [Cell(merge="continue"), Cell(label, align="l"), in_wan(initial), in_wan(annual), paid, NONE, rate, NONE]


def _goals(report_input: ReportInput) -> Iterator[Row]:
    yield [Cell("年度总体目标", head=True), Cell("预期目标", 3, head=True), Cell("实际完成情况", 4, head=True)]
    kept = report_input.ledgers.get("goals")
    goals = kept.frame.to_dicts() if kept else []
    done = Decimal(sum(goal["status"] == "完成" for goal in goals))
    set_, reached = number(FigureValue("goals", Decimal(len(goals)), "项")), number(FigureValue("goals_done", done, "项"))
    told = f"年度目标任务{set_}项，完成{reached}项" if kept else "各项绩效指标的完成情况见下表"
    yield [Cell("总体", head=True), Cell(report_input.programme.goal, 3, align="l"), Cell(told, 4, align="l")]
    for goal in goals:
        status = goal["status"] + (f"（{written_day(goal['completed_on'])}）" if goal["completed_on"] else "")
        reason = (report_input.reasons or {}).get(goal_key(goal["goal_no"]))
        status += f"：{reason.text}" if reason else ""
        yield [Cell(f"目标{goal['goal_no']}", head=True), Cell(goal["goal"], 3, align="l"), Cell(status, 4, align="l")]


def _indicators(report_input: ReportInput, recorded: Mapping[str, str]) -> Iterator[Row]:
    for score in report_input.card.scores:
        yield [
            score.level1,  # in every row: a merged cell shows its label on its first page only
            score.level2,
            score.name,
            score.target,
            _actual(report_input, score),
            plain(score.weight),
            mark(FigureValue(f"score_{score.id}", score.score, "分"), plain(score.score)),
            _reason(score, recorded),
        ]
    card = report_input.card
    full = card.execution.weight + sum((score.weight for score in card.scores), Decimal(0))
    for position, item in enumerate(card.adjustments, start=1):
        points = mark(FigureValue(f"adjustment_{position}", item.points, "分"), plain(item.points))
        yield [Cell(f"评分调整：{item.rule}", 5, head=True), NONE, points, item.explanation]
    total = mark(FigureValue("score_total", card.total, "分"), plain(card.total))
    yield [Cell("总分", 5, head=True), plain(full), total, Cell(f"等级：{card.grade}", align="c")]


def _reason(score: Score, recorded: Mapping[str, str]) -> Cell | str:
    """偏差原因分析及改进措施, as recorded; where nothing is, and of a row left out, why the score is what it is."""
    if not score.needs_reason and not score.is_judged:
        return Cell(NONE, align="c")
    return recorded.get(score.id, score.explanation) if score.is_applicable else score.explanation


def _actual(report_input: ReportInput, score: Score) -> str:
    fact = report_input.facts.get(score.id)
    return score.actual if fact is None else mark(FigureValue(fact.id, fact.value, fact.unit), score.actual)


def printed_payments(payments: pl.LazyFrame) -> pl.DataFrame:
    """What annex 2 prints of the payments: all of them, or of a long ledger one row for each kind."""
    if _count(payments) <= LISTED:
        return payments.collect()
    return payments.group_by(KIND).agg(pl.col("row").min()).sort("row").collect(engine="streaming")


def payments_annex(report_input: ReportInput) -> Annex:
    """资金支出明细: every payment, or of a long ledger the sums of each kind."""
    payments = report_input.ledgers["expenditure"].rows
    return _listed_payments(report_input, payments.collect()) if _count(payments) <= LISTED else _summed_payments(report_input, payments)


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())


def _summed_payments(report_input: ReportInput, payments: pl.LazyFrame) -> Annex:
    """Payments by category and economic classification, in the order in which the ledger names them."""
    # Streamed: in memory, a key of several columns costs as much again as the ledger.
    sums = payments.group_by(KIND).agg(pl.len().alias("count"), pl.col("amount_yuan").sum(), pl.col("row").min())
    kinds = sums.sort("row").drop("row").collect(engine="streaming")
    rows: list[Row] = [("序号", "支出类别", "经济分类", "笔数", "金额（元）")]
    categories = kinds["category"].unique(maintain_order=True).to_list()
    for position, category in enumerate(categories, start=1):
        of_kind = kinds.with_row_index("number", 1).filter(category=category).drop("category")
        rows += [
            (str(line), category, f"{code} {name}", str(count), f"{amount:,.2f}") for line, code, name, count, amount in of_kind.iter_rows()
        ]
        rows.append(_sum_row(f"{category}小计", f"spent_subtotal_{position}", int(of_kind["count"].sum()), total_yuan(of_kind), 4))
    count = int(kinds["count"].sum())
    rows.append(_sum_row("合计", "spent_total", count, total_yuan(kinds), 4))
    table = Table((700, 2400, 3000, 1145, 1600), "cclrr", rows, 1)
    caption = f"（{report_input.year}年度，{report_input.programme.name}）"
    note = f"注：全年支出{count}笔，超过{LISTED}笔，按支出类别和经济分类汇总；逐笔明细见随报告归档的资金支出台账。"
    return Annex("资金支出明细", caption, (table,), note)


def _listed_payments(report_input: ReportInput, frame: pl.DataFrame) -> Annex:
    order = {category: number for number, category in enumerate(frame["category"].unique(maintain_order=True).to_list(), start=1)}
    payments = sorted(frame.to_dicts(), key=lambda row: (order[row["category"]], row["paid_on"], row["row"]))
    rows: list[Row] = [("序号", "支出类别", "支付日期", "凭证号", "经济分类", "摘要", "收款人", "支付方式", "金额（元）")]
    for category, group in groupby(enumerate(payments, start=1), key=lambda item: str(item[1]["category"])):
        paid = list(group)
        rows += [_payment(number, row) for number, row in paid]
        of_category = frame.filter(category=category)
        rows.append(_sum_row(f"{category}小计", f"spent_subtotal_{order[category]}", of_category.height, total_yuan(of_category), 8))
    rows.append(_sum_row("合计", "spent_total", frame.height, total_yuan(frame), 8))
    table = Table((540, 960, 1340, 1620, 1850, 2000, 1836, 960, 1650), "cccclllcr", rows, 1)
    caption = f"（{report_input.year}年度，{report_input.programme.name}）"
    note = "注：据资金支出台账逐笔列示，合计与项目支出绩效自评表的全年执行数一致。"
    return Annex("资金支出明细", caption, (table,), note, landscape=True)


def _payment(number: int, row: dict[str, Any]) -> Row:
    texts = (row[column] for column in ("summary", "payee", "payment_method"))
    economic = f"{row['economic_code']} {row['economic_name']}"
    return [str(number), row["category"], row["paid_on"].isoformat(), row["voucher_no"], economic, *texts, f"{row['amount_yuan']:,.2f}"]


def total_yuan(payments: pl.DataFrame) -> Decimal:
    """The exact sum of payments: Polars adds decimals with 38 digits."""
    return cast("Decimal", payments["amount_yuan"].sum())


def _sum_row(label: str, id_: str, count: int, amount: Decimal, span: int) -> Row:
    money = mark(FigureValue(id_, amount, "元"), f"{amount:,.2f}")
    return [
        Cell(f"{label}（{count}笔）", span, align="r", head=True, fill=SHADE),
        Cell(money, align="r", head=True, fill=SHADE),
    ]


def aligned_wan(amount: Decimal) -> str:
    """万元 with two decimals for a column, and all of them where there are more."""
    whole, _, decimals = in_wan(amount).partition(".")
    return f"{whole}.{decimals:0<2}"
