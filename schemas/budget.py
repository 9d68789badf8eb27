"""预算指标台账: what the finance bureau granted, one row per document and source."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas.columns import (
    PROGRAMME,
    Day,
    LedgerModel,
    Money,
    NumberedIn,
    Refers,
    Text,
    Within,
    choice,
    code,
    day,
    document_no,
    money,
    text,
)

SOURCES = ("年初预算", "追加", "调减", "上年结转", "其他资金")


class Budget(LedgerModel):
    """预算指标: the annual budget is the sum of all rows, because a reduction is written as a negative amount."""

    document_no: Text = document_no("指标文号", "下达预算指标的文号。", NumberedIn("issued_on"))
    issued_on: Day = day("下达日期", "指标文件的下达日期。", Within(is_warning=True))
    programme_code: Text = code("预算项目编码", "预算项目的编码，与资金支出台账一致。", Refers(PROGRAMME, code="X04"))
    source: Text = choice("资金来源", "资金从哪里来。", *SOURCES)
    amount_yuan: Money = money("金额（元）", "本次下达的金额；调减填负数，其他来源填正数，年初没有安排的可填0。")
    note: Text = text("备注", "需要说明的事项。", required=False)

    @pa.check("amount_yuan", name="sign", error="资金来源为“调减”时金额应为负数，为其他来源时应为正数（年初预算可为0）")
    @classmethod
    def sign_follows_source(cls, data: PolarsData) -> pl.LazyFrame:
        """A reduction (调减) is negative, everything else positive, so that the ledger adds up; an initial budget may be none."""
        amount, source = pl.col("amount_yuan"), pl.col("source")
        right = pl.when(source == "调减").then(amount < 0).otherwise((amount > 0) | ((source == "年初预算") & (amount == 0)))
        return data.lazyframe.select(right)

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "budget"
        title = "预算指标台账"
