"""A terminal in an office's workspace, for tests that type what people type; and deaths of what works there."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from perfeval import steps
from perfeval.approvals.codes import STEP_SECONDS
from perfeval.office import open_office

KEY = "an invented key for tests"
OPERATOR = "样例经办人"
APPROVERS = ("center", "bureau")

Welcome = Callable[..., Any]


class Terminal:
    """A terminal in a workspace of its own, whose approvers are called center and bureau."""

    def __init__(self, folder: Path, welcome: Welcome) -> None:
        self.folder = folder
        self._welcome, self._phones = welcome, {"operator": welcome(open_office(folder), OPERATOR, "operator")}
        for role in APPROVERS:
            self.enrol(role, role)
        self._started: list[subprocess.Popen[str]] = []

    def enrol(self, name: str, role: str) -> None:
        """Enrol an approver."""
        self._phones[name] = self._welcome(open_office(self.folder), name, role)

    def take_phone(self, name: str, secret: str) -> None:
        """Keep the phone of somebody who has enrolled by himself."""
        self._phones[name] = type(self._phones["operator"])(secret)

    def code(self, name: str) -> str:
        """A fresh code from an approver's phone; one of the half minute before would expire while it is typed at the end of this one."""
        left = STEP_SECONDS - time.time() % STEP_SECONDS
        time.sleep(left if left < STEP_SECONDS / 2 else 0)
        return self._phones[name].code()

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command in the background."""
        return self._start(arguments, variables, subprocess.PIPE)

    def keep(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command that stays up. Its talk goes into a file beside the workspace: a pipe nobody reads would hold it up."""
        with self.folder.with_name(f"{arguments[0]}.log").open("ab") as log:
            return self._start(arguments, variables, log)

    def _start(self, arguments: Sequence[str], variables: Mapping[str, str], talk: "IO[bytes] | int") -> "subprocess.Popen[str]":
        # An office behind a proxy: it does not lead to the server on this machine, and need not.
        proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9") | {"all_proxy": "socks5://127.0.0.1:9"}
        # A server that a command starts ends with the command, unless a test asks for another.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PERFEVAL_IDLE_MINUTES": "0", **proxies, **variables}
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", *arguments],
            cwd=self.folder, env=environment, stdout=talk, stderr=talk, text=True,
        )  # fmt: skip
        self._started.append(process)
        return process

    def end(self) -> None:
        """End what is still running."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=30)
                process.kill()
        for keeper in self.keepers():
            os.kill(keeper, signal.SIGTERM)
        self.await_quiet()

    def type(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Type a command: exit code, data, talk."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=200)
        return process.returncode, out, err

    def run(self, *arguments: str, **variables: str) -> tuple[int, Any]:
        """Type `perfeval run --json`."""
        code, out, err = self.type("run", "--year", "2022", "--json", *arguments, **variables)
        assert out, err
        return code, json.loads(out)

    def decide(self, gate: str, decision: str, check_code: str, **options: str) -> tuple[int, Any, str]:
        """Type `perfeval decide --json`: exit code, document, talk."""
        options = {"code": options.get("code") or self.code(gate), "comment": "请核对支出明细"} | options
        code, out, err = self.type(
            "decide", "2022-zdxm-1", "--gate", gate, "--decision", decision, "--as", gate, "--check-code", check_code,
            "--code", options["code"], "--comment", options["comment"], "--json", PERFEVAL_KEY=KEY,
        )  # fmt: skip
        return code, json.loads(out), err

    def serve(self) -> tuple["subprocess.Popen[str]", str]:
        """Type `perfeval serve` and wait until it is up: its process and address."""
        process = self.start("serve", "--port", "0", PERFEVAL_KEY=KEY)
        office, deadline = open_office(self.folder), time.monotonic() + 240
        while not (url := office.url):
            assert process.poll() is None and time.monotonic() < deadline, process.communicate(timeout=10)  # noqa: PT018  # one talk
            time.sleep(0.1)
        return process, url

    def await_stage(self, stage: str) -> None:
        """Wait until the evaluation stands there, in the store."""
        office = open_office(self.folder)
        deadline = time.monotonic() + 240
        while [status.key for status in steps.statuses(office)] != [stage]:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def commands(self) -> dict[int, str]:
        """Command lines of what was typed and has not ended."""
        return {process.pid: " ".join(process.args[1:]) for process in self._started if process.poll() is None}

    def keepers(self) -> list[int]:
        """The processes that keep a server for commands."""
        return [process for process, command in self.processes().items() if "flows.keeping" in command]

    def await_quiet(self) -> None:
        """Wait until nothing works in this workspace any more."""
        deadline = time.monotonic() + 60
        while self.processes():
            assert time.monotonic() < deadline, self.processes()
            time.sleep(0.1)

    def processes(self) -> dict[int, str]:
        """Command lines of all processes that work in this workspace."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"PERFEVAL_WORKSPACE={self.folder}" in (entry / "environ").read_text().split("\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        return found


def like(pattern: str) -> Callable[[dict[int, str]], list[int]]:
    """Picks the processes whose command line is like that."""
    return lambda found: [process for process, command in found.items() if re.search(pattern, command)]


class Strike:
    """A power cut for the victims picked among what works in a workspace or was typed there, some seconds after the block has begun."""

    def __init__(self, terminal: Terminal, victims: Callable[[dict[int, str]], list[int]], delay: float) -> None:
        self._terminal = terminal
        self._victims = victims
        self._delay = delay
        self.has_hit = False
        self._thread = threading.Thread(target=self._strike)

    def _strike(self) -> None:
        time.sleep(self._delay)
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline and not self.has_hit:
            for process in self._victims(self._terminal.processes() | self._terminal.commands()):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    self.has_hit = True
            time.sleep(0.02)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
