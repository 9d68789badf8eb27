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
# Prefect's own tag of what it has begun by a schedule.
_BY_THE_CLOCK = "auto-scheduled"
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
    return _label(workspace.unit)


def _label(unit: str) -> str:
    return _NOT_IN_A_NAME.sub("-", unit)


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
    """The office that this process works for: of several, the one whose run it is.

    Raises: UsageError: it is none of them.
    """
    known, units = folders(), _units()
    if "" in known:
        here = office.this_office()
        if units and here.workspace.unit not in units:  # it came by way of the pool's own queue, or a server of several
            raise _anothers("、".join(units))
        return here
    from prefect.runtime import deployment

    _, _, label = (deployment.name or "").partition("-")
    if not label:  # the server has one office alone; the worker has it beside others
        label = next((label for label in map(_label, units) if label in known), "、".join(units))
    if label not in known:
        raise _anothers(label)
    return _opened(known[label])


def _units() -> tuple[str, ...]:
    """The unit whose run this is, as its deployment tells it; those that were begun before it did tell of none."""
    from prefect.runtime import flow_run

    return tuple(tag for tag in flow_run.tags if tag != _BY_THE_CLOCK)


def _anothers(unit: str) -> UsageError:
    return UsageError("P31", f"这次运行属于另一个单位：{unit}", "启动 worker 时写上这个单位的工作区。")


@cache
def _opened(folder: Path) -> Office:
    return open_office(folder)
