"""Loaded by Python at start when this folder is on PYTHONPATH: a power cut inside a named function of perfeval."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any


def _watch(frame: FrameType, event: str, _: Any) -> None:
    code = frame.f_code
    if event == os.environ["KILL_AT"] and code.co_name == os.environ["KILL_IN"] and "/perfeval/" in code.co_filename:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch_from_first_step(event: str, _: tuple[Any, ...]) -> None:
    # Watching every call of every import would take half a minute; the store is opened when the first step begins.
    if event == "sqlite3.connect" and sys.getprofile() is None:
        threading.setprofile(_watch)
        sys.setprofile(_watch)


# In the process of a run alone, or the one it is forked from: watched, a server that opens the store too would answer ten times slower.
if "KILL_IN" in os.environ and {"prefect.engine", "flows.warm"} & {*sys.orig_argv, *getattr(sys, "argv", ())}:
    sys.addaudithook(_watch_from_first_step)
