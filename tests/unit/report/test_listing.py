"""Tables of a ledger's rows as annexes: cells, groups, sums, colours, widths, and faults of their declaration at its line."""

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest
from docx import Document
from docx.oxml.ns import qn

from perfeval.model import Ledger
from perfeval.report import Report, ReportInput
from schemas.columns import Day, LedgerModel, Money, Percent, Text, choice, code, day, money, month, percent, text

Draft = Callable[..., Report]
Faults = Callable[..., list[str]]


class Works(LedgerModel):
    """养护工程: a ledger that no program knows by name, with decimal kilometres."""

    work_no: Text = code("工程编号", "编号。")
    route: Text = text("路线名称", "路线。", required=False)
    kind: Text = choice("养护类型", "类型。", "小修", "大修", required=False)
    length_km: Annotated[pl.Decimal, 18, 6] = pa.Field(
        title="养护里程（公里）", description="里程。", nullable=True, metadata={"kind": "数量", "choices": (), "example": "3.5"}
    )
    cost_yuan: Money = money("金额（元）", "金额。", required=False)
    quality_pct: Percent = percent("优良路率（%）", "质量。", required=False)
    due_on: Day = day("完工期限", "期限。", required=False)
    accepted_on: Day = day("验收日期", "验收。", required=False)

    class Config(LedgerModel.Config):
        name = "works"
        title = "养护工程台账"


class Visits(LedgerModel):
    """路况检查: several rows for each of the works."""

    work_no: Text = code("工程编号", "编号。")
    month: Text = month("检查月份", "月份。")
    found: Text = text("发现问题", "问题。", required=False)

    class Config(LedgerModel.Config):
        name = "visits"
        title = "路况检查台账"


WORKS = pl.DataFrame(
    [
        (2, "W-1", "甲线", "小修", Decimal("3.5"), Decimal("1000.50"), Decimal(92), date(2022, 5, 1), date(2022, 5, 1)),
        (3, "W-2", "乙线", "大修", Decimal("12.125"), Decimal("2000000.00"), Decimal(85), date(2022, 6, 1), date(2022, 6, 11)),
        (4, "W-3", None, "小修", None, None, Decimal("79.5"), date(2022, 7, 1), date(2022, 8, 1)),
        (5, "W-4", "丙线", None, Decimal("0.375"), Decimal("0.50"), None, None, None),
    ],
    {"row": pl.UInt32, "work_no": pl.String, "route": pl.String, "kind": pl.String, "length_km": pl.Decimal(18, 6),
     "cost_yuan": pl.Decimal(18, 2), "quality_pct": pl.Decimal(5, 2), "due_on": pl.Date, "accepted_on": pl.Date},
    orient="row",
)  # fmt: skip
VISITS = pl.DataFrame(
    {
        "row": [2, 3, 4, 5],
        "work_no": ["W-1", "W-1", "W-2", "W-3"],
        "month": ["2022-11", "2022-03", "2021-12", "2022-07"],
        "found": [None, "边沟淤塞", "路肩缺土", "坑槽"],
    },
    {"row": pl.UInt32, "work_no": pl.String, "month": pl.String, "found": pl.String},
)


def held(shape: type[LedgerModel], frame: pl.DataFrame) -> Ledger:
    return Ledger(shape, f"{shape.ledger_title()}.xlsx", shape.ledger_title(), "0" * 64, frame.lazy(), {})


@pytest.fixture
def ledgers(report_input: ReportInput) -> dict[str, Ledger]:
    return {**report_input.ledgers, "works": held(Works, WORKS), "visits": held(Visits, VISITS)}


def front(declared: str) -> str:
    """A narrative's front matter with one annex, whose declaration begins at line 4."""
    return f"---\ntitle: [甲]\nannexes:\n  - kind: ledger\n    ledger: works\n    title: 工程一览表\n{declared}---\n"


def table(report: Report) -> Any:
    return Document(io.BytesIO(report.document)).element.body.findall(qn("w:tbl"))[-1]


def rows(report: Report) -> list[list[str]]:
    cells = [row.findall(qn("w:tc")) for row in table(report).findall(qn("w:tr"))]
    return [["".join(found.text for found in cell.iter(qn("w:t"))) for cell in row] for row in cells]


def widths(report: Report) -> list[int]:
    return [int(column.get(qn("w:w"))) for column in table(report).iter(qn("w:gridCol"))]


def notes(report: Report) -> list[str]:
    document = Document(io.BytesIO(report.document))
    return [paragraph.text for paragraph in document.paragraphs if paragraph._p.style == "TableNote"]


GROUPED = """    columns: [work_no, route, length_km, cost_yuan, accepted_on]
    group_by: kind
    totals: [length_km, cost_yuan]
"""


def test_list_grouped_with_subtotals_and_totals(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    assert rows(draft("文\n", front(GROUPED), ledgers=ledgers)) == [
        ["序号", "工程编号", "路线名称", "养护里程（公里）", "金额（元）", "验收日期"],
        ["1", "W-1", "甲线", "3.5", "1,000.50", "2022-05-01"],
        ["2", "W-3", "—", "—", "—", "2022-08-01"],
        ["小修小计（2项）", "3.5", "1,000.50", ""],
        ["3", "W-2", "乙线", "12.125", "2,000,000.00", "2022-06-11"],
        ["大修小计（1项）", "12.125", "2,000,000.00", ""],
        ["4", "W-4", "丙线", "0.375", "0.50", "—"],
        ["未填写小计（1项）", "0.375", "0.50", ""],
        ["合计（4项）", "16", "2,001,001.00", ""],
    ]


def test_list_sums_reported_as_figures(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    figures = draft("文\n", front(GROUPED), ledgers=ledgers).figures
    assert [(figure.id, figure.text, figure.value, figure.unit) for figure in figures[-2:]] == [
        ("works_length_km_total", "16", Decimal(16), "公里"),
        ("works_cost_yuan_total", "2,001,001.00", Decimal(2001001), "元"),
    ]
    assert [figure.id for figure in figures[:3]] == [
        "works_length_km_subtotal_1",
        "works_cost_yuan_subtotal_1",
        "works_length_km_subtotal_2",
    ]


def test_list_money_in_wan_where_the_header_says_so_exactly(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    declared = "    columns: [work_no, {column: cost_yuan, header: 投入（万元）}]\n    totals: [cost_yuan]\n"
    assert [row[-1] for row in rows(draft("文\n", front(declared), ledgers=ledgers))] == [
        "投入（万元）", "0.10005", "200.00", "—", "0.00005", "200.1001",
    ]  # fmt: skip


def test_list_sum_of_missing_values_is_missing_not_zero(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    without = held(Works, WORKS.with_columns(length_km=pl.lit(None, pl.Decimal(18, 6))))
    assert rows(draft("文\n", front(GROUPED), ledgers={**ledgers, "works": without}))[-1] == ["合计（4项）", "—", "2,001,001.00", ""]


def test_list_of_an_empty_ledger_has_head_and_zero_sums(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    empty = {**ledgers, "works": held(Works, WORKS.clear())}
    assert rows(draft("文\n", front(GROUPED), ledgers=empty))[1:] == [["合计（0项）", "0", "0.00", ""]]


LATEST = """    latest: {ledger: visits, by: work_no, at: month, none: 本年没有检查}
    columns: [work_no, visits.month, visits.found, route]
"""


def test_list_beside_the_years_last_row_of_another_ledger(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    assert rows(draft("文\n", front(LATEST), ledgers=ledgers)) == [
        ["序号", "工程编号", "检查月份", "发现问题", "路线名称"],
        ["1", "W-1", "11月", "—", "甲线"],
        ["2", "W-2", "本年没有检查", "乙线"],
        ["3", "W-3", "7月", "坑槽", "—"],
        ["4", "W-4", "本年没有检查", "丙线"],
    ]


def test_list_month_of_another_year_printed_with_it(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    front_ = "---\ntitle: [甲]\nannexes: [{kind: ledger, ledger: visits, title: 检查, columns: [work_no, month]}]\n---\n"
    assert [row[-1] for row in rows(draft("文\n", front_, ledgers=ledgers))[1:]] == ["11月", "3月", "2021年12月", "7月"]


QUALITY = """    key: quality
    columns: [work_no, quality_pct, {column: colour, header: 路况评价}]
    note: 按{{ year }}年检测结果评价。
    colour:
      value: quality_pct
      bands:
        - {key: bad, word: 差, colour: 红色, below: 80, when: "优良路率不足{limit}%的"}
        - {key: fair, word: 中, colour: 橙色, below: 90, when: "不足{limit}%的"}
        - {key: good, word: 好, colour: 绿色, when: "达到{limit}%的"}
      source: 样例标准
"""


def test_colours_of_a_value_word_fill_and_standard(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    report = draft("文\n", front(QUALITY), ledgers=ledgers)
    assert rows(report) == [
        ["序号", "工程编号", "优良路率（%）", "路况评价"],
        ["1", "W-1", "92", "好"],
        ["2", "W-2", "85", "中"],
        ["3", "W-3", "79.5", "差"],
        ["4", "W-4", "—", "—"],
    ]
    assert [shading.get(qn("w:fill")) for shading in table(report).iter(qn("w:shd"))] == ["92D050", "FFC000", "C00000"]
    assert notes(report) == [
        "注：按2022年检测结果评价。优良路率不足80%的为“差”（红色）；不足90%的为“中”（橙色）；达到90%的为“好”（绿色）。标准来源：样例标准。"
    ]


def test_colours_counted_for_the_narrative(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    body = "{% if annexes.quality.bad %}差{{ annexes.quality.bad | number }}条，未评{{ annexes.quality.none | number }}条{% endif %}\n"
    report = draft(body, front(QUALITY), ledgers=ledgers)
    assert "差1条，未评1条" in [paragraph.text for paragraph in Document(io.BytesIO(report.document)).paragraphs]
    assert [figure.id for figure in report.figures] == ["quality_bad", "quality_none"]


def test_colours_of_days_between_two_columns(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    declared = """    columns: [work_no, colour]
    colour:
      value: accepted_on
      minus: due_on
      bands:
        - {key: in_time, word: 按期, colour: 绿色, at_most: 0, when: 按期验收的}
        - {key: late, word: 延期, colour: 黄色, at_most: 10, when: "延期不超过{limit}天的"}
        - {key: very_late, word: 严重延期, colour: 红色, when: "延期超过{limit}天的"}
      source: 样例标准
"""
    assert [row[-1] for row in rows(draft("文\n", front(declared), ledgers=ledgers))] == ["评价", "按期", "延期", "严重延期", "—"]


DECLARED = """---
title: ["{{ unit.name }}", "{{ year }}年度自评报告"]
annexes:
  - kind: self_evaluation
  - kind: payments
  - kind: ledger
    key: progress
    title: 重点项目进度分色表
    ledger: projects
    latest: {ledger: progress, by: project_no, at: month, none: 无进度填报记录}
    landscape: true
    columns:
      - {column: project_name, width: 2860}
      - {column: stage, header: 阶段, width: 760}
      - {column: responsible_unit, width: 1600}
      - {column: annual_planned_yuan, width: 1060}
      - {column: annual_completed_yuan, width: 1060}
      - {column: progress.month, width: 640}
      - {column: progress.planned_pct, width: 780}
      - {column: progress.actual_pct, width: 780}
      - {column: colour, header: 进度评价, width: 980}
      - {column: progress.problem, width: 1696}
    colour:
      value: progress.planned_pct
      minus: progress.actual_pct
      bands:
        - {key: green, word: 正常, colour: 绿色, at_most: 0, when: 实际进度达到计划的}
        - {key: yellow, word: 滞后, colour: 黄色, below: 10, when: "落后不足{limit}个百分点的"}
        - {key: red, word: 严重滞后, colour: 红色, when: "落后{limit}个百分点及以上的"}
      source: 考核办法
    note: 按{{ year }}年最后一个填报月份评价。
---
"""


def test_narrative_before_annexes_were_declared_prints_the_same(draft: Draft) -> None:
    before, now = draft("{{ progress.red | number }}个\n"), draft("{{ annexes.progress.red | number }}个\n", DECLARED)
    assert (before.content_digest, before.figures) == (now.content_digest, now.figures)


def test_widths_of_columns_without_one_fill_the_page(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    assert sum(widths(draft("文\n", front(GROUPED), ledgers=ledgers))) == 8845
    assert sum(widths(draft("文\n", front(GROUPED + "    landscape: true\n"), ledgers=ledgers))) == 12756


def test_widths_long_texts_give_way_to_numbers(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    long = held(Works, WORKS.with_columns(route=pl.lit("样例" * 100)))
    columns = "[work_no, route, kind, length_km, cost_yuan, quality_pct, due_on, accepted_on]"
    found = widths(draft("文\n", front(f"    columns: {columns}\n    totals: [cost_yuan]\n"), ledgers={**ledgers, "works": long}))
    assert sum(found) == 8845
    assert min(found[7:]) >= 1184  # 2022-05-01 on one line
    assert found[5] >= 1394  # 2,001,001.00


def test_widths_given_kept_and_the_rest_shared(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    found = widths(draft("文\n", front("    columns: [work_no, {column: route, width: 4000}, kind]\n"), ledgers=ledgers))
    assert (found[:1], found[2:3], sum(found)) == ([540], [4000], 8845)


def test_list_of_3000_rows_is_whole(draft: Draft, ledgers: dict[str, Ledger]) -> None:
    many = held(Works, pl.concat([WORKS] * 750))
    drawn = rows(draft("文\n", front(GROUPED), ledgers={**ledgers, "works": many}))
    assert len(drawn) == 3005
    assert drawn[-1] == ["合计（3000项）", "12000", "1,500,750,750.00", ""]


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("    columns: [work_no, nosuch]\n", ["2022.md:7: 附件1：没有栏目 nosuch，可用：work_no、route、kind"]),
        (
            "    columns: [work_no]\n    latest: {ledger: nosuch, by: work_no, at: month, none: 无}\n",
            ["2022.md:8: 附件1：没有台账 nosuch，可用：expenditure、"],
        ),
        (
            "    columns: [work_no]\n    latest:\n      ledger: visits\n      by: route\n      at: found\n      none: 无\n",
            ["2022.md:10: 附件1：没有文字或编号栏目 visits.route", "2022.md:11: 附件1：台账 visits 没有月份或日期栏目 found"],
        ),
        ("    columns: [work_no]\n    group_by: nosuch\n", ["2022.md:8: 附件1：没有栏目 nosuch"]),
        (
            "    columns: [cost_yuan, work_no, quality_pct]\n    totals:\n      - cost_yuan\n      - length_km\n      - quality_pct\n",
            [
                "2022.md:9: 附件1：cost_yuan 应列在 columns 中，且不在第一栏",
                "2022.md:10: 附件1：length_km 应列在 columns 中",
                "2022.md:11: 附件1：quality_pct 是百分比，不能合计",
            ],
        ),
        (
            "    columns:\n      - work_no\n      - {column: cost_yuan, header: 金额}\n",
            ["2022.md:9: 附件1：金额栏目 cost_yuan 的表头应以（元）或（万元）结尾"],
        ),
        ("    columns: [{column: work_no, width: 9000}]\n", ["2022.md:7: 附件1：各栏宽度连同序号栏（540）超过页面的 8845"]),
        (QUALITY.replace("value: quality_pct", "value: accepted_on"), ["2022.md:10: 附件1：分色只能按一栏数字"]),
        (
            QUALITY.replace("橙色", "紫色"),
            ["2022.md:14: annexes.0.colour.bands.1.colour：没有这种颜色，可用：绿色、黄色、橙色、红色、蓝色"],
        ),
        (QUALITY.replace("below: 80", "below: 95"), ["2022.md:10: annexes.0.colour：各档按数值从小到大排列"]),
        (QUALITY.replace("below: 80, ", ""), ["2022.md:10: annexes.0.colour：各档按数值从小到大排列"]),
        (
            QUALITY.replace("below: 80", "below: 80, at_most: 80"),
            ["2022.md:13: annexes.0.colour.bands.0：at_most（含）和 below（不含）只能写一个"],
        ),
        (QUALITY.replace("key: bad", "key: none"), ["2022.md:10: annexes.0.colour：各档的 key 不能相同，也不能是 none"]),
        (QUALITY.replace("key: bad", "key: fair"), ["2022.md:10: annexes.0.colour：各档的 key 不能相同"]),
        (
            QUALITY.replace(", {column: colour, header: 路况评价}", ""),
            ["2022.md:4: annexes.0：colour（分色标准）和 columns 中的 colour 栏应同时写"],
        ),
        (QUALITY.replace("样例标准", "待定"), ["2022.md:16: 有未填写的空位“待定”"]),
        (QUALITY.replace("按{{ year }}年", "按XX年"), ["2022.md:9: 有未填写的空位“XX”"]),
        (QUALITY.replace("{{ year }}", "{{ nosuch }}"), ["2022.md:9: 未定义的名称 nosuch"]),
        (QUALITY.partition("        - {key: fair")[0] + "      source: 办法\n", ["2022.md:10: annexes.0.colour：至少写两档"]),
        ("", ["2022.md:4: annexes.0：缺少 columns"]),
        (
            "    columns: [work_no]\n  - {kind: ledger, ledger: works, title: 乙, columns: [kind]}\n",
            ["2022.md:3: annexes：有两个附件都叫 works，正文分不清，请写不同的 key"],
        ),
        ("    columns: [work_no]\n  - {kind: payments, title: 明细}\n", ["2022.md:8: annexes.1：payments 的格式是固定的，不能写 title"]),
        ("    columns: [work_no]\n  - kind: chart\n", ["2022.md:8: annexes.1.kind：不在可选值之内"]),
        (QUALITY.replace("样例标准", '"\\ufdd0"'), ["2022.md:16: 含有程序保留的控制字符"]),
        ("    columns: [work_no]\nannexes: []\n", ["2022.md:8: “annexes”前面已经写过"]),
        ("    columns: [work_no]\nprogress: {slow_pct: 10, source: 办法}\n", ["2022.md:1: 文件：progress 是没有 annexes 时的写法"]),
    ],
)
def test_declaration_that_does_not_fit_stopped_at_its_line(
    faults: Faults, ledgers: dict[str, Ledger], declared: str, told: list[str]
) -> None:
    found = faults("文\n", front(declared), ledgers=ledgers)
    assert len(found) == len(told), found
    assert all(fault.startswith(start) for fault, start in zip(found, told, strict=True)), found
