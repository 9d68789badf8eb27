"""The job by the stack a unit would take instead: pandas and openpyxl read, pandera validates, pandas counts, docxtpl writes.

Written as its users would at their best: columns at a time, exact amounts as whole fen, no row loops over long ledgers.
"""

import hashlib
import json
import shutil
import sys
import time
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pandera.pandas as pa
import rules
from docxtpl import DocxTemplate

MONEY = {"yuan": "-?[0-9]{1,13}(?:[.][0-9]{1,2})?", "wan": "-?[0-9]{1,9}(?:[.][0-9]{1,6})?"}
# Amounts are whole fen, percentages whole hundredths: exact, and far faster than Decimal objects.
PLACES = {"yuan": 100, "wan": 1_000_000, "percent": 100}
CODES = {"not_nullable": "V01", "isin": "V07", "str_matches": "V09"}
Findings = list[rules.Finding]


def main(workspace: Path, work: Path, result: Path) -> None:
    started = time.process_time()
    work.mkdir()
    rules.load_shapes(workspace)
    ledgers: dict[str, pd.DataFrame] = {}
    findings: Findings = []
    for path in sorted((workspace / "ledgers" / str(rules.YEAR)).iterdir()):
        ledger = rules.TITLES[path.stem]
        shutil.copyfile(path, work / path.name)
        digest(work / path.name)
        ledgers[ledger] = read(path, ledger, findings)
    for ledger, frame in ledgers.items():
        validate(frame, ledger, findings)
        check_rows(frame, ledger, ledgers, workspace, findings)
    measures, scored, profile = rules.indicators(workspace)
    facts, lineage = derive(measures, ledgers)
    scores = rules.score(scored, profile, facts)
    small = {name: records(ledgers[name], name) for name in rules.PRINTED}
    blocks = rules.narrative(workspace, scored, facts, scores, small)
    annexes = rules.annexes(scored, facts, scores, payments(ledgers["expenditure"]), small)
    write_report(workspace / "stack.docx", work / "report.docx", blocks, annexes)
    for name, frame in ledgers.items():
        keep(frame, work / name)
    np.savez(work / "lineage.npz", **lineage)
    digest(work / "lineage.npz")
    rules.write_findings(work / "findings.json", findings)
    told = {
        "facts": {name: rules.written(value) for name, value in facts.items()},
        "scores": scores,
        "findings": rules.summed((code, ledger, row) for code, ledger, _, row, _ in findings),
    }
    told["work"] = time.process_time() - started
    result.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def keep(frame: pd.DataFrame, path: Path) -> None:
    """Parquet where pandas can write it, which takes pyarrow; else csv."""
    if find_spec("pyarrow"):
        path = path.with_suffix(".parquet")
        frame.to_parquet(path, compression="zstd", index=False)
    else:
        path = path.with_suffix(".csv")
        frame.to_csv(path, index=False)
    digest(path)


def listed(findings: Findings, code: str, ledger: str, column: str, rows: pd.Series, values: pd.Series) -> None:
    if len(rows):
        title = rules.NAMES[ledger]
        findings += [(code, title, column, int(row), str(value)) for row, value in zip(rows, values.loc[rows.index], strict=True)]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, ledger: str, findings: Findings) -> pd.DataFrame:
    """Typed columns with the sheet's row numbers, without blank and total rows; unreadable cells are listed."""
    headers = rules.headers(ledger)
    if path.suffix == ".csv":
        text = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        rows = pd.RangeIndex(2, len(text) + 2)
    else:
        sheet = pd.DataFrame(look_over(path, ledger, findings), dtype="str")
        start = next(n for n in range(len(sheet)) if set(headers.values()) <= set(sheet.iloc[n]))
        text = sheet.iloc[start + 1 :].set_axis(list(sheet.iloc[start]), axis=1)
        text = text[text.iloc[:, 0] != "合计"]
        rows = text.index + 1
    frame = pd.DataFrame({"row": rows}, index=text.index)
    for name, kind in rules.kinds(ledger).items():
        header = headers[name]
        frame[name] = parsed(text[header], kind)
        if kind != "text":
            listed(findings, "V02", ledger, header, frame["row"][text[header].notna() & frame[name].isna()], text[header])
    return frame


def look_over(path: Path, ledger: str, findings: Findings) -> list[list[str | None]]:
    """The sheet's rows, and what stands beside values: merged cells, hidden rows and columns, formulas in error or never computed."""
    sheet = openpyxl.load_workbook(path, data_only=True).worksheets[0]
    formulas = openpyxl.load_workbook(path, read_only=True).worksheets[0]
    title = rules.NAMES[ledger]
    findings += [("L18", title, str(merged), merged.min_row, "") for merged in sheet.merged_cells.ranges]
    findings += [("L17", title, "", number, "") for number, row in sheet.row_dimensions.items() if row.hidden]
    findings += [("L17", title, letter, 0, "") for letter, column in sheet.column_dimensions.items() if column.hidden]
    for row, row_formulas in zip(sheet.iter_rows(), formulas.iter_rows(), strict=True):
        for cell, formula in zip(row, row_formulas, strict=False):
            if cell.data_type == "e":
                findings.append(("V10", title, cell.coordinate, cell.row, str(cell.value)))
            if formula.data_type == "f" and cell.value is None:
                findings.append(("V11", title, cell.coordinate, cell.row, str(formula.value)))
    return [[None if value is None else str(value) for value in row] for row in sheet.values]


def parsed(text: pd.Series, kind: str) -> pd.Series:
    """The cell's value without stray blanks and separators; missing where it cannot be read."""
    text = text.str.strip()
    match kind:
        case "yuan" | "wan":
            text = text.str.replace("[,￥]", "", regex=True)
            number = pd.to_numeric(text.where(text.str.fullmatch(MONEY[kind]).fillna(False)))
            return (number * PLACES[kind]).round().astype("Int64")
        case "percent":
            return (pd.to_numeric(text, errors="coerce") * PLACES[kind]).round().astype("Int64")
        case "count":
            return pd.to_numeric(text, errors="coerce").astype("Int64")
        case "day":
            return pd.to_datetime(text.str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
        case _:
            return text


def validate(frame: pd.DataFrame, ledger: str, findings: Findings) -> None:
    """Pandera's checks of every cell, with all failing rows."""
    types = {"yuan": "Int64", "wan": "Int64", "percent": "Int64", "count": "Int64", "day": "datetime64[ns]"}
    columns = {}
    for column in rules.SHAPES[ledger]:
        checks = []
        if column["words"]:
            checks.append(pa.Check.isin(column["words"]))
        if column["form"]:
            checks.append(pa.Check.str_matches(column["form"]))
        if column["least"] is not None:
            checks.append(pa.Check.ge(column["least"]))
        if column["most"] is not None:
            checks.append(pa.Check.le(column["most"] * PLACES[column["kind"]]))
        if column["never"] is not None:
            checks.append(pa.Check.ne(column["never"]))
        kind = column["kind"]
        columns[column["name"]] = pa.Column(types.get(kind), checks, nullable=not column["required"], coerce=kind == "day")
    schema = pa.DataFrameSchema(columns)
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.dropna(subset="index")
        for (column, check), failed in cases.groupby(["column", "check"]):
            code = CODES.get(str(check).partition("(")[0], "V08")
            listed(findings, code, ledger, str(column), frame["row"].loc[failed["index"].astype(int)], frame[column])


def check_rows(frame: pd.DataFrame, ledger: str, ledgers: dict[str, pd.DataFrame], workspace: Path, findings: Findings) -> None:
    """Rules over several cells and ledgers."""
    failed = []
    for what, code, name, about in rules.constraints(ledger):
        match what:
            case "after":
                failed.append((code, name, frame[name] < frame[about]))
            case "within":
                failed.append((code, name, frame[name].notna() & (frame[name].dt.year != rules.YEAR)))
            case "refers":
                known = [rules.PROGRAMME] if about == ["programme"] else ledgers[about[0]][about[1]]
                failed.append((code, name, frame[name].notna() & ~frame[name].isin(known)))
            case "unique" if (filled := frame[about].dropna()).duplicated().any():
                failed.append((code, name, filled.duplicated(keep=False).reindex(frame.index, fill_value=False)))
    if ledger == "plans":
        spent = frame["plan_no"].map(ledgers["expenditure"].groupby("plan_no")["amount_yuan"].sum())
        failed.append(("X07", "budget_yuan", spent > frame["budget_yuan"]))
        failed.append(("X08", "reviewed_on", frame[["reviewed_on", "reviewed_by"]].isna().any(axis=1)))
    if ledger == "expenditure":
        official = rules.classification(workspace)
        failed.append(("C35", "economic_code", frame["economic_code"].map(official) != frame["economic_name"]))
        failed.append(("X05", "attachments", frame[list(rules.PAPERS)].isna().any(axis=1) | (frame["attachments"] == 0)))
        failed.append(("X06", "amount_yuan", frame["amount_yuan"] < 0))
        spent, granted = (ledgers[name]["amount_yuan"].sum() for name in ("expenditure", "budget"))
        wrong = [code for code, fails in (("C08", granted <= 0), ("C09", spent > granted)) if fails]
        failed += [(code, "amount_yuan", frame["row"] > 0) for code in wrong]
    for code, column, mask in failed:
        listed(findings, code, ledger, column, frame["row"][mask.fillna(False).astype(bool)], frame[column])


def derive(measures: dict[str, dict[str, Any]], ledgers: dict[str, pd.DataFrame]) -> tuple[dict[str, Decimal], dict[str, Any]]:
    """Facts, and the rows each rests on."""
    facts: dict[str, Decimal] = {}
    lineage: dict[str, Any] = {}
    masks: dict[tuple[str, str], pd.Series] = {}
    for name, measure in measures.items():
        values = []
        for number, part in enumerate([measure["numerator"], measure["denominator"]] if "numerator" in measure else [measure]):
            frame, where = ledgers[part["ledger"]], part.get("where")
            mask = masks.get((part["ledger"], where or ""))
            if mask is None:
                mask = frame.eval(python(where)).fillna(False).astype(bool) if where else pd.Series(True, index=frame.index)
                masks[part["ledger"], where or ""] = mask
            lineage[f"{name}_{number}"] = frame["row"][mask].to_numpy(np.uint32)
            values.append(Decimal(int(frame[part["column"]][mask].sum())) / 100 if part["aggregate"] == "sum" else Decimal(int(mask.sum())))
        facts[name] = rules.ratio(*values) if len(values) > 1 else values[0]
    return facts, lineage


def python(where: str) -> str:
    """The condition as pandas writes it."""
    for sql, pandas in (
        (" IS NOT NULL", ".notna()"),
        (" IS NULL", ".isna()"),
        ("DATE ", ""),
        (" NOT IN ", " not in "),
        (" IN ", " in "),
        (" AND ", " and "),
        (" OR ", " or "),
        ("<>", "!="),
    ):
        where = where.replace(sql, pandas)
    words = where.split(" ")
    return " ".join("==" if word == "=" else word for word in words)


def records(frame: pd.DataFrame, ledger: str) -> list[dict[str, Any]]:
    """A small ledger's rows as Python values."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    places = {name: PLACES[kind] for name, kind in rules.kinds(ledger).items() if kind in PLACES}
    return [
        {name: Decimal(value) / places[name] if name in places and value is not None else value for name, value in row.items()}
        for row in rows
    ]


def payments(frame: pd.DataFrame) -> list[list[str]]:
    """Every payment with subtotals by category, or only sums by category and economic classification where there are too many."""
    if len(frame) > rules.LISTED:
        sums = frame.groupby(["category", "economic_code", "economic_name"])["amount_yuan"].agg(["count", "sum"])
        return [[key[0], f"{key[1]} {key[2]}", f"{row['count']}笔", "", "", "", "", yuan(row["sum"])] for key, row in sums.iterrows()]
    rows = []
    for category, part in frame.sort_values(["category", "paid_on", "row"]).groupby("category"):
        for row in part.itertuples():
            economic = f"{row.economic_code} {row.economic_name}"
            rows.append(
                [
                    category,
                    f"{row.paid_on:%Y-%m-%d}",
                    row.voucher_no,
                    economic,
                    row.summary,
                    row.payee,
                    row.payment_method,
                    yuan(row.amount_yuan),
                ]
            )
        rows.append([f"{category}小计", "", "", "", "", "", "", yuan(part["amount_yuan"].sum())])
    return rows


def yuan(fen: int) -> str:
    return f"{Decimal(int(fen)) / 100:,.2f}"


def write_report(template: Path, path: Path, blocks: list[tuple[str, str]], annexes: list[list[list[str]]]) -> None:
    document = DocxTemplate(template)
    document.render(
        {"blocks": [text for _, text in blocks], "indicators": annexes[0], "payments": annexes[1], "colours": annexes[2]}, autoescape=True
    )
    document.save(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
