"""活动方案台账: the activity plans that payments rest on."""

from schemas.columns import After, Day, LedgerModel, Money, Text, Unique, code, day, money, text


class Plans(LedgerModel):
    """活动方案: drafted by the unit, reviewed by the finance bureau before money is spent."""

    plan_no: Text = code("方案编号", "活动方案的编号，不得重复。", Unique())
    activity_name: Text = text("活动名称", "活动的名称。")
    kind: Text = text("活动类别", "活动的类别。")
    drafted_on: Day = day("制定日期", "方案制定的日期。")
    budget_yuan: Money = money("预算金额（元）", "方案的预算。", ge=0)
    reviewed_on: Day = day("财政审核日期", "财政部门审核的日期；尚未审核的留空。", After("drafted_on"), required=False)
    reviewed_by: Text = text("财政审核人", "财政部门的审核人；尚未审核的留空。", required=False)

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "plans"
        title = "活动方案台账"
