"""调度会议台账: meetings that dispatch and coordinate key projects."""

from schemas.columns import Day, LedgerModel, Refers, Text, Unique, Within, choice, code, day, text


class Meetings(LedgerModel):
    """调度会议: without 项目编号 the meeting was about all projects."""

    meeting_no: Text = code("会议编号", "会议的编号，不得重复。", Unique())
    held_on: Day = day("会议日期", "开会的日期，应在评价年度内。", Within())
    kind: Text = choice("会议类别", "会议的类别。", "专题调度会", "现场办公会", "周碰头会", "月调度会")
    project_no: Text = code("项目编号", "见重点项目台账；全面调度的会议留空。", Refers("projects.project_no"), required=False)
    chair: Text = text("主持人", "会议主持人。", required=False)
    agenda: Text = text("议题", "会议议题。")
    minutes_no: Text = code(
        "纪要文号", "会议纪要的编号，一次会议一份；没有纪要的留空。", Unique(code="X39", is_warning=True), required=False
    )

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "meetings"
        title = "调度会议台账"
