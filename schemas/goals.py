"""年度目标任务台账: the year's goals and how far they were reached."""

from schemas.columns import Day, EmptyWhen, LedgerModel, RequiredWhen, Text, Unique, Within, choice, code, day, text


class Goals(LedgerModel):
    """年度目标任务: one row per goal, with its evidence."""

    goal_no: Text = code("序号", "目标任务的序号，不得重复。", Unique())
    goal: Text = text("目标任务", "目标任务的内容。")
    standard: Text = text("完成标准", "怎样算完成。", required=False)
    status: Text = choice("完成情况", "完成的程度。", "完成", "部分完成", "未完成")
    completed_on: Day = day(
        "完成日期",
        "完成的日期；未完成的留空。",
        RequiredWhen("status = '完成'"),
        Within(when="status = '完成'", code="X11", is_warning=True),
        EmptyWhen("status = '未完成'"),
        required=False,
    )
    evidence: Text = text(
        "佐证材料",
        "证明完成的材料：台账名，或 evidence 文件夹里的文件名，用顿号分开。",
        RequiredWhen("status = '完成'"),
        required=False,
    )

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "goals"
        title = "年度目标任务台账"
