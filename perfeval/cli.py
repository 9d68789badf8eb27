"""The commands that need no conductor.

Heavy rooms are imported inside the commands, so that a wrong option is answered at once.
"""

import os
import shlex
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfeval.console import MARKS, Group, emit, say, say_findings, show_scores, tell
from perfeval.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from perfeval.office import Office
    from perfeval.workspace import Subject, Workspace

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "-w", "--workspace", envvar="PERFEVAL_WORKSPACE", show_envvar=False, help="工作区目录", metavar="DIR", show_default="当前目录"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", envvar="PERFEVAL_JSON", show_envvar=False, help="只在标准输出打印一份 JSON")]
YearOption = Annotated[int, typer.Option("--year", "-y", min=2000, max=2099, help="自评年度", metavar="Y")]
ProgrammeOption = Annotated[str, typer.Option("--programme", help="项目的 key；只有一个项目时不写", metavar="KEY")]

app = typer.Typer(
    cls=Group,
    help="从台账到项目支出绩效自评报告：校验、评分、成文、审批、归档。",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
approver_app = typer.Typer(cls=Group, help="登记、查看、停用审批人。", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(approver_app, name="approver")


def open_workspace(folder: Path) -> "Workspace":
    """The workspace of a command."""
    from perfeval.workspace import Workspace

    return Workspace(folder)


def open_subject(folder: Path, year: int, programme: str) -> "Subject":
    """The programme's year that a command is about."""
    return open_workspace(folder).subject(year, programme)


def open_office(folder: Path) -> "Office":
    """The workspace of a command with its store."""
    from perfeval.office import open_office as opened

    return opened(folder)


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
    pack: Annotated[str, typer.Option(help="从哪一套设置开始；写错时列出可用的", metavar="P")] = "",
    sample: Annotated[str, typer.Option(help="同时写入样例台账，如 taojiang-2022", metavar="NAME")] = "",
    scale: Annotated[int, typer.Option(min=1, max=1000, help="样例台账行数的倍数", metavar="N")] = 1,
    as_json: JsonOption = False,
) -> None:
    """新建工作区：设置、指标体系、报告底稿、空白台账，可附样例台账。"""
    from perfeval.packs import create_workspace

    files = create_workspace(folder, pack, sample, scale)
    if as_json:
        emit({"workspace": str(folder), "files": [path.relative_to(folder).as_posix() for path in files]})
        return
    year = next(path.parent.name for path in files if path.parent.parent.name == "ledgers")
    tell(f"工作区已建立：{folder}（{len(files)} 个文件）")
    place = shlex.quote(str(folder))
    if sample:
        say(f"下一步：perfeval check -w {place} --year {year}")
    else:
        say(f"下一步：修改 {folder / 'perfeval.yml'}，填写 {folder / 'ledgers' / year} 里的空白台账")
        say(f"做别的年度：perfeval year 年度 -w {place}")


@app.command("year")
def begin_year(
    year: Annotated[int, typer.Argument(min=2000, max=2099, metavar="Y", help="要开始的年度")],
    from_year: Annotated[
        int, typer.Option("--from", min=0, max=2099, help="沿用哪一年的指标和底稿", metavar="Y0", show_default="最近一年")
    ] = 0,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """开始新的年度：沿用指标体系和报告底稿，写入空白台账，列出须核对之处。"""
    from perfeval import packs

    place = open_workspace(workspace)
    made, confirm = packs.begin_year(place, year, from_year)
    if as_json:
        emit({"made": made, "confirm": confirm})
        return
    for name in made:
        tell(f"已写入 {name}")
    say("请逐项核对：" if confirm else "没有须核对之处。")
    for text in confirm:
        say(f"- {text}")


@app.command()
def template(
    year: Annotated[int, typer.Option("--year", "-y", min=0, max=2099, help="自评年度", metavar="Y", show_default="最近一年")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="写入的目录", metavar="DIR", show_default="ledgers/年度")] = None,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """写空白台账：表头、下拉选项、格式、批注都已设好；已有的文件不动。"""
    from perfeval import packs

    place = open_workspace(workspace)
    year = year or packs.latest_year(place)
    written = packs.write_blank_ledgers(place.catalogue, year, output or place.root / "ledgers" / str(year))
    if as_json:
        emit({"made": [str(path) for path in written]})
        return
    for path in written:
        tell(f"已写入 {path}")
    if kept := len(place.catalogue) - len(written):
        say(f"已有的 {kept} 本台账未改动")


@app.command()
def check(
    year: YearOption,
    annotate: Annotated[Path | None, typer.Option(help="把有问题的单元格标在台账副本上，写入此目录", metavar="DIR")] = None,
    programme: ProgrammeOption = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """校验台账：逐格列出全部问题。"""
    from perfeval.assessment import check_files, check_targets, receive_ledgers
    from perfeval.ledgers import annotate as mark
    from perfeval.model import Severity

    place = open_workspace(workspace)
    # The ledgers are shared: without a programme's name they are checked for each.
    subjects = [place.subject(year, key) for key in ([programme] if programme else [item.key for item in place.programmes])]
    if annotate and annotate.resolve() == subjects[0].ledgers:
        raise UsageError("U08", "标注副本不能放进台账文件夹，会被当作台账再读一遍", "--annotate 换一个文件夹。")
    files = receive_ledgers(subjects[0])
    readings = [check_files(subject, files) for subject in subjects]
    doubts = [finding for subject, reading in zip(subjects, readings, strict=True) for finding in check_targets(subject, reading.ledgers)]
    findings = list(dict.fromkeys([*(finding for reading in readings for finding in reading.findings), *doubts]))
    ok = all(finding.severity is not Severity.ERROR for finding in findings)
    copies = mark(files, findings, annotate) if annotate else []
    if as_json:
        ledgers = readings[0].ledgers.values()
        read = [{"ledger": item.title, "file": item.file, "sheet": item.sheet, "rows": item.count_rows()} for item in ledgers]
        emit({"ok": ok, "read": read, "findings": [asdict(finding) for finding in findings]})
    else:
        say_findings(findings)
        counts = Counter(finding.severity for finding in findings)
        others = [f"{counts[severity]} 条{severity.word}" for severity in (Severity.WARNING, Severity.NOTE) if counts[severity]]
        tell("，".join(["台账校验通过" if ok else f"台账有 {counts[Severity.ERROR]} 处错误", *others]))
    for copy in copies:
        say(f"已标注：{copy}")
    raise typer.Exit(0 if ok else 1)


@app.command()
def score(year: YearOption, programme: ProgrammeOption = "", workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """计算指标和自评得分。"""
    from perfeval.assessment import assess, receive_ledgers
    from perfeval.model.documents import print_scores

    subject = open_subject(workspace, year, programme)
    assessment = assess(subject, receive_ledgers(subject))
    if as_json:
        emit(print_scores(assessment.facts, assessment.card))
    else:
        show_scores(assessment.card)


@app.command()
def explain(year: YearOption, programme: ProgrammeOption = "", workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """列出须说明的事项：缺少哪些，已经写了哪些。"""
    from perfeval import assessment

    subject = open_subject(workspace, year, programme)
    found = assessment.explain(subject, assessment.assess(subject, assessment.receive_ledgers(subject), for_draft=True))
    if as_json:
        given = {key: item.told for key, item in found.given.items()}
        emit({"missing": [asdict(need) for need in found.missing], "given": given})
        raise typer.Exit(1 if found.missing else 0)
    for need in found.missing:
        tell(f"缺少 {need.key}：{need.where}，{need.why}")
    for key, item in found.given.items():
        tell(f"{'用不到' if key in found.unused else '已有'} {key}：{item.told}")
    file = f"explanations/{subject.explanations.name}"
    say(f"缺少 {len(found.missing)} 处说明，写进 {file}" if found.missing else f"须说明的 {len(found.needs)} 处都已写在 {file}")
    raise typer.Exit(1 if found.missing else 0)


@app.command()
def draft(
    year: YearOption,
    output: Annotated[Path, typer.Option("-o", "--output", help="写入的Word文件", metavar="FILE")],
    programme: ProgrammeOption = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """不进入审批，生成一份报告草稿。"""
    from perfeval.assessment import assess, receive_ledgers, write_report
    from perfeval.model.documents import number

    if output.suffix.lower() != ".docx":
        raise UsageError("U07", f"草稿是 Word 文件，不能写成 {output.name}", "文件名以 .docx 结尾。")
    subject = open_subject(workspace, year, programme)
    report = write_report(subject, 0, assess(subject, receive_ledgers(subject), for_draft=True))
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
    from perfeval.steps import days_since, statuses

    found = statuses(open_office(workspace))
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
                for item in found
            ]
        )
        return
    for item in found:
        evaluation = item.revision.evaluation
        revision = f"{evaluation.year} {evaluation.programme} 第{item.revision.number}稿"
        tell(f"{evaluation.id}  {revision}  {item.title}（{days_since(item.since)} 天）")
    if not found:
        say("还没有自评。开始一项：perfeval run --year 年度")


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
        emit({"ok": ok, "checks": [{"name": item.name, "ok": item.ok, "state": item.state, "detail": item.detail} for item in checks]})
    else:
        for item in checks:
            tell(f"{MARKS[item.state]} {item.name}：{item.detail}")
        tell("核验通过：归档包完好" if ok else "核验不通过：以上打✗的各项与归档时不符")
    raise typer.Exit(0 if ok else 1)


@app.command()
def doctor(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """检查本机环境和工作区：缺什么、用在哪、怎么装。"""
    from perfeval.doctor import examine
    from perfeval.workspace import CONFIG_FILE, Workspace

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
    role: Annotated[str, typer.Option(help="审批环节的 key，见 perfeval.yml 的 gates", metavar="ROLE")],
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """登记审批人，给出动态码的登记链接和二维码（只显示这一次）。"""
    from perfeval.steps import enrol

    office = open_office(workspace)
    person, uri = enrol(office, name, role)
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

    office = open_office(workspace)
    with office.store.reading() as record:
        people = record.people()
    if as_json:
        emit([asdict(person) for person in people])
        return
    for person in people:
        until = f"，{person.revoked_at.astimezone():%Y-%m-%d} 停用" if person.revoked_at else ""
        title = gate_title(office.workspace.gates, person.role)
        tell(f"{person.name}  {title}  {person.enrolled_at.astimezone():%Y-%m-%d} 登记{until}")
    if not people:
        say("还没有审批人。登记一位：perfeval approver add 姓名 --role center")


@approver_app.command("revoke")
def approver_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="姓名")], workspace: WorkspaceOption = Path(), as_json: JsonOption = False
) -> None:
    """停用审批人；已作的决定不受影响。"""
    from perfeval.steps import revoke

    revoked = revoke(open_office(workspace), name)
    if as_json:
        emit({"name": name, "revoked": revoked})
    else:
        say(f"“{name}”已停用" if revoked else f"没有在用的审批人“{name}”")
    raise typer.Exit(0 if revoked else 1)
