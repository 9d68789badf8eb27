"""The commands that need no conductor. Data goes to stdout, talk to stderr; `--json` prints one document and nothing else.

Heavy rooms are imported inside the commands, so that a wrong option is answered at once.
"""

import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from perfeval.errors import ConfigurationError, FileError, LedgerError, PerfevalError, UsageError
from perfeval.texts import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfeval.model import Finding
    from perfeval.store import Store
    from perfeval.workspace import Workspace

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "-w", "--workspace", envvar="PERFEVAL_WORKSPACE", show_envvar=False, help="工作区目录", metavar="DIR", show_default="当前目录"
    ),
]


JsonOption = Annotated[bool, typer.Option("--json", envvar="PERFEVAL_JSON", show_envvar=False, help="只在标准输出打印一份 JSON")]
YearOption = Annotated[int, typer.Option("--year", "-y", min=2000, max=2100, help="自评年度", metavar="Y")]

# Typer's own words; it translates them by the machine's language, and an office's server has often none.
_WORDS = {
    "Usage: ": "用法：", "Options:": "选项：", "Arguments:": "参数：", "Commands:": "命令：", "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 …", "Show this message and exit.": "显示本说明", "required]": "必填]", "[default: ": "[默认 ",
}  # fmt: skip


def _in_chinese(text: str) -> str:
    for word, ours in _WORDS.items():
        text = text.replace(word, ours)
    return text


class _Command(TyperCommand):
    def get_help(self, ctx: Any) -> str:  # noqa: ANN401  # its class is not public
        """The command's help, in Chinese."""
        return _in_chinese(super().get_help(ctx))


class _Group(TyperGroup):
    def get_help(self, ctx: Any) -> str:  # noqa: ANN401  # its class is not public
        """The group's help, in Chinese."""
        return _in_chinese(super().get_help(ctx))


app = typer.Typer(
    cls=_Group,
    help="从台账到项目支出绩效自评报告：校验、评分、成文、审批、归档。",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
approver_app = typer.Typer(cls=_Group, help="登记、查看、停用审批人。", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(approver_app, name="approver")


def answer(program: typer.Typer, arguments: "Sequence[str] | None" = None) -> NoReturn:
    """Run a program and turn every fault that a person can repair into its message and exit code."""
    # A fault is printed where no command is running, or none has begun: it reads the wish from here.
    if "--json" in (sys.argv[1:] if arguments is None else arguments):
        os.environ["PERFEVAL_JSON"] = "1"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ✓ still shows the rest
    for command in (*app.registered_commands, *approver_app.registered_commands):
        command.cls = _Command
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
        say("已中断")
        code = 130
    sys.exit(code)


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
            choices = "、".join(getattr(getattr(parameter, "type", None), "choices", ()))
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


def _shown(text: str) -> str:
    """Lines without what would move the reader's cursor: they may come from a cell, a file's name, a bag."""
    return "\n".join(map(visible, text.split("\n")))


def say_findings(findings: "Sequence[Finding]") -> None:
    """List findings, worst first, each with its place."""
    from perfeval.model import Severity

    worst_first = list(Severity)
    for finding in sorted(findings, key=lambda finding: worst_first.index(finding.severity)):
        found = f"（现为“{finding.value}”）" if finding.value else ""
        say(f"{finding.severity.word} {finding.code} {finding.place or finding.ledger or ''}：{finding.message}{found}")


def open_workspace(folder: Path) -> "Workspace":
    """The workspace of a command."""
    from perfeval.workspace import Workspace

    return Workspace(folder)


def open_store(workspace: "Workspace") -> "Store":
    """The workspace's store."""
    from perfeval.store import open_store as opened

    return opened(workspace)


@app.callback()
def _program(
    workspace: Annotated[Path | None, typer.Option("-w", "--workspace", help="工作区目录，也可写在命令之后", metavar="DIR")] = None,
    _as_json: Annotated[bool, typer.Option("--json", help="只打印一份 JSON，也可写在命令之后")] = False,
) -> None:
    # Commands read both as environment variables, so they may stand before or behind the command's name.
    if workspace is not None:
        os.environ["PERFEVAL_WORKSPACE"] = str(workspace)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="新工作区目录")],
    sample: Annotated[str, typer.Option(help="同时写入样例台账：taojiang-2022", metavar="NAME")] = "",
    scale: Annotated[int, typer.Option(min=1, max=1000, help="样例台账行数的倍数", metavar="N")] = 1,
    as_json: JsonOption = False,
) -> None:
    """新建工作区：配置、指标体系、报告底稿，可附样例台账。"""
    files = create_workspace(folder, sample, scale)
    if as_json:
        emit({"workspace": str(folder), "files": [path.relative_to(folder).as_posix() for path in files]})
    else:
        tell(f"工作区已建立：{folder}（{len(files)} 个文件）")
        say(
            f"下一步：perfeval check -w {shlex.quote(str(folder))} --year 2022"
            if sample
            else f"下一步：把台账放进 {folder / 'ledgers' / '2022'}"
        )


def create_workspace(folder: Path, sample: str, scale: int = 1) -> list[Path]:
    """Write the default configuration, and the sample's ledgers if asked for.

    Raises: UsageError: an unknown sample, or a folder in use.
    """
    from perfeval.workspace import CONFIG_FILE, DEFAULT_CONFIG

    if sample not in {"", "taojiang-2022"}:
        raise UsageError("U03", f"没有名为“{sample}”的样例", "可用样例：taojiang-2022")
    if (folder / CONFIG_FILE).exists() or (folder.exists() and not folder.is_dir()):
        raise UsageError("U04", f"{folder} 已是工作区或不是目录，未作任何改动", "换一个新目录。")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made beside and moved: a full disk leaves no half workspace.
    with tempfile.TemporaryDirectory(prefix=".perfeval-", dir=folder.parent) as beside:
        made = Path(shutil.copytree(DEFAULT_CONFIG, Path(beside) / "made"))
        (made / "ledgers" / "2022").mkdir(parents=True)
        if sample:
            from perfeval.sample import write_sample

            write_sample(made / "ledgers" / "2022", scale)
        files = [path.relative_to(made) for path in sorted(made.rglob("*")) if path.is_file()]
        if taken := [str(file) for file in files if (folder / file).exists()]:
            raise UsageError("U04", f"{folder} 里已有 {'、'.join(taken)}，未作任何改动", "换一个新目录，或先移走这些文件。")
        (folder / "ledgers" / "2022").mkdir(parents=True, exist_ok=True)
        for file in sorted(files, key=lambda file: file.name == CONFIG_FILE):  # which makes it a workspace, last
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made / file, folder / file)
    return [folder / file for file in files]


@app.command()
def check(
    year: YearOption,
    annotate: Annotated[Path | None, typer.Option(help="把有问题的单元格标在台账副本上，写入此目录", metavar="DIR")] = None,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """校验台账：逐格列出全部问题。"""
    from perfeval.assessment import check_files, receive_ledgers
    from perfeval.ledgers import annotate as mark
    from perfeval.model import Severity

    place = open_workspace(workspace)
    if annotate and annotate.resolve() == place.ledgers(year):
        raise UsageError("U08", "标注副本不能放进台账文件夹，会被当作台账再读一遍", "--annotate 换一个文件夹。")
    files = receive_ledgers(place, year)
    findings = check_files(place, year, files).findings
    ok = all(finding.severity is not Severity.ERROR for finding in findings)
    copies = mark(files, findings, annotate) if annotate else []
    if as_json:
        emit({"ok": ok, "findings": [asdict(finding) for finding in findings]})
    else:
        say_findings(findings)
        counts = Counter(finding.severity for finding in findings)
        others = [f"{counts[severity]} 条{severity.word}" for severity in (Severity.WARNING, Severity.NOTE) if counts[severity]]
        tell("，".join(["台账校验通过" if ok else f"台账有 {counts[Severity.ERROR]} 处错误", *others]))
    for copy in copies:
        say(f"已标注：{copy}")
    raise typer.Exit(0 if ok else 1)


@app.command()
def score(year: YearOption, workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """计算指标和自评得分。"""
    from perfeval.assessment import assess, receive_ledgers
    from perfeval.model.documents import print_scores

    place = open_workspace(workspace)
    assessment = assess(place, year, receive_ledgers(place, year))
    if as_json:
        emit(print_scores(assessment.facts, assessment.card))
    else:
        show_scores(assessment.card)


def show_scores(card: Any) -> None:  # noqa: ANN401  # Scorecard, not imported for --help's sake
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
    table.add_section()
    table.add_row("", "总分", "", card.grade, "100", f"{card.total}", style="bold")
    Console(soft_wrap=False).print(table)


@app.command()
def draft(
    year: YearOption,
    output: Annotated[Path, typer.Option("-o", "--output", help="写入的Word文件", metavar="FILE")],
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """不进入审批，生成一份报告草稿。"""
    from perfeval.assessment import assess, receive_ledgers, write_report
    from perfeval.model.documents import number

    if output.suffix.lower() != ".docx":
        raise UsageError("U07", f"草稿是 Word 文件，不能写成 {output.name}", "文件名以 .docx 结尾。")
    place = open_workspace(workspace)
    report = write_report(place, year, 0, assess(place, year, receive_ledgers(place, year)))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(report.document)
    if as_json:
        figures = [{**asdict(figure), "value": number(figure.value)} for figure in report.figures]
        emit({"path": str(output), "digest": report.content_digest, "figures": figures})
    else:
        tell(f"草稿已写入 {output}（{len(report.figures)} 个数字，摘要 {report.content_digest[:16]}…）")


@app.command()
def status(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """每项自评进行到哪一步、等了多久。"""
    from perfeval.steps import days_since, standing

    place = open_workspace(workspace)
    store = open_store(place)
    standings = [standing(place, store, evaluation) for evaluation in store.evaluations()]
    if as_json:
        emit(
            [
                {
                    "evaluation": item.revision.evaluation.id,
                    "year": item.revision.evaluation.year,
                    "programme": item.revision.evaluation.programme,
                    "state": item.key,
                    "title": item.title,
                    "revision": item.revision.number,
                    "since": item.since.isoformat(),
                    "days": days_since(item.since),
                    "digest": item.draft and item.draft.content_digest,
                    "check_code": item.draft and item.draft.check_code,
                }
                for item in standings
            ]
        )
        return
    for item in standings:
        evaluation = item.revision.evaluation
        revision = f"{evaluation.year} {evaluation.programme} 第{item.revision.number}稿"
        tell(f"{evaluation.id}  {revision}  {item.title}（{days_since(item.since)} 天）")
    if not standings:
        say("还没有自评。开始一项：perfeval run --year 2022")


@app.command()
def verify(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="归档包目录")],
    as_json: JsonOption = False,
) -> None:
    """核验归档包：摘要、审批、数字，并从台账重算得分。"""
    from perfeval.reperformance import verify_archive

    checks = verify_archive(archive)
    ok = all(item.ok for item in checks)
    if as_json:
        emit({"ok": ok, "checks": [asdict(item) for item in checks]})
    else:
        for item in checks:
            tell(f"{'✓' if item.ok else '✗'} {item.name}：{item.detail}")
        tell("核验通过：归档包完好" if ok else "核验不通过：以上打✗的各项与归档时不符")
    raise typer.Exit(0 if ok else 1)


@app.command()
def doctor(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """检查本机环境和工作区：缺什么、用在哪、怎么装。"""
    from perfeval.doctor import examine
    from perfeval.workspace import CONFIG_FILE

    place: Workspace | ConfigurationError | None = None
    try:
        place = open_workspace(workspace) if (workspace / CONFIG_FILE).exists() else None
    except ConfigurationError as error:
        place = error
    results = examine(place)
    ok = all(result.state != "missing" for result in results)
    if as_json:
        emit({"ok": ok, "checks": [asdict(result) for result in results]})
    else:
        marks = {"ok": "✓", "optional": "○", "missing": "✗"}
        for result in results:
            tell(f"{marks[result.state]} {result.name}：{result.detail}")
    raise typer.Exit(0 if ok else 1)


@approver_app.command("add")
def approver_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="姓名")],
    role: Annotated[str, typer.Option(help="审批环节：center 中心，bureau 财政局", metavar="ROLE")],
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """登记审批人，给出动态码的登记链接和二维码（只显示这一次）。"""
    from perfeval.approvals import enrol
    from perfeval.workspace import secret_key

    place = open_workspace(workspace)
    key = secret_key()
    person, uri = enrol(open_store(place), name, role, place.gates, key)
    if as_json:
        emit({"name": person.name, "role": person.role, "uri": uri})
        return
    import segno

    tell(uri)
    segno.make(uri, error="m").terminal(out=sys.stderr, compact=True)
    say(f"“{person.name}”已登记。请本人用手机上的动态码应用扫描二维码；链接和二维码只显示这一次。")


@approver_app.command("list")
def approver_list(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """列出审批人。"""
    from perfeval.model.evaluation import gate_title

    place = open_workspace(workspace)
    people = open_store(place).people()
    if as_json:
        emit([asdict(person) for person in people])
        return
    for person in people:
        until = f"，{person.revoked_at.astimezone():%Y-%m-%d} 停用" if person.revoked_at else ""
        title = gate_title(place.gates, person.role)
        tell(f"{person.name}  {title}  {person.enrolled_at.astimezone():%Y-%m-%d} 登记{until}")
    if not people:
        say("还没有审批人。登记一位：perfeval approver add 姓名 --role center")


@approver_app.command("revoke")
def approver_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="姓名")], workspace: WorkspaceOption = Path(), as_json: JsonOption = False
) -> None:
    """停用审批人；已作的决定不受影响。"""
    from perfeval.approvals import find_approver

    store = open_store(open_workspace(workspace))
    person = find_approver(store, name)
    revoked = person is not None and store.revoke(person.name)
    if as_json:
        emit({"name": name, "revoked": revoked})
    else:
        say(f"“{name}”已停用" if revoked else f"没有在用的审批人“{name}”")
    raise typer.Exit(0 if revoked else 1)


def _fault(error: PerfevalError) -> dict[str, Any]:
    document: dict[str, Any] = {"ok": False, "error": {"code": error.code, "message": error.message, "hint": error.hint}}
    if isinstance(error, LedgerError):
        document["findings"] = [asdict(finding) for finding in error.findings]
    if error.faults:
        document["error"]["faults"] = list(error.faults)
    return document
