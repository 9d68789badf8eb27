"""The job as a straight Polars script: no schemas, no store, no messages; the same checks, facts, points, report and snapshots."""

import hashlib
import io
import json
import re
import shutil
import sys
import time
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
import fastexcel
import polars as pl
import rules
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

MONEY = {"yuan": "^-?[0-9]{1,13}(?:[.][0-9]{1,2})?$", "wan": "^-?[0-9]{1,9}(?:[.][0-9]{1,6})?$"}
Findings = list[rules.Finding]
Check = tuple[str, str, pl.Expr]


def main(workspace: Path, work: Path, result: Path) -> None:
    started = time.process_time()
    work.mkdir()
    rules.load_shapes(workspace)
    ledgers: dict[str, pl.DataFrame] = {}
    findings: Findings = []
    for path in sorted((workspace / "ledgers" / str(rules.YEAR)).iterdir()):
        ledger = rules.TITLES[path.stem]
        shutil.copyfile(path, work / path.name)
        digest(work / path.name)
        ledgers[ledger] = read(path, ledger, findings)
    for ledger, frame in ledgers.items():
        list_failures(frame, cell_checks(ledger) + row_checks(ledger, ledgers, workspace), findings, ledger)
    measures, scored, profile = rules.indicators(workspace)
    facts, lineage = derive(measures, ledgers)
    scores = rules.score(scored, profile, facts)
    small = {name: ledgers[name].to_dicts() for name in rules.PRINTED}
    blocks = rules.narrative(workspace, scored, facts, scores, small)
    write_report(work / "report.docx", blocks, rules.annexes(scored, facts, scores, payments(ledgers["expenditure"]), small))
    for name, frame in {**ledgers, "lineage": lineage}.items():
        frame.write_parquet(work / f"{name}.parquet", compression="zstd")
        digest(work / f"{name}.parquet")
    rules.write_findings(work / "findings.json", findings)
    told = {
        "facts": {name: rules.written(value) for name, value in facts.items()},
        "scores": scores,
        "findings": rules.summed((code, ledger, row) for code, ledger, _, row, _ in findings),
    }
    told["work"] = time.process_time() - started
    result.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, ledger: str, findings: Findings) -> pl.DataFrame:
    """Typed columns with the sheet's row numbers, without blank and total rows; unreadable cells are listed."""
    headers, kinds = rules.headers(ledger), rules.kinds(ledger)
    if path.suffix == ".csv":
        text = pl.scan_csv(path, schema=dict.fromkeys(headers.values(), pl.String()), row_index_name="row", row_index_offset=2)
    else:
        look_over(path, ledger, findings)
        sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, skip_rows=0, dtypes="string").to_polars()
        start = next(n for n, row in enumerate(sheet.iter_rows()) if set(headers.values()) <= set(row))
        sheet.columns = list(sheet.row(start))
        text = sheet.with_row_index("row", offset=1).slice(start + 1).lazy().filter(pl.col(sheet.columns[0]) != "合计")
    values = {name: parsed(pl.col(header), kinds[name]) for name, header in headers.items()}
    bad = {name: pl.col(headers[name]).is_not_null() & values[name].is_null() for name, kind in kinds.items() if kind != "text"}
    counts = [mask.sum().alias(f"?{name}") for name, mask in bad.items()]
    frame, counted = pl.collect_all([text.select("row", *(value.alias(name) for name, value in values.items())), text.select(counts)])
    for name, mask in bad.items():
        if counted[f"?{name}"][0]:
            rows = text.filter(mask).select("row", headers[name]).collect()
            findings += [("V02", rules.NAMES[ledger], headers[name], row, value) for row, value in rows.iter_rows()]
    return frame


def look_over(path: Path, ledger: str, findings: Findings) -> None:
    """What calamine does not tell: merged cells, hidden rows and columns, formulas in error or never computed."""
    with zipfile.ZipFile(path) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    for code, pattern in rules.XML_MARKS.items():
        for found in re.finditer(pattern, sheet):
            cell = found[1] or ""
            findings.append((code, rules.NAMES[ledger], cell, int("0" + re.sub("[^0-9]", "", cell.partition(":")[0])), found[0]))


def parsed(text: pl.Expr, kind: str) -> pl.Expr:
    """The cell's value without stray blanks and separators; null where it cannot be read."""
    text = text.str.strip_chars()
    match kind:
        case "yuan":
            text = text.str.replace_all("[,￥]", "")
            return pl.when(text.str.contains(MONEY[kind])).then(text.cast(pl.Decimal(18, 2), strict=False))
        case "wan":
            text = text.str.replace_all("[,￥]", "")
            exact = (text.cast(pl.Decimal(24, 6), strict=False) * Decimal(10000)).cast(pl.Decimal(18, 2), strict=False)
            return pl.when(text.str.contains(MONEY[kind])).then(exact)
        case "percent":
            return text.cast(pl.Decimal(5, 2), strict=False)
        case "count":
            return text.cast(pl.Int64, strict=False)
        case "day":
            return text.str.head(10).str.to_date("%Y-%m-%d", strict=False)
        case _:
            return text


def cell_checks(ledger: str) -> list[Check]:
    """Code, column, and an expression that is true where a row fails: required, choice, pattern, limits."""
    checks = []
    for column in rules.SHAPES[ledger]:
        name, cell = column["name"], pl.col(column["name"])
        checks += [("V01", name, cell.is_null())] if column["required"] else []
        checks += [("V07", name, ~cell.is_in(column["words"]))] if column["words"] else []
        checks += [("V09", name, ~cell.str.contains(column["form"]))] if column["form"] else []
        checks += [("V08", name, cell < column["least"])] if column["least"] is not None else []
        checks += [("V08", name, cell > column["most"])] if column["most"] is not None else []
        checks += [("V08", name, cell == column["never"])] if column["never"] is not None else []
    return checks


def row_checks(ledger: str, ledgers: dict[str, pl.DataFrame], workspace: Path) -> list[Check]:
    """The same for rules over several cells and ledgers."""
    frame = ledgers[ledger]
    checks: list[Check] = []
    for what, code, name, about in rules.constraints(ledger):
        match what:
            case "after":
                checks.append((code, name, pl.col(name) < pl.col(about)))
            case "within":
                checks.append((code, name, pl.col(name).dt.year() != rules.YEAR))
            case "refers":
                known = [rules.PROGRAMME] if about == ["programme"] else ledgers[about[0]][about[1]].implode()
                checks.append((code, name, ~pl.col(name).is_in(known)))
            # Counting distinct values is far cheaper than marking duplicates, and mostly there are none.
            case "unique" if (filled := frame.select(about).drop_nulls()).select(pl.struct(about).hash().n_unique()).item() < filled.height:
                checks.append((code, name, pl.struct(about).is_duplicated() & pl.all_horizontal(pl.col(about).is_not_null())))
    if ledger == "plans":
        spent = ledgers["expenditure"].group_by("plan_no").agg(pl.col("amount_yuan").sum())
        limit = pl.col("plan_no").replace_strict(spent["plan_no"], spent["amount_yuan"], default=None)
        checks.append(("X07", "budget_yuan", limit > pl.col("budget_yuan")))
        checks.append(("X08", "reviewed_on", pl.any_horizontal(pl.col("reviewed_on", "reviewed_by").is_null())))
    if ledger == "expenditure":
        official = rules.classification(workspace)
        pairs = frame.select("economic_code", "economic_name").unique()
        wrong = pairs.filter([official.get(code) != name for code, name in pairs.iter_rows()])
        if wrong.height:
            both = pl.struct("economic_code", "economic_name").is_in(wrong.select(pl.struct(pl.all())).to_series().implode())
            checks.append(("C35", "economic_code", both))
        lacking = pl.any_horizontal(pl.col(rules.PAPERS).is_null()) | (pl.col("attachments") == 0)
        checks += [("X05", "attachments", lacking), ("X06", "amount_yuan", pl.col("amount_yuan") < 0)]
        spent, granted = (ledgers[name]["amount_yuan"].sum() for name in ("expenditure", "budget"))
        checks += [(code, "amount_yuan", pl.lit(value=fails)) for code, fails in (("C08", granted <= 0), ("C09", spent > granted))]
    return checks


def list_failures(frame: pl.DataFrame, checks: list[Check], findings: Findings, ledger: str) -> None:
    """Every failing row of every check: all are counted in one query, and those that fail are looked up."""
    counted = frame.lazy().select(check.sum().alias(str(n)) for n, (*_, check) in enumerate(checks)).collect()
    for n, (code, column, check) in enumerate(checks):
        if counted[str(n)][0]:
            rows = frame.filter(check).select("row", column)
            findings += [(code, rules.NAMES[ledger], column, row, str(value)) for row, value in rows.iter_rows()]


def derive(measures: dict[str, dict[str, Any]], ledgers: dict[str, pl.DataFrame]) -> tuple[dict[str, Decimal], pl.DataFrame]:
    """Facts, and the rows each rests on; one query per ledger."""
    parts = {
        (name, side): part
        for name, measure in measures.items()
        for side, part in (measure.items() if "numerator" in measure else (("value", measure),))
        if isinstance(part, dict)
    }
    values: dict[tuple[str, str], Decimal] = {}
    lineage: dict[str, pl.Series] = {}
    for ledger, frame in ledgers.items():
        own = {key: part for key, part in parts.items() if part["ledger"] == ledger}
        masks = {key: pl.sql_expr(part["where"]) if part.get("where") else pl.lit(value=True) for key, part in own.items()}
        found = (
            frame.lazy()
            .with_columns(mask.alias("/".join(key)) for key, mask in masks.items())
            .select(
                *(
                    (
                        pl.col(part["column"]).filter(pl.col("/".join(key))).sum()
                        if part["aggregate"] == "sum"
                        else pl.col("/".join(key)).sum()
                    ).alias(f"={'/'.join(key)}")
                    for key, part in own.items()
                ),
                *(pl.col("row").filter(pl.col("/".join(key))).implode().alias(f"#{'/'.join(key)}") for key in own),
            )
            .collect()
        )
        values |= {key: Decimal(found[f"={'/'.join(key)}"][0]) for key in own}
        lineage |= {"/".join(key): found[f"#{'/'.join(key)}"][0] for key in own}
    facts = {
        name: rules.ratio(values[name, "numerator"], values[name, "denominator"]) if "numerator" in measure else values[name, "value"]
        for name, measure in measures.items()
    }
    return facts, pl.DataFrame(list(lineage.items()), schema={"fact": pl.String, "rows": pl.List(pl.UInt32)}, orient="row")


def payments(frame: pl.DataFrame) -> list[list[str]]:
    """Every payment with subtotals by category, or only sums by category and economic classification where there are too many."""
    if frame.height > rules.LISTED:
        kinds = frame.lazy().group_by("category", "economic_code", "economic_name").agg(pl.len(), pl.col("amount_yuan").sum())
        sums = kinds.sort("category", "economic_code").collect(engine="streaming")
        return [
            [category, f"{code} {name}", f"{count}笔", "", "", "", "", f"{money:,.2f}"]
            for category, code, name, count, money in sums.iter_rows()
        ]
    rows = []
    for (category,), part in frame.sort("category", "paid_on", "row").group_by("category", maintain_order=True):
        for row in part.iter_rows(named=True):
            economic = f"{row['economic_code']} {row['economic_name']}"
            rows.append(
                [
                    category,
                    str(row["paid_on"]),
                    row["voucher_no"],
                    economic,
                    row["summary"],
                    row["payee"],
                    row["payment_method"],
                    f"{row['amount_yuan']:,.2f}",
                ]
            )
        rows.append([f"{category}小计", "", "", "", "", "", "", f"{part['amount_yuan'].sum():,.2f}"])
    return rows


def write_report(path: Path, blocks: list[tuple[str, str]], annexes: list[list[list[str]]]) -> None:
    """Word by prepared XML: filling cells through python-docx takes far longer."""
    document = docx.Document()
    parts = [paragraph(text) for _, text in blocks]
    for rows in annexes:
        cells = "".join(f"<w:tr>{''.join(f'<w:tc>{paragraph(text)}</w:tc>' for text in row)}</w:tr>" for row in rows)
        parts.append(f"<w:tbl><w:tblPr/><w:tblGrid>{'<w:gridCol/>' * len(rows[0])}</w:tblGrid>{cells}</w:tbl>{paragraph('')}")
    body = document.element.body
    for element in parse_xml(f"<w:body {nsdecls('w')}>{''.join(parts)}</w:body>"):
        body.insert(len(body) - 1, element)
    saved = io.BytesIO()
    document.save(saved)
    path.write_bytes(saved.getvalue())


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
