"""问题交办台账: problems assigned, supervised and closed (一单三制)."""

from schemas.columns import After, Day, LedgerModel, Refers, RequiredWhen, Text, Unique, Within, choice, code, day, text


class Issues(LedgerModel):
    """问题交办: 交办、督查、销号; an issue without 销号日期 is open."""

    issue_no: Text = code("问题编号", "问题的编号，不得重复。", Unique())
    project_no: Text = code("项目编号", "见重点项目台账。", Refers("projects.project_no"))
    category: Text = choice("问题类别", "问题的类别。", "前期手续", "用地", "资金", "施工", "生产运营")
    description: Text = text("问题描述", "问题是什么。")
    instrument: Text = choice("交办文书", "以什么文书交办。", "交办单", "督办函")
    instrument_no: Text = code("文书编号", "交办文书的编号。", required=False)
    assigned_on: Day = day("交办日期", "交办的日期。", Within(is_warning=True))
    responsible_unit: Text = text("责任单位", "负责办理的单位。")
    due_on: Day = day("办结时限", "要求办结的日期。", After("assigned_on"), RequiredWhen("assigned_on IS NOT NULL"), required=False)
    inspected_on: Day = day(
        "督查日期", "督查的日期；尚未督查的留空。", After("assigned_on"), RequiredWhen("closed_on IS NOT NULL"), required=False
    )
    closed_on: Day = day(
        "销号日期", "销号的日期；尚未销号的留空。", After("assigned_on"), After("inspected_on", is_warning=True), required=False
    )

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "issues"
        title = "问题交办台账"
