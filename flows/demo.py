"""The whole year on invented ledgers, through the real server, the real resume path and real one-time codes."""

import os
import secrets
import time
from pathlib import Path

import pyotp
from rich.console import Console

from flows.serve import conducting
from flows.workplace import save_draft
from perfeval import steps
from perfeval.approvals import enrol
from perfeval.cli import create_workspace, open_store, open_workspace, show_scores, tell
from perfeval.errors import ArchiveError, ServerError
from perfeval.model import Gate, Revision, Stage, Standing, Verdict
from perfeval.reperformance import verify_archive
from perfeval.store import Store
from perfeval.workspace import KEY_VARIABLE, Workspace

YEAR = 2022
APPROVERS = {"center": "样例中心负责人", "bureau": "样例财政审核人"}


def demonstrate(folder: Path | None) -> None:
    """Run the sample year in a new workspace and show what came of it.

    Raises: PerfevalError: when any step fails.
    """
    started = time.monotonic()
    console = Console(stderr=True)
    folder = folder or _next_folder(Path("demo"))
    # A key for this workspace alone: nothing of a real office is read or written.
    key = os.environ[KEY_VARIABLE] = secrets.token_urlsafe(24)
    with console.status("写入样例台账……"):
        create_workspace(folder, "taojiang-2022")
        place = open_workspace(folder)
        store = open_store(place)
        codes = {gate.key: _enrol(store, gate, place, key) for gate in place.gates}
    console.print(f"✓ 样例工作区 {folder}")
    with console.status("启动 Prefect 服务……") as status, conducting(place, store) as (conductor, _):
        console.print("✓ Prefect 服务已启动")
        status.update("接收、校验、评分、编写报告……")
        position = conductor.begin(YEAR, "")
        while (standing := position.standing) and standing.gate and standing.draft and not position.failure:
            console.print(f"✓ 第{standing.revision.number}稿{standing.title}，核对码 {standing.draft.check_code}")
            status.update(f"{standing.gate.title}……")
            position = conductor.answer(position.run_id, _approval(standing, codes[standing.gate.key]))
        status.update("结束服务……")
    if position.failure or standing is None or standing.stage is not Stage.ARCHIVED:
        raise ServerError("P11", "演示没有走到归档", position.failure or "")
    _show(console, place, store, standing.revision)
    console.print(f"用时 {time.monotonic() - started:.0f} 秒")


def _enrol(store: Store, gate: Gate, place: Workspace, key: str) -> pyotp.TOTP:
    _, uri = enrol(store, APPROVERS[gate.key], gate.key, place.gates, key)
    return pyotp.TOTP(pyotp.parse_uri(uri).secret)


def _approval(standing: Standing, code: pyotp.TOTP) -> dict[str, str]:
    if standing.gate is None or standing.draft is None:
        raise AssertionError  # asked for at gates only
    return {
        "decision": Verdict.APPROVE.value,
        "approver": APPROVERS[standing.gate.key],
        "code": code.now(),
        "check_code": standing.draft.check_code,
        "comment": "同意",
    }


def _show(console: Console, place: Workspace, store: Store, revision: Revision) -> None:
    bag = steps.archive_report(place, store, revision)
    for check in verify_archive(bag):
        console.print(f"{'✓' if check.ok else '✗'} {check.name}：{check.detail}", highlight=False)
        if not check.ok:
            raise ArchiveError("P12", f"归档包核验不通过：{check.name}", check.detail)
    show_scores(steps.score_indicators(place, store, revision))
    tell(f"报告：{save_draft(place, store, revision)}")
    tell(f"归档：{bag}")


def _next_folder(parent: Path) -> Path:
    number = 1
    while (folder := parent / str(number)).exists():
        number += 1
    return folder
