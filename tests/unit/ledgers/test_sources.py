"""Which file is which ledger, by the names clerks give."""

from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from perfeval.ledgers import Reading, read_ledgers, receive
from schemas import BUILT_IN, DEFAULT, Catalogue
from schemas.columns import code
from schemas.declared import declare

Read = Callable[..., Reading]
Write = Callable[..., None]


def said(reading: Reading) -> list[tuple[str, str, str | None, str | None]]:
    return [(finding.code, finding.severity, finding.ledger, finding.file) for finding in reading.findings]


def test_receive_lists_files_by_name_with_digest_and_leaves_out_lock_and_dot_files(folder: Path) -> None:
    (folder / "b.txt").write_bytes(b"")
    (folder / "a.xlsx").write_bytes(b"1")
    (folder / "~$a.xlsx").write_bytes(b"1")
    (folder / ".hidden").write_bytes(b"1")
    (folder / "old").mkdir()
    assert [(file.name, file.digest[:8]) for file in receive(folder)] == [("a.xlsx", "6b86b273"), ("b.txt", "e3b0c442")]


def test_receive_of_no_folder_is_nothing(tmp_path: Path) -> None:
    assert receive(tmp_path / "2022") == []


def test_no_files_at_all_name_every_ledger_expected() -> None:
    findings = read_ledgers([], DEFAULT).findings
    assert {finding.code for finding in findings} == {"L10"}
    assert len(findings) == 13
    assert findings[0].message == (
        "缺少《预算指标台账》。应有名为 预算指标台账.xlsx（或 .csv）的文件，或名为“预算指标台账”的工作表；"
        "全年没有此类业务的，也应提交只有表头的空台账。"
    )


def test_sheet_named_by_title_in_any_workbook_is_the_ledger(write_survey: Write, folder: Path, read: Read) -> None:
    write_survey(sheet="满意度调查台账")
    (folder / "满意度调查台账.xlsx").rename(folder / "2022年台账.xlsx")
    reading = read()
    assert reading.ledgers["surveys"].file == "2022年台账.xlsx"
    assert reading.findings == ()


def test_several_ledgers_in_one_workbook_are_read(write_survey: Write, folder: Path, read: Read) -> None:
    def add(workbook: Workbook) -> None:
        sheet = workbook.create_sheet("年度目标任务台账")
        sheet.append(["序号", "目标任务", "完成标准", "完成情况", "完成日期", "佐证材料"])
        sheet.append([1, "完成重点项目建设", None, "完成", None, None])

    write_survey(sheet="满意度调查台账", change=add)
    (folder / "满意度调查台账.xlsx").rename(folder / "全部.xlsx")
    reading = read()
    assert sorted(reading.ledgers) == ["goals", "surveys"]
    assert reading.findings == ()


def test_path_without_extension_is_read_by_its_name(write_survey: Write, folder: Path) -> None:
    write_survey()
    (file,) = receive(folder)
    moved = file.path.rename(folder.parent / file.digest)
    reading = read_ledgers([type(file)(file.name, moved, file.digest)], DEFAULT)
    assert reading.ledgers["surveys"].digest == file.digest


def test_two_sources_of_one_ledger_are_found(write_survey: Write, write_csv: Write, read: Read) -> None:
    write_survey()
    write_csv("WJ-1,2022-03-05,企业,满意")
    reading = read()
    assert [(finding.code, finding.message) for finding in reading.findings] == [
        ("L09", "《满意度调查台账》有2个来源：满意度调查台账.csv、满意度调查台账.xlsx 的工作表“Sheet1”。请只保留一个，其余移走或改名。")
    ]
    assert dict(reading.ledgers) == {}


def test_swapped_files_are_found_on_both(write_survey: Write, write_budget: Write, folder: Path, read: Read) -> None:
    write_survey(sheet="满意度调查台账")
    write_budget(sheet="预算指标台账")
    (folder / "满意度调查台账.xlsx").rename(folder / "x")
    (folder / "预算指标台账.xlsx").rename(folder / "满意度调查台账.xlsx")
    (folder / "x").rename(folder / "预算指标台账.xlsx")
    reading = read()
    assert [(finding.code, finding.file, finding.message) for finding in reading.findings] == [
        (
            "L11",
            "满意度调查台账.xlsx",
            "文件名是《满意度调查台账》，里面的工作表却是《预算指标台账》。请检查是否两个文件放反了，把文件名或工作表名改对。",
        ),
        (
            "L11",
            "预算指标台账.xlsx",
            "文件名是《预算指标台账》，里面的工作表却是《满意度调查台账》。请检查是否两个文件放反了，把文件名或工作表名改对。",
        ),
    ]


def test_unknown_sheet_that_looks_like_a_ledger_is_a_warning(write_survey: Write, folder: Path, read: Read) -> None:
    write_survey()
    (folder / "满意度调查台账.xlsx").rename(folder / "满意度.xlsx")
    (finding,) = read().findings
    assert (finding.code, finding.severity, finding.sheet) == ("L08", "warning", "Sheet1")
    assert finding.message == "工作表没有读取：表头像是《满意度调查台账》，名称却不是。是台账的请把工作表改名为“满意度调查台账”。"


def test_file_of_a_ledgers_name_with_several_unnamed_sheets_is_refused(write_survey: Write, read: Read) -> None:
    write_survey(change=lambda workbook: workbook.create_sheet("Sheet2").append(["草稿"]))
    assert said(read()) == [("L20", "error", "满意度调查台账", "满意度调查台账.xlsx")]


def test_empty_workbook_of_a_ledgers_name_is_refused(folder: Path, read: Read) -> None:
    Workbook().save(folder / "满意度调查台账.xlsx")
    assert said(read()) == [("L07", "error", "满意度调查台账", "满意度调查台账.xlsx")]


def test_empty_sheet_of_a_ledgers_name_is_refused(folder: Path, read: Read) -> None:
    workbook = Workbook()
    workbook.active.title = "满意度调查台账"
    workbook.save(folder / "台账.xlsx")
    assert said(read()) == [("L07", "error", "满意度调查台账", "台账.xlsx")]


def test_file_of_another_kind_is_a_warning(folder: Path, read: Read) -> None:
    (folder / "说明.docx").write_bytes(b"PK")
    assert said(read()) == [("L01", "warning", None, "说明.docx")]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("满意度调查台账.xlsx", b"", "L07"),
        ("满意度调查台账.xlsx", b"PK\x03\x04" + bytes(600), "L03"),
        ("满意度调查台账.xls", b"anything", "L01"),
        ("满意度调查台账.csv", b"a\x00b\n", "L01"),
    ],
)
def test_file_that_cannot_be_read_is_one_error_on_its_ledger(folder: Path, read: Read, name: str, content: bytes, code: str) -> None:
    (folder / name).write_bytes(content)
    assert said(read()) == [(code, "error", "满意度调查台账", name)]


def test_list_of_findings_in_a_marked_copy_handed_in_again_is_passed_over(write_survey: Write, read: Read) -> None:
    write_survey(change=lambda workbook: workbook.create_sheet("疑点清单", 0).append(["序号"]))
    reading = read()
    assert reading.ledgers["surveys"].sheet == "Sheet1"
    assert reading.findings == ()


def few(*names: str, optional: tuple[str, ...] = ()) -> Catalogue:
    return Catalogue({name: BUILT_IN[name] for name in names}, frozenset(optional))


def test_only_kept_ledgers_are_expected_and_optional_ones_not() -> None:
    findings = read_ledgers([], few("budget", "expenditure", "surveys", optional=("surveys",))).findings
    assert [finding.ledger for finding in findings] == ["预算指标台账", "资金支出台账"]


def test_optional_ledger_that_is_there_is_read(write_survey: Write, read: Read) -> None:
    write_survey()
    assert list(read(few("surveys", optional=("surveys",))).ledgers) == ["surveys"]


def test_ledger_that_is_not_kept_is_noted_and_not_read(write_survey: Write, write_csv: Write, folder: Path, read: Read) -> None:
    write_survey(sheet="满意度调查台账")
    (folder / "满意度调查台账.xlsx").rename(folder / "全部.xlsx")
    write_csv("WJ-1,2022-03-05,企业,满意")
    reading = read(few("budget"))
    assert dict(reading.ledgers) == {}
    assert [(finding.code, finding.severity, finding.file, finding.message) for finding in reading.findings] == [
        ("L08", "note", "全部.xlsx", "本单位不设这本台账，没有读取。"),
        ("L08", "note", "满意度调查台账.csv", "本单位不设这本台账，没有读取。"),
    ]


def test_sheet_of_a_ledger_not_kept_stands_in_no_others_way(write_budget: Write, read: Read) -> None:
    write_budget(change=lambda workbook: workbook.create_sheet("满意度调查台账").append(["问卷编号"]))
    reading = read(few("budget"))
    assert reading.ledgers["budget"].sheet == "Sheet1"
    assert [(finding.code, finding.severity, finding.sheet) for finding in reading.findings] == [("L08", "note", "满意度调查台账")]


def test_file_of_a_ledger_not_kept_that_cannot_be_read_is_a_note(folder: Path, read: Read) -> None:
    (folder / "满意度调查台账.xls").write_bytes(b"anything")
    assert [(finding.code, finding.severity) for finding in read(few("budget")).findings] == [("L01", "note")]


def test_two_sheets_of_one_name_but_for_blanks_are_two_sources(write_survey: Write, read: Read) -> None:
    write_survey(
        sheet="满意度调查台账", change=lambda workbook: workbook.copy_worksheet(workbook.active).__setattr__("title", "满意度调查 台账")
    )
    assert [finding.code for finding in read().findings] == ["L09"]


def rename(folder: Path, old: str, new: str) -> None:
    (folder / old).rename(folder / new)


@pytest.mark.parametrize(
    "name",
    [
        "2022年满意度调查台账.xlsx",
        "满意度调查台账(1).xlsx",
        "满意度调查台账 - 副本.xlsx",
        "满意度调查台账\u200b.xlsx",
        "桃江县满意度调查台账（终稿）.xlsx",
    ],
)
def test_file_with_the_title_of_one_ledger_in_its_name_is_that_ledger(write_survey: Write, folder: Path, read: Read, name: str) -> None:
    write_survey()
    rename(folder, "满意度调查台账.xlsx", name)
    reading = read()
    assert reading.ledgers["surveys"].file == name
    assert reading.findings == ()


def test_sheet_with_the_title_of_one_ledger_in_its_name_is_that_ledger(write_survey: Write, folder: Path, read: Read) -> None:
    write_survey(sheet="2022年满意度调查台账", change=lambda workbook: workbook.create_sheet("草稿").append(["草稿"]))
    rename(folder, "满意度调查台账.xlsx", "全部.xlsx")
    reading = read()
    assert reading.ledgers["surveys"].sheet == "2022年满意度调查台账"
    assert [finding.code for finding in reading.findings] == ["L08"]


def test_two_files_with_the_title_of_one_ledger_are_two_sources(write_survey: Write, folder: Path, read: Read) -> None:
    write_survey()
    rename(folder, "满意度调查台账.xlsx", "满意度调查台账(1).xlsx")
    write_survey()
    reading = read()
    assert dict(reading.ledgers) == {}
    assert [finding.code for finding in reading.findings] == ["L09"]


def test_file_about_a_ledger_stands_in_its_way_as_little_as_a_sheet_about_it(
    write_survey: Write, write_workbook: Write, read: Read
) -> None:
    def add(workbook: Workbook) -> None:
        workbook.create_sheet("满意度调查台账填报说明").append(["请如实填报"])

    write_survey(sheet="满意度调查台账", change=add)
    write_workbook("满意度调查台账说明.xlsx", {"A1": "请如实填报"})
    reading = read()
    assert reading.ledgers["surveys"].sheet == "满意度调查台账"
    assert [(finding.code, finding.severity, finding.sheet) for finding in reading.findings] == [
        ("L08", "warning", "满意度调查台账填报说明"),
        ("L08", "warning", "Sheet1"),
    ]


def test_copy_of_a_sheet_beside_it_is_not_read_and_told(write_survey: Write, read: Read) -> None:
    write_survey(
        sheet="满意度调查台账", change=lambda workbook: setattr(workbook.copy_worksheet(workbook.active), "title", "满意度调查台账 (2)")
    )
    reading = read()
    assert reading.ledgers["surveys"].sheet == "满意度调查台账"
    assert [(finding.code, finding.severity, finding.sheet) for finding in reading.findings] == [("L08", "warning", "满意度调查台账 (2)")]


def test_only_file_with_a_ledgers_title_in_its_name_is_told_what_it_lacks(write_workbook: Write, read: Read) -> None:
    write_workbook("2022年满意度调查台账.xlsx", {"A1": "没有表头"})
    assert said(read()) == [("L12", "error", "满意度调查台账", "2022年满意度调查台账.xlsx")]


def test_document_with_a_ledgers_title_in_its_name_is_a_warning(write_survey: Write, folder: Path, read: Read) -> None:
    write_survey()
    (folder / "满意度调查台账填报说明.docx").write_bytes(b"PK")
    assert said(read()) == [("L01", "warning", None, "满意度调查台账填报说明.docx")]


def test_old_workbook_with_a_ledgers_title_in_its_name_is_an_error(folder: Path, read: Read) -> None:
    (folder / "2022年满意度调查台账.xls").write_bytes(b"anything")
    assert said(read()) == [("L01", "error", "满意度调查台账", "2022年满意度调查台账.xls")]


def test_name_of_two_ledgers_is_told(write_workbook: Write, read: Read) -> None:
    write_workbook("满意度调查台账和预算指标台账.xlsx", {"A1": "无"}, sheet="满意度调查台账、预算指标台账")
    (finding,) = read().findings
    assert (finding.code, finding.severity) == ("L08", "warning")
    assert finding.message == (
        "工作表没有读取：名称里有《满意度调查台账》、《预算指标台账》，分不清是哪一本。请一本一张工作表，以台账名称命名。"
    )


def test_sheet_whose_name_is_nearly_a_title_is_told_which(write_workbook: Write, read: Read) -> None:
    write_workbook("全部.xlsx", {"A1": "无"}, sheet="支出台账")
    (finding,) = read().findings
    assert finding.message == ("工作表没有读取：名称像是《资金支出台账》，表头却不像。是台账的请核对表头，并把工作表改名为“资金支出台账”。")


def test_missing_ledger_is_told_with_the_sheet_that_looks_like_it(write_survey: Write, folder: Path) -> None:
    write_survey()
    rename(folder, "满意度调查台账.xlsx", "满意度.xlsx")
    findings = read_ledgers(receive(folder), few("surveys")).findings
    assert [(finding.code, finding.message) for finding in findings if finding.code == "L10"] == [
        (
            "L10",
            "缺少《满意度调查台账》。应有名为 满意度调查台账.xlsx（或 .csv）的文件，或名为“满意度调查台账”的工作表；"
            "满意度.xlsx 的工作表“Sheet1” 像是它，是的话请改名。",
        )
    ]


def test_title_that_is_part_of_another_is_not_meant_by_it(write_survey: Write, folder: Path, read: Read) -> None:
    whole = declare("whole", "乡镇满意度调查台账", {"no": code("编号", "编号。")})
    write_survey()
    rename(folder, "满意度调查台账.xlsx", "2022乡镇满意度调查台账.xlsx")
    reading = read(Catalogue({"surveys": BUILT_IN["surveys"], "whole": whole}, frozenset({"surveys"})))
    assert "surveys" not in reading.ledgers
    assert "乡镇满意度调查台账" in reading.findings[0].message
