"""One code in two writings (编号的写法): where a ledger refers to another, the writing of the ledger referred to holds.

What counts, joins or lists rows by a code then need not know that XM-001 and xm-001 are one.
"""

import io
from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from perfeval.codes import Code
from perfeval.model import Finding, Ledger, Severity
from perfeval.model.identifiers import comparable, compared, told_difference
from perfeval.model.ledgers import parquet
from schemas import Column
from schemas.columns import Refers


def with_registered_writings(ledger: Ledger, ledgers: Mapping[str, Ledger]) -> tuple[Ledger, list[Finding]]:
    """A ledger with every code as the ledger writes it that the code refers to, and a warning at the first cell of each other writing."""
    findings: list[Finding] = []
    for column in ledger.shape.columns():
        for refers in column.constraints:
            register, key = refers.to.split(".") if isinstance(refers, Refers) and "." in refers.to else ("", "")
            other = ledgers.get(register)
            writings = _other_writings(ledger, column, other, key) if other else pl.DataFrame()
            if other and not writings.is_empty():
                findings += [_told(ledger, column, other, *writing) for writing in writings.iter_rows()]
                ledger = _rewritten(ledger, pl.col(column.name).replace(writings["written"], writings["registered"]))
    return ledger, findings


def _other_writings(ledger: Ledger, column: Column, register: Ledger, key: str) -> pl.DataFrame:
    """Each code that the register has in another writing alone: `row` where it stands first, `written`, and `registered`."""
    registered = register.rows.select(registered=key)
    written = ledger.rows.select("row", written=column.name).drop_nulls()
    unlike = written.join(registered, left_on="written", right_on="registered", how="anti", maintain_order="left").collect()
    if unlike.is_empty():
        return unlike
    known = registered.drop_nulls().collect()
    codes = known.with_columns(key=comparable(known["registered"])).unique("key", keep="none")
    return (
        unlike.unique("written", keep="first", maintain_order=True)
        .with_columns(key=compared(pl.col("written")))
        .join(codes, "key")
        .drop("key")
    )


def _rewritten(ledger: Ledger, column: pl.Expr) -> Ledger:
    frames = [pl.read_parquet(io.BytesIO(part)).with_columns(column) for part in ledger.parts]
    parts = tuple(parquet(frame) for frame in frames)
    return replace(ledger, rows=frames[0].lazy() if len(parts) == 1 else pl.scan_parquet(list(parts)), parts=parts)


def _told(ledger: Ledger, column: Column, register: Ledger, row: int, written: str, registered: str) -> Finding:
    message = f"{column.header}“{written}”{told_difference(written, registered)}，按{register.title}的写法计入。请改成一样的写法。"
    return ledger.finding(Code.ODD_SIGN, Severity.WARNING, message, {"row": row, column.name: written}, column.name)
