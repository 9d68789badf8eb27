"""Every figure of the sample's report followed on its page to cells, and computed again from what openpyxl reads in these."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from perfeval.model import Revision
from perfeval.model.outcomes import Drafted
from perfeval.report import read_text

BUREAU = "样例乙"
PLACES = Decimal("0.000001")
# By the rules of the year and its settings, or by a person: no ledger has them.
WITHOUT_ROWS = re.compile("weight_(?!total|level).+|mechanism|unit_founded_on")


@dataclass(frozen=True)
class Shown:
    """What a figure's page shows: value, how it was computed, other figures, and for each ledger the sentence and its cells."""

    value: str
    formula: str
    terms: list[tuple[str, str]]
    parts: list[tuple[str, list[Any]]]


def opened(client: Any, path: str, ledgers: Path) -> Shown:
    page = client.get(path).text
    (value,), (formula,) = (re.findall(rf'id="{name}">([^<]*)<', page) for name in ("value", "formula"))
    terms = re.findall(r'<td class="number"><a class="figure" href="([^"]+)">([^<]*)<', page)
    pages = [
        page,
        *(client.get(f"{path}?page={number}").text for number in range(2, int(*re.findall("共 ([0-9]+) 页", page) or ["1"]) + 1)),
    ]
    parts: list[tuple[str, list[Any]]] = []
    for place, section in enumerate(sections(page)):
        rows = [row for each in pages for row in addresses(sections(each)[place], ledgers)]
        parts.append((html.unescape("".join(re.findall("<p>(?!只用来)(.*?)。共", section))), rows))
    return Shown(value.strip(), html.unescape(formula), terms, [(told, rows) for told, rows in parts if told])


def sections(page: str) -> list[str]:
    return page.split('<section class="part')[1:]


def addresses(section: str, ledgers: Path) -> Iterator[Any]:
    """What stands in the cells that the rows of a section name; of a row that is only counted, its first cell."""
    (sheet,) = re.findall("工作表：<code>([^<]*)</code>", section)
    file, _, title = html.unescape(sheet).partition("!")
    for address in re.findall('<td data-label="位置"><code>([^<]*)</code>', section):
        first = address.partition("、")[0]
        yield workbook(ledgers / file)[title][re.sub("第([0-9]+)行", r"A\1", first)].value


@cache
def workbook(path: Path) -> Any:
    return openpyxl.load_workbook(path, data_only=True)


def computed(told: str, cells: list[Any]) -> Decimal | date:
    """What the sentence of a part comes to on its cells."""
    assert None not in cells
    if "不同的值" in told:
        return Decimal(len(set(cells)))
    if told.startswith("统计"):
        return Decimal(len(cells))
    if told.startswith("合计"):
        return sum(map(money, cells), Decimal(0)) * (10_000 if "万元折算为元" in told else 1)
    if told.startswith("平均"):
        return sum(map(money, cells), Decimal(0)) / len(cells)
    (cell,) = cells
    return cell.date() if isinstance(cell, datetime) else Decimal(str(cell))


def money(cell: Any) -> Decimal:
    return Decimal(str(cell).replace(",", ""))


def recomputed(shown: Shown) -> Decimal | date | None:
    """The figure, from its cells or from the figures that it is made of."""
    if shown.formula == "以下各项之和":
        return sum((Decimal(value) for _, value in shown.terms), Decimal(0))
    if shown.formula.startswith("统计未完成"):
        return Decimal(len(shown.terms))
    values = [computed(told, cells) for told, cells in shown.parts]
    if "）÷（" in shown.formula:
        above, below = (value for value in values if isinstance(value, Decimal))
        return above / below * (100 if shown.formula.endswith("×100%") else 1)
    return values[0] if values else None


def stated(value: str) -> Decimal | str:
    number = re.match(r"-?[0-9,]+(?:\.[0-9]+)?(?!年)(?= |$)", value)
    return Decimal(number[0].replace(",", "")) if number else value


def test_every_figure_of_the_report_leads_to_cells_that_give_it(house: Any) -> None:
    with house.office.store.reading() as record:
        drafted = record.outcome(Revision(house.evaluation, 1), Drafted)
    client, ledgers = house.client(BUREAU), house.office.workspace.root / "ledgers" / "2022"
    without, followed = set(), 0
    page = client.get(house.page).text
    for figure in dict.fromkeys(item.id for item in drafted.figures):
        path = f"{house.page}/figure/{figure}"
        assert f'href="{path}"' in page
        shown = opened(client, path, ledgers)
        found = recomputed(shown)
        if found is None:
            assert shown.terms == [] or figure == "mechanism" or re.match("score_", figure), figure
            without |= set() if figure.startswith("score_") else {figure}
            continue
        followed += 1
        expected = f"{found.year}年{found.month}月{found.day}日" if isinstance(found, date) else found.quantize(PLACES)
        value = stated(shown.value)
        assert (value.quantize(PLACES) if isinstance(value, Decimal) else value) == expected, (figure, shown)
    assert followed > 90
    assert [figure for figure in without if not WITHOUT_ROWS.fullmatch(figure)] == []


def test_every_figure_is_kept_with_its_place_in_the_text(house: Any) -> None:
    with house.office.store.reading() as record:
        drafted = record.outcome(Revision(house.evaluation, 1), Drafted)
    paragraphs = read_text(house.office.store.artifacts.read(drafted.draft.digest))
    placed = [
        paragraphs[number][start : start + len(figure.text)]
        for figure, (number, start) in zip(drafted.figures, drafted.places, strict=True)
    ]
    assert placed == [figure.text for figure in drafted.figures]
    assert len(placed) == 152


def test_ratio_shows_its_two_parts_by_name_and_not_far_apart(house: Any) -> None:
    page = house.client(BUREAU).get(f"{house.page}/figure/execution_rate").text
    assert "<h1>预算执行率<small>" in page
    assert page.count('<th class="counted">金额（元）</th>') == 2
    assert '<td data-label="支付日期" class="short">' in page
    for role, ledger in (("分子", "资金支出台账"), ("分母", "预算指标台账")):
        assert f'<a href="#{role}">{role}：' in page
        assert f'id="{role}">\n<h2>{role} · {ledger}' in page
    assert max(section.count("<tr>") for section in sections(page)) == 21


@pytest.mark.parametrize(("figure", "leads_to"), [("score_five_ones", "five_ones"), ("score_execution", "execution_rate")])
def test_points_lead_to_the_figure_that_they_were_given_for(house: Any, figure: str, leads_to: str) -> None:
    page = house.client(BUREAU).get(f"{house.page}/figure/{figure}").text
    assert f'href="{house.page}/figure/{leads_to}"' in page
