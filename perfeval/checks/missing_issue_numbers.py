"""Publications whose numbers leave some out."""

from collections.abc import Iterator

import polars as pl

from perfeval.checks.check import Check, Theme
from perfeval.checks.context import CheckContext
from perfeval.model import Finding, Severity

CHECK = Check("X35", "刊物的期号不连续", Severity.WARNING, Theme.RESULTS, "按期编发的，期号从1起连续")
_PERIODICALS = ("重点项目建设简报", "进度分色表")
_NUMBER = "([0-9]+)"


def find(context: CheckContext) -> Iterator[Finding]:
    """A finding at the last number of each kind that comes out in numbers."""
    ledger = context.ledgers.get("publications")
    if ledger is None:
        return
    number = pl.col("number").str.extract(_NUMBER).cast(pl.Int64, strict=False).alias("n")
    rows = ledger.rows.filter(pl.col("kind").is_in(_PERIODICALS)).with_columns(number).drop_nulls("n").sort("n").collect()
    for kind in rows["kind"].unique(maintain_order=True):
        found = rows.filter(pl.col("kind") == kind)
        numbers, last = set(found["n"]), found.row(-1, named=True)
        if missing := [n for n in range(1, last["n"]) if n not in numbers]:
            shown = "、".join(map(str, missing[:5])) + ("等" if len(missing) > 5 else "")  # noqa: PLR2004  # as many as are read
            yield CHECK.at(ledger, last, "number", f"{kind}有第{last['n']}期，没有第{shown}期。请核对期号，或补登缺的各期。")
