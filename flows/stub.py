"""What the runner starts for a run in place of Python: has the warm process fork one that is Python with all imported, and stands for it.

    python -I -S stub.py PYTHON SOCKET -m prefect.engine

Lends that process its files, folder and environment; hands it on a request to end, ends as it ends, and takes it along when killed. Where
nobody is warm it becomes Python itself. Imports next to nothing: it is started for every run.
"""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Stand for a run's process."""
    python, meeting, *words = sys.argv[1:]
    folder = os.getcwd()  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as warm:
        try:
            os.chdir(os.path.dirname(meeting))  # noqa: PTH120  # a socket's path may have 107 bytes, a workspace's more
            warm.connect(os.path.basename(meeting))  # noqa: PTH119
            order = json.dumps({"folder": folder, "environment": dict(os.environ)}).encode()
            socket.send_fds(warm, [len(order).to_bytes(4, "big")], [0, 1, 2])
            warm.sendall(order)
            is_started = warm.recv(1) == b"S"
        except OSError:
            is_started = False
        os.chdir(folder)
        if is_started:
            signal.signal(signal.SIGTERM, lambda *_: warm.send(b"T"))
            ended = warm.recv(2)
            if len(ended) == 2:  # noqa: PLR2004  # whole
                end(int.from_bytes(ended, "big", signed=True))
            end(-signal.SIGKILL)  # the warm process died, and that of the run with it
    os.execv(python, [python, *words])  # noqa: S606  # what was asked for


def end(code: int) -> None:
    """End as the run's process ended."""
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
