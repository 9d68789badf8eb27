"""How the program talks: what goes to which stream, which exit code follows, and every fault in Chinese."""

import errno
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
import typer

from perfeval.console import Group, answer, emit, say, say_findings, show_scores, tell
from perfeval.errors import ConfigurationError, LedgerError, UsageError
from perfeval.model import Execution, Finding, Score, Scorecard, Severity

ERROR = Finding("V01", Severity.ERROR, "必填，不能为空。", "资金支出台账", "支出.xlsx", "Sheet1", 3, "日期", "B3")
NOTE = Finding("L16", Severity.NOTE, "未使用的栏。", "资金支出台账")
WARNING = Finding("X05", Severity.WARNING, "与预算不符。", "资金支出台账", "支出.csv", row=4, value="12")
program = typer.Typer(cls=Group, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


@program.command()
def raising(kind: Annotated[str, typer.Argument(metavar="KIND")]) -> None:
    """出错."""
    raise {
        "usage": UsageError("U04", "目录已被使用", "换一个。"),
        "configuration": ConfigurationError("F03", "有 2 处配置错误：", "修改。", faults=["a.yml:1: 甲", "a.yml:2: 乙"]),
        "ledgers": LedgerError("L00", "台账有 1 处错误", findings=[NOTE, ERROR]),
        "disk": OSError(errno.ENOSPC, "No space left on device", "/dev/full"),
        "interrupt": KeyboardInterrupt(),
    }[kind]


@program.command()
def counting(
    year: Annotated[int, typer.Option("--year", "-y", min=2000, metavar="Y", help="年度")],
    kind: Annotated[Severity, typer.Option(help="级别")] = Severity.NOTE,
) -> None:
    """数数."""
    tell(f"{year} {kind.word}")


@dataclass(frozen=True)
class Said:
    """What was left: exit code, data, talk."""

    code: int
    out: str
    err: str


Running = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Running:
    def running(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as stop:
            answer(program, arguments)
        return Said(int(stop.value.code or 0), *capsys.readouterr())

    return running


def test_command_that_succeeds_leaves_its_data(run: Running) -> None:
    assert run("counting", "--year", "2022") == Said(0, "2022 说明\n", "")


@pytest.mark.parametrize(
    ("kind", "code", "talk"),
    [
        ("usage", 2, "目录已被使用\n换一个。\n"),
        ("configuration", 2, "有 2 处配置错误：\na.yml:1: 甲\na.yml:2: 乙\n修改。\n"),
        ("disk", 1, "读写文件失败：磁盘已满（/dev/full）\n检查文件是否被别的程序占用，以及文件夹的权限和磁盘空间。\n"),
        ("interrupt", 130, "已中断\n"),
        (
            "ledgers",
            1,
            "错误 V01 支出.xlsx!Sheet1!B3：必填，不能为空。\n说明 L16 资金支出台账：未使用的栏。\n台账有 1 处错误\n",
        ),
    ],
)
def test_fault_is_told_on_stderr_with_its_exit_code(run: Running, kind: str, code: int, talk: str) -> None:
    assert run("raising", kind) == Said(code, "", talk)


def test_fault_of_the_words_typed_is_a_json_document_where_one_is_asked_for(run: Running) -> None:
    said = run("raising", "configuration", "--json")
    assert said.code == 2
    assert json.loads(said.out) == {
        "ok": False,
        "error": {"code": "U00", "message": "没有选项 --json", "hint": "命令之后加 --help 看用法。"},
    }


def test_faults_of_ledgers_and_files_are_in_the_json_document(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_JSON", "1")
    told = json.loads(run("raising", "ledgers").out)
    assert told["error"] == {"code": "L00", "message": "台账有 1 处错误", "hint": ""}
    assert [(finding["code"], finding["severity"], finding["cell"]) for finding in told["findings"]] == [
        ("L16", "note", None),
        ("V01", "error", "B3"),
    ]
    assert json.loads(run("raising", "configuration").out)["error"]["faults"] == ["a.yml:1: 甲", "a.yml:2: 乙"]


@pytest.mark.parametrize(
    ("arguments", "talk"),
    [
        (["counting"], "缺少 --year / -y"),
        (["raising"], "缺少 KIND"),
        (["counting", "--yaer", "2022"], "没有选项 --yaer，是否要写 --year"),
        (["counting", "--year", "一"], "--year / -y 的值不对"),
        (["counting", "--year", "1999"], "--year / -y 的值不对"),
        (["counting", "--year", "2022", "--kind", "bad"], "--kind 的值不对，可用：error、warning、note"),
        (["count"], "没有命令 count"),
        (["counting", "\udcff"], "参数里有不能识别的字符"),
    ],
)
def test_words_that_are_no_command_are_told_in_chinese(run: Running, arguments: list[str], talk: str) -> None:
    said = run(*arguments)
    assert (said.code, said.err.splitlines()[0]) == (2, talk)


def test_help_is_chinese(run: Running) -> None:
    said = run("counting", "--help")
    assert said.code == 0
    assert "用法：" in said.out
    assert "必填]" in said.out
    assert [word for word in ("Usage", "Options", "required", "default", "Show this") if word in said.out] == []


def test_lines_cannot_move_the_readers_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    tell("数据\x1b[2J\n第二行")
    say("话\u202e")
    assert tuple(capsys.readouterr()) == ("数据�[2J\n第二行\n", "话�\n")


def test_findings_are_told_worst_first_each_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    say_findings([NOTE, WARNING, ERROR])
    assert capsys.readouterr().err.splitlines() == [
        "错误 V01 支出.xlsx!Sheet1!B3：必填，不能为空。",
        "提醒 X05 支出.csv!第4行：与预算不符。（现为“12”）",
        "说明 L16 资金支出台账：未使用的栏。",
    ]


def test_document_tells_times_and_chinese_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"等待": datetime(2023, 4, 3, 8, 30, tzinfo=UTC)})
    assert capsys.readouterr().out == '{\n  "等待": "2023-04-03T08:30:00+00:00"\n}\n'


def test_scores_are_a_table_with_execution_and_total(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    execution = Execution(Decimal(0), Decimal(200), Decimal(100), Decimal(50), Decimal(10), Decimal(5), "执行一半", {})
    row = Score("m", "产出指标", "数量指标", "会议\x1b次数", Decimal(90), "≥60次", "73次", Decimal("88.50"), "达到指标值")
    show_scores(Scorecard((row,), execution, Decimal("93.50"), "优"))
    told: list[Any] = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["数量指标", "会议�次数", "≥60次", "73次", "90", "88.50"] in told
    assert ["预算执行", "预算执行率", "100%", "50%", "10", "5"] in told
    assert ["总分", "优", "100", "93.50"] in told
