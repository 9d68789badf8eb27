"""Notices arrive at real receivers on this machine: mail by SMTP, robots by HTTP; what did not arrive is sent again."""

import copy
import json
import re
import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from perfeval import reminding, steps
from perfeval.approvals.events import Reminded
from perfeval.approvals.record import read_line
from perfeval.cli import app
from perfeval.console import answer
from perfeval.errors import LedgerError, UsageError
from perfeval.model import Answer, Remark, Verdict
from perfeval.model.clock import is_working_day, working_day_after
from perfeval.notices import URLS_VARIABLE
from perfeval.office import Office, open_office
from perfeval.reminding import notify_of_failure, remind, undelivered
from perfeval.reperformance import verify_archive


class Receiver(HTTPServer):
    """A robot's address; what was posted to it."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Posted)
        self.received: list[dict[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Posted(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:  # the library's name
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Mailbox(socketserver.TCPServer):
    """A mail server that takes every letter."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Letter)
        self.letters: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Letter(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self.wfile.write(b"220 local\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                self.server.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    server = Mailbox()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def asked(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> tuple[Path, Any, Any]:
    """An office whose draft waits at the centre, which has three working days, and the phones of its approver and of the bureau's."""
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("asked") / "office"))
    settings = folder / "perfeval.yml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("act: 签发}", "act: 签发, due_days: 3, escalate_days: 2, hold_days: 4}"),
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", "an invented key for tests")
        office = open_office(folder)
        phones = {role: welcome(office, f"样例{role}", role) for role in ("operator", "center", "bureau")}
        evaluation = steps.open_evaluation(office, office.workspace.subject(2022), "样例operator", "run-1")
        with office.store.reading() as record:
            revision = record.current_revision(evaluation)
        steps.prepare(office, revision)
        steps.ask(office, revision, office.workspace.gates[0])
        office.store.close()
    return folder, phones["center"], phones["bureau"]


@pytest.fixture
def office(asked: tuple[Path, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv(URLS_VARIABLE, raising=False)
    return open_office(Path(shutil.copytree(asked[0], tmp_path / "office")))


def due(office: Office) -> date:
    day = steps.statuses(office)[0].due_on
    assert day
    return day


def recorded(office: Office) -> list[tuple[str, tuple[str, ...]]]:
    evaluation = steps.statuses(office)[0].revision.evaluation.id
    with office.store.reading() as record:
        lines = [read_line(entry.line).what for entry in record.entries(evaluation)]
    return [(line.about, line.failed) for line in lines if isinstance(line, Reminded)]


def test_notice_says_what_waits_and_is_sent_once(
    office: Office, receiver: Receiver, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = f"mailto://127.0.0.1:{mailbox.server_address[1]}?from=office@example.com&to=centre@example.com"
    monkeypatch.setenv(URLS_VARIABLE, f"{receiver.url}\n{mail}")
    with office.store.reading() as record:
        head = record.head(record.evaluations()[0].id)
    assert [item.failed for item in remind(office)] == [()]
    assert remind(office) == []
    draft = steps.statuses(office)[0].draft
    assert draft
    (posted,) = receiver.received
    assert posted["title"] == "【待审批】2022年度“经费补助缺口”绩效自评报告第1稿"
    assert [
        words for words in (draft.digest, head, f"应在 {due(office)} 前决定", "审批人：样例center") if words not in posted["message"]
    ] == []
    assert draft.check_code.lower() not in posted["message"].lower()
    (letter,) = mailbox.letters
    part = next(part for part in message_from_bytes(letter).walk() if part.get_content_type() == "text/plain")
    assert head.encode() in bytes(part.get_payload(decode=True))
    assert recorded(office) == [("asked", ())]


def test_receiver_that_is_down_loses_nothing(office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    down = Receiver()
    down.close()
    monkeypatch.setenv(URLS_VARIABLE, f"center={down.url} {receiver.url}")
    label = "第1个地址（center，json）"
    assert [item.failed for item in remind(office)] == [(label,)]
    up = Receiver(down.server_port)
    assert [item.failed for item in remind(office)] == [()]
    up.close()
    assert (len(up.received), len(receiver.received)) == (1, 1)
    assert recorded(office) == [("asked", (label,)), ("asked", ())]


def test_late_gate_is_told_each_working_day_then_escalated_then_put_by(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief = Receiver()
    monkeypatch.setenv(URLS_VARIABLE, f"center={receiver.url} escalate={chief.url} bureau=json://127.0.0.1:1")
    day = due(office)
    rest = next(later for number in range(1, 12) if not is_working_day(later := day + timedelta(days=number)))
    days = [day - timedelta(days=1), day, day, rest]
    # What is sent is kept with the real day: one late day is enough to be told of.
    for today in (*days, working_day_after(day, 3), *(working_day_after(day, late) for late in (4, 5, 9))):
        remind(office, today=today)
    chief.close()
    heads = [posted["title"].partition("】")[0] for posted in receiver.received]
    assert heads == ["【待审批", "【今日到期", "【已逾期3个工作日", "【挂起，已逾期4个工作日"]
    assert [posted["title"].partition("】")[0] for posted in chief.received] == heads[2:]
    assert "仍可随时审批" in chief.received[-1]["message"]


def test_gate_is_escalated_on_its_day_and_not_before(office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URLS_VARIABLE, f"escalate={receiver.url}")
    assert remind(office, today=working_day_after(due(office), 1)) == []
    assert [item.failed for item in remind(office, today=working_day_after(due(office), 2))] == [()]


def test_status_tells_what_is_late_put_by_and_was_not_delivered(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(URLS_VARIABLE, "json://127.0.0.1:1")
    remind(office)
    status, day = steps.statuses(office)[0], due(office)
    assert undelivered(office, [status]) == {status.revision.evaluation.id: ("第1个地址（全部，json）",)}
    assert [status.days_late(working_day_after(day, late)) for late in (0, 1, 3)] == [0, 1, 3]
    assert [status.is_held(working_day_after(day, late)) for late in (0, 3, 4, 5)] == [False, False, True, True]
    with pytest.raises(SystemExit):
        answer(app, ["status", "-w", str(office.workspace.root)])
    assert "    通知没有送到：第1个地址（全部，json）；下次执行 perfeval remind 时再送" in capsys.readouterr().out.splitlines()


def test_gate_that_has_decided_is_told_nothing_more(
    asked: tuple[Path, Any, Any], office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URLS_VARIABLE, f"center={receiver.url}")
    status = steps.statuses(office)[0]
    assert status.draft
    answer = Answer(Verdict.APPROVE, "样例center", copy.copy(asked[1]).code(), status.draft.check_code, "")
    steps.decide(office, status.revision, office.workspace.gates[0], answer)
    assert (remind(office), receiver.received) == ([], [])


@pytest.mark.parametrize(
    ("verdict", "head", "todo"),
    [
        (Verdict.APPROVE, "【已同意】", "等财政局审批决定，不必办理"), (Verdict.RETURN, "【已退回修改】", "逐条答复1条修改意见"),
        (Verdict.REFUSE, "【不同意】", "自评终止"),
    ],
)  # fmt: skip
def test_clerk_is_told_once_what_a_gate_has_decided(
    asked: tuple[Path, Any, Any],
    office: Office,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    verdict: Verdict,
    head: str,
    todo: str,
) -> None:
    down = Receiver()
    down.close()
    monkeypatch.setenv(URLS_VARIABLE, f"operator={down.url} center=json://127.0.0.1:1")
    status = steps.statuses(office)[0]
    assert status.draft
    remarks = (Remark("meetings", "次数偏多"),) if verdict is Verdict.RETURN else ()
    answer = Answer(verdict, "样例center", copy.copy(asked[1]).code(), status.draft.check_code, "请改", remarks=remarks)
    steps.decide(office, status.revision, office.workspace.gates[0], answer)
    label = "第1个地址（operator，json）"
    assert [item.failed for item in remind(office)] == [(label,)]
    assert undelivered(office, steps.statuses(office)) == {status.revision.evaluation.id: (label,)}
    monkeypatch.setenv(URLS_VARIABLE, f"operator={receiver.url}")
    assert [item.failed for item in remind(office)] == [()]
    assert (remind(office), undelivered(office, steps.statuses(office))) == ([], {})
    (posted,) = receiver.received
    assert posted["title"].startswith(f"{head}2022年度“经费补助缺口”")
    assert [words for words in (todo, status.draft.digest, "送审人：样例operator") if words not in posted["message"]] == []
    assert "请改" not in posted["message"]


def test_clerk_is_told_that_the_report_is_archived_with_the_head_that_the_bag_knows(
    asked: tuple[Path, Any, Any], office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = steps.statuses(office)[0]
    assert status.draft
    for gate, phone in zip(office.workspace.gates, (asked[1], asked[2]), strict=True):
        answer = Answer(Verdict.APPROVE, f"样例{gate.key}", copy.copy(phone).code(), status.draft.check_code)
        steps.decide(office, status.revision, gate, answer)
    bag = steps.archive_report(office, status.revision)
    monkeypatch.setenv(URLS_VARIABLE, f"operator={receiver.url}")
    assert [item.failed for item in remind(office)] == [()]
    assert remind(office) == []
    (posted,) = receiver.received
    assert posted["title"].startswith("【已归档】")
    assert bag.name in posted["message"]
    (head,) = re.findall("审批记录链头：([0-9a-f]{64})", posted["message"])
    assert [check for check in verify_archive(bag, head) if not check.ok] == []


def test_nobody_is_told_of_what_was_decided_long_ago(
    asked: tuple[Path, Any, Any], office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = steps.statuses(office)[0]
    assert status.draft
    answer = Answer(Verdict.REFUSE, "样例center", copy.copy(asked[1]).code(), status.draft.check_code, "不同意")
    steps.decide(office, status.revision, office.workspace.gates[0], answer)
    monkeypatch.setenv(URLS_VARIABLE, f"operator={receiver.url}")
    monkeypatch.setattr(reminding, "_NEW", timedelta())
    assert (remind(office), receiver.received) == ([], [])


def test_address_of_a_unit_is_told_of_that_unit_alone(office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URLS_VARIABLE, f"别的中心:center={receiver.url} 别的中心:={receiver.url}")
    assert (remind(office), receiver.received) == ([], [])
    monkeypatch.setenv(URLS_VARIABLE, f"{office.workspace.unit}:center={receiver.url} {office.workspace.unit}:bureau={receiver.url}")
    assert [item.failed for item in remind(office)] == [()]
    assert len(receiver.received) == 1


def stop(office: Office, run: str, begins: tuple[str, int, str] | None = None) -> None:
    """A run ends early."""
    error = LedgerError("L00", "台账有 1 处错误", "更正。", findings=[])
    if begins:
        error.context["begins"] = begins
    failure = steps.failure_of(office.store, "校验台账", error)
    with office.store.transaction() as record:
        record.record_failure(run, failure)


def test_clerk_is_told_of_a_year_that_could_not_be_begun_and_where_to_begin_it(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(URLS_VARIABLE, f"center={receiver.url} operator={receiver.url}")
    stop(office, "run-2", (office.workspace.unit, 2025, "zdxm"))
    assert notify_of_failure(office, "run-2")
    (told,) = receiver.received
    assert told["title"] == "【没有开始】2025年度“经费补助缺口”绩效自评"
    assert "原因：校验台账：台账有 1 处错误" in told["message"]
    assert "perfeval run --year 2025" in told["message"]
    assert status_lines(office, capsys)[-1] == "2025 zdxm  没有开始：校验台账：台账有 1 处错误"


def test_run_that_is_refused_beside_another_is_no_news(office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URLS_VARIABLE, receiver.url)
    stop(office, "run-2", (office.workspace.unit, 2022, "zdxm"))  # which waits at a gate
    assert notify_of_failure(office, "run-2") is None
    monkeypatch.setenv(URLS_VARIABLE, "nonsense")
    stop(office, "run-1")
    assert notify_of_failure(office, "run-1") is None  # and nobody waits for that
    assert receiver.received == []


def status_lines(office: Office, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `perfeval status` prints."""
    with pytest.raises(SystemExit):
        answer(app, ["status", "-w", str(office.workspace.root)])
    return capsys.readouterr().out.splitlines()


def test_office_without_addresses_sends_and_records_nothing(office: Office) -> None:
    assert (remind(office), recorded(office)) == ([], [])


@pytest.mark.parametrize("wrong", ["nonsense://secret", "secret", "Mitte=json://127.0.0.1"])
def test_address_that_is_none_is_told_by_its_place_without_its_text(office: Office, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(URLS_VARIABLE, f"json://127.0.0.1:1 {wrong}")
    with pytest.raises(UsageError) as caught:
        remind(office)
    assert "第2个地址不能用" in caught.value.message
    assert "secret" not in str(caught.value)
