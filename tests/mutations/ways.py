"""Ways to spoil a ledger, as clerks, programs and damage do: a way takes a file's content and chance, and gives it back spoilt."""

# ruff: noqa: DTZ001  # a cell has no time zone

import io
import random
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import openpyxl
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

Way = Callable[[bytes, random.Random], bytes]
Change = Callable[[Worksheet, random.Random], object]

VALUES: tuple[Any, ...] = (
    None, "", " ", "0", 0, 0.1 + 0.2, -1, 1e15, 12345678901234567890, 123456789012345, 1.005, 0.005, 1e-7, True, date(2022, 3, 5),
    datetime(2022, 3, 5, 13, 30), time(8, 30), 44625, 44625.5, "2022-3-5", "2022.3.5", "2022年3月5日", "22.3.5", "20220305", "3月5日",
    "2022年03月05号", "2022-02-30", "2022-03", "１２３", "1,234", "1，234.50", "￥1,234.50", "1234元", "12.5万元", "（100）", "-100", "+5",
    "1 234.50", "壹仟元整", "1e5", "3,860元整", "1.23457e+17", "#N/A", "=1/0", "=SUM(1,2)", '=DISPIMG("ID_1",1)', "'0012", "无", "—",
    "合计", "小计：", "制表：某某", "年初预算", "年\u200b初预算", "XM-001\u200b", "No.31000037", "31000037.0", "A" * 40_000, "a\nb",
    "a_x0041_b", "<&>\"'", "\U00020bb7",
)  # fmt: skip
FORMATS = (
    "General", "0", "0.00", "#,##0.00", "0%", "0.00%", "yyyy-mm-dd", "m/d", "h:mm", "[h]:mm", "@", ";;;", '0.00"万元"', '0"人"', "0,",
    '0.00,"万"', '"记-"000', '@"号"', "￥#,##0.00", "000000", "[Red]-0.00", "0.00_);(0.00)", "[>100]0;[<0]-0;0.0", "0.0E+00", "# ?/?",
    '"停用"', "[DBNum1]0", "g/通用格式", '"', "[$-804]aaaa",
)  # fmt: skip
# In the order of a sheet: what stands below, above or beside its rows.
LINES = ("合计", "合 计（元）", "累计支出", "大写：壹仟元整", "制表人：某某  审核：某某", "单位：万元", "第1页")


def _saved(change: Change) -> Way:
    """A way that changes a workbook's first sheet by openpyxl."""

    def way(content: bytes, chance: random.Random) -> bytes:
        workbook, saved = openpyxl.load_workbook(io.BytesIO(content)), io.BytesIO()
        change(workbook.worksheets[0], chance)
        workbook.save(saved)
        return saved.getvalue()

    return way


def _cells(sheet: Worksheet, chance: random.Random) -> list[Any]:
    return [sheet.cell(chance.randint(1, sheet.max_row), chance.randint(1, sheet.max_column)) for _ in range(chance.randint(1, 8))]


def _values(sheet: Worksheet, chance: random.Random) -> None:
    for cell in _cells(sheet, chance):
        cell.value = chance.choice(VALUES)


def _formats(sheet: Worksheet, chance: random.Random) -> None:
    column, look = chance.randint(1, sheet.max_column), chance.choice(FORMATS)
    for (cell,) in sheet.iter_rows(2, sheet.max_row, column, column):
        cell.number_format = look
    for cell in _cells(sheet, chance):
        cell.number_format = chance.choice(FORMATS)


def _rows(sheet: Worksheet, chance: random.Random) -> None:
    """Rows come in between, go, or come again: the header, too."""
    row = chance.randint(1, sheet.max_row)
    chance.choice((sheet.insert_rows, sheet.delete_rows, lambda at, _: sheet.append([cell.value for cell in sheet[min(at, 2)]])))(row, 2)


def _lines(sheet: Worksheet, chance: random.Random) -> None:
    sheet.cell(sheet.max_row + chance.randint(1, 3), 1).value = chance.choice(LINES)
    sheet.cell(sheet.max_row, sheet.max_column).value = chance.choice((None, 1, "100.00"))
    sheet.parent.create_sheet(chance.choice(("Sheet2", "资金支出台账", "说明")))["A1"] = chance.choice(VALUES)


def _merged(sheet: Worksheet, chance: random.Random) -> None:
    row, column = chance.randint(1, sheet.max_row), chance.randint(1, sheet.max_column)
    sheet.merge_cells(None, row, column, row + chance.randint(1, 3), column + chance.randint(0, 2))


def _hidden(sheet: Worksheet, chance: random.Random) -> None:
    sheet.row_dimensions[chance.randint(1, sheet.max_row)].height = 0
    sheet.row_dimensions[chance.randint(1, sheet.max_row)].hidden = True
    sheet.column_dimensions[chance.choice("ABCDEF")].hidden = True
    sheet.sheet_state = chance.choice(("visible", "hidden"))


def _dressed(sheet: Worksheet, chance: random.Random) -> None:
    for cell in _cells(sheet, chance):
        cell.font, cell.hyperlink = Font(strike=True), "https://example.org/"


def _since_1904(sheet: Worksheet, chance: random.Random) -> None:
    sheet.parent.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for cell in _cells(sheet, chance):
        cell.value = datetime(2022, 3, 5)


def _stray(sheet: Worksheet, chance: random.Random) -> None:
    sheet[chance.choice(("XFD1", "A1048576", "XFD1048576", "ZZ9999", "AA50"))] = "x"


SHEET, BOOK, STYLES, TEXTS = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"
# In which part what is replaced by what.
REPLACEMENTS: tuple[tuple[str, str, str], ...] = (
    (SHEET, r'<c r="[A-Z]+[0-9]+"', "<c"),
    (SHEET, r'<row r="[0-9]+"', "<row"),
    (SHEET, r"<dimension [^>]*>", '<dimension ref="A1"/>'),
    (SHEET, r"<dimension [^>]*>", '<dimension ref="A1:XFD1048576"/>'),
    (SHEET, r'<c r="([A-Z]+)[0-9]+"', r'<c r="\g<1>5000000000"'),
    (SHEET, r'<c r="[A-Z]+', '<c r="AAAA'),
    (SHEET, r'<c r="([A-Z]+)', r'<c r="$\g<1>$'),
    (SHEET, r'(<c r="[A-Z]+[0-9]+")', r'\g<1> s="9999"'),
    (SHEET, r'(<c r="[A-Z]+[0-9]+")', r'\g<1> s="-1"'),
    (SHEET, r' t="(s|n|inlineStr)"', ' t="d"'),
    (SHEET, r' t="(s|n|inlineStr)"', ' t="b"'),
    (SHEET, r' t="(s|n|inlineStr)"', ' t="e"'),
    (SHEET, r' t="(s|n|inlineStr)"', ""),
    (SHEET, r"<v>[0-9.]+</v>", "<v>4294967296</v>"),
    (SHEET, r"<v>[0-9.]+</v>", "<v>-1</v>"),
    (SHEET, r"<v>[0-9.]+</v>", "<v>NaN</v>"),
    (SHEET, r"<v>[0-9.]+</v>", "<v>1E400</v>"),
    (SHEET, r"<v>[0-9.]+</v>", "<f>SUM(A1:A9)</f><v>0</v>"),
    (SHEET, r"<v>[0-9.]+</v>", "<f>1+1</f>"),
    (SHEET, r"<v>", "<v xml:space='preserve'> "),
    (SHEET, r"</row>", "</row><row/>"),
    (SHEET, r"<sheetData>", "<!-- <row r='1'><c r='A1'/></row> --><sheetData>"),
    (SHEET, r"</sheetData>", "</sheetData><sheetData/>"),
    (SHEET, r"</worksheet>", ""),
    (SHEET, r"<worksheet ", "<!DOCTYPE w [<!ENTITY a 'b'>]><worksheet "),
    (SHEET, r"</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="A2:XFD1048576"/></mergeCells>'),
    (SHEET, r"<sheetData>", '<cols><col min="1" max="16384" width="0" hidden="1"/></cols><sheetData>'),
    (BOOK, r"<calcPr [^>]*>", '<calcPr calcId="1" fullCalcOnLoad="1"/>'),
    (BOOK, r"<workbookPr[^>]*>", '<workbookPr date1904="1"/>'),
    (BOOK, r'r:id="[^"]*"', 'r:id="rId99"'),
    (BOOK, r'name="[^"]*"', 'name=""'),
    (BOOK, r'name="[^"]*"', 'name="资金支出台账"'),
    (BOOK, r"<sheets>", "<sheets><sheet/>"),
    (STYLES, r'numFmtId="0"', 'numFmtId="14"'),
    (STYLES, r'numFmtId="0"', 'numFmtId="abc"'),
    (STYLES, r"<cellXfs.*</cellXfs>", ""),
    (STYLES, r"^.*$", ""),
    (STYLES, r"<fonts", "<dxfs><dxf><numFmt numFmtId='164' formatCode='0%'/></dxf></dxfs><fonts"),
    (TEXTS, r"<si>", "<si><rPh sb='0' eb='1'><t>zhu</t></rPh>"),
    (TEXTS, r"<t>", "<t xml:space='preserve'> "),
    (TEXTS, r"</si>", "<r><rPr><strike/></rPr><t>删</t></r></si>"),
    (TEXTS, r"</sst>", ""),
    ("[Content_Types].xml", r"^.*$", ""),
    ("_rels/.rels", r"officeDocument", "nothing"),
    ("xl/_rels/workbook.xml.rels", r'Target="/?xl/', 'Target="../xl/'),
    ("xl/_rels/workbook.xml.rels", r'Target="', 'Target="../../../'),
)  # fmt: skip


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def _packed(package: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method, compresslevel=1) as target:
        for name, part in package.items():
            target.writestr(name, part)
    return content.getvalue()


def _replaced(content: bytes, chance: random.Random) -> bytes:
    package = _unpacked(content)
    name, pattern, new = chance.choice(REPLACEMENTS)
    text = package.get(name, b"").decode()
    places = list(re.finditer(pattern, text, re.DOTALL))
    few = chance.sample(places, min(len(places), chance.choice((1, 1, 3, 1000))))
    for place in sorted(few, key=re.Match.start, reverse=True):
        text = text[: place.start()] + place.expand(new) + text[place.end() :]
    return _packed(package | {name: text.encode()})


def _repacked(content: bytes, chance: random.Random) -> bytes:
    """The same parts, packed as other programs pack them."""
    package, named = _unpacked(content), chance.choice((r"\\", "/x/", "XL", ""))
    renamed = {name.replace("/", "\\") if named == r"\\" else name.replace("xl/", named + "/"): part for name, part in package.items()}
    more = chance.choice((
        {}, {SHEET: b"\xef\xbb\xbf" + package.get(SHEET, b"")}, {"customXml/item1.xml": "<a/>".encode("utf-16")},
        {f"xl/media/{number}.png": bytes(9) for number in range(2100)}, {"docProps/app.xml": bytes(17 << 20)},
    ))  # fmt: skip
    return _packed(chance.choice((package, package, renamed)) | more, chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def _bomb(content: bytes, chance: random.Random) -> bytes:
    """A sheet that grows when it is unpacked, drawn or counted."""
    package, start, end = _unpacked(content), "<sheetData>", "</sheetData>"
    row = "".join(f'<row r="{number}" ht="15"/>' for number in range(1000, 50_000))
    cells = "".join(f'<row r="{number}"><c r="B{number}" s="1"/></row>' for number in range(1000, 50_000))
    merged = "".join(f'<mergeCell ref="A{number}:B{number}"/>' for number in range(2, 20_000))
    new = chance.choice((start + " " * (8 << 20), row + end, cells + end, f"{end}<mergeCells>{merged}</mergeCells>"))
    return _packed(package | {SHEET: package[SHEET].decode().replace(start if start in new else end, new).encode()})


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """Bytes lost, turned over or added."""
    at, length = chance.randrange(len(content)), chance.choice((1, 20, 200, len(content)))
    return content[:at] + chance.choice((b"", chance.randbytes(min(length, 20)))) + content[at + chance.choice((0, length)) :]


def _written(change: Callable[[str, random.Random], str]) -> Way:
    """A way that changes the text of a csv."""
    return lambda content, chance: change(content.decode(), chance).encode("utf-8", "replace")


def _fields(text: str, chance: random.Random) -> str:
    """Cells as they are and as they are written: quoted, guarded, or neither, where they should be."""
    written = ('="0012"', "`0012", '"1,234.50"', '"a\nb"', '"a""b"', r'"a\"b"', 'a"b', "1,234.50")
    lines = [line.split(",") for line in text.split("\n")]
    for _ in range(chance.randint(1, 6)):
        line = chance.choice(lines)
        line[chance.randrange(len(line))] = str(chance.choice((*VALUES, *written)))
    return "\n".join(map(",".join, lines))


def _parted(text: str, chance: random.Random) -> str:
    new = {",": (";", "\t", "，", ", ", "|", ',"'), "\n": ("\r\n", "\r", "\n\n", "\n,,,,\n", "\x00\n", "\u2028")}
    old = chance.choice(list(new))
    return text.replace(old, chance.choice(new[old]), chance.choice((-1, 1, 30)))


def _lined(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    odd = [lines[0], lines[1], lines[-2] + ",1,234.50", "合计,,,,100", "", "," * 200, "x" * 70_000, *LINES]
    lines.insert(chance.randrange(len(lines)), chance.choice(odd))
    return "\n".join(lines)


def _encoded(content: bytes, chance: random.Random) -> bytes:
    encodings = ("utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "big5")
    return chance.choice((b"", b"", b"\xef\xbb\xbf")) + content.decode().encode(chance.choice(encodings), "replace")


# In the order in which one can follow another.
IN_WORKBOOKS = tuple(map(_saved, (_values, _formats, _values, _formats, _rows, _lines, _merged, _hidden, _dressed, _since_1904, _stray)))
WAYS: dict[str, tuple[Way, ...]] = {
    ".xlsx": (*IN_WORKBOOKS, _replaced, _replaced, _replaced, _replaced, _repacked, _bomb, _damaged),
    ".csv": (*map(_written, (_fields, _fields, _parted, _lined)), _encoded, _damaged),
}
