"""How long people wait: each wait by this work tree and, in turn, by the commit before.

    python tests/bench/waits.py [--runs N] [--before COMMIT]

Commands are typed as in an office, on the real server; a wait ends when the command does, and that of a click when the store, or
Prefect's own record of the run's states, says so. Beside each wait in seconds stands what it should be at most, on an idle machine
with two cores. CPU is of all processes, until a run stands at its first gate.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pyotp

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {
    "first run": 13.0, "later run, no server": 9.0, "run with a server": 4.5, "its CPU": 4.0, "decide → next gate": 3.0,
    "wrong Resume → told": 0.3, "Resume → told": 0.3, "wrong decide → told": 0.8, "decide → told": 0.8, "Resume → Running": 1.0,
    "last click → archived": 2.0, "serve → up": 8.0, "demo": 20.0, "status": 0.6, "check": 1.2,
}  # fmt: skip
CLERK, APPROVERS = "样例经办人", {"center": "样例中心负责人", "bureau": "样例财政审核人"}
STEP_SECONDS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--before", default="HEAD~1")
    parser.add_argument("--once", action="store_true", help="one round, as JSON, of the tree that PYTHONPATH names")
    asked = parser.parse_args()
    if asked.once:
        sys.stdout.write(json.dumps(waits()) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        trees = {"before": Path(temporary) / "before", "now": ROOT}
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(trees["before"]), asked.before], check=True)
        try:
            rounds = [{name: round_of(tree, without_tests(temporary)) for name, tree in trees.items()} for _ in range(asked.runs)]
        finally:
            subprocess.run([*git, "remove", "--force", str(trees["before"])], check=True)
    for name, target in TARGETS.items():
        before, now = (statistics.median(done[tree][name] for done in rounds) for tree in trees)
        met = "met" if now <= target else "MISSED"
        sys.stdout.write(f"{name:22} before {before:6.2f}   now {now:6.2f}   {now / before:4.2f} ×   target ≤ {target:.1f}  {met}\n")


def without_tests(folder: str) -> Path:
    """A folder that hides a test tool which Pandera loads where it finds it: those who only use perfeval do not have it."""
    hidden = Path(folder) / "hidden"
    hidden.mkdir(exist_ok=True)
    (hidden / "hypothesis.py").write_text("raise ImportError\n")
    return hidden


def round_of(tree: Path, hidden: Path) -> dict[str, float]:
    """One round of a tree's waits, in a process that imports that tree."""
    command, path = [sys.executable, __file__, "--once"], os.pathsep.join([str(hidden), str(tree)])
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}).stdout
    return dict(json.loads(told))


def waits() -> dict[str, float]:
    """Every wait once, in new offices."""
    os.environ["PERFEVAL_KEY"] = "an invented key for measuring"
    with tempfile.TemporaryDirectory(prefix="perfeval-bench-") as temporary:
        alone, served, shown = (Path(temporary) / name for name in ("alone", "served", "shown"))
        found: dict[str, float] = {}

        @contextmanager
        def timed(name: str) -> Iterator[None]:
            began = time.monotonic()
            yield
            found[name] = time.monotonic() - began

        enrolled(alone)
        with timed("check"):
            typed(alone, "check", "--year", "2022")
        with timed("first run"):
            typed(alone, "run", "--year", "2022")
        with timed("status"):
            typed(alone, "status")
        await_quiet(alone)
        with timed("later run, no server"):
            typed(alone, "run", "--year", "2022")
        await_quiet(alone)
        with timed("demo"):
            typed(Path(temporary), "demo", str(shown))
        await_quiet(shown)
        found |= with_server(served, enrolled(served), timed)
    return found


def with_server(folder: Path, phones: Mapping[str, pyotp.TOTP], timed: Callable[[str], Any]) -> dict[str, float]:
    """The waits of an office whose server is up; those that are not timed by `timed`."""
    note, command = folder / ".perfeval" / "server.json", [sys.executable, "-m", "flows", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        with timed("serve → up"):
            until(note.exists)
        time.sleep(3)  # the runner is ready a little after the server
        before = spent(folder)
        with timed("run with a server"):
            told = typed(folder, "run", "--year", "2022", "--json")
        cpu = spent(folder) - before
        decision = ["decide", told["evaluation"], "--decision", "approve", "--check-code", told["check_code"], "--gate", "center"]
        decision += ["--as", APPROVERS["center"], "--code"]
        with timed("wrong decide → told"):
            list(talk(folder, *decision, "000000"))
        with timed("decide → next gate"):
            talking = talk(folder, *decision, phones["center"].now())
            with timed("decide → told"):
                next(line for line in talking if "已登记" in line)
            list(talking)
        time.sleep(2)  # nobody has looked at a draft before the process that brought it here has ended
        address = json.loads(note.read_text())
        with httpx.Client(base_url=address["url"], headers={"origin": address["url"]}, timeout=60, trust_env=False) as browser:
            phone, run = phones["bureau"], f"/api/flow_runs/{told['flow_run_id']}"
            assert browser.post("/perfeval/login", data={"name": APPROVERS["bureau"], "code": phone.now()}).is_redirect
            form = {"decision": "同意", "approver": APPROVERS["bureau"], "check_code": told["check_code"], "comment": ""}
            with timed("wrong Resume → told"):
                assert browser.post(f"{run}/resume", json={"run_input": form | {"code": "000000"}}).is_error
            with timed("last click → archived"):
                with timed("Resume → told"):
                    answer = browser.post(f"{run}/resume", json={"run_input": form | {"code": phone.at(time.time() + STEP_SECONDS)}})
                assert answer.is_success, answer.text
                until(lambda: any(path.is_dir() for path in folder.glob("archive/*/data")))
            until(lambda: browser.get(run).json()["state"]["type"] == "COMPLETED")
            states = browser.get("/api/flow_run_states/", params={"flow_run_id": told["flow_run_id"]}).json()
        clicked, running = ([item for item in states if item["name"] == state][-1]["timestamp"] for state in ("Resuming", "Running"))
        server.terminate()
    return {"its CPU": cpu, "Resume → Running": (datetime.fromisoformat(running) - datetime.fromisoformat(clicked)).total_seconds()}


def enrolled(folder: Path) -> dict[str, pyotp.TOTP]:
    """A new sample office, and its approvers' phones."""
    from perfeval import persons
    from perfeval.office import open_office
    from perfeval.packs import create_workspace

    create_workspace(folder, sample="taojiang-2022")
    office, phones = open_office(folder), {}
    for role, name in {"operator": CLERK, **APPROVERS}.items():
        invitation = persons.invite(office, name, [role], "p1" if phones else None)
        offer = persons.offer_code(office, invitation.token)
        phone = pyotp.TOTP(offer.secret)
        left = STEP_SECONDS - time.time() % STEP_SECONDS
        time.sleep(left if left < 1 else 0)  # a code of the half minute before would expire on its way
        made = persons.enrol_code(office, invitation.token, offer.secret, phone.at(time.time() - STEP_SECONDS))
        code = phones["operator"].at(time.time() + STEP_SECONDS * (len(phones) - 1)) if phones else ""
        persons.confirm(office, made.person, made.fingerprint, "p1", on_paper=True, code=code)
        phones[role] = phone
    office.store.close()
    return phones


def typed(folder: Path, *words: str) -> Any:
    """Type a command in an office; what it tells."""
    done = subprocess.run(
        [sys.executable, "-m", "flows", *words], cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return json.loads(done.stdout) if "--json" in words else None


def talk(folder: Path, *words: str) -> Iterator[str]:
    """Type a command in an office; what it says, line by line as it says it."""
    command = [sys.executable, "-m", "flows", *words]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        yield from process.stderr


def working(folder: Path) -> dict[int, list[str]]:
    """The processes that work in an office, each with what the kernel counts of it."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PERFEVAL_WORKSPACE={folder}" in (entry / "environ").read_text().split("\0"):
                found[int(entry.name)] = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
    return found


def await_quiet(folder: Path) -> None:
    """End a server that waits for the next command, and wait until nobody works in an office any more."""
    for note in folder.glob(".perfeval/server.json"):
        os.kill(json.loads(note.read_text())["keeper"], signal.SIGTERM)
    until(lambda: not working(folder))


def spent(folder: Path) -> float:
    """CPU seconds of all that works, or has worked, in an office on whose server a command is typed, and of those commands."""
    ticks = sum(sum(map(int, counted[11:15])) for counted in working(folder).values())
    own = os.times()
    return ticks / os.sysconf("SC_CLK_TCK") + own.children_user + own.children_system


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


if __name__ == "__main__":
    main()
