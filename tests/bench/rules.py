"""What the two rivals share and neither is measured by: indicators from YAML, points, the rows of the report. Plain Python."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

YEAR = 2022
SHAPES: dict[str, list[dict[str, Any]]] = {}
"""Per ledger its columns: header, name, kind (text, yuan, wan, percent, day, month, count), required, what cells must be, what held to."""
NAMES: dict[str, str] = {}
"""Chinese titles by English name."""
TITLES: dict[str, str] = {}
"""English names by Chinese title."""


def load_shapes(workspace: Path) -> None:
    for name, (title, columns) in json.loads((workspace / "shapes.json").read_text(encoding="utf-8")).items():
        SHAPES[name], NAMES[name], TITLES[title] = columns, title, name


def headers(ledger: str) -> dict[str, str]:
    return {column["name"]: column["header"] for column in SHAPES[ledger]}


def kinds(ledger: str) -> dict[str, str]:
    return {column["name"]: column["kind"] for column in SHAPES[ledger]}


def constraints(ledger: str) -> Iterator[tuple[str, str, str, Any]]:
    """What columns are held to beside their own cells: unique, refers, after or within; code, column, about what."""
    return ((what, code, column["name"], about) for column in SHAPES[ledger] for what, code, about in column["held"])


def classification(workspace: Path) -> dict[str, str]:
    with (workspace / "economic_classification.csv").open(encoding="utf-8-sig", newline="") as table:
        return {row["code"]: row["name"] for row in csv.DictReader(table)}


def _sum(ledger: str, where: str | None = None) -> dict[str, Any]:
    return {"ledger": ledger, "where": where, "aggregate": "sum", "column": "amount_yuan"}


BUILT_IN: dict[str, dict[str, Any]] = {
    "budget_initial": _sum("budget", "source = '年初预算'"),
    "budget_carried_over": _sum("budget", "source = '上年结转'"),
    "budget_other": _sum("budget", "source = '其他资金'"),
    "budget_annual": _sum("budget"),
    "budget_executed": _sum("expenditure"),
    "execution_rate": {"numerator": _sum("expenditure"), "denominator": _sum("budget")},
}


def indicators(workspace: Path) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Measures by id, the rows that are scored, the profile."""
    text = (workspace / "indicators" / f"{YEAR}.yml").read_text(encoding="utf-8")
    system = yaml.safe_load(text.replace("year_end", f"DATE '{YEAR}-12-31'"))
    profile = yaml.safe_load((workspace / "profiles.yml").read_text(encoding="utf-8"))[system["profile"]]
    scored = [row for row in system["indicators"] if row["scoring"] != "execution"]
    return BUILT_IN | system["facts"] | {row["id"]: row["measure"] for row in scored}, scored, profile


def ratio(above: Decimal, below: Decimal) -> Decimal:
    return above * 100 / below


def score(scored: list[dict[str, Any]], profile: dict[str, Any], facts: dict[str, Decimal]) -> dict[str, str]:
    """Points by id, with the total and the grade."""
    points = {row["id"]: _points(row, profile, facts[row["id"]]) for row in scored}
    points["execution"] = _rounded(min(facts["execution_rate"] / 100, Decimal(1)) * profile["execution"])
    total = sum(points.values())
    grade = next(grade for grade, least in profile["grades"].items() if total >= least)
    return {name: written(value) for name, value in points.items()} | {"total": written(total), "grade": grade}


def _points(row: dict[str, Any], profile: dict[str, Any], value: Decimal) -> Decimal:
    weight = Decimal(str(row["weight"]))
    if row["scoring"] == "graded":
        name, (low, high) = next(band for band in row["bands"].items() if value >= band[1][0])
        least, most = profile["bands"][name]
        return _rounded(weight * (least + (min(value, Decimal(high)) - low) / (high - low) * (most - least)) / 100)
    sign, number, unit = re.fullmatch(r"([≥≤]?)([0-9.]+)(.*)", row["target"]).groups()
    target = Decimal(number) * (10000 if unit == "万元" else 1)
    is_met = value <= target if sign == "≤" else value >= target
    if is_met or row["scoring"] == "all_or_nothing":
        return weight if is_met else Decimal(0)
    return _rounded(weight * (target / value if sign == "≤" else value / target))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def written(value: Decimal | int) -> str:
    return format(round(Decimal(value), 10).normalize(), "f")


Finding = tuple[str, str, str, int, str]
"""Code, the ledger's title, column, row, value."""


def write_findings(path: Path, findings: list[Finding]) -> None:
    """Write every failing cell with what is wrong."""
    told = []
    for code, ledger, column, row, value in findings:
        message = f"{ledger}第{row}行“{column}”不符合要求（{code}）：{value}"
        told.append({"code": code, "ledger": ledger, "row": row, "column": column, "value": value, "message": message})
    path.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def summed(findings: Iterable[tuple[str, str | None, int | None]]) -> dict[str, list[int]]:
    """By code and ledger's title how many cells were found fault with, and the sum of their row numbers; of what all contestants check."""
    sums: dict[str, list[int]] = {}
    for code, ledger, row in (finding for finding in findings if finding[0] in CODES):
        entry = sums.setdefault(f"{code} {ledger}", [0, 0])
        entry[:] = [entry[0] + 1, entry[1] + (row or 0)]
    return sums


FILTERS = {
    "number": lambda value: f"{Decimal(written(value)):,}",
    "about": lambda value: str(value) if value < 10 or value % 10 == 0 else f"{value - value % 10}余",
    "wan": lambda value: f"{Decimal(written(value / 10000)):,}",
    "percent": lambda value: f"{written(_rounded(value))}%",
    "clause": lambda text: text.rstrip("。；，"),
    "quoted": lambda text: f"“{text}”",
}


def narrative(
    workspace: Path,
    scored: list[dict[str, Any]],
    facts: dict[str, Decimal],
    scores: dict[str, str],
    rows: dict[str, list[dict[str, Any]]],
) -> list[tuple[str, str]]:
    """Style and text of the report's paragraphs, from the workspace's own narrative."""
    settings = yaml.safe_load((workspace / "perfeval.yml").read_text(encoding="utf-8"))
    levels: dict[str, list[dict[str, Any]]] = {}
    for row in scored:
        levels.setdefault(row["level1"], []).append(row)
    table = [{**row, "actual": written(facts[row["id"]]), "score": Decimal(scores[row["id"]])} for row in scored]
    standings = [colour for *_, colour in standing(rows)]
    context = {
        **{name: settings[name] for name in ("bureau", "duties")},
        "unit": settings["unit"],
        "programme": settings["programmes"][0],
        "basis": yaml.safe_load((workspace / "years" / f"{YEAR}.yml").read_text(encoding="utf-8"))["basis"],
        "year": str(YEAR),
        "facts": facts,
        "rows": rows,
        "annexes": {"progress": {"yellow": standings.count("滞后"), "red": standings.count("严重滞后")}},
        "card": {
            "total": Decimal(scores["total"]),
            "full": Decimal(100),
            "grade": scores["grade"],
            "missed": [row for row in table if row["score"] < row["weight"]],
            "execution": {"score": Decimal(scores["execution"])},
            "levels": [
                {
                    "name": name,
                    "weight": Decimal(sum(row["weight"] for row in own)),
                    "score": sum(Decimal(scores[row["id"]]) for row in own),
                }
                for name, own in levels.items()
            ],
        },
    }
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= FILTERS
    source = (workspace / "report" / f"{YEAR}.md").read_text(encoding="utf-8").split("\n---\n", 1)[1]
    return list(_blocks(environment.from_string(source).render(context)))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Numbered headings and joined paragraphs."""
    counts = [0, 0, 0, 0]
    for block in re.split(r"\n{2,}|\n(?=#)|(?<=\n)(?=#)", text.strip()):
        heading, _, rest = block.strip().partition("\n") if block.lstrip().startswith("#") else ("", "", block)
        if heading:
            traits, _, title = heading.partition(" ")
            counts = [*counts[: len(traits) - 1], counts[len(traits) - 1] + 1, *[0] * (4 - len(traits))]
            yield f"Heading{len(traits)}", f"{'.'.join(map(str, counts[: len(traits)]))} {title}"
        if paragraph := "".join(line.strip() for line in rest.splitlines()):
            yield "BodyText", paragraph


def standing(rows: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[dict[str, Any], str, str, str]]:
    """Every project with its last month's percentages and its colour."""
    last = {month["project_no"]: month for month in sorted(rows["progress"], key=lambda month: month["month"])}
    for project in rows["projects"]:
        month = last.get(project["project_no"])
        behind = month["planned_pct"] - month["actual_pct"] if month else Decimal(0)
        colour = "" if month is None else "正常" if behind <= 0 else "滞后" if behind < 10 else "严重滞后"
        yield project, *((str(month["planned_pct"]), str(month["actual_pct"])) if month else ("", "")), colour


def annexes(
    scored: list[dict[str, Any]],
    facts: dict[str, Decimal],
    scores: dict[str, str],
    payments: list[list[str]],
    rows: dict[str, list[dict[str, Any]]],
) -> list[list[list[str]]]:
    """The three tables as rows of text; `payments` comes from whoever summed them."""
    table = [["一级指标", "二级指标", "三级指标", "指标值", "完成值", "分值", "得分"]]
    table += [
        [row["level1"], row["level2"], row["name"], row["target"], written(facts[row["id"]]), str(row["weight"]), scores[row["id"]]]
        for row in scored
    ]
    table += [
        [f"目标{goal['goal_no']}", goal["goal"], goal["status"], str(goal["completed_on"] or ""), "", "", ""] for goal in rows["goals"]
    ]
    colours = [["序号", "项目", "阶段", "计划", "实际", "评价"]]
    for number, (project, planned, actual, colour) in enumerate(standing(rows), start=1):
        colours.append([str(number), project["project_name"], project["stage"], planned, actual, colour])
    head = ["支出类别", "支付日期", "凭证号", "经济分类", "摘要", "收款人", "支付方式", "金额（元）"]
    return [table, [head, *payments], colours]


# What all contestants check; perfeval checks more.
CODES = frozenset(
    "L17 L18 V01 V02 V07 V08 V09 V10 V11 C08 C09 C35 C36 C37 X01 X02 X03 X04 X05 X06 X07 X08 X09 X10".split()  # noqa: SIM905
)
# Code → what in a sheet's XML stands for it, the cell in the first group.
XML_MARKS = {
    "L18": r'<mergeCell ref="([A-Z0-9:]+)"',
    "L17": r'<(?:row|col) [^>]*?(?:r="([0-9]+)")?[^>]*hidden="1"',
    "V10": r'<c r="([A-Z]+[0-9]+)"[^>]* t="e"',
    "V11": r'<c r="([A-Z]+[0-9]+)"[^>]*><f[^>]*>[^<]*</f>(?:<v ?/>|<v></v>|</c>)',
}
PROGRAMME = "ZDXM-2022-001"
PAPERS = ("plan_no", "application_no", "attachments", "approved_by", "approved_on")
PRINTED = ("goals", "projects", "progress", "evaluation_work")
LISTED = 10_000
"""More payments than this are not listed one by one in Word."""
