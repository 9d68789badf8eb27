"""Ways to spoil a ledger, as clerks, programs and damage do: each takes a file's content and a source of chance, and gives it back spoilt."""

import io
import random
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

# A stray cell far out makes a sheet long.
_MOST_ROWS = 100
Spoil = Callable[[bytes, random.Random], bytes]

VALUES: tuple[Any, ...] = (
    None, "", " ", "0", 0, 0.1 + 0.2, -1, 1e15, 12345678901234567890, 123456789012345, 1.005, 0.005, 1e-7, True, date(2022, 3, 5),
    datetime(2022, 3, 5, 13, 30), time(8, 30), 44625, 44625.5, "2022-3-5", "2022.3.5", "2022年3月5日", "22.3.5", "20220305", "3月5日",
    "2022-02-30", "2022-03", "１２３", "1,234", "1，234.50", "￥1,234.50", "1234元", "12.5万元", "（100）", "-100", "+5", "1 234.50", "壹仟元整",
    "1e5", "3,860元整", "1.23457e+17", "#N/A", "#DIV/0!", "=1/0", "=SUM(1,2)", '=DISPIMG("ID_1",1)', "'0012", "无", "—", "合计", "小计：",
    "制表：某某", "年初预算", "年\u200b初预算", "XM-001\u200b", "No.31000037", "31000037.0", "A" * 40_000, "a\nb", "a_x0041_b", "<&>\"'", "\U00020bb7",
)  # fmt: skip
FORMATS = (
    "General", "0", "0.00", "#,##0.00", "0%", "0.00%", "yyyy-mm-dd", "m/d", "h:mm", "[h]:mm", "@", ";;;", '0.00"万元"', '0"人"', "0,", '0.00,"万"',
    '"记-"000', '@"号"', "￥#,##0.00", "000000", "[Red]-0.00", "0.00_);(0.00)", "[>100]0;[<0]-0;0.0", "0.0E+00", "# ?/?", '"停用"', "[DBNum1]0", "g/通用格式", '"', "[$-804]aaaa",
)  # fmt: skip


def _in_workbook(change: Callable[[Worksheet, random.Random], object]) -> Spoil:
    def spoil(content: bytes, chance: random.Random) -> bytes:
        workbook = openpyxl.load_workbook(io.BytesIO(content))
        change(workbook.worksheets[0], chance)
        saved = io.BytesIO()
        workbook.save(saved)
        return saved.getvalue()

    return spoil


def _any_cell(sheet: Worksheet, chance: random.Random) -> Any:  # noqa: ANN401  # openpyxl's cell
    return sheet.cell(chance.randint(1, sheet.max_row + 1), chance.randint(1, sheet.max_column + 1))


def _values(sheet: Worksheet, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        _any_cell(sheet, chance).value = chance.choice(VALUES)


def _formats(sheet: Worksheet, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        _any_cell(sheet, chance).number_format = chance.choice(FORMATS)
    column, look = chance.randint(1, sheet.max_column), chance.choice(FORMATS)
    for (cell,) in sheet.iter_rows(2, min(sheet.max_row, _MOST_ROWS), column, column):
        cell.number_format = look


def _moved(sheet: Worksheet, chance: random.Random) -> None:
    row = chance.randint(1, sheet.max_row)
    move = chance.choice((sheet.insert_rows, sheet.delete_rows))
    move(row, chance.randint(1, 3))


def _copied(sheet: Worksheet, chance: random.Random) -> None:
    """A row, or the header, once more."""
    at = chance.choice((1, chance.randint(1, sheet.max_row)))
    sheet.append([cell.value for cell in sheet[at]])


def _added(sheet: Worksheet, chance: random.Random) -> None:
    """A total, a note, a title, a second sheet."""
    last = sheet.max_row + chance.randint(1, 3)
    sheet.cell(last, 1).value = chance.choice(
        ("合计", "合 计（元）", "累计支出", "大写：壹仟元整", "制表人：某某  审核：某某", "单位：万元")
    )
    sheet.cell(last, sheet.max_column).value = chance.choice((None, 1, "100.00"))
    sheet.parent.create_sheet(chance.choice(("Sheet2", "资金支出台账", "说明")))["A1"] = chance.choice(VALUES)


def _merged(sheet: Worksheet, chance: random.Random) -> None:
    row, column = chance.randint(1, sheet.max_row), chance.randint(1, sheet.max_column)
    sheet.merge_cells(start_row=row, start_column=column, end_row=row + chance.randint(1, 3), end_column=column + chance.randint(0, 2))


def _hidden(sheet: Worksheet, chance: random.Random) -> None:
    sheet.row_dimensions[chance.randint(1, sheet.max_row)].height = 0
    sheet.row_dimensions[chance.randint(1, sheet.max_row)].hidden = True
    sheet.column_dimensions[chance.choice("ABCDEF")].hidden = True
    sheet.sheet_state = chance.choice(("visible", "hidden"))


def _dressed(sheet: Worksheet, chance: random.Random) -> None:
    _any_cell(sheet, chance).font = Font(strike=True, bold=True)
    _any_cell(sheet, chance).comment = Comment("已核对", "某某")
    _any_cell(sheet, chance).hyperlink = "https://example.org/"


def _since_1904(sheet: Worksheet, chance: random.Random) -> None:
    sheet.parent.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    _any_cell(sheet, chance).value = datetime(2022, 3, 5)


def _stray(sheet: Worksheet, chance: random.Random) -> None:
    sheet[chance.choice(("XFD1", "A1048576", "XFD1048576", "ZZ9999", "AA50"))] = "x"


def parts(content: bytes) -> dict[str, bytes]:
    """A workbook's parts by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def zipped(package: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A package of parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as target:
        for name, part in package.items():
            target.writestr(name, part)
    return content.getvalue()


# Part, pattern, and what takes its place; the sheet's XML mostly.
_SHEET, _BOOK, _STYLES, _TEXTS = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"
REPLACEMENTS: tuple[tuple[str, str, str], ...] = (
    (_SHEET, r'<c r="[A-Z]+[0-9]+"', "<c"),
    (_SHEET, r'<row r="[0-9]+"', "<row"),
    (_SHEET, r"<dimension [^>]*>", '<dimension ref="A1"/>'),
    (_SHEET, r"<dimension [^>]*>", '<dimension ref="A1:XFD1048576"/>'),
    (_SHEET, r'<c r="([A-Z]+)[0-9]+"', r'<c r="\g<1>5000000000"'),
    (_SHEET, r'<c r="[A-Z]+', '<c r="AAAA'),
    (_SHEET, r'<c r="([A-Z]+)', r'<c r="$\g<1>$'),
    (_SHEET, r'(<c r="[A-Z]+[0-9]+")', r'\g<1> s="9999"'),
    (_SHEET, r'(<c r="[A-Z]+[0-9]+")', r'\g<1> s="-1"'),
    (_SHEET, r' t="(s|n|inlineStr)"', ' t="d"'),
    (_SHEET, r' t="(s|n|inlineStr)"', ' t="b"'),
    (_SHEET, r' t="(s|n|inlineStr)"', ' t="e"'),
    (_SHEET, r' t="(s|n|inlineStr)"', ""),
    (_SHEET, r"<v>[0-9.]+</v>", "<v>4294967296</v>"),
    (_SHEET, r"<v>[0-9.]+</v>", "<v>-1</v>"),
    (_SHEET, r"<v>[0-9.]+</v>", "<v>NaN</v>"),
    (_SHEET, r"<v>[0-9.]+</v>", "<v>1E400</v>"),
    (_SHEET, r"<v>[0-9.]+</v>", "<f>SUM(A1:A9)</f><v>0</v>"),
    (_SHEET, r"<v>[0-9.]+</v>", "<f>1+1</f>"),
    (_SHEET, r"<v>", "<v xml:space='preserve'> "),
    (_SHEET, r"</row>", "</row><row/>"),
    (_SHEET, r"<sheetData>", "<!-- <row r='1'><c r='A1'/></row> --><sheetData>"),
    (_SHEET, r"</sheetData>", "</sheetData><sheetData/>"),
    (_SHEET, r"</worksheet>", ""),
    (_SHEET, r"<worksheet ", "<!DOCTYPE w [<!ENTITY a 'b'>]><worksheet "),
    (_SHEET, r"<worksheet ", "<worksheet xml:space='preserve' "),
    (_SHEET, r"</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="A2:XFD1048576"/></mergeCells>'),
    (_SHEET, r"<sheetData>", '<cols><col min="1" max="16384" width="0" hidden="1"/></cols><sheetData>'),
    (_BOOK, r"<calcPr [^>]*>", '<calcPr calcId="1" fullCalcOnLoad="1"/>'),
    (_BOOK, r"<workbookPr[^>]*>", '<workbookPr date1904="1"/>'),
    (_BOOK, r'r:id="[^"]*"', 'r:id="rId99"'),
    (_BOOK, r'name="[^"]*"', 'name=""'),
    (_BOOK, r'name="[^"]*"', 'name="资金支出台账"'),
    (_BOOK, r"<sheets>", "<sheets><sheet/>"),
    (_STYLES, r'numFmtId="0"', 'numFmtId="14"'),
    (_STYLES, r'numFmtId="0"', 'numFmtId="abc"'),
    (_STYLES, r"<cellXfs.*</cellXfs>", ""),
    (_STYLES, r"^.*$", ""),
    (_STYLES, r"<fonts", "<dxfs><dxf><numFmt numFmtId='164' formatCode='0%'/></dxf></dxfs><fonts"),
    (_TEXTS, r"<si>", "<si><rPh sb='0' eb='1'><t>zhu</t></rPh>"),
    (_TEXTS, r"<t>", "<t xml:space='preserve'> "),
    (_TEXTS, r"</si>", "<r><rPr><strike/></rPr><t>删</t></r></si>"),
    (_TEXTS, r"</sst>", ""),
    ("[Content_Types].xml", r"^.*$", ""),
    ("_rels/.rels", r"officeDocument", "nothing"),
    ("xl/_rels/workbook.xml.rels", r'Target="/?xl/', 'Target="../xl/'),
    ("xl/_rels/workbook.xml.rels", r'Target="', 'Target="../../../'),
)  # fmt: skip


def _replaced(content: bytes, chance: random.Random) -> bytes:
    package = parts(content)
    for _ in range(chance.randint(1, 2)):
        name, pattern, new = chance.choice(REPLACEMENTS)
        text = package.get(name, b"").decode()
        places = list(re.finditer(pattern, text, re.DOTALL))
        for place in sorted(chance.sample(places, min(len(places), chance.choice((1, 1, 3, 1000)))), key=lambda place: -place.start()):
            text = text[: place.start()] + place.expand(new) + text[place.end() :]
        package[name] = text.encode()
    return zipped(package)


def _repacked(content: bytes, chance: random.Random) -> bytes:
    """The same parts, packed as other programs pack them."""
    package = parts(content)
    match chance.randint(0, 6):
        case 0:
            package = {name.replace("/", "\\"): part for name, part in package.items()}
        case 1:
            package = {f"/{name}": part for name, part in package.items()}
        case 2:
            package = {name.replace("xl/", "XL/"): part for name, part in package.items()}
        case 3:
            package |= {"customXml/item1.xml": '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16")}
        case 4:
            package |= {f"xl/media/image{number}.png": bytes(1000) for number in range(2100)}
        case 5:
            package |= {_SHEET: b"\xef\xbb\xbf" + package.get(_SHEET, b"")}
        case _:
            return zipped(package, zipfile.ZIP_STORED)
    return zipped(package)


def _bomb(content: bytes, chance: random.Random) -> bytes:
    """A part that grows when it is unpacked."""
    package = parts(content)
    sheet = package[_SHEET].decode()
    match chance.randint(0, 3):
        case 0:
            package[_SHEET] = sheet.replace("<sheetData>", "<sheetData>" + " " * (64 << 20)).encode()
        case 1:
            row = "".join(f'<row r="{number}" ht="15"/>' for number in range(1000, 400_000))
            package[_SHEET] = sheet.replace("</sheetData>", f"{row}</sheetData>").encode()
        case 2:
            merged = "".join(f'<mergeCell ref="A{number}:B{number}"/>' for number in range(2, 100_000))
            package[_SHEET] = sheet.replace("</sheetData>", f"</sheetData><mergeCells>{merged}</mergeCells>").encode()
        case _:
            package[_TEXTS] = b"<sst>" + b"<si><t>" + b"a" * (32 << 20) + b"</t></si></sst>"
    return zipped(package)


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """Bytes lost or turned over, in a csv as well."""
    data = bytearray(content)
    match chance.randint(0, 3):
        case 0:
            return bytes(data[: chance.randrange(len(data))])
        case 1:
            for _ in range(chance.randint(1, 20)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case 2:
            start = chance.randrange(len(data))
            del data[start : start + chance.randint(1, 200)]
        case _:
            data += bytes(chance.randrange(256) for _ in range(50))
    return bytes(data)


def _in_text(change: Callable[[str, random.Random], str | bytes]) -> Spoil:
    def spoil(content: bytes, chance: random.Random) -> bytes:
        text = change(content.decode("utf-8-sig"), chance)
        return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")

    return spoil


def _encoded(text: str, chance: random.Random) -> bytes:
    encoding = chance.choice(("utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-32", "big5"))
    marks = "\ufeff" * chance.randint(0, 2) if encoding == "utf-8-sig" else ""
    return (marks + text).encode(encoding, "replace")


def _ended(text: str, chance: random.Random) -> str:
    return text.replace("\n", chance.choice(("\r\n", "\r", "\n\n", "\n,,,,\n", "\x00\n", "\u2028")))


def _cells(text: str, chance: random.Random) -> str:
    lines = [line.split(",") for line in text.split("\n")]
    for _ in range(chance.randint(1, 6)):
        line = chance.choice(lines)
        line[chance.randrange(len(line))] = str(
            chance.choice((*VALUES, '="0012"', "`0012", '"1,234.50"', '"a\nb"', '"a""b"', r'"a\"b"', 'a"b'))
        )
    return "\n".join(",".join(line) for line in lines)


def _parted(text: str, chance: random.Random) -> str:
    return text.replace(",", chance.choice((";", "\t", "，", ", ", "|", ',"')), chance.choice((-1, 1, 30)))


def _lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    lines[at:at] = chance.choice(
        ([lines[0]], [lines[-2] + ",1,234.50"], ["合计,,,,100"], [""], ["," * 200], ["x" * 70_000], ["说明：样例"])
    )
    return "\n".join(lines)


IN_WORKBOOKS: Mapping[str, Spoil] = {
    "values": _in_workbook(_values), "more values": _in_workbook(_values), "formats": _in_workbook(_formats),
    "more formats": _in_workbook(_formats), "rows moved": _in_workbook(_moved), "rows copied": _in_workbook(_copied),
    "totals": _in_workbook(_added), "merged": _in_workbook(_merged), "hidden": _in_workbook(_hidden), "dressed": _in_workbook(_dressed),
    "1904": _in_workbook(_since_1904), "stray": _in_workbook(_stray), "XML": _replaced, "XML 2": _replaced, "XML 3": _replaced,
    "zip": _repacked, "bomb": _bomb, "damage": _damaged,
}  # fmt: skip
IN_TEXT: Mapping[str, Spoil] = {
    "encoding": _in_text(_encoded), "line ends": _in_text(_ended), "cells": _in_text(_cells), "more cells": _in_text(_cells),
    "commas": _in_text(_parted), "lines": _in_text(_lines), "damage": _damaged,
}  # fmt: skip
