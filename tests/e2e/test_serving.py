"""The commands that need Prefect, typed as an office types them, on servers and runners of their own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from prefect.states import Cancelling, Running, Scheduled

from flows.conduct import Conductor, Patience
from flows.runner import Lost, continue_orphans
from perfeval import steps
from perfeval.errors import ServerError

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

KEY = "an invented key for tests"
KILLER = str(Path(__file__).parent / "killer")


def test_office_without_a_server_gets_findings_then_a_draft_even_after_a_crash(terminal):
    code, refused = terminal.run()
    assert (code, refused["error"]["code"]) == (2, "U02")
    ledger = terminal.folder / "ledgers" / "2022" / "调度会议台账.xlsx"
    sound = ledger.read_bytes()
    book = openpyxl.load_workbook(ledger)
    book.worksheets[0]["B3"].value = None
    book.save(ledger)
    code, failed = terminal.run(PERFEVAL_KEY=KEY)
    assert (code, failed["state"], failed["draft"], failed["evaluation"]) == (1, "failed", None, None)
    assert [finding["cell"] for finding in failed["findings"] if finding["severity"] == "error"] == ["B3"]
    assert [path.name for path in (terminal.folder / "marked" / "2022-r1").iterdir()] == ["调度会议台账-标注.xlsx"]
    assert not (terminal.folder / ".perfeval" / "prefect").exists()  # nothing was started to tell that
    ledger.write_bytes(sound)
    code, crashed = terminal.run(PERFEVAL_KEY=KEY, PYTHONPATH=KILLER, KILL_IN="draft_report", KILL_AT="return")
    assert (code, crashed["state"], crashed["findings"]) == (1, "failed", [])
    code, waiting = terminal.run(PERFEVAL_KEY=KEY)
    assert code == 0
    assert list(waiting) == ["evaluation", "flow_run_id", "state", "revision", "draft", "digest", "check_code", "url"]
    assert (waiting["state"], waiting["revision"], waiting["url"]) == ("waiting-center", 1, None)
    assert waiting["flow_run_id"] == crashed["flow_run_id"]
    assert Path(waiting["draft"]).read_bytes()[:2] == b"PK"
    terminal.await_quiet()
    assert [path.name for path in terminal.folder.parent.iterdir()] == ["a?b"]
    assert [path.name for path in terminal.folder.glob(".perfeval/store.db*")] == ["store.db"]


def test_commands_one_after_the_other_and_at_once_share_a_server_until_an_office_serves_itself(terminal):
    variables = {"PERFEVAL_KEY": KEY, "PERFEVAL_IDLE_MINUTES": "10"}
    both = [terminal.start("run", "--year", "2022", "--json", **variables) for _ in range(2)]
    told = [json.loads(process.communicate(timeout=200)[0]) for process in both]
    assert [document["state"] for document in told] == ["waiting-center"] * 2, told
    stands = told[:1]
    assert told[1] == told[0]
    note = terminal.folder / ".perfeval" / "server.json"
    kept = json.loads(note.read_text())
    assert (len(terminal.keepers()), note.stat().st_mode & 0o777) == (1, 0o600)
    assert terminal.run(**variables) == (0, stands[0])
    assert (json.loads(note.read_text()), stands[0]["url"]) == (kept, None)

    (keeper,) = terminal.keepers()
    os.kill(keeper, signal.SIGKILL)
    assert terminal.run(**variables) == (0, stands[0])
    assert [kept["keeper"] for kept in [json.loads(note.read_text())]] == terminal.keepers() != [keeper]

    served, url = terminal.serve()
    assert (terminal.keepers(), json.loads(note.read_text())["origin"]) == ([], url)
    served.terminate()
    served.communicate(timeout=60)
    terminal.await_quiet()
    assert [path.name for path in terminal.folder.glob(".perfeval/store.db*")] == ["store.db"]
    terminal.run(**variables)
    os.kill(*terminal.keepers(), signal.SIGTERM)
    terminal.await_quiet()
    assert [path.name for path in terminal.folder.glob(".perfeval/store.db*")] == ["store.db"]


def test_served_office_decides_from_the_terminal_and_survives_a_dead_runner(terminal):
    server, url = terminal.serve()
    code, waiting = terminal.run(PERFEVAL_KEY=KEY)
    assert (code, waiting["url"]) == (0, f"{url}/v2/runs/flow-run/{waiting['flow_run_id']}")
    assert terminal.run(PERFEVAL_KEY=KEY) == (0, waiting)
    code, _, err = terminal.type("serve", "--port", "0", PERFEVAL_KEY=KEY)
    assert (code, url in err) == (2, True)
    code, _, err = terminal.decide("center", "approve", waiting["check_code"], code="000000")
    assert (code, err.splitlines()[0]) == (1, "动态码不正确、已过期或已使用过")

    code, returned, _ = terminal.decide("center", "return", waiting["check_code"])
    assert (code, returned["state"]) == (0, "correcting")
    code, refused = terminal.run(PERFEVAL_KEY=KEY)
    assert (code, refused["error"]["message"]) == (2, "第1稿已退回修改：请核对支出明细")
    code, second = terminal.run("--note", "已核对", PERFEVAL_KEY=KEY)
    assert (code, second["state"], second["revision"]) == (0, "waiting-center", 2)

    code, waiting, _ = terminal.decide("center", "approve", second["check_code"])
    assert (code, waiting["state"]) == (0, "waiting-bureau")
    (runner,) = (process for process, command in terminal.processes().items() if "flows.runner" in command)
    os.kill(runner, signal.SIGKILL)
    code, archived, _ = terminal.decide("bureau", "approve", second["check_code"])
    assert (code, archived["state"]) == (0, "archived")
    code, again = terminal.run(PERFEVAL_KEY=KEY)
    assert (code, again["error"]["code"]) == (2, "P08")

    state = terminal.folder / ".perfeval"
    machine = json.loads((state / "server.json").read_text())["machine"]
    server.terminate()
    out, err = server.communicate(timeout=60)
    assert server.returncode == 0
    assert f"服务已启动：{url}" in err
    said = [out, err, *(path.read_text() for path in (state / "prefect").glob("*.log"))]
    assert not [text for text in said for secret in (KEY, machine, "口令") if secret in text]
    assert terminal.processes() == {}


def test_run_left_running_by_a_dead_runner_is_continued(office):
    office.force(Running())
    deployment = office.client.read_flow_run(office.run).deployment_id
    asyncio.run(continue_orphans({"deployment_id": {"any_": [deployment]}}))
    assert office.state.name == "AwaitingRetry"


@pytest.mark.parametrize("has_process", [True, False])
def test_run_whose_process_could_not_tell_of_its_end_is_continued_and_no_other(office, has_process):
    deployment = office.client.read_flow_run(office.run).deployment_id
    lost = Lost({"deployment_id": {"any_": [deployment]}})
    variables = os.environ | ({"PREFECT__FLOW_RUN_ID": str(office.run)} if has_process else {})
    with subprocess.Popen(["sleep", "60"], env=variables) as process:
        for _ in range(2):
            office.force(Running())  # by now, in another state of its own
            asyncio.run(lost.look())
            assert office.state.name == "Running"
        asyncio.run(lost.look())
        assert office.state.name == ("Running" if has_process else "AwaitingRetry")
        process.kill()


def test_run_put_off_to_a_later_day_is_begun_when_asked_for(office):
    class BegunError(Exception):
        pass

    def tend() -> None:
        raise BegunError

    evaluation = steps.open_evaluation(office.office, office.place.subject(2022), "样例经办人", str(office.run))
    office.force(Scheduled(scheduled_time=datetime(2099, 1, 1, tzinfo=UTC)))
    with pytest.raises(BegunError):
        Conductor(office.office, office.asked, tend).go_on(evaluation)
    assert office.state.name == "AwaitingRetry"


def test_batch_runs_what_it_can_tells_the_rest_and_goes_on_where_it_was(terminal, tmp_path):
    faulty = Path(shutil.copytree(terminal.folder, tmp_path / "faulty"))
    ledger = faulty / "ledgers" / "2022" / "调度会议台账.xlsx"
    sound = ledger.read_bytes()
    book = openpyxl.load_workbook(ledger)
    book.worksheets[0]["B3"].value = None
    book.save(ledger)
    (tmp_path / "none").mkdir()
    offices = [str(folder) for folder in (terminal.folder, faulty, tmp_path / "none")]
    code, out, err = terminal.type("batch", "--year", "2022", "--json", *offices, PERFEVAL_KEY=KEY)
    told = [(item["office"], item["programme"], item["evaluation"], item["state"]) for item in json.loads(out)]
    assert (code, told) == (
        1,
        [
            (terminal.folder.name, "zdxm", "2022-zdxm-1", "waiting-center"),
            ("faulty", "zdxm", "", "failed"),
            (offices[2], "", "", "failed"),
        ],
    )
    assert [line for line in err.splitlines() if line.startswith(("[2/3]", "[3/3]"))]
    assert [item["told"] for item in json.loads(out)][:1] == ["待中心审批"]
    ledger.write_bytes(sound)
    code, out, _ = terminal.type("batch", "--year", "2022", "--json", *offices[:2], PERFEVAL_KEY=KEY)
    assert (code, [item["state"] for item in json.loads(out)]) == (0, ["waiting-center"] * 2)


def test_run_left_cancelling_is_told_and_ended_when_asked_again(office):
    evaluation = steps.open_evaluation(office.office, office.place.subject(2022), "样例经办人", str(office.run))
    conductor = Conductor(office.office, office.asked, lambda: None, Patience(start=0, look=0.05, cancelling=0.2))
    office.force(Running())
    asking = threading.Timer(0.3, lambda: office.force(Cancelling()))
    asking.start()
    with pytest.raises(ServerError, match="正在取消"):
        conductor.go_on(evaluation)
    with pytest.raises(ServerError, match="运行长时间没有进展"):  # nobody takes up the one that is begun in its place
        Conductor(office.office, office.asked, lambda: None, Patience(start=0, run=0)).go_on(evaluation)
    assert office.state.is_cancelled()
