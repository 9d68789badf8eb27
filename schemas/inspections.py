"""巡查督查台账: daily rounds and special inspections."""

from schemas.columns import Day, LedgerModel, Refers, RequiredWhen, Text, Within, choice, code, day, text


class Inspections(LedgerModel):
    """巡查督查: without 项目编号 the round covered several projects."""

    inspected_on: Day = day("巡查日期", "巡查的日期，应在评价年度内。", Within())
    project_no: Text = code("项目编号", "见重点项目台账；巡查多个项目的留空。", Refers("projects.project_no"), required=False)
    kind: Text = choice("巡查方式", "怎样巡查。", "日巡查", "专项督查")
    inspector: Text = text("巡查人", "巡查的人。")
    finding: Text = text("发现问题", "发现的问题；没有的留空。", required=False)
    handling: Text = text("处理情况", "怎样处理；没有问题的留空。", RequiredWhen("finding IS NOT NULL"), required=False)

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "inspections"
        title = "巡查督查台账"
