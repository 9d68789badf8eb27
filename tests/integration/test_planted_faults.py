"""Faults that an auditor planted in the sample's ledgers, one at a time: what each is found by, and which stay silent, and why.

The list is the one by which an expert tried the program before it had these checks; 39 of the 45 were silent then.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from perfeval.checks import check_ledgers, load_classification, load_limits
from perfeval.ledgers import Reading, read_ledgers, receive
from perfeval.model import Finding
from perfeval.packs import COMMON
from perfeval.sample import sample_frames
from schemas import BUILT_IN, Catalogue

Frame = pl.DataFrame
Fault = Mapping[str, Callable[[Frame], Frame]]
PAID, AMOUNT = "支付日期", "金额（元）"


def put(header: str, value: object, *rows: int) -> Callable[[Frame], Frame]:
    """Write a value into a column, in some rows or in all."""

    def change(frame: Frame) -> Frame:
        place = pl.int_range(pl.len()).is_in(rows) if rows else pl.lit(value=True)
        given = pl.lit(value, dtype=frame.schema[header])
        return frame.with_columns(pl.when(place).then(given).otherwise(pl.col(header)).alias(header))

    return change


def where(header: str, equal: object, change_to: str, value: object) -> Callable[[Frame], Frame]:
    """Write a value into a column, in the rows where another one has some value."""
    return lambda frame: frame.with_columns(
        pl.when(pl.col(header) == equal).then(pl.lit(value, dtype=frame.schema[change_to])).otherwise(pl.col(change_to)).alias(change_to)
    )


def again(row: int, **changes: Any) -> Callable[[Frame], Frame]:
    """Add a row once more, some of it changed."""
    return lambda frame: pl.concat([frame, frame.slice(row, 1).with_columns(**{h: pl.lit(v, frame.schema[h]) for h, v in changes.items()})])


def both(*changes: Callable[[Frame], Frame]) -> Callable[[Frame], Frame]:
    """One change after another."""

    def change(frame: Frame) -> Frame:
        for each in changes:
            frame = each(frame)
        return frame

    return change


def halved(frame: Frame) -> Frame:
    """The first payment in two parts of the same day, under two vouchers and invoices."""
    part = frame.row(0, named=True)[AMOUNT] / 2
    first = put(AMOUNT, part - 100, 0)(frame)
    return again(0, **{"凭证号": "ZF-2022-9001", "发票号码": "99990001", AMOUNT: part + 100})(first)


def without(header: str, equal: object) -> Callable[[Frame], Frame]:
    """The rows but for those with some value."""
    return lambda frame: frame.filter(pl.col(header) != equal)


FOUNDED = date(2022, 4, 6)
SECOND = {"凭证号": "ZF-2022-9001", "申请报告编号": "SQ-2022-9001"}
FAULTS: Mapping[str, tuple[str, Fault]] = {
    # Money and papers.
    "付给一家的款同日拆成两笔": ("C42", {"expenditure": halved}),
    "会议费付现金": ("C41", {"expenditure": where("经济分类编码", "30215", "支付方式", "现金")}),
    "全部发票号码空白": ("X33", {"expenditure": put("发票号码", None)}),
    "同一收款人、金额、日期付两次": ("X19", {"expenditure": again(3, **SECOND, 发票号码="99990001", 活动方案编号=None)}),
    "审批在上一年": ("X10", {"expenditure": put("审批日期", date(2021, 12, 20), 0)}),
    "全部支出只写到302类": ("X34", {"expenditure": both(put("经济分类编码", "302"), put("经济分类名称", "商品和服务支出"))}),
    "方案在支付之后才制定": ("X17", {"plans": both(put("制定日期", date(2022, 12, 28), 0), put("财政审核日期", date(2022, 12, 30), 0))}),
    "全部支付在预算下达之前": ("X16", {"budget": put("下达日期", date(2022, 12, 30))}),
    "收款人就是审批人": ("X18", {"expenditure": put("收款人", "样例中心负责人甲", 5)}),
    "公务接待没有公函和清单": (
        "C38",
        {"expenditure": both(put("经济分类编码", "30217", 5), put("经济分类名称", "公务接待费", 5), put("附件张数", 1, 5))},
    ),
    "全部支付在12月30日": ("X36", {"expenditure": both(put(PAID, date(2022, 12, 30)), put("审批日期", date(2022, 12, 29)))}),
    "每张凭证只有一张附件": ("X37", {"expenditure": put("附件张数", 1)}),
    "一张发票报销两次": ("C36", {"expenditure": again(3, **SECOND)}),
    "一张发票报销两次，号码前后有空格": (
        "C36",
        {"expenditure": lambda frame: again(3, **SECOND, 发票号码=f" {frame['发票号码'][3]} ")(frame)},
    ),
    "一张发票报销两次，号码前加零": (
        "C36",
        {"expenditure": lambda frame: again(3, **SECOND, 发票号码=f"00{frame['发票号码'][3]}")(frame)},
    ),
    "支出超过方案预算": ("X07", {"plans": put("预算金额（元）", Decimal(100), 0)}),
    "表尾合计与各行之和不符": (
        "V14",
        {
            "expenditure": lambda frame: pl.concat(
                [frame, frame.clear(1).with_columns(pl.lit("合计").alias("凭证号"), pl.lit(Decimal(5), frame.schema[AMOUNT]).alias(AMOUNT))]
            )
        },
    ),
    # Projects and what was done for them.
    "竣工项目到12月进度40%": ("X20", {"progress": put("实际进度（%）", Decimal(40), *range(9))}),
    "累计进度下降": ("X15", {"progress": put("实际进度（%）", Decimal(1), 5)}),
    "进度缺月份": ("X21", {"progress": without("月份", "2022-07")}),
    "竣工项目没有进度": ("X20", {"progress": without("项目编号", "ZD2022-001")}),
    "年度完成投资99999万元，各月合计是另一数": ("X30", {"projects": put("年度完成投资（万元）", Decimal(99999), 0)}),
    "年度投资大于总投资": ("X31", {"projects": put("总投资（万元）", Decimal(1), 0)}),
    "一个项目登记两次": ("X22", {"projects": again(0, 项目编号="ZD2022-900")}),
    "前期项目已经开工": ("X11", {"projects": where("项目阶段", "前期", "开工日期", date(2022, 5, 5))}),
    "在建项目已经竣工": ("X11", {"projects": where("项目阶段", "在建", "竣工日期", date(2022, 12, 5))}),
    "新开工项目没有开工日期": ("X11", {"projects": where("项目阶段", "新开工", "开工日期", None)}),
    "16个生产运营问题都在一个前期项目": ("X29", {"issues": where("问题类别", "生产运营", "项目编号", "ZD2022-060")}),
    "问题没有办结时限": ("X11", {"issues": put("办结时限", None)}),
    "问题全部在12月30日交办并销号": (
        "X23",
        {"issues": both(*(put(header, date(2022, 12, 30)) for header in ("交办日期", "办结时限", "督查日期", "销号日期")))},
    ),
    "巡查发现问题没有处理": ("X11", {"inspections": put("处理情况", None)}),
    "帮代办没有代办员": ("X11", {"services": put("代办员", None)}),
    "同一会议用两个编号": ("X22", {"meetings": again(0, 会议编号="HY-2022-900", 纪要文号="样例重纪〔2022〕900号")}),
    "108次会议都在国庆节的星期日": ("X25", {"meetings": put("会议日期", date(2022, 10, 2))}),
    "会议都没有纪要": ("X32", {"meetings": put("纪要文号", None)}),
    "简报只有1、2、3、9期": (
        "X35",
        {
            "publications": lambda frame: frame.with_columns(
                pl.when((pl.col("刊物类别") == "重点项目建设简报") & (pl.col("期号") == "第4期"))
                .then(pl.lit("第9期"))
                .otherwise(pl.col("期号"))
                .alias("期号")
            )
        },
    ),
    "分色表都写12月31日": ("X23", {"publications": where("刊物类别", "进度分色表", "编发日期", date(2022, 12, 31))}),
    # Goals, surveys, the evaluation itself.
    "只有3份问卷": ("C26", {"surveys": lambda frame: frame.head(3)}),
    "问卷全部非常满意，都在一天": ("X24", {"surveys": both(put("评价", "非常满意"), put("调查日期", date(2022, 12, 5)))}),
    "目标没有佐证材料": ("X11", {"goals": put("佐证材料", None)}),
    "六项目标全部未完成": ("X28", {"goals": both(put("完成情况", "未完成"), put("完成日期", None))}),
    "自评在当年1月就完成": ("X27", {"evaluation_work": put("日期", date(2022, 1, 5))}),
    "自评在2031年": ("X14", {"evaluation_work": put("日期", date(2031, 4, 3))}),
    "自评步骤颠倒": ("X26", {"evaluation_work": put("日期", date(2023, 3, 1), 5)}),
    "一本台账是空的": ("L07", {"inspections": lambda frame: frame.clear()}),
}
SPELT = {"收款人": " 样例汽车租赁 服务部"}
MORE: Mapping[str, tuple[str, Fault]] = {
    "付给一家的款同日拆成两笔，收款人多了空格": (
        "C42",
        {"expenditure": again(0, **SECOND, **SPELT, 发票号码="99990001", **{AMOUNT: Decimal(90)})},
    ),
    "同一收款人、金额、日期付两次，收款人多了空格": ("X19", {"expenditure": again(0, **SECOND, **SPELT, 发票号码="99990001")}),
    "收款人就是审批人，中间有空格": ("X18", {"expenditure": put("收款人", "样例中心负责人 甲", 5)}),
    "一份预算文件登记两次": ("X42", {"budget": again(0, 备注="补登")}),
    "一份预算文件登记两次，文号写法不同": ("X42", {"budget": again(0, 指标文号="样例财预〔２０２２〕16号")}),
    "项目经费发工资": ("X43", {"expenditure": both(put("经济分类编码", "30101", 5), put("经济分类名称", "基本工资", 5))}),
    "单位成立以前的会议": ("X44", {"meetings": put("会议日期", date(2022, 1, 10), 0)}),
    "进度都与计划一样": ("X45", {"progress": lambda frame: frame.with_columns(pl.col("计划进度（%）").alias("实际进度（%）"))}),
    "一次巡查登记两次": ("X22", {"inspections": again(0)}),
    "没有督查就销号": ("X11", {"issues": put("督查日期", None)}),
}
"""What another auditor tried afterwards."""
SILENT: Mapping[str, str] = {}
"""Planted faults that nothing finds, each with its reason."""


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fault], list[Finding]]:
    """Findings on the sample with a fault in it."""
    frames, limits = sample_frames(), load_limits(COMMON / "checks.yml")
    names = load_classification(COMMON / "economic_classification.csv")
    catalogue = Catalogue({name: BUILT_IN[name] for name in frames})

    def read(name: str, frame: Frame) -> Reading:
        folder: Path = tmp_path_factory.mktemp(name)
        frame.write_csv(folder / f"{BUILT_IN[name].ledger_title()}.csv")
        return read_ledgers(receive(folder), catalogue)

    clean = {name: read(name, frame).ledgers[name] for name, frame in frames.items()}

    def found(fault: Fault) -> list[Finding]:
        readings = [read(name, change(frames[name])) for name, change in fault.items()]
        ledgers = clean | {name: ledger for reading in readings for name, ledger in reading.ledgers.items()}
        checked = check_ledgers(
            ledgers, catalogue, year=2022, programme_codes=["ZDXM-2022-001"], classification=names, limits=limits, founded_on=FOUNDED
        )
        return [finding for reading in readings for finding in reading.findings if finding.code != "L10"] + checked

    return found


def test_sample_itself_has_no_finding(find: Callable[[Fault], list[Finding]]) -> None:
    assert find({}) == []


@pytest.mark.parametrize("name", [*FAULTS, *MORE])
def test_planted_fault_is_found(find: Callable[[Fault], list[Finding]], name: str) -> None:
    code, fault = {**FAULTS, **MORE}[name]
    assert code in {finding.code for finding in find(fault)}


def test_of_45_planted_faults_at_most_8_are_silent() -> None:
    assert (len(FAULTS) + len(SILENT), len(SILENT)) == (45, 0)
