"""The overview names every command; it is text, so that it is there at once."""

import subprocess
import sys

import pytest

from flows.__main__ import HELP
from flows.cli import app

COMMANDS = [*(command.name or command.callback.__name__ for command in app.registered_commands if command.callback), "approver"]


@pytest.mark.parametrize("name", COMMANDS)
def test_overview_names_the_command(name: str) -> None:
    assert f"\n  {name} " in HELP


def test_overview_is_answered_without_importing_anything_heavy() -> None:
    program = "import sys; sys.argv[1:] = ['--help']; from flows.__main__ import main; main(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == HELP
    assert {"typer", "prefect", "polars", "rich", "sqlalchemy"} & set(done.stderr.split()) == set()
