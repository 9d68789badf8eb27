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


if "KILL_IN" in os.environ:
    sys.setprofile(_watch)
    threading.setprofile(_watch)
