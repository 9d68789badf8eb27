import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from perfeval.sample import sample_frames, write_sample
from schemas import LEDGERS

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return sample_frames()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder)
    return folder


def counted(frame: pl.DataFrame, header: str) -> dict[str, int]:
    return dict(frame.group_by(header).len().iter_rows())


def test_budget_is_one_addition_without_opening_budget(frames: dict[str, pl.DataFrame]) -> None:
    assert frames["budget"].select("预算项目编码", "资金来源", "金额（元）").rows() == [("ZDXM-2022-001", "追加", Decimal("179900.00"))]


def test_expenditure_sums_to_the_published_amount_by_category(frames: dict[str, pl.DataFrame]) -> None:
    spent = frames["expenditure"].group_by("支出类别").agg(pl.col("金额（元）").sum())
    assert frames["expenditure"]["金额（元）"].sum() == Decimal("179900.00")
    assert dict(spent.iter_rows()) == {
        "现场协调": Decimal("38612.50"),
        "协调会议": Decimal("33478.00"),
        "差旅费": Decimal("24356.50"),
        "宣传视频": Decimal("43810.00"),
        "宣传展板": Decimal("26493.00"),
        "图文资料": Decimal("13150.00"),
    }


def test_projects_have_the_published_stages(frames: dict[str, pl.DataFrame]) -> None:
    assert counted(frames["projects"], "项目阶段") == {"竣工": 23, "在建": 12, "投产": 5, "新开工": 12, "前期": 16}


def test_meetings_are_73_of_the_two_kinds_beside_the_regular_ones(frames: dict[str, pl.DataFrame]) -> None:
    assert counted(frames["meetings"], "会议类别") == {"专题调度会": 41, "现场办公会": 32, "月调度会": 9, "周碰头会": 26}


def test_issues_are_53_with_two_open_and_three_late(frames: dict[str, pl.DataFrame]) -> None:
    issues = frames["issues"]
    late = issues.filter(pl.col("销号日期") > pl.col("办结时限"))
    open_ones = issues.filter(pl.col("销号日期").is_null())
    assert counted(issues, "问题类别") == {"前期手续": 12, "用地": 11, "资金": 6, "施工": 8, "生产运营": 16}
    assert late["问题编号"].to_list() == ["WT-2022-013", "WT-2022-022", "WT-2022-036"]
    assert open_ones["问题编号"].to_list() == ["WT-2022-047", "WT-2022-052"]
    assert set(late["问题类别"]) | set(open_ones["问题类别"]) == {"用地", "前期手续"}


def test_operating_projects_helped_are_five(frames: dict[str, pl.DataFrame]) -> None:
    issues = frames["issues"].filter(pl.col("问题类别") == "生产运营")
    assert issues.height == 16
    assert issues["项目编号"].n_unique() == 5


def test_services_are_134_with_two_late(frames: dict[str, pl.DataFrame]) -> None:
    services = frames["services"]
    assert services.height == 134
    assert services["办结日期"].null_count() == 0
    assert services.filter(pl.col("办结日期") > pl.col("承诺办结日期"))["事项编号"].to_list() == ["DB-2022-048", "DB-2022-102"]


def test_publications_inspections_surveys_goals_have_the_published_counts(frames: dict[str, pl.DataFrame]) -> None:
    assert counted(frames["publications"], "刊物类别") == {"重点项目建设简报": 4, "进度分色表": 9, "宣传视频": 2, "宣传展板": 5}
    assert counted(frames["inspections"], "巡查方式") == {"日巡查": 126, "专项督查": 24}
    assert counted(frames["surveys"], "评价") == {"非常满意": 84, "满意": 31, "基本满意": 4, "不满意": 1}
    assert counted(frames["goals"], "完成情况") == {"完成": 6}


def test_five_in_one_is_missing_a_plan_for_two_projects_only(frames: dict[str, pl.DataFrame]) -> None:
    columns = ("项目名称", "联系县级领导", "工作专班", "责任单位")
    projects = frames["projects"]
    assert projects.filter(pl.col("实施方案").is_null())["项目编号"].to_list() == ["ZD2022-058", "ZD2022-066"]
    assert projects.select(columns).null_count().row(0) == (0, 0, 0, 0)


def test_progress_has_nine_months_for_each_project_under_construction(frames: dict[str, pl.DataFrame]) -> None:
    progress = frames["progress"]
    months = progress.group_by("项目编号").agg(pl.col("月份").n_unique())
    assert progress.height == 423
    assert (progress["月份"].min(), progress["月份"].max()) == ("2022-04", "2022-12")
    assert counted(months, "月份") == {9: 47}


def test_progress_rises_within_bounds_and_shows_two_projects_behind_in_december(frames: dict[str, pl.DataFrame]) -> None:
    progress = frames["progress"]
    steps = progress.select(pl.col("计划进度（%）", "实际进度（%）", "当月完成投资（万元）").diff().over("项目编号")).drop_nulls()
    december = progress.filter(pl.col("月份") == "2022-12")
    behind = december.filter(pl.col("实际进度（%）") < pl.col("计划进度（%）"))
    assert steps["计划进度（%）"].min() == Decimal("0.00")
    assert steps["实际进度（%）"].min() == Decimal("0.00")
    assert progress["实际进度（%）"].max() == Decimal("100.00")
    assert progress["当月完成投资（万元）"].min() == Decimal("0.00")
    assert behind.select("项目编号", "实际进度（%）").rows() == [("ZD2022-031", Decimal("92.00")), ("ZD2022-050", Decimal("78.00"))]


def test_progress_investment_adds_to_the_register(frames: dict[str, pl.DataFrame]) -> None:
    months = frames["progress"].group_by("项目编号").agg(pl.col("当月完成投资（万元）").sum())
    joined = frames["projects"].join(months, on="项目编号")
    assert joined.height == 47
    assert joined.filter(pl.col("年度完成投资（万元）") != pl.col("当月完成投资（万元）")).is_empty()


@pytest.mark.parametrize("name", ["progress", "meetings", "issues", "services", "inspections"])
def test_project_numbers_exist_in_the_register(frames: dict[str, pl.DataFrame], name: str) -> None:
    assert set(frames[name]["项目编号"].drop_nulls()) <= set(frames["projects"]["项目编号"])


def test_payments_have_complete_papers(frames: dict[str, pl.DataFrame]) -> None:
    expenditure = frames["expenditure"]
    plans = frames["plans"]
    under_plan = expenditure.join(plans, left_on="活动方案编号", right_on="方案编号")
    assert expenditure.height == 40
    assert under_plan.height == 40
    assert under_plan.filter(pl.col("支出类别") != pl.col("活动类别")).is_empty()
    assert under_plan.filter(pl.col("审批日期") <= pl.col("财政审核日期")).is_empty()
    assert expenditure.filter(pl.col("审批日期") > pl.col("支付日期")).is_empty()
    assert expenditure["附件张数"].min() == 2
    assert (expenditure["支付日期"].min(), expenditure["支付日期"].max()) == (date(2022, 7, 12), date(2022, 12, 20))
    assert plans["预算金额（元）"].sum() == Decimal("179900.00")


def test_economic_classification_agrees_with_the_official_table(frames: dict[str, pl.DataFrame]) -> None:
    with (ROOT / "config" / "common" / "economic_classification.csv").open(encoding="utf-8") as table:
        official = {row["code"]: row["name"] for row in csv.DictReader(table)}
    used = dict(frames["expenditure"].select("经济分类编码", "经济分类名称").unique().iter_rows())
    assert used == {code: official[code] for code in ("30202", "30211", "30215", "30227", "30239")}


IDENTIFIERS = [
    ("budget", "指标文号"),
    ("expenditure", "凭证号"),
    ("expenditure", "发票号码"),
    ("expenditure", "申请报告编号"),
    ("plans", "方案编号"),
    ("projects", "项目编号"),
    ("projects", "项目名称"),
    ("meetings", "会议编号"),
    ("meetings", "纪要文号"),
    ("issues", "问题编号"),
    ("issues", "文书编号"),
    ("services", "事项编号"),
    ("surveys", "问卷编号"),
    ("goals", "序号"),
]


@pytest.mark.parametrize(("name", "header"), IDENTIFIERS)
def test_identifiers_are_unique(frames: dict[str, pl.DataFrame], name: str, header: str) -> None:
    assert not frames[name][header].is_duplicated().any()


@pytest.mark.parametrize(("name", "header"), [pair for pair in IDENTIFIERS if pair != ("projects", "项目名称")])
def test_identifiers_at_scale_are_unique(name: str, header: str) -> None:
    assert not sample_frames(30)[name][header].is_duplicated().any()


@pytest.mark.parametrize("name", LEDGERS)
def test_dates_are_working_days(frames: dict[str, pl.DataFrame], name: str) -> None:
    days = frames[name].select(pl.selectors.date()).select(pl.all().dt.weekday())
    assert days.drop("开工日期", "竣工日期", strict=False).filter(pl.any_horizontal(pl.all() > 5)).is_empty()


@pytest.mark.parametrize(
    ("name", "earlier", "later"),
    [
        ("plans", "制定日期", "财政审核日期"),
        ("projects", "开工日期", "竣工日期"),
        ("issues", "交办日期", "督查日期"),
        ("issues", "督查日期", "销号日期"),
        ("issues", "交办日期", "办结时限"),
        ("services", "受理日期", "办结日期"),
        ("services", "受理日期", "承诺办结日期"),
    ],
)
def test_dates_are_in_order(frames: dict[str, pl.DataFrame], name: str, earlier: str, later: str) -> None:
    assert frames[name].filter(pl.col(earlier) > pl.col(later)).is_empty()


def test_scale_multiplies_rows_and_sums_and_keeps_references() -> None:
    frames = sample_frames(3)
    joined = frames["progress"].join(frames["projects"], on="项目编号")
    assert frames["budget"]["金额（元）"].sum() == Decimal("539700.00")
    assert frames["expenditure"]["金额（元）"].sum() == Decimal("539700.00")
    assert frames["expenditure"].join(frames["plans"], left_on="活动方案编号", right_on="方案编号").height == 120
    assert frames["services"].height == 402
    assert joined.height == 1269
    assert frames["projects"]["项目编号"][-1] == "ZD2022-204"


def test_targets_are_approved_in_the_year_and_stay_as_they_are_at_any_scale(frames: dict[str, pl.DataFrame]) -> None:
    targets = sample_frames(3)["targets"]
    assert targets.equals(frames["targets"])
    assert (targets.height, targets["分值"].sum(), targets["批复日期"].unique().to_list()) == (19, 90, [date(2022, 7, 5)])


def test_scale_one_is_the_start_of_scale_two(frames: dict[str, pl.DataFrame]) -> None:
    assert sample_frames(2)["issues"].head(53).equals(frames["issues"])


def test_write_sample_twice_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = write_sample(tmp_path)
    assert len(again) == 14
    assert [path.read_bytes() for path in again] == [(folder / path.name).read_bytes() for path in again]


def test_workbook_says_that_rows_are_invented_and_keeps_types(folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "资金支出台账.xlsx")["资金支出台账"]
    assert sheet["A1"].value == "资金支出台账（2022年度　样例数据，均为虚构，仅供演示）"
    assert sheet["A2"].value == "凭证号"
    assert sheet["B3"].value.date() == date(2022, 7, 12)
    assert sheet["I3"].value == 3680
    assert sheet["I3"].number_format == "#,##0.00"
    assert sheet.freeze_panes == "A3"


def test_expenditure_workbook_ends_with_a_total_row(folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "资金支出台账.xlsx")["资金支出台账"]
    assert (sheet.max_row, sheet["A43"].value, sheet["I43"].value) == (43, "合计", 179900)


def test_workbook_is_the_blank_ledger_with_rows_in_it(folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "资金支出台账.xlsx")["资金支出台账"]
    assert sheet["J2"].comment.text == "【必须填写】\n怎样支付。\n只能填：直接支付、授权支付、公务卡、转账、现金。"
    assert len(sheet.data_validations.dataValidation) == 5
    assert (sheet["A3"].number_format, sheet["L3"].number_format) == ("@", "0")
    assert sheet.auto_filter.ref == "A2:P42"


def test_every_workbook_says_that_rows_are_invented(folder: Path) -> None:
    notices = [openpyxl.load_workbook(path).active["A1"].value for path in sorted(folder.iterdir())]
    assert [notice.endswith("（2022年度　样例数据，均为虚构，仅供演示）") for notice in notices] == [True] * 14
