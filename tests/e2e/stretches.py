"""Executes runs as `python -m prefect.engine` does, each in a process of its own, forked from one that has imported Prefect already.

Reads one order a line from standard input and answers with the exit code. Importing Prefect and SQLAlchemy is most of what such a
process does. Of our own code nothing is imported before the fork: a test may hand in other code, and Polars would start threads.
"""

import json
import os
import runpy
import sys

import prefect.engine
import prefect.flow_engine  # noqa: F401
import sqlalchemy.orm  # noqa: F401


def execute(run: str, environment: dict[str, str], folder: str, log: str) -> None:
    """Become the process that executes a run."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, flags, descriptor in ((os.devnull, os.O_RDONLY, 0), (log, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 1)):
        os.dup2(os.open(path, flags, 0o600), descriptor)
    os.dup2(1, 2)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.argv = ["prefect.engine", run]
    if "KILL_IN" in environment:
        import sitecustomize  # noqa: F401  # the killer's
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
    sys.exit()


for line in sys.stdin:
    child = os.fork()
    if not child:
        execute(**json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201  # the answer
