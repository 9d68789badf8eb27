"""批复绩效目标台账: the targets as approved, one row per indicator, and a row more for each adjustment."""

from schemas.columns import PROGRAMME, Day, LedgerModel, NumberedIn, Quantity, Refers, Text, code, day, document_no, quantity, text


class Targets(LedgerModel):
    """批复绩效目标: the last approved row of an indicator holds; a row after the first tells why it was adjusted."""

    indicator: Text = code("指标", "三级指标，写法与评分指标一致；调整的另起一行。")
    target: Text = text("指标值", "批复的指标值，如 ≥95%。")
    weight: Quantity = quantity("分值", "批复的分值，最多两位小数。", le=100)
    document_no: Text = document_no("批复文号", "批复或调整绩效目标的文号。", NumberedIn("approved_on"))
    approved_on: Day = day("批复日期", "批复或调整的日期。")
    reason: Text = text("调整原因", "调整的原因；初次批复的留空。", required=False)
    programme_code: Text = code(
        "预算项目编码", "有几个预算项目时，指标是哪一个的。", Refers(PROGRAMME, code="X04"), required=False, may_be_absent=True
    )

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "targets"
        title = "批复绩效目标台账"
