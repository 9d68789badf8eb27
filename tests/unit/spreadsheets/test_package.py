"""Files that are no workbook, broken ones, and those made to harm: each refused with one clear reason, quickly."""

import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook

from perfeval.spreadsheets import Sheet

Sheets = Callable[[Path], Sequence[Sheet]]
Rows = Callable[[Path], list[tuple[object, ...]]]
Refusal = Callable[[Path], tuple[str, str]]

NAME = "满意度调查台账.xlsx"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEADER = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>问卷编号</t></is></c><c r="B1" t="inlineStr"><is><t>调查日期</t></is></c>'
    '<c r="C1" t="inlineStr"><is><t>对象类别</t></is></c><c r="D1" t="inlineStr"><is><t>评价</t></is></c></row>'
)
ROW = (
    '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>44625</v></c><c r="C2" t="inlineStr"><is><t>企业</t></is></c>'
    '<c r="D2" t="inlineStr"><is><t>满意</t></is></c></row>'
)
WORKBOOK = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>'


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """Build a workbook by hand from the XML of its one sheet."""

    def built(rows: str, *, sheet: str | None = None, workbook: str = WORKBOOK, more: dict[str, bytes] | None = None) -> Path:
        parts = {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/workbook.xml": workbook,
            "xl/worksheets/sheet1.xml": sheet
            if sheet is not None
            else f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
            **(more or {}),
        }
        with zipfile.ZipFile(tmp_path / NAME, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in parts.items():
                package.writestr(name, content)
        return tmp_path / NAME

    return built


def test_workbook_built_by_hand_is_read(build: Callable[..., Path], read_rows: Rows) -> None:
    assert read_rows(build(HEADER + ROW)) == [(1, "问卷编号", "调查日期", "对象类别", "评价"), (2, "1", "44625", "企业", "满意")]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("凭证号,支付日期\n".encode(), "L01", "文件内容是文本，不是 Excel 工作簿，可能只是改了扩展名。"),
        (b"", "L07", "文件是空的（0 字节）。"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "L01", "文件是旧版 Excel（.xls）或 WPS 格式。"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "L02",
            "文件设有打开密码，程序不能读取。",
        ),
        (b"PK\x03\x04" + bytes(600), "L03", "文件已损坏或不完整，无法打开。"),
        (b"\x89PNG\r\n\x1a\n" + bytes(600), "L03", "文件已损坏或不完整，无法打开。"),
    ],
)
def test_file_that_is_no_workbook_is_refused(tmp_path: Path, refusal: Refusal, content: bytes, code: str, message: str) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert refusal(tmp_path / NAME)[0] == code
    assert refusal(tmp_path / NAME)[1].startswith(message)


@pytest.mark.parametrize(
    "name", ["满意度调查台账.xls", "满意度调查台账.xlsm", "满意度调查台账.xlsb", "满意度调查台账.et", "满意度调查台账.ods"]
)
def test_workbook_of_another_type_is_refused_by_its_name(tmp_path: Path, refusal: Refusal, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    assert refusal(tmp_path / name)[0] == "L01"


def test_truncated_workbook_is_refused(build: Callable[..., Path], refusal: Refusal) -> None:
    path = build(HEADER + ROW)
    path.write_bytes(path.read_bytes()[:-400])
    assert refusal(path)[0] == "L03"


def test_workbook_with_damaged_content_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    workbook = Workbook()
    workbook.active.append(["问卷编号", "调查日期", "对象类别", "评价"])
    workbook.save(tmp_path / NAME)
    content = bytearray((tmp_path / NAME).read_bytes())
    start = content.index(b"xl/worksheets/sheet1.xml") + 60
    content[start : start + 40] = bytes(40)
    (tmp_path / NAME).write_bytes(content)
    assert refusal(tmp_path / NAME)[0] == "L03"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"xl/vbaProject.bin": b"macro"}, "L01"),
        ({"xl/sharedStrings.xml": b'<!DOCTYPE s [<!ENTITY a "aaaa">]><sst/>'}, "L05"),
        ({"xl/sharedStrings.xml": b"<sst>\x00</sst>"}, "L05"),
        ({"xl/sharedStrings.xml": "<sst/>".encode("utf-16")}, "L03"),
        ({"xl/sharedStrings.xml": b"\xff<sst/>"}, "L03"),
        ({"xl/sharedStrings.xml": bytes(100 << 20)}, "L04"),
        ({f"xl/media/{number}.png": b"" for number in range(2000)}, "L04"),
        ({"xl/styles.xml": b"<styleSheet>"}, "L03"),
    ],
)
def test_workbook_with_harmful_parts_is_refused(build: Callable[..., Path], refusal: Refusal, parts: dict[str, bytes], code: str) -> None:
    assert refusal(build(HEADER + ROW, more=parts))[0] == code


def test_workbook_that_lies_about_its_size_is_refused(build: Callable[..., Path], refusal: Refusal) -> None:
    path = build(HEADER + ROW, more={"xl/sharedStrings.xml": b" " * 30_000_001})
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 30_000_001), struct.pack("<I", 1_000)))
    assert refusal(path)[0] == "L03"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "L04"),
        ('<row r="1048576"><c r="Z1048576"><v>1</v></c></row>', "L04"),
        ('<row r="4294967296"><c r="A4294967296"><v>1</v></c></row>', "L03"),
        ('<row r="3"><c r="ZZZZZZ3"><v>1</v></c></row>', "L03"),
        ('<row r="3"><c r="A0"><v>1</v></c></row>', "L03"),
        ('<row r="3"><c r="A3" t="s"><v>99</v></c></row>', "L03"),
        ('<row r="3"><c r="A3"><v>1', "L03"),
    ],
)
def test_sheet_with_absurd_cells_is_refused(build: Callable[..., Path], refusal: Refusal, rows: str, code: str) -> None:
    assert refusal(build(HEADER + ROW + rows))[0] == code


def test_sheet_that_claims_a_giant_extent_is_read(build: Callable[..., Path], read_rows: Rows) -> None:
    sheet = f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>{HEADER}{ROW}</sheetData></worksheet>'
    assert len(read_rows(build("", sheet=sheet))) == 2


def test_sheet_with_very_many_blank_formatted_rows_is_read(build: Callable[..., Path], read_rows: Rows) -> None:
    blank = "".join(f'<row r="{row}" s="1" customFormat="1"><c r="A{row}" s="1"/><c r="D{row}" s="1"/></row>' for row in range(3, 200_000))
    assert len(read_rows(build(HEADER + ROW + blank))) == 2


def test_stray_cell_at_the_last_row_of_a_narrow_sheet_is_read(build: Callable[..., Path], read_rows: Rows) -> None:
    stray = '<row r="1048576"><c r="D1048576" t="inlineStr"><is><t>x</t></is></c></row>'
    assert read_rows(build(HEADER + ROW + stray))[2] == (1048576, None, None, None, "x")


def test_sheet_with_a_namespace_prefix_is_looked_through(build: Callable[..., Path], sheets: Sheets) -> None:
    rows = f'{HEADER}{ROW}<row r="3"><c r="A3" t="e"><v>#REF!</v></c><c r="B3"><f>1+1</f></c></row>'
    prefixed = rows.replace("</", "\0").replace("<", "<x:").replace("\0", "</x:")
    (sheet,) = sheets(build("", sheet=f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{prefixed}</x:sheetData></x:worksheet>'))
    assert (sheet.traits.errors, sheet.traits.uncomputed) == ({(3, "A"): "#REF!"}, {(3, "B")})


def test_shared_formula_without_result_is_found_and_empty_text_result_is_not(build: Callable[..., Path], sheets: Sheets) -> None:
    row = ROW.replace('<c r="A2"><v>1</v></c>', '<c r="A2"><f t="shared" si="0"/></c>')
    text = '<row r="3"><c r="B3" t="str"><f>IF(1,"","")</f><v></v></c></row>'
    (sheet,) = sheets(build(HEADER + row + text))
    assert sheet.traits.uncomputed == {(2, "A")}


@pytest.mark.parametrize(
    ("part", "relation"),
    [
        ("xl/_rels/workbook.xml.rels", f'Type="{OFFICE}/worksheet" Target="../../../../etc/passwd"'),
        ("xl/_rels/workbook.xml.rels", f'Type="{OFFICE}/worksheet" Target="worksheets/../sheet.xml"'),
        ("_rels/.rels", f'Type="{OFFICE}/officeDocument" Target="other/workbook.xml"'),
    ],
)
def test_workbook_that_leads_elsewhere_is_refused(build: Callable[..., Path], refusal: Refusal, part: str, relation: str) -> None:
    rels = f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" {relation}/></Relationships>'
    assert refusal(build(HEADER + ROW, more={part: rels.encode()}))[0] == "L03"
