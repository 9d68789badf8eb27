"""The manual's tables of ledgers, printed from their shapes.

When a shape was changed: `PERFEVAL_GOLDEN=write pytest tests/golden`, then read the difference like any other change.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from perfeval.indicators.condition import compile_condition
from schemas import BUILT_IN, Column, LedgerModel
from schemas.columns import RequiredWhen

MANUAL = Path(__file__).parents[2] / "README.zh-CN.md"
BEGIN, END = "<!-- 台账栏目表：开始 -->", "<!-- 台账栏目表：结束 -->"


def printed(model: type[LedgerModel]) -> Iterator[str]:
    """A ledger's heading and table."""
    yield f"### {model.ledger_title()}（{model.ledger_name()}）\n"
    yield "| 栏目 | 英文名 | 种类 | 必填 | 填什么 |\n|---|---|---|---|---|"
    for column in model.columns():
        words = f"只能填：{'、'.join(column.choices)}。" if column.choices else ""
        yield f"| {column.header} | {column.name} | {column.kind} | {required(model, column)} | {column.description}{words} |"
    yield ""


def required(model: type[LedgerModel], column: Column) -> str:
    """Whether a cell must be filled, or when."""
    conditions = [held.condition for held in column.constraints if isinstance(held, RequiredWhen)]
    if conditions:
        return f"{'，或'.join(compile_condition(condition, model, 2000).phrase for condition in conditions)}时"
    return "可以没有此栏" if column.may_be_absent else "是" if column.required else ""


def test_tables_of_the_manual_are_the_shapes_of_the_ledgers() -> None:
    before, _, rest = MANUAL.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
    tables = "\n".join(line for model in BUILT_IN.values() for line in printed(model))
    expected = f"{before}{BEGIN}\n\n{tables}\n{END}{rest.partition(END)[2]}"
    if os.environ.get("PERFEVAL_GOLDEN") == "write":
        MANUAL.write_text(expected, encoding="utf-8")
    assert MANUAL.read_text(encoding="utf-8") == expected
