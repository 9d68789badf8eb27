"""The `perfeval` program: perfeval.cli's commands and those that need Prefect, which alone import it, when they run."""

import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perfeval.approver_cli import approver_app
from perfeval.cli import JsonOption, ProgrammeOption, WorkspaceOption, YearOption, app, open_office
from perfeval.console import STEP, answer, emit, say, say_findings, tell, tell_table

if TYPE_CHECKING:
    from flows.batch import Item, Outcome
    from flows.client import Address, Client
    from flows.conduct import Position
    from perfeval.model import Finding, Revision, Status
    from perfeval.office import Office
    from perfeval.workspace import Subject

app.add_typer(approver_app, name="approver")

_SERVER_SECONDS = 60
_LOOK_SECONDS = 0.5
_USAGE = 2
OfficesArgument = Annotated[list[Path] | None, typer.Argument(metavar="OFFICE", help="各单位的工作区，默认当前目录")]


class Choice(StrEnum):
    """审批决定, as typed on a terminal."""

    APPROVE = "approve"
    RETURN = "return"
    REFUSE = "refuse"


@app.command()
def run(
    year: YearOption,
    name: Annotated[str, typer.Option("--as", help="送审人，默认为设置中的填表人", metavar="NAME")] = "",
    note: Annotated[str, typer.Option(help="退回后已更正：说明更正了什么", metavar="TEXT")] = "",
    reply: Annotated[list[str] | None, typer.Option(help="答复修改意见，按顺序每条一个", metavar="TEXT")] = None,
    programme: ProgrammeOption = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """开始或继续一项自评，直到等待审批。"""
    from flows.keeping import conducting
    from perfeval.errors import UsageError
    from perfeval.model import Stage

    office = open_office(workspace)
    subject = office.workspace.subject(year, programme)
    status = _current(office, subject)
    if status and status.stage is Stage.ARCHIVED:
        raise UsageError("P08", f"{year}年度的自评已归档：{status.revision.evaluation.id}", "用 perfeval verify 核验归档包。")
    if status and status.stage is Stage.CORRECTING:
        _correct(office, status, note, reply or [])
    elif note or reply:
        say("没有被退回的稿，--note、--reply 未采用。")
    if status and name not in {"", status.revision.evaluation.prepared_by}:
        say(f"这项自评已由“{status.revision.evaluation.prepared_by}”送审，--as 未采用。")
    if faulty := _faulty(office, subject, status):
        _report(office, faulty, None, as_json=as_json)
    with steps_shown("准备服务……") as show, conducting(office, show) as (conductor, address):
        position = conductor.go_on(status.revision.evaluation) if status else conductor.begin(subject, name)
    _report(office, position, address, as_json=as_json)


@app.command()
def decide(
    evaluation: Annotated[str, typer.Argument(metavar="ID", help="自评编号，见 perfeval status")],
    gate: Annotated[str, typer.Option(help="审批环节的 key，如 center、bureau", metavar="GATE")],
    decision: Annotated[Choice, typer.Option(help="同意、退回修改、不同意")],
    name: Annotated[str, typer.Option("--as", help="审批人姓名", metavar="NAME")],
    code: Annotated[str, typer.Option(help="动态码", metavar="N")],
    check_code: Annotated[str, typer.Option(help="核对码", metavar="C")],
    comment: Annotated[str, typer.Option(help="审批意见，退回修改或不同意时必填", metavar="T")] = "",
    remark: Annotated[
        list[str] | None, typer.Option(help="退回时的修改意见，可有几条：指标或数字的编号=内容，或 第12段=内容", metavar="PLACE=TEXT")
    ] = None,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """在终端审批，与网页表单效力相同。"""
    from flows.keeping import conducting
    from perfeval import steps
    from perfeval.errors import UsageError
    from perfeval.model import Answer, Remark, Verdict

    office = open_office(workspace)
    with office.store.reading() as record:
        status = record.progress(record.evaluation(evaluation)).status(office.workspace.gates)
    gates = steps.gates_of(office, status.revision)
    asked = next((item for item in gates if item.key == gate), None)
    if asked is None:
        known = "、".join(f"{item.key}（{item.title}）" for item in gates)
        raise UsageError("P09", f"没有“{gate}”这一审批环节", f"可用：{known}")
    if status.draft is None:
        raise UsageError("P10", f"{evaluation} 还没有可审批的报告", "先执行 perfeval run，形成报告后再审批。")
    remarks = tuple(Remark(place, text) for place, _, text in (item.partition("=") for item in remark or ()))
    steps.decide(office, status.revision, asked, Answer(Verdict[decision.name], name, code, check_code, comment, remarks=remarks))
    say(f"“{name}”的审批决定（{Verdict[decision.name]}）已登记。")
    with steps_shown("推进到下一环节……") as show, conducting(office, show) as (conductor, address):
        position = conductor.go_on(status.revision.evaluation)
    _report(office, position, address, as_json=as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="监听地址；给其他电脑用写 0.0.0.0", metavar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="监听端口", min=0, max=65535, metavar="PORT")] = 4200,
    tls: Annotated[bool, typer.Option("--tls", help="用 perfeval certificate 生成的证书提供 https")] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="自己不执行运行，由 perfeval worker 执行")] = False,
    offices: OfficesArgument = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """启动服务：登录、审批表单、报告下载、年度计划、Prefect 界面，Ctrl-C 结束。"""
    from flows.keeping import keeping
    from flows.serve import HOST, end_when_told
    from perfeval.errors import UsageError

    served, unopened = _opened(offices or [workspace])
    certificate = None
    if tls:
        from perfeval.certificate import find_certificate

        if (certificate := find_certificate(served[0].workspace.tls)) is None:
            raise UsageError("P17", "还没有证书，不能用 --tls", "先执行 perfeval certificate 主机名。")
    elif host != HOST:
        say("没有用 --tls：姓名、动态码和报告在网络上不加密。给其他电脑用时，先执行 perfeval certificate 主机名，再加 --tls。")
    end_when_told()
    say("正在启动服务……")
    with keeping(served, host, port, certificate, pooled=no_worker, unopened=unopened) as server:
        for office, address in zip(served, server.addresses, strict=True):
            say(f"服务已启动：{address.origin}{f'　{office.workspace.settings.unit.name}' if len(served) > 1 else ''}")
        say("用浏览器打开，以自己的姓名和动态码登录。按 Ctrl-C 结束。")
        try:
            while True:
                server.tend()
                time.sleep(1)
        except KeyboardInterrupt:
            say("正在结束服务……")


@app.command()
def worker(
    server: Annotated[str, typer.Option(help="服务的地址，如 https://pingjia.example.cn:4200", metavar="URL")],
    root: Annotated[Path | None, typer.Option(help="服务的根证书（https 时）", metavar="FILE")] = None,
    offices: OfficesArgument = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """执行 serve --no-worker 收到的运行；可在几台机器上各开几个，Ctrl-C 结束。"""
    from flows.client import Address, Client
    from flows.offices import told
    from flows.serve import RESTARTS, end_when_told, environment, machine_secret
    from perfeval.errors import UsageError

    opened, unopened = _opened(offices or [workspace])
    places = [office.workspace for office in opened]
    if not re.fullmatch(r"https?://[^/?#\s]+", server := server.rstrip("/")):
        raise UsageError("P22", f"--server 不是服务的地址：{server}", "写 serve 启动时显示的地址，如 http://127.0.0.1:4200。")
    address = Address(server, server, machine_secret(), str(root.resolve()) if root else "")
    client = Client(address)
    end_when_told()
    _await_server(client, server, _SERVER_SECONDS)
    say(f"从 {server} 接收运行。按 Ctrl-C 结束。")
    variables = environment(places[0], address) | told(places, shared=bool(unopened)) | {"PREFECT_WORKER_QUERY_SECONDS": "1"}
    failures = 0
    while (has_failed := _works(variables)) is not None:
        is_there = client.is_ready()  # without a server the process gives up, and has not failed
        failures = failures + 1 if has_failed and is_there else 0
        if failures > RESTARTS:
            raise typer.Exit(1)
        say("执行运行的进程意外结束，重新启动。" if is_there else "服务暂时没有回应，等它恢复后接着执行。按 Ctrl-C 结束。")
        _await_server(client, server, math.inf)


def _works(variables: "Mapping[str, str]") -> bool | None:
    """Work until told to end; or until the process ends by itself or has no folder any more: whether it failed, not having lived long.

    Raises: Exit: it cannot work with these settings, as it has said.
    """
    from flows.serve import end_group, has_failed

    began, command = time.monotonic(), [sys.executable, "-m", "flows.worker"]
    with (
        # What Prefect and the runs leave in the temporary folder goes with ours.
        tempfile.TemporaryDirectory(prefix="perfeval-worker-") as home,
        # Ctrl-C reaches us and not the runs: they are continued elsewhere, and have not failed.
        subprocess.Popen(  # noqa: S603  # our own module
            command, env={**variables, "PREFECT_HOME": home, "TMPDIR": home}, stdin=subprocess.PIPE, start_new_session=True
        ) as process,
    ):
        try:
            while Path(home).is_dir():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)
                    break
            else:  # every run would fail for want of it
                say(f"临时文件夹 {home} 被清理了，执行运行的进程不能再用它。")
                return False
        except KeyboardInterrupt:
            return None
        finally:
            end_group(process)
    if process.returncode == _USAGE:
        raise typer.Exit(_USAGE)
    return has_failed(process.returncode, time.monotonic() - began) if process.returncode else None


@app.command()
def batch(
    year: YearOption,
    offices: OfficesArgument = None,
    name: Annotated[str, typer.Option("--as", help="送审人，默认为各单位设置中的填表人", metavar="NAME")] = "",
    jobs: Annotated[int, typer.Option(help="同时进行几项", min=1, max=32, metavar="N")] = 2,
    as_json: JsonOption = False,
) -> None:
    """各单位、各项目逐一送审，最后列表；中断后再执行一次，接着往下走。"""
    from rich.console import Console
    from rich.text import Text

    from flows.batch import run_all
    from perfeval.texts import visible

    folders = offices or [Path()]
    if len({folder.resolve() for folder in folders}) < len(folders):
        say("写了几次的工作区只做一次。")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with console.status("正在启动服务……") as sign:

        def show(outcome: "Outcome", number: int, all_: int) -> None:
            console.print(Text(f"[{number}/{all_}] {visible(outcome.who)}：{visible(outcome.told)}"))

        def watch(doing: "Mapping[Item, str]") -> None:
            sign.update(Text(visible("；".join(f"{item.office} {item.programme} {step}" for item, step in doing.items()))))

        outcomes = run_all(year, folders, name, jobs, show, watch)
    if as_json:
        emit([asdict(outcome) for outcome in outcomes])
    else:
        tell_table([[item.office, item.programme, item.evaluation or "—", item.told] for item in outcomes])
    hints = dict[str, list[str]]()
    for item in outcomes:
        if item.state == "failed" and item.hint:
            hints.setdefault(item.hint, []).append(item.who)
    for hint, whose in hints.items():
        say(f"{'、'.join(whose)}：{hint}")
    failed = sum(outcome.state == "failed" for outcome in outcomes)
    say(f"共{len(outcomes)}项，{len(outcomes) - failed}项已送审或已归档，{failed}项没有成功。")
    if failed:
        raise typer.Exit(1)


@app.command()
def demo(folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="样例工作区，默认 demo/ 下新编号")] = None) -> None:
    """用样例走完一年：校验、评分、成文、各级审批、归档、核验。"""
    from flows.demo import demonstrate

    demonstrate(folder)


def main() -> None:
    """Run the program."""
    answer(app)


@contextmanager
def steps_shown(what: str) -> Iterator[Callable[[str], None]]:
    """A sign of life on a terminal while the server starts and works; gives what prints a step's name as it begins."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(what) as sign:

        def show(step: str) -> None:
            console.print(f"{STEP}{step}", highlight=False)
            sign.update(f"{step}……")

        yield show


def _await_server(client: "Client", server: str, seconds: float) -> None:
    """Wait for so long until a server is up that takes us for one of its own, which may be starting at this moment.

    Raises: ServerError: none is there. UsageError: it does not.
    """
    from perfeval.errors import ServerError, UsageError

    deadline = time.monotonic() + seconds
    while not client.is_ready():
        if time.monotonic() > deadline:
            raise ServerError("P26", f"连不上服务：{server}", "先启动 perfeval serve --no-worker，核对 --server 和 --root，再执行一次。")
        time.sleep(1)
    if not client.takes_us():
        raise UsageError("P27", "服务不接受这个 worker", "PERFEVAL_KEY 须与服务的相同，服务须用 serve --no-worker 启动。")


def _opened(folders: "Sequence[Path]") -> "tuple[list[Office], dict[str, str]]":
    """The offices; of several, one that cannot be opened, or whose people were enrolled with another key, is told and left out: why."""
    from perfeval.errors import PerfevalError, fault_of

    opened, faults = list["Office"](), dict[str, PerfevalError]()
    for folder in folders:
        try:
            office = open_office(folder)
            if len(folders) > 1:  # one alone is refused by who keeps its server
                office.refuse_other_key()
        except (PerfevalError, OSError) as error:
            fault = faults[str(folder)] = fault_of(error)
            if len(folders) > 1:
                say(f"没有打开 {folder}，改好后重新启动：{fault.line}")
        else:
            opened.append(office)
    if not opened:
        raise next(iter(faults.values()))
    return opened, {folder: fault.line for folder, fault in faults.items()}


def _current(office: "Office", subject: "Subject") -> "Status | None":
    """Where the latest evaluation of a programme's year stands; None when there is none or it was refused."""
    from perfeval.model import Stage

    with office.store.reading() as record:
        latest = next(reversed(record.evaluations(subject.year, subject.programme.key)), None)
        status = record.progress(latest).status(office.workspace.gates) if latest else None
    return None if status and status.stage is Stage.REFUSED else status


def _faulty(office: "Office", subject: "Subject", status: "Status | None") -> "Position | None":
    """Where a run would end over faulty ledgers; told before a server is up, and a year mistyped too."""
    from flows.conduct import Position
    from perfeval import steps
    from perfeval.errors import LedgerError

    evaluation = status.revision.evaluation if status else None
    try:
        steps.refuse_faulty_ledgers(office, subject, evaluation)
        _ = status or subject.indicators
    except LedgerError as error:
        copies = error.context.get("copies")
        for copy in copies if isinstance(copies, list) else ():
            say(f"已标注：{copy}")
        if unwritten := error.context.get("unwritten"):
            say(f"标注副本没有写入：{unwritten}。检查 marked 文件夹的权限和磁盘空间。")
        return Position("", steps.status(office, evaluation) if evaluation else None, steps.failure_of(office.store, "校验台账", error))
    return None


def _correct(office: "Office", status: "Status", note: str, replies: "Sequence[str]") -> None:
    from perfeval import steps
    from perfeval.errors import UsageError
    from perfeval.submission import remark_title

    revision = status.revision
    if not note.strip():
        with office.store.reading() as record:
            decisions = record.decisions(revision.evaluation, revision.number)
        asked = [remark_title(item) for item in steps.remarks(office, revision.evaluation) if item.revision == revision.number]
        told = [*(item.comment for item in decisions if item.comment), *asked]
        how = f"更正台账后，用 --note 说明更正了什么{'，每条修改意见用一个 --reply 答复' if asked else ''}，再运行。"
        raise UsageError("P13", f"第{revision.number}稿已退回修改：{'；'.join(told)}", how)
    steps.record_correction(office, revision, note, replies=replies)


def _report(office: "Office", position: "Position", address: "Address | None", *, as_json: bool) -> None:
    """Say where an evaluation stands, and leave its draft where the office can open it."""
    from perfeval import steps

    status, failure = position.status, position.failure
    server_url = address.origin if address else ""
    page = f"{server_url}/review/{status.revision.evaluation.id}/{status.revision.number}" if server_url and status else None
    draft = status.draft if status else None
    findings = _findings(office, failure.findings) if failure and failure.findings else ()
    file, saved = _save_draft(office, status.revision) if status and draft else (None, "")
    if as_json:
        document: dict[str, Any] = {
            "evaluation": status.revision.evaluation.id if status else None,
            "flow_run_id": position.run_id or None,
            "state": "failed" if failure or status is None else status.key,
            "revision": status.revision.number if status else None,
            "draft": file and str(file),
            "digest": draft and draft.content_digest,
            "check_code": draft and draft.check_code,
            "url": page if address and address.is_shared else f"{server_url}/v2/runs/flow-run/{position.run_id}" if server_url else None,
        }
        if failure:
            document |= {"message": failure.message, "findings": [asdict(finding) for finding in findings]}
        emit(document)
    if failure or status is None:
        say_findings(findings)
        say(failure.message if failure else "运行异常终止")
        raise typer.Exit(1)
    if not as_json:
        tell(f"{status.revision.evaluation.id}  第{status.revision.number}稿  {status.title}")
    if draft:
        say(f"{saved}　核对码：{draft.check_code}")
        if not file:
            say("检查 drafts 文件夹的权限和磁盘空间，再执行一次 perfeval run；也可以从审阅室下载。")
    if page and status.gate:
        say(f"审批页面：{page}")
    if bag := steps.archive_of(office, status.revision):
        say(f"归档：{bag}")


def _save_draft(office: "Office", revision: "Revision") -> tuple[Path | None, str]:
    """A draft's copy for the office to open, and what is told of it; an evaluation stands where it does without one."""
    from perfeval.errors import refusal
    from perfeval.submission import save_draft

    try:
        file = save_draft(office, revision)
    except OSError as error:
        return None, f"报告没有写入 drafts 文件夹：{refusal(error)}"
    return file, f"报告：{file}"


def _findings(office: "Office", digest: str) -> "Sequence[Finding]":
    from perfeval.model import Finding
    from perfeval.model.documents import load_json

    return load_json(list[Finding], office.store.artifacts.read(digest))
