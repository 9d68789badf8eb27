"""A payment that its own payee approved."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext, faulty_rows
from perfeval.model import Finding, Severity
from perfeval.model.identifiers import compared

CHECK = Check("X18", "收款人就是审批人", Severity.WARNING, Theme.PAPERS, "财会〔2012〕21号：不相容岗位相互分离")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such approval."""
    if ledger := context.ledgers.get("expenditure"):
        for row in faulty_rows(ledger, compared(pl.col("payee")) == compared(pl.col("approved_by"))):
            yield CHECK.at(ledger, row, "approved_by", f"收款人“{row['payee']}”就是审批人。请核对，或由他人审批。")
