"""How the program talks: data on stdout, talk on stderr, faults in Chinese with their exit code, one JSON document when asked for."""

import io
import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from perfeval.errors import FileError, LedgerError, PerfevalError, UsageError
from perfeval.texts import visible

if TYPE_CHECKING:
    from perfeval.model import Finding, Scorecard

# Typer's own words; it translates them by the machine's language, and an office's server has often none.
_WORDS = {
    "Usage: ": "用法：", "Options:": "选项：", "Arguments:": "参数：", "Commands:": "命令：", "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 …", "Show this message and exit.": "显示本说明", "required]": "必填]", "[default: ": "[默认 ",
}  # fmt: skip

# What kind of value an argument is, as Python calls it.
_TYPE = re.compile(r"(?<=\S) <(?:str|path|list\[\w+\])>")
# The exit code of Ctrl-C, which Typer takes for a command's own.
_INTERRUPTED = 130


def _in_chinese(text: str) -> str:
    for word, ours in _WORDS.items():
        text = text.replace(word, ours)
    return _TYPE.sub("", text)


# How the line of a step begins, as it is told while a run goes on.
STEP = "· "
# What came of a check of an archive.
SIGNS = {"same": "✓", "differs": "≈", "unproved": "○", "wrong": "✗"}


class _Command(TyperCommand):
    def get_help(self, ctx: Any) -> str:  # noqa: ANN401  # its class is not public
        """The command's help, in Chinese."""
        return _in_chinese(super().get_help(ctx))


class Group(TyperGroup):
    """A group of commands whose help is Chinese."""

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401  # its class is not public
        """The group's help, in Chinese."""
        return _in_chinese(super().get_help(ctx))


def answer(program: typer.Typer, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a program and turn every fault that a person can repair into its message and exit code."""
    # A fault is printed where no command is running, or none has begun: it reads the wish from here.
    if "--json" in (sys.argv[1:] if arguments is None else arguments):
        os.environ["PERFEVAL_JSON"] = "1"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ✓ still shows the rest
    _help_in_chinese(program)
    try:
        "".join(sys.argv if arguments is None else arguments).encode()
        code = program(arguments, standalone_mode=False)
    except typer.TyperException as error:
        code = _say_fault(UsageError("U00", _explain(error), "命令之后加 --help 看用法。"))
    except PerfevalError as error:
        code = _say_fault(error)
    except UnicodeEncodeError:
        code = _say_fault(UsageError("U09", "参数里有不能识别的字符", "检查终端的文字编码，应为 UTF-8。"))
    except OSError as error:
        code = _say_fault(FileError(error))
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        say("已中断")
    sys.exit(code)


def _help_in_chinese(program: typer.Typer) -> None:
    for command in program.registered_commands:
        command.cls = _Command
    for group in program.registered_groups:
        if group.typer_instance:
            _help_in_chinese(group.typer_instance)


def _say_fault(error: PerfevalError) -> int:
    if os.environ.get("PERFEVAL_JSON") == "1":
        with suppress(OSError):  # a full disk behind stdout is what may have gone wrong
            emit(_fault(error))
    if isinstance(error, LedgerError):
        say_findings(error.findings)
    say(str(error))
    return error.exit_code


def _explain(error: Exception) -> str:
    """What Typer says of the words typed, in Chinese; its error classes are not public, so they are told by name."""
    parameter = getattr(error, "param", None)
    words = [word for word in getattr(parameter, "opts", ()) if word.startswith("-")]
    name = " / ".join(words) or getattr(parameter, "metavar", "")
    match type(error).__name__:
        case "MissingParameter":
            return f"缺少 {name}"
        case "NoSuchOption":
            near = "、".join(getattr(error, "possibilities", None) or ())
            return f"没有选项 {getattr(error, 'option_name', '')}" + (f"，是否要写 {near}" if near else "")
        case "BadParameter":
            choices = "、".join(re.findall("'(.*?)'", str(error).partition(" is not one of ")[2]))
            return f"{name} 的值不对" + (f"，可用：{choices}" if choices else "")
        case "UsageError" if name_of := re.fullmatch(r"No such command '(.*)'\.(?:.*)", str(error), re.DOTALL):
            return f"没有命令 {name_of[1]}"
        case "NoArgsIsHelpError":
            return str(error)
        case _:
            return f"用法有误（{error}）"


def emit(document: object) -> None:
    """Print the one JSON document of a command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=_plain) + "\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def say(text: str) -> None:
    """Talk to the person, on stderr."""
    sys.stderr.write(_shown(text) + "\n")


def tell(text: str) -> None:
    """Print a line of data for people, on stdout."""
    sys.stdout.write(_shown(text) + "\n")


def tell_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of data for people, on stdout, one a line, their columns below one another."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        tell("  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip())


def _shown(text: str) -> str:
    """Lines without what would move the reader's cursor: they may come from a cell, a file's name, a bag."""
    return "\n".join(map(visible, text.split("\n")))


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four, as people compare it."""
    return " ".join(fingerprint[place : place + 4] for place in range(0, len(fingerprint), 4))


def say_findings(findings: "Sequence[Finding]") -> None:
    """List findings, worst first, each with its place."""
    from perfeval.model import Severity

    worst_first = list(Severity)
    for finding in sorted(findings, key=lambda finding: worst_first.index(finding.severity)):
        found = f"（现为“{finding.value}”）" if finding.value else ""
        place = finding.place or finding.ledger
        say(f"{finding.severity.word} {finding.code}{f' {place}' if place else ''}：{finding.message}{found}")


def show_scores(card: "Scorecard") -> None:
    """Print the scorecard as a table on stdout."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from perfeval.model.numbers import percentage

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("二级指标", "三级指标", "指标值", "实际完成值"):
        table.add_column(name, overflow="fold")
    for name in ("分值", "得分"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in card.scores:
        table.add_row(*(Text(visible(f"{cell}")) for cell in (row.level2, row.name, row.target, row.actual, row.weight, row.score)))
    execution = card.execution
    table.add_row("预算执行", "预算执行率", "100%", percentage(execution.rate), f"{execution.weight}", f"{execution.score}")
    for item in card.adjustments:
        table.add_row("评分调整", Text(visible(item.explanation)), "", "", "", f"{item.points}")
    table.add_section()
    table.add_row("", "总分", "", card.grade, "100", f"{card.total}", style="bold")
    Console(soft_wrap=False).print(table)


def _fault(error: PerfevalError) -> dict[str, Any]:
    document: dict[str, Any] = {"ok": False, "error": {"code": error.code, "message": error.message, "hint": error.hint}}
    if isinstance(error, LedgerError):
        document["findings"] = [asdict(finding) for finding in error.findings]
    if error.faults:
        document["error"]["faults"] = list(error.faults)
    return document
