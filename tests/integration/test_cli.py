"""The commands without a conductor, as a clerk types them and as a program reads them."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest

from flows.cli import app
from perfeval.console import answer


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, data, talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*arguments: object) -> Said:
        monkeypatch.setenv("PERFEVAL_JSON", "")  # each command is a process of its own
        with pytest.raises(SystemExit) as stop:
            answer(app, list(map(str, arguments)))
        out, err = capsys.readouterr()
        return Said(int(stop.value.code or 0), out, err)

    return run


@pytest.fixture
def office(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "office"))


def ledger(office: Path, title: str) -> Path:
    return office / "ledgers" / "2022" / f"{title}.xlsx"


def edit(path: Path, header: str, value: object, row: int = 3) -> str:
    """Write a value under a header of a sample ledger (title row 1, header row 2) and return the cell's name."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    column = next(cell.column for cell in sheet[2] if cell.value == header)
    cell = sheet.cell(row, column)
    cell.value = value
    book.save(path)
    return str(cell.coordinate)


def test_init_makes_a_workspace_that_checks_clean(command: Command, tmp_path: Path) -> None:
    made = command("init", tmp_path / "new", "--sample", "taojiang-2022", "--json")
    assert made.code == 0
    assert "ledgers/2022/资金支出台账.xlsx" in made.json["files"]
    checked = command("check", "--year", 2022, "-w", tmp_path / "new", "--json")
    assert (checked.code, checked.json["ok"]) == (0, True)
    assert [finding for finding in checked.json["findings"] if finding["severity"] == "error"] == []


def test_init_in_a_workspace_in_use_changes_nothing(command: Command, office: Path) -> None:
    before = {path: path.read_bytes() for path in office.rglob("*") if path.is_file()}
    said = command("init", office)
    assert said.code == 2
    assert "未作任何改动" in said.err
    assert {path: path.read_bytes() for path in office.rglob("*") if path.is_file()} == before


def test_check_outside_a_workspace_says_what_to_do(command: Command, tmp_path: Path) -> None:
    said = command("check", "--year", 2022, "-w", tmp_path)
    assert (said.code, said.out) == (2, "")
    assert "perfeval init" in said.err


def test_score_prints_the_published_figures(command: Command, office: Path) -> None:
    said = command("score", "--year", 2022, "-w", office, "--json")
    document = said.json
    assert said.code == 0
    assert set(document) == {"facts", "scores", "execution", "adjustments", "total", "grade"}
    assert set(document["facts"]["meetings"]) == {"value", "unit", "formula", "rows"}
    assert {
        name: document["facts"][name]["value"] for name in ("meetings", "bulletins", "colour_tables", "assigned_tasks", "services")
    } == {
        "meetings": 73,
        "bulletins": 4,
        "colour_tables": 9,
        "assigned_tasks": 53,
        "services": 134,
    }
    assert len(document["facts"]["meetings"]["rows"]) == 73
    assert document["execution"] == {"initial": 0, "annual": 179900, "executed": 179900, "rate": 100, "score": 10}
    assert set(document["scores"][0]) == {"id", "level1", "level2", "name", "weight", "target", "actual", "score", "explanation"}
    assert sum(row["weight"] for row in document["scores"]) == 90
    assert round(sum(row["score"] for row in document["scores"]) + 10, 2) == document["total"]


def test_draft_twice_has_one_digest(command: Command, office: Path, tmp_path: Path) -> None:
    first = command("draft", "--year", 2022, "-w", office, "-o", tmp_path / "a.docx", "--json")
    second = command("draft", "--year", 2022, "-w", office, "-o", tmp_path / "b.docx", "--json")
    assert set(first.json) == {"path", "digest", "figures"}
    assert first.json["digest"] == second.json["digest"]
    assert (tmp_path / "a.docx").read_bytes() == (tmp_path / "b.docx").read_bytes()


def _delete_meeting_date(office: Path) -> str:
    return edit(ledger(office, "调度会议台账"), "会议日期", None)


def _write_amount_in_words(office: Path) -> str:
    return edit(ledger(office, "资金支出台账"), "金额（元）", "一千")


def _double_invoice(office: Path) -> str:
    book = openpyxl.load_workbook(ledger(office, "资金支出台账"))
    sheet = book.worksheets[0]
    column = next(cell.column for cell in sheet[2] if cell.value == "发票号码")
    return edit(ledger(office, "资金支出台账"), "发票号码", sheet.cell(3, column).value, row=4)


def _total_in_the_middle(office: Path) -> str:
    path = ledger(office, "资金支出台账")
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    sheet.insert_rows(10)
    sheet["A10"], sheet["I10"] = "合计", 12345.67
    book.save(path)
    return "A10"


@pytest.mark.parametrize("spoil", [_delete_meeting_date, _write_amount_in_words, _double_invoice, _total_in_the_middle])
def test_fault_in_a_cell_is_named_with_file_sheet_and_cell(command: Command, office: Path, spoil: Callable[[Path], str]) -> None:
    cell = spoil(office)
    said = command("check", "--year", 2022, "-w", office, "--json")
    errors = [finding for finding in said.json["findings"] if finding["severity"] == "error"]
    assert said.code == 1
    assert cell in {finding["cell"] for finding in errors}
    assert all(finding["file"].endswith(".xlsx") and finding["sheet"] for finding in errors)


def _remove_column(office: Path) -> None:
    edit(ledger(office, "帮代办事项台账"), "受理日期", "别的列", row=2)


def _swap_files(office: Path) -> None:
    a, b = ledger(office, "调度会议台账"), ledger(office, "问题交办台账")
    a.rename(office / "swap")
    b.rename(a)
    (office / "swap").rename(b)


def _empty_workbook(office: Path) -> None:
    openpyxl.Workbook().save(ledger(office, "帮代办事项台账"))


def _renamed_text(office: Path) -> None:
    ledger(office, "帮代办事项台账").write_text("这是一个文本文件", encoding="utf-8")


def _truncated_zip(office: Path) -> None:
    path = ledger(office, "帮代办事项台账")
    path.write_bytes(path.read_bytes()[:3000])


@cache
def _bomb_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", b" " * 400_000_000)
    return buffer.getvalue()


def _bomb(office: Path) -> None:
    ledger(office, "帮代办事项台账").write_bytes(_bomb_bytes())


@pytest.mark.parametrize("spoil", [_remove_column, _swap_files, _empty_workbook, _renamed_text, _truncated_zip, _bomb])
@pytest.mark.parametrize("line", ["check", "score", "draft"])
def test_broken_file_is_answered_in_chinese_and_nothing_is_written(
    command: Command, office: Path, spoil: Callable[[Path], None], line: str
) -> None:
    spoil(office)
    before = sorted(office.rglob("*"))
    extra = ["-o", office / "draft.docx"] if line == "draft" else []
    said = command(line, "--year", 2022, "-w", office, *extra)
    assert said.code == 1
    assert "台账.xlsx" in said.err
    assert "Traceback" not in said.err + said.out
    assert sorted(office.rglob("*")) == before


def test_fault_in_json_is_one_document_with_every_finding(command: Command, office: Path) -> None:
    cells = {_delete_meeting_date(office), _write_amount_in_words(office)}
    said = command("score", "--year", 2022, "-w", office, "--json")
    assert said.code == 1
    assert cells <= {finding["cell"] for finding in said.json["findings"]}


@pytest.mark.parametrize(
    "line", [["check", "--year", "abc"], ["check", "--foo"], ["init", "x", "--scale", "0"], ["frobnicate"], ["approver"]]
)
def test_words_that_cannot_be_read_are_answered_in_json_all_the_same(command: Command, line: list[str]) -> None:
    said = command(*line, "--json")
    assert (said.code, said.json["error"]["code"]) == (2, "U00")


def test_narrative_of_another_encoding_is_said_in_chinese(command: Command, office: Path, tmp_path: Path) -> None:
    narrative = office / "report" / "2022.md"
    narrative.write_bytes(narrative.read_text(encoding="utf-8").encode("gb18030"))
    said = command("draft", "--year", 2022, "-w", office, "-o", tmp_path / "draft.docx")
    assert (said.code, "2022.md 不是 UTF-8 文本" in said.err) == (2, True)


@pytest.mark.parametrize("address", ["garbage", "mysql://x", "postgresql+psycopg://u@db:port/x", "sqlite+aiosqlite:////tmp/x.db"])
def test_database_address_that_is_none_is_said_in_chinese(
    command: Command, office: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", address)
    said = command("status", "-w", office)
    assert (said.code, "PERFEVAL_DATABASE_URL 不是可用的数据库地址" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("ours", "prefects"),
    [
        ("postgresql+psycopg://perfeval@db/office", "postgresql+asyncpg://prefect:secret@DB:5432/office?ssl=require"),
        ("postgresql://u@/office?host=/run/postgresql", "postgres:///office?host=/run/postgresql&port=5432"),
        ("postgresql://u@localhost/office", "postgresql://u@127.0.0.1/office"),
        ("postgresql://office@db", "postgresql://prefect@db/office"),
        ("postgresql:///office", "postgresql://u@localhost/office"),
    ],
)
def test_one_database_for_the_store_and_for_prefect_is_refused_at_once(
    command: Command, office: Path, monkeypatch: pytest.MonkeyPatch, ours: str, prefects: str
) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", ours)
    monkeypatch.setenv("PERFEVAL_PREFECT_DATABASE_URL", prefects)
    said, examined = command("status", "-w", office), command("doctor", "-w", office)
    assert (said.code, "指的是同一个数据库" in said.err, "另建一个库" in said.err) == (2, True, True)
    assert (examined.code, "指的是同一个数据库" in examined.out, "另建一个库" in examined.out) == (1, True, True)


def test_command_leaves_nothing_beside_the_database_that_a_copy_of_it_would_lack(office: Path) -> None:
    command = [sys.executable, "-m", "flows", "approver", "invite", "样例新人", "--role", "operator"]
    subprocess.run(command, cwd=office, env=os.environ | {"PERFEVAL_KEY": "an invented key for tests"}, check=True, capture_output=True)
    assert [path.name for path in office.glob(".perfeval/store.db*")] == ["store.db"]


@pytest.mark.parametrize("damage", ["garbage", "cut", "a table less"])
def test_database_that_is_damaged_is_to_be_restored_and_not_to_be_tried_again(command: Command, office: Path, damage: str) -> None:
    assert command("status", "-w", office).code == 0
    file = office / ".perfeval" / "store.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if damage == "a table less":
            database.execute("DROP TABLE evaluations")
            database.commit()
    if damage != "a table less":
        for log in office.glob(".perfeval/store.db-*"):
            log.unlink()
        file.write_bytes(b"no database" * 9000 if damage == "garbage" else file.read_bytes()[:20000])
    said = command("status", "-w", office)
    assert (said.code, "数据库文件已损坏" in said.err, "从备份恢复" in said.err) == (1, True, True)


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "sqlite:///store.db", "sqlite:///./store.db"])
def test_database_file_without_its_whole_path_is_refused(
    command: Command, office: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", address)
    said = command("status", "-w", office)
    assert (said.code, "没有写明完整路径" in said.err) == (2, True)


def test_database_address_in_the_settings_is_refused_before_it_reaches_an_archive(command: Command, office: Path) -> None:
    settings = office / "perfeval.yml"
    text = settings.read_text(encoding="utf-8") + "storage:\n  database: postgresql+psycopg://clerk:invented@/office\n"
    settings.write_text(text, encoding="utf-8")
    said = command("status", "-w", office)
    assert (said.code, "把地址移到环境变量 PERFEVAL_DATABASE_URL" in said.err) == (2, True)
    assert command("check", "--year", 2022, "-w", office).code == 0


def test_gates_with_one_key_are_refused_with_their_line(command: Command, office: Path) -> None:
    settings = office / "perfeval.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("key: bureau", "key: center"), encoding="utf-8")
    said = command("status", "-w", office)
    assert (said.code, "各审批环节的 key 不能相同" in said.err, "perfeval.yml:" in said.err) == (2, True, True)


def test_draft_under_another_ending_is_refused(command: Command, office: Path, tmp_path: Path) -> None:
    said = command("draft", "--year", 2022, "-w", office, "-o", tmp_path / "draft.pdf")
    assert (said.code, (tmp_path / "draft.pdf").exists()) == (2, False)


def test_annotate_among_the_ledgers_is_refused(command: Command, office: Path) -> None:
    _delete_meeting_date(office)
    before = sorted(office.rglob("*"))
    said = command("check", "--year", 2022, "-w", office, "--annotate", office / "ledgers" / ".." / "ledgers" / "2022")
    assert (said.code, sorted(office.rglob("*")) == before) == (2, True)


def test_folder_that_is_a_file_is_said_in_chinese(command: Command, office: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    said = command("draft", "--year", 2022, "-w", office, "-o", tmp_path / "taken" / "draft.docx", "--json")
    assert (said.code, said.json["error"]["code"]) == (1, "F04")
    assert "taken" in said.json["error"]["message"]


def test_annotate_marks_copies_and_leaves_the_ledgers(command: Command, office: Path, tmp_path: Path) -> None:
    cell = _delete_meeting_date(office)
    before = ledger(office, "调度会议台账").read_bytes()
    said = command("check", "--year", 2022, "-w", office, "--annotate", tmp_path / "marked")
    marked = openpyxl.load_workbook(next((tmp_path / "marked").glob("*调度会议台账*.xlsx")))
    assert said.code == 1
    assert marked["调度会议台账"][cell].comment is not None
    assert ledger(office, "调度会议台账").read_bytes() == before


def test_configuration_fault_names_file_and_line(command: Command, office: Path) -> None:
    path = office / "indicators" / "2022.yml"
    path.write_text(path.read_text(encoding="utf-8").replace('target: "≥60次"', 'target: "许多次吧≥"'), encoding="utf-8")
    said = command("score", "--year", 2022, "-w", office)
    assert said.code == 2
    assert "2022.yml:" in said.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cron: "0 9 5 1 *"', "cron: 每年一月", "perfeval.yml:51: schedule.cron：应为 cron 的五栏"),
        ("timezone: Asia/Shanghai", "timezone: Asia/Nowhere", "perfeval.yml:52: schedule.timezone：不认识这个时区"),
        ("key: center", "key: correction", "perfeval.yml:36: gates.0.key：correction 是更正环节的名称"),
        ("term: D30", "term: D20", "perfeval.yml:45: archive.term：格式不对"),
        ("codes: [ZDXM-2022-001]", "codes: []", "perfeval.yml:18: programmes.0.codes：至少应有1项"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_their_line(command: Command, office: Path, old: str, new: str, said: str) -> None:
    config = office / "perfeval.yml"
    config.write_text(config.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    answer = command("check", "--year", 2022, "-w", office)
    assert (answer.code, said in answer.err) == (2, True), answer.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("year: 2022", "year: 1999", "year：不能小于2000"),
        ("weight: 4", "weight: 101", "weight：不能大于100"),
        ("weight: 4", "weight: .nan", "weight：应为数字"),
        ("weight: 4", "weight: 2000-01-01", "weight：应为数字"),
    ],
)
def test_indicators_out_of_range_are_told_in_chinese(command: Command, office: Path, old: str, new: str, said: str) -> None:
    path = office / "indicators" / "2022.yml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    answer = command("score", "--year", 2022, "-w", office)
    assert (answer.code, said in answer.err) == (2, True), answer.err


def test_person_is_invited_enrolled_confirmed_listed_and_revoked(
    command: Command, office: Path, monkeypatch: pytest.MonkeyPatch, new_phone: Callable[[str], Any]
) -> None:
    phones: list[Any] = []

    def enrolled(link: str) -> dict[str, Any]:
        # The person reads the secret on the terminal, and types what his phone shows.
        monkeypatch.setattr("segno.make", lambda uri, **_: phones.append(new_phone(parse_qs(urlsplit(uri).query)["secret"][0])) or _Drawn())
        monkeypatch.setattr("typer.prompt", lambda *_, **__: phones[-1].code())
        return command("approver", "enrol", link, "-w", office, "--json").json

    with monkeypatch.context() as patch:
        patch.setattr("secrets.token_urlsafe", lambda _: "-example")  # as one in some sixty begins
        link = command("approver", "invite", "样例甲", "--role", "operator", "-w", office).out.strip()
    assert command("approver", "enrol", link.partition("#")[2][:-1], "-w", office).code == 1
    assert link.startswith("（服务地址）/perfeval/enrol#")
    first = enrolled(link)
    assert command("approver", "enrol", link, "-w", office).err.startswith("登记链接无效、已用过或已过期")
    named = ("--fingerprint", first["fingerprint"], "--as", "样例甲", "-w", office)
    assert command("approver", "confirm", "样例甲", *named).code == 1
    assert command("approver", "confirm", "样例甲", *named, "--paper").code == 0
    assert command("approver", "invite", "样例乙", "--role", "center", "-w", office).err.startswith("只有经办人或管理员可以办理")
    second = enrolled(command("approver", "invite", "样例乙", "--role", "center", "--as", "样例甲", "-w", office, "--json").json["link"])
    assert "（未确认）" in command("approver", "list", "-w", office).out
    spaced = " ".join(second["fingerprint"][place : place + 4] for place in range(0, 24, 4))
    confirming = ("approver", "confirm", "样例乙", "--fingerprint", spaced, "--as", "样例甲", "--paper", "-w", office)
    assert command(*confirming).err.startswith("“样例甲”没有用动态码证明是本人")
    assert command(*confirming, "--code", phones[0].code()).code == 0
    people = command("approver", "list", "-w", office, "--json").json
    assert [(person["id"], person["name"], person["roles"]) for person in people] == [
        ("p1", "样例甲", ["operator"]),
        ("p2", "样例乙", ["center"]),
    ]
    revoking = ("approver", "revoke", " 样例 乙", "--as", "样例甲", "-w", office)
    assert command(*revoking).err.startswith("“样例甲”没有用动态码证明是本人")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: phones[0].code())
    assert command(*revoking).code == 0
    audited = command("audit", "-w", office, "--json").json
    assert (audited["ok"], audited["events"], audited["faults"], len(audited["head"])) == (True, 7 + 4, [], 64)


class _Drawn:
    def terminal(self, **_: object) -> None:
        """Nothing is drawn."""


def test_approver_without_a_key_in_the_environment_is_told_how(command: Command, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERFEVAL_KEY")
    said = command("approver", "invite", "样例甲", "--role", "operator", "-w", office)
    assert said.code == 2
    assert "export PERFEVAL_KEY" in said.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["score"], "缺少 --year / -y"),
        (["score", "--year", "abc"], "--year / -y 的值不对"),
        (["score", "--yeer", "2022"], "没有选项 --yeer，是否要写 --year"),
        (["init"], "缺少 DIR"),
        (["nothing"], "nothing"),
        (["approver"], "invite"),
    ],
)
def test_words_that_are_no_command_are_answered_in_chinese_with_exit_2(command: Command, typed: list[str], said: str) -> None:
    answered = command(*typed)
    assert (answered.code, answered.out) == (2, "")
    assert said in answered.err


def test_status_of_a_new_workspace_is_empty(command: Command, office: Path) -> None:
    assert command("status", "-w", office, "--json").json == []


def test_verify_of_what_is_no_bag_says_so(command: Command, tmp_path: Path) -> None:
    said = command("verify", tmp_path, "--json")
    assert (said.code, said.json["ok"]) == (1, False)


def test_init_overwrites_nothing(command: Command, office: Path) -> None:
    (office / "perfeval.yml").unlink()
    before = {path: path.read_bytes() for path in office.rglob("*") if path.is_file()}
    said = command("init", office, "--sample", "taojiang-2022")
    assert (said.code, "未作任何改动" in said.err, "indicators/2022.yml" in said.err) == (2, True, True)
    assert {path: path.read_bytes() for path in office.rglob("*") if path.is_file()} == before
    assert [path for path in office.parent.iterdir() if path.name.startswith(".perfeval-")] == []


def test_workspace_whose_name_holds_signs_of_an_address_keeps_its_own_store(command: Command, office: Path) -> None:
    odd = office.rename(office.parent / "q?q#50%25")
    assert command("approver", "invite", "样例甲", "--role", "operator", "-w", odd).code == 0
    assert (odd / ".perfeval" / "store.db").is_file()
    assert [path.name for path in office.parent.iterdir()] == [odd.name]


@pytest.mark.parametrize("name", ["··", "！！", ""])
def test_approver_whose_name_has_no_letter_is_refused(command: Command, office: Path, name: str) -> None:
    assert command("approver", "invite", name, "--role", "operator", "-w", office).code == 1


def test_text_of_ledgers_does_not_move_the_cursor(command: Command, office: Path) -> None:
    path = ledger(office, "问题交办台账")
    path.unlink()
    (path.parent / "附\x1b[2J件.txt").write_text("x", encoding="utf-8")
    said = command("check", "--year", 2022, "-w", office)
    assert (said.code, "\x1b" in said.err + said.out) == (1, False)
    assert "文件名里有不能识别的字符" in said.err


def test_names_with_markup_are_shown_as_written(command: Command, office: Path) -> None:
    path = office / "indicators" / "2022.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: 宣传视频单部成本", "name: 入[/]库[bold]率"), encoding="utf-8")
    said = command("score", "--year", 2022, "-w", office)
    assert (said.code, "入[/]库" in said.out, "[bold]" in said.out) == (0, True, True), said.out


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("indicators/2022.yml", "year: 2022", "year: !!bool x"),
        ("indicators/2022.yml", "year: 2022", 'year: !!int ""'),
        ("indicators/2022.yml", "year: 2022", "year: 2022-02-30"),
        ("indicators/2022.yml", "profile: mof-2020", "profile: []"),
        ("perfeval.yml", "name: 经费补助缺口", 'name: "a\\0b"'),
        ("perfeval.yml", "name: 经费补助缺口", "name: " + "长" * 101),
        ("perfeval.yml", 'leader: ""', 'leader: "a\\x1bb"'),
        ("report/2022.md", "width: 2860", "width: !!timestamp abc"),
        ("report/2022.md", "width: 2860", "width: 2022-02-30"),
    ],
)
def test_configuration_that_yaml_cannot_make_sense_of_is_told(
    command: Command, office: Path, tmp_path: Path, file: str, old: str, new: str
) -> None:
    path = office / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    said = command("draft", "--year", 2022, "-w", office, "-o", tmp_path / "report.docx")
    assert said.code in {1, 2}
    assert f"{path.name}:" in said.err, said.err


@pytest.mark.parametrize("line", ["unit: [a", "a:\tb: c", "x: *no", "x: @y", 'x: "y', " x: y", "x: 'y' z", "- x"])
def test_form_of_yaml_is_told_in_chinese(command: Command, office: Path, line: str) -> None:
    path = office / "perfeval.yml"
    path.write_text(path.read_text(encoding="utf-8") + f"{line}\n", encoding="utf-8")
    said = command("check", "--year", 2022, "-w", office)
    problem = said.err.splitlines()[0].partition("写法有误：")[2]
    assert said.code == 2
    assert problem
    assert not any(word in problem for word in ("found", "find", "expected", "not"))


def test_damaged_sheet_is_found_and_not_lost_over_its_marked_copy(command: Command, office: Path, tmp_path: Path) -> None:
    path = ledger(office, "资金支出台账")
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(b"</sheetData>", b"&</sheetData>")
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    said = command("check", "--year", 2022, "-w", office, "--annotate", tmp_path / "marked", "--json")
    assert (said.code, {item["code"] for item in said.json["findings"] if item["severity"] == "error"}) == (1, {"L03"})


def test_words_that_are_no_text_are_refused(command: Command, office: Path) -> None:
    said = command("approver", "revoke", "a\udcff", "--as", "甲", "-w", office)
    assert (said.code, "不能识别的字符" in said.err) == (2, True)


def test_command_that_does_not_exist_is_told_in_chinese(command: Command) -> None:
    assert "没有命令 trace" in command("trace").err


@pytest.mark.parametrize("typed", [["check", "--help"], ["approver", "--help"], ["approver", "invite", "-h"], ["approver"], ["init", "-h"]])
def test_help_is_in_chinese(command: Command, typed: list[str]) -> None:
    said = command(*typed)
    text = said.out + said.err
    assert "用法：" in text
    assert [
        word for word in ("Usage", "Options", "Arguments", "Commands", "Show", "required", "default", "<path", "<list") if word in text
    ] == []


@pytest.mark.parametrize("typed", [["check"], ["score"], ["draft", "-o", "report.docx"]])
def test_year_without_a_folder_is_a_word_mistyped(command: Command, office: Path, typed: list[str]) -> None:
    said = command(*typed, "--year", 2031, "-w", office)
    assert (said.code, said.err.splitlines()[0]) == (2, "没有 2031 年度的台账文件夹 ledgers/2031")


def test_cell_that_cannot_be_read_is_not_called_empty_too(command: Command, office: Path) -> None:
    edit(ledger(office, "重点项目台账"), "年度计划投资（万元）", "约50")
    found = command("check", "--year", 2022, "-w", office, "--json").json["findings"]
    assert [(item["code"], item["cell"]) for item in found if item["severity"] == "error"] == [("V02", "H3")]
    assert [item["code"] for item in found if item["cell"] == "H3"] == ["V02"]
