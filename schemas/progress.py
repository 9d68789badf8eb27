"""项目进度台账: how far each key project was at the end of each month."""

from schemas.columns import LedgerModel, Money, NotFallingPer, Percent, Refers, Text, Unique, Within, code, money, month, percent, text


class Progress(LedgerModel):
    """项目进度: cumulative percentages per project and month, the month's own investment."""

    project_no: Text = code("项目编号", "见重点项目台账。", Refers("projects.project_no"))
    month: Text = month("月份", "所报的月份。", Unique(per=("project_no",)), Within())
    planned_pct: Percent = percent("计划进度（%）", "到月末的累计计划进度。")
    actual_pct: Percent = percent("实际进度（%）", "到月末的累计实际进度。", NotFallingPer("project_no"))
    completed_yuan: Money = money("当月完成投资（万元）", "当月完成的投资。", required=False, ge=0)
    problem: Text = text("存在问题", "当月存在的问题。", required=False)

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "progress"
        title = "项目进度台账"
