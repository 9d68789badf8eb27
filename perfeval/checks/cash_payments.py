"""Cash where the official card or a transfer is prescribed."""

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from perfeval.checks.check import Check, Limits, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.configuration import Text
from perfeval.model import Finding, Severity


class CashLimits(Limits):
    """From how many yuan on no cash is paid (现金结算起点), and the codes that are paid by official card (公务卡结算目录)."""

    yuan: Decimal
    card_codes: tuple[Text, ...]


CHECK = Check(
    "C41",
    "应当用公务卡或转账，却付了现金",
    Severity.WARNING,
    Theme.PAPERS,
    "《现金管理暂行条例》第五条结算起点；公务卡强制结算目录",
    limits=CashLimits,
)


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such payment."""
    ledger, limits = context.ledgers.get("expenditure"), context.limits_of(CashLimits)
    if ledger is None:
        return
    is_of_card = pl.col("economic_code").is_in(limits.card_codes)
    is_large = pl.col("amount_yuan") >= limits.yuan
    for row in faulty_rows(ledger, (pl.col("payment_method") == "现金") & (is_of_card | is_large)):
        why = "属公务卡强制结算目录" if row["economic_code"] in limits.card_codes else f"达到结算起点 {limits.yuan:,} 元"
        message = f"{row['economic_code']} {row['economic_name']} {row['amount_yuan']:,} 元付了现金，{why}。请核对支付方式，或说明原因。"
        yield CHECK.at(ledger, row, "payment_method", message)
