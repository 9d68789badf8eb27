"""The whole year on invented ledgers, through the real server, real suspended runs and real one-time codes."""

import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

import pyotp
from rich.console import Console

from flows.keeping import IDLE, conducting
from perfeval import persons, steps
from perfeval.approvals.codes import STEP_SECONDS, newest_step
from perfeval.approvals.people import OPERATOR
from perfeval.console import SIGNS, show_scores, tell
from perfeval.errors import ArchiveError, ServerError
from perfeval.model import Answer, Draft, Gate, Revision, Stage, Verdict
from perfeval.office import Office, open_office
from perfeval.packs import create_workspace
from perfeval.reperformance import verify_archive
from perfeval.submission import save_draft
from perfeval.workspace import KEY_VARIABLE

YEAR = 2022
SAMPLE = "taojiang-2022"
_OPERATOR = "p1"  # the first who is enrolled


def demonstrate(folder: Path | None) -> None:
    """Run the sample year in a new workspace and show what came of it.

    Raises: PerfevalError: when any step fails.
    """
    started = time.monotonic()
    console = Console(stderr=True)
    folder = folder or _next_folder(Path("demo"))
    # A key for this workspace alone: nothing of a real office is read or written.
    os.environ[KEY_VARIABLE] = secrets.token_urlsafe(24)
    os.environ[IDLE] = "0"  # nor is its server of use to another command
    with console.status("写入样例台账……"):
        create_workspace(folder, sample=SAMPLE)
        office = open_office(folder)
        before, phones = _enrol(office, office.workspace.settings.unit.drafter, OPERATOR), {}
        for gate in office.workspace.gates:
            before = phones[gate.key] = _enrol(office, _approver(gate), gate.key, before)
    console.print(f"✓ 样例工作区 {folder}")
    with console.status("启动 Prefect 服务……") as sign, conducting(office) as (conductor, _):
        console.print("✓ Prefect 服务已启动")
        sign.update("接收、校验、评分、编写报告……")
        position = conductor.begin(office.workspace.subject(YEAR), "")
        while (status := position.status) and status.gate and status.draft and not position.failure:
            console.print(f"✓ 第{status.revision.number}稿{status.title}，核对码 {status.draft.check_code}")
            sign.update(f"{status.gate.title}……")
            steps.decide(office, status.revision, status.gate, _approval(status.gate, status.draft, phones[status.gate.key]))
            position = conductor.go_on(status.revision.evaluation)
    if position.failure or status is None or status.stage is not Stage.ARCHIVED:
        raise ServerError("P11", "演示没有走到归档", position.failure.message if position.failure else "")
    _show(console, office, status.revision)
    console.print(f"用时 {time.monotonic() - started:.0f} 秒")


def _approver(gate: Gate) -> str:
    return f"样例{gate.title}人"


class _Phone:
    """Whose code app the demonstration has; no code is given twice."""

    def __init__(self, person: str, secret: str) -> None:
        self.person = person
        self._totp, self._step = pyotp.TOTP(secret), 0

    def code(self) -> str:
        """A code of now, the oldest that is accepted still."""
        self._step = max(self._step + 1, newest_step(datetime.now(UTC)) - 2)
        return self._totp.at(self._step * STEP_SECONDS)


def _enrol(office: Office, name: str, role: str, before: _Phone | None = None) -> _Phone:
    """Invite and enrol somebody, whom whoever was enrolled before him confirms; the first is the operator, who confirms on paper."""
    invitation = persons.invite(office, name, [role], _OPERATOR if before else None)
    offer = persons.offer_code(office, invitation.token)
    phone = _Phone(invitation.person, offer.secret)
    made = persons.enrol_code(office, invitation.token, offer.secret, phone.code())
    second, code = (before.person, before.code()) if before else (made.person, "")
    persons.confirm(office, made.person, made.fingerprint, second, on_paper=second == _OPERATOR, code=code)
    return phone


def _approval(gate: Gate, draft: Draft, phone: _Phone) -> Answer:
    return Answer(Verdict.APPROVE, _approver(gate), phone.code(), draft.check_code, "同意")


def _show(console: Console, office: Office, revision: Revision) -> None:
    bag = steps.archive_report(office, revision)
    for check in verify_archive(bag):
        console.print(f"{SIGNS[check.state]} {check.name}：{check.detail}", highlight=False)
        if not check.ok:
            raise ArchiveError("P12", f"归档包核验不通过：{check.name}", check.detail)
    show_scores(steps.score_indicators(office, revision))
    tell(f"报告：{save_draft(office, revision)}")
    tell(f"归档：{bag}")


def _next_folder(parent: Path) -> Path:
    number = 1
    while (folder := parent / str(number)).exists():
        number += 1
    return folder
