"""帮代办事项台账: formalities done for projects on their behalf."""

from schemas.columns import After, Day, LedgerModel, Refers, RequiredWhen, Text, Unique, Within, code, day, text


class Services(LedgerModel):
    """帮代办事项: accepted, promised by a day, finished; without 办结日期 it is still being done."""

    service_no: Text = code("事项编号", "事项的编号，不得重复。", Unique())
    project_no: Text = code("项目编号", "见重点项目台账。", Refers("projects.project_no"))
    service_name: Text = text("事项名称", "办理的事项。")
    department: Text = text("审批部门", "审批的部门。")
    accepted_on: Day = day("受理日期", "受理的日期。", Within(is_warning=True))
    promised_on: Day = day("承诺办结日期", "承诺办结的日期。", After("accepted_on"), required=False)
    finished_on: Day = day("办结日期", "实际办结的日期；在办的留空。", After("accepted_on"), required=False)
    agent: Text = text("代办员", "代办的人。", RequiredWhen("finished_on IS NOT NULL"), required=False)

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "services"
        title = "帮代办事项台账"
