"""The offices that a process works for (单位): one, or several on one server, each with deployments, people and store of its own.

Which they are stands in the environment, and nowhere that a person can write: whoever starts a run chooses no folder.
"""

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

from perfeval import office
from perfeval.errors import UsageError
from perfeval.office import WORKSPACE_VARIABLE, Office, open_office
from perfeval.workspace import Workspace

OFFICES = "PERFEVAL_OFFICES"
# In an office's state folder: which door it has where several share a server.
_DOOR, _MOST_DOORS = "door", 65535
_NOT_IN_A_NAME = re.compile("[/%&<>]")


def labelled(workspaces: Sequence[Workspace], *, shared: bool = False) -> dict[str, Workspace]:
    """Workspaces by the label of their deployments, which is the unit; one alone has an empty one.

    Where it is `shared`, it is alone only because others could not be opened.

    Raises: UsageError: two are the same unit.
    """
    if len(workspaces) == 1 and not shared:
        return {"": workspaces[0]}
    found: dict[str, Workspace] = {}
    for workspace in workspaces:
        label = label_of(workspace)
        if label in found:
            message = f"{found[label].root} 和 {workspace.root} 是同一个单位：{workspace.unit}"
            hint = "一个单位只写一次；确是两个单位的，把 perfeval.yml 里的 unit.key（没有写的是 unit.name）写得不同。"
            raise UsageError("P30", message, hint)
        found[label] = workspace
    return found


def label_of(workspace: Workspace) -> str:
    """The label that an office's deployments have where several share a server."""
    return _NOT_IN_A_NAME.sub("-", workspace.unit)


def told(workspaces: Sequence[Workspace], *, shared: bool = False) -> dict[str, str]:
    """What the environment of a process says that works for these."""
    folders = {label: str(workspace.root) for label, workspace in labelled(workspaces, shared=shared).items()}
    return {WORKSPACE_VARIABLE: str(workspaces[0].root), OFFICES: "" if "" in folders else json.dumps(folders)}


def doors(workspaces: Sequence[Workspace]) -> list[int]:
    """Which door each of several offices has: the one it had before; who has none, the next after all of theirs, in order.

    Two that had the same, each on a server of others: the first keeps it.
    """
    had = {workspace.root: _door(workspace) for workspace in workspaces}
    taken = {number: root for root, number in reversed(had.items()) if number is not None}
    free = count(max(taken, default=-1) + 1)
    return [number if number is not None and taken[number] == root else next(free) for root, number in had.items()]


def keep_doors(workspaces: Sequence[Workspace], numbers: Sequence[int]) -> None:
    """Have offices find these doors again, whatever other offices are served beside them: people's addresses stay.

    The number is there at every moment, though the disk be full: devices sign for the port where people enrolled them.
    """
    for workspace, number in zip(workspaces, numbers, strict=True):
        if _door(workspace) != number:
            fresh = workspace.state / f"{_DOOR}.new"
            fresh.write_text(f"{number}\n", encoding="utf-8")
            fresh.replace(workspace.state / _DOOR)


def _door(workspace: Workspace) -> int | None:
    with suppress(OSError, ValueError):
        return min(max(int((workspace.state / _DOOR).read_text(encoding="utf-8")), 0), _MOST_DOORS)
    return None


def folders() -> dict[str, Path]:
    """The workspaces of this process, by label."""
    several = os.environ.get(OFFICES)
    return {label: Path(folder) for label, folder in json.loads(several).items()} if several else {"": Path(os.environ[WORKSPACE_VARIABLE])}


def named(kind: str, label: str) -> str:
    """What an office's deployment of a kind is called."""
    return f"{kind}-{label}" if label else kind


def this_office() -> Office:
    """The office that this process works for: of several, the one whose deployment the run belongs to.

    Raises: UsageError: it is none of them.
    """
    known = folders()
    if "" in known:
        return office.this_office()
    from prefect.runtime import deployment

    _, _, label = (deployment.name or "").partition("-")
    if label not in known:
        raise UsageError("P31", f"这次运行属于另一个单位：{label}", "启动 worker 时写上这个单位的工作区。")
    return _opened(known[label])


@cache
def _opened(folder: Path) -> Office:
    return open_office(folder)
