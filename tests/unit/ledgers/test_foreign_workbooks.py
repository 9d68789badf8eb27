"""Workbooks as other programs write them, and what a clerk sees in them that is not in the values."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.formatting.rule import FormulaRule, Rule
from openpyxl.styles import Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from perfeval.ledgers import Reading, annotate, receive

Read = Callable[[], Reading]
Found = Callable[[], list[tuple[str, str | None, str | None]]]
Write = Callable[..., None]

BUDGET = "预算指标台账.xlsx"
SHEET = "xl/worksheets/sheet1.xml"
X15 = (
    '<extLst><ext uri="{140A7094-0E35-4892-8432-C4D2E57EDEB5}" xmlns:x15="http://schemas.microsoft.com/office/spreadsheetml/2010/11/main">'
    '<x15:workbookPr chartTrackingRefBase="1"/></ext></extLst>'
)
ON_LOAD = '<calcPr calcId="124519" fullCalcOnLoad="1"/>'
SAVED = '<calcPr calcId="191029"/>'


def rewrite(path: Path, part: str, old: str, new: str, *, name: str | None = None) -> None:
    """Change a part of a workbook behind openpyxl's back; `name` renames it."""
    with ZipFile(path) as package:
        parts = {entry: package.read(entry).decode() for entry in package.namelist()}
    assert re.search(old, parts[part])
    changed = re.sub(old, lambda _: new, parts.pop(part)) if old else parts.pop(part)
    with ZipFile(path, "w") as package:
        for entry, content in (parts | {name or part: changed}).items():
            package.writestr(entry, content)


def put(path: Path, cell: str) -> None:
    """Put a cell in the place of the one that is there."""
    rewrite(path, SHEET, f'<c r="{cell[6:8]}"[^>]*>.*?</c>', cell)


def share(path: Path, text: str, part: str = "xl/sharedStrings.xml") -> None:
    """Put a shared text into F2."""
    put(path, '<c r="F2" t="s"><v>0</v></c>')
    with ZipFile(path, "a") as package:
        package.writestr(part, f"<sst><si>{text}</si></sst>")


def told(reading: Reading) -> list[tuple[str, str, str | None]]:
    return [(finding.code, finding.severity, finding.message) for finding in reading.findings]


@pytest.mark.parametrize("flag", ["1", "true"])
def test_days_counted_from_1904_are_read_whatever_excel_appends(write_budget: Write, read: Read, folder: Path, flag: str) -> None:
    def count_from_1904(workbook: Workbook) -> None:
        workbook.epoch = CALENDAR_MAC_1904
        workbook.active["B2"] = date(2022, 3, 5)

    write_budget(change=count_from_1904)
    rewrite(folder / BUDGET, "xl/workbook.xml", 'date1904="1"', f'date1904="{flag}"')
    rewrite(folder / BUDGET, "xl/workbook.xml", "</workbook>", f"{X15}</workbook>")
    reading = read()
    assert (reading.ledgers["budget"].frame["issued_on"].to_list(), told(reading)) == ([date(2022, 3, 5)], [])


def test_1904_said_by_an_extension_alone_is_nothing(write_budget: Write, read: Read, folder: Path) -> None:
    write_budget({"B2": date(2022, 3, 5)})
    rewrite(folder / BUDGET, "xl/workbook.xml", "</workbook>", f"{X15}</workbook>".replace("chartTrackingRefBase", "date1904"))
    assert read().ledgers["budget"].frame["issued_on"].to_list() == [date(2022, 3, 5)]


def test_workbook_that_says_twice_from_when_it_counts_days_is_refused(write_budget: Write, read: Read, folder: Path) -> None:
    write_budget({"B2": date(2022, 3, 5)})
    rewrite(folder / BUDGET, "xl/workbook.xml", "<bookViews>", '<workbookPr date1904="1"/><bookViews>')
    assert [finding.code for finding in read().findings] == ["L03"]


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="E2"><v>10<!-- a -->00</v></c>',
        '<c r="E2"><v><?a b?>1000</v></c>',
        '<c r="E2"><v><![CDATA[1000]]></v></c>',
        '<c r="E2"><v>1&#48;00</v></c>',
        '<c r="E2" t="str"><f>5<!-- a -->00*2</f><v><![CDATA[1000]]></v></c>',
        '<c r="E2" t="inlineStr"><is><t>10<!-- a -->00</t></is></c>',
        '<!-- <c r="E2"><v>5</v></c> --><c r="E2"><v>1000</v></c>',
    ],
)
def test_comments_instructions_and_cdata_in_a_cell_change_nothing(write_budget: Write, read: Read, folder: Path, cell: str) -> None:
    write_budget({"E2": 5})
    rewrite(folder / BUDGET, SHEET, '<c r="E2"[^>]*>.*?</c>', cell)
    reading = read()
    assert (reading.ledgers["budget"].frame["amount_yuan"].to_list(), told(reading)) == ([1000], [])


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('<c r="E2"><f><![CDATA[500+500]]></f></c>', "V11"),
        ('<c r="E2"><f>500<!-- a -->+500</f><v/></c>', "V11"),
        ('<c r="E2" t="e"><!-- a --><v><![CDATA[#N/A]]></v></c>', "V10"),
    ],
)
def test_comments_and_cdata_hide_no_fault(write_budget: Write, found: Found, folder: Path, cell: str, code: str) -> None:
    write_budget({"E2": 5})
    put(folder / BUDGET, cell)
    assert [(given, place) for given, place, _ in found()] == [(code, "E2")]


@pytest.mark.parametrize("error", ["#SPILL!", "#CALC!", "#BUSY!", ""])
def test_error_that_only_newer_programs_know_is_an_error(write_budget: Write, found: Found, folder: Path, error: str) -> None:
    write_budget({"E2": 5})
    put(folder / BUDGET, f'<c r="E2" t="e"><f>1</f><v>{error}</v></c>')
    assert [(code, cell) for code, cell, _ in found()] == [("V10", "E2")]


@pytest.mark.parametrize("run", ["<strike/>", '<vertAlign val="superscript"/>'])
@pytest.mark.parametrize("kept", ["shared", "inline"])
def test_number_partly_struck_or_raised_is_told(write_budget: Write, found: Found, folder: Path, run: str, kept: str) -> None:
    write_budget({"E2": 5, "F2": 1})
    runs = f"<r><t>10</t></r><r><rPr>{run}</rPr><t>3</t></r>"
    if kept == "shared":
        share(folder / BUDGET, runs)
        put(folder / BUDGET, '<c r="E2" t="s"><v>0</v></c>')
    else:
        put(folder / BUDGET, f'<c r="E2" t="inlineStr"><is>{runs}</is></c>')
    assert ("V02", "E2") in [(code, cell) for code, cell, _ in found()]


def test_commented_shared_text_is_not_counted(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"F2": 1})
    share(folder / BUDGET, "<t>甲</t></si><!-- <si><t>乙</t></si> --><si><r><rPr><strike/></rPr><t>作废</t></r>")
    put(folder / BUDGET, '<c r="F2" t="s"><v>1</v></c>')
    assert found() == [("V23", None, None)]


def test_very_long_sheet_with_a_comment_is_refused(
    write_budget: Write, found: Found, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfeval.spreadsheets.package._MOST_SIMPLIFIED", 100)
    write_budget()
    rewrite(folder / BUDGET, SHEET, "<sheetData>", "<!-- a --><sheetData>")
    assert found() == [("L03", None, None)]


@pytest.mark.parametrize(
    ("workbook", "sheet", "result", "expected"),
    [
        (ON_LOAD, "", "<v>0</v>", [("V11", "E2", None)]),
        (ON_LOAD, "", "<v>0.0</v>", [("V11", "E2", None)]),
        ('<calcPr calcId="0" calcCompleted="0"/>', "", "<v>0</v>", [("V11", "E2", None)]),
        (SAVED, '<sheetCalcPr fullCalcOnLoad="true"/>', "<v>0</v>", [("V11", "E2", None)]),
        ("", "", "<v>0.0</v>", [("V11", "E2", None)]),
        (ON_LOAD, "", "<v>1000</v>", []),
        ("", "", "<v>1000</v>", []),
        (SAVED, "", "<v>0</v>", [("V16", "E2", "0")]),
    ],
)
def test_formula_that_no_program_computed_is_told(
    write_budget: Write, found: Found, folder: Path, workbook: str, sheet: str, result: str, expected: object
) -> None:
    write_budget({"E2": "=500+500"})
    rewrite(folder / BUDGET, "xl/workbook.xml", "<calcPr[^>]*>", workbook)
    put(folder / BUDGET, f'<c r="E2"><f>500+500</f>{result}</c>')
    rewrite(folder / BUDGET, SHEET, "</sheetData>", f"</sheetData>{sheet}")
    assert found() == expected


def test_empty_result_of_a_formula_that_was_never_computed_is_told(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"F2": 1})
    put(folder / BUDGET, '<c r="F2" t="str"><f>IF(1,"是","")</f><v></v></c>')
    assert found() == [("V11", "F2", None)]


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="F2" t="str"><f>_xlfn.DISPIMG("ID_0A1B2C3D",1)</f><v>=DISPIMG("ID_0A1B2C3D",1)</v></c>',
        '<c r="F2" t="str"><f>DISPIMG("ID_0A1B2C3D",1)</f><v>=DISPIMG("ID_0A1B2C3D",1)</v></c>',
        '<c r="F2" t="e"><f>_xlfn.DISPIMG("ID_0A1B2C3D",1)</f><v>#NAME?</v></c>',
        '<c r="F2" t="str"><v>=DISPIMG("ID_0A1B2C3D",1)</v></c>',
        '<c r="F2" t="inlineStr"><is><t>=DISPIMG("ID_0A1B2C3D",1)</t></is></c>',
    ],
)
def test_picture_of_wps_is_read_as_nothing_and_told(write_budget: Write, read: Read, folder: Path, cell: str) -> None:
    write_budget({"F2": 1})
    put(folder / BUDGET, cell)
    reading = read()
    assert reading.ledgers["budget"].frame["note"].to_list() == [None]
    assert [(finding.code, finding.severity, finding.cell) for finding in reading.findings] == [("V24", "note", "F2")]


def test_picture_kept_as_shared_text_is_read_as_nothing_and_told(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"F2": 1})
    share(folder / BUDGET, '<t>=DISPIMG("ID_0A1B2C3D",1)</t>')
    assert found() == [("V24", "F2", None)]


def test_picture_where_something_must_stand_leaves_the_cell_empty(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"D2": 1})
    put(folder / BUDGET, '<c r="D2" t="str"><v>=DISPIMG("ID_0A1B2C3D",1)</v></c>')
    assert found() == [("V24", "D2", None), ("V01", "D2", None)]


def test_text_that_mentions_a_picture_is_text(write_budget: Write, read: Read) -> None:
    write_budget({"F2": "图片公式 =DISPIMG(…) 已删除"})
    reading = read()
    assert (reading.ledgers["budget"].frame["note"].to_list(), told(reading)) == (["图片公式 =DISPIMG(…) 已删除"], [])


def test_picture_that_excel_puts_in_a_cell_is_told_as_one(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"F2": 1})
    put(folder / BUDGET, '<c r="F2" t="e" vm="1"><v>#VALUE!</v></c>')
    assert found() == [("V10", "F2", "#VALUE!")]
    with ZipFile(folder / BUDGET, "a") as package:
        structures = '<rvStructures><s t="_localImage"><k n="_rvRel:LocalImageIdentifier" t="i"/></s></rvStructures>'
        package.writestr("xl/richData/rdrichvaluestructure.xml", structures)
    assert found() == [("V24", "F2", None)]


def test_rows_struck_through_count_and_are_told(write_budget: Write, read: Read) -> None:
    def strike(workbook: Workbook) -> None:
        for place in ("A3", "B3", "C3", "D3", "E3", "F3", "E4", "A9"):
            workbook.active[place].font = Font(strike=True)

    third = {"A3": "桃财预〔2022〕13号", "B3": "2022-03-05", "C3": "P1", "D3": "追加", "E3": 1000}
    fourth = {"A4": "桃财预〔2022〕14号", "B4": "2022-03-05", "C4": "P1", "D4": "追加", "E4": 1000}
    write_budget({**third, **fourth}, change=strike)
    reading = read()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("1000.00")] * 3
    names = "指标文号、下达日期、预算项目编码、资金来源、金额（元）"
    message = f"第3-4行划有删除线（{names}），仍计入。不应计入的请删除整行；应当计入的请去掉删除线。"
    assert told(reading) == [("V23", "warning", message)]


def test_words_struck_through_within_a_cell_are_told(write_budget: Write, read: Read) -> None:
    write_budget({"F2": CellRichText(TextBlock(InlineFont(strike=True), "原"), "样例")})
    reading = read()
    assert reading.ledgers["budget"].frame["note"].to_list() == ["原样例"]
    assert [(finding.code, finding.row) for finding in reading.findings] == [("V23", 2)]


def test_shared_words_struck_through_are_told(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"F2": 1})
    share(folder / BUDGET, "<r><rPr><strike/></rPr><t>样例</t></r><r><t>文字</t></r>")
    assert found() == [("V23", None, None)]


def test_font_that_says_it_does_not_strike_does_not(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget(change=lambda workbook: setattr(workbook.active["E2"], "font", Font(strike=True)))
    rewrite(folder / BUDGET, "xl/styles.xml", '<strike val="1"', '<strike val="0"')
    assert found() == []


@pytest.mark.parametrize(("number_format", "source", "amount"), [(";;;", "追加", 1000), ("0.00;;;", "调减", -5), ("0;-0;;@", "追加", 0)])
def test_content_that_its_format_hides_counts_and_is_told(
    write_budget: Write, read: Read, number_format: str, source: str, amount: int
) -> None:
    write_budget({"D2": source, "E2": amount}, change=lambda workbook: setattr(workbook.active["E2"], "number_format", number_format))
    assert ("L17", "warning", "“金额（元）”第2行的内容按单元格格式不显示，仍计入。请把格式改为常规后核对。") in told(read())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('<row r="2"', '<row r="2" ht="0" customHeight="1"', ["L17"]),
        ('<row r="2"', '<row r="2" ht="0.0"', ["L17"]),
        ('<row r="2"', '<row r="2" ht="10" customHeight="1"', []),
        ("<sheetData>", '<cols><col min="5" max="5" width="0" customWidth="1"/></cols><sheetData>', ["L17"]),
        ("<sheetData>", '<cols><col min="4" max="6" width="0.0" customWidth="1"/></cols><sheetData>', ["L17"]),
        ("<sheetData>", '<cols><col min="5" max="5" width="10" customWidth="1"/></cols><sheetData>', []),
    ],
)
def test_rows_without_height_and_columns_without_width_are_hidden(
    write_budget: Write, found: Found, folder: Path, old: str, new: str, expected: list[str]
) -> None:
    write_budget()
    rewrite(folder / BUDGET, SHEET, old, new)
    assert [code for code, _, _ in found()] == expected


def test_cells_and_rows_without_address_follow_each_other(write_budget: Write, read: Read, folder: Path) -> None:
    write_budget({"E2": "一千"})
    rewrite(folder / BUDGET, SHEET, '<c r="[A-F][12]"', "<c")
    rewrite(folder / BUDGET, SHEET, '<row r="[12]"', "<row")
    reading = read()
    assert reading.ledgers["budget"].frame.select("row", "source").rows() == [(2, "追加")]
    assert [(finding.code, finding.cell) for finding in reading.findings] == [("V02", "E2")]


def test_hidden_row_without_address_is_the_next_one(write_budget: Write, read: Read, folder: Path) -> None:
    write_budget()
    rewrite(folder / BUDGET, SHEET, '<row r="2"', '<row hidden="1"')
    assert [(finding.code, finding.row) for finding in read().findings] == [("L17", 2)]


def test_error_in_a_cell_without_address_is_told_where_it_stands(write_budget: Write, found: Found, folder: Path) -> None:
    write_budget({"E2": "#DIV/0!"})
    rewrite(folder / BUDGET, SHEET, '<c r="E2"', "<c")
    assert found() == [("V10", "E2", "#DIV/0!")]


@pytest.mark.parametrize("written", ["2022-03-05", "2022-03-05T00:00:00", "2022-03-05T00:00:00Z", "20220305"])
def test_day_written_as_iso_8601_is_read(write_budget: Write, read: Read, folder: Path, written: str) -> None:
    write_budget({"B2": 1})
    put(folder / BUDGET, f'<c r="B2" t="d"><v>{written}</v></c>')
    reading = read()
    assert (reading.ledgers["budget"].frame["issued_on"].to_list(), told(reading)) == ([date(2022, 3, 5)], [])


def test_number_too_large_for_a_day_is_told(write_budget: Write, found: Found) -> None:
    write_budget({"B2": 1234567890}, change=lambda workbook: setattr(workbook.active["B2"], "number_format", "yyyy-mm-dd"))
    assert found() == [("V03", "B2", "1234567890")]


@pytest.mark.parametrize("name", ["xl\\worksheets\\sheet1.xml", "/xl/worksheets/sheet1.xml", "XL/Worksheets/Sheet1.XML"])
def test_parts_may_be_named_with_other_slashes_and_capitals(write_budget: Write, read: Read, folder: Path, name: str) -> None:
    write_budget()
    rewrite(folder / BUDGET, SHEET, "", "", name=name)
    assert read().ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("1000.00")]


def test_shared_texts_are_found_where_the_workbook_says_they_are(write_budget: Write, read: Read, folder: Path) -> None:
    write_budget({"F2": 1})
    share(folder / BUDGET, "<t>样例</t>", part="xl/texts.xml")
    relation = '<Relationship Id="rId99" Type="http://…/sharedStrings" Target="/xl/texts.xml"/></Relationships>'
    rewrite(folder / BUDGET, "xl/_rels/workbook.xml.rels", "</Relationships>", relation)
    assert read().ledgers["budget"].frame["note"].to_list() == ["样例"]


def test_words_in_formats_belong_to_texts_and_not_to_numbers(write_budget: Write, read: Read) -> None:
    def show(workbook: Workbook) -> None:
        workbook.active["A2"].number_format = '"桃财预〔2022〕"0"号"'
        workbook.active["C2"].number_format = '"ZDXM-"@'
        workbook.active["E2"].number_format = '"单元"0'
        workbook.active["F2"].number_format = '"第"00"次"'

    write_budget({"A2": 15, "F2": 3}, change=show)
    reading = read()
    assert reading.ledgers["budget"].frame.select("document_no", "programme_code", "amount_yuan", "note").rows() == [
        ("桃财预〔2022〕15号", "ZDXM-P1", Decimal("1000.00"), "第03次")
    ]
    assert reading.findings == ()


def test_header_is_read_with_the_words_of_its_format(write_budget: Write, read: Read) -> None:
    write_budget({"E1": "金额"}, change=lambda workbook: setattr(workbook.active["E1"], "number_format", '@"（万元）"'))
    assert read().ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal("10000000.00")]


def test_text_shown_in_another_unit_is_told(write_budget: Write, found: Found) -> None:
    write_budget({"E2": "1000"}, change=lambda workbook: setattr(workbook.active["E2"], "number_format", '@"万元"'))
    assert found() == [("V02", "E2", "1000万元")]


@pytest.mark.parametrize("fill", [PatternFill(), PatternFill("solid", fgColor="FFFFFFFF")])
def test_white_on_white_counts_and_is_told(write_budget: Write, read: Read, fill: PatternFill) -> None:
    def whiten(workbook: Workbook) -> None:
        workbook.active["E2"].font, workbook.active["E2"].fill = Font(color="FFFFFFFF"), fill

    write_budget(change=whiten)
    reading = read()
    assert reading.ledgers["budget"].frame["amount_yuan"].to_list() == [Decimal(1000)]
    assert told(reading) == [("L17", "warning", "“金额（元）”第2行的内容按单元格格式不显示，仍计入。请把格式改为常规后核对。")]


def test_white_on_a_coloured_ground_is_seen(write_budget: Write, read: Read) -> None:
    def whiten(workbook: Workbook) -> None:
        workbook.active["E2"].font, workbook.active["E2"].fill = Font(color="FFFFFFFF"), PatternFill("solid", fgColor="FF4472C4")

    write_budget(change=whiten)
    assert told(read()) == []


def test_striking_through_on_a_condition_is_told_once(write_budget: Write, read: Read) -> None:
    rule = FormulaRule(formula=["$E2>0"], font=Font(strike=True))
    write_budget(change=lambda workbook: workbook.active.conditional_formatting.add("A1:E9", rule))
    (finding,) = read().findings
    assert (finding.code, finding.severity, finding.row) == ("V23", "warning", 2)
    assert finding.message.startswith("指标文号、下达日期、预算项目编码、资金来源、金额（元）有条件格式，条件成立时划去内容")


@pytest.mark.parametrize("code", [";;;", '0.00,"万"'])
def test_another_look_on_a_condition_is_told(write_budget: Write, read: Read, code: str) -> None:
    rule = Rule("expression", formula=["TRUE"], dxf=DifferentialStyle(numFmt=NumberFormat(200, formatCode=code)))
    write_budget(change=lambda workbook: workbook.active.conditional_formatting.add("E2:F9 H1", rule))
    (finding,) = read().findings
    assert (finding.code, finding.severity, finding.row) == ("L17", "warning", 2)


def test_colours_on_a_condition_say_nothing(write_budget: Write, read: Read) -> None:
    rule = FormulaRule(formula=["$E2>0"], fill=PatternFill("solid", bgColor="FFFF0000"))
    write_budget(change=lambda workbook: workbook.active.conditional_formatting.add("A1:E9", rule))
    assert told(read()) == []


def test_boolean_is_read_as_it_is_shown(write_budget: Write, read: Read) -> None:
    write_budget({"F2": True})
    assert read().ledgers["budget"].frame["note"].to_list() == ["TRUE"]


def test_columns_without_width_unless_they_say_one_are_hidden(write_budget: Write, read: Read, folder: Path) -> None:
    write_budget()
    widths = '<sheetFormatPr defaultColWidth="0" defaultRowHeight="15"/><cols><col min="1" max="4" width="9"/></cols>'
    rewrite(folder / BUDGET, SHEET, "<sheetFormatPr [^>]*>", widths)
    assert told(read()) == [("L17", "warning", "栏目 金额（元）、备注 被隐藏，仍计入。请取消隐藏核对。")]


def test_workbook_whose_sheets_lead_nowhere_is_marked_all_the_same(write_budget: Write, read: Read, folder: Path, tmp_path: Path) -> None:
    write_budget()
    rewrite(folder / BUDGET, "xl/workbook.xml", 'r:id="[^"]*"', 'r:id="rId99"')
    rewrite(folder / BUDGET, "xl/styles.xml", "(?s)<cellXfs.*</cellXfs>", "")
    findings = read().findings
    assert [finding.code for finding in findings if finding.file] == ["L07"]
    assert len(annotate(receive(folder), findings, tmp_path / "marked")) == 1
