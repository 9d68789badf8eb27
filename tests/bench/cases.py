"""Write the two cases of the bench: a county unit of 13 small workbooks, and the same with a long expenditure csv.

Run in a process of its own, so that its memory is not counted with that of the measured ones. Rules, narrative and reasons are the
bench's own (`workspace/`); the rows are the sample's, and what is asked of their columns is told to the rivals as plain data.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import docx
import polars as pl
import pyotp
import rules

from perfeval import persons
from perfeval.office import open_office
from perfeval.packs import COMMON
from perfeval.sample import sample_frames, write_sample
from perfeval.sample.frames import repeat
from perfeval.workspace import Workspace
from schemas import Column, Kind, LedgerModel
from schemas.columns import After, Refers, Unique, Within

CLERK = "样例经办人"
FLAWED_EVERY = 100
WORDY_EVERY = 1000
COST = "≤17.5万元"
OF_COMMON = ("economic_classification.csv", "report/template.docx")


def enrol_clerk(workspace: Path) -> None:
    """Invite, enrol and confirm who prepares the evaluation."""
    office = open_office(workspace)
    invitation = persons.invite(office, CLERK, ["operator"])
    secret = persons.offer_code(office, invitation.token).secret
    made = persons.enrol_code(office, invitation.token, secret, pyotp.TOTP(secret).now())
    persons.confirm(office, made.person, made.fingerprint, made.person, on_paper=True)


def write_county(workspace: Path) -> None:
    """13 workbooks as `perfeval init --sample` writes them, and a clerk who is enrolled."""
    shutil.copytree(Path(__file__).parent / "workspace", workspace)
    for name in OF_COMMON:
        shutil.copyfile(COMMON / name, workspace / name)
    catalogue, ledgers = Workspace(workspace).catalogue, workspace / "ledgers" / str(rules.YEAR)
    titles = {model.ledger_title() for model in catalogue.values()}
    for path in write_sample(ledgers):
        if path.stem not in titles:
            path.unlink()
    write_stack_template(workspace / "stack.docx")
    shapes = {
        name: (model.ledger_title(), [_shape(model, column) for column in model.columns() if not column.may_be_absent])
        for name, model in catalogue.items()
    }
    (workspace / "shapes.json").write_text(json.dumps(shapes, ensure_ascii=False), encoding="utf-8")
    enrol_clerk(workspace)


def _shape(model: type[LedgerModel], column: Column) -> dict[str, Any]:
    """A column as plain data, so that the rivals check the same without the schemas."""
    kind = {Kind.CODE: "text", Kind.CHOICE: "text", Kind.MONEY: "wan" if "万元" in column.header else "yuan"}.get(column.kind)
    checks = {check.name: check.statistics for check in model.to_schema().columns[column.name].checks}
    return {
        "header": column.header,
        "name": column.name,
        "kind": kind or column.kind.name.lower(),
        "required": column.required,
        "words": list(column.choices),
        "form": checks.get("str_matches", {}).get("pattern"),
        "least": 0 if checks.keys() & {"in_range", "greater_than_or_equal_to"} else None,
        "most": 100 if "in_range" in checks else None,
        "never": 0 if "not_equal_to" in checks else None,
        "held": list(_held(column)),
    }


def _held(column: Column) -> Iterator[tuple[str, str, Any]]:
    """What a column is held to beside its own cell: kind, code, about what; no rival knows the others."""
    for item in column.constraints:
        match item:
            case Unique():
                yield "unique", item.code, [*item.per, column.name]
            case Refers():
                yield "refers", item.code, item.to.split(".")
            case After():
                yield "after", item.code, item.column
            case Within(years="year", when="") if column.kind is Kind.DAY:
                yield "within", item.code, None


def write_stack_template(path: Path) -> None:
    """The template that docxtpl fills: a paragraph per block, a table per annex."""
    document = docx.Document()
    for text in ("{%p for text in blocks %}", "{{ text }}", "{%p endfor %}"):
        document.add_paragraph(text)
    for name, width in (("indicators", 7), ("payments", 8), ("colours", 6)):
        table = document.add_table(3, width)
        table.cell(0, 0).text = f"{{%tr for row in {name} %}}"
        for column in range(width):
            table.cell(1, column).text = f"{{{{ row[{column}] }}}}"
        table.cell(2, 0).text = "{%tr endfor %}"
        document.add_paragraph()
    document.save(path)


def write_long(workspace: Path, rows: int) -> None:
    """The county unit with so many payments in a csv, one in a hundred without attachments, and a budget to match.

    One in a thousand has brackets in its summary, as summaries have: a ledger without any is read on a shorter way.
    """
    write_county(workspace)
    ledgers = workspace / "ledgers" / str(rules.YEAR)
    payments = payments_of(rows)
    (ledgers / "资金支出台账.xlsx").unlink()
    payments.write_csv(ledgers / "资金支出台账.csv")
    (ledgers / "预算指标台账.xlsx").unlink()
    spent = payments["金额（元）"].sum()
    budget = sample_frames()["budget"].with_columns(pl.lit(spent).cast(pl.Decimal(18, 2)).alias("金额（元）"))
    budget.write_csv(ledgers / "预算指标台账.csv")
    indicators = workspace / "indicators" / f"{rules.YEAR}.yml"
    text = indicators.read_text(encoding="utf-8")
    if COST not in text:
        raise ValueError(f"{indicators} has no target of {COST}")
    indicators.write_text(text.replace(COST, f"≤{spent / Decimal(10000)}万元"), encoding="utf-8")


def payments_of(rows: int) -> pl.DataFrame:
    """The sample's payments over and over, each with numbers and an amount of its own under the same twelve plans."""
    payments = sample_frames()["expenditure"].rename({"活动方案编号": "plan"})
    number = pl.int_range(pl.len())
    return (
        repeat(payments, -(-rows // payments.height))
        .head(rows)
        .with_columns(
            pl.when(number % FLAWED_EVERY > 0).then("附件张数").alias("附件张数"),
            pl.when(number % WORDY_EVERY == 0).then(pl.col("摘要") + "（补付）").otherwise("摘要").alias("摘要"),
            # Payments all alike on a day would be doubted one by one, which no rival does.
            (pl.col("金额（元）") + (number * Decimal("0.01")).cast(pl.Decimal(18, 2))).alias("金额（元）"),
        )
        .rename({"plan": "活动方案编号"})
    )


if __name__ == "__main__":
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    write_county(folder / "county")
    write_long(folder / "long", count)
