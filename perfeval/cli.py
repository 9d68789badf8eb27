"""The commands that need no conductor.

Heavy rooms are imported inside the commands, so that a wrong option is answered at once.
"""

import os
import shlex
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfeval.console import SIGNS, Group, emit, say, say_findings, show_scores, tell
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
    quoted = shlex.quote(str(folder))
    if sample:
        say(f"下一步：perfeval check -w {quoted} --year {year}")
    else:
        say(f"下一步：修改 {folder / 'perfeval.yml'}，填写 {folder / 'ledgers' / year} 里的空白台账")
        say(f"做别的年度：perfeval year 年度 -w {quoted}")


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

    opened = open_workspace(workspace)
    made, confirm = packs.begin_year(opened, year, from_year)
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

    opened = open_workspace(workspace)
    year = year or packs.latest_year(opened)
    written = packs.write_blank_ledgers(opened.catalogue, year, output or opened.root / "ledgers" / str(year))
    if as_json:
        emit({"made": [str(path) for path in written]})
        return
    for path in written:
        tell(f"已写入 {path}")
    if kept := len(opened.catalogue) - len(written):
        say(f"已有的 {kept} 本台账未改动")


@app.command()
def certificate(
    host: Annotated[str, typer.Argument(metavar="HOST", help="其他电脑打开本服务所用的主机名，如 pingjia.example.cn")],
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """生成网站证书，供 serve --tls 使用；在本机以外登记设备签名须用 https。"""
    from perfeval.certificate import make_certificate
    from perfeval.model.clock import CHINA

    made = make_certificate(open_workspace(workspace).tls, host)
    if as_json:
        emit({"host": made.host, "expires_at": made.expires_at.isoformat(), "root": str(made.root), "server": str(made.server)})
        return
    tell(f"根证书：{made.root}")
    say(f"把根证书装到每台要打开本服务的电脑和手机上（受信任的根证书颁发机构）。它只能为 {made.host} 作证，私钥已丢弃。")
    say(f"有效期到 {made.expires_at.astimezone(CHINA):%Y-%m-%d}。再生成一次即作废原证书，须重新安装。")
    say(f"下一步：perfeval serve --tls --host 0.0.0.0，用 https://{made.host}:4200 打开。")
    say("以后不要改主机名和端口，否则已登记的设备签名不能用。")


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
    from perfeval.ledgers import annotate as write_copies
    from perfeval.model import Severity

    opened = open_workspace(workspace)
    # The ledgers are shared: without a programme's name they are checked for each.
    subjects = [opened.subject(year, key) for key in ([programme] if programme else [item.key for item in opened.programmes])]
    if annotate and annotate.resolve() == subjects[0].ledgers:
        raise UsageError("U08", "标注副本不能放进台账文件夹，会被当作台账再读一遍", "--annotate 换一个文件夹。")
    files = receive_ledgers(subjects[0])
    readings = [check_files(subject, files) for subject in subjects]
    doubts = [finding for subject, reading in zip(subjects, readings, strict=True) for finding in check_targets(subject, reading.ledgers)]
    findings = list(dict.fromkeys([*(finding for reading in readings for finding in reading.findings), *doubts]))
    ok = all(finding.severity is not Severity.ERROR for finding in findings)
    copies = write_copies(files, findings, annotate) if annotate else []
    if as_json:
        ledgers = readings[0].ledgers.values()
        read = [{"ledger": item.title, "file": item.file, "sheet": item.sheet, "rows": item.count_rows()} for item in ledgers]
        emit(
            {
                "ok": ok,
                "read": read,
                "findings": [{name: value for name, value in asdict(finding).items() if name != "count"} for finding in findings],
            }
        )
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
    from perfeval.model.clock import are_holidays_known, china_day
    from perfeval.reminding import undelivered
    from perfeval.steps import days_since, statuses

    office, today = open_office(workspace), china_day(datetime.now(UTC))
    found = statuses(office)
    unreached = undelivered(office, found)
    with office.store.reading() as record:
        stuck = record.stuck()
    problems = {item.evaluation: item.failure.reason for item in stuck}
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
                    "due_on": item.due_on and item.due_on.isoformat(),
                    "days_late": item.days_late(today),
                    "held": item.is_held(today),
                    "undelivered": unreached.get(item.revision.evaluation.id, ()),
                    "problem": item.problem or problems.get(item.revision.evaluation.id),
                    "digest": item.draft and item.draft.content_digest,
                    "check_code": item.draft and item.draft.check_code,
                }
                for item in found
            ]
            + [
                {
                    "evaluation": None, "year": told.year, "programme": told.programme, "state": "not-begun", "title": "没有开始",
                    "since": told.failed_at.isoformat(), "problem": told.failure.reason,
                }
                for told in stuck
                if not told.evaluation
            ]
        )  # fmt: skip
        return
    for item in found:
        evaluation = item.revision.evaluation
        revision = f"{evaluation.year} {evaluation.programme} 第{item.revision.number}稿"
        guessed = "" if not item.due_on or are_holidays_known(item.due_on) else "，当年放假安排尚未公布，按周末推算"
        late = f"，逾期{days}个工作日{'，已挂起' if item.is_held(today) else ''}" if (days := item.days_late(today)) else ""
        due = f"，限{item.due_on:%m月%d日}前{guessed}{late}" if item.due_on else ""
        tell(f"{evaluation.id}  {revision}  {item.title}（{days_since(item.since)} 天{due}）")
        if item.problem:
            tell(f"    上一次答复无效：{item.problem}")
        if problem := problems.get(evaluation.id):
            tell(f"    没有完成：{problem}")
        if labels := unreached.get(evaluation.id):
            tell(f"    通知没有送到：{'、'.join(labels)}；下次执行 perfeval remind 时再送")
    for told in stuck:
        if not told.evaluation:
            tell(f"{told.year} {told.programme}  没有开始：{told.failure.reason}")
    if not found and not stuck:
        say("还没有自评。开始一项：perfeval run --year 年度")


@app.command()
def remind(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """把待办、到期、逾期通知审批人，把审批结果和归档通知经办人；上次没有送到的再送。"""
    from perfeval.reminding import remind as send_reminders

    sent = send_reminders(open_office(workspace))
    if as_json:
        emit([{"evaluation": item.evaluation, "title": item.notice.title, "failed": item.failed} for item in sent])
    else:
        for item in sent:
            tell(f"{item.notice.title}：{'没有送到' + '、'.join(item.failed) if item.failed else '已送出'}")
        if not sent:
            say("没有要发的通知。通知地址写在环境变量 PERFEVAL_NOTICE_URLS 里，写法见手册。")
    raise typer.Exit(int(any(item.failed for item in sent)))


@app.command()
def verify(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="归档包目录")],
    head: Annotated[str, typer.Option("--head", help="审批表或通知上另存的链头，至少前24位", metavar="HEX", show_default="不对照")] = "",
    as_json: JsonOption = False,
) -> None:
    """核验归档包：摘要、审批记录、凭证、数字，并从台账重算得分。"""
    from perfeval.reperformance import verify_archive

    checks = verify_archive(archive, head)
    ok = all(item.ok for item in checks)
    if as_json:
        emit({"ok": ok, "checks": [{"name": item.name, "ok": item.ok, "state": item.state, "detail": item.detail} for item in checks]})
    else:
        for item in checks:
            tell(f"{SIGNS[item.state]} {item.name}：{item.detail}")
        unproved = "；打○的各项，包内的材料证明不了" if any(item.state == "unproved" for item in checks) else ""
        tell(f"核验通过：没有发现不符{unproved}" if ok else "核验不通过：以上打✗的各项与归档时不符")
    raise typer.Exit(0 if ok else 1)


@app.command()
def audit(
    witness: Annotated[str, typer.Option("--head", help="审批表或通知上另存的链头，至少前24位", metavar="HEX", show_default="不对照")] = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """核对审批记录：逐条核对链条、登记、审批，并与各表对照；指出被改动的是哪一条。"""
    from perfeval.archive import sealed_bags
    from perfeval.audit import audit as examine

    office = open_office(workspace)
    sealed = sealed_bags(office.workspace.archive_folder)
    with office.store.reading() as record:
        found = examine(record, witness, sealed)
    if as_json:
        emit(asdict(found) | {"ok": not found.faults})
    else:
        for item in found.faults:
            tell(f"✗ {item.chain}：{item.message}")
        for text in found.unproved:
            tell(f"○ {text}")
        tell(f"审批记录有 {len(found.faults)} 处被改动" if found.faults else f"审批记录完好：{found.events} 条，链头 {found.head}")
    raise typer.Exit(1 if found.faults else 0)


@app.command()
def move(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """把本单位的记录和存档文件移到环境变量所写的数据库、存储：一台机器不够用时。"""
    from perfeval.moving import move as move_office

    moved = move_office(open_workspace(workspace))
    if as_json:
        emit({"events": moved.events, "artifacts": moved.artifacts, "kept": moved.kept and str(moved.kept)})
        return
    if moved.kept:
        tell(f"记录已移到 PERFEVAL_DATABASE_URL 所指的数据库：审批记录 {moved.events} 条，逐条核对与原来相同")
        tell(f"移走时的记录留在 {moved.kept}，不再使用，可移到别处保存")
    if moved.artifacts is not None:
        tell(f"存档文件已放到 PERFEVAL_ARTIFACTS_URL 所指的存储：{moved.artifacts} 个，逐个核对与原来相同")
    say("下一步：以后都用现在的环境变量，执行 perfeval audit 核对，再执行 perfeval serve；等着审批的自评接着办理，不用重新送审。")


@app.command()
def doctor(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """检查本机环境和工作区：缺什么、用在哪、怎么装。"""
    from perfeval.doctor import examine
    from perfeval.workspace import CONFIG_FILE, Workspace

    opened: Workspace | ConfigurationError | None = None
    try:
        opened = open_workspace(workspace) if (workspace / CONFIG_FILE).exists() else None
    except ConfigurationError as error:
        opened = error
    results = examine(opened)
    ok = all(result.state != "missing" for result in results)
    if as_json:
        emit({"ok": ok, "checks": [asdict(result) for result in results]})
    else:
        signs = {"ok": "✓", "optional": "○", "missing": "✗"}
        for result in results:
            tell(f"{signs[result.state]} {result.name}：{result.detail}")
    raise typer.Exit(0 if ok else 1)
