"""The shapes of the built-in ledgers, as agreed with the clerks."""

from datetime import date

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from schemas import BUILT_IN, DEFAULT, Kind

HEADERS = {
    "预算指标台账": "指标文号 下达日期 预算项目编码 资金来源 金额（元） 备注",
    "资金支出台账": "凭证号 支付日期 预算项目编码 经济分类编码 经济分类名称 支出类别 摘要 收款人 金额（元） 支付方式 发票号码 附件张数 "
    "活动方案编号 申请报告编号 审批人 审批日期 资金来源",
    "批复绩效目标台账": "指标 指标值 分值 批复文号 批复日期 调整原因 预算项目编码",
    "活动方案台账": "方案编号 活动名称 活动类别 制定日期 预算金额（元） 财政审核日期 财政审核人",
    "重点项目台账": "项目编号 项目名称 项目类别 建设性质 投资主体 项目阶段 总投资（万元） 年度计划投资（万元） 年度完成投资（万元） "
    "开工日期 竣工日期 联系县级领导 工作专班 实施方案 责任单位 是否入库 是否入统",
    "项目进度台账": "项目编号 月份 计划进度（%） 实际进度（%） 当月完成投资（万元） 存在问题",
    "调度会议台账": "会议编号 会议日期 会议类别 项目编号 主持人 议题 纪要文号",
    "问题交办台账": "问题编号 项目编号 问题类别 问题描述 交办文书 文书编号 交办日期 责任单位 办结时限 督查日期 销号日期",
    "帮代办事项台账": "事项编号 项目编号 事项名称 审批部门 受理日期 承诺办结日期 办结日期 代办员",
    "编发刊物台账": "刊物类别 期号 编发日期 标题 报送范围",
    "巡查督查台账": "巡查日期 项目编号 巡查方式 巡查人 发现问题 处理情况",
    "满意度调查台账": "问卷编号 调查日期 对象类别 评价",
    "年度目标任务台账": "序号 目标任务 完成标准 完成情况 完成日期 佐证材料",
    "评价工作台账": "步骤 日期 地点 参加单位 人数 内容",
}
SURVEYS = pl.DataFrame(
    {
        "row": pl.Series([2], dtype=pl.UInt32),
        "survey_no": ["WJ-001"],
        "surveyed_on": [date(2022, 3, 5)],
        "respondent": ["企业"],
        "rating": ["满意"],
    }
)


def test_ledgers_have_the_agreed_titles_and_headers_in_order() -> None:
    assert {model.ledger_title(): " ".join(column.header for column in model.columns()) for model in BUILT_IN.values()} == HEADERS


def test_ledgers_are_known_by_their_english_names_in_order() -> None:
    assert list(DEFAULT) == [
        "budget", "expenditure", "plans", "projects", "progress", "meetings", "issues", "services", "publications", "inspections",
        "surveys", "goals", "evaluation_work",
    ]  # fmt: skip


def test_every_column_is_described_in_chinese() -> None:
    descriptions = [column.description for model in BUILT_IN.values() for column in model.columns()]
    assert all(description.endswith("。") for description in descriptions)


def test_columns_know_kind_choices_and_whether_they_must_be_filled() -> None:
    method = BUILT_IN["expenditure"].column("payment_method")
    assert (method.kind, method.required, method.choices) == (Kind.CHOICE, True, ("直接支付", "授权支付", "公务卡", "转账", "现金"))
    plan = BUILT_IN["expenditure"].column("plan_no")
    assert (plan.kind, plan.required, plan.choices) == (Kind.CODE, False, ())


def test_only_what_few_offices_tell_apart_may_have_no_column() -> None:
    assert [column.name for model in BUILT_IN.values() for column in model.columns() if column.may_be_absent] == [
        "source",
        "programme_code",
    ]


def test_payments_are_of_every_source_of_the_budget_but_a_reduction() -> None:
    granted = BUILT_IN["budget"].column("source").choices
    assert BUILT_IN["expenditure"].column("source").choices == tuple(source for source in granted if source != "调减")


def test_targets_are_built_in_and_not_kept_unless_asked_for() -> None:
    assert BUILT_IN.keys() - DEFAULT.keys() == {"targets"}


def test_money_is_exact_and_percent_within_two_decimals() -> None:
    assert BUILT_IN["projects"].to_schema().columns["total_investment_yuan"].dtype.type == pl.Decimal(18, 2)
    assert BUILT_IN["progress"].to_schema().columns["actual_pct"].dtype.type == pl.Decimal(5, 2)


def test_good_frame_is_valid() -> None:
    assert BUILT_IN["surveys"].validate(SURVEYS).height == 1


@pytest.mark.parametrize(
    "frame",
    [
        SURVEYS.with_columns(rating=pl.lit("很好")),
        SURVEYS.with_columns(survey_no=pl.lit(None, pl.String)),
        SURVEYS.with_columns(row=pl.lit(2)),
        SURVEYS.with_columns(more=pl.lit(1)),
        SURVEYS.drop("rating"),
    ],
)
def test_bad_frame_is_not_valid(frame: pl.DataFrame) -> None:
    with pytest.raises(SchemaErrors):
        BUILT_IN["surveys"].validate(frame, lazy=True)


def test_economic_code_pattern_holds_at_both_ends() -> None:
    (check,) = BUILT_IN["expenditure"].to_schema().columns["economic_code"].checks
    codes = pl.Series(["302", "30202", "x30202", "30202x", "３０２０２", "3020", "30202\n"])
    assert codes.str.contains(check.statistics["pattern"]).to_list() == [True, True, False, False, False, False, False]
