"""Finding a ledger's columns on a sheet (表头): header row, column letters, units."""

import functools
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from perfeval.codes import Code
from perfeval.ledgers.layout import Heads, Layout
from perfeval.ledgers.units import SYNONYMS, doubled_units
from perfeval.model import Finding, Severity
from perfeval.spreadsheets import HEAD, Sheet, index_of
from perfeval.texts import normal
from schemas import Catalogue, Column, Kind, LedgerModel

_UNITS = {Kind.MONEY: ("元", "万元"), Kind.PERCENT: ("%",)}
_ALIKE = 0.7
# How forms mark a column that must be filled, the brackets they use, and how they say a unit in other words than 金额（元）: 金额/元.
_MARKS = re.compile(r"^\*+|[*:]+$|\((?:必填|选填)\)$")
_BRACKETS = str.maketrans(dict.fromkeys("[{<〔〈《", "(") | dict.fromkeys("]}>〕〉》", ")"))
_AROUND_UNIT = re.compile("^(?:[-/:,、_|(]|单位为?|计量|人民币|RMB|CNY|[￥¥])+|(?:人民币|[|)])+$", re.IGNORECASE)


def find_layout(model: type[LedgerModel], sheet: Sheet, catalogue: Catalogue) -> tuple[Layout | None, list[Finding]]:
    """Find the header row and every column; without a complete header there is no layout, and the findings say what to do.

    Raises: RefusedFileError: the sheet cannot be read.
    """
    title, head = model.ledger_title(), _head(sheet)
    row = _header_row(model, head)
    letters, units = _match(model, head[row - 1]) if row else ({}, {})
    if len(letters) < len(_expected(model)) and (other := _better_model(model, head, catalogue)):
        message = f"这里应是《{title}》，这些表头却像是《{other.ledger_title()}》。请检查文件或工作表是否放错、名称是否写错。"
        return None, [sheet.finding(Code.SWAPPED, message, ledger=title, row=row)]
    if row is None:
        expected = "、".join(column.header for column in _expected(model))
        message = f"前{HEAD}行里没有找到《{title}》的表头。表头应包括：{expected}。{'' if sheet.name else 'CSV 各栏之间要用英文逗号分隔。'}"
        return None, [sheet.finding(Code.NO_HEADER, message, ledger=title)]
    findings = [
        *_missing(model, sheet, head[row - 1], row, letters),
        *_doubled(model, sheet, row, letters),
        *_without_unit(model, sheet, head[row - 1], row, letters, units),
    ]
    if findings:
        return None, findings
    places = {name: found[0] for name, found in letters.items()}
    columns = tuple(column for column in model.columns() if column.name in places)
    named = {name: units[letter] for name, letter in places.items()}
    layout = Layout(row, places, named, columns, max(head[row - 1], key=index_of), head[:row])
    return layout, [*_unknown(model, sheet, layout, head), *doubled_units(model, sheet, layout)]


def likely_model(head: Heads, catalogue: Catalogue) -> type[LedgerModel] | None:
    """The ledger whose headers a sheet has, when it has at least half of them."""
    head = _seen(head)
    scores = {model: _most_known(model, head) / len(model.columns()) for model in catalogue.values()}
    best = max(scores, key=lambda model: scores[model])
    return best if scores[best] >= 0.5 else None  # noqa: PLR2004  # half, as said


def _head(sheet: Sheet) -> Heads:
    """The first rows; a cell merged downwards stands in each of its rows, as above a header in two rows."""
    head = [dict(cells) for cells in _seen(sheet.head())]
    for area in sheet.traits.merged:
        letter, first, _, last = re.findall("[A-Z]+|[0-9]+", area)
        if int(first) < int(last) <= len(head) and letter in head[int(first) - 1]:
            for cells in head[int(first) : int(last)]:
                cells[letter] = head[int(first) - 1][letter]
    return head


def _seen(head: Heads) -> Heads:
    """Without cells in which nothing is seen."""
    return [{letter: text for letter, text in cells.items() if normal(text)} for cells in head]


def _expected(model: type[LedgerModel]) -> list[Column]:
    return [column for column in model.columns() if not column.may_be_absent]


def _units(column: Column) -> tuple[str, ...]:
    """The units that a column's header may say; none where it says none."""
    return _UNITS.get(column.kind, (normal(column.unit),) if column.unit else ())


@functools.lru_cache(4096)
def _plain(header: str) -> str:
    """A header as compared."""
    return _MARKS.sub("", normal(header).translate(_BRACKETS))


@functools.lru_cache(4096)
def _words(column: Column) -> str:
    """A column's header as compared, without the unit."""
    words, bracket, _ = _plain(column.header).rpartition("(")
    return words if bracket and _units(column) else _plain(column.header)


@functools.lru_cache(4096)
def _column(model: type[LedgerModel], header: str) -> tuple[Column, str] | None:
    """The column that a header stands for, and the unit that it says: 金额（元）, 金额/元, 金额元, 金额（单位：元）."""
    plain = _plain(header)
    for column in model.columns():
        words = _words(column)
        rest = plain.removeprefix(words)
        if rest == plain and plain != words:
            continue
        if not _units(column):
            if not rest:
                return column, ""
            continue
        said = _AROUND_UNIT.sub("", rest)
        unit = next((unit for unit in _units(column) if said.lower() in {unit.lower(), *SYNONYMS.get(unit, ())}), said)
        if not unit or unit in SYNONYMS or unit in _units(column) or re.fullmatch(r"\([^()]*\)", rest):
            return column, unit
    return None


def _match(model: type[LedgerModel], cells: Mapping[str, str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The letters of each column's headers, and the unit that stands in each header."""
    found = {letter: match for letter, text in cells.items() if (match := _column(model, text))}
    exact = {column.name for column, unit in found.values() if unit in _units(column)}
    letters: dict[str, list[str]] = {}
    units: dict[str, str] = {}
    for letter, (column, unit) in found.items():
        # 金额, 金额（千元） are taken for the amount and refused for their unit; 金额（大写） is another column. A quantity may have any
        # unit, so where its own header is there, the same words with another are another column.
        is_other = unit and unit not in _units(column) and (column.name in exact if column.unit else not unit.endswith("元"))
        if not is_other:
            letters.setdefault(column.name, []).append(letter)
            units[letter] = unit
    return letters, units


def _most_known(model: type[LedgerModel], head: Heads) -> int:
    return max((len(_match(model, cells)[0]) for cells in head), default=0)


def _header_row(model: type[LedgerModel], head: Heads) -> int | None:
    """The first row with at least half of the known headers, else the one with most of them, if two or more.

    Of a header in two rows, the one with more.
    """
    known = [len(_match(model, cells)[0]) for cells in head]
    most = max(known, default=0)
    enough = (len(_expected(model)) + 1) // 2
    if most < 2:  # noqa: PLR2004  # one known word may stand in a title
        return None
    row = next(row for row, count in enumerate(known, 1) if count >= min(most, enough))
    return row + 1 if row < len(known) and known[row] > known[row - 1] else row


def _better_model(model: type[LedgerModel], head: Heads, catalogue: Catalogue) -> type[LedgerModel] | None:
    """Another ledger whose headers fit better than those of `model`."""
    likely = likely_model(head, catalogue)
    return likely if likely and _most_known(likely, head) > _most_known(model, head) else None


def _missing(
    model: type[LedgerModel], sheet: Sheet, cells: Mapping[str, str], row: int, letters: Mapping[str, Sequence[str]]
) -> list[Finding]:
    missing = [column for column in _expected(model) if column.name not in letters]
    if not missing:
        return []
    known = {letter for places in letters.values() for letter in places}
    unknown = {_plain(text): f"{letter}{row}“{text.strip()}”" for letter, text in cells.items() if letter not in known}
    told = "、".join(f"{column.header}{_similar(column, unknown)}" for column in missing)
    message = f"缺少栏目：{told}。请在表头行（第{row}行）补上；没有内容的栏目也要保留表头，单元格可以空着。"
    return [sheet.finding(Code.NO_COLUMN, message, ledger=model.ledger_title(), row=row)]


def _similar(column: Column, unknown: Mapping[str, str]) -> str:
    """Names a header that may be meant for a column: 下达日期（年月日）, 发票号."""
    words = _words(column)
    alike = [header for header in unknown if header.startswith(words)] or get_close_matches(words, unknown, n=1, cutoff=_ALIKE)
    return f"（{unknown[alike[0]]}像是它，是的话请改名）" if alike else ""


def _doubled(model: type[LedgerModel], sheet: Sheet, row: int, letters: Mapping[str, Sequence[str]]) -> list[Finding]:
    return [
        sheet.finding(
            Code.DOUBLE_COLUMN,
            f"“{column.header}”出现了{len(places)}次（{'、'.join(f'{letter}{row}' for letter in places)}）。请只保留一栏，其余删除或改名。",
            ledger=model.ledger_title(),
            row=row,
            letter=places[1],
            column=column.header,
        )
        for column in model.columns()
        if len(places := letters.get(column.name, ())) > 1
    ]


def _without_unit(
    model: type[LedgerModel],
    sheet: Sheet,
    cells: Mapping[str, str],
    row: int,
    letters: Mapping[str, Sequence[str]],
    units: Mapping[str, str],
) -> list[Finding]:
    return [
        sheet.finding(
            Code.NO_UNIT,
            _say_unit(column, units[letter]),
            ledger=model.ledger_title(),
            row=row,
            letter=letter,
            column=column.header,
            value=cells[letter],
        )
        for column in model.columns()
        if _units(column)
        for letter in letters.get(column.name, ())
        if units[letter] not in _units(column)
    ]


def _say_unit(column: Column, unit: str) -> str:
    if unit and column.unit:
        return f"单位应是{column.unit}，这里是{unit}。请把各行换算成{column.unit}，并把表头改为：{column.header}。"
    base = re.sub("[（(][^（(]*$", "", column.header)
    headers = " 或 ".join(f"{base}（{unit}）" for unit in _units(column))
    return f"表头要写明单位：{headers}。不写明单位就不知道数字是多少，程序不作猜测。"


def _unknown(model: type[LedgerModel], sheet: Sheet, layout: Layout, head: Heads) -> list[Finding]:
    """Columns that take no part: told, so that nobody believes they are counted."""
    title, row = model.ledger_title(), layout.header_row
    extra = {letter: text for letter, text in head[row - 1].items() if letter not in layout.letters.values()}
    findings = []
    if extra:
        names = "、".join(f"{text}（{letter}栏）" for letter, text in extra.items())
        message = f"多出的栏目不参与计算，随原件保存：{names}。"
        findings.append(sheet.finding(Code.EXTRA_COLUMN, message, severity=Severity.NOTE, ledger=title, row=row))
    nameless = sorted({letter for cells in head[row:] for letter in cells if letter not in head[row - 1]}, key=index_of)
    if nameless and sheet.name is not None:
        message = f"{'、'.join(nameless)}栏有内容但没有表头，不参与计算。请确认是否漏写表头。"
        findings.append(sheet.finding(Code.EXTRA_COLUMN, message, severity=Severity.WARNING, ledger=title, row=row))
    return findings
