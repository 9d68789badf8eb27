"""评价工作台账: how the self-evaluation itself was done."""

from schemas.columns import Count, Day, LedgerModel, Text, Within, choice, count, day, text


class EvaluationWork(LedgerModel):
    """评价工作: one row per working step; it may lie in the year after the evaluated one."""

    step: Text = choice("步骤", "评价工作的步骤。", "前期准备", "座谈会", "资料核查", "现场查看", "形成报告")
    done_on: Day = day("日期", "开展的日期，在评价年度或次年。", Within("year_or_next", is_warning=True))
    place: Text = text("地点", "开展的地点。", required=False)
    participants: Text = text("参加单位", "参加的单位。", required=False)
    headcount: Count = count("人数", "参加的人数。", required=False)
    content: Text = text("内容", "做了什么。")

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "evaluation_work"
        title = "评价工作台账"
