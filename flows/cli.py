"""The `perfeval` program: perfeval.cli's commands and those that need Prefect, which alone import it, when they run."""

import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perfeval.cli import JsonOption, WorkspaceOption, YearOption, answer, app, emit, open_store, open_workspace, say, say_findings, tell

if TYPE_CHECKING:
    from rich.status import Status

    from flows.conduct import Position
    from perfeval.model import Finding, Standing
    from perfeval.store import Store
    from perfeval.workspace import Workspace


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
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """开始或继续一项自评，直到等待审批。"""
    from flows.serve import conducting
    from perfeval.errors import UsageError
    from perfeval.model import Stage

    place = open_workspace(workspace)
    store = open_store(place)
    standing = _current(place, store, year)
    if standing and standing.stage is Stage.ARCHIVED:
        raise UsageError("P08", f"{year}年度的自评已归档：{standing.revision.evaluation.id}", "用 perfeval verify 核验归档包。")
    if standing and standing.stage is Stage.CORRECTING:
        _correct(store, standing, note)
    elif note:
        say("没有被退回的稿，--note 未采用。")
    if standing and name not in {"", standing.revision.evaluation.prepared_by}:
        say(f"这项自评已由“{standing.revision.evaluation.prepared_by}”送审，--as 未采用。")
    with waiting("校验台账、评分、编写报告……"), conducting(place, store) as (conductor, url):
        position = conductor.go_on(standing.revision.evaluation) if standing else conductor.begin(year, name)
    _report(place, store, position, url, as_json=as_json)


@app.command()
def decide(
    evaluation: Annotated[str, typer.Argument(metavar="ID", help="自评编号，见 perfeval status")],
    gate: Annotated[str, typer.Option(help="审批环节：center 中心，bureau 财政局", metavar="GATE")],
    decision: Annotated[Choice, typer.Option(help="同意、退回修改、不同意")],
    name: Annotated[str, typer.Option("--as", help="审批人姓名", metavar="NAME")],
    code: Annotated[str, typer.Option(help="动态码", metavar="N")],
    check_code: Annotated[str, typer.Option(help="核对码", metavar="C")],
    comment: Annotated[str, typer.Option(help="审批意见，退回修改或不同意时必填", metavar="T")] = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """在终端审批，与网页表单效力相同。"""
    from flows.serve import conducting
    from perfeval import steps
    from perfeval.errors import UsageError
    from perfeval.model import Answer, Verdict

    place = open_workspace(workspace)
    store = open_store(place)
    standing = steps.standing(place, store, store.evaluation(evaluation))
    asked = next((item for item in place.gates if item.key == gate), None)
    if asked is None:
        raise UsageError("P09", f"没有“{gate}”这一审批环节", "可用：" + "、".join(f"{item.key}（{item.title}）" for item in place.gates))
    if standing.draft is None:
        raise UsageError("P10", f"{evaluation} 还没有可审批的报告", "先执行 perfeval run，形成报告后再审批。")
    steps.decide(place, store, standing.revision, asked, Answer(Verdict[decision.name], name, code, check_code, comment))
    say(f"“{name}”的审批决定（{Verdict[decision.name]}）已登记。")
    with waiting("推进到下一环节……"), conducting(place, store) as (conductor, url):
        position = conductor.go_on(standing.revision.evaluation)
    _report(place, store, position, url, as_json=as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="监听地址", metavar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="监听端口", min=0, max=65535, metavar="PORT")] = 4200,
    show_password: Annotated[bool, typer.Option("--show-password", help="显示登录口令后退出")] = False,
    workspace: WorkspaceOption = Path(),
) -> None:
    """启动服务：Prefect 界面、审批表单、年度计划、报告下载，Ctrl-C 结束。"""
    from flows.serve import USER, keeping, kept_access
    from perfeval.workspace import secret_key

    place = open_workspace(workspace)
    store = open_store(place)
    access, is_new = kept_access(store, secret_key())
    if show_password:
        tell(f"{USER}:{access.password}")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say("正在启动服务……")
    with keeping(place, store, host, port) as server:
        say(
            f"服务已启动：{server.url}　用户名 {USER}"
            + (f"，口令 {access.password}（登录时填写 {USER}:{access.password}）" if is_new else "")
        )
        say("按 Ctrl-C 结束。忘记口令：perfeval serve --show-password")
        try:
            while True:
                server.tend()
                time.sleep(1)
        except KeyboardInterrupt:
            say("正在结束服务……")


@app.command()
def demo(folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="样例工作区，默认 demo/ 下新编号")] = None) -> None:
    """用样例走完一年：校验、评分、成文、两级审批、归档、核验。"""
    from flows.demo import demonstrate

    demonstrate(folder)


def main() -> None:
    """Run the program."""
    answer(app)


def waiting(what: str) -> "Status":
    """A sign of life on a terminal while the server starts and works; nothing elsewhere."""
    from rich.console import Console

    return Console(stderr=True).status(what)


def _current(place: "Workspace", store: "Store", year: int) -> "Standing | None":
    """Where the year's latest evaluation stands; None when there is none or it was refused."""
    from perfeval import steps
    from perfeval.model import Stage

    latest = next((item for item in reversed(store.evaluations()) if item.year == year), None)
    standing = steps.standing(place, store, latest) if latest else None
    return None if standing and standing.stage is Stage.REFUSED else standing


def _correct(store: "Store", standing: "Standing", note: str) -> None:
    from perfeval import steps
    from perfeval.errors import UsageError

    if not note.strip():
        comments = "；".join(
            item.comment for item in store.decisions(standing.revision.evaluation, standing.revision.number) if item.comment
        )
        raise UsageError("P13", f"第{standing.revision.number}稿已退回修改：{comments}", "更正台账后，用 --note 说明更正了什么，再运行。")
    steps.record_correction(store, standing.revision, note)


def _report(place: "Workspace", store: "Store", position: "Position", server_url: str | None, *, as_json: bool) -> None:
    """Say where an evaluation stands, and leave its draft where the office can open it."""
    from flows.workplace import save_draft

    standing = position.standing
    draft = standing.draft if standing else None
    findings = _findings(place, standing) if standing and position.has_faulty_ledgers else ()
    file = save_draft(place, store, standing.revision) if standing and draft else None
    if as_json:
        document: dict[str, Any] = {
            "evaluation": standing.revision.evaluation.id if standing else None,
            "flow_run_id": position.run_id,
            "state": "failed" if position.failure or standing is None else standing.key,
            "revision": standing.revision.number if standing else None,
            "draft": file and str(file),
            "digest": draft and draft.content_digest,
            "check_code": draft and draft.check_code,
            "url": server_url and f"{server_url}/v2/runs/flow-run/{position.run_id}",
        }
        if position.failure:
            document |= {"message": position.failure, "findings": [asdict(finding) for finding in findings]}
        emit(document)
    if position.failure or standing is None:
        say_findings(findings)
        say(position.failure or "运行异常终止")
        raise typer.Exit(1)
    if not as_json:
        tell(f"{standing.revision.evaluation.id}  第{standing.revision.number}稿  {standing.title}")
    if file and draft:
        say(f"报告：{file}　核对码：{draft.check_code}")


def _findings(place: "Workspace", standing: "Standing") -> "Sequence[Finding]":
    from perfeval.assessment import check_files
    from perfeval.ledgers import receive

    year = standing.revision.evaluation.year
    return check_files(place, year, receive(place.ledgers(year))).findings
