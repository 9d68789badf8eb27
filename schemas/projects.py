"""重点项目台账: the county's key projects, one row each; the other ledgers refer to it by 项目编号."""

from schemas.columns import After, Day, EmptyWhen, LedgerModel, Money, RequiredWhen, Text, Unique, Within, choice, code, day, money, text


class Projects(LedgerModel):
    """重点项目: stage, investment and the 五个一 (one leader, team and plan per project), whose gaps are counted, not refused."""

    project_no: Text = code("项目编号", "重点项目的编号，不得重复。", Unique())
    project_name: Text = text("项目名称", "项目的名称，一个项目一行。", Unique(code="X39", is_warning=True))
    category: Text = text("项目类别", "项目的类别。")
    nature: Text = text("建设性质", "新建、续建、改扩建等。", required=False)
    investor: Text = choice("投资主体", "由谁投资。", "政府投资", "社会投资")
    stage: Text = choice("项目阶段", "年末所处的阶段。", "前期", "新开工", "在建", "竣工", "投产")
    total_investment_yuan: Money = money("总投资（万元）", "计划总投资。", ge=0)
    annual_planned_yuan: Money = money("年度计划投资（万元）", "本年计划完成的投资。", required=False, ge=0)
    annual_completed_yuan: Money = money("年度完成投资（万元）", "本年实际完成的投资。", required=False, ge=0)
    started_on: Day = day(
        "开工日期",
        "实际开工的日期；未开工的留空。",
        RequiredWhen("stage = '新开工'"),
        Within(when="stage = '新开工'", code="X11", is_warning=True),
        EmptyWhen("stage = '前期'"),
        required=False,
    )
    completed_on: Day = day(
        "竣工日期",
        "实际竣工的日期；未竣工的留空。",
        After("started_on"),
        RequiredWhen("stage = '竣工'"),
        Within(when="stage = '竣工'", code="X11", is_warning=True),
        EmptyWhen("stage IN ('前期','新开工','在建')"),
        required=False,
    )
    county_leader: Text = text("联系县级领导", "五个一：一位领导。", required=False)
    team: Text = text("工作专班", "五个一：一套班子。", required=False)
    plan_title: Text = text("实施方案", "五个一：一个方案。", required=False)
    responsible_unit: Text = text("责任单位", "负责推进的单位。", required=False)
    in_library: Text = choice("是否入库", "是否列入项目库。", "是", "否")
    in_statistics: Text = choice("是否入统", "是否纳入投资统计。", "是", "否")

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "projects"
        title = "重点项目台账"
