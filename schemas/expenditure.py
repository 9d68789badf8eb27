"""资金支出台账: every payment of the programme, one row per voucher."""

from schemas.budget import SOURCES
from schemas.columns import (
    PROGRAMME,
    After,
    Count,
    Day,
    LedgerModel,
    Money,
    Refers,
    Text,
    Unique,
    Within,
    choice,
    code,
    count,
    day,
    money,
    text,
)  # fmt: skip

# A reduction (调减) is no money that anything is paid of.
_SPENT = tuple(source for source in SOURCES if source != "调减")


class Expenditure(LedgerModel):
    """资金支出: one payment with the papers it rests on; empty papers are allowed here and pointed out by the checks."""

    voucher_no: Text = code("凭证号", "记账凭证号，一张凭证一行，不得重复。", Unique(code="C36"))
    paid_on: Day = day("支付日期", "资金支付的日期，应在评价年度内。", Within(code="C37"), After("approved_on", code="C37"))
    programme_code: Text = code("预算项目编码", "预算项目的编码，与预算指标台账一致。", Refers(PROGRAMME, code="X04"))
    economic_code: Text = code(
        "经济分类编码", "部门预算支出经济分类科目编码，类3位或款5位。", pattern="[0-9]{3}(?:[0-9]{2})?", example="30202"
    )
    economic_name: Text = text("经济分类名称", "与编码对应的科目名称。")
    category: Text = text("支出类别", "单位自定的支出类别，用于支出明细小计。")
    summary: Text = text("摘要", "用途。")
    payee: Text = text("收款人", "收款单位或个人。")
    amount_yuan: Money = money("金额（元）", "支付金额；退款、冲销填负数。", ne=0)
    payment_method: Text = choice("支付方式", "怎样支付。", "直接支付", "授权支付", "公务卡", "转账", "现金")
    invoice_no: Text = code("发票号码", "发票号码，不得重复支付，退款、冲销填原发票的号码；没有发票的留空。", required=False)
    attachments: Count = count("附件张数", "凭证所附单据张数。", required=False)
    plan_no: Text = code("活动方案编号", "所依据的活动方案，见活动方案台账。", Refers("plans.plan_no", code="X03"), required=False)
    application_no: Text = code("申请报告编号", "资金申请报告的编号。", required=False)
    approved_by: Text = text("审批人", "审批支付的人。", required=False)
    approved_on: Day = day("审批日期", "审批支付的日期，在评价年度内，不晚于支付日期。", Within(is_warning=True), required=False)
    source: Text = choice(
        "资金来源", "所用资金的来源，与预算指标台账一致；不分来源的可不设这一栏。", *_SPENT, required=False, may_be_absent=True
    )

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "expenditure"
        title = "资金支出台账"
