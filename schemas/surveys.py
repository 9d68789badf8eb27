"""满意度调查台账: one row per questionnaire."""

from schemas.columns import Day, LedgerModel, Text, Unique, Within, choice, code, day


class Surveys(LedgerModel):
    """满意度调查: one rating by one respondent."""

    survey_no: Text = code("问卷编号", "问卷的编号，不得重复。", Unique())
    surveyed_on: Day = day("调查日期", "调查的日期。", Within("year_or_next", is_warning=True))
    respondent: Text = choice("对象类别", "谁答的。", "企业", "项目单位", "群众")
    rating: Text = choice("评价", "总体评价。", "非常满意", "满意", "基本满意", "不满意")

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "surveys"
        title = "满意度调查台账"
