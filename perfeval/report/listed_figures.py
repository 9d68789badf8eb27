"""The figures of annexes followed to their rows (附表数字的来源): sums of payments, sums and bands of declared tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfeval.model import Ledgers
from perfeval.report.declaration import NOT_JUDGED, AnnexSetting
from perfeval.report.listed_table import grouped_rows
from perfeval.report.listing import ListedRow, Listing, list_rows

_PAID = re.compile("spent_(?:subtotal_(?P<place>[0-9]+)|total)")


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows of one ledger behind a figure: `columns` are added up, or, where `is_beside`, only looked at.

    Without columns the rows are counted.
    """

    formula: str
    ledger: str
    columns: tuple[str, ...]
    rows: Sequence[int]
    is_beside: bool = False


def find_listed(figure: str, declared: Sequence[AnnexSetting], ledgers: Ledgers, year: int) -> list[Listed]:
    """What stands behind a figure of the annexes; nothing for any other figure."""
    if paid := _PAID.fullmatch(figure):
        return [_payments(ledgers, paid["place"])]
    tables = (annex for annex in declared if annex.kind == "ledger" and figure.startswith(f"{annex.name}_"))
    return next((found for annex in tables if (found := list(_of_table(figure, list_rows(annex, ledgers, year))))), [])


def _payments(ledgers: Ledgers, place: str | None) -> Listed:
    rows = ledgers["expenditure"].frame.select("row", "category").to_dicts()
    if place is None:
        return Listed("合计资金支出台账的“金额”", "expenditure", ("amount_yuan",), [row["row"] for row in rows])
    category = list(dict.fromkeys(row["category"] for row in rows))[int(place) - 1]
    numbers = [row["row"] for row in rows if row["category"] == category]
    return Listed(f"合计资金支出台账中支出类别为“{category}”的“金额”", "expenditure", ("amount_yuan",), numbers)


def _of_table(figure: str, listing: Listing) -> Iterator[Listed]:
    setting = listing.setting
    if setting.colour:
        words = {band.key: f"评价为“{band.word}”" for band in setting.colour.bands} | {NOT_JUDGED: "没有评价"}
        for key, word in words.items():
            if figure == f"{setting.name}_{key}":
                judged = [row for row in listing.rows if (row.band.key if row.band else NOT_JUDGED) == key]
                yield from _rows(listing, f"统计附件“{setting.title}”中{word}的行数；{setting.colour.told}", (), judged)
    for column in listing.columns:
        if column.name in setting.totals:
            stem = f"{setting.name}_{column.name.replace('.', '_')}"
            groups: dict[str, tuple[str, Sequence[ListedRow]]] = {f"{stem}_total": ("", listing.rows)} | {
                f"{stem}_subtotal_{place}": (f"中“{name}”各行", rows)
                for place, (name, rows) in enumerate(grouped_rows(listing).items(), start=1)
            }
            if figure in groups:
                of, rows = groups[figure]
                yield from _rows(listing, f"合计附件“{setting.title}”{of}的“{column.header}”", (column.name,), rows)


def _rows(listing: Listing, formula: str, columns: tuple[str, ...], rows: Sequence[ListedRow]) -> Iterator[Listed]:
    """The table's own ledger, and the other one beside which it sets rows; what is added up is of one of them."""
    setting = listing.setting
    judged = columns or (setting.colour.columns if setting.colour else ())
    own = tuple(name for name in judged if "." not in name)
    is_own = bool(own) or not columns
    yield Listed(formula, setting.ledger, own if columns else (), [row.values["row"] for row in rows], is_beside=not is_own)
    if setting.latest and (joined := tuple(name.partition(".")[2] for name in judged if "." in name)):
        numbers = [row.values[f"{setting.latest.ledger}.row"] for row in rows if row.has_latest]
        yield Listed(formula, setting.latest.ledger, joined, numbers, is_beside=not columns)
