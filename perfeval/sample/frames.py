"""The 13 sample ledgers as frames, at any scale."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from perfeval.sample import dispatch, evaluation, money, projects


@dataclass(frozen=True)
class Layout:
    """A ledger's Chinese title, its headers in order, and who makes its rows."""

    title: str
    headers: str
    rows: Callable[[], list[tuple[object, ...]]]


LAYOUTS = {
    "budget": Layout("预算指标台账", "指标文号 下达日期 预算项目编码 资金来源 金额（元） 备注", money.budget_rows),
    "expenditure": Layout(
        "资金支出台账",
        "凭证号 支付日期 预算项目编码 经济分类编码 经济分类名称 支出类别 摘要 收款人 金额（元） 支付方式 发票号码 附件张数 活动方案编号 "
        "申请报告编号 审批人 审批日期",
        money.expenditure_rows,
    ),
    "plans": Layout("活动方案台账", "方案编号 活动名称 活动类别 制定日期 预算金额（元） 财政审核日期 财政审核人", money.plan_rows),
    "projects": Layout(
        "重点项目台账",
        "项目编号 项目名称 项目类别 建设性质 投资主体 项目阶段 总投资（万元） 年度计划投资（万元） 年度完成投资（万元） 开工日期 竣工日期 "
        "联系县级领导 工作专班 实施方案 责任单位 是否入库 是否入统",
        projects.project_rows,
    ),
    "progress": Layout("项目进度台账", "项目编号 月份 计划进度（%） 实际进度（%） 当月完成投资（万元） 存在问题", projects.progress_rows),
    "meetings": Layout("调度会议台账", "会议编号 会议日期 会议类别 项目编号 主持人 议题 纪要文号", dispatch.meeting_rows),
    "issues": Layout(
        "问题交办台账",
        "问题编号 项目编号 问题类别 问题描述 交办文书 文书编号 交办日期 责任单位 办结时限 督查日期 销号日期",
        dispatch.issue_rows,
    ),
    "services": Layout(
        "帮代办事项台账", "事项编号 项目编号 事项名称 审批部门 受理日期 承诺办结日期 办结日期 代办员", dispatch.service_rows
    ),
    "publications": Layout("编发刊物台账", "刊物类别 期号 编发日期 标题 报送范围", dispatch.publication_rows),
    "inspections": Layout("巡查督查台账", "巡查日期 项目编号 巡查方式 巡查人 发现问题 处理情况", dispatch.inspection_rows),
    "surveys": Layout("满意度调查台账", "问卷编号 调查日期 对象类别 评价", evaluation.survey_rows),
    "goals": Layout("年度目标任务台账", "序号 目标任务 完成标准 完成情况 完成日期 佐证材料", evaluation.goal_rows),
    "evaluation_work": Layout("评价工作台账", "步骤 日期 地点 参加单位 人数 内容", evaluation.evaluation_work_rows),
}
# What numbers a ledger's rows, with the distance between two copies: at least the span of the numbers in the sample.
_NUMBERED = {
    "指标文号": 1, "凭证号": 40, "发票号码": 40 * 37, "申请报告编号": 40, "方案编号": 12, "活动方案编号": 12, "项目编号": 68,
    "会议编号": 108, "纪要文号": 108, "问题编号": 53, "文书编号": 53, "事项编号": 134, "期号": 9, "问卷编号": 120, "序号": 6,
}  # fmt: skip
_NUMBER = r"([0-9]+)([^0-9]*)$"


def sample_frames(scale: int = 1) -> dict[str, pl.DataFrame]:
    """The sample ledgers by English name, with Chinese headers; at scale N every row N times under new numbers."""
    return {name: repeat(_frame(layout), scale) for name, layout in LAYOUTS.items()}


def _frame(layout: Layout) -> pl.DataFrame:
    frame = pl.DataFrame(layout.rows(), schema=layout.headers.split(), orient="row", infer_schema_length=None)
    return frame.with_columns(pl.selectors.decimal().cast(pl.Decimal(18, 2)))


def repeat(frame: pl.DataFrame, scale: int) -> pl.DataFrame:
    """The frame's rows `scale` times, copy by copy, each copy with new numbers."""
    copies = pl.LazyFrame({"copy": range(scale)}, schema={"copy": pl.Int64})
    numbered = [_renumbered(header, step, frame.schema[header]) for header, step in _NUMBERED.items() if header in frame.columns]
    return copies.join(frame.lazy(), how="cross", maintain_order="left_right").with_columns(numbered).drop("copy").collect()


def _renumbered(header: str, step: int, dtype: pl.DataType) -> pl.Expr:
    """The column with `copy` times `step` added to the last number in each value, as wide as it was."""
    if dtype != pl.String:
        return pl.col(header) + pl.col("copy") * step
    digits = pl.col(header).str.extract(_NUMBER, 1)
    number = (digits.cast(pl.Int64) + pl.col("copy") * step).cast(pl.String).str.pad_start(digits.str.len_chars(), "0")
    return pl.concat_str(pl.col(header).str.replace(_NUMBER, ""), number, pl.col(header).str.extract(_NUMBER, 2)).alias(header)
