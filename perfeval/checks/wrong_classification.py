"""An economic classification code that does not exist, or with another code's name."""

import re
from collections.abc import Iterator

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("C35", "经济分类编码不存在，或与名称不符", Severity.ERROR, Theme.MONEY, "政府收支分类科目（部门预算支出经济分类）")


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at each such code or name."""
    ledger = context.ledgers.get("expenditure")
    if ledger is None:
        return
    # Few pairs of code and name stand in many rows: each pair is looked up once.
    pairs = ledger.rows.group_by("economic_code", "economic_name").agg().drop_nulls().collect(engine="streaming")
    wrong = pairs.filter([not _agree(context.classification.get(code), name) for code, name in pairs.rows()])
    if wrong.is_empty():
        return
    for row in ledger.rows.join(wrong.lazy(), on=["economic_code", "economic_name"], how="semi").collect().iter_rows(named=True):
        code, name = row["economic_code"], row["economic_name"]
        expected = context.classification.get(code)
        if expected is None:
            message = f"经济分类编码“{code}”不存在。请按政府收支分类科目（部门预算支出经济分类）改正。"
            yield CHECK.at(ledger, row, "economic_code", message)
        else:
            message = f"经济分类编码 {code} 的名称是“{expected}”，这里写的是“{name}”。请改正编码或名称。"
            yield CHECK.at(ledger, row, "economic_name", message)


def _agree(expected: str | None, name: str) -> bool:
    return expected is not None and _plain(name) == _plain(expected)


def _plain(name: str) -> str:
    """A name as compared: brackets full-width, no blanks."""
    return re.sub(r"\s", "", name).replace("(", "（").replace(")", "）")
